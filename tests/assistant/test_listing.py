"""Lists: members of classes, decay modes without inclusive ones, conditions, reverse look-ups."""

from __future__ import annotations

from typing import Any

import pytest

from yukawa.assistant.algebra import Unanswerable
from yukawa.assistant.listing import Listing
from yukawa.assistant.lookup import Lookup
from yukawa.knowledge.parsing.plan import Amount, Channel, Filter, Goal, Thing, Wanted

ANY = Thing(("class:particle",), "particles", (0, 0), True)


def of_class(*names: str) -> Thing:
    return Thing(tuple(f"class:{n}" for n in names), names[0], (0, 0), True)


def goal(thing: Thing, property_name: str = "", **more: Any) -> Goal:
    return Goal("list", (Wanted(thing, property_name),), **more)


@pytest.fixture
def listing(facts: Any) -> Listing:
    return Listing(Lookup(facts))


def test_members_are_particles_of_all_classes_named(listing: Listing) -> None:
    assert set(listing.members(of_class("lepton"))) == {"tau-", "mu-", "e-"}
    assert set(listing.members(of_class("lepton", "baryon"))) == {"tau-", "mu-", "e-", "p"}
    with pytest.raises(Unanswerable, match="no class of particles"):
        listing.members(of_class("zork"))


def test_modes_are_sorted_and_neither_limits_nor_inclusive(listing: Listing) -> None:
    rows = listing.listed(goal(Thing(("tau-", "tau+"), "tau", (0, 0)), "decays")).rows
    assert [r.facts[0].fact.identifier for r in rows] == ["S035.2", "S035.1", "S035.7"]


@pytest.mark.parametrize(("condition", "subjects"), [
    (Filter("charge", "=", "neutral", (0, 0)), {"J/psi(1S)", "psi(2S)", "pi0", "B0"}),
    (Filter("charge", "=", "charged", (0, 0)), {"pi+"}),
    (Filter("class", "=", "class:charmonium", (0, 0)), {"J/psi(1S)", "psi(2S)"}),
    (Filter("class", "!=", "class:charmonium", (0, 0)), {"pi+", "pi0", "B0"}),
    (Filter("mass", ">", Amount(1, "GeV", (0, 0)), (0, 0)), {"J/psi(1S)", "B0"}),
    (Filter("lifetime", ">", Amount(1e-13, "s", (0, 0)), (0, 0)), {"B0"}),
])  # fmt: skip
def test_conditions(listing: Listing, condition: Filter, subjects: set[str]) -> None:
    assert {r.subject for r in listing.listed(goal(of_class("meson"), filters=(condition,))).rows} == subjects


def test_a_condition_that_cannot_be_tested_is_refused(listing: Listing) -> None:
    with pytest.raises(Unanswerable, match="cannot be filtered by 'blue'"):
        listing.listed(goal(of_class("meson"), filters=(Filter("colour", "=", "blue", (0, 0)),)))


def test_at_most_so_many_in_order(listing: Listing) -> None:
    rows = listing.listed(goal(of_class("meson"), "mass", order=("mass", "descending"), most=2)).rows
    assert [r.subject for r in rows] == ["B0", "J/psi(1S)"]


def test_what_decays_to_given_products_includes_antiparticles_by_conjugation(listing: Listing) -> None:
    def subjects(*products: str) -> list[str]:
        channel = Channel(tuple((p,) for p in products))
        return [
            r.subject
            for r in listing.reverse(Goal("reverse", (Wanted(ANY, "branching-fraction", channel),))).rows
        ]

    assert subjects("K+", "pi-") == ["B0"]
    assert subjects("K-", "pi+") == ["Bbar0"]
    assert subjects("pi+", "J/psi(1S)", "pi-") == ["psi(2S)", "B0", "psi(4230)"]
    with pytest.raises(Unanswerable):
        subjects("mu-", "gamma")
    with pytest.raises(Unanswerable):
        subjects("K+", "pi+")


def test_a_value_asserted_is_met_to_its_own_digits_in_its_own_unit(listing: Listing) -> None:
    def having(value: float, unit: str) -> set[str]:
        wanted = Wanted(of_class("lepton"), "mass")
        found = listing.reverse(
            Goal("reverse", (wanted,), asserted=Amount(value, unit, (0, 0)), relation="=")
        )
        return {row.subject for row in found.rows}

    assert having(1.78, "GeV") == having(1777, "MeV") == {"tau-"}
    with pytest.raises(Unanswerable):
        having(1.79, "GeV")


def test_a_charge_holds_for_what_decays_to_the_products(listing: Listing) -> None:
    channel = Channel((("J/psi(1S)",), ("pi+",), ("pi-",)))

    def decaying(charge: str) -> set[str]:
        condition = Filter("charge", "=", charge, (0, 0))
        goal = Goal("reverse", (Wanted(ANY, "branching-fraction", channel),), (condition,))
        return {row.subject for row in listing.reverse(goal).rows}

    assert "psi(2S)" in decaying("neutral")
    with pytest.raises(Unanswerable):
        decaying("charged")
