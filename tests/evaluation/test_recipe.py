"""Evaluation recipes: strict, with bases and changes, and one clear line for what is wrong."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.evaluation.recipe import EvaluationRecipe, ScoringOptions


def test_a_recipe_on_a_base(tmp_path):
    (tmp_path / "base.yaml").write_text("models: {base: a}\ntests: {t: set}\nscoring: {eos: false}\n")
    (tmp_path / "mine.yaml").write_text("base: base.yaml\nmodels: {mine: runs/b}\n")
    found = EvaluationRecipe.load(tmp_path / "mine.yaml", ["statistics.seed=3", "limit=1e2"])
    assert found.models == {"base": "a", "mine": "runs/b"}
    assert (found.limit, found.statistics.seed, found.scoring.eos) == (100, 3, False)
    assert EvaluationRecipe.model_validate(found.plain()) == found


def test_what_does_not_change_results_is_no_part_of_the_state():
    assert ScoringOptions(batch_tokens=8).state() == ScoringOptions().state()
    assert ScoringOptions(eos=False).state() != ScoringOptions().state()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tests: {t: set}", r"no model is named \(type: models.NAME=FOLDER\)"),
        ("models: {a: b}", r"tests is missing \(type: tests=VALUE\)"),
        ("models: {a: b}\ntests: {}", "tests = {}|at least 1"),
        ("models: {a: b}\ntests: {t: s}\ndtype: float32", r"unknown key dtype \(did you mean loading.dtype"),
        ("models: {a: b}\ntests: {t: s}\nstatistics: {level: 95}", "between 0 and 1"),
        ("models: {a: b}\ntests: {t: s}\nlimit: many", "limit"),
    ],
)
def test_mistakes(tmp_path, text, said):
    (tmp_path / "wrong.yaml").write_text(text)
    with pytest.raises(InputError, match=said):
        EvaluationRecipe.load(tmp_path / "wrong.yaml")


def test_the_shipped_recipe_names_every_key_with_its_default():
    found = EvaluationRecipe.load("evaluate-compare")
    assert found == EvaluationRecipe(models=found.models, tests=found.tests, by_archive=True)
