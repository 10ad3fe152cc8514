"""Tasks of lm-evaluation-harness: what is asked of it and how its replies are read. Here it is a package of three modules."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest

from yukawa.core.errors import InputError, MissingPackage, ModelError
from yukawa.evaluation.harness import TaskScores, run_task, task_json, task_section
from yukawa.evaluation.recipe import Statistics

MODEL = SimpleNamespace(name="tuned", model="weights", tokenizer="words")


@pytest.fixture
def harness(monkeypatch):
    """The package; `asked` is what it was called with, `rows` what it replies."""
    made = SimpleNamespace(
        asked={}, rows=[{"doc_id": n, "acc": float(n % 2), "acc_norm": 1.0 - n % 2} for n in range(6)]
    )

    def simple_evaluate(**options):
        made.asked = options
        if made.rows is None:
            raise OSError("no network")
        return {"samples": {options["tasks"][0]: made.rows}}

    modules = {
        "lm_eval": {"simple_evaluate": simple_evaluate},
        "lm_eval.tasks": {"TaskManager": lambda include_path: SimpleNamespace(all_tasks=["little"])},
        "lm_eval.models": {},
        "lm_eval.models.huggingface": {"HFLM": lambda **options: options},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        module.__dict__.update(content, __path__=[])
        monkeypatch.setitem(sys.modules, name, module)
    return made


def test_a_task_is_asked_of_the_opened_model_and_read_question_by_question(harness):
    found = run_task(MODEL, "little", limit=6, batch=2)
    assert harness.asked["model"] == {"pretrained": "weights", "tokenizer": "words", "batch_size": 2}
    assert (harness.asked["tasks"], harness.asked["limit"], harness.asked["log_samples"]) == (
        ["little"],
        6,
        True,
    )
    assert found == TaskScores("tuned", "acc_norm", tuple("012345"), (1, 0, 1, 0, 1, 0))


def test_models_are_compared_question_by_question():
    one = TaskScores("one", "acc", tuple("012345"), (1, 0, 1, 0, 1, 0))
    two = TaskScores("two", "acc", tuple("012345"), (1, 1, 1, 1, 1, 1))
    data = task_json({"one": one, "two": two}, Statistics(resamples=100))
    assert (data["metric"], data["questions"]) == ("acc", 6)
    assert data["estimates"]["one"]["value"] == 0.5
    assert data["differences"][0]["value"] == 0.5
    assert data["scores"]["two"]["5"] == 1
    _, table, *_ = task_section("little", data)
    assert [row[0] for row in table.rows] == ["one", "two"]


def test_what_cannot_be_asked_is_said_in_one_line(harness, monkeypatch):
    with pytest.raises(InputError, match="no task 'other'"):
        run_task(MODEL, "other")
    harness.rows = [{"doc_id": 0, "word_perplexity": (1, 2)}]
    with pytest.raises(InputError, match="little gives no score for each question"):
        run_task(MODEL, "little")
    harness.rows = None
    with pytest.raises(ModelError, match=r"could not ask little: no network.*data come from the Hub"):
        run_task(MODEL, "little")
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(MissingPackage, match="lm_eval"):
        run_task(MODEL, "little")
