"""Words as EvtGen splits them: comments inside words, and what a semicolon drops."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from yukawa.generators.checking import check
from yukawa.generators.mending import mended_fully
from yukawa.generators.words import split_words


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
