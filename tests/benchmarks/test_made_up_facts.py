"""The made-up facts: each once, in words that differ, and judged by their answers."""

from __future__ import annotations

import pytest

from yukawa.evaluation.questions import judge


@pytest.fixture(scope="module")
def made_up_facts(script):
    return script("made_up_facts")


def test_facts_are_drawn_once_and_asked_in_two_ways(made_up_facts):
    made = made_up_facts.facts(30)
    assert made == made_up_facts.facts(30)
    assert len({one["answer"] for one in made}) == len({one["asked"] for one in made}) == 30
    for one in made:
        assert one["answer"] in one["said"]
        assert one["answer"] not in one["asked"] + one["other"]
        assert one["asked"] != one["other"]


def test_an_answer_is_right_if_it_begins_with_the_name(made_up_facts):
    made = made_up_facts.facts(3)
    asked = made_up_facts.questions(made, "other")
    replies = [f"{made[0]['answer']}.", f"It is {made[1]['answer']}", "I do not know"]
    assert judge(asked, replies) == [True, False, False]
