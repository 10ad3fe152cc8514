"""The store of a run: transactions, notes, one worker at a time, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from yukawa.core.errors import InputError, NotFound, StoreError
from yukawa.data.engine.tables import FILE, WorkStore, keep, notes


def test_a_note_is_kept_and_replaced(tmp_path: Path) -> None:
    store = WorkStore(tmp_path, new=True)
    for value in (1, {"a": [2]}):
        with store.write() as connection:
            keep(connection, "round", value)
        assert store.note("round") == value
    assert store.note("other", 7) == 7
    store.close()
    again = WorkStore(tmp_path)
    assert again.note("round") == {"a": [2]}
    again.close()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = WorkStore(tmp_path, new=True)

    def fail() -> None:
        with store.write() as connection:
            keep(connection, "round", 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.note("round") is None
    store.close()


def test_one_worker_at_a_time(tmp_path: Path) -> None:
    first, second = WorkStore(tmp_path, new=True), WorkStore(tmp_path)
    with first.alone(), pytest.raises(InputError, match="another process works on"), second.alone():
        pass
    with second.alone():
        pass
    first.close()
    second.close()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=FILE):
        WorkStore(tmp_path)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("not a database at all, but long enough to be read as one" * 20)
    with pytest.raises(StoreError, match=r"work\.db"):
        WorkStore(tmp_path)


@pytest.mark.parametrize("url", ["mysql://host/name", "nothing"])
def test_only_postgresql_serves_several_machines(url: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="PostgreSQL"):
        WorkStore(tmp_path, url)


def test_the_tables_are_made_once(tmp_path: Path) -> None:
    for _ in range(2):
        store = WorkStore(tmp_path, new=True)
        with store.read() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(notes)).scalar() == 0
        store.close()
