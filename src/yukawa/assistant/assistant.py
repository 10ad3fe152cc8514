"""From a question to an answer: plan it and execute the plan on facts, or look for passages, or refuse and say why."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from yukawa import knowledge
from yukawa.assistant.answer import Answer, Check, Source
from yukawa.assistant.execution import execute
from yukawa.assistant.explaining import refusal
from yukawa.assistant.generating import generated
from yukawa.assistant.lookup import Lookup
from yukawa.assistant.rendering import Rendering
from yukawa.assistant.results import Result
from yukawa.core.errors import InputError, unknown_name
from yukawa.core.settings import ModelSettings, Settings
from yukawa.generators.requests import Kind, requested
from yukawa.knowledge.parsing.grammar import plan as planned
from yukawa.knowledge.parsing.kinds import kind_of
from yukawa.knowledge.parsing.plan import Plan
from yukawa.knowledge.records import FoundFact
from yukawa.knowledge.routing import FieldGuess, field_of
from yukawa.knowledge.store.writer import new_id
from yukawa.knowledge.texts import checked_text
from yukawa.llm import ChatModel

if TYPE_CHECKING:
    from yukawa.assistant.passages import Passages
    from yukawa.assistant.writing import Reader

MAX_QUESTION = 4_000
REMEMBERED = 4  # earlier questions that a question may refer to
EXECUTED = "plan"  # what answers where no model does
_GREETING = (
    "Ask about particles (masses, lifetimes, decays, comparisons, lists) or about what was taught, for instance: "
    "What is the lifetime of the muon in microseconds?"
)


class Assistant:
    """Answers questions from a knowledge base; it keeps nothing between questions, and any number of threads may ask it.

    A question is read into a plan, which code executes on facts. What the plan does not cover is refused, naming the words;
    any other question is answered from passages, through any language model or through none.

    Args:
        base: where knowledge comes from.
        settings: which models there are, and for which domains.
        models: models that are open already, by name; others are opened from their row when first used.
    """

    def __init__(
        self,
        base: knowledge.KnowledgeBase,
        settings: Settings,
        *,
        models: dict[str, ChatModel] | None = None,
    ) -> None:
        self._base, self._settings = base, settings
        self._models = dict(models or {})
        self._opened: Passages | None = None
        self._lock = threading.Lock()

    def ask(
        self,
        question: str,
        *,
        history: Sequence[str] = (),
        model: str | None = None,
        as_of: str | None = None,
        domain: str | None = None,
        keep: bool = True,
        reader: Reader | None = None,
        follow: Callable[[str], object] | None = None,
    ) -> Answer:
        """Answer `question` with sources, or say why it cannot be answered.

        Args:
            question: in any notation, in English, Chinese, German, French or Japanese.
            history: the questions before it, the latest last, to which 'and its width?' refers.
            model: name of a row in `yukawa.toml`; found by the question's domain if not given.
            as_of: answer from the base as it was at that moment (ISO 8601).
            domain: look only at what belongs to this domain.
            keep: remember the answer, so that it can be corrected by its id.
            reader: reads along while a model writes, before anything is checked.
            follow: called with the name of each step that begins: plan, propose, execute, write, passages.

        Raises:
            InputError: the question is empty or too long, the model is unknown, or `as_of` names no moment
                of this base. ModelError: the model failed.
        """
        question = checked_text(question, "the question")
        if len(question) > MAX_QUESTION:
            raise InputError(
                f"the question has {len(question):,} characters; at most {MAX_QUESTION:,}",
                hint="ask one thing",
            )
        clock = _Clock(follow)
        wanted = requested(question) if domain in (None, "particle physics") else None
        if wanted is not None:
            return self._kept(self._generated(wanted, question, model, clock), keep)
        with clock("plan"):
            plan = self.plan(question, history)
            field, kind = _field(plan), kind_of(plan)
            row = self._row(model, field.field, kind)
        if row.backend != "quote" and plan.kind == "facts" and plan.unread and not plan.problem:
            with clock("propose"):
                plan = self._passages.proposed(plan, row)
        conflicts = self._base.conflicts(as_of=as_of)
        answer = self._answered(plan, row, as_of, domain, clock, reader, conflicts)
        answer = replace(
            answer, domain=field.field, domain_probability=field.probability, kind=kind, timings=clock.timings, plan=plan,
            conflicts=() if answer.abstained else _told(conflicts, answer),
        )  # fmt: skip
        if answer.model != EXECUTED:  # a plan's answer says so itself
            answer = replace(answer, text=answer.text + _contradicted(conflicts, answer))
        return self._kept(answer, keep)

    def _kept(self, answer: Answer, keep: bool) -> Answer:
        if keep and not self._base.store.readonly:
            self._base.keep_answer(answer.id, answer.question, answer.as_json())
        return answer

    def _generated(self, kind: Kind, question: str, model: str | None, clock: _Clock) -> Answer:
        """The card of decays that a question wants to have simulated, or why it cannot be written."""
        row = self._row(model, "particle physics", "other")
        with clock("write"):
            answer = generated(
                kind, question, lambda: None if row.backend == "quote" else self._passages.chat(row)
            )
        return replace(answer, domain="particle physics", kind="other", timings=clock.timings)

    def plan(self, question: str, history: Sequence[str] = ()) -> Plan:
        """Read `question` into a plan, after the questions of `history`; nothing is executed."""
        plans: list[Plan] = []
        for earlier in history[-REMEMBERED:]:
            plan = planned(earlier, plans, self._described)
            plans += [plan] if plan.kind != "small-talk" else []  # thanks end no conversation
        return planned(question, plans, self._described)

    def _described(self, words: str, subjects: Sequence[str] = ()) -> bool:
        """Whether a source describes one of its quantities, or one of these subjects', by these words."""
        lookup = Lookup(self._base)
        return bool(lookup.described(words, **({"subjects": subjects[:1]} if subjects else {})))

    @property
    def _passages(self) -> Passages:
        """Made when a question first needs it: the models' modules are slow to import."""
        with self._lock:
            if self._opened is None:
                from yukawa.assistant.passages import Passages

                self._opened = Passages(self._base, self._models, self._settings.sources)
            return self._opened

    def _answered(
        self, plan: Plan, row: ModelSettings, as_of: str | None, domain: str | None, clock: _Clock, reader: Reader | None,
        conflicts: Sequence[knowledge.Conflict],
    ) -> Answer:  # fmt: skip
        """Answer a plan: from facts if it is complete, else from passages, else say what is missing."""
        if plan.kind == "small-talk":
            return _plain(plan, _reply(plan.question), abstained=False)
        if plan.kind == "command":
            text = f"'{plan.question.split()[0]}' is not a command here: type a question, or /quit to leave."
            return _plain(plan, text, abstained=True)
        if plan.complete and domain in (None, "particle physics"):  # facts are all of particle physics
            with clock("execute"):
                results = execute(plan, self._base, as_of)
            with clock("write"):
                return _rendered(plan, results, conflicts)
        if plan.goals and plan.kind == "facts" and domain is None:
            # A passage that states the half that was read would answer another question.
            return _plain(plan, f"I cannot answer. {refusal(plan)}", abstained=True)
        with clock("passages"):
            found = self._passages.answer(plan.question, row, as_of=as_of, domain=domain, reader=reader)
        if not found.abstained or domain is not None:
            return found
        return replace(found, text=_without_answer(plan, found))

    def close(self) -> None:
        """Close the models that were used; the base stays open."""
        self._passages.close()

    def _row(self, wanted: str | None, domain: str, kind: str) -> ModelSettings:
        if wanted is not None and wanted in self._models and wanted not in self._settings.models:
            return ModelSettings(name=wanted, backend="scripted")
        return model_for(domain, self._settings, wanted, kind)


class _Clock:
    """Milliseconds by step, and who follows the steps."""

    def __init__(self, follow: Callable[[str], object] | None) -> None:
        self.timings: dict[str, float] = {}
        self._follow = follow

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        if self._follow is not None:
            self._follow(step)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.timings[step] = (time.perf_counter() - start) * 1e3


def _field(plan: Plan) -> FieldGuess:
    """The field of a question; one that facts answer is of particle physics, which all of them are of."""
    if plan.complete:
        return FieldGuess("particle physics", 1.0, {"particle physics": 1.0})
    return field_of(plan.question)


def _reply(talk: str) -> str:
    """What is said to thanks, to a farewell, and to any other talk that asks nothing."""
    words = set(re.findall(r"\w+", talk.lower()))
    if words & _THANKS:
        return "You are welcome."
    return "Goodbye." if words & _FAREWELL else _GREETING


_THANKS = frozenset("thanks thank thx cheers danke merci 谢谢 ありがとう".split())
_FAREWELL = frozenset("bye goodbye tschüss revoir 再见 さようなら".split())


def _told(conflicts: Sequence[knowledge.Conflict], answer: Answer) -> tuple[str, ...]:
    """The conflicts that touch an answer's sources, one line each."""
    ids = {source.id for source in answer.sources}
    return tuple(str(conflict) for conflict in conflicts if ids & set(conflict.item_ids))


def _contradicted(conflicts: Sequence[knowledge.Conflict], answer: Answer) -> str:
    """What data contradict the passages of an answer, on lines of their own."""
    quoted = {source.id for source in answer.sources if source.trust != "built source"}
    against = [
        side for conflict in conflicts if quoted & set(conflict.item_ids) for side in conflict.sides
        if side.trust == "built source" and not answer.abstained
    ]  # fmt: skip
    return "".join(f"\nThis contradicts {side}." for side in against)


def _rendered(plan: Plan, results: Sequence[Result], conflicts: Sequence[knowledge.Conflict]) -> Answer:
    """The answer of an executed plan; it abstains if no goal has one."""
    rendering = Rendering(results, {frozenset(conflict.item_ids) for conflict in conflicts})
    text = "\n".join([*_spellings(plan), rendering.text, *_unanswered(plan)])
    sources = tuple(_source(found, n) for n, found in enumerate(rendering.facts, start=1))
    failed = [result.problem for result in results if result.problem]
    abstained = len(failed) == len(results)
    failed += _unanswered(plan)
    checks = () if abstained else (Check("every part is answered", not failed, "; ".join(failed)),)
    return Answer(
        new_id(), plan.question, text, sources, checks, abstained, EXECUTED, "", "", 1.0,
        results=tuple(results),
    )  # fmt: skip


def _spellings(plan: Plan) -> list[str]:
    """What misspelt names were taken to mean."""
    return [f"(Reading '{written}' as '{meant}'.)" for written, meant in plan.suggestions]


def _unanswered(plan: Plan) -> list[str]:
    """Which parts of the question have no answer."""
    return [f"I cannot answer '{part}'." for part in plan.unanswered]


def _without_answer(plan: Plan, found: Answer) -> str:
    """Why there is no answer, and the nearest passages if any come near."""
    if not plan.problem and (plan.kind == "document" or not (plan.goals or plan.unread)):
        return found.text
    nearest = found.text.partition("\n")[2]
    return f"I cannot answer. {refusal(plan)}" + (f" The nearest passages are:\n{nearest}" if nearest else "")


def _plain(plan: Plan, text: str, *, abstained: bool) -> Answer:
    return Answer(new_id(), plan.question, text, (), (), abstained, EXECUTED, "", "", 0.0)


def _source(found: FoundFact, marker: int) -> Source:
    p = found.provenance
    return Source(
        found.item_id, p.source, found.text, p.url, marker, p.author, p.licence, found.kind, found.trust
    )


def model_for(
    domain: str, settings: Settings, wanted: str | None = None, kind: str = "value"
) -> ModelSettings:
    """The row of the model to use: the one named, else the first that is good at the question, else the default.

    A row is good at a question whose domain and kind are among its `domains` and `kinds`; a list that it does not
    have means all. Of several such rows, one that names both wins.

    Args:
        domain: of the question; 'unknown' is among no row's `domains`.
        settings: which models there are.
        wanted: the name of a row.
        kind: of the question (see `yukawa.knowledge.parsing.kinds`).

    Raises:
        InputError: there is no model of that name.
    """
    name = wanted
    if name is None:
        good = [
            row for row in settings.models.values()
            if (row.domains or row.kinds) and domain in (row.domains or [domain]) and kind in (row.kinds or [kind])
        ]  # fmt: skip
        name = (
            max(good, key=lambda row: bool(row.domains) + bool(row.kinds)).name
            if good
            else settings.default_model
        )
    if name not in settings.models:
        raise unknown_name("model", name, settings.models)
    return settings.models[name]
