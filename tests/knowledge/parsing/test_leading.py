"""Statements beside a question: what a thing has is no condition, what is done to it is one."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("The Δ++ is a baryon of charge +2. What quarks does it consist of?", "value quark-content(Delta(1232)++)"),
        ("D*+ -> D0 pi+ is famous for its slow pion. How much kinetic energy is released?", "value energy-release(D^*(2010)+ → D0 pi+)"),
        ("pi0 -> 3 gamma is forbidden by C. How tightly is it excluded?", "value branching-fraction(pi0 → gamma gamma/…) bound=any"),
        ("I set up two equations for the tau. What is its mass?", "value mass(tau-|tau+)"),
    ],
)  # fmt: skip
def test_a_statement_that_only_describes(question: str, said: str) -> None:
    found = plan(question)
    assert found.complete, found.unread
    assert reading(found).partition("(")[0] == said.partition("(")[0]


@pytest.mark.parametrize(
    "question",
    [
        "I use a chiral expansion for the proton. What is its mass?",
        "The muon is captured by a nucleus. What is its lifetime?",
        "I heard the tau has a partner called the stau, how heavy is it?",
        "If you double the muon mass, what is its lifetime?",
        "W mass according to CDF before 2012?",
        "Neglect the weak force. What is the lifetime of the neutron?",
        "A muon moves with a momentum of 10 GeV in lead. What is its mass?",
    ],
)
def test_a_statement_that_changes_the_thing(question: str) -> None:
    assert not plan(question).complete


MEASURED = "I measured the K_S lifetime as 0.91 ± 0.03 ns in our lab course."


@pytest.mark.parametrize(
    "tale",
    [
        MEASURED, "In our lab we stop K_S in a scintillator.", "We reconstruct K_S events and got 0.91 ± 0.03 ns for the lifetime.",
        "I have never measured the K_S lifetime.", "We simulate K_S samples.",
    ],
)  # fmt: skip
def test_what_the_asker_did_changes_no_listed_value(tale: str) -> None:
    found = plan(f"{tale} What is the accepted lifetime?")
    assert found.complete, found.unread
    assert reading(found) == "value lifetime(K(S)0)"


@pytest.mark.parametrize(
    "question",
    [
        "We look for excited muons. What is the accepted lifetime?",
        "We study the partner of the muon. What is the accepted lifetime?",
        "Suppose we boost the muon to 10 GeV. What is the accepted lifetime?",
        "We put a muon into lead. What is its lifetime there?",
        "The muon has changed flavour. What is its mass?",
        "What is the mass of the muon? Rather for the excited one.",
        "What is the mass of the muon? Take only the Tevatron data.",
    ],
)
def test_what_makes_another_question_of_it_does(question: str) -> None:
    assert not plan(question).complete
