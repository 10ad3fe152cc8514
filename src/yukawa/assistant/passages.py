"""Answers from passages: retrieve, weigh, let a model write, check; what no fact states is looked for here."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from yukawa import knowledge
from yukawa.assistant import prompts
from yukawa.assistant.answer import Answer, Check, Source
from yukawa.assistant.outside import Outside
from yukawa.assistant.prompts import ABSTENTION
from yukawa.assistant.proposing import proposed
from yukawa.assistant.writing import Reader, whole_sentences, write
from yukawa.core.settings import ModelSettings, SourceSettings
from yukawa.knowledge.documents import spans as documents
from yukawa.knowledge.parsing.plan import Plan
from yukawa.knowledge.records import KINDS
from yukawa.knowledge.store.writer import new_id
from yukawa.knowledge.trust import outranks
from yukawa.llm import ChatModel, GenerationOptions, Message, SyncChat, open_model

CANDIDATES = 20  # of each kind of what people taught


class Passages:
    """Answers a question from passages of a base, through any language model or through none.

    Args:
        base: where passages come from.
        models: models that are open already, by name; others are opened from their row when first used.
        sources: rows of other servers, where those that are enabled are asked if the base has no answer.
    """

    def __init__(
        self, base: knowledge.KnowledgeBase, models: Mapping[str, ChatModel] | None = None,
        sources: Mapping[str, SourceSettings] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self._base, self._outside = base, Outside.of(sources)
        self._models = dict(models or {})
        self._chats: dict[str, SyncChat] = {}
        self._lock = threading.Lock()  # of several threads one opens a model

    def answer(
        self, question: str, row: ModelSettings, *, as_of: str | None = None, domain: str | None = None,
        reader: Reader | None = None,
    ) -> Answer:  # fmt: skip
        """An answer with citations, or an abstention with the nearest passages.

        Sentences of data sources are not looked at: what they state is in facts, which plans are executed on. A statement
        answers only if it says what is asked of the thing that is asked about; what people taught comes before documents.

        Args:
            question: as asked.
            row: the model that writes.
            as_of: the moment from whose knowledge to answer.
            domain: only passages of this domain.
            reader: reads along while the model writes, before anything is checked.

        Raises:
            ModelError: the model failed.
        """
        found = self._found(question, as_of, domain)
        if found.refused:
            return _abstained(question, found, row.name)
        if row.backend == "quote":
            return _quoted(question, found.spans, row.name)
        return self._write(question, row, found.spans, reader)

    def proposed(self, plan: Plan, row: ModelSettings) -> Plan:
        """The plan that the model of `row` proposes for a question of which words are unread; see `proposing`."""
        return proposed(plan, self.chat(row))

    def close(self) -> None:
        """Close the models that were used."""
        while self._chats:
            self._chats.popitem()[1].close()

    def _found(self, question: str, as_of: str | None, domain: str | None) -> documents.DocumentAnswer:
        """Answer from what people taught, then from documents; items that another one corrects do not count."""
        taught = sorted(
            (
                hit
                for kind in KINDS
                if kind not in ("data", "document")
                for hit in self._base.search(question, k=CANDIDATES, as_of=as_of, domain=domain, kind=kind)
            ),
            key=lambda hit: -hit.score,
        )
        embed = documents.meaning_of(self._base)
        found = documents.answer_from_passages(question, taught, embed)
        if replaced := _replaced(found, taught):
            kept = [hit for hit in taught if hit.item_id not in replaced]
            found = documents.answer_from_passages(question, kept, embed)
        if not found.refused:
            return found
        read = documents.answer_from_documents(question, self._base, as_of=as_of, domain=domain)
        if read is not None and not read.refused:
            return read
        if self._outside is not None and as_of is None and domain is None:
            further = documents.answer_from_passages(question, self._outside.passages(question), embed)
            if not further.refused:
                return further
        if read is None:
            return found
        nearest = sorted((*found.nearest, *read.nearest), key=lambda span: -span.covered)
        nowhere = tuple(word for word in read.nowhere if word in found.nowhere or not taught)
        return documents.DocumentAnswer((), tuple(nearest[: documents.NEAREST]), nowhere)

    def _write(
        self, question: str, row: ModelSettings, spans: Sequence[documents.Span], reader: Reader | None
    ) -> Answer:
        """What a model writes from the passages of `spans`, or these where it cannot be held to them."""
        hits = list({span.hit.passage_id: span.hit for span in spans}.values())
        text, checks, cut = self._written(row, hits, question, reader)
        if ABSTENTION in text:
            return _abstained(question, documents.DocumentAnswer((), tuple(spans)), row.name)
        if failed := [replace(c, name=f"{row.name}: {c.name}") for c in checks if not c.passed]:
            return replace(_quoted(question, spans, "quote"), checks=tuple(failed))
        if cut:
            detail = (
                "it was cut at its token limit twice, and its last sentence, which is unfinished, is omitted"
            )
            checks = (*checks, Check("the reply is whole", False, detail))
        sources = tuple(_source(hits[n - 1], n) for n in prompts.citations(text) if 1 <= n <= len(hits))
        return Answer(new_id(), question, text, sources, checks, False, row.name, "", "", spans[0].covered)

    def _written(
        self, row: ModelSettings, hits: Sequence[knowledge.Hit], question: str, reader: Reader | None
    ) -> tuple[str, tuple[Check, ...], bool]:
        """The model's text, its checks and whether it was cut; what fails is requested once more with the reason."""
        # A model reads which question a taught answer answers.
        passages = [f"{hit.question}\n{hit.text}" if hit.question else hit.text for hit in hits]
        urls = [hit.provenance.url for hit in hits]
        messages = prompts.prompt(question, passages)
        for attempt in range(2):
            found = write(self.chat(row), messages, GenerationOptions(max_tokens=row.max_tokens), reader)
            text = whole_sentences(found.text) if found.cut else found.text
            if ABSTENTION in text:
                return text, (), found.cut
            text, checks = prompts.checked(text, passages, question, urls)
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

    def chat(self, row: ModelSettings) -> SyncChat:
        """The model of a row, opened when first used."""
        with self._lock:
            if row.name not in self._chats:
                self._chats[row.name] = SyncChat(self._models.get(row.name) or open_model(row))
            return self._chats[row.name]


def _replaced(found: documents.DocumentAnswer, taught: Sequence[knowledge.Hit]) -> set[str]:
    """The items that corrections among the answers, trusted at least as far, put right."""
    trust = {hit.item_id: hit.trust for hit in taught}
    corrections = [span.hit for span in found.spans if span.hit.kind == "correction"]
    return {
        item
        for hit in corrections
        for item in hit.attributes.get("supersedes", ())
        if item in trust and outranks(hit.trust, trust[item])
    }


def _quoted(question: str, spans: Sequence[documents.Span], model: str) -> Answer:
    text = "\n".join(f"{span.quote} [{n}]" for n, span in enumerate(spans, start=1))
    sources = tuple(replace(_source(span.hit, n), quote=span.quote) for n, span in enumerate(spans, start=1))
    return Answer(new_id(), question, text, sources, (), False, model, "", "", spans[0].covered)


def _abstained(question: str, found: documents.DocumentAnswer, model: str) -> Answer:
    text = "I do not know: nothing in the knowledge base supports an answer."
    if found.nowhere:
        text = f"I do not know: nothing that was taught mentions {', '.join(map(repr, found.nowhere))}."
    near = (found.nearest or found.spans)[: documents.NEAREST]
    sources = tuple(_source(span.hit, n) for n, span in enumerate(near, start=1))
    if sources:
        text += " The nearest passages are:\n" + "\n".join(f"[{s.marker}] {s.quote}" for s in sources)
    covered = max((span.covered for span in near), default=0.0)
    return Answer(new_id(), question, text, sources, (), True, model, "", "", covered)


def _source(hit: knowledge.Hit, marker: int) -> Source:
    p = hit.provenance
    return Source(hit.item_id, p.source, hit.text, p.url, marker, p.author, p.licence, hit.kind, hit.trust)
