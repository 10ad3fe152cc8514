"""What three thousand questions are read as today: a change of the grammar shows which readings it changes.

None of these readings is right because it is in the table; those that must be are in `readings.tsv`. After a change that is meant, type
`YUKAWA_TEST_WRITE_READINGS=1 python -m pytest tests/knowledge/parsing/test_grammar_kept.py` and look at the difference.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import random
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.kinds import kind_of
from yukawa.knowledge.parsing.plan import Plan

TABLE = Path(__file__).with_name("kept_readings.tsv")
OTHERS = Path(__file__).with_name(
    "kept_questions.txt"
)  # of the tests of the parts of the grammar, which look at one thing each
BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
SETS = ("asked", "public", "measurements", "dev_answerable", "dev_unanswerable", "train_answerable")
HOW = "if that is meant, type: YUKAWA_TEST_WRITE_READINGS=1 python -m pytest tests/knowledge/parsing/test_grammar_kept.py"


def questions() -> Iterator[tuple[str, str]]:
    """A name and a question each: those of the sets that may be looked at, and some with words and slips around them."""
    for name in SETS:
        lines = (BENCHMARKS / "questions" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            yield f"{name}:{number}", json.loads(line)["question"]
    for number, line in enumerate(OTHERS.read_text(encoding="utf-8").splitlines()):
        yield f"other:{number}", line
    spec = importlib.util.spec_from_file_location("kept_frames", BENCHMARKS / "frames.py")
    assert spec is not None
    assert spec.loader is not None
    frames = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = frames
    spec.loader.exec_module(frames)
    kinds, words = frames.frames("develop")
    around = [text for kind, texts in kinds.items() for text in texts if kind.startswith("neutral")]
    texts: list[str] = []
    for question in list(frames.questions())[::3]:
        chance = random.Random(question)
        fitting = [frame for frame in around if frames.fits(frame, question)]
        texts += [frames.filled(frame, question, words, chance) for frame in chance.sample(fitting, 3)]
        texts += [slip(question, chance) for slip in frames.SLIPS.values()]
    chance = random.Random(15)
    for frame in kinds["dangerous modifier"]:
        what, thing = chance.choice(frames.QUANTITIES)
        texts.append(frames.filled(frame.replace("{p}", what).replace("{t}", thing), "", words, chance))
    yield from ((f"frame:{number}", text) for number, text in enumerate(texts))


def line(name: str, question: str) -> str:
    """The reading for people, and a digest of the whole plan with its places and of the kind of question."""
    found = Plan("")
    for asked in question.split(" | "):  # a dialogue
        found = plan(asked, [found])
    digest = hashlib.sha256(f"{found!r} {kind_of(found)}".encode()).hexdigest()[:8]
    return "\t".join((name, digest, " ".join(reading(found).split())))


def part(name: str) -> str:
    """Questions are read some hundreds at a time."""
    kind, _, number = name.partition(":")
    return f"{kind} {int(number) // 300}"


def kept_lines() -> dict[str, str]:
    """The lines of the table by the names of their questions."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()[1:]
    return {text.partition("\t")[0]: text for text in lines}


EDITION = f"# pdg {version('pdg')}"


@pytest.fixture(scope="module")
def asked() -> dict[str, str]:
    found = dict(questions())
    if os.environ.get("YUKAWA_TEST_WRITE_READINGS"):
        lines = [EDITION, *(line(name, question) for name, question in found.items())]
        TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return found


@pytest.mark.slow
def test_every_question_has_its_line(asked: dict[str, str]) -> None:
    assert list(asked) == list(kept_lines()), HOW


@pytest.mark.slow
@pytest.mark.parametrize("some", dict.fromkeys(map(part, kept_lines())))
def test_every_reading_is_as_it_was(some: str, asked: dict[str, str]) -> None:
    with TABLE.open(encoding="utf-8") as table:
        edition = table.readline().strip()
    if edition != EDITION:
        pytest.skip(f"the table was made with {edition[2:]}, whose names of particles are part of it")
    pairs = [
        (old, line(name, asked[name]))
        for name, old in kept_lines().items()
        if part(name) == some and name in asked
    ]
    other = [
        f"{asked[old.partition(chr(9))[0]]!r}\n  was {old}\n  is  {new}" for old, new in pairs if old != new
    ]
    assert not other, "\n".join([f"{len(other)} questions are read in another way; {HOW}", *other[:20]])
