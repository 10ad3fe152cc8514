"""A search that finds all in memory answers as one that reads everything, and sees each change at once."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from yukawa.core.errors import StoreError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store.database import Store

QUESTION = "number of the ring"


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    knowledge = KnowledgeBase.open(tmp_path, embedding="hash")
    for number in range(30):
        knowledge.teach(f"The ring has the number {number}.")
    return knowledge


def _in_memory(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a search opens no transaction."""
    opened: list[None] = []
    whole = Store.read

    def counted(self: Store):  # type: ignore[no-untyped-def]
        opened.append(None)
        return whole(self)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "read", counted)
        base.search(QUESTION)
    return not opened


def test_the_second_search_opens_no_transaction_and_finds_the_same(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = base.search(QUESTION, k=7)
    assert _in_memory(base, monkeypatch)
    assert base.search(QUESTION, k=7) == first
    with KnowledgeBase.open(str(base.store.folder)) as other:
        assert other.search(QUESTION, k=7) == first


def test_each_change_of_another_process_is_seen_at_once(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.search(QUESTION)
    with KnowledgeBase.open(str(base.store.folder)) as other:
        new = other.teach("The number of the ring is the number of the ring.")
        assert not _in_memory(base, monkeypatch)
        assert base.search(QUESTION)[0].item_id == new.id
        other.unload(new.id)
        assert new.id not in {hit.item_id for hit in base.search(QUESTION, k=50)}
        other.reindex("none")
        assert {hit.similarity for hit in base.search(QUESTION)} == {0.0}
        assert _in_memory(base, monkeypatch)


def test_a_filter_or_a_moment_reads_the_tables(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    base.search(QUESTION)
    assert base.search(QUESTION, author="nobody") == []
    assert base.search(QUESTION, kind="statement")
    assert _in_memory(base, monkeypatch)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_searches_with_a_handle_of_its_own(base: KnowledgeBase) -> None:
    expected = [hit.item_id for hit in base.search(QUESTION)]
    receiving, sending = multiprocessing.Pipe(duplex=False)

    def run() -> None:
        sending.send(base.store.glance("SELECT count(*) FROM passages"))

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    child.join(30)
    assert receiving.recv() == [(30,)]
    assert [hit.item_id for hit in base.search(QUESTION)] == expected


def test_a_glance_that_fails_is_worded_as_any_other(base: KnowledgeBase) -> None:
    with pytest.raises(StoreError, match="no such table"):
        base.store.glance("SELECT * FROM nothing_here")
    base.close()
    assert base.store.glance("SELECT 1") == [(1,)]  # opened again when asked
    base.close()
