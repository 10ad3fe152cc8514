"""Words as EvtGen splits them: comments inside words, and what a semicolon drops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.generators.checking import check
from yukawa.generators.mending import mended_fully
from yukawa.generators.words import candidates, folded, is_slip, nearest_word, split_words


@given(st.text(alphabet="ab1.; \t\n#-+", max_size=60))
def test_every_word_is_found_at_its_place(text):
    card = split_words(text)
    for at, word in enumerate(card.words):
        line, column = card.place(at)
        assert card.lines[line - 1].startswith(word, column - 1)


@given(
    st.lists(st.sampled_from(["Decay", "B0", "1.0", "PHSP", "x#y"]), max_size=20),
    st.sampled_from([" ", "\n", "\t", "\r\n"]),
)
def test_line_ends_mean_nothing(words, between):
    plain = [word for word in words if "#" not in word]
    assert split_words(between.join(plain)).words == plain


def test_a_comment_begins_inside_a_word():
    assert split_words("a b#c d\ne").words == ["a", "b", "e"]


def test_what_follows_a_semicolon_in_its_word_is_dropped():
    card = split_words("1.0 pi+ pi- PHSP;sig  Enddecay")
    assert card.words == ["1.0", "pi+", "pi-", "PHSP", ";", "Enddecay"]
    assert [(each.code, each.line, each.column) for each in card.found] == [("W-AFTERSEMI", 1, 18)]


def test_a_line_that_is_too_long():
    assert [each.code for each in split_words("x " * 600).found] == ["E-LINE"]


def test_a_place_behind_the_last_word():
    assert split_words("a\nb\n").place(2) == (3, 1)


def test_spaces_and_dashes_of_text_programs_are_found_and_mended():
    text = "Decay B0\n1.0\u00a0K+ pi\u2212 PHSP;\nEnddecay\nEnd\n"
    assert [(each.code, each.line, each.column) for each in split_words(text).found] == [
        ("E-LINE", 2, 4),
        ("E-LINE", 2, 10),
    ]
    better, left = mended_fully(text, lambda text: check(text, name="a.dec"))
    assert better == "Decay B0\n1.0 K+ pi- PHSP;\nEnddecay\nEnd\n"
    assert not left


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("1.0 K+ // pi-", ["1.0", "K+"]), ("a//b", ["a//b"]), ("  ! text", []), ("a !b", ["a", "!b"]), ("x;//y z", ["x", ";"]),
    ],
)  # fmt: skip
def test_comments_of_other_languages_are_one_finding(line, words):
    card = split_words(line)
    assert card.words == words
    assert [each.code for each in card.found] == ["E-LINE"] * (words not in (["a//b"], ["a", "!b"]))


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
