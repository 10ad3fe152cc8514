"""A sentence beside a question that says which value is wanted, or where all of it happens, is not passed over; a tale is."""

import pytest

from yukawa.knowledge.parsing.bearing import bearing
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.tokens import tokenise

QUESTION = "What is the mass of the muon?"
MEANT_OTHERWISE = [
    "I only trust results from before 2005.", "I'd like the value the quark model predicts.", "I need the number from before the LHC.",
    "I want data taken at LEP.", "What will the average be after including it?",
    "My question refers to the 2008 edition.", "In my model there is a fourth generation.",
    "In a world with massless quarks nothing is as it was.", "Everything here happens at a temperature of 150 MeV.",
]  # fmt: skip
TALES = [
    "I used the 1998 edition for years.", "In our lab course we looked at tracks.", "I need the number for a CMS paper.",
    "In the library everybody was asleep.", "Everything takes 20 minutes here.", "In tritium decay one looks at the electron spectrum.",
    "I keep seeing that odd CDF result quoted and don't know which number to trust.",
]  # fmt: skip


@pytest.mark.parametrize("beside", MEANT_OTHERWISE)
def test_what_says_how_a_question_is_meant_prevents_an_answer(beside: str) -> None:
    assert bearing(tokenise(beside.rstrip(".")))
    for text in (f"{beside} {QUESTION}", f"{QUESTION} {beside}"):
        found = plan(text)
        assert found.unread, text


@pytest.mark.parametrize("tale", TALES)
def test_a_tale_bears_on_nothing(tale: str) -> None:
    assert bearing(tokenise(tale.rstrip("."))) == []


def test_nothing_bears_on_nothing() -> None:
    assert bearing([]) == []


@pytest.mark.parametrize(
    "direction",
    [
        "In 1994, that is.", "Twice the value, please.",
        "I mean for the excited state.", "Actually I want the value for the heavier one.", "As it was known in 1985.",
        "Half of that, actually.",
        "Now multiply it by three.", "We are looking at the early universe.",
    ],
)  # fmt: skip
def test_what_corrects_or_changes_the_question_is_noticed(direction: str) -> None:
    assert plan(f"{QUESTION} {direction}").unread


@pytest.mark.parametrize(
    "tale",
    [
        "I read a book about the early universe.",
        "I need a number for one of my slides.",
        "Nothing else needed.",
    ],
)
def test_what_sounds_like_it_and_changes_nothing_is_not(tale: str) -> None:
    assert plan(f"{QUESTION} {tale}").complete


@pytest.mark.parametrize(
    "coda", ["never mind the theory behind it", "leaving aside why it is so", "no matter how it is measured"]
)
def test_what_is_left_aside_changes_nothing_but_sources_do(coda: str) -> None:
    assert plan(f"What is the mass of the muon, {coda}?").complete
    assert not plan("What is the mass of the W, leaving aside the CDF result?").complete
