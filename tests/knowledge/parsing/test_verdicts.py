"""Questions of yes or no: values, classes, states, decays, and what happens in most cases."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Is the mass of the W 80.4 GeV?", "is mass(W+|W-) = 80.4 GeV"),
        ("m(Xi-) = 1321.71 MeV?", "is mass(Xi-) = 1321.71 MeV"),
        ("Is the eta a pseudoscalar?", "is class(eta) = class:pseudoscalar meson"),
        ("Does the Z decay to mu+ mu-?", "is branching-fraction(Z0 → mu+ mu-)"),
        ("Does the phi mostly decay into K+ K-?", "is branching-fraction(phi(1020)0 → K+ K-) > 50 %"),
        ("Has the isospin of the X(3872) been determined?", "value isospin(chi_c1(3872))"),
        ("Is the proton stable?", "is lifetime(p|pbar) = stable"),
    ],
)
def test_a_verdict_is_wanted(question: str, said: str) -> None:
    assert reading(plan(question)).replace("p|pbar", "p") == said.replace("p|pbar", "p")


def test_a_verdict_of_one_thing_is_wanted_of_another() -> None:
    first = plan("Does the omega meson have spin 1?")
    assert reading(plan("what about the phi(1020)?", [first])) == "is spin(phi(1020)0) = 1"


def test_how_much_after_a_comparison_is_the_difference() -> None:
    found = plan("Is the Sigma_b+ heavier than the Lambda_b? How much?")
    assert [goal.operation for goal in found.goals] == ["is", "difference"]
