from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from yukawa.core.errors import InputError
from yukawa.jets.models.byte_model import ByteLanguageModelConfig, ByteModelConfig
from yukawa.jets.pretraining.recipe import PretrainingRecipe
from yukawa.jets.training.recipe import JetRecipe

Make = Callable[..., PretrainingRecipe]
PATHS = [f"mixture.{name}.path=elsewhere" for name in ("text", "jets", "questions")]


def test_a_recipe_survives_being_written_out(recipe: Make) -> None:
    made = recipe()
    assert PretrainingRecipe.parse(made.plain()) == made
    assert made.training.best_by == "loss"
    assert made.mixture["text"].weight == 1.0


@pytest.mark.parametrize("name", ["pretraining-laptop", "pretraining"])
def test_the_shipped_recipes_are_whole(name: str) -> None:
    with pytest.raises(
        InputError, match=r"mixture\.text\.path is missing \(type: mixture\.text\.path=VALUE\)"
    ):
        PretrainingRecipe.load(name)
    recipe = PretrainingRecipe.load(name, PATHS)
    assert {source.kind for source in recipe.mixture.values()} == {"text", "jets", "questions"}
    sizes = recipe.model.model_dump(exclude={"start"})
    ByteLanguageModelConfig.model_validate(sizes | {"features": 17, "classes": ("b",)})
    assert recipe.mixture["jets"].path == "elsewhere"


def test_the_laptop_recipe_fits_that_of_the_tagger() -> None:
    for name in ("", "-laptop"):
        trained = PretrainingRecipe.load(f"pretraining{name}", PATHS).model.model_dump(exclude={"start"})
        tuned = JetRecipe.load(f"byte-model{name}", ["data.path=there"]).model.model_dump(exclude={"start"})
        of_data = {"features": 17, "classes": ("b",)}
        one = ByteLanguageModelConfig.model_validate(trained | of_data)
        assert one.trunk() == ByteModelConfig.model_validate(tuned | of_data).trunk()


def test_a_source_can_be_left_out_and_a_base_changed(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "mixture: {a: {kind: text, path: x.txt}, b: {kind: jets, path: y}}\ntraining: {steps: 5}\n"
    )
    (tmp_path / "child.yaml").write_text("base: base.yaml\nmixture: {a: null}\n")
    made = PretrainingRecipe.load(tmp_path / "child.yaml", ["training.batch=8", "mixture.b.weight=2e0"])
    assert list(made.mixture) == ["b"]
    assert (made.training.batch, made.mixture["b"].weight) == (8, 2.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mixture": {"text": {"kind": "picture"}}}, r"mixture\.text\.kind = 'picture': .*'text', 'jets'"),
        ({"mixture": {"text": {"weight": 0}}}, r"mixture\.text\.weight = 0: .*greater than 0"),
        ({"mixture": {"text": {"weight": -1}}}, r"mixture\.text\.weight = -1: .*greater than 0"),
        (
            {"mixture": {"text": {"weigth": 1}}},
            r"unknown key mixture\.text\.weigth \(did you mean mixture\.text\.weight",
        ),
        ({"mixture": {"text": {"fields": []}}}, r"mixture\.text\.fields"),
        ({"mixture": {"text": {"window": 1}}}, r"mixture\.text\.window"),
        ({"mixture": {"text": {"loading": "streaming"}}}, "loading has no meaning for text, omit it"),
        ({"mixture": {"jets": {"window": 4}}}, "window has no meaning for jets"),
        ({"mixture": {"questions": {"fields": ["a"]}}}, "fields has no meaning for questions"),
        ({"mixture": {"a.b": {"kind": "text", "path": "x"}}}, r"'a\.b' cannot name a source"),
        ({"mixture": {"text": None, "jets": None, "questions": None}}, "mixture"),
        ({"training": {"epochs": 3}}, "epochs"),
        ({"training": {"jets_per_epoch": 3}}, "jets_per_epoch has no meaning in a mixture"),
        ({"training": {"best_by": "accuracy"}}, r"training\.best_by = 'accuracy'"),
        ({"training": {"steps": None}}, "give either epochs or steps"),
        ({"training": {"validation": 0}}, r"training\.validation"),
        ({"model": {"architecture": "byte-model"}}, r"model\.architecture = 'byte-model'"),
    ],
)
def test_what_is_no_recipe(
    values: Callable[..., dict[str, Any]], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        PretrainingRecipe.parse(values(**changes), "test")
    assert "\n" not in str(caught.value)
