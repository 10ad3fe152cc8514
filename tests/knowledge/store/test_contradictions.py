"""Contradictions are found when an item is taught, whichever side came first, and by one rule wherever they are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from yukawa.knowledge import Item, KnowledgeBase, NewItem, new_item
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing import find_quantities
from yukawa.knowledge.store.contradictions import agree


@pytest.fixture
def local(tmp_path: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(tmp_path / "base", embedding="hash") as base:
        yield base


def stated(number: int, fact: Fact) -> NewItem:
    return new_item(
        f"{fact.name} is {fact.printed} (no. {number}).",
        kind="data",
        item_id=f"pdg:{number}",
        attributes={"facts": [fact.as_json()]},
    )


def mass(number: int, text: str) -> NewItem:
    (q,) = find_quantities(text)
    return stated(number, Fact("S035M", ("tau-",), "mass", "tau mass", q.value / 1e6, error_plus=q.error_plus and q.error_plus / 1e6,
                               error_minus=q.error_minus and q.error_minus / 1e6, unit="MeV", printed=text))  # fmt: skip


def against(item: Item) -> set[str]:
    return {i for c in item.conflicts for i in c.item_ids} - {item.id}


def test_a_contradiction_is_reported_with_both_sources_whichever_came_first(local: KnowledgeBase) -> None:
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
    local.build([mass(1, "5.0 ± 0.1 MeV"), mass(2, "9.0 ± 0.1 MeV")], actor="source")
    assert local.conflicts() == []


def test_one_listed_value_that_agrees_clears_the_others(local: KnowledgeBase) -> None:
    values = {"1776.9 ± 0.1 MeV": "pdg:1", "1800 ± 1 MeV": "pdg:2"}
    local.build([mass(int(i[-1]), v) for v, i in values.items()], actor="source")
    assert local.teach("The mass of the tau is 1776.9 ± 0.2 MeV.").conflicts == ()
    assert against(local.teach("The mass of the tau is 1700 ± 1 MeV.")) >= {"pdg:1", "pdg:2"}


def test_data_that_come_later_are_held_against_what_was_taught(local: KnowledgeBase) -> None:
    taught = local.teach("The mass of the tau is 1700 ± 1 MeV.")
    local.build([mass(1, "1776.9 ± 0.1 MeV")], actor="source")
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


# ---- one rule, at the precision that is stated ------------------------------------------------------


@pytest.mark.parametrize(("stated", "conflicts"), [
    ("The tau weighs 2 GeV.", False), ("The tau weighs 1.8 GeV.", False), ("The tau weighs 1.9 GeV.", True), ("m(tau) = 1.78 TeV", True),
    ("The tau weighs 0 GeV.", True), ("The mass of the tau is 1777 MeV.", False), ("The mass of the tau is 2000 MeV.", True),
    ("The mass of the tau is < 1 GeV.", True), ("The mass of the tau is not 5 GeV.", False),
])  # fmt: skip
def test_a_rounded_value_is_held_to_its_own_digits(
    local: KnowledgeBase, stated: str, conflicts: bool
) -> None:
    local.build([mass(1, "1776.93 ± 0.09 MeV")], actor="source")
    item = local.teach(stated)
    assert bool(item.conflicts) is conflicts
    listed = mass(1, "1776.93 ± 0.09 MeV").facts[0]
    for found in local.find_facts(subjects=["tau-"], property="mass"):
        if found.item_id == item.id:
            assert agree(found.fact, listed) is not conflicts


def test_a_value_in_other_units_neither_agrees_nor_clears(local: KnowledgeBase) -> None:
    in_u = Fact(
        "S004U",
        ("mu-",),
        "mass",
        "mu mass in u",
        0.113,
        error_plus=1e-9,
        error_minus=1e-9,
        unit="u",
        printed="0.113 u",
    )
    in_mev = Fact(
        "S004M",
        ("mu-",),
        "mass",
        "mu mass",
        105.6583755,
        error_plus=2e-6,
        error_minus=2e-6,
        unit="MeV",
        printed="105.66 MeV",
    )
    local.build([stated(1, in_u), stated(2, in_mev)], actor="source")
    assert agree(in_u, in_mev) is None
    assert against(local.teach("The mass of the muon is 105.66 TeV.")) == {"pdg:2"}


def test_every_value_of_a_sentence_is_held_against_its_own_quantity(local: KnowledgeBase) -> None:
    width = Fact(
        "S035W",
        ("tau-",),
        "width",
        "tau width",
        2.3,
        error_plus=0.1,
        error_minus=0.1,
        unit="MeV",
        printed="2.3 MeV",
    )
    local.build([mass(1, "1776.93 ± 0.09 MeV"), stated(2, width)], actor="source")
    both = "The tau has a mass of 1777 MeV and a width of 5 GeV."
    item = local.teach(both)
    assert against(item) == {"pdg:2"}  # the value that agrees clears nothing but itself
    local.unload(item.id)
    assert against(local.teach("The tau has a mass of 5 GeV and a width of 2.3 MeV.")) == {"pdg:1"}


def test_a_limit_does_not_clear_a_measured_value(local: KnowledgeBase) -> None:
    limit = Fact(
        "S035L", ("tau-",), "mass", "tau mass", 9000.0, unit="MeV", bound="upper", printed="< 9000 MeV"
    )
    local.build([mass(1, "1776.93 ± 0.09 MeV"), stated(2, limit)], actor="source")
    assert against(local.teach("The mass of the tau is 5 GeV.")) == {"pdg:1"}


def test_a_lifetime_is_held_against_a_width(local: KnowledgeBase) -> None:
    width = Fact(
        "S044W",
        ("Z0",),
        "width",
        "Z width",
        2.4955,
        error_plus=0.0023,
        error_minus=0.0023,
        unit="GeV",
        printed="2.4955 GeV",
    )
    local.build([stated(1, width)], actor="source")
    item = local.teach("The lifetime of the Z is 1 s.")
    assert against(item) == {"pdg:1"}
    local.unload(item.id)
    assert local.teach("The lifetime of the Z is 2.64e-25 s.").conflicts == ()


def test_a_conflict_names_both_sides_with_author_date_trust_and_what_to_type(local: KnowledgeBase) -> None:
    local.build([mass(1, "1776.93 ± 0.09 MeV")], actor="source")
    item = local.teach("The tau weighs 5 GeV.", author="Li", source="a talk")
    (conflict,) = item.conflicts
    line = str(conflict)
    today = f"{item.valid_from:%Y-%m-%d}"
    parts = (
        "1776.93",
        "built source",
        "5 GeV",
        "taught, by Li",
        "a talk",
        today,
        "--keep pdg:1",
        f"review {item.id}",
    )
    for part in parts:
        assert part in line
    assert "\n" not in line


def test_what_a_text_would_contradict_is_foreseen_and_nothing_is_written(local):
    local.build([mass(1, "1776.93 ± 0.09 MeV")], actor="test")
    taught = local.teach("The mass of the tau lepton is 1777.2 ± 0.1 MeV.", author="ada")
    before = local.list()
    wrong = "The mass of the tau lepton is 1600 MeV."
    foreseen = local.foresee(wrong)
    assert {side.item_id for side in foreseen} == {"pdg:1", taught.id}
    assert {side.item_id for side in local.foresee(wrong, supersedes=[taught.id])} == {"pdg:1"}
    assert not local.foresee("The mass of the tau lepton is 1776.9 ± 0.2 MeV.", supersedes=[taught.id])
    assert not local.foresee("Coffee is served at ten.")
    assert local.list() == before
    assert against(local.teach(wrong, author="ada")) == {side.item_id for side in foreseen}
