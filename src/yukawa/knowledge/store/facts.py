"""The table of facts: rows made from what versions state, and found by index."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from yukawa.core.errors import InputError
from yukawa.knowledge.facts import PROPERTIES, Fact, plain_name
from yukawa.knowledge.items import stated_facts
from yukawa.knowledge.parsing.products import has_products, same_channel
from yukawa.knowledge.parsing.units import find_unit
from yukawa.knowledge.records import FoundFact, Provenance
from yukawa.knowledge.store.schema import events, facts, items, versions
from yukawa.knowledge.trust import trust_of

Products = Sequence[str | Sequence[str]]
_BETWEEN = "|"  # products in a row of the table
_AT_ONCE = 500


# ---- rows -----------------------------------------------------------------------------------------


def rows_of(version_id: int, stated: Sequence[Fact]) -> list[dict[str, Any]]:
    """Rows for the facts of one version: one for each subject, with numbers in base units."""
    return [
        {"version_id": version_id, "ordinal": ordinal, "subject": subject, "channel": channel} | columns
        for ordinal, fact in enumerate(stated)
        for columns in (columns_of(fact),)
        for subject, channel in _places(fact)
    ]


def _places(fact: Fact) -> Iterator[tuple[str, str]]:
    """Subject and channel of each row; of a mass difference both sides, and the pair for a channel."""
    if minus := fact.qualifiers.get("minus"):
        second = minus.split(", ")
        first = [name for name in fact.subjects if name not in second] or second
        for pair in itertools.product(first, second):
            for name in pair:
                yield name, _BETWEEN.join(sorted(pair))
    else:
        channel = _BETWEEN.join(name.replace(_BETWEEN, "/") for name in fact.channel)
        for name in fact.subjects or ("",):
            yield name, channel


def columns_of(fact: Fact) -> dict[str, Any]:
    """What a row holds of a fact besides subject and channel, with numbers in base units."""
    unit, size = _base_unit(fact)
    numbers = {name: getattr(fact, name) for name in ("value", "error_plus", "error_minus", "resolution")}
    return {
        "identifier": fact.identifier, "property": fact.property, "name": plain_name(fact.name), "unit": unit,
        "bound": fact.bound, **{name: None if n is None else n * size for name, n in numbers.items()},
    }  # fmt: skip


def _base_unit(fact: Fact) -> tuple[str, float]:
    """The dimension of a fact's unit and its size in base units; numbers of a property without one stay as they are."""
    unit = find_unit(fact.unit) if PROPERTIES[fact.property].dimension is not None else None
    return (unit.dimension, unit.size) if unit else ("", 1.0)


def rebuild(connection: sa.Connection) -> None:
    """Make the whole table anew from the versions."""
    connection.execute(sa.delete(facts))
    numbers = itertools.count(1)
    columns = (versions.c.id, versions.c.text, versions.c.question, versions.c.attributes, items.c.kind)
    query = sa.select(*columns).join_from(versions, items).order_by(versions.c.id)
    for batch in connection.execute(query, execution_options={"yield_per": _AT_ONCE}).partitions():
        rows = [
            row | {"id": next(numbers)}
            for v in batch
            for row in rows_of(v.id, stated_facts(v.kind, v.text, v.question, v.attributes))
        ]
        if rows:
            connection.execute(sa.insert(facts), rows)


# ---- looking up -----------------------------------------------------------------------------------


class FactQuery(NamedTuple):
    """What facts are looked for by: the arguments of `KnowledgeBase.find_facts`."""

    subjects: Sequence[str]
    property: str | None
    channel: Products
    products: Products
    name: str | None
    identifier: str | None


def find(
    connection: sa.Connection, valid: sa.ColumnElement[bool], query: FactQuery, as_of: int | None = None
) -> list[FoundFact]:
    """The facts of valid versions that match everything in `query`, in the order of their source, trusted as after that event.

    Raises:
        InputError: nothing is given to look for.
    """
    wanted: list[sa.ColumnElement[bool]] = []
    if query.subjects:
        wanted.append(facts.c.subject.in_(list(query.subjects)))
    for column, value in ((facts.c.property, query.property), (facts.c.identifier, query.identifier)):
        if value is not None:
            wanted.append(column == value)
    if query.name is not None:
        wanted.append(facts.c.name == plain_name(query.name))
    if query.channel or query.products:
        wanted.append(facts.c.channel != "")
    if not wanted:
        raise InputError(
            "no facts are named", hint="give subjects, a property, products, a name or an identifier"
        )
    columns = (facts.c.version_id, facts.c.ordinal, facts.c.channel)
    rows = connection.execute(sa.select(*columns).join_from(facts, versions).where(*wanted, valid))
    places = {
        (version_id, ordinal)
        for version_id, ordinal, stored in rows
        if _fits(stored, query.channel, query.products)
    }
    return _loaded(connection, sorted(places), as_of)


def _fits(stored: str, channel: Products, products: Products) -> bool:
    found = stored.split(_BETWEEN) if stored else []
    return (not channel or same_channel(found, _alternatives(channel))) and (
        not products or has_products(found, _alternatives(products))
    )


def same_channels(one: str, other: str) -> bool:
    """Whether the channels of two rows can be one final state."""
    first, second = one.split(_BETWEEN), other.split(_BETWEEN)
    return same_channel(first, _alternatives(second)) or same_channel(second, _alternatives(first))


def _alternatives(products: Products) -> list[Sequence[str]]:
    return [(names,) if isinstance(names, str) else names for names in products]


def _loaded(
    connection: sa.Connection, places: Sequence[tuple[int, int]], as_of: int | None
) -> list[FoundFact]:
    """Load the facts at these places, each with the provenance of its item and how far it is trusted."""
    ids = list(dict.fromkeys(version_id for version_id, _ in places))
    found: dict[int, sa.RowMapping] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = versions.c.id.in_(ids[start : start + _AT_ONCE])
        query = sa.select(versions, items.c.kind).join_from(versions, items).where(some)
        found |= {row["id"]: row for row in connection.execute(query).mappings()}
    theirs = [(row["item_id"], row["number"]) for row in found.values() if row["kind"] != "data"]
    agreed = reviewed(connection, theirs, as_of)
    return [
        FoundFact(
            fact,
            row["item_id"],
            row["text"],
            row["kind"],
            Provenance.of(row),
            row["number"],
            trust_of(row["kind"], row["author"], reviewed=(row["item_id"], row["number"]) in agreed),
        )
        for version_id, ordinal in places
        for row in (found[version_id],)
        if (fact := _at(row, ordinal)) is not None
    ]


def reviewed(
    connection: sa.Connection, places: Sequence[tuple[str, int]], as_of: int | None = None
) -> set[tuple[str, int]]:
    """Those versions (item id and number) that a reviewer had confirmed and none had taken back, after that event or now."""
    until = sa.true() if as_of is None else events.c.seq <= as_of
    found: dict[tuple[str, int], bool] = {}
    for start in range(0, len(places), _AT_ONCE):
        some = [item_id for item_id, _ in places[start : start + _AT_ONCE]]
        query = sa.select(events.c.item_id, events.c.version, events.c.verb).where(
            events.c.item_id.in_(some), events.c.verb.in_(("review", "retract")), until
        )
        for item_id, number, verb in connection.execute(query.order_by(events.c.seq)):
            found[item_id, number] = verb == "review"
    return {place for place in places if found.get(place)}


def _at(row: sa.RowMapping, ordinal: int) -> Fact | None:
    """One of the facts of a version; None if this release reads its text in another way than the one that filed it."""
    if row["kind"] == "data":
        return Fact.from_json(row["attributes"]["facts"][ordinal])
    stated = stated_facts(row["kind"], row["text"], row["question"], row["attributes"])
    return stated[ordinal] if ordinal < len(stated) else None
