"""What the Expert may answer from: passages that a source gives for a question, each with its address and licence."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from yukawa.data.engine.likeness import as_particle
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.documents.spans import answer_from_passages, meaning_of
from yukawa.knowledge.facts import OF_EACH_STATE, PROPERTIES
from yukawa.knowledge.parsing import particle_table
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Wanted
from yukawa.knowledge.records import DOMAINS, FoundFact
from yukawa.knowledge.store import reader, schema

PASSAGES = 6  # that an Expert reads
_SEARCHED = 30
_STATEMENTS = 3  # of one quantity, where the words can mean several states


@dataclass(frozen=True)
class SourcePassage:
    """A text that may be quoted.

    Attributes:
        text: the words, as the source has them.
        source_id: id of the item of the base, or of the paper.
        label: the source, for readers.
        support: from 0 to 1, how far it answers the question.
        exact: whether a fact answers, so that the text itself is an answer.
    """

    text: str
    source_id: str
    label: str
    url: str | None
    licence: str | None
    support: float
    exact: bool = False


class Grounds(Protocol):
    """A source of passages: a knowledge base, abstracts, or a service on the network."""

    def find(self, question: str) -> list[SourcePassage]:
        """Passages that answer `question`, best first; none where nothing does."""
        ...


class BaseGrounds:
    """A knowledge base: its facts where the question is read as a plan, else what people and documents state.

    Args:
        base: where facts and passages are.
    """

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base

    def find(self, question: str) -> list[SourcePassage]:
        """See `Grounds.find`."""
        read = plan(question)
        if read.complete and len(read.goals) == 1 and read.goals[0].operation == "value":
            found = [p for wanted in read.goals[0].operands for p in self._of_fact(wanted)]
            if found:
                return found
        return self._of_passages(question)

    def _of_fact(self, wanted: Wanted) -> list[SourcePassage]:
        """The sentences of the facts that state what is wanted; none where they are too many to be one answer."""
        facts = {f.item_id: f for f in self._facts(wanted)}
        if len(facts) > _STATEMENTS:
            return []
        return [
            SourcePassage(
                f.text, item_id, f.provenance.source, f.provenance.url, f.provenance.licence, 1.0, exact=True
            )
            for item_id, f in facts.items()
        ]

    def _facts(self, wanted: Wanted) -> list[FoundFact]:
        if wanted.qualifiers or wanted.other or wanted.factor != 1 or wanted.property not in PROPERTIES:
            return []
        names = list(wanted.thing.names)
        if wanted.property not in OF_EACH_STATE:
            names = list(dict.fromkeys(map(as_particle, names)))
        channel = wanted.channel.products if wanted.channel else ()
        if wanted.channel and (wanted.channel.steps or wanted.channel.conditions or wanted.channel.inclusive):
            return []
        found = self._base.find_facts(
            subjects=names, property=wanted.property, channel=channel, name=wanted.name or None
        )
        kept = [
            f
            for f in found
            if (f.fact.preferred or f.kind != "data")
            and not set(f.fact.qualifiers) & {"steps", "condition", "of"}
        ]
        if wanted.channel is not None:  # the mode itself, not the ratio that it was taken from
            return [f for f in kept if not f.fact.name.startswith(("G(", "tau("))] or kept
        return [f for f in kept if not f.fact.channel]

    def _of_passages(self, question: str) -> list[SourcePassage]:
        found: list[SourcePassage] = []
        for kind in ("qa", "statement", "correction", "document"):
            hits = self._base.search(question, k=_SEARCHED, kind=kind)
            spans = answer_from_passages(question, hits, meaning_of(self._base)).spans if hits else ()
            for span in spans:
                origin = span.hit.provenance
                found.append(
                    SourcePassage(
                        span.text, span.hit.item_id, origin.source, origin.url, origin.licence, span.covered
                    )
                )
        return sorted(found, key=lambda p: -p.support)[:PASSAGES]


class Several:
    """Several sources one after the other; the first that answers is used."""

    def __init__(self, sources: Sequence[Grounds]) -> None:
        self._sources = sources

    def find(self, question: str) -> list[SourcePassage]:
        """See `Grounds.find`."""
        return next((found for source in self._sources if (found := source.find(question))), [])


@dataclass(frozen=True)
class Listed:
    """One quantity that a base states: subject, property and final state, by their PDG names."""

    subject: str
    property: str
    channel: tuple[str, ...]


class Catalogue:
    """What a base states of which particle, in the order of its sources: what a Newbie without a model can ask about."""

    def __init__(self, base: KnowledgeBase) -> None:
        columns = (
            schema.facts.c.subject,
            schema.facts.c.property,
            schema.facts.c.channel,
            schema.versions.c.domain,
        )
        query = sa.select(*columns).join_from(schema.facts, schema.versions).where(reader.valid_at(None))
        with base.store.read() as connection:
            rows = connection.execute(query.order_by(schema.facts.c.id)).all()
        table = particle_table().particles
        self.of: dict[str, list[Listed]] = {}
        self.made_by: dict[str, list[str]] = {}
        self._domains: dict[str, list[str]] = {name: [] for name in DOMAINS}
        for subject, name, channel, domain in rows:
            if subject not in table or as_particle(subject) != subject:
                continue
            if subject not in self.of:
                self._domains.setdefault(domain, []).append(subject)
            products = tuple(channel.split("|")) if channel else ()
            self.of.setdefault(subject, []).append(Listed(subject, name, products))
            for product in set(products):
                makers = self.made_by.setdefault(as_particle(product), [])
                if not makers or makers[-1] != subject:
                    makers.append(subject)

    @functools.cached_property
    def order(self) -> dict[str, int]:
        """The place of each subject among all."""
        return {subject: place for place, subject in enumerate(self.of)}

    def subjects(self, domain: str) -> list[str]:
        """The things of a field, in the order of their source."""
        return self._domains.get(domain, [])

    def relatives(self, subject: str) -> list[str]:
        """What a thing decays to, what decays to it, and its neighbours in the source's order."""
        products = [as_particle(p) for listed in self.of.get(subject, ()) for p in listed.channel]
        everything = list(self.of)
        place = self.order.get(subject, 0)
        near = everything[max(0, place - 6) : place + 7]
        found = dict.fromkeys([*products, *self.made_by.get(subject, ()), *near])
        return [name for name in found if name in self.of and name != subject]
