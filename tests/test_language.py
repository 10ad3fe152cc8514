"""Docstrings, comments, messages, help texts and guides are written in standard English: a list of phrases to avoid."""

from __future__ import annotations

import io
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = (
    "src/**/*.py", "src/**/*.yaml", "docs/**/*.md", "docs/**/*.ipynb", "*.md", "*.toml", "*.yml", "*.cff", "Makefile",
    ".github/**/*.md", "benchmarks/**/*.py", "benchmarks/**/*.md", "benchmarks/*.j2", "tools/*.py",
)  # fmt: skip
FILES = sorted(
    path
    for place in PLACES
    for path in ROOT.glob(place)
    if "migrations" not in path.parts and path.name != "test_language.py"
)

# What to avoid, as a regular expression, and what to write instead. A look-ahead lets the standard uses pass.
PHRASES = {
    r"(?<!there )\b(is|are|was|were|be) no (?!longer|more|less|better|worse|different|other|one\b|need|matter)": (
        "is not a ..., there is no ..."
    ),
    r"\b(holds|hold) (it|them|\w+s?) against\b|\bheld against\b": "compare with, verify",
    r"\b(is|are|was|were|be|been|as|if|unless|when|where) told\b|\btold (apart|from|by|whether|which)\b": (
        "reported, listed, called with, recognised"
    ),
    r"\basked for\b": "requested, given, wanted",
    r"\bstand(s|ing)? in for\b": "replace, act as",
    r"\b(stand|stands|stood|standing) (in|at|within|around|there|here|before|behind|beside|between|ahead|anywhere|everywhere|against)\b"
    r"|\b(where|wherever) (it|they|each|one) (stand|stands|stood)\b|\b(files?|checkpoints?) stands?[.;,]": (
        "is in, occurs in, precedes, follows, is kept"
    ),
    r"\bcannot be had\b": "cannot be obtained, is not available",
    r"\bbroken[- ]off\b|\bbroke off\b|\bbreaks off\b": "interrupted",
    r"\bin force\b": "current, valid",
    r"\b(is|are|was|were|be|if) left out\b|\bleft out of\b|\bleaves out\b|\bleave out\b": "omitted, dropped, default",
    r"\b(goes|go|went|going) on (from|with|where)\b": "resumes, continues",
    r"\bhow to go on\b|\band goes on\b": "how to continue",
    r"\bbe it\b": "whether",
    r"\b(the|this|that|these|those|its|our) very (?!first|last|best|large|small|long|short|few|many|much|high|low)\w": (
        "exactly the same, the same"
    ),
    r"\bat hand\b": "available, needs neither data nor network",
    r"\bstands? (nowhere|elsewhere)\b": "occurs nowhere",
    r"\b(held|kept) apart\b|\b(never|not) parted\b": "held out, in the same split",
    r"\bword goes\b|\bown word\b": "is trusted",
    r"\ba good (third|half|quarter)\b": "more than a third",
    r"\bas soon as there is one\b": "if one is available",
    r"\bnor the \w+ of one\b": "neither ... nor",
    r"\bone's own\b": "your own",
    r"\bholds good\b|\bstands good\b": "is valid",
    r"\bpart(s|ed)? company\b|\bwhat parts them\b": "how they differ",
    r"\bhad from\b": "downloaded from, obtained from",
    r"\bchanges nothing\"": "expected key=value, got ...",
    r"\bere\b": "before",
    r"\bsave for\b|\bsave that\b": "except",
    r"\bwhither\b|\bwhence\b|\bthereof\b|\bwhereof\b|\bherein\b": "where, from where",
    r"\bmade on the spot\b": "generated",
    r"\b(first|at most|last|every) so many\b|\bso many at a time\b": "this many",
    r"\bin small letters\b": "in lower case",
    r"\bone (?!on\b|\w+s\b)\w+ an? (jet|line|row|patch|particle|completion|model|document)\b": "one ... per ...",
    r"\b(hold|holds|held|holding) (it|him|her|them|the \w+|what|\w+ \w+) to be (right|wrong|true|false)\b": "considers ... right",
    r"\b(in|by) one way alone\b|\bwhich is said\b|\bwithout what opens\b": "unambiguous, the output says so, secret",
}
RULES = [(re.compile(pattern, re.IGNORECASE), better) for pattern, better in PHRASES.items()]

# Sentences that are right although a rule finds them: the file, and words of the line.
RIGHT: set[tuple[str, str]] = set()


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that people read, with their numbers: of Python its strings and comments."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), start=1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", -1)):
            yield from enumerate(token.string.splitlines(), start=token.start[0])


def findings(path: Path) -> list[str]:
    """Each phrase to avoid as `file:line: phrase -> better ones`."""
    name = path.relative_to(ROOT).as_posix()
    return [
        f"{name}:{number}: {found[0]!r} -> {better}\n    {line.strip()}"
        for number, line in prose(path)
        for rule, better in RULES
        if (found := rule.search(line)) and not any(name == file and words in line for file, words in RIGHT)
    ]


def test_prose_is_standard_english() -> None:
    found = [line for path in FILES for line in findings(path)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "sentence",
    [
        "It is no longer needed.",
        "There is no such file.",
        "He told us.",
        "The rest is left.",
        "No one is there.",
        "A star stands for any name.",
        "The blocks stand on their own.",
    ],
)
def test_standard_sentences_pass(sentence: str) -> None:
    assert not [rule.pattern for rule, _ in RULES if rule.search(sentence)]


@pytest.mark.parametrize(
    "sentence",
    [
        "the loss is no number",
        "it is told by the name",
        "rows are left out",
        "work goes on from there",
        "in force",
        "the word stands in no passage",
        "what stands before it",
        "the old file stands.",
    ],
)
def test_the_phrases_are_found(sentence: str) -> None:
    assert any(rule.search(sentence) for rule, _ in RULES)
