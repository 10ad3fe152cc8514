"""Turns a text or a file into a new item: checked text, passages with search terms, the facts that it states."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, require
from yukawa.knowledge.facts import PROPERTIES, Bound, Fact
from yukawa.knowledge.parsing import Quantity, find_quantities, is_range, read
from yukawa.knowledge.records import Provenance, check_filters, guess_domain

MAX_BYTES = 5_000_000
MAX_PDF_BYTES = 200_000_000
STDIN = "-"
_PDF = b"%PDF-"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# pdfium marks a hyphen at a line's end by U+FFFE or U+0002; the word continues in the next line.
_HYPHEN = re.compile("[\ufffe\x02]\\s*")
PASSAGE_WORDS = 120
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_RAISED = re.compile("([⁰¹²³⁴-⁾₀-₎]+)")
_STATES = re.compile(
    r"(?:\b(?:is|are|was|were|has|have|had|equals?|of|about|at|to)|[=:≈~])\s*$", re.IGNORECASE
)
# Which unit a property is measured in decides which of a sentence's numbers is its value.
_UNITS = {
    "mass": "eV", "mass-difference": "eV", "width": "eV", "partial-width": "eV", "lifetime": "s",
    "branching-fraction": "", "momentum": "eV",
}  # fmt: skip


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
    first = read(question or text[:4000])
    if domain is None:
        domain = guess_domain(f"{question or ''} {text}", names_particle=bool(first.mentions))
    provenance = Provenance(author.strip() or "unknown", source.strip() or "taught", url, licence, domain)
    pieces = split(text) if kind == "document" else [text]
    passages = tuple(_passage(piece, question, kind, attributes or {}) for piece in pieces)
    return NewItem(kind, text, question, provenance, passages, dict(attributes or {}), item_id)


def with_keys(item: NewItem, keys: tuple[str, ...]) -> NewItem:
    """`item` with search terms for the keys known from structured data in place of those read from its text."""
    passage = item.passages[0]
    terms = [t for t in passage.terms if not t.startswith("=")] + ["=" + k for k in keys]
    return replace(item, passages=(Passage(passage.text, passage.meaning, tuple(terms)),))


def checked_text(text: str, what: str = "the text") -> str:
    """`text` stripped, if it is text of a size that can be taught.

    Raises:
        InputError: it is empty, larger than 5 MB, or holds control characters as binary files do.
    """
    text = text.strip().removeprefix("\ufeff")
    if not text:
        raise InputError(f"{what} is empty", hint="give at least one word")
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise InputError(
            f"{what} has {size:,} bytes; at most {MAX_BYTES:,} can be taught at once",
            hint="split it into parts",
        )
    if found := _CONTROL.search(text):
        raise InputError(
            f"{what} is not plain text: character U+{ord(found[0]):04X} at position {found.start()}",
            hint="give UTF-8 text, Markdown or a PDF with a text layer",
        )
    return text


def normalised(text: str) -> str:
    """`text` with one form of each character and single spaces; 10⁵ stays distinct from 105."""
    pieces = _RAISED.split(text)
    pieces[::2] = [unicodedata.normalize("NFKC", piece) for piece in pieces[::2]]
    return re.sub(r"\s+", " ", "".join(pieces)).strip()


def split(text: str) -> list[str]:
    """A document as passages of some 120 words: paragraphs, each with the headings above it."""
    passages: list[str] = []
    headings: list[str] = []
    used = True
    for block in re.split(r"\n\s*\n|\n(?=#{1,6} )", text):
        block = block.strip()
        heading = re.match(r"(#{1,6}) +(.+)", block)
        if heading:
            if not used and len(heading[1]) <= len(
                headings
            ):  # a heading with nothing of its own below it is not lost
                passages.append(" / ".join(headings))
            used = False
            headings = [*headings[: len(heading[1]) - 1], heading[2].strip()]
            block = block[heading.end() :].strip()
        for piece in _by_words(block):
            used = True
            passages.append(f"{' / '.join(headings)}: {piece}" if headings else piece)
    if headings and not used:
        passages.append(" / ".join(headings))
    return passages or [text]


def _by_words(block: str) -> list[str]:
    pieces: list[str] = []
    current: list[str] = []
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", block):
        words = sentence.split()
        while len(words) > PASSAGE_WORDS:  # a table or code without sentences
            pieces += [" ".join(current)] if current else []
            current = []
            pieces.append(" ".join(words[:PASSAGE_WORDS]))
            words = words[PASSAGE_WORDS:]
        if len(current) + len(words) > PASSAGE_WORDS:
            pieces.append(" ".join(current))
            current = []
        current += words
    return pieces + ([" ".join(current)] if current else [])


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
    reading = read(question or text[:4000])
    quantities = [] if is_range(text) else find_quantities(text)
    wanted = _UNITS.get(reading.property or "")
    value = next((q for q in quantities if wanted is None or q.unit == wanted), None)
    about = list(reading.quantities(limit=64))
    if about and value is not None:
        for subjects, name, channel in about:
            known = name in PROPERTIES
            minus = {"minus": subjects[1]} if name == "mass-difference" else {}
            yield _taught(text, value, subjects, name if known else "other", name, channel, minus)
        return
    if question:
        words = " ".join(sorted(set(reading.terms())))
        if words:
            yield _taught(text, value, (), "other", f"question {words}", (), {})
        return
    value = quantities[0] if len(quantities) == 1 and _is_stated(text, quantities[0]) else None
    words = " ".join(sorted(w for w in set(reading.terms()) if not w[0].isdigit()))
    if value is not None and words:
        yield _taught(text, value, (), "other", f"words {words}", (), {})


def _taught(
    text: str, value: Quantity | None, subjects: tuple[str, ...], name: str, description: str, channel: tuple[str, ...],
    qualifiers: Mapping[str, str],
) -> Fact:  # fmt: skip
    if value is None:  # an answer in words
        return Fact("", subjects, name, description, words=text, qualifiers=qualifiers, printed=text)
    bound: Bound | None = "upper" if value.bound == "upper" else "lower" if value.bound == "lower" else None
    return Fact(
        "", subjects, name, description, value.value, error_plus=value.error_plus, error_minus=value.error_minus, unit=value.unit,
        bound=bound, channel=channel, qualifiers=qualifiers, printed=text[value.start : value.end].strip(),
        resolution=value.resolution,
    )  # fmt: skip


def _is_stated(text: str, quantity: Quantity) -> bool:
    """Whether a number is a value of the sentence's subject and not part of its name, as '3' is in 'run 3'."""
    measured = bool(quantity.unit) or quantity.error_plus is not None or quantity.bound is not None
    return measured or _STATES.search(text, 0, quantity.start) is not None


def read_document(path: str | Path) -> str:
    """The text of a file (`-` is standard input), whose kind is found from its content and not from its name.

    Raises:
        InputError: no such file, a folder, a binary file, text that is not UTF-8 or larger than 5 MB, an
            encrypted or damaged PDF or one without a text layer.
        MissingPackage: a PDF needs `pypdfium2`.
    """
    name = "standard input" if str(path) == STDIN else str(path)
    data = _bytes(path, name)
    if data.startswith(_PDF):
        return checked_text(_pdf_text(data, name), name)
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{name} holds more than {MAX_BYTES:,} bytes, the most that can be taught at once",
            hint="split it into parts",
        )
    return checked_text(_decoded(data, name), name)


def _bytes(path: str | Path, name: str) -> bytes:
    try:
        if str(path) == STDIN:
            return _head(sys.stdin.buffer)
        if Path(path).is_dir():
            raise InputError(f"{name} is a folder", hint="name a file in it")
        with Path(path).open("rb") as file:
            return _head(file)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from None
    except ValueError:  # a null character in the name
        raise InputError(f"{name!r} is not a file name") from None


def _head(file: object) -> bytes:
    """The file, or enough of it to see that it is too large."""
    read = file.read  # type: ignore[attr-defined]
    data: bytes = read(MAX_BYTES + 1)
    return data + read(MAX_PDF_BYTES) if data.startswith(_PDF) else data


def _decoded(data: bytes, name: str) -> str:
    hint = f"type: iconv -f LATIN1 -t UTF-8 {name if name != 'standard input' else 'FILE'} > utf8.txt, with its real encoding"
    if data.startswith(_UTF_16):
        raise InputError(f"{name} is UTF-16, not UTF-8 (byte 0)", hint=hint.replace("LATIN1", "UTF-16"))
    if (place := data.find(b"\0")) >= 0:
        raise InputError(
            f"{name} is a binary file (zero byte at {place})",
            hint="give UTF-8 text, Markdown or a PDF with a text layer",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts from behind a byte order mark.
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise InputError(
            f"{name} is not UTF-8: byte 0x{data[start]:02X} at offset {start}", hint=hint
        ) from None


def _pdf_text(data: bytes, name: str) -> str:
    pdfium = require("pypdfium2", "reading a PDF")
    try:
        document = pdfium.PdfDocument(data)
        try:
            pages = [_page_text(document[number]) for number in range(len(document))]
        finally:
            document.close()
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputError(f"{name} is an encrypted PDF", hint="save it without a password") from None
        raise InputError(f"{name} is a damaged PDF", hint="save it anew") from None
    text = "\n\n".join(pages).strip()
    if not text:
        raise InputError(
            f"{name} is a PDF without a text layer, such as a scan",
            hint="run text recognition on it first, such as ocrmypdf",
        )
    return text


def _page_text(page: object) -> str:
    """One page's text layer; words that were cut at a line's end are joined."""
    text: str = page.get_textpage().get_text_bounded()  # type: ignore[attr-defined]
    return _CONTROL.sub(" ", _HYPHEN.sub("", text.replace("\r\n", "\n"))).strip()
