"""Antiparticles have their own facts or the particle's, and what is measured of two states goes before what is computed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from yukawa.assistant.algebra import Unanswerable
from yukawa.assistant.comparing import compared, hold_for, minus
from yukawa.assistant.lookup import Lookup
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing.plan import Thing, Wanted


def wanted(state: str, name: str = "mass") -> Wanted:
    return Wanted(Thing((state,), state, (0, 0), True), name)


def test_moments_of_antiparticles_have_the_other_sign(facts: Any) -> None:
    moment = Fact("S018MM", ("Lambda0",), "magnetic-moment", "Lambda magnetic moment", -0.613, "", 0.004, 0.004, unit="μ_N",
                  printed="−0.613 ± 0.004 μ_N")  # fmt: skip
    facts.teach(moment, kind="data")
    (row,) = Lookup(facts).rows(wanted("Lambdabar0", "magnetic-moment")).rows
    assert (row.shown, row.number.value, row.derived) == ("0.613 ± 0.004 μ_N", 0.613, True)
    (own,) = Lookup(facts).rows(wanted("Lambda0", "magnetic-moment")).rows
    assert not own.derived


def test_what_a_source_lists_of_the_antiparticle_itself_answers(facts: Any) -> None:
    facts.teach(
        Fact(
            "S017M1",
            ("nbar",),
            "mass",
            "nbar mass",
            939.485,
            "",
            0.05,
            0.05,
            unit="MeV",
            printed="939.49 ± 0.05 MeV",
        ),
        "data",
    )
    (row,) = Lookup(facts).rows(wanted("nbar")).rows
    assert row.shown == "939.49 ± 0.05 MeV"


def test_limits_on_the_decay_of_matter_do_not_hold_for_antimatter(facts: Any) -> None:
    limit = Fact(
        "S016T",
        ("p",),
        "lifetime",
        "p mean life",
        9e29,
        unit="years",
        bound="lower",
        printed="greater than 9 × 10²⁹ years",
    )
    facts.teach(limit, kind="data")
    assert Lookup(facts).rows(wanted("p", "lifetime")).rows
    with pytest.raises(Unanswerable, match="no mean lifetime"):
        Lookup(facts).rows(wanted("pbar", "lifetime"))
    assert hold_for("p", facts.find_facts(subjects=("p",), property="lifetime"))


def test_a_measured_comparison_is_found_in_either_order(facts: Any) -> None:
    said = {"minus": "tau-", "of": "mass", "compared": "relative difference"}
    facts.teach(Fact("S035MDF", ("tau+", "tau-"), "other", "(mass(tau+)-mass(tau-))/m(average)", 2.8e-4, bound="upper", qualifiers=said,
                     printed="less than 2.8 × 10⁻⁴"), "data")  # fmt: skip
    for pair in (("tau+", "tau-"), ("tau-", "tau+")):
        for way in ("difference", "ratio", "any"):
            (row,) = compared(facts.find_facts, wanted(pair[0]), wanted(pair[1]), way)
            assert row.facts[0].fact.identifier == "S035MDF"


def test_one_value_for_both_is_no_comparison(facts: Any) -> None:
    with pytest.raises(
        Unanswerable, match=r"one mass for the muon .* and its antiparticle, and no measurement"
    ):
        compared(facts.find_facts, wanted("mu+"), wanted("mu-"), "difference")
    assert compared(facts.find_facts, wanted("mu+"), wanted("mu-"), "any") == []
    assert compared(facts.find_facts, wanted("mu+", "charge"), wanted("mu-", "charge"), "any") == []
    assert compared(facts.find_facts, wanted("mu+"), replace(wanted("mu-"), factor=2.0), "difference") == []


def test_of_two_particles_only_what_is_wanted_counts(facts: Any) -> None:
    (row,) = compared(facts.find_facts, wanted("p"), wanted("n"), "difference")
    assert row.what == minus("n", "p") == "mass difference m(n) − m(p)"
    assert compared(facts.find_facts, wanted("p"), wanted("n"), "ratio") == []
