"""The small value objects that a knowledge base takes and gives, and the eight domains they belong to."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from yukawa.core.errors import InputError, unknown_name
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.trust import Trust

Moment = dt.datetime | str | None
KINDS = ("statement", "qa", "document", "correction", "data")


def markdown(text: str) -> str:
    """`text` with every character of Markdown escaped."""
    return re.sub(r"([\\`*_{}\[\]<>#|~$])", r"\\\1", text)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where knowledge comes from: who taught it, the source's label and address, licence and domain."""

    author: str
    source: str
    url: str | None
    licence: str | None
    domain: str

    @classmethod
    def of(cls, row: Any) -> Self:
        """The provenance in a row of the table of versions."""
        return cls(*(row[name] for name in cls.__slots__))

    def _repr_markdown_(self) -> str:
        label = markdown(self.source)
        return f"[{label}]({self.url})" if self.url else f"*{label}*"


@dataclass(frozen=True, slots=True, repr=False)
class Item:
    """One version of one item; `status` says what the call that returned it did.

    `valid_to` is None while the version is current. `conflicts` lists open contradictions with other items. `trust` says
    how far it is trusted (see `yukawa.knowledge.trust`).
    """

    id: str
    kind: str
    version: int
    text: str
    question: str | None
    provenance: Provenance
    attributes: Mapping[str, Any]
    valid_from: dt.datetime
    valid_to: dt.datetime | None
    status: str = ""
    conflicts: tuple[Conflict, ...] = ()
    trust: Trust = "taught"

    @property
    def current(self) -> bool:
        """Whether this version is the current one."""
        return self.valid_to is None

    def as_json(self) -> dict[str, Any]:
        """The object that `yukawa knowledge show --json` prints."""
        times = {"valid_from": _written(self.valid_from), "valid_to": _written(self.valid_to)}
        found = asdict(self) | times | {"conflicts": [conflict.as_json() for conflict in self.conflicts]}
        origin: dict[str, Any] = found.pop("provenance")
        return found | origin

    def __repr__(self) -> str:
        state = f", {self.status}" if self.status else "" if self.current else ", ended"
        text, source = _short(self.text), self.provenance.source
        return f"Item({self.id!r}, {self.kind} version {self.version}{state}: {text!r}, source {source!r})"

    def _repr_markdown_(self) -> str:
        shown = _passage_markdown(self.question, self.text, self.provenance)
        return shown + "".join(f"\n\nconflicts with: {markdown(_other(self.id, c))}" for c in self.conflicts)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a contradiction: what an item states, who says so since when, and how far that is trusted."""

    item_id: str
    text: str
    source: str
    author: str
    since: dt.datetime
    trust: Trust

    def __str__(self) -> str:
        who = self.trust if self.trust in ("built source", "anonymous") else f"{self.trust}, by {self.author}"
        label = "" if self.source == "taught" else f", {self.source!r},"
        return f"'{_short(self.text, 160)}' ({who}{label} on {self.since:%Y-%m-%d}, {self.item_id})"


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two items that claim contradicting values of one quantity."""

    id: int
    key: str
    sides: tuple[Side, Side]
    opened: dt.datetime
    resolved: dt.datetime | None

    @property
    def item_ids(self) -> tuple[str, str]:
        """The ids of both items."""
        return self.sides[0].item_id, self.sides[1].item_id

    @property
    def texts(self) -> tuple[str, str]:
        """What both state."""
        return self.sides[0].text, self.sides[1].text

    @property
    def sources(self) -> tuple[str, str]:
        """The labels of both sources."""
        return self.sides[0].source, self.sides[1].source

    @property
    def way_out(self) -> str:
        """What to type to settle it; against a built source or a reviewed item that takes a reviewer."""
        settle = f"yukawa knowledge resolve {self.id}"
        high = [side for side in self.sides if side.trust in ("built source", "reviewed")]
        low = next((side.item_id for side in self.sides if side not in high), None)
        if not high:
            return f"{settle} --keep ID, or {settle} if both may be kept"
        if low is not None:  # anybody may give way to what is trusted more
            return f"{settle} --keep {high[0].item_id}; a reviewer who considers the other right types: yukawa knowledge review {low}"
        reviewed = next((side.item_id for side in self.sides if side.trust == "reviewed"), "ID")
        return f"a reviewer types: {settle} --keep {reviewed}"

    def as_json(self) -> dict[str, Any]:
        """The contradiction with both its sides and what to type."""
        sides = [asdict(side) | {"since": _written(side.since)} for side in self.sides]
        return {
            "id": self.id, "key": self.key, "opened": _written(self.opened), "resolved": _written(self.resolved),
            "items": [{"id": side.pop("item_id"), **side} for side in sides], "way_out": self.way_out,
        }  # fmt: skip

    def __str__(self) -> str:
        return f"{self.sides[0]} contradicts {self.sides[1]}; to settle it: {self.way_out}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage of a document is: headings above it, first and last character of the source, page from 1."""

    headings: tuple[str, ...]
    start: int
    end: int
    page: int | None

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """The place in the attributes of a document."""
        headings, start, end, page = row
        return cls(tuple(headings), start, end, page)


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """One passage found: `score` is the fused score, `similarity` the cosine, `lexical` the relative BM25 (0 to 1)."""

    item_id: str
    passage_id: int
    text: str
    score: float
    similarity: float
    lexical: float
    kind: str
    question: str | None
    version: int
    provenance: Provenance
    attributes: Mapping[str, Any]
    keys: tuple[str, ...] = ()
    place: Place | None = None
    trust: Trust = "taught"

    def as_json(self) -> dict[str, Any]:
        """The object that `yukawa search --json` prints for a passage."""
        return {
            "id": self.item_id, "text": self.text, "score": round(self.score, 4), "similarity": round(self.similarity, 4),
            "lexical": round(self.lexical, 4), "kind": self.kind, "question": self.question, "version": self.version,
            "place": asdict(self.place) if self.place else None, **asdict(self.provenance), "trust": self.trust,
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"Hit({self.item_id!r}, {self.score:.3f}: {_short(self.text)!r}, source {self.provenance.source!r})"

    def _repr_markdown_(self) -> str:
        return _passage_markdown(self.question, self.text, self.provenance)


def _passage_markdown(question: str | None, text: str, provenance: Provenance) -> str:
    asked = f"**{markdown(question)}**\n\n" if question else ""
    return f"{asked}{markdown(text)}\n\n{provenance._repr_markdown_()}"


def _other(item_id: str, conflict: Conflict) -> str:
    """The side of `conflict` that is not `item_id`."""
    return str(conflict.sides[conflict.item_ids[0] == item_id])


def _short(text: str, width: int = 80) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


@dataclass(frozen=True, slots=True)
class FoundFact:
    """A fact with the item that states it: one of a source's data, or one that people taught (`kind` is not 'data')."""

    fact: Fact
    item_id: str
    text: str
    kind: str
    provenance: Provenance
    version: int
    trust: Trust = "taught"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the ledger; `hash` covers the entry and the hash before it. Where `actor` or `reason` was erased, it is ''."""

    seq: int
    time: dt.datetime
    actor: str
    verb: str
    item_id: str | None
    version: int | None
    reason: str
    digest: str
    hash: str

    def as_json(self) -> dict[str, Any]:
        """The entry as `yukawa knowledge history --json` prints it."""
        return {
            "seq": self.seq, "time": _written(self.time), "actor": self.actor, "verb": self.verb, "id": self.item_id,
            "version": self.version, "reason": self.reason, "hash": self.hash,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` checked and found wrong; no problems means the base is whole. `notes` are worth knowing and no damage."""

    events: int
    items: int
    passages: int
    problems: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    @property
    def clean(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.problems


def microseconds(moment: Moment) -> int | None:
    """A time as microseconds since 1970 (UTC); text is ISO 8601, without a zone it is local time.

    Raises:
        InputError: the text is not a time.
    """
    if moment is None:
        return None
    try:
        parsed = dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return round(parsed.astimezone(dt.UTC).timestamp() * 1e6)
    except (ValueError, OverflowError):  # not a date, or one without a UTC date in the calendar
        raise InputError(
            f"{str(moment)!r} is not a time", hint="type for instance 2026-11-21 or 2026-11-21T14:30:00+01:00"
        ) from None


def moment(microseconds_: int | None) -> Any:
    """The inverse of `microseconds`."""
    if microseconds_ is None:
        return None
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=microseconds_)


def _written(at: dt.datetime | None) -> str | None:
    return at.isoformat() if at else None


# The fields named by Xiwu (arXiv:2404.08001, section 3.2).
DOMAINS = (
    "particle physics", "particle astrophysics", "experimental physics", "theoretical physics",
    "accelerator physics", "synchrotron radiation", "neutron science", "computer science",
)  # fmt: skip


def check_filters(domain: str | None = None, kind: str | None = None) -> None:
    """Refuse an unknown domain or kind of items.

    Raises:
        InputError: names the nearest.
    """
    for what, name, names in (("domain", domain, DOMAINS), ("kind of item", kind, KINDS)):
        if name is not None and name not in names:
            raise unknown_name(what, name, names)
