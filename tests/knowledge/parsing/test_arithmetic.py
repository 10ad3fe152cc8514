"""Arithmetic in questions: which quantities are combined, in which order, and what is not read as arithmetic."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan

PION = "mass-difference(pi0, pi+|pi-)"
LEPTONIC = "branching-fraction(tau-|tau+ → e+/e- nu_e/nu_mu/… nu_e/nu_mu/…)"
MUONIC = "branching-fraction(tau-|tau+ → mu+/mu- nu_e/nu_mu/… nu_e/nu_mu/…)"
W_E, W_MU, W_TAU = (f"branching-fraction(W+|W- → {one}+/{one}- nu_e/nu_mu/…)" for one in ("e", "mu", "tau"))
QUESTIONS = [
    # a word of charge behind the sign
    ("neutral pion mass minus charged pion mass", f"difference {PION}"),
    ("mass of the positive pion minus the mass of the neutral pion", "difference mass-difference(pi+, pi0)"),
    ("charged B minus neutral B", "? charged B minus neutral B"),
    ("m(Z) - m(W)", "difference mass-difference(Z0, W+|W-)"),
    ("B(W -> e nu) plus B(W -> mu nu): what percentage is that?", f"sum {W_E}, {W_MU} in %"),
    # chains
    ("electron mass plus muon mass plus tau mass", "sum mass(e-|e+), mass(mu-|mu+), mass(tau-|tau+)"),
    ("the W mass plus the Z mass minus the Higgs mass", "sum mass(W+|W-), mass(Z0), -1 mass(H)"),
    ("phi mass minus K+ mass minus K- mass", "difference mass(phi(1020)0), mass(K+), mass(K-)"),
    ("mass of D*+ minus D0 minus pi+", "difference mass(D^*(2010)+), mass(D0), mass(pi+)"),
    ("total mass of two protons and two neutrons", "sum 2 mass(p), 2 mass(n)"),
    # factors of one of the operands
    ("mass of the phi minus twice the K+ mass", "difference mass(phi(1020)0), 2 mass(K+)"),
    ("mass of the phi minus two K+ masses", "difference mass(phi(1020)0), 2 mass(K+)"),
    ("difference between the mass of the phi and twice the mass of the K+", "difference mass(phi(1020)0), 2 mass(K+)"),
    ("is the J/psi heavier than two D0", "is mass(J/psi(1S)), 2 mass(D0) >"),
    # decays
    ("ratio of B(tau->e nu nu) to B(tau->mu nu nu)", f"ratio {LEPTONIC}, {MUONIC}"),
    ("B(tau->e nu nu) / B(tau->mu nu nu)", f"ratio {LEPTONIC}, {MUONIC}"),
    ("BR(W→e nu) plus BR(W→mu nu)", f"sum {W_E}, {W_MU}"),
    ("sum of the branching fractions of W -> e nu, W -> mu nu and W -> tau nu", f"sum {W_E}, {W_MU}, {W_TAU}"),
    ("which is larger, B(tau->e nu nu) or B(tau->mu nu nu)",
     f"which {LEPTONIC}, {MUONIC} by branching-fraction descending"),
    ("sum of the leptonic W branching ratios", "sum decays(W+|W-) where decays = leptonic"),
    # ratios of one thing, products, means, powers
    ("width to mass ratio of the Z", "ratio width(Z0), mass(Z0)"),
    ("product of the W and Z mass", "product mass(W+|W-), mass(Z0)"),
    ("m(Z)*m(W)", "product mass(Z0), mass(W+|W-)"),
    ("average of the K+ and K0 mass", "average mass(K+), mass(K0)"),
    ("world average of the Z mass", "value mass(Z0)"),
    ("average lifetime of the muon", "value lifetime(mu-|mu+)"),
    ("Z mass squared", "value mass(Z0) power 2"),
    ("square root of the proton mass", "value mass(p) power 0.5"),
    ("inverse of the muon lifetime", "value lifetime(mu-|mu+) power -1"),
    ("square of the W to Z mass ratio", "ratio mass(W+|W-), mass(Z0) power 2"),
    ("ratio of the square of the W mass to the Z mass", "? square of"),
    # numbers
    ("W mass multiplied by two", "multiple 2 mass(W+|W-)"),
    ("W mass times 3", "multiple 3 mass(W+|W-)"),
    ("Z mass divided by two", "multiple 0.5 mass(Z0)"),
    ("in modern times, what is the Z mass", "value mass(Z0)"),
    ("1.5 times the Z mass", "multiple 1.5 mass(Z0)"),
    ("2*m(Z)", "multiple 2 mass(Z0)"),
    ("m(eta') - m(eta) - 2 m(pi0)", "difference mass(eta^'(958)0), mass(eta), 2 mass(pi0)"),
    ("is m(J/psi) < 2 m(D0)", "is mass(J/psi(1S)), 2 mass(D0) <"),
    ("is twice the Z mass above the W mass", "is 2 mass(Z0), mass(W+|W-) >"),
    ("lifetime of two muons", "? two"),
    ("m(Z)^2", "value mass(Z0) power 2"),
    ("Gamma(Z)/Gamma(W)", "ratio width(Z0), width(W+|W-)"),
    ("average mass of the quarks", "? average"),
    ("total charge of the proton and the electron", "sum charge(p), charge(e-|e+)"),
    ("m(K+)-m(pi+)", "difference mass-difference(K+, pi+)"),
    ("mass of the Z minus the width of the Z", "difference mass(Z0), width(Z0)"),
    ("Gamma(Z->mu mu)/Gamma", "value branching-fraction(Z0 → mu+/mu- mu+/mu-)"),
    ("Gamma(Z->mu mu)/Gamma(Z->e e)", "ratio partial-width(Z0 → mu+/mu- mu+/mu-), partial-width(Z0 → e+/e- e+/e-)"),
    ("Upsilon(2S) - Upsilon(1S)", "? Upsilon(2S) - Upsilon(1S)"),
    ("mass of the psi(2S) above the J/psi", "? above"),
    ("width of the Z times its branching fraction to ee", "? times"),
    # other languages
    ("Masse des W plus Masse des Z", "sum mass(W+|W-), mass(Z0)"),
    ("Masse des W minus Masse des Z", "difference mass-difference(W+|W-, Z0)"),
    ("Produkt der Massen von W und Z", "product mass(W+|W-), mass(Z0)"),
    ("Mittelwert der Massen von W und Z", "average mass(W+|W-), mass(Z0)"),
    ("carré de la masse du Z", "value mass(Z0) power 2"),
    ("W和Z的质量比", "ratio mass(W+|W-), mass(Z0)"),
    # in multiples of another quantity
    ("tau mass in muon masses", "value mass(tau-|tau+) per mass(mu-|mu+)"),
    ("proton mass in units of the electron mass", "value mass(p) per mass(e-|e+)"),
    ("how much heavier is the neutron than the proton in electron masses",
     "difference mass-difference(n, p) per mass(e-|e+)"),
    ("mass of the Z in units of GeV", "value mass(Z0) in GeV"),
    # differences that name their property
    ("how much longer does the neutron live than the muon", "difference lifetime(n), lifetime(mu-|mu+)"),
    ("how much wider is the W than the Z", "difference width(W+|W-), width(Z0)"),
    ("how many up quarks are in the proton", "value quark-content(p)"),
    ("how many K+ masses make a B0 mass", "how-many mass(B0), mass(K+)"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "read"), QUESTIONS)
def test_what_is_combined(question: str, read: str) -> None:
    assert reading(plan(question)) == read


@pytest.mark.parametrize("word", ["plus", "minus", "times", "divided by", "over"])
@pytest.mark.parametrize(
    "operands",
    [("the mass of the tau", "the mass of the muon"), ("m(Z)", "m(W)"), ("B(W -> e nu)", "B(W -> mu nu)")],
)
def test_no_operation_is_dropped(word: str, operands: tuple[str, str]) -> None:
    found = plan(f"{operands[0]} {word} {operands[1]}")
    assert not found.complete or [g.operation for g in found.goals] not in (["value"], ["value", "value"])


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("how many times heavier is a muon than an electron", "mu-"),
        ("how many times heavier than an electron is a muon", "mu-"),
        ("how many times lighter than a muon is an electron", "mu-"),
        ("how many times lighter is an electron than a muon", "mu-"),
    ],
)
def test_a_factor_is_of_the_greater_to_the_smaller_in_any_order_of_words(question: str, first: str) -> None:
    (goal,) = plan(question).goals
    assert goal.operation == "ratio"
    assert first in goal.operands[0].thing.names


BEYOND_TWO = [
    ("By what percentage is the neutron heavier than the proton?", "difference mass-difference(n, p) per mass(p) in %"),
    ("What percentage of the tau mass is the muon mass?", "ratio mass(mu-|mu+), mass(tau-|tau+) in %"),
    ("What's the average nucleon mass?", "average mass(n), mass(p)"),
    ("What's the average mass of the three pions?", "average mass(pi+), mass(pi0), mass(pi-)"),
    ("What is the mean mass of the kaons?", "average mass(K+), mass(K0)"),
    ("What's the average mass of the W?", "value mass(W+|W-)"),
    ("What do the masses of the up, down and strange quarks add up to?", "sum mass(u), mass(d), mass(s)"),
    ("What is the sum of the masses of the charged leptons?", "sum mass(class:charged lepton)"),
    ("What is the ratio of the muon mass to the tau mass, to the fifth power?",
     "ratio mass(mu-|mu+), mass(tau-|tau+) power 5"),
    ("What is 1 - (mW/mZ)^2?", "ratio mass(W+|W-), mass(Z0) power 2"),
    ("the muon mass squared divided by the electron mass squared", "ratio mass(mu-|mu+), mass(e-|e+) power 2"),
    ("What is m(W)/m(Z)^2?", "? ^2"),
    ("What is 1 - the proton mass?", "? 1"),
    ("By what percentage is the neutron heavier than a brick?", "? brick"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "read"), BEYOND_TWO)
def test_percentages_multiplets_classes_and_powers(question: str, read: str) -> None:
    assert reading(plan(question)) == read


def test_one_less_a_result_is_told_apart() -> None:
    assert [plan(f"What is {sign}(mW/mZ)^2?").goals[0].from_one for sign in ("1 - ", "")] == [True, False]
