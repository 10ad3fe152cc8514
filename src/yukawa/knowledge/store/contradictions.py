"""Contradictions between facts: found when an item is taught, by the rule that also counts when a question is answered."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import hepunits
import sqlalchemy as sa

from yukawa.knowledge.facts import PROPERTIES, Fact
from yukawa.knowledge.items import NewItem
from yukawa.knowledge.parsing import Quantity
from yukawa.knowledge.store import counted
from yukawa.knowledge.store.facts import columns_of, reviewed, rows_of, same_channels
from yukawa.knowledge.store.schema import conflicts, facts, items, versions
from yukawa.knowledge.texts import normalised

_LIMITS = ("upper", "lower")
_MIRRORED = {"width": "lifetime", "lifetime": "width"}
_UNITS = {
    name: columns_of(Fact("", (), name, "", unit=unit))["unit"]
    for name, unit in (("width", "eV"), ("lifetime", "s"))
}
_HBAR = hepunits.hbar / (hepunits.eV * hepunits.s)  # in eV s
# Values in words are not compared: 'seen' and 'has been observed' say one thing.
_WORDS = {name for name, known in PROPERTIES.items() if known.dimension is None} - {
    "magnetic-moment", "electric-dipole-moment", "constant", "other",
}  # fmt: skip


def agree(one: Fact, other: Fact) -> bool | None:
    """Whether two facts of one quantity can both be right; None where they cannot be compared.

    Measured values disagree beyond three combined standard deviations and the rounding of their last digits, as
    `Quantity.contradicts` says.
    """
    if one.property in _WORDS or "range" in (one.bound, other.bound):
        return None
    return _compatible(_quantity(columns_of(one)), _quantity(columns_of(other)))


def open_conflicts(connection: sa.Connection, new_items: Sequence[NewItem], event: int) -> None:
    """Write down every contradiction between an item's facts and those that other current items state, unless it is open.

    Items of one data source are not compared with each other: the source itself lists them side by side.
    """
    data = [new for new in new_items if new.kind == "data"]
    for item in new_items:
        if item.kind != "data":
            _open(connection, str(item.item_id), foreseen(connection, item), event)
    taught = _standing(connection, None) if data else ()
    for item in data if taught else ():
        _open(connection, str(item.item_id), _against(connection, item, taught), event)


def foreseen(connection: sa.Connection, item: NewItem) -> dict[str, str]:
    """The current items that what a person teaches contradicts, each with the key of the quantity."""
    return _against(connection, item, _standing(connection, item.facts)) if item.facts else {}


def _standing(connection: sa.Connection, about: Sequence[Fact] | None) -> Sequence[sa.Row[Any]]:
    """Current rows on the subjects and properties of some facts; without them all that people taught."""
    query = (
        sa.select(
            *(column for column in facts.c if column.name != "id"), versions.c.item_id, versions.c.number,
            versions.c.text, items.c.kind,
        )
        .select_from(facts.join(versions).join(items))
        .where(versions.c.valid_to.is_(None))
    )  # fmt: skip
    if about is None:
        return list(connection.execute(query.where(items.c.kind != "data")))
    subjects = {name for fact in about for name in (fact.subjects or ("",))}
    properties = {
        name for fact in about for name in (fact.property, _MIRRORED.get(fact.property, fact.property))
    }
    query = query.where(facts.c.subject.in_(sorted(subjects)), facts.c.property.in_(sorted(properties)))
    return list(connection.execute(query))


def _mirrored(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The width that a lifetime means and the other way round, Γ = ħ/τ: a source lists one of them."""
    name, value = _MIRRORED.get(row["property"]), row["value"]
    if name and value and value > 0:
        scale = _HBAR / value**2  # of errors, to first order
        up, down = (
            None if row[side] is None else row[side] * scale for side in ("error_minus", "error_plus")
        )
        bound = {"upper": "lower", "lower": "upper"}.get(row["bound"] or "", row["bound"])
        yield row | {
            "property": name, "value": _HBAR / value, "error_plus": up, "error_minus": down, "bound": bound,
            "resolution": (row["resolution"] or 0.0) * scale, "unit": _UNITS[name],
        }  # fmt: skip


class _Verdict(NamedTuple):
    """What the comparison of one fact with one row of another item came to."""

    item_id: str
    kind: str
    bound: str | None
    key: str
    agrees: bool


def _against(connection: sa.Connection, item: NewItem, standing: Sequence[sa.Row[Any]]) -> dict[str, str]:
    """The items whose facts on the same quantities a new item contradicts and does not supersede."""
    superseded = set(item.attributes.get("supersedes", ()))
    places = [(row.item_id, row.number) for row in standing if row.item_id in superseded]
    superseded -= {item_id for item_id, _ in reviewed(connection, places)}
    by_place: dict[tuple[str, str], list[sa.Row[Any]]] = {}
    for row in standing:
        # A correction takes the place of what people taught, not of reviewed items and of a source's data.
        if row.item_id != item.item_id and (row.kind == "data" or row.item_id not in superseded):
            by_place.setdefault((row.subject, row.property), []).append(row)
    by_fact: dict[int, list[_Verdict]] = {}
    for mine in (row for one in rows_of(0, item.facts) for row in (one, *_mirrored(one))):
        for row in by_place.get((mine["subject"], mine["property"]), ()):
            if _same_quantity(mine, row) and (agrees := _agree(mine, item.text, row)) is not None:
                key = f"{row.subject}|{row.property}|{row.channel}"
                verdict = _Verdict(row.item_id, row.kind, row.bound, key, agrees)
                by_fact.setdefault(mine["ordinal"], []).append(verdict)
    return {v.item_id: v.key for verdicts in by_fact.values() for v in _contradicted(verdicts)}


def _contradicted(verdicts: Sequence[_Verdict]) -> Iterator[_Verdict]:
    """Those that contradict a fact.

    One fact of another item that agrees clears that item: a value for all charges has several rows. Of several values
    that sources list for one quantity one that agrees clears them all, but a limit does not clear measured values.
    """
    data = [v for v in verdicts if v.kind == "data"]
    measured = [v for v in data if v.bound not in _LIMITS] or data
    cleared = {v.item_id for v in verdicts if v.agrees}
    if any(v.agrees for v in measured):
        cleared |= {v.item_id for v in data}
    else:
        cleared -= {v.item_id for v in measured}
    return (v for v in verdicts if not v.agrees and v.item_id not in cleared)


def _open(connection: sa.Connection, item_id: str, against: Mapping[str, str], event: int) -> None:
    c = conflicts.c
    touching = sa.select(c.first_item, c.second_item).where(
        c.resolved.is_(None), (c.first_item == item_id) | (c.second_item == item_id)
    )
    standing = {other for pair in connection.execute(touching) for other in pair} if against else set()
    opened = [
        {"key": key, "first_item": other, "second_item": item_id, "opened": event, "resolved": None}
        for other, key in against.items()
        if other not in standing
    ]
    if opened:
        first = counted.next_number(connection, conflicts)
        numbered = [row | {"id": number} for number, row in enumerate(opened, first)]
        counted.insert(connection, conflicts, numbered)


def _same_quantity(mine: Mapping[str, Any], row: sa.Row[Any]) -> bool:
    if row.property in ("other", "branching-ratio"):  # what these are is said by their description alone
        return bool(mine["name"] == row.name)
    if row.property == "mass-difference" or not row.channel or not mine["channel"]:
        return bool(mine["channel"] == row.channel)
    return same_channels(row.channel, mine["channel"])


def _agree(mine: Mapping[str, Any], text: str, row: sa.Row[Any]) -> bool | None:
    if row.property in _WORDS or "range" in (mine["bound"], row.bound):
        return None
    one, other = _quantity(mine), _quantity(dict(row._mapping))
    if one is None and other is None and not row.subject:
        return normalised(text).casefold() == normalised(row.text).casefold()
    return _compatible(one, other)


def _compatible(one: Quantity | None, other: Quantity | None) -> bool | None:
    if one is None or other is None or one.unit != other.unit:  # a mass in u says nothing on one in MeV
        return None
    return not one.contradicts(other)


def _quantity(row: Mapping[str, Any]) -> Quantity | None:
    """The value of a row of the table of facts."""
    if row["value"] is None:
        return None
    bound = row["bound"] if row["bound"] in _LIMITS else None
    errors = (row["error_plus"], row["error_minus"])
    return Quantity(row["value"], *errors, row["unit"], bound, row["resolution"] or 0.0, 0, 0)
