"""Sentences of few words: a thing alone, a source's name of a quantity with the thing that it belongs to."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan


@pytest.mark.parametrize(
    "question", ["the tau", "tell me about the tau", "Tell me everything you have on the tau."]
)
def test_a_thing_alone_gets_an_overview(question: str) -> None:
    assert reading(plan(question)) == "overview overview(tau-|tau+)"


@pytest.mark.parametrize("question", ["What does a proton look like?", "everything but the tau"])
def test_other_words_ask_for_something_else(question: str) -> None:
    assert not plan(question).complete


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("sin(2 beta) from B decays", "S042BET"),
        ("eps'/eps for kaons", "S013EPS"),
        ("g_A/g_V for the neutron", "S017AV"),
    ],
)
def test_a_quantity_by_its_own_name_with_its_thing(question: str, name: str) -> None:
    (goal,) = plan(question).goals
    assert goal.operands[0].name == name


def test_a_thing_that_it_does_not_belong_to_is_noticed() -> None:
    assert not plan("eps'/eps for B mesons").complete


def test_a_thing_that_is_only_mentioned_asks_for_nothing() -> None:
    assert reading(plan("I like muons. mass of the tau?")) == "value mass(tau-|tau+)"
