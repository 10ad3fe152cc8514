"""Facts are found by whatever they state, and held against each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from yukawa.core.errors import InputError
from yukawa.knowledge import Item, KnowledgeBase, NewItem, new_item
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing import find_quantities
from yukawa.knowledge.records import FoundFact
from yukawa.knowledge.sources.loader import pdg_items
from yukawa.knowledge.sources.pdg.facts import Statement
from yukawa.knowledge.store import schema
from yukawa.knowledge.store.facts import rebuild, rows_of


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


def ids(found: list[FoundFact]) -> set[str]:
    return {one.item_id for one in found}


# ---- looking up -------------------------------------------------------------------------------------


CHOSEN = {
    "pdg:S035M", "pdg:S035.1", "pdg:S035#quantum-numbers:tau-", "pdg:S044M", "pdg:S044.2", "pdg:S044.5", "pdg:M009.1", "pdg:M009.6",
    "pdg:M070#quantum-numbers:J/psi(1S)", "pdg:S009D", "pdg:S013D",
}  # fmt: skip


@pytest.fixture
def few(base: KnowledgeBase, pdg_statements: list[Statement]) -> KnowledgeBase:
    """The muon and a few statements on others, on each database."""
    base.teach_many(pdg_items([s for s in pdg_statements if s.particle == "S004" or s.id in CHOSEN]))
    return base


LOOK_UPS: list[tuple[dict[str, Any], set[str]]] = [
    ({"subjects": ["tau-"], "property": "mass"}, {"pdg:S035M"}),
    ({"subjects": ["tau+"], "property": "mass"}, set()),  # the row is of the particle
    ({"subjects": ["tau+"], "property": "charge"}, {"pdg:S035#quantum-numbers:tau-"}),
    ({"name": "TAU  MASS"}, {"pdg:S035M"}),
    ({"identifier": "S035R1"}, {"pdg:S035.1"}),
    ({"channel": ["nu_tau", "mu-", "nubar_mu"]}, {"pdg:S035.1"}),
    ({"subjects": ["Z0"], "channel": [("e+", "e-"), ("mu-", "mu+")]}, {"pdg:S044.5"}),
    ({"subjects": ["rho(770)0"], "channel": [("pi+", "pi-", "pi0"), ("pi+", "pi-", "pi0")]}, {"pdg:M009.1"}),
    ({"subjects": ["rho(770)0"], "channel": ["pi+", "pi-"]}, set()),  # 'pi pi' is the sum
    ({"property": "monte-carlo-number", "name": "443"}, {"pdg:M070#quantum-numbers:J/psi(1S)"}),
    ({"property": "class", "name": "charged lepton"}, {"pdg:S035#quantum-numbers:tau-", "pdg:S004#quantum-numbers:mu-"}),
    ({"subjects": ["K(S)0"], "property": "mass-difference"}, {"pdg:S013D"}),
    ({"subjects": ["pi0"], "property": "mass-difference"}, {"pdg:S009D"}),
    ({"subjects": ["mu-"], "channel": ["tau-", "gamma"]}, set()),
    ({"property": "branching-fraction", "products": ["mu+", "mu-"]}, {"pdg:S044.2", "pdg:M009.6"}),
]  # fmt: skip


def test_look_up(few: KnowledgeBase) -> None:
    for arguments, expected in LOOK_UPS:
        assert ids(few.find_facts(**arguments)) == expected, arguments
    with pytest.raises(InputError, match="no facts are named"):
        few.find_facts()


def test_every_fact_is_found_by_identifier_name_and_subject(
    few: KnowledgeBase, pdg_statements: list[Statement]
) -> None:
    for fact in (fact for s in pdg_statements if s.particle == "S004" for fact in s.facts):
        about = {"subjects": fact.subjects[:1], "property": fact.property}
        for how in ({"name": fact.name}, {"identifier": fact.identifier}):
            assert fact in [one.fact for one in few.find_facts(**about, **how)]  # type: ignore[arg-type]


def test_what_people_taught_is_among_them(few: KnowledgeBase) -> None:
    mine = few.teach("The mass of the tau+ is 1776.9 ± 0.1 MeV.", author="Li")
    before, found = few.find_facts(subjects=["tau-"], property="mass")
    assert (before.kind, found.kind, found.item_id) == ("data", "statement", mine.id)
    assert (found.fact.value, found.fact.unit, found.fact.printed) == (1776.9e6, "eV", "1776.9 ± 0.1 MeV")
    assert found.provenance.author == "Li"
    when = few.history(mine.id)[1][0].time
    few.unload(mine.id)
    assert ids(few.find_facts(subjects=["tau-"], property="mass")) == {"pdg:S035M"}
    assert mine.id in ids(few.find_facts(subjects=["tau-"], property="mass", as_of=when))


def test_the_table_can_be_made_anew(few: KnowledgeBase) -> None:
    few.teach("The mass of the tau is 1776.9 ± 0.1 MeV.")

    def table() -> list[tuple[object, ...]]:
        columns = [c for c in schema.facts.c if c.name != "id"]
        with few.store.read() as connection:
            return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(schema.facts.c.id))]

    before = table()
    with few.store.write() as connection:
        rebuild(connection)
    assert table() == before
    assert few.verify().clean


def test_facts_filed_otherwise_than_stated_are_found_out(few: KnowledgeBase) -> None:
    with few.store.write() as connection:
        connection.execute(
            sa.update(schema.facts).where(schema.facts.c.identifier == "S035M").values(value=1.0)
        )
    assert any("its facts are filed otherwise" in problem for problem in few.verify().problems)


def test_rows_are_in_base_units_and_a_difference_has_both_sides() -> None:
    fact = Fact(
        "S009D", ("pi+", "pi0"), "mass-difference", "pi mass", 4.6, unit="MeV", qualifiers={"minus": "pi0"}
    )
    rows = rows_of(1, [fact])
    assert [(row["subject"], row["channel"], row["value"]) for row in rows] == [
        ("pi+", "pi+|pi0", 4.6e6),
        ("pi0", "pi+|pi0", 4.6e6),
    ]


# ---- contradictions ---------------------------------------------------------------------------------


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
    local.teach_many([mass(1, "5.0 ± 0.1 MeV"), mass(2, "9.0 ± 0.1 MeV")])
    assert local.conflicts() == []


def test_one_listed_value_that_agrees_clears_the_others(local: KnowledgeBase) -> None:
    values = {"1776.9 ± 0.1 MeV": "pdg:1", "1800 ± 1 MeV": "pdg:2"}
    local.teach_many([mass(int(i[-1]), v) for v, i in values.items()])
    assert local.teach("The mass of the tau is 1776.9 ± 0.2 MeV.").conflicts == ()
    assert against(local.teach("The mass of the tau is 1700 ± 1 MeV.")) >= {"pdg:1", "pdg:2"}


def test_data_that_come_later_are_held_against_what_was_taught(local: KnowledgeBase) -> None:
    taught = local.teach("The mass of the tau is 1700 ± 1 MeV.")
    local.teach_many([mass(1, "1776.9 ± 0.1 MeV")])
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
