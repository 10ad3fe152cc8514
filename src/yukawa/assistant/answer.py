"""What the assistant returns: the answer, its sources, the checks it passed, and how long each step took."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from yukawa.assistant.results import Result
from yukawa.knowledge.parsing.plan import Plan
from yukawa.knowledge.records import markdown
from yukawa.knowledge.trust import Trust


@dataclass(frozen=True, slots=True)
class Source:
    """A passage an answer rests on; `marker` is its number in the text, `quote` its words.

    `author` is who said so, `kind` 'data' or what a person taught, `trust` how far that is to be trusted (see
    `yukawa.knowledge.trust`).
    """

    id: str
    label: str
    quote: str
    url: str | None
    marker: int
    author: str
    licence: str | None
    kind: str
    trust: Trust


@dataclass(frozen=True, slots=True)
class Check:
    """One deterministic check of the answer against its sources."""

    name: str
    passed: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """An answer and everything needed to judge it.

    `abstained` means that nothing in the base supports an answer; `sources` are then the nearest passages.
    `conflicts` says, one line each, where another current item contradicts. Timings are in milliseconds.
    `domain` is the field of the question, or 'unknown', and `domain_probability` how sure that is; `kind` is its kind.
    `plan` is how the question was read, `results` what its execution gave, with every derivation.
    """

    id: str
    question: str
    text: str
    sources: tuple[Source, ...]
    checks: tuple[Check, ...]
    abstained: bool
    model: str
    domain: str
    kind: str
    support: float
    timings: Mapping[str, float] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()
    plan: Plan | None = None
    results: tuple[Result, ...] = ()
    domain_probability: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The object that `yukawa ask --json` prints."""
        return {
            "id": self.id,
            "question": self.question,
            "answer": self.text,
            "abstained": self.abstained,
            "sources": [asdict(source) for source in self.sources],
            "checks": [asdict(check) for check in self.checks],
            "conflicts": list(self.conflicts),
            "model": self.model,
            "domain": self.domain,
            "domain_probability": round(self.domain_probability, 3),
            "kind": self.kind,
            "support": round(self.support, 3),
            "plan": None if self.plan is None else _plan_json(self.plan),
            "results": [result.as_json() for result in self.results],
            "timings_ms": {name: round(value, 1) for name, value in self.timings.items()},
        }

    def __repr__(self) -> str:
        labels = ", ".join(source.label for source in self.sources)
        return f"Answer({self.id!r}: {self.text!r}, sources: {labels or 'none'})"

    def _repr_markdown_(self) -> str:
        lines = [markdown(self.text).replace("\n", "\n\n")]
        for s in self.sources:
            lines.append(
                f"\\[{s.marker}\\] " + (f"[{markdown(s.label)}]({s.url})" if s.url else markdown(s.label))
            )
        return "\n\n".join([*lines, *(f"conflict: {markdown(conflict)}" for conflict in self.conflicts)])


def _plan_json(plan: Plan) -> dict[str, Any]:
    """A plan as scripts read it, with the problem and the words that prevent its execution."""
    found = asdict(plan)
    return {
        name: _lists(found[name])
        for name in ("kind", "language", "goals", "unread", "suggestions", "problem")
    }


def _lists(value: Any) -> Any:
    """`value` with lists for tuples, as it is after a round trip through JSON."""
    if isinstance(value, dict):
        return {name: _lists(part) for name, part in value.items()}
    return [_lists(part) for part in value] if isinstance(value, list | tuple) else value
