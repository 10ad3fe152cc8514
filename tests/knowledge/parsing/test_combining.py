"""Rules that combine: measurements, arithmetic, comparison, yes or no."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.clauses import Clause, sentences
from yukawa.knowledge.parsing.combining import relation_of, yes_or_no
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.tokens import source, tokenise


def clause_of(text: str) -> Clause:
    read = source(text)
    (clause,) = sentences(read.plain, tokenise(read.plain))
    return clause


@pytest.mark.parametrize(
    "text",
    [
        "is the tau a lepton", "could you tell me, is the tau a lepton", "I was wondering is the tau a lepton",
        "does the Z decay to mu+ mu-", "so can the Z decay",
    ],
)  # fmt: skip
def test_questions_of_yes_or_no(text: str) -> None:
    assert yes_or_no(clause_of(text))


@pytest.mark.parametrize(
    "text",
    [
        "what is the mass of the tau",
        "do you know the mass of the tau",
        "how long does a tau live",
        "we are in a pub, mass of the tau",
    ],
)
def test_other_questions(text: str) -> None:
    assert not yes_or_no(clause_of(text))


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("how much heavier is the Z than the W", "Z0"), ("how much lighter is the W than the Z", "Z0"),
        ("mass of the Z minus the mass of the W", "Z0"), ("by what factor is the Z heavier than the W", "Z0"),
        ("Z to W mass ratio", "Z0"),
        ("how many W masses make a Z mass", "Z0"),
    ],
)  # fmt: skip
def test_which_comes_first(question: str, first: str) -> None:
    (goal,) = plan(question).goals
    assert goal.operands[0].thing.names[0] == first


def test_relations() -> None:
    assert relation_of(">") == ">"
    assert relation_of("equal") == "="
