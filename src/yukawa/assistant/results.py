"""What the execution of a plan gives: rows of values with their sources, a verdict, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from yukawa.assistant.algebra import Derivation, Measured, Ordering, Unanswerable, as_printed
from yukawa.knowledge.parsing.plan import Goal
from yukawa.knowledge.records import FoundFact, Moment

if TYPE_CHECKING:  # the tables of measurements are slow to import, and few questions need them
    from yukawa.knowledge.sources.pdg.measurements import Measurement

UNSEEN = "there is a limit only"  # the note on a decay that was looked for in vain


class Facts(Protocol):
    """Where facts are found: a knowledge base, or rows in memory."""

    def find_facts(
        self, *, subjects: Sequence[str] = (), property: str | None = None,  # noqa: A002
        products: Sequence[str | Sequence[str]] = (), name: str | None = None, identifier: str | None = None,
        as_of: Moment = None,
    ) -> Sequence[FoundFact]:  # fmt: skip
        """The facts that match every argument given, as `yukawa.knowledge.KnowledgeBase.find_facts`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One value with what it is of and where it comes from.

    Args:
        what: what the value is, as a sentence continues 'The …': 'mass of the tau lepton (τ⁻)'.
        value: the number with errors and unit, or None where the source says it in words.
        shown: the value as text: the source's own rounding of a quoted value, ours of a computed one.
        facts: what it rests on; each is a source.
        subject: PDG name of the state.
        derivation: how it was computed; None for a quoted value.
        inputs: the rows a computed value was made from.
        channel: the final state of a decay, as text.
        author: who taught it; '' for data.
        quoted: the source's own text of a value that is shown in another unit.
        measurement: the single measurement that this is, with its paper.
    """

    what: str
    value: Measured | None
    shown: str
    facts: tuple[FoundFact, ...]
    subject: str = ""
    property_name: str = ""
    derivation: Derivation | None = None
    inputs: tuple[Row, ...] = ()
    channel: str = ""
    author: str = ""
    quoted: str = ""
    measurement: Measurement | None = None

    @property
    def derived(self) -> bool:
        """Whether it was computed."""
        return self.derivation is not None

    @property
    def number(self) -> Measured:
        """The value to compute with: of a quoted one as its source rounds it, which is what an answer shows.

        Raises:
            Unanswerable: it is in words.
        """
        if self.value is None:
            raise Unanswerable(f"the {self.what} is not a number ({self.shown})")
        quoted = not self.derived and self.facts and self.shown == self.facts[0].fact.printed
        return as_printed(self.value, self.shown) if quoted else self.value

    def as_json(self) -> dict[str, Any]:
        """What scripts read."""
        found: dict[str, Any] = {"what": self.what, "value": self.shown, "derived": self.derived}
        if self.value is not None:
            found |= {
                "number": self.value.value, "error_plus": self.value.plus, "error_minus": self.value.minus,
                "unit": self.value.unit, "bound": self.value.bound,
            }  # fmt: skip
        found["subject"], found["property"] = self.subject, self.property_name
        if self.channel:
            found["channel"] = self.channel
        if self.derivation is not None:
            found["derivation"] = {
                "formula": self.derivation.formula, "constants": list(self.derivation.constants),
                "inputs": [row.as_json() for row in self.inputs],
            }  # fmt: skip
        if self.quoted:
            found["quoted"] = self.quoted
        if self.measurement is not None:
            from yukawa.knowledge.sources.pdg import measurements

            found["measurement"] = measurements.as_json(self.measurement)
        if self.author:
            found["author"] = self.author
        if self.facts:
            found["trust"] = self.facts[0].trust
        found["identifiers"] = [f.fact.identifier for f in self.facts]
        found["sources"] = [f.item_id for f in self.facts]
        return found


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one goal of a plan.

    Args:
        goal: as planned.
        rows: the values, in the order to show them; for 'which' the chosen one first.
        others: further values of the same quantities, which the question did not choose.
        disputed: what people taught beside the rows; the data of a source where a reviewed statement prevails over them.
        verdict: for 'is': True or False; None where it is open or not a question of yes or no.
        comparison: of the two rows compared.
        note: a further sentence, such as why a comparison stays open.
        problem: why there is no answer, or ''.
    """

    goal: Goal
    rows: tuple[Row, ...] = ()
    others: tuple[Row, ...] = ()
    disputed: tuple[Row, ...] = ()
    verdict: bool | None = None
    comparison: Ordering | None = None
    note: str = ""
    problem: str = ""
    more: int = 0  # rows that exist and are not shown

    @property
    def facts(self) -> tuple[FoundFact, ...]:
        """Every fact it rests on, once, in the order shown."""
        found: dict[str, FoundFact] = {}
        for row in (*self.rows, *self.others, *self.disputed):
            for fact in row.facts:
                found.setdefault(fact.item_id, fact)
        return tuple(found.values())

    def as_json(self) -> dict[str, Any]:
        """What scripts read."""
        found: dict[str, Any] = {
            "operation": self.goal.operation,
            "rows": [row.as_json() for row in self.rows],
        }
        for name, rows in (("others", self.others), ("disputed", self.disputed)):
            if rows:
                found[name] = [row.as_json() for row in rows]
        if self.verdict is not None:
            found["verdict"] = self.verdict
        if self.comparison is not None:
            found["comparison"] = {"sign": self.comparison.sign, "sigmas": self.comparison.sigmas}
        for name in ("note", "problem", "more"):
            if value := getattr(self, name):
                found[name] = value
        return found
