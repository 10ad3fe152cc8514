"""Questions in German, French, Chinese and Japanese are read as their English translations."""

import re
from pathlib import Path

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.lexicon import other_language

ROWS = [
    line.split("\t")
    for line in Path(__file__).with_name("languages.tsv").read_text(encoding="utf-8").splitlines()
]


def alike(question: str) -> str:
    """What is read, whatever the unit is called."""
    return re.sub(r" in \S+( \S+)?$", " in unit", reading(plan(question)))


@pytest.mark.parametrize(("place", "language"), [(1, "de"), (2, "fr"), (3, "zh"), (4, "ja")])
def test_translations_are_read_alike(place: int, language: str) -> None:
    strange = [row[place] for row in ROWS if alike(row[place]) != alike(row[0])]
    assert len(strange) <= len(ROWS) // 20, strange
    read = [plan(row[place]) for row in ROWS]
    assert sum(found.language == language for found in read) >= 0.8 * len(ROWS)


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("¿Cuál es la masa del muón?", "Spanish"), ("Qual è la massa del muone?", "Italian"), ("Какова масса мюона?", "Russian"),
        ("Hoe zwaar is het proton?", "Dutch"), ("What is the mass of the muon?", ""), ("Quelle est la masse du muon ?", ""),
        ("Wie schwer ist das Myon?", ""), ("μ子的质量是多少?", ""),
    ],
)  # fmt: skip
def test_other_languages_are_named(question: str, language: str) -> None:
    assert other_language(question) == language
    assert not language or f"it seems to be {language}" in plan(question).problem
