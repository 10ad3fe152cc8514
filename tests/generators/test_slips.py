"""Which name a misspelt word was meant to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.generators.slips import candidates, folded, is_slip, nearest_word

TEXT = st.text(alphabet="abc+-", min_size=1, max_size=8)


@given(TEXT, TEXT)
def test_a_slip_is_one_in_both_directions(one, other):
    assert is_slip(one, other) == is_slip(other, one)


@given(TEXT, st.integers(0, 7))
def test_one_letter_lost_is_a_slip(word, at):
    assert is_slip(word[: at % len(word)] + word[at % len(word) + 1 :], word)


@pytest.mark.parametrize(
    ("word", "names", "expected"),
    [
        ("vll", ["VLL", "VSS"], ["VLL"]),
        ("rh+o", ["rho+", "vpho"], ["rho+"]),
        ("D_+", ["D+", "D_s+"], ["D+", "D_s+"]),
        ("x", ["yyy"], []),
    ],
)
def test_candidates(word, names, expected):
    assert candidates(word, names) == expected


def test_the_nearest():
    assert nearest_word("Myanti-K*0", ["MyantiK*0", "K*0"]) == "MyantiK*0"
    assert nearest_word("CMSEnergySpred", ["CMSEnergy", "BeamEnergySpread"]) in (
        "CMSEnergy",
        "BeamEnergySpread",
    )
    assert nearest_word("ab", ["xy"]) == ""
    assert folded("Anti-B_s") == "antibs"
