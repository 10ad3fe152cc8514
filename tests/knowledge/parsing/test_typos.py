"""Slips of the pen: one meaning is taken and said, none or several are left unread."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.typos import allowed_slips, correction, corrections, is_content


def test_few_letters_may_be_wrong_in_a_short_word() -> None:
    assert [allowed_slips(n) for n in (3, 4, 7, 8)] == [0, 1, 1, 2]


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
