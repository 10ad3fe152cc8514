"""Who makes a statement next to a question is set aside; theories, simulations and the sources of what is asked are not."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.tokens import tokenise
from yukawa.knowledge.parsing.told import without_teller

STATEMENT = "the muon lives 2 microseconds"


@pytest.mark.parametrize(
    "teller",
    [
        "my textbook says", "A quiz told me", "our TA insists", "I was told that", "I read on Wikipedia that", "a comment on HN said",
        "According to my notes", "Problem 3.3 says", "the teacher claimed that", "When I was a student",
    ],
)  # fmt: skip
def test_the_statement_remains(teller: str) -> None:
    kept = without_teller(tokenise(f"{teller} {STATEMENT}"), asked=False)
    assert [t.text for t in kept] == [t.text for t in tokenise(STATEMENT)]


@pytest.mark.parametrize(
    "teller", ["the lattice says", "a simulation told me", "the dispersion integral gives", "in nuclear matter", "the predicted"]
)  # fmt: skip
def test_what_is_of_physics_is_not_set_aside(teller: str) -> None:
    tokens = tokenise(f"{teller} {STATEMENT}")
    assert without_teller(tokens, asked=False) == tokens


def test_the_source_of_what_is_asked_is_a_part_of_it() -> None:
    assert not plan("According to my supervisor, what is the mass of the muon?").complete


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("A quiz told me the up quark weighs 2.4 MeV. What's the accepted number now?", "value mass(u)"),
        ("My book says the Omega_c0 lifetime is 70 fs. Has that changed?", "value lifetime(Omega_c()0)"),
        ("I was told that the Xi_b- lives about 1.57 ps. Correct?", "is lifetime(Xi_b()-) = 1.57 ps"),
        ("作业里说π0介子的寿命是0.84×10^-16秒,现在的数值和误差是多少?", "value lifetime(pi0)"),
        ("電子の寿命は無限大と書いてあるけど、下限は何年ですか", "value lifetime(e-|e+) bound=lower in 年"),
        ("Dans mon cours on dit que le neutron vit 15 minutes, quelle est la valeur exacte ?", "value lifetime(n)"),
    ],
)  # fmt: skip
def test_what_was_stated_is_taken_up(question: str, said: str) -> None:
    assert reading(plan(question)) == said


@pytest.mark.parametrize(
    "question",
    [
        "The lattice gives the proton 940 MeV. What is the real number?",
        "A muon bound in lead lives 80 ns. What is the exact value?",
        "In a world without the Higgs the Z weighs nothing. What is its mass?",
        "My simulation says the tau lives 1 ps in iron. Is that right?",
    ],
)
def test_a_condition_in_a_statement_is_noticed(question: str) -> None:
    found = plan(question)
    assert not found.complete or all(wanted.qualifiers for goal in found.goals for wanted in goal.operands)


@pytest.mark.parametrize(
    "told",
    [
        "I keep seeing 80.4 GeV for the W mass from CDF.",
        "My fit gives m(W) = 80.4 GeV.",
        "The forum gives 80.4 GeV for the W mass.",
    ],
)
def test_a_value_that_is_told_gets_a_verdict(told: str) -> None:
    assert reading(plan(f"{told} Is that the PDG average too?")) == reading(plan("Is the W mass 80.4 GeV?"))
    assert reading(plan(f"{told} What does the PDG quote?")) == reading(plan("W mass"))


@pytest.mark.parametrize(
    "teller", ["In the movie they said", "Everyone says", "People say that", "At the party somebody told me"]
)
def test_people_without_a_name_tell_too(teller: str) -> None:
    kept = without_teller(tokenise(f"{teller} {STATEMENT}"), asked=False)
    assert [t.text for t in kept] == [t.text for t in tokenise(STATEMENT)]


def test_a_theory_that_people_speak_of_is_no_teller() -> None:
    tokens = tokenise(f"In the lattice they say {STATEMENT}")
    assert without_teller(tokens, asked=False) == tokens
