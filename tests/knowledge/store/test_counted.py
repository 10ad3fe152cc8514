"""Rows that are written one by one have the checksums, and are counted, as if all were checked and counted anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store import checksums, counted, schema

STEPS = st.lists(
    st.tuples(st.sampled_from(["insert", "change", "delete", "note"]), st.integers(0, 3), st.text("ab", max_size=3)),
    max_size=25,
)  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[sa.Engine]:
    made = sa.create_engine("sqlite://")
    schema.metadata.create_all(made)
    yield made
    made.dispose()


def tallies(connection: sa.Connection) -> list[tuple[str, int, int]]:
    query = sa.select(schema.tallies).order_by(schema.tallies.c.name)
    return [tuple(row) for row in connection.execute(query)]


@given(STEPS)
def test_any_steps_leave_the_tallies_and_checksums_that_are_made_anew(
    engine: sa.Engine, steps: list[tuple[str, int, str]]
) -> None:
    items, meta = schema.items, schema.meta
    with engine.connect() as connection:
        checksums.count_all(connection)
        there: dict[str, str] = {}
        for what, number, text in steps:
            key = f"k{number}"
            if what == "insert" and key not in there:
                counted.insert(connection, items, [{"id": key, "kind": text}])
                there[key] = text
            elif what == "change":
                counted.change(connection, items, items.c.id == key, kind=text)
                there |= {key: text} if key in there else {}
            elif what == "delete":
                counted.delete(connection, items, items.c.id == key)
                there.pop(key, None)
            elif what == "note":
                counted.write_note(connection, key, text)
                assert counted.note(connection, key) == text
        assert dict(connection.execute(sa.select(items.c.id, items.c.kind)).all()) == there
        assert list(checksums.problems(connection)) == []
        before = tallies(connection)
        rows = connection.execute(sa.select(items).order_by(items.c.id)).all()
        checksums.write_all(connection)
        assert tallies(connection) == before
        assert connection.execute(sa.select(items).order_by(items.c.id)).all() == rows
        assert {name for name, _, _ in before} == {t.name for t in (*checksums.COUNTED, schema.events)}
        assert connection.execute(sa.select(meta.c.key).where(meta.c.key.in_(schema.SERVERS))).all() == []
        connection.rollback()


def test_a_damaged_row_stays_a_damaged_one_when_it_is_changed(base: KnowledgeBase) -> None:
    base.teach("The mass of the tau is 1776.9 MeV.", author="A")
    base.teach("The mass of the tau is 1500 MeV.", author="B")
    (conflict,) = base.conflicts()
    with base.store.write() as connection:
        connection.execute(sa.update(schema.conflicts).values(key="other"))
    base.resolve(conflict.id, keep=conflict.item_ids[0])
    assert base.verify().problems == (f"conflict {conflict.id}: it was changed after it was written",)


def test_the_number_of_an_erased_row_does_not_come_back(base: KnowledgeBase) -> None:
    base.teach("The ring is cold.")
    with base.store.write() as connection:
        next_one = counted.next_number(connection, schema.versions)
        connection.execute(sa.delete(schema.facts))
    base.purge(base.list()[0].id)
    with base.store.write() as connection:
        assert counted.next_number(connection, schema.versions) == next_one == 2
