"""The small value objects a knowledge base takes and gives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from yukawa.core.errors import InputError

KINDS = ("statement", "qa", "document", "correction", "data")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where knowledge comes from: who taught it, the source's label and address, licence and domain."""

    author: str
    source: str
    url: str | None
    licence: str | None
    domain: str


@dataclass(frozen=True, slots=True)
class Item:
    """One version of one item; `status` says what the call that returned it did.

    `valid_to` is None while the version is current. `conflicts` lists open contradictions with other items.
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

    @property
    def current(self) -> bool:
        """Whether this version is in force now."""
        return self.valid_to is None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two items that claim contradicting values of one quantity."""

    id: int
    key: str
    item_ids: tuple[str, str]
    texts: tuple[str, str]
    sources: tuple[str, str]
    opened: dt.datetime
    resolved: dt.datetime | None


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the ledger; `hash` covers the entry and the hash before it."""

    seq: int
    time: dt.datetime
    actor: str
    verb: str
    item_id: str | None
    version: int | None
    reason: str
    digest: str
    hash: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `verify` checked and found wrong; no problems means the base is whole."""

    events: int
    items: int
    passages: int
    problems: tuple[str, ...] = field(default=())

    @property
    def clean(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.problems


def microseconds(moment: dt.datetime | str | None) -> int | None:
    """A time as microseconds since 1970 (UTC); text is ISO 8601, without a zone it is local time.

    Raises:
        InputError: the text is no time.
    """
    if moment is None:
        return None
    try:
        parsed = dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return round(parsed.astimezone(dt.UTC).timestamp() * 1e6)
    except (ValueError, OverflowError):  # no date, or one that has no UTC date in the calendar
        raise InputError(
            f"{str(moment)!r} is no time", hint="type for instance 2026-11-21 or 2026-11-21T14:30:00+01:00"
        ) from None


def moment(microseconds_: int | None) -> dt.datetime | None:
    """The inverse of `microseconds`."""
    if microseconds_ is None:
        return None
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=microseconds_)
