"""What counts questions and signs letters is no part of a question, what a question is about is no label."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.asides import set_aside
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.labels import (
    asks,
    heading,
    is_bare,
    is_label,
    is_score,
    is_signature,
    with_initials,
)
from yukawa.knowledge.parsing.tokens import tokenise


@pytest.mark.parametrize("label", ["(b)", "#3", "Q:", "Problem 7 (b):", "Exercise 2.4 (c)"])
def test_what_counts_a_question_takes_no_part_in_it(label: str) -> None:
    tokens = tokenise(f"{label} mass of the muon")
    assert heading(tokens) == len(tokens) - len(tokenise("mass of the muon"))


@pytest.mark.parametrize(
    "question", ["443: which particle is this", "B: what is its mass", "charm (c): what is its mass"]
)
def test_what_a_question_is_about_is_no_label(question: str) -> None:
    tokens = tokenise(question)
    assert set_aside(tokens) == tokens


@pytest.mark.parametrize(
    "text", ["Yours, K.", "Regards, Ann (theory group)", "Greetings from the LHCb control room"]
)
def test_farewells(text: str) -> None:
    assert is_signature([t for t in tokenise(text) if t.kind != "stop"])


def test_a_further_question_is_no_farewell() -> None:
    assert not is_signature(tokenise("Thanks, and the W"))


def test_scores_and_labels() -> None:
    score = tokenise("2 marks")
    assert is_bare(score[0])
    assert not asks(score)
    assert is_score(score, range(2), alone=True)
    assert not is_score(score, range(2))
    assert is_label(tokenise("exercise 21b"))
    assert not is_label(tokenise("dimension 4"))


def test_a_letter_before_a_point_is_an_initial_only_outside_of_what_is_asked() -> None:
    assert reading(plan("mass of the Z. Width of the W")) == "value mass(Z0); value width(W+|W-)"


def test_an_initial_ends_no_sentence() -> None:
    assert [t.kind for t in with_initials(tokenise("Sincerely, J. Martin"))].count("stop") == 0


@pytest.mark.parametrize(
    "called",
    ["Super-K people:", "LHCb folks:", "Dear flavour physicists,", "Nuclear theorists of the forum:"],
)
def test_who_is_spoken_to_is_no_part_of_the_question(called: str) -> None:
    tokens = tokenise(f"{called} what is the mass of the muon")
    assert heading(tokens) == len(tokens) - len(tokenise("what is the mass of the muon"))


@pytest.mark.parametrize(
    "text",
    ["The muon people: what is its mass", "Muons, electrons: masses please", "Muons: what is their mass"],
)
def test_who_or_what_is_spoken_of_is(text: str) -> None:
    assert heading(tokenise(text)) == 0
