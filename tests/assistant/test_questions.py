"""A part of the development questions against the whole PDG: right values with errors and sources, or none."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yukawa.assistant import Assistant
from yukawa.core.settings import load_settings
from yukawa.knowledge import KnowledgeBase

QUESTIONS = Path(__file__).parents[2] / "benchmarks" / "questions"


def rows(kind: str) -> list[dict[str, Any]]:
    lines = (QUESTIONS / f"dev_{kind}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def pdg(pdg_base: Path, tmp_path: Path) -> Iterator[Assistant]:
    with KnowledgeBase.open(pdg_base) as base:
        yield Assistant(base, load_settings(tmp_path))


@pytest.fixture(scope="module")
def score() -> Any:
    spec = importlib.util.spec_from_file_location("tested_question_score", QUESTIONS / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_answerable_questions_are_answered_right(pdg: Assistant, score: Any) -> None:
    asked = rows("answerable")[:40]
    wrong = []
    for row in asked:
        answer = pdg.ask(row["question"], keep=False)
        if answer.abstained or not score.right(row, answer.text, [s.id for s in answer.sources]):
            wrong.append((row["id"], row["question"], answer.text[:150]))
    assert len(asked) == 40
    assert len(wrong) <= 4, wrong


def test_unanswerable_questions_are_declined(pdg: Assistant) -> None:
    asked = rows("unanswerable")[::5][:20]
    answered = [
        (row["question"], a.text[:150])
        for row in asked
        if not (a := pdg.ask(row["question"], keep=False)).abstained
    ]
    assert len(asked) == 20
    assert len(answered) <= 2, answered
