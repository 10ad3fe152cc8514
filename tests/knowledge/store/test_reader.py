"""Reading a base back: as it is, as it was at each moment, filtered and in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from yukawa.knowledge import Item, KnowledgeBase, draft

steps = st.lists(
    st.tuples(st.sampled_from(["teach", "update", "unload", "restore"]), st.integers(0, 3)), max_size=8
)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(tmp_path / "base", embedding="hash") as base:
        yield base


def texts(items: list[Item]) -> set[str]:
    return {item.text for item in items}


@hypothesis_settings(max_examples=12)
@given(steps)
def test_every_past_moment_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, int]]
) -> None:
    with KnowledgeBase.open(tmp_path_factory.mktemp("past") / "base", embedding="hash") as base:
        expected: dict[int, str] = {}
        known: dict[int, str] = {}
        last: dict[int, str] = {}
        moments = []
        for count, (verb, which) in enumerate(history):
            if verb == "teach" and which not in known:
                item = base.teach(f"Magnet {which} has number {count}.")
                known[which] = item.id
                expected[which] = last[which] = item.text
            elif verb == "update" and which in expected:
                item = base.update(known[which], f"Magnet {which} has number {count}.")
                expected[which] = last[which] = item.text
            elif verb == "unload" and which in expected:
                item = base.unload(known[which])
                del expected[which]
            elif verb == "restore" and which in known and which not in expected:
                item = base.restore(known[which])
                expected[which] = last[which]
            else:
                continue
            changed = item.valid_from if verb != "unload" else item.valid_to
            assert changed is not None
            moments.append((changed, set(expected.values())))
        assert texts(base.list()) == set(expected.values())
        assert texts(base.list(unloaded=True)) == {last[w] for w in known if w not in expected}
        for moment, then in moments:
            assert texts(base.list(as_of=moment)) == then
            assert {h.text for h in base.search("magnet number", k=20, as_of=moment)} == then
        for which, item_id in known.items():
            versions, events = base.history(item_id)
            assert versions[-1].text == last[which]
            assert [v.version for v in versions] == list(range(1, len(versions) + 1))
            assert all(
                a.valid_to is not None and a.valid_to <= b.valid_from for a, b in itertools.pairwise(versions)
            )
            assert [e.seq for e in events] == sorted(e.seq for e in events)


def test_filters_take_marks_as_they_stand(local: KnowledgeBase) -> None:
    for source in ("100%", "a_b", "axb", "TDR 2020"):
        local.teach(f"From {source}.", source=source)
    assert {i.provenance.source for i in local.list(source="%")} == {"100%"}
    assert {i.provenance.source for i in local.list(source="_")} == {"a_b"}
    assert {i.provenance.source for i in local.list(source="tdr")} == {"TDR 2020"}
    assert local.list(source="' OR 1=1 --") == []


def test_lists_are_newest_first_and_can_be_cut(local: KnowledgeBase) -> None:
    taught = [local.teach(f"Magnet {n}.").id for n in range(5)]
    assert [i.id for i in local.list()] == taught[::-1]
    assert [i.id for i in local.list(limit=2)] == taught[:2:-1]


def test_more_ids_than_one_statement_can_hold_are_looked_up(local: KnowledgeBase) -> None:
    drafts = [draft(f"Magnet {n}.") for n in range(1200)]
    first = local.teach_many(drafts)
    assert {i.status for i in local.teach_many(drafts)} == {"known"}
    assert len({i.id for i in first}) == 1200


def test_hits_carry_the_keys_of_what_they_state(local: KnowledgeBase) -> None:
    item = local.teach("The mass of the tau is 1777 MeV.", source="A", attributes={"year": "2026"})
    (hit,) = local.search("tau mass")
    assert hit.keys
    assert all(k.startswith("S035") for k in hit.keys)
    assert (hit.item_id, dict(hit.attributes), hit.provenance.source) == (item.id, {"year": "2026"}, "A")
    assert 0 <= hit.lexical <= 1 + 1e-9
    assert -1 - 1e-3 <= hit.similarity <= 1 + 1e-3
