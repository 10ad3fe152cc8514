"""What is written is written once, by whom it was, and takes the place of nothing of another kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from yukawa.core.errors import InputError
from yukawa.knowledge import new_item
from yukawa.knowledge.search.serving import Serving, serving_row
from yukawa.knowledge.store import reader
from yukawa.knowledge.store.changes import Changes
from yukawa.knowledge.store.database import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "base")
    yield opened
    opened.close()


@pytest.fixture
def changes(store: Store) -> Changes:
    serving = Serving(store)
    serving.ensure("hash")
    return Changes(store, serving)


def test_what_is_known_is_not_written_again(changes: Changes, store: Store) -> None:
    first, second, third = changes.teach(
        [new_item("The ring is cold."), new_item("It is dark."), new_item("The  ring is cold.")], "", ""
    )
    assert (first.id, first.status, second.status) == (third.id, "taught", "taught")
    (again,) = changes.teach([new_item("The ring is cold.", author="Li")], "", "")
    assert (again.id, again.status, again.provenance.author) == (first.id, "known", "unknown")
    with store.read() as connection:
        assert [event.actor for event in reader.events_of(connection, first.id)] == ["unknown"]


def test_one_transaction_writes_and_withdraws(changes: Changes, store: Store) -> None:
    (old,) = changes.teach([new_item("The ring is cold.")], "Li", "")
    (written,) = changes.write([new_item("The ring is warm.")], "Wu", "survey", [old.id]).values()
    with store.read() as connection:
        assert not reader.shown(connection, old.id).current
        assert [(e.verb, e.actor) for e in reader.events_of(connection, old.id)] == [
            ("teach", "Li"),
            ("unload", "Wu"),
        ]
        assert [e.reason for e in reader.events_of(connection, written.id)] == ["survey"]


def test_a_replacement_is_a_new_version_unless_another_item_teaches_the_same(changes: Changes) -> None:
    cold, _ = changes.teach([new_item("The ring is cold."), new_item("The ring is warm.")], "Li", "")
    item = changes.replace(new_item("The ring is hot.", item_id=cold.id), "Li", "", "update")
    assert (item.id, item.version, item.status) == (cold.id, 2, "updated")
    with pytest.raises(InputError, match="teaches the same already"):
        changes.replace(new_item("The ring is warm.", item_id=cold.id), "Li", "", "update")


def test_an_item_does_not_change_its_kind(changes: Changes, store: Store) -> None:
    (data,) = changes.teach(
        [new_item("c is 1.", kind="data", item_id="a", attributes={"facts": []})], "s", ""
    )
    with pytest.raises(InputError, match="of the kind 'data'"):
        changes.write([new_item("c is 2.", item_id="a")], "Li", "")
    with store.read() as connection:
        assert reader.shown(connection, "a").text == data.text


@pytest.mark.parametrize("times", [1, 3])
def test_a_change_begins_again_where_another_process_reindexed_meanwhile(
    times: int, changes: Changes, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = iter([True] * times + [False, True] + [False])

    def serving(connection: sa.Connection, name: str) -> Any:
        row = serving_row(connection, name)
        return SimpleNamespace(id=-1) if next(stale, False) else row

    monkeypatch.setattr("yukawa.knowledge.store.changes.serving_row", serving)
    (item,) = changes.teach([new_item("The ring is cold.")], "Li", "")
    changed = changes.replace(new_item("The ring is hot.", item_id=item.id), "Wu", "warm", "update", 1)
    assert (changed.id, changed.version, changed.status) == (item.id, 2, "updated")
    with store.read() as connection:
        events = [(event.verb, event.actor, event.reason) for event in reader.events_of(connection, item.id)]
    assert events == [("teach", "Li", ""), ("update", "Wu", "warm")]
