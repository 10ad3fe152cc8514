"""Many threads over one base: each search sees one moment, whoever writes meanwhile."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.search.local_index import LocalIndex
from yukawa.knowledge.search.ranking import Query


@pytest.mark.slow
def test_an_item_that_is_updated_all_the_time_is_always_found_once(tmp_path: Path, monkeypatch) -> None:
    rebuilt = []
    rebuild = LocalIndex._rebuild
    monkeypatch.setattr(LocalIndex, "_rebuild", lambda *given: (rebuilt.append(1), rebuild(*given)))
    with KnowledgeBase.open(tmp_path / "base", embedding="hash") as base:
        item = base.teach("The quench detector of the muon trainer has 0 channels.", author="ada")
        for i in range(30):
            base.teach(f"Another device, number {i}, has a door of colour {i}.", author="ada")
        base.search("quench detector")
        rebuilt.clear()
        ends, failures, found = time.monotonic() + 1.5, [], []

        def guarded(work) -> None:
            try:
                while time.monotonic() < ends:
                    work()
            except BaseException as error:  # noqa: BLE001 -- shown by the test
                failures.append(error)

        def update() -> None:
            number = base.show(item.id).version
            base.update(
                item.id, f"The quench detector of the muon trainer has {number} channels.", author="ada"
            )

        def search() -> None:
            hits = [hit for hit in base.search("quench detector channels", k=3) if hit.item_id == item.id]
            found.append(len(hits))

        threads = [
            threading.Thread(target=guarded, args=(work,)) for work in (update, search, search, search)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert set(found) == {1}
        assert not rebuilt  # an older view is no reason to build the index anew
        assert base.verify().clean


def test_a_view_that_others_have_gone_beyond_shows_its_own_moment(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path / "base", embedding="hash") as base:
        old = base.teach("The quench detector has 3 channels.")
        with base.store.read() as view:
            embedder, index = base._serving.open(view)
            query = Query(lambda: embedder.embed(["quench"])[0], ("quench",), None, None, 5)
            before = index.search(view, query)
            base.update(old.id, "The quench detector has 4 channels.")
            base.teach("Another quench detector has 5 channels.")
            assert len(base.search("quench", k=5)) == 2
            assert [s.passage_id for s in index.search(view, query)] == [s.passage_id for s in before]
            assert len(before) == 1
        with base.store.read() as view:
            assert {s.passage_id for s in index.search(view, query)}.isdisjoint(s.passage_id for s in before)
