"""Final states joined by 'and', 'or' and commas: each a decay of its own where it can be one."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan

Z_E, Z_MU = "branching-fraction(Z0 → e+/e- e+/e-)", "branching-fraction(Z0 → mu+/mu- mu+/mu-)"


@pytest.mark.parametrize(
    ("question", "read"),
    [
        ("branching ratio of Z to e e or mu mu", f"value {Z_E}; value {Z_MU}"),
        ("branching fractions of Z to ee and mumu", f"value {Z_E}; value {Z_MU}"),
        ("does the Z decay to e e and mu mu", f"is {Z_E}; is {Z_MU}"),
        ("ratio of the branching fractions of Z to ee and mumu", f"ratio {Z_E}, {Z_MU}"),
        ("does the Z more often decay to ee or mumu", f"which {Z_E}, {Z_MU} by branching-fraction descending"),
        ("D0 to K- pi+ and pi+ pi-", "value branching-fraction(D0 → K- pi+); value branching-fraction(D0 → pi+ pi-)"),
    ],
)  # fmt: skip
def test_complete_final_states_are_decays_of_their_own(question: str, read: str) -> None:
    assert reading(plan(question)) == read


@pytest.mark.parametrize(
    "question",
    [
        "B0 decays to K+ and pi-", "decay of K+ to pi+ and pi0", "branching fraction of B0 to J/psi K+ and pi-",
        "branching fraction of D0 to K- pi+, pi0", "B(B0 -> D- pi+ and pi0)",
    ],
)  # fmt: skip
def test_parts_of_one_final_state_stay_together(question: str) -> None:
    assert len(plan(question).goals) == 1


def test_the_places_are_those_of_the_question() -> None:
    question = "branching fraction of Z to e+ e-, mu+ mu- and tau+ tau-"
    spans = [w.channel.span for g in plan(question).goals for w in g.operands if w.channel]
    assert [question[slice(*span)] for span in spans] == ["e+ e-", "mu+ mu-", "tau+ tau-"]
