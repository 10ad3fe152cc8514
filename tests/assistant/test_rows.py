"""Rows: how values are named and shown."""

from __future__ import annotations

from typing import Any

import pytest

from yukawa.assistant import algebra
from yukawa.assistant.algebra import Derivation, Unanswerable
from yukawa.assistant.rows import computed, converted, named, quoted_row, shared, symbol, times, title
from yukawa.knowledge.parsing.plan import Thing


def row(facts: Any, identifier: str, state: str) -> Any:
    return quoted_row(facts.find_facts(identifier=identifier)[0], state)


@pytest.mark.parametrize(("state", "name"), [
    ("tau-", "tau lepton (τ⁻)"), ("pbar", "antiproton (p̄)"), ("K^*(892)+", "K*(892)⁺"),
    ("constant:speed of light", "speed of light"),
])  # fmt: skip
def test_names(state: str, name: str) -> None:
    assert named(state) == name


def test_titles() -> None:
    assert title("lifetime") == "mean lifetime"
    assert title("decay-length") == "mean decay length cτ"
    assert title("some-thing") == "some thing"


def test_a_decay_of_an_antiparticle_is_written_with_conjugates(facts: Any) -> None:
    found = facts.find_facts(identifier="S042.1")[0]
    assert quoted_row(found, "B0").channel == "B⁰ → K⁺ π⁻"
    assert quoted_row(found, "Bbar0").channel == "B̄⁰ → K⁻ π⁺"


def test_a_value_of_several_states_is_named_by_what_they_share(facts: Any) -> None:
    both = shared(row(facts, "S008M", "pi+"), ["pi+", "pi-"], Thing(("pi+", "pi-"), "pion", (0, 0)))
    assert both.what == "mass of the charged pion (π⁺)"
    family = shared(row(facts, "B061M", "N(1440)0"), ["N(1440)0", "N(1440)+"], Thing((), "", (0, 0)))
    assert family.what == "Breit-Wigner mass of the N(1440)"


def test_a_converted_row_keeps_what_was_quoted_and_words_have_no_unit(facts: Any) -> None:
    mass = converted(row(facts, "S035M", "tau-"), "GeV")
    assert (mass.shown, mass.quoted) == ("1.77693 ± 0.00009 GeV", "1776.93 ± 0.09 MeV")
    assert converted(mass, "MeV").quoted == "1776.93 ± 0.09 MeV"
    words = quoted_row(facts.find_facts(subjects=("K0",), property="antiparticle")[0], "K0")
    with pytest.raises(Unanswerable, match="is not a number"):
        converted(words, "MeV")


def test_a_computed_row_rests_on_the_sources_of_its_inputs(facts: Any) -> None:
    tau, muon = row(facts, "S035M", "tau-"), row(facts, "S004M", "mu-")
    made = computed(
        "sum", algebra.total([tau.number, muon.number]), Derivation("a + b"), [tau, muon, tau], "mass"
    )
    assert [f.fact.identifier for f in made.facts] == ["S035M", "S004M"]
    assert made.derived
    assert symbol(tau) == "m(τ⁻)"
    assert times(tau, 2).what == "2 times the mass of the tau lepton (τ⁻)"
    assert "derivation" in made.as_json()
