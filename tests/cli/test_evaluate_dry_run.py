"""`yukawa evaluate RECIPE --dry-run`: of every shipped recipe, with nothing there and with something."""

from __future__ import annotations

from pathlib import Path

import pytest

from yukawa.core.yaml_files import RECIPES
from yukawa.training.tiny_model import make_llama


@pytest.mark.parametrize("name", sorted(path.stem for path in (RECIPES / "evaluation").glob("*.yaml")))
def test_a_shipped_recipe_is_described_on_a_bare_machine(yukawa, tmp_path, name):
    found = yukawa("evaluate", name, "--dry-run", "--json").json
    assert found["parameters"] == {"base": None, "tuned": None}
    assert found["documents"] == {"abstracts": None}
    assert len(found["problems"]) == 3
    for word, line in zip(("base", "runs/tuned", "abstracts"), found["problems"], strict=True):
        assert word in line
    said = yukawa("evaluate", name, "--dry-run")
    assert said.code == 0
    for line in found["problems"]:
        assert "".join(line.split()) in "".join(said.err.split())
    assert "parameters unknown" in said.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_an_evaluation_says_how_large_its_models_and_test_sets_are(yukawa, tmp_path):
    make_llama(tmp_path / "base", ["a b c"], hidden_size=16, num_hidden_layers=1, intermediate_size=32)
    rows = "".join(f'{{"id": "{n}", "text": "a b c", "source": "test"}}\n' for n in range(3))
    Path("abstracts.jsonl").write_text(rows)
    found = yukawa(
        "evaluate", "evaluate-compare", "tests.abstracts=abstracts.jsonl", "--dry-run", "--json"
    ).json
    assert found["documents"] == {"abstracts": 3}
    assert found["parameters"]["base"] > 1000
    assert found["parameters"]["tuned"] is None
    assert len(found["problems"]) == 1
