"""The parts of the run on a GPU: recipes that exist, and shapes that a processor can have too."""

from __future__ import annotations

import json

import pytest

from yukawa.jets import JetRecipe
from yukawa.training.recipe import TextRecipe


@pytest.fixture(scope="module")
def gpu(script):
    return script("gpu")


def test_every_part_is_a_shipped_recipe_with_allowed_changes(gpu):
    for words in gpu.TEXT.values():
        recipe, *changes = [word.format(work="work") for word in words]
        assert TextRecipe.load(recipe, changes).training.device == "cuda"
        changes += [*gpu.ON_CPU, "training.offload=false"]
        assert TextRecipe.load(recipe, changes).training.device == "cpu"
    for name, changes in gpu.TAGGERS.items():
        assert JetRecipe.load(name, ["data.path=work", *changes]).training.jets_per_epoch is None


def test_what_fails_says_why_and_the_others_go_on(gpu, tmp_path):
    gpu.run("sdpa", tmp_path, tiny=True)
    gpu.report(tmp_path, tmp_path / "gpu.json")
    parts = json.loads((tmp_path / "gpu.json").read_text())["parts"]
    assert list(parts) == ["sdpa"]
    assert "there is no" in parts["sdpa"]["failed"]
