"""The Newbie: prompts in frames, replies cleaned, templates that ask what the base states and nothing twice."""

from __future__ import annotations

import pytest

from yukawa.data.engine.grounds import Catalogue, Listed
from yukawa.data.engine.likeness import features
from yukawa.data.engine.newbie import (
    FEWEST,
    FRAMES,
    MOST,
    TemplateNewbie,
    Used,
    cleaned,
    messages,
    named,
    not_itself,
    options,
    worded,
)
from yukawa.knowledge import KnowledgeBase


@pytest.fixture(scope="module")
def catalogue(small: KnowledgeBase) -> Catalogue:
    return Catalogue(small)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_prompt_has_frame_count_and_what_not_to_ask(frame: str) -> None:
    system, user = messages(frame, "neutron science", "Why?", "Because.", 7, ["Old one?"])
    assert FRAMES[frame] in system.content
    assert "Raise 7 questions" in user.content
    assert "Old one?" in user.content
    assert options(3).seed == 3


def test_numbering_and_repetitions_go() -> None:
    assert cleaned(["1. What is spin?", "- What is spin?", "Q2: Why?", "", "(3) How?"]) == [
        "What is spin?",
        "Why?",
        "How?",
    ]


@pytest.mark.parametrize(
    "question",
    ["What does this paper show?", "Why is it so heavy?", "What does Fig. 3 mean?", "Mass?", "a " * 61 + "?"],
)
def test_what_does_not_make_sense_by_itself_is_named(question: str) -> None:
    assert not_itself(question)


def test_a_question_that_makes_sense_passes() -> None:
    assert not_itself("How is the mass of the tau measured?") == ""


def test_templates_ask_two_to_ten_things_and_none_twice(catalogue: Catalogue) -> None:
    newbie, used = TemplateNewbie(catalogue, 1), Used()
    subjects = newbie.begin("particle physics", "particle physics")
    assert len(subjects) >= 10
    made = []
    for turn in range(4):
        found = list(newbie.raised(turn, subjects, own=False, used=used))
        assert len(found) <= MOST
        made += found
    assert len(made) >= FEWEST
    assert len({raised.quantity() for raised in made}) == len(made)
    assert all(features(raised.question).keys for raised in made)


def test_equal_draws_raise_equal_questions(catalogue: Catalogue) -> None:
    one, other = (
        [r.question for r in TemplateNewbie(catalogue, 5).raised(3, ["tau-"], own=True, used=Used())]
        for _ in range(2)
    )
    assert one == other


def test_a_seed_names_its_particles(catalogue: Catalogue) -> None:
    assert TemplateNewbie(catalogue, 0).begin("decays of the tau", "particle physics") == ["tau-"]
    assert TemplateNewbie(catalogue, 0).begin("pizza", "particle physics") == []


def test_decays_are_worded_in_both_notations() -> None:
    listed = Listed("B0", "branching-fraction", ("K+", "pi-"))
    assert worded("{decay}", listed) == "B⁰ → K⁺ π⁻"
    assert worded("{ascii_decay}", listed) == "B0 --> K+ pi-"
    assert named("Z0") == "Z boson"
    assert named("constant:triton mass") == "triton mass"
