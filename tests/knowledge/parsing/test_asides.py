"""Asides of the asker leave a question as it is, whatever numbers and negations they hold; conditions do not."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.asides import asks, set_aside
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.tokens import tokenise

QUESTION = "what is the mass of the muon"


@pytest.mark.parametrize(
    "frame",
    [
        "I don't know {}", "I have no idea {}", "nobody in my class could tell me {}", "dont know this one, {}", "not sure, {}",
        "it is 2026 and I still do not know {}", "exercise 21b: {}", "{} (worth 14 points)", "I am 34 years old and wonder {}",
        "I have only 5 minutes left: {}", "{}? It isn't in my booklet.", "{}? Otherwise my paper will not be finished.",
        "I have to explain it to my class: {}", "Dear particle physicists, {}", "I do not understand much physics, so {}",
        "It's 22:40, {}", "{} for page 12 of my thesis", "no joke, {}", "What I want to know is, {}", "In an e-mail my boss asked: {}",
        "I measured 103 MeV; {}", "I got 103 MeV, {}", "{} because I lost my notes in 2019",
    ],
)  # fmt: skip
def test_asides_leave_a_question_as_it_is(frame: str) -> None:
    assert reading(plan(frame.format(QUESTION))) == reading(plan(QUESTION))


@pytest.mark.parametrize(
    "frame",
    [
        "if I do not include radiative corrections, {}", "assuming we live in 5 dimensions, {}", "{} without radiative corrections",
        "in 1990, {}", "{} in 1990", "can you explain it, {}",
        "in dimension 4, {}", "{} when bound", "{} as given by Chen", "I measured 103 MeV, is that consistent with {}",
        "not counting electroweak effects, {}",
    ],
)  # fmt: skip
def test_conditions_are_noticed(frame: str) -> None:
    assert reading(plan(frame.format(QUESTION))) != reading(plan(QUESTION))


def test_the_asker_s_own_result_is_not_asserted() -> None:
    assert (
        reading(plan("I measured 1.3 GeV for the charm quark mass, what is the PDG value?"))
        == "value mass(c)"
    )
    assert not plan("I measured 1.3 GeV for the charm quark mass, is that right?").complete


def test_what_is_set_aside_disappears() -> None:
    tokens = tokenise("because my thesis is due, mass of the muon")
    assert [t.text for t in set_aside(tokens)] == [",", "mass", "of", "the", "muon"]


def test_a_sentence_of_asides_alone_is_one_only_beside_a_question() -> None:
    tokens = tokenise("I lost my thesis")
    assert not asks(tokens)
    assert set_aside(tokens) == tokens
    assert set_aside(tokens, others=True) == []


def test_capitals_are_read() -> None:
    assert (
        reading(plan("WHAT IS THE LIFETIME OF THE MUON IN SECONDS?")) == "value lifetime(mu-|mu+) in seconds"
    )
