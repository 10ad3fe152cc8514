"""Charges that a sentence leaves open follow from the laws and from the flavour of heavy quarks."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.plans import (
    CardPlan,
    DecayClause,
    NamedParticle,
    conjugate_of,
    resolved_steps,
    with_experiment,
)

PION, KAON = ("pi+", "pi-", "pi0"), ("K+", "K-", "K0", "anti-K0")


def clause(parent: str, *daughters: tuple[str, ...]) -> DecayClause:
    return DecayClause(NamedParticle((parent,), parent), [NamedParticle(each, each[0]) for each in daughters])


@pytest.mark.parametrize(
    ("parent", "daughters", "step"),
    [
        ("D0", (KAON, PION), "D0 -> K- pi+"),
        ("anti-D0", (KAON, PION), "anti-D0 -> K+ pi-"),
        ("B+", (("anti-D0", "D0"), PION), "B+ -> anti-D0 pi+"),
        ("J/psi", (PION, PION, PION), "J/psi -> pi+ pi- pi0"),
    ],
)
def test_charges(parent, daughters, step):
    steps, _ = resolved_steps([clause(parent, *daughters)])
    assert [str(each) for each in steps] == [step]


def test_a_conjugate_is_taken_where_the_antiparticle_is_produced():
    steps, notes = resolved_steps([
        clause("B+", ("anti-D0",), ("pi+",)), clause("D0", ("K-",), ("pi+",)),
    ])  # fmt: skip
    assert str(steps[1]) == "anti-D0 -> K+ pi-"
    assert notes[0].startswith("the antiparticle is produced")
    assert conjugate_of(conjugate_of("B_c+")) == "B_c+"


def test_another_experiment():
    plan = CardPlan(())
    assert with_experiment(plan, "lhcb").experiment == "lhcb"
    with pytest.raises(InputError, match="write lhcb"):
        with_experiment(plan, "lhcbb")
