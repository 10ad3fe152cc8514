"""Asides of the asker leave a question as it is, whatever numbers and negations they hold; conditions do not."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.asides import set_aside
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.labels import asks
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
        "1) {}", "(b) {}", "#3 {}", "Q: {}", "Problem 7 (b): {}", "Homework, part (c): {}", "Working on problem set 4, {}",
        "{}? [2 marks]", "{}? Cheers, Mike (2nd year)", "{}? Sincerely, J. Martin", "Dear Prof. J. Martin, {}", "exam in 20 min, {}",
        "I am from Rio and 16 years old, {}", "our sons, 9 and 12, want to know {}", "I have until the 14th of March. {}",
        "It's been 20 years since I went to university, so: {}", "being new to the field, I'd like to know {}",
        "as someone with no physics background, I ask {}", "I'm preparing slides on the Standard Model: {}",
        "I'm a student on ATLAS, {}", "{} (asking because the textbook skips it)", "{} - I keep mixing it up",
        "forgive me if this is trivial: {}", "I don't know why, but {}", "No rush at all. {}", "{}? No explanation needed.",
        "{}? Don't guess.", "Wikipedia doesn't say: {}",
        "I'm giving a talk on the Higgs boson tomorrow: {}", "I'm writing a paper about neutrino masses. {}?", "random question: {}",
        "In today's QFT lecture the professor asked {}", "I'm an ATLAS member, {}", "In Feynman's lectures I couldn't find {}",
        "There is no bookshop here. {}", "I scored 19 out of 20. {}", "That was in 1995. {}", "besides, {}",
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
        "not counting electroweak effects, {}", "{} after it hits a target", "{} in my experiment", "{} on Mars", "{} for a fast one",
        "under extreme pressure, {}", "according to my supervisor, {}", "I work in the MS-bar scheme: {}", "I use ATLAS data, {}",
        "Don't use the newest value: {}", "being in matter, {}", "no friction in a dense gas, {}", "exam in 3 GeV, {}",
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


@pytest.mark.parametrize(
    "question", ["my mass of the muon", "our measured mass of the muon", "mass of the first muon", "mass of the muon candidate"]
)  # fmt: skip
def test_what_is_the_asker_s_own_or_one_of_several_is_noticed(question: str) -> None:
    assert not plan(question).complete


def test_what_is_set_aside_disappears() -> None:
    tokens = tokenise("because my thesis is due, mass of the muon")
    assert [t.text for t in set_aside(tokens)] == [",", "mass", "of", "the", "muon"]


def test_a_sentence_of_asides_alone_is_one_only_beside_a_question() -> None:
    tokens = tokenise("I lost my thesis")
    assert not asks(tokens)
    assert set_aside(tokens) == tokens
    assert set_aside(tokens, others=tokenise(QUESTION)) == []


def test_capitals_are_read() -> None:
    assert (
        reading(plan("WHAT IS THE LIFETIME OF THE MUON IN SECONDS?")) == "value lifetime(mu-|mu+) in seconds"
    )


@pytest.mark.parametrize(
    "introduction",
    [
        "Working through Griffiths chapter 1 and wondering: {}?", "Reading an old book in the garden I asked myself: {}?",
        "Designing a board game for my kids and need to check something: {}?", "{}, my book (from the eighties) does not have it yet",
        "I lost my notes (the blue ones): {}?",
    ],
)  # fmt: skip
def test_what_somebody_does_ahead_of_a_question_or_behind_it_is_set_aside(introduction: str) -> None:
    found = plan(introduction.format(QUESTION))
    assert found.complete, found.unread
    assert reading(found) == reading(plan(QUESTION))


@pytest.mark.parametrize(
    "introduction",
    [
        "Working in a model with two doublets: {}?", "In heavy water: {}?", "Assuming a fourth generation and wondering: {}?",
        "Neglecting gravity: {}?", "{} (and please think of a medium) at high density?",
    ],
)  # fmt: skip
def test_what_is_assumed_ahead_of_a_question_is_not(introduction: str) -> None:
    assert not plan(introduction.format(QUESTION)).complete


@pytest.mark.parametrize(
    "introduction",
    [
        "After reading an article about quarkonia I got curious: {}?",
        "Reading about the Higgs boson I came to wonder: {}?",
    ],
)
def test_what_somebody_reads_about_is_no_second_subject(introduction: str) -> None:
    found = plan(introduction.format(QUESTION))
    assert reading(found) == reading(plan(QUESTION))
