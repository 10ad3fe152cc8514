"""Reading a base back: as it is, as it was at each moment, filtered and in order."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge import Item, KnowledgeBase, NewItem, new_item
from yukawa.knowledge.items import with_keys
from yukawa.knowledge.store.reader import event_at, last_stored, unknown_item

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


def test_a_filter_of_an_unknown_name_is_refused(local: KnowledgeBase) -> None:
    local.teach("The ring is cold.", source="s")
    for call in (local.list, lambda **filters: local.search("ring", **filters)):
        with pytest.raises(InputError, match="did you mean 'particle physics'"):
            call(domain="particle physic")
        with pytest.raises(InputError, match="unknown kind of item"):
            call(kind="statemint")


def test_lists_are_newest_first_and_can_be_cut(local: KnowledgeBase) -> None:
    taught = [local.teach(f"Magnet {n}.").id for n in range(5)]
    assert [i.id for i in local.list()] == taught[::-1]
    assert [i.id for i in local.list(limit=2)] == taught[:2:-1]


def test_more_ids_than_one_statement_can_hold_are_looked_up(local: KnowledgeBase) -> None:
    new_items = [new_item(f"Magnet {n}.") for n in range(1200)]
    first = local.build(new_items, actor="")
    assert {i.status for i in local.build(new_items, actor="")} == {"known"}
    assert len({i.id for i in first}) == 1200


def test_hits_carry_the_keys_of_what_they_state(local: KnowledgeBase) -> None:
    item = local.teach("The mass of the tau is 1777 MeV.", source="A", attributes={"year": "2026"})
    (hit,) = local.search("tau mass")
    assert hit.keys
    assert all(k.startswith("S035") for k in hit.keys)
    assert (hit.item_id, dict(hit.attributes), hit.provenance.source) == (item.id, {"year": "2026"}, "A")
    assert 0 <= hit.lexical <= 1 + 1e-9
    assert -1 - 1e-3 <= hit.similarity <= 1 + 1e-3


# ---- what is not there ----


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
        event_at(connection, "2020-01-01")
    began = base.teach("Something.").valid_from
    with base.store.read() as connection:
        assert event_at(connection, None) is None
        asked = event_at(connection, began)
        assert asked == event_at(connection, began.isoformat())
        assert asked is not None
        with pytest.raises(InputError, match=f"begins on {began:%Y-%m-%d}"):
            event_at(connection, began - dt.timedelta(microseconds=1))
        with pytest.raises(InputError, match="future"):
            event_at(connection, dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
        with pytest.raises(InputError, match="is not a time"):
            event_at(connection, "yesterday")


def test_clocks_may_differ_by_a_second(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    now = base.teach("Something.").valid_from
    monkeypatch.setattr(time, "time_ns", lambda: int(now.timestamp() * 1e6) * 1000)
    with base.store.read() as connection:
        assert event_at(connection, now + dt.timedelta(seconds=0.999)) == event_at(connection, now)
        assert event_at(connection, now + dt.timedelta(seconds=1)) == event_at(connection, now)
        with pytest.raises(InputError, match="future"):
            event_at(connection, now + dt.timedelta(seconds=1, microseconds=9))


# ---- versions as they were taught ----

TEXT = "The mass of the tau is 1776.93 ± 0.09 MeV."
DATA = new_item(
    "tau: 1776.93 ± 0.09 MeV", kind="data", attributes={"meaning": "mass of tau"}, item_id="pdg:x"
)
NEW_ITEMS = [
    new_item(TEXT, author="A", source="S", url="https://example.org", licence="CC0"),
    new_item(
        "1776.93 MeV", question="What is the mass of the tau?", attributes={"a": [1, None, {"ä": "\u2028"}]}
    ),
    new_item("# Title\n\n" + "A sentence about it. " * 200),
    with_keys(DATA, ("S035|mass|",)),
    new_item("The branching fraction of tau- → mu- gamma is < 4.2E-8."),
]


@pytest.mark.parametrize("item", NEW_ITEMS)
def test_an_item_comes_back(base: KnowledgeBase, item: NewItem) -> None:
    (taught,) = base.build([item], actor="")
    base.unload(taught.id, actor="Chen")
    with base.store.read() as connection:
        again = last_stored(connection, taught.id)
    assert again.item_id == taught.id
    assert replace(again, item_id=None) == replace(item, item_id=None)
    assert again.facts == item.facts


def test_restored_data_keep_what_their_text_does_not_say(base: KnowledgeBase) -> None:
    base.build([NEW_ITEMS[3]], actor="")
    (before,) = base.search("mass of tau")
    base.unload("pdg:x", actor="Chen")
    base.restore("pdg:x")
    (after,) = base.search("mass of tau")
    assert before.keys == after.keys == ("S035|mass|",)
    assert after.similarity == before.similarity
    assert after.version == 2
