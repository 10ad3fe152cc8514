"""Shares in words are read as numbers, the same as in digits."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.shares import shares


@pytest.mark.parametrize(("said", "number"), [
    ("two thirds of the time", "67 % of the time"), ("a quarter of all decays", "25 % of all decays"),
    ("three quarters of its decays", "75 % of its decays"), ("half of the time", "50 % of the time"),
    ("once in ten thousand", "0.01 %"), ("one in a million decays", "0.0001 %"), ("twice in 1,000 decays", "0.2 %"),
    ("1 in a hundred thousand", "0.001 %"), ("one in ten billion", "0.00000001 %"),
    ("once in twenty-five", "4 %"), ("once in thirty five decays", "2.86 %"), ("one in two hundred fifty", "0.4 %"),
    ("once in 10 000 decays", "0.01 %"), ("one in two thousand five hundred", "0.04 %"),
])  # fmt: skip
def test_a_share_becomes_a_number(said: str, number: str) -> None:
    text = said
    for start, end, written in shares(said):
        text = said[:start] + written + said[end:]
    assert " ".join(text.split()) == number


@pytest.mark.parametrize(
    "said",
    [
        "two out of three",
        "a third of its mass",
        "three halves of the time",
        "1 in 10",
        "one in two",
        "once in five twenty",
        "once in 10 50",
    ],
)
def test_what_is_no_share_of_many_stays(said: str) -> None:
    assert not list(shares(said))


@pytest.mark.parametrize(("words", "digits"), [
    ("Does the K+ decay to mu nu two thirds of the time?", "Does the K+ decay to mu nu 67 % of the time?"),
    ("Which decays of the K+ happen more often than once in ten thousand?", "Which decays of the K+ happen more often than 0.01 %?"),
    ("Does pi+ decay to e nu once in ten thousand decays?", "Does pi+ decay to e nu 0.01 %?"),
])  # fmt: skip
def test_words_ask_what_digits_ask(words: str, digits: str) -> None:
    assert plan(words).complete
    assert reading(plan(words)) == reading(plan(digits))


def test_no_exponent_becomes_an_electron() -> None:
    assert (
        "e-"
        not in reading(plan("Is the branching fraction of B0 to mu mu one in ten billion?")).partition(" = ")[
            0
        ]
    )
