"""Answers from passages: retrieve, weigh, let a model write, check; what no fact states is looked for here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from yukawa import knowledge
from yukawa.assistant import prompts
from yukawa.assistant.answer import Answer, Check, Source
from yukawa.assistant.prompts import ABSTENTION
from yukawa.assistant.support import THRESHOLD, Supported, best, focus, sentence_support
from yukawa.assistant.writing import Reader, whole_sentences, write
from yukawa.core.settings import ModelSettings, Settings
from yukawa.knowledge.documents.spans import DocumentAnswer, answer_from_documents
from yukawa.knowledge.parsing import read
from yukawa.knowledge.records import KINDS
from yukawa.knowledge.store.writer import new_id
from yukawa.llm import ChatModel, GenerationOptions, Message, SyncChat, open_model, quote

CANDIDATES = 10  # of each kind
PASSAGES = 6
NEAREST = 3
# Passages of less support are not shown: they only distract.
FLOOR = 0.5


class Passages:
    """Answers a question from passages of a base, through any language model or through none.

    Args:
        base: where passages come from.
        settings: which models there are.
        models: models that are open already, by name; others are opened from their row when first used.
        threshold: the support from 0 to 1 from which on an answer is given.
    """

    def __init__(
        self, base: knowledge.KnowledgeBase, settings: Settings, models: Mapping[str, ChatModel], threshold: float = THRESHOLD
    ) -> None:  # fmt: skip
        self._base, self._settings, self._threshold = base, settings, threshold
        self._models = dict(models)
        self._chats: dict[str, SyncChat] = {}
        self._answers: dict[str, str] = {}

    def answer(
        self, question: str, row: ModelSettings, *, as_of: str | None = None, domain: str | None = None,
        reader: Reader | None = None,
    ) -> Answer:  # fmt: skip
        """An answer with citations, or an abstention with the nearest passages.

        Sentences of data sources are not looked at: what they state is in facts, which plans are executed on. Of documents
        a statement answers only if it says what is asked of the thing that is asked about.

        Args:
            question: as asked.
            row: the model that writes.
            as_of: the moment from whose knowledge to answer.
            domain: only passages of this domain.
            reader: reads along while the model writes, before anything is checked.

        Raises:
            ModelError: the model failed.
        """
        hits = [
            hit
            for kind in KINDS
            if kind not in ("data", "document")
            for hit in self._base.search(question, k=CANDIDATES, as_of=as_of, domain=domain, kind=kind)
        ]
        reading = read(focus(question))
        ranked = best(reading, hits)
        support = ranked[0].support if ranked else 0.0
        if support < self._threshold or not ranked:
            found = answer_from_documents(question, self._base, as_of=as_of, domain=domain)
            return self._from_documents(question, row, ranked, found, reader)
        single = reading.property is not None and bool(reading.subjects)
        return replace(self._write(question, row, _chosen(ranked, single=single), reader), support=support)

    def _from_documents(
        self,
        question: str,
        row: ModelSettings,
        ranked: Sequence[Supported],
        found: DocumentAnswer | None,
        reader: Reader | None,
    ) -> Answer:
        """Statements of documents, quoted or put into words by a model; else an abstention with what comes near."""
        if found is None or found.refused:
            near = [Supported(span.hit, span.covered, 0.0) for span in (found.nearest if found else ())]
            nearest = sorted([*ranked, *near], key=lambda s: -s.support)
            return replace(
                _abstained(question, nearest, row.name), support=ranked[0].support if ranked else 0.0
            )
        covered = found.spans[0].covered
        if row.backend != "quote":
            chosen = [Supported(span.hit, span.covered, 0.0) for span in found.spans]
            return replace(self._write(question, row, chosen, reader), support=covered)
        text = "\n".join(f"{span.quote} [{n}]" for n, span in enumerate(found.spans, start=1))
        sources = tuple(
            replace(_source(span.hit, n), quote=span.quote) for n, span in enumerate(found.spans, start=1)
        )
        return Answer(new_id(), question, text, sources, (), False, row.name, "", "", covered)

    def close(self) -> None:
        """Close the models that were used."""
        while self._chats:
            self._chats.popitem()[1].close()

    def _write(
        self, question: str, row: ModelSettings, chosen: Sequence[Supported], reader: Reader | None
    ) -> Answer:
        hits = [s.hit for s in chosen]
        text, checks, cut = self._written(row, hits, question, reader)
        if ABSTENTION in text:
            return _abstained(question, chosen, row.name)
        name = row.name
        if not all(c.passed for c in checks):
            # The model could not be held to its sources: the sources speak for themselves.
            failed = [replace(c, name=f"{row.name}: {c.name}") for c in checks if not c.passed]
            text, verified, cut = self._written(self._quote_row(), hits, question, None)
            checks, name = (*verified, *failed), "quote"
        if cut:
            detail = (
                "it was cut at its token limit twice, and its last sentence, which is unfinished, is omitted"
            )
            checks = (*checks, Check("the reply is whole", False, detail))
        cited = prompts.citations(text)
        sources = tuple(_source(hits[n - 1], n) for n in cited if 1 <= n <= len(hits))
        return Answer(new_id(), question, text, sources, checks, False, name, "", "", 0.0)

    def _written(
        self, row: ModelSettings, hits: Sequence[knowledge.Hit], question: str, reader: Reader | None
    ) -> tuple[str, tuple[Check, ...], bool]:
        """The model's text, its checks and whether it was cut; what fails is requested once more with the reason."""
        quoting = row.backend == "quote"
        # A model reads which question a taught answer answers; the quoting one would quote the question.
        passages = [
            hit.text if quoting or not hit.question else f"{hit.question}\n{hit.text}" for hit in hits
        ]
        self._answers = {
            s: hit.question for hit in hits if hit.question for s in quote.split_sentences(hit.text)
        }
        messages = prompts.prompt(question, passages)
        for attempt in range(2):
            options = GenerationOptions(max_tokens=row.max_tokens)
            found = write(self._chat(row), messages, options, None if quoting else reader)
            text = whole_sentences(found.text) if found.cut else found.text
            text = text.replace(quote.NOTHING_FOUND, ABSTENTION)
            if quoting or ABSTENTION in text:  # a quotation says what its passage says
                return text, (), found.cut
            text, checks = prompts.checked(text, passages, question, [hit.provenance.url for hit in hits])
            if attempt or all(c.passed for c in checks):
                break
            wrong = "; ".join(c.detail for c in checks if not c.passed)
            if reader is not None:
                reader.again(f"its sources do not say so ({wrong}); once more")
            messages += [
                Message("assistant", text or "(nothing)"),
                Message("user", f"That cannot be used: {wrong}. Follow the rules and answer again."),
            ]
        return text, checks, found.cut

    def _quoting(self, name: str) -> ChatModel:
        """The model that quotes; a taught answer's sentences count with the question they answer."""

        def support(question: str, sentence: str) -> float:
            answers = self._answers.get(sentence)
            return max(
                sentence_support(question, text)
                for text in (sentence, f"{answers} {sentence}" if answers else "")
            )

        return quote.QuoteModel(name, support=support, sentences=4, share=0.75)

    def _chat(self, row: ModelSettings) -> SyncChat:
        if row.name not in self._chats:
            quoting = row.backend == "quote"
            model = self._models.get(row.name)
            self._chats[row.name] = SyncChat(
                model or (self._quoting(row.name) if quoting else open_model(row))
            )
        return self._chats[row.name]

    def _quote_row(self) -> ModelSettings:
        return next(row for row in self._settings.models.values() if row.backend == "quote")


def _chosen(ranked: Sequence[Supported], *, single: bool) -> list[Supported]:
    """The passages to answer from: for a single value those alone that state it, else all with enough support."""
    top = ranked[0]
    if single and top.hit.keys:
        near = [s for s in ranked if s.support >= top.support - 0.05 and s.rank >= top.rank - 0.3]
        return near[:PASSAGES]
    return [s for s in ranked if s.support >= max(THRESHOLD, 0.8 * top.support)][:PASSAGES]


def _abstained(question: str, ranked: Sequence[Supported], model: str) -> Answer:
    text = "I do not know: nothing in the knowledge base supports an answer."
    near = [s.hit for s in ranked[:NEAREST] if s.support >= FLOOR]
    sources = tuple(_source(hit, n) for n, hit in enumerate(near, start=1))
    if sources:
        text += " The nearest passages are:\n" + "\n".join(f"[{s.marker}] {s.quote}" for s in sources)
    return Answer(new_id(), question, text, sources, (), True, model, "", "", 0.0)


def _source(hit: knowledge.Hit, marker: int) -> Source:
    p = hit.provenance
    return Source(hit.item_id, p.source, hit.text, p.url, marker, p.author, p.licence, hit.kind)
