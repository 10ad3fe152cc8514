"""What is written for a new item: ids, postings, and which claims of other items it contradicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge import Item, KnowledgeBase, NewItem, new_item
from yukawa.knowledge.items import with_keys
from yukawa.knowledge.parsing import find_quantities
from yukawa.knowledge.store.writer import chunks, new_id, posting_rows_of


@pytest.fixture
def local(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(tmp_path / "base", embedding="hash") as base:
        yield base


def fact(number: int, value: str, keys: tuple[str, ...] = ("x|mass|",)) -> NewItem:
    item = new_item(f"The mass is {value} (no. {number}).", kind="data", item_id=f"pdg:{number}")
    return with_keys(item, keys, find_quantities(value)[0])


def against(item: Item) -> set[str]:
    return {i for c in item.conflicts for i in c.item_ids} - {item.id}


# ---- small laws -------------------------------------------------------------------------------------


def test_ids_are_short_and_all_different() -> None:
    ids = {new_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert all(i.isalnum() and i.islower() and i[0] == "k" and len(i) == 9 for i in ids)


@given(st.lists(st.text(max_size=3), max_size=1600))
def test_chunks_hold_everything_in_order(values: list[str]) -> None:
    pieces = list(chunks(values))
    assert [v for piece in pieces for v in piece] == values
    assert all(0 < len(piece) <= 500 for piece in pieces)


@given(st.lists(st.sampled_from(["a", "b", "@S035", "#mass", "=k"]), max_size=30))
def test_postings_count_every_term(terms: list[str]) -> None:
    rows = posting_rows_of(7, " ".join(terms))
    assert {r["term"]: r["frequency"] for r in rows} == {t: terms.count(t) for t in terms}
    assert {(r["passage_id"], r["length"]) for r in rows} <= {(7, len(terms))}


# ---- contradictions ---------------------------------------------------------------------------------


def test_a_contradiction_is_told_with_both_sources_whichever_came_first(local: KnowledgeBase) -> None:
    first = local.teach("The mass of the tau is 1776.9 ± 0.1 MeV.", source="A")
    assert first.conflicts == ()
    second = local.teach("m(τ) = 1790 ± 1 MeV", source="B")
    (conflict,) = second.conflicts
    assert conflict.item_ids == (first.id, second.id)
    assert conflict.sources == ("A", "B")
    assert conflict.texts == (first.text, second.text)
    assert local.conflicts() == [conflict]
    assert local.show(first.id).conflicts == (conflict,)


@pytest.mark.parametrize("other", [
    "The mass of the tau is 1776.95 ± 0.1 MeV.", "The mass of the tau is 1.7769 GeV.", "The mass of the muon is 105.66 ± 0.01 MeV.",
    "The lifetime of the tau is 290.3 ± 0.5 fs.", "The mass of the tau is below 1800 MeV.", "The tau is heavy.",
])  # fmt: skip
def test_what_agrees_or_speaks_of_something_else_is_no_conflict(local: KnowledgeBase, other: str) -> None:
    local.teach("The mass of the tau is 1776.9 ± 0.1 MeV.")
    assert local.teach(other).conflicts == ()
    assert local.conflicts() == []


def test_values_a_source_lists_side_by_side_are_not_held_against_each_other(local: KnowledgeBase) -> None:
    local.teach_many([fact(1, "5.0 ± 0.1 MeV"), fact(2, "9.0 ± 0.1 MeV")])
    assert local.conflicts() == []


def test_one_listed_value_that_agrees_clears_the_others(local: KnowledgeBase) -> None:
    values = {"1776.9 ± 0.1 MeV": "pdg:1", "1800 ± 1 MeV": "pdg:2"}
    key = new_item("The mass of the tau is 1 MeV.").claims[0].key
    local.teach_many([fact(int(i[-1]), v, (key,)) for v, i in values.items()])
    assert local.teach("The mass of the tau is 1776.9 ± 0.2 MeV.").conflicts == ()
    assert against(local.teach("The mass of the tau is 1700 ± 1 MeV.")) >= {"pdg:1", "pdg:2"}


def test_data_that_come_later_are_held_against_what_was_taught(local: KnowledgeBase) -> None:
    taught = local.teach("The mass of the tau is 1700 ± 1 MeV.")
    key = new_item(taught.text).claims[0].key
    local.teach_many([fact(1, "1776.9 ± 0.1 MeV", (key,))])
    (conflict,) = local.conflicts()
    assert set(conflict.item_ids) == {taught.id, "pdg:1"}


def test_a_conflict_ends_with_either_side(local: KnowledgeBase) -> None:
    first = local.teach("The mass of the tau is 1776.9 ± 0.1 MeV.")
    second = local.teach("The mass of the tau is 1790 ± 1 MeV.")
    local.unload(second.id)
    assert local.conflicts() == []
    local.restore(second.id)
    assert {i for c in local.conflicts() for i in c.item_ids} == {first.id, second.id}
    local.update(second.id, "The mass of the tau is 1776.8 ± 0.2 MeV.")
    assert local.conflicts() == []


def test_two_answers_to_one_question_are_compared(local: KnowledgeBase) -> None:
    local.teach("60 ps", question="What is the TOF resolution of BESIII?")
    assert local.teach("61 ps", question="What is the TOF resolution of BESIII?").conflicts == ()
    assert local.teach("90 ps", question="what is the resolution of the BESIII TOF?").conflicts != ()
