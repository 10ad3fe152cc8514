"""Every regular expression of the package, and every reader of text, takes a time that grows with the length alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from .conftest import FOLDER

SIZE = 3_000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pumping(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("pumping")


@pytest.fixture(scope="module")
def report() -> dict:
    """In an interpreter of its own, which has compiled nothing; `--quick` leaves out what cannot grow faster."""
    command = [sys.executable, str(FOLDER / "pumping.py"), "--quick", "--size", str(SIZE)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_every_pattern_is_found(report: dict) -> None:
    """What the source writes, importing compiles, and the other way round."""
    assert report["patterns"]["unseen"] == []
    assert report["patterns"]["patterns"] > 500


def test_every_pattern_is_linear(report: dict) -> None:
    assert report["patterns"]["slow"] == []


@pytest.mark.parametrize(
    "bad",
    [
        r"\s+$", r"\s*,", r"\d+[a-h]$", r"\w*\d\w*", r"(?:a|aa)+b", r"(?:an? |the |in (?:an? )?)*min", r"x\s*:?\s*y", r"\(.*?\)",
        r"\\frac\{.*\}", r"how (?:is|are) .*\bor\b", r"[\w.+-]+@[\w-]+\.\w+", r"(?:\w+\s?)*$", r"a(?=.*b)", r"(?<!\w)\d[\d,]*\d x",
        r"key\s*-?\s*words", r"(?:[ab]+c?)+d", r"\b\w+(?:_\w+)*\(",
    ],
)  # fmt: skip
def test_a_pattern_that_is_not_is_noticed(pumping: ModuleType, bad: str) -> None:
    pattern = pumping.Pattern("here", bad, 0, one_place=False)
    assert pumping.too_slow(pattern, SIZE, pumping.texts(pattern)) is not None


@pytest.mark.parametrize(
    "good",
    [r"(?<!\s)\s+$", r"\d{1,20}x", r"[^()]{0,40}\)", r"(?<!\d)\d++(?:\.\d++)? GeV", r"\ba\b", r"[αβ]+|x"],
)
def test_a_pattern_that_is_is_passed(pumping: ModuleType, good: str) -> None:
    pattern = pumping.Pattern("here", good, 0, one_place=False)
    assert pumping.too_slow(pattern, SIZE, pumping.texts(pattern), pumping.QUICK_FLOOR) is None


def test_what_is_tried_at_one_place_may_take_the_whole_text(pumping: ModuleType) -> None:
    pattern = pumping.Pattern("here", r"\s*x", 0, one_place=True)
    assert pumping.too_slow(pattern, SIZE, pumping.texts(pattern), pumping.QUICK_FLOOR) is None


def test_the_texts_lead_to_each_repetition(pumping: ModuleType) -> None:
    """Each repeated part occurs in a text that the pattern matches up to there."""
    pattern = pumping.Pattern(
        "here", r"Review: (?:see )*(\d+)[;,]+(?:end)*\Z", re.IGNORECASE, one_place=False
    )
    said = {(before.lower(), again.lower()) for before, again, _ in pumping.texts(pattern)}
    assert {("review: ", "see "), ("review: ", "1"), ("review: 1", ";"), ("review: 1,", "end")} <= said


def test_what_is_said_to_be_bounded_is(script: Callable[[str], ModuleType]) -> None:
    """Longer questions are refused, and of longer texts the beginning alone is searched for a property."""
    from yukawa.knowledge.parsing import checks, grammar, properties

    patterns = script("pumping_patterns")
    assert {name for name, _ in patterns.BOUNDED.values()} == {
        "knowledge.parsing.checks",
        "knowledge.parsing.properties",
    }
    assert "at most" in grammar.plan("What is the mass of the Z boson? " * (checks.LONGEST // 30)).problem
    text = " " * properties.LONGEST + "the mass"
    assert properties.find_property(text) == (None, text)
    assert properties.find_property(text[8:])[0] == "mass"
    read = {"knowledge/parsing/" + path.name for path in (patterns.SOURCE / "knowledge/parsing").glob("*.py")}
    assert patterns.BOUNDED.keys() <= read


READERS = (
    "a taught statement", "a taught answer", "a taught document", "a question", "Markdown", "an answer from a passage",
    "a passage that is cited", "an answer without citations", "statements of a passage", "a field", "a jet in words", "words",
)  # fmt: skip
TEXTS = (" ", "1", "(", "1 e ", "Z -> e+ e- ", "80.4 ± 0.1 GeV, ")


def test_every_reader_is_linear(pumping: ModuleType) -> None:
    assert pumping.pump_readers(2_000, READERS, TEXTS)["slow"] == []
