"""Sentences beside a question: what tells of the asker changes nothing, what says how the question is meant does."""

import pytest

from yukawa.knowledge.parsing.grammar import plan

QUESTION = "What is the mass of the muon?"


@pytest.mark.parametrize(
    "told",
    [
        "Chemist here, never opened such a table before.", "I never studied physics.", "We run a small cloud chamber for schools.",
        "Our booklet does not say.", "Just the number, please.", "Only the value, please.",
    ],
)  # fmt: skip
def test_what_tells_of_the_asker_changes_nothing(told: str) -> None:
    for text in (f"{told} {QUESTION}", f"{QUESTION} {told}"):
        found = plan(text)
        assert found.complete, found.unread
        assert [w.property for goal in found.goals for w in goal.operands] == ["mass"]


@pytest.mark.parametrize(
    "direction",
    [
        "Rather for the excited one.", "Instead that of its heavier partner.", "Ignore the newest experiment.", "Exclude the last average.",
        "Take only hadron colliders.", "My neighbour means the value before the last update.", "Only lattice results.",
    ],
)  # fmt: skip
def test_a_direction_is_not_passed_over(direction: str) -> None:
    assert not plan(f"{QUESTION} {direction}").complete


@pytest.mark.parametrize(
    "told",
    [
        "The forum search gave nothing useful.",
        "A reference would be nice but is not necessary.",
        "Every student should know such numbers.",
    ],
)
def test_a_negation_or_a_wish_of_everyday_life_changes_nothing(told: str) -> None:
    for text in (f"{told} {QUESTION}", f"{QUESTION} {told}"):
        assert plan(text).complete, plan(text).unread


@pytest.mark.parametrize(
    "told",
    [
        "Not the average.",
        "Gravity should not act.",
        "The measured value is not wanted.",
        "It should be at rest in lead.",
    ],
)
def test_a_negation_or_a_supposition_of_physics_does(told: str) -> None:
    assert not plan(f"{QUESTION} {told}").complete
