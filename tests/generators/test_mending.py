"""Mends: what is mended is clean, and what is right stays."""

from __future__ import annotations

from yukawa.generators.checking import check
from yukawa.generators.mending import difference, mended, mended_fully

WRONG = "Decay psi(2S)\r\n0,5 J/psi pi- pi+ JPIPI;\r\n0.5 J/psi pi+ pi+ VVPIPI;\r\nEnddecay\r\n"


def checker(text: str):
    return check(text, name="card.dec")


def test_a_clean_card_stays_as_it_is(own_card):
    assert mended_fully(own_card, checker)[0] == own_card


def test_physics_is_left_to_its_author_unless_it_is_wanted():
    better, left = mended_fully(WRONG, checker)
    assert (
        better
        == "Decay psi(2S)\r\n0.5 J/psi pi+ pi- JPIPI;\r\n0.5 J/psi pi+ pi+ VVPIPI;\r\nEnddecay\r\nEnd\r\n"
    )
    assert [each.code for each in left] == ["E-CHARGE"]
    better, left = mended_fully(WRONG, checker, physics=True)
    assert "0.5 J/psi pi+ pi- VVPIPI;" in better
    assert not left


def test_an_edit_that_does_not_fit_its_line_is_not_applied():
    assert mended("End\n", checker(WRONG)) == "End\n"


def test_the_difference_is_one_that_patch_reads():
    text = difference("a\nb", "a\nc", "/x/card.dec")
    assert text.startswith("--- a/x/card.dec\n+++ b/x/card.dec\n")
    assert text.endswith("+c\n\\ No newline at end of file\n")
    assert difference("a", "a", "x") == ""
