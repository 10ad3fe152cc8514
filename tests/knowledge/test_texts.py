"""Texts that may be taught: what is kept, what is refused, which are equal."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge.texts import MAX_BYTES, checked_text, normalised


@given(st.text(min_size=1, max_size=60))
def test_checking_twice_changes_nothing(text: str) -> None:
    try:
        once = checked_text(text)
    except InputError:
        assume(False)  # what is refused has tests of its own
    assert checked_text(once) == once
    assert once in text


@given(st.text(max_size=60))
def test_one_form_is_reached_at_once(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@given(st.integers(0, 3), st.integers(0, 3))
def test_empty_first_pages_are_counted(before: int, after: int) -> None:
    text = checked_text("\n\f" * before + " The first words.\fThe last." + "\f" * after)
    assert text == "\f" * before + "The first words.\fThe last."


@pytest.mark.parametrize(
    ("text", "part"),
    [("\f", "empty"), (" \f\n", "empty"), ("a\x0bb", r"U\+000B"), ("a" * (MAX_BYTES + 1), "5,000,001 bytes")],
)
def test_what_cannot_be_taught(text: str, part: str) -> None:
    with pytest.raises(InputError, match=part):
        checked_text(text)
