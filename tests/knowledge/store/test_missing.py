"""Who asks for what is not there is told what is."""

from __future__ import annotations

import datetime as dt

import pytest

from yukawa.core.errors import InputError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store.missing import checked_moment, unknown_item


def test_an_unknown_item(base: KnowledgeBase) -> None:
    item = base.teach("Something.")
    with base.store.read() as connection:
        assert f"did you mean {item.id}?" in str(unknown_item(connection, item.id + "x"))
        for nonsense in (
            "",
            "%",
            "_" * 9,
            "'; DROP TABLE items; --",
            "\0" if not base.store.is_postgres else "?",
        ):
            assert "type: yukawa knowledge list" in str(unknown_item(connection, nonsense))


def test_an_erased_item(base: KnowledgeBase) -> None:
    item = base.teach("Something.")
    base.purge(item.id)
    with base.store.read() as connection:
        assert str(unknown_item(connection, item.id)).startswith(f"item {item.id} was erased")


def test_moments(base: KnowledgeBase) -> None:
    with base.store.read() as connection, pytest.raises(InputError, match="this base is empty"):
        checked_moment(connection, "2020-01-01")
    began = base.teach("Something.").valid_from
    with base.store.read() as connection:
        assert checked_moment(connection, None) is None
        asked = checked_moment(connection, began)
        assert asked == checked_moment(connection, began.isoformat())
        assert asked is not None
        with pytest.raises(InputError, match=f"begins on {began:%Y-%m-%d}"):
            checked_moment(connection, began - dt.timedelta(microseconds=1))
        with pytest.raises(InputError, match="future"):
            checked_moment(connection, dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
        with pytest.raises(InputError, match="is no time"):
            checked_moment(connection, "yesterday")
