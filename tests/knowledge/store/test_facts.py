"""Facts are found by whatever they state."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from yukawa.core.errors import InputError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.records import FoundFact
from yukawa.knowledge.sources.loader import pdg_items
from yukawa.knowledge.sources.pdg.facts import Statement
from yukawa.knowledge.store import schema
from yukawa.knowledge.store.facts import rebuild, rows_of


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
    base.build(
        pdg_items([s for s in pdg_statements if s.particle == "S004" or s.id in CHOSEN]), actor="source"
    )
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
