"""From a question to a checked answer: classify, retrieve, weigh, write, check."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from yukawa import knowledge
from yukawa.assistant import prompts
from yukawa.assistant.answer import Answer, Check, Source
from yukawa.assistant.prompts import ABSTENTION
from yukawa.assistant.support import THRESHOLD, Supported, best, focus, sentence_support
from yukawa.core.errors import InputError, unknown_name
from yukawa.core.settings import ModelSettings, Settings
from yukawa.knowledge.parsing import Reading, read
from yukawa.knowledge.records import guess_domain
from yukawa.knowledge.store.writer import new_id
from yukawa.knowledge.texts import checked_text
from yukawa.llm import ChatModel, Message, SyncChat, open_model, quote

CANDIDATES = 30
PASSAGES = 6
NEAREST = 3
MAX_QUESTION = 4_000
_PRONOUN = re.compile(r"\b(?:it|its|they|their|them|this|that|these|those)\b", re.IGNORECASE)
_CODE = re.compile(
    r"\b(?:code|script|program|function|snippet|python|c\+\+|bash|command|job ?options|decay card)\b",
    re.IGNORECASE,
)
_EXPLAIN = re.compile(
    r"^\s*(?:why|how (?:does|do|is|are|can)|explain|describe|compare|derive|discuss)\b", re.IGNORECASE
)


class Assistant:
    """Answers questions from a knowledge base through any language model, or through none.

    Args:
        base: where knowledge comes from.
        settings: which models there are, and for which domains.
        models: models that are open already, by name; others are opened from their row when first used.
        threshold: the support from 0 to 1 from which on an answer is given.
    """

    def __init__(
        self,
        base: knowledge.KnowledgeBase,
        settings: Settings,
        *,
        models: dict[str, ChatModel] | None = None,
        threshold: float = THRESHOLD,
    ) -> None:
        self._base, self._settings, self._threshold = base, settings, threshold
        self._models = dict(models or {})
        self._last: Reading | None = None
        self._answers: dict[str, str] = {}

    def ask(
        self,
        question: str,
        *,
        model: str | None = None,
        as_of: str | None = None,
        domain: str | None = None,
        keep: bool = True,
    ) -> Answer:
        """Answer `question` with sources, or say that nothing supports an answer.

        Args:
            model: name of a row in `yukawa.toml`; found by the question's domain if not given.
            as_of: answer from the base as it was at that moment (ISO 8601).
            domain: look only at what belongs to this domain.
            keep: remember the answer, so that it can be corrected by its id.

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
        clock = _Clock()
        with clock("classify"):
            reading = read(focus(question))
            found_domain = guess_domain(question, names_particle=bool(reading.mentions))
            kind = kind_of(question, reading)
            row = self._row(model, found_domain)
        with clock("search"):
            hits = self._base.search(question, k=CANDIDATES, as_of=as_of, domain=domain)
        with clock("weigh"):
            ranked = best(reading, hits)
        support = ranked[0].support if ranked else 0.0
        if support < self._threshold or not ranked:
            answer = _abstained(question, ranked, row.name)
        else:
            with clock("write"):
                answer = self._write(question, row, _chosen(ranked, kind))
        self._last = reading
        answer = replace(
            answer, domain=found_domain, kind=kind, support=support, timings=clock.timings,
            conflicts=() if answer.abstained or as_of else self._conflicts(answer),
        )  # fmt: skip
        if keep:
            self._base.keep_answer(answer.id, question, answer.as_json())
        return answer

    def follow_up(self, question: str, *, model: str | None = None) -> Answer:
        """Like `ask`, but 'and its width?' is asked of the particle the last question was about."""
        reading = read(question)
        refers_back = not reading.mentions and (bool(_PRONOUN.search(question)) or not reading.words)
        if refers_back and self._last is not None and self._last.mentions:
            first = self._last.mentions[0]
            question = f"{question.rstrip(' ?')} of {self._last.plain[first.start : first.end]}?"
        return self.ask(question, model=model)

    def _row(self, wanted: str | None, domain: str) -> ModelSettings:
        if wanted is not None and wanted in self._models and wanted not in self._settings.models:
            return ModelSettings(name=wanted, backend="scripted")
        return model_for(domain, self._settings, wanted)

    def _write(self, question: str, row: ModelSettings, chosen: Sequence[Supported]) -> Answer:
        hits = [s.hit for s in chosen]
        text, problems = self._written(row, hits, question)
        if ABSTENTION in text:
            return _abstained(question, chosen, row.name)
        name = row.name
        if problems and not all(c.passed for c in problems):
            # The model could not be held to its sources: the sources speak for themselves.
            text, verified = self._written(self._quote_row(), hits, question)
            failed = [replace(c, name=f"{row.name}: {c.name}") for c in problems if not c.passed]
            problems, name = (*verified, *failed), "quote"
        cited = prompts.citations(text)
        sources = tuple(_source(hits[n - 1], n) for n in cited if 1 <= n <= len(hits))
        return Answer(new_id(), question, text, sources, problems, False, name, "", "", 0.0)

    def _written(
        self, row: ModelSettings, hits: Sequence[knowledge.Hit], question: str
    ) -> tuple[str, tuple[Check, ...]]:
        """The model's text and its checks; a text that fails them is requested once more with the reason."""
        quoting = row.backend == "quote"
        # A model reads which question a taught answer answers; the quoting one would quote the question.
        passages = [
            hit.text if quoting or not hit.question else f"{hit.question}\n{hit.text}" for hit in hits
        ]
        messages = prompts.prompt(question, passages)
        self._answers = {
            s: hit.question for hit in hits if hit.question for s in quote.split_sentences(hit.text)
        }
        chat = SyncChat(self._model(row))
        text = chat.chat(messages).text.strip().replace(quote.NOTHING_FOUND, ABSTENTION)
        results = prompts.check(text, passages, question)
        if ABSTENTION in text or all(c.passed for c in results) or quoting:
            return text, results
        wrong = "; ".join(c.detail for c in results if not c.passed)
        again = [
            *messages,
            Message("assistant", text),
            Message("user", f"That cannot be used: {wrong}. Follow the rules and answer again."),
        ]
        text = chat.chat(again).text.strip()
        return text, prompts.check(text, passages, question)

    def _quoting(self, name: str) -> ChatModel:
        """The model that quotes; a taught answer's sentences count with the question they answer."""

        def support(question: str, sentence: str) -> float:
            answers = self._answers.get(sentence)
            return max(
                sentence_support(question, text)
                for text in (sentence, f"{answers} {sentence}" if answers else "")
            )

        return quote.QuoteModel(name, support=support, sentences=4, share=0.75)

    def _model(self, row: ModelSettings) -> ChatModel:
        if row.name not in self._models:
            if row.backend == "quote":
                self._models[row.name] = self._quoting(row.name)
            else:
                self._models[row.name] = open_model(row)
        return self._models[row.name]

    def _quote_row(self) -> ModelSettings:
        return next(row for row in self._settings.models.values() if row.backend == "quote")

    def _conflicts(self, answer: Answer) -> tuple[str, ...]:
        ids = {source.id for source in answer.sources}
        return tuple(
            f"{c.texts[0]} ({c.sources[0]}, {c.item_ids[0]}) conflicts with: {c.texts[1]} ({c.sources[1]}, {c.item_ids[1]})"
            for c in self._base.conflicts()
            if ids & set(c.item_ids)
        )


class _Clock:
    """Milliseconds by step."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.timings[step] = (time.perf_counter() - start) * 1e3


def _chosen(ranked: Sequence[Supported], kind: str) -> list[Supported]:
    """The passages to answer from: for a value those alone that state it, else all with enough support."""
    top = ranked[0]
    if kind in {"value", "decays"} and top.hit.keys:
        near = [s for s in ranked if s.support >= top.support - 0.05 and s.rank >= top.rank - 0.3]
        return near[:PASSAGES]
    return [s for s in ranked if s.support >= max(THRESHOLD, 0.8 * top.support)][:PASSAGES]


def _abstained(question: str, ranked: Sequence[Supported], model: str) -> Answer:
    text = "I do not know: nothing in the knowledge base supports an answer."
    sources = tuple(_source(s.hit, n) for n, s in enumerate(ranked[:NEAREST], start=1))
    if sources:
        text += " The nearest passages are:\n" + "\n".join(f"[{s.marker}] {s.quote}" for s in sources)
    return Answer(new_id(), question, text, sources, (), True, model, "", "", 0.0)


def _source(hit: knowledge.Hit, marker: int) -> Source:
    p = hit.provenance
    return Source(hit.item_id, p.source, hit.text, p.url, marker, p.author, p.licence)


def kind_of(question: str, reading: Reading) -> str:
    """'value', 'decays', 'overview', 'code', 'explanation' or 'fact'."""
    if reading.property == "main-decay-modes":
        return "decays"
    if reading.property and reading.subjects:
        return "value"
    if _CODE.search(question):
        return "code"
    if _EXPLAIN.search(question):
        return "explanation"
    if reading.subjects and not reading.words and len(reading.mentions) == 1:
        return "overview"
    return "fact"


def model_for(domain: str, settings: Settings, wanted: str | None = None) -> ModelSettings:
    """The row of the model to use: the one named, else the first good at `domain`, else the default.

    Raises:
        InputError: there is no model of that name.
    """
    name = wanted
    if name is None:
        good = (n for n, row in settings.models.items() if domain in row.domains)
        name = next(good, settings.default_model)
    if name not in settings.models:
        raise unknown_name("model", name, settings.models)
    return settings.models[name]
