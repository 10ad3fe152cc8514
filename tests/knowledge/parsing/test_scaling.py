"""What is done with a result: powers, factors, and the quantity in whose multiples it is wanted."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("mass of the Z squared", "value mass(Z0) power 2"),
        ("tau mass in muon masses", "value mass(tau-|tau+) per mass(mu-|mu+)"),
        ("In units of the electron mass, how heavy is a muon?", "value mass(mu-|mu+) per mass(e-|e+)"),
        ("Express the neutron-proton mass difference in electron masses.", "difference mass-difference(n, p) per mass(e-|e+)"),
    ],
)  # fmt: skip
def test_a_result_is_scaled(question: str, said: str) -> None:
    assert reading(plan(question)) == said
