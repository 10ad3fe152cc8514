"""The checks of an answer: every citation exists and every number stands in a cited passage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.assistant.checks import check, citations, numbers

PASSAGES = [
    "The mass of the tau lepton is 1776.93 ± 0.09 MeV.",
    "The rate is (1.50 ± 0.02) × 10⁻⁵ and 1,234 were seen.",
    "The flux is 3 × 10¹⁵.",
]


def failed(text: str, question: str = "What is the mass?") -> list[str]:
    return [c.name for c in check(text, PASSAGES, question) if not c.passed]


@pytest.mark.parametrize("text", [
    "1776.93 ± 0.09 MeV [1]", "It is 1776.93 +- 0.09 MeV [1].", r"$1776.93 \pm 0.09$ MeV [1]", "(1.50 ± 0.02) × 10⁻⁵ [2]",
    "(1.50 +- 0.02) x 10^-5 [2]", r"$(1.50 \pm 0.02) \times 10^{-5}$ [2]", "1234 were seen [2]", "1,234 were seen [2]",
    "3 × 10¹⁵ [3]", "3 x 10^15 [3]", r"$3 \times 10^{15}$ [3]", "1776.93 MeV and 1234 [1][2]",
    "1776.93 MeV and 1234 [1, 2]", "It is heavy [1].",
])  # fmt: skip
def test_right_answers_in_any_notation_pass(text: str) -> None:
    assert failed(text) == []


@pytest.mark.parametrize(("text", "names"), [
    ("1776.93 ± 0.09 MeV", ["cites a passage", "numbers stand in the sources"]), ("", ["cites a passage"]),
    ("It is heavy.", ["cites a passage"]),
    ("It is heavy [4].", ["citations exist"]), ("It is heavy [0].", ["citations exist"]), ("It is heavy [1][7].", ["citations exist"]),
    ("1776.94 MeV [1]", ["numbers stand in the sources"]), ("1776.93 ± 0.9 MeV [1]", ["numbers stand in the sources"]),
    ("3 × 1015 [3]", ["numbers stand in the sources"]), ("1.50 [1]", ["numbers stand in the sources"]),
    ("1776.93 [2]", ["numbers stand in the sources"]), ("177693 [1]", ["numbers stand in the sources"]),
    ("1.5 × 10⁻⁶ [2]", ["numbers stand in the sources"]), ("9 [9]", ["citations exist", "numbers stand in the sources"]),
])  # fmt: skip
def test_wrong_answers_fail_by_name(text: str, names: list[str]) -> None:
    assert failed(text) == names


def test_a_detail_names_what_is_wrong() -> None:
    details = {c.name: c.detail for c in check("5 and 7 [1][8]", PASSAGES, "")}
    assert details["numbers stand in the sources"].endswith("5, 7")
    assert details["citations exist"].endswith("8")


def test_numbers_of_the_question_may_be_repeated() -> None:
    assert failed("The psi(3770) is heavy [1].", "Is psi(3770) heavy?") == []
    assert failed("The psi(3770) is heavy [1].") == ["numbers stand in the sources"]


@given(st.lists(st.integers(1, 30), max_size=8))
def test_citations_are_found_in_order_once_each(ids: list[int]) -> None:
    wanted = list(dict.fromkeys(ids))
    assert citations(" and ".join(f"x [{i}]" for i in ids)) == wanted
    assert citations(f"x [{', '.join(map(str, ids))}]") == wanted
    assert citations(f"x [{','.join(map(str, ids))}].") == wanted


@given(st.text(max_size=80))
def test_any_text_can_be_checked_and_a_passage_supports_itself(text: str) -> None:
    assert len(check(text, PASSAGES, text)) == 3
    by_name = {c.name: c for c in check(f"{text.replace('[', '(')} [1]", [text.replace("[", "(")], "")}
    assert by_name["numbers stand in the sources"].passed
    assert by_name["cites a passage"].passed


@given(st.integers(0, 10**9), st.integers(1, 9))
def test_thousands_marks_do_not_change_a_number(whole: int, digit: int) -> None:
    assert numbers(f"{whole:,}") == numbers(str(whole))
    assert numbers(f"{whole}.{digit}") != numbers(f"{whole}{digit}")


def test_a_huge_citation_is_no_crash() -> None:
    assert failed("x [" + "9" * 5000 + "]") != []


@pytest.mark.parametrize(
    ("answer", "passed"),
    [("It is −0.14 ± 0.05 [1].", True), ("It is -0.14 ± 0.05 [1].", True), ("It is 0.14 ± 0.05 [1].", False)],
)
def test_a_sign_belongs_to_its_number(answer: str, passed: bool) -> None:
    (*_, numbers_check) = check(answer, ["The asymmetry is −0.14 ± 0.05."], "")
    assert numbers_check.passed is passed
