"""A dry run of an evaluation: each model and each test set by itself."""

from __future__ import annotations

import pytest

from yukawa.data import Document, write_rows
from yukawa.evaluation.dry_run import describe
from yukawa.evaluation.recipe import EvaluationRecipe
from yukawa.evaluation.runner import ModelSpec
from yukawa.training.tiny_model import make_llama


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_llama(tmp_path / "base", ["a b c"], hidden_size=16, num_hidden_layers=1, intermediate_size=32)
    rows = [Document(id=str(n), text="a b c", source="test") for n in range(5)]
    write_rows(tmp_path / "one.jsonl", rows, Document)

    def recipe(**values):
        return EvaluationRecipe.parse({"models": {"base": "base"}, "tests": {"one": "one.jsonl"}, **values})

    return recipe


def test_models_and_test_sets_have_their_sizes(made):
    said = describe(made(limit=3))
    model = ModelSpec.parse("base=base").open().model
    assert said.parameters == {"base": sum(weight.numel() for weight in model.parameters())}
    assert (said.documents, said.problems) == ({"one": 3}, ())


def test_everything_that_is_missing_is_listed(made):
    said = describe(made(
        models={"base": "base", "gone": "runs/gone"}, tests={"one": "one.jsonl", "two": "two.jsonl"}, services=["row"],
        completions=["none.jsonl"], runs={"curve": "runs/none"},
    ))  # fmt: skip
    assert said.parameters["base"] is not None
    assert said.parameters["gone"] is None
    assert said.documents == {"one": 5, "two": None}
    assert len(said.problems) == 5
    for word in ("runs/gone", "two.jsonl", "row", "none.jsonl", "runs/none"):
        assert any(word in line for line in said.problems)
