"""Decays, their conjugates, and the experiments."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.plans import (
    CardPlan,
    DecayStep,
    conjugate_of,
    conjugate_step,
    fractions_of,
    with_experiment,
)


@pytest.mark.parametrize("name", ["B_c+", "J/psi", "anti-Lambda0", "K_S0"])
def test_conjugating_twice_changes_nothing(name):
    step = DecayStep(name, ("pi+", "K_S0", "gamma"), 0.4, 2)
    assert conjugate_step(conjugate_step(step)) == step
    assert conjugate_step(step).share == step.share
    assert conjugate_of(conjugate_of(name)) == name


def test_one_of_two_is_decayed_apart_from_the_other():
    assert len({DecayStep("eta", (), part=part).decayed for part in range(3)}) == 3


def test_fractions_sum_to_one_or_are_all_given():
    modes = [DecayStep("D0", ("K-", "pi+"), 0.2), DecayStep("D0", ("K-", "K+"), 0.3)]
    assert fractions_of(modes) == pytest.approx([0.4, 0.6])
    with pytest.raises(InputError, match="has no fraction"):
        fractions_of([*modes, DecayStep("D0", ("pi-", "pi+"))])


def test_another_experiment():
    plan = CardPlan(())
    assert with_experiment(plan, "lhcb").experiment == "lhcb"
    with pytest.raises(InputError, match="write lhcb"):
        with_experiment(plan, "lhcbb")
