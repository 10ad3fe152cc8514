"""Words that ask, clauses that lead up to a question, and words that change what is asked."""

from __future__ import annotations

import pytest

from yukawa.assistant.fillers import FILLERS, FOREIGN, focus, is_filler


def test_no_word_both_asks_and_changes_what_is_asked() -> None:
    assert not FILLERS & FOREIGN


def test_a_year_is_a_filler_and_another_number_is_not() -> None:
    assert is_filler("2026")
    assert not is_filler("9173")


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("I am preparing a talk; what is the mass of the tau?", "what is the mass of the tau?"),
        ("Hello! For my thesis: J/psi width", "J/psi width"),
        (
            "What is the mass of the tau, on the Mohs scale?",
            "What is the mass of the tau, on the Mohs scale?",
        ),
        ("Where is the cafeteria?", "Where is the cafeteria?"),
    ],
)
def test_only_what_leads_up_is_left_out(question: str, asked: str) -> None:
    assert focus(question) == asked
    assert focus(focus(question)) == focus(question)
