"""Slips of the pen: one meaning is taken and said, none or several are left unread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing.typos import allowed_slips, correction, corrections, distance, is_content

WORDS = st.text("abcdefgh", max_size=7)


@given(WORDS, WORDS)
def test_distance_is_symmetric_and_bounded(one: str, other: str) -> None:
    assert distance(one, other, 9) == distance(other, one, 9) <= max(len(one), len(other))
    assert (distance(one, other, 9) == 0) == (one == other)


@given(WORDS, WORDS)
def test_a_bound_does_not_change_what_is_within_it(one: str, other: str) -> None:
    full = distance(one, other, 9)
    assert distance(one, other, 2) == full or (full > 2 and distance(one, other, 2) > 2)


def test_swapped_letters_are_one_slip() -> None:
    assert distance("widht", "width", 2) == 1
    assert allowed_slips(3) == 0


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("lifetme", "lifetime"), ("widht", "width"), ("upislon", "upsilon"), ("protn", "proton"), ("nuetron", "neutron"),
        ("barion", "baryon"),
        ("magentic", "magnetic"), ("teh", "the"), ("waht", "what"), ("branchign", "branching"),
    ],
)  # fmt: skip
def test_a_slip_of_one_word_is_mended(written: str, meant: str) -> None:
    assert correction(written) == meant


@pytest.mark.parametrize(
    "word",
    [
        "moon",
        "change",
        "person",
        "phonon",
        "mass",
        "proton",
        "zorblon",
        "photo",
        "axion",
        "xx",
        "4321",
        "mit",
    ],
)
def test_a_real_word_or_one_like_nothing_is_left(word: str) -> None:
    assert correction(word) is None
    assert corrections([word]) == {}


def test_only_what_names_something_is_said() -> None:
    assert is_content("width")
    assert is_content("muon")
    assert not is_content("what")
