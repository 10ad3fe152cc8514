"""The embedder and the index always belong to the embedder that the base serves with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from yukawa.core.errors import StoreError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.search.serving import Serving, serving_row
from yukawa.knowledge.store import schema


def test_a_base_keeps_the_embedder_it_began_with(url: str) -> None:
    with KnowledgeBase.open(url, embedding="hash") as first:
        assert first.embedding == "hash"
    with KnowledgeBase.open(url, embedding="none") as second:
        assert second.embedding == "hash"


def test_groups_come_back_as_they_were(base: KnowledgeBase) -> None:
    serving = Serving(base.store)
    embedder_id, groups = serving.embedded([["a", "b"], [], ["c"]])
    assert [g.shape for g in groups] == [(2, 256), (0, 256), (1, 256)]
    with base.store.read() as connection:
        assert serving_row(connection, "x") == (embedder_id, "hash", 256)
        assert (serving.open(connection)[0].embed(["c"]) == groups[2]).all()


def test_all_is_opened_anew_after_a_change(
    base: KnowledgeBase, open_again: Callable[[], KnowledgeBase]
) -> None:
    serving = Serving(base.store)
    with base.store.read() as connection:
        first = serving.index(connection)
        assert serving.index(connection) is first
        embedder, index = serving.open(connection)
        assert embedder.name == "hash"
        assert index is first
    open_again().reindex("none")
    with base.store.read() as connection:
        assert serving.index(connection) is not first
        assert serving.open(connection)[0].name == "none"


def test_an_embedder_that_changed_its_vectors_is_not_used(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path, embedding="hash") as base, base.store.write() as connection:
        connection.execute(sa.update(schema.embedders).values(dimensions=99))
    with KnowledgeBase.open(tmp_path) as base:
        with pytest.raises(StoreError, match=r"have 99 dimensions.*gives 256.*reindex hash"):
            base.teach("Something.")
        assert base.reindex("hash") is True
        assert base.teach("Something.").status == "taught"
        assert base.verify().clean


def test_a_base_without_embedder_says_so(base: KnowledgeBase) -> None:
    with base.store.write() as connection:
        connection.execute(sa.delete(schema.embedders))
    with pytest.raises(StoreError, match="has no embedder"):
        base.teach("Something.")
