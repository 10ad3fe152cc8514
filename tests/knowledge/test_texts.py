"""Texts that may be taught: what is kept, what is refused, which are equal."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge.texts import (
    LONGEST_LABEL,
    MAX_BYTES,
    check_legible,
    check_plain,
    checked_label,
    checked_text,
    looks_like,
    normalised,
    without_unseen,
)


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


@pytest.mark.parametrize("text", [
    "80.4 G\u0435V", "80.1 \u039ceV", "70\u202e.08", "80\u200b.4", "\u09ea0.4 GeV", "8\u03360.4", "B\u0391BAR", "a\u2066b",
    "soft\u00adhyphen", "a\x7fb", "a\x85b", "a\x9b31mb", "a\u2028b", "a\u2029b",
])  # fmt: skip
def test_what_people_read_otherwise_than_programs_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        check_legible(text)
    assert "\n" not in str(caught.value)
    assert "U+" in str(caught.value)


@pytest.mark.parametrize("text", [
    "Δm = 3", "Z玻色子", "Λ_c⁺ → pK⁻π⁺", "μm and µs", "νμ, ηc, Υ(4S), χc1, ΔΓ, KΛ, αs, ℓ⁺ℓ⁻, ħc", "Å and 5 kΩ", "ГэВ МэВ",
    "naïve Düsseldorf",
    "日本のbeam", "x² ≥ 10⁻⁵", "８０ GeV", "B̄0 → D̄", "",
])  # fmt: skip
def test_the_signs_of_physics_and_of_languages_are_legible(text: str) -> None:
    check_legible(text)


def test_extracted_text_loses_what_is_not_seen() -> None:
    assert without_unseen("soft\u00adhyphen\u200b \U0001d7d6\U0001d7ce.4 \u202eGeV") == "softhyphen 80.4 GeV"
    assert without_unseen("one\u2028two\u2029three\x85four\x9b") == "one\ntwo\nthree\nfour"
    assert looks_like("\u0420\uff24G") == "PDG"


@given(st.text(max_size=60))
def test_a_label_is_one_line_of_what_is_seen_or_is_refused(text: str) -> None:
    try:
        line = checked_label(text, "the source")
    except InputError:
        assume(False)  # what is refused has tests of its own
    assert checked_label(line, "the source") == line
    assert line.split() == line.split(" ") or line == ""
    assert len(line.splitlines()) <= 1
    check_plain(line, "")
    assert without_unseen(line) == line


@pytest.mark.parametrize("bad", ["a\x00b", "a\x1b[31mb", "\ud800", "x" * (LONGEST_LABEL + 1)])
def test_a_label_with_control_characters_or_of_any_length_is_refused(bad: str) -> None:
    with pytest.raises(InputError, match="the author"):
        checked_label(bad, "the author")
    assert len(checked_label("x" * LONGEST_LABEL, "the author")) == LONGEST_LABEL
    assert checked_label(" A\n\tB\u2028C\u202e ", "the author") == "A B C"
