"""What questions about documents want, and which words say only how they ask."""

from __future__ import annotations

import pytest

from yukawa.knowledge.documents.asking import asked


@pytest.mark.parametrize(
    ("question", "wants", "answer", "other"),
    [
        (
            "How many layers does the detector have?",
            "number",
            "There are 12 layers.",
            "There are many layers.",
        ),
        (
            "When was the office first introduced?",
            "date",
            "It was introduced in 2014.",
            "It was introduced for 3 people.",
        ),
        ("Who wrote the tutorial?", "person", "It was written by Jim Pivarski.", "it was written quickly"),
        ("Which version of ROOT 6 is it?", "number", "It is 6.32.", "It is ROOT 6."),
    ],
)
def test_a_number_a_date_or_a_name_answers(question: str, wants: str, answer: str, other: str) -> None:
    found = asked(question)
    assert found.wants == wants
    assert found.is_answered_by(answer)
    assert not found.is_answered_by(other)


def test_how_it_asks_counts_less_than_what_about() -> None:
    found = asked("Which python package lets me read ROOT files?")
    weights = found.weights(lambda _: 5.0)
    assert weights["packag"] < weights["python"] == weights["root"]
    found = asked("Which version of Julia is installed?")
    assert found.weights(lambda _: 5.0)["julia"] == 5.0
    assert asked("Why is it cold?").weights(lambda _: 0.1)["cold"] == 2.5


def test_identifiers() -> None:
    assert asked("What does Jet_electronIdx1 mean?").identifiers == {"jet_electronidx1"}
    assert asked("How large is filesPerJob by default?").identifiers == {"filesperjob"}
    assert asked("What is ROOT 6?").identifiers == frozenset()
