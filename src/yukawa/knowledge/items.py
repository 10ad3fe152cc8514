"""Turns a text into a new item: checked text, passages with search terms, the facts that it states."""

import functools
import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from yukawa.knowledge.documents.blocks import PASSAGE_WORDS, Block, Piece, pieces
from yukawa.knowledge.facts import OF_EACH_STATE, PROPERTIES, Bound, Fact
from yukawa.knowledge.parsing import Quantity, find_quantities, is_range, read
from yukawa.knowledge.parsing.question import as_particles, of_particle
from yukawa.knowledge.parsing.statements import Assertion, statements
from yukawa.knowledge.records import Provenance, check_filters
from yukawa.knowledge.routing import field_of
from yukawa.knowledge.texts import checked_label, plain_faces, without_unseen
from yukawa.knowledge.texts import checked_text as checked_text
from yukawa.knowledge.texts import normalised as normalised

# Attributes of documents: their format, and the place of each passage (headings, characters, page).
FORMAT, PLACES = "format", "places"
_STATES = re.compile(
    r"(?:\b(?:is|are|was|were|has|have|had|equals?|of|about|at|to)|[=:≈~])\s*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an item: the text shown, the text embedded, and its search terms."""

    text: str
    meaning: str
    terms: tuple[str, ...]


@dataclass(frozen=True)
class NewItem:
    """An item ready to be written; `item_id` is None for a new item."""

    kind: str
    text: str
    question: str | None
    provenance: Provenance
    passages: tuple[Passage, ...]
    attributes: Mapping[str, Any]
    item_id: str | None = None

    @functools.cached_property
    def content_key(self) -> str:
        """Equal for texts that differ only in spacing or Unicode form; a source's data keep ids and facts apart."""
        own = f"{self.item_id}{json.dumps(self.attributes, sort_keys=True)}" if self.kind == "data" else ""
        return hashlib.sha256(
            f"{normalised(self.text)}\0{normalised(self.question or '')}\0{own}".encode()
        ).hexdigest()

    @functools.cached_property
    def facts(self) -> tuple[Fact, ...]:
        """What it states (see `stated_facts`)."""
        return stated_facts(self.kind, self.text, self.question, self.attributes)

    def content(self) -> dict[str, Any]:
        """Everything that a version's digest covers."""
        origin = {name: getattr(self.provenance, name) for name in Provenance.__slots__}
        own = {"kind": self.kind, "text": self.text, "question": self.question}
        return own | origin | {"attributes": dict(self.attributes)}


def new_item(
    text: str, *, question: str | None = None, kind: str | None = None, source: str = "", url: str | None = None,
    author: str = "", licence: str | None = None, domain: str | None = None, attributes: Mapping[str, Any] | None = None,
    item_id: str | None = None,
) -> NewItem:  # fmt: skip
    """The item that teaches `text`: an answer if `question` is given, a document if it is long.

    Raises:
        InputError: the text is empty, too large or binary, or the kind or domain is unknown.
    """
    text = checked_text(text)
    question = checked_text(question, "the question") if question is not None else None
    if kind is None:
        kind = "qa" if question else "document" if len(text.split()) > PASSAGE_WORDS else "statement"
    check_filters(domain, kind)
    text = without_unseen(text) if kind == "document" else plain_faces(text)
    if domain is None:
        guess = field_of(f"{question or ''} {text}")
        domain = guess.field if guess.known else "particle physics"
    who, label = checked_label(author, "the author"), checked_label(source, "the source")
    address, terms = (
        value and checked_label(value, f"the {name}")
        for name, value in (("address", url), ("licence", licence))
    )
    provenance = Provenance(who or "unknown", label or "taught", address, terms, domain)
    own = dict(attributes or {})
    if kind == "document":
        parts = split(text, own.get(FORMAT, "markdown"))
        own[PLACES] = [part.place() for part in parts]
        texts = [part.text for part in parts]
    else:
        texts = [text]
    passages = tuple(_passage(piece, question, kind, own) for piece in texts)
    return NewItem(kind, text, question, provenance, passages, own, item_id)


def with_keys(item: NewItem, keys: tuple[str, ...]) -> NewItem:
    """`item` with search terms for the keys known from structured data in place of those read from its text."""
    passage = item.passages[0]
    terms = [t for t in passage.terms if not t.startswith("=")] + ["=" + k for k in keys]
    return replace(item, passages=(Passage(passage.text, passage.meaning, tuple(terms)),))


def split(text: str, written_in: str = "markdown") -> list[Piece]:
    """The passages of a document in 'markdown', 'latex', 'html' or 'plain'; the whole as one passage where it holds only markup."""
    return pieces(blocks_of(text, written_in)) or [Piece(text, (), 0, len(text), None)]


def blocks_of(text: str, written_in: str) -> list[Block]:
    """The blocks of a document in 'markdown', 'latex', 'html' or 'plain'."""
    if written_in == "plain":
        from yukawa.knowledge.documents.plain import plain_blocks as read
    elif written_in == "latex":
        from yukawa.knowledge.documents.latex import latex_blocks as read
    elif written_in == "html":
        from yukawa.knowledge.documents.html import html_blocks as read
    else:
        from yukawa.knowledge.documents.markdown import markdown_blocks as read
    return read(text)


def meaning(passage_text: str, question: str | None, kind: str, attributes: Mapping[str, Any]) -> str:
    """The text that is embedded for a passage: what a source's data say they mean, else question and text."""
    if kind == "data" and attributes.get("meaning"):
        return str(attributes["meaning"])
    return f"{question} {passage_text}" if question else passage_text


def _passage(text: str, question: str | None, kind: str, attributes: Mapping[str, Any]) -> Passage:
    terms = list(read(text).terms())
    if question:
        terms += read(question).terms()
    return Passage(text, meaning(text, question, kind, attributes), tuple(terms))


def stated_facts(
    kind: str, text: str, question: str | None, attributes: Mapping[str, Any]
) -> tuple[Fact, ...]:
    """The facts that an item states: of a source's data those they carry, else what can be read from the text.

    A text that gives a number for no property that is known states it of its own words, so that two answers to one
    question can be compared.
    """
    if kind == "data":
        return tuple(Fact.from_json(row) for row in attributes.get("facts", ()))
    return () if kind == "document" else tuple(_taught_facts(text, question))


def _taught_facts(text: str, question: str | None) -> Iterator[Fact]:
    """What a person states: value by value as the sentences say it, else the one value of what is named or in question."""
    if question is None and (asserted := [fact for a in statements(text) for fact in _asserted(a)]):
        yield from asserted
        return
    if any(a.negated for a in statements(text)):
        return
    reading = read(question or text[:4000])
    quantities = [] if is_range(text) else find_quantities(text)
    about = list(reading.quantities(limit=64))
    known = PROPERTIES.get(reading.property or "")
    fitting = [q for q in quantities if known is None or known.dimension == q.unit]
    value = fitting[0] if len(fitting) == 1 else None  # of several it is not said which
    if about and value is not None:
        for subjects, name, channel in about:
            minus = {"minus": subjects[1]} if name == "mass-difference" else {}
            filed = name if name in PROPERTIES else "other"
            yield _taught(value, subjects, filed, name, channel, minus, _written(text, value))
    elif question and (words := " ".join(sorted(set(reading.terms())))):
        yield _taught(value, (), "other", f"question {words}", (), {}, _written(text, value))
    elif (
        question is None
        and len(quantities) == 1
        and _is_stated(text, quantities[0])
        and (words := " ".join(sorted(w for w in set(reading.terms()) if not w[0].isdigit())))
    ):
        yield _taught(quantities[0], (), "other", f"words {words}", (), {}, _written(text, quantities[0]))


def _written(text: str, value: Quantity | None) -> str:
    """The words of a value, all of them where there is none."""
    return text if value is None else text[value.start : value.end].strip()


def _asserted(said: Assertion) -> Iterator[Fact]:
    """The facts of one value of a sentence, one for each thing that it is said of; none where it is not clear of what."""
    value = said.quantity
    if value is None or said.negated or said.bound in ("from", "to") or len(said.properties) != 1:
        return
    (name,) = said.properties
    known = PROPERTIES.get(name)
    if known is not None and known.dimension == "e" and not value.unit:  # charges are in units of e
        value = replace(value, unit="e")
    if known is None or known.dimension != value.unit or name == "branching-ratio":
        return
    for subjects, channel, minus in _subjects(said, name):
        yield _taught(value, subjects, name, name, channel, minus, said.text if _has_unit(said) else "")


def _has_unit(said: Assertion) -> bool:
    """Whether the words of a value have its unit, which several values may share: '80.4 and 91.2 GeV'."""
    alone = find_quantities(said.text)
    return said.quantity is None or (
        len(alone) == 1 and alone[0].unit == said.quantity.unit.removesuffix("e")
    )


def _subjects(
    said: Assertion, name: str
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], dict[str, str]]]:
    """Subjects, final state and qualifiers of each fact of an assertion; of an antiparticle those of the particle."""
    if name == "mass-difference":
        for pair in itertools.product(*(as_particles(names) for names in said.things)):
            if len(pair) == 2 and pair[0] != pair[1]:
                yield pair, (), {"minus": pair[1]}
    elif name in OF_EACH_STATE:
        for names in said.things:
            particles = [n for n in names if as_particles([n]) == (n,)]
            yield tuple(particles or names), (), {}
    elif said.transitions:
        parents, products, further = said.transitions[0]
        if len(said.transitions) == 1 and not further:
            for found in filter(None, (of_particle(parent, products) for parent in parents)):
                yield (found[0],), tuple(sorted(found[1])), {}
    else:
        for names in said.things:
            yield as_particles(names), (), {}


def _taught(
    value: Quantity | None, subjects: tuple[str, ...], name: str, description: str, channel: tuple[str, ...],
    qualifiers: Mapping[str, str], printed: str,
) -> Fact:  # fmt: skip
    """A fact as a person states it; without a value it is an answer in words."""
    if value is None:
        return Fact("", subjects, name, description, words=printed, qualifiers=qualifiers, printed=printed)
    bound: Bound | None = "upper" if value.bound == "upper" else "lower" if value.bound == "lower" else None
    return Fact(
        "", subjects, name, description, value.value, error_plus=value.error_plus, error_minus=value.error_minus, unit=value.unit,
        bound=bound, channel=channel, qualifiers=qualifiers, printed=printed, resolution=value.resolution,
    )  # fmt: skip


def _is_stated(text: str, quantity: Quantity) -> bool:
    """Whether a number is a value of the sentence's subject and not part of its name, as '3' is in 'run 3'."""
    measured = bool(quantity.unit) or quantity.error_plus is not None or quantity.bound is not None
    return measured or _STATES.search(text, 0, quantity.start) is not None
