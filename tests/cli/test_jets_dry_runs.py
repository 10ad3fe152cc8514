"""`--dry-run` of every shipped recipe on jets on a bare machine: what can be known is said, and all that is missing is one list."""

from __future__ import annotations

import pytest

from yukawa.core.yaml_files import RECIPES, VERBS

SHIPPED = [
    (verb, path.stem)
    for folder, verb in VERBS.items()
    if verb.startswith("jets")  # of the others: test_evaluate_dry_run.py, tests/training/test_dry_run.py
    for path in sorted((RECIPES / folder).glob("*.yaml"))
]


@pytest.mark.slow_but("particle-transformer-laptop")
@pytest.mark.parametrize(("verb", "name"), SHIPPED)
def test_a_shipped_recipe_is_described_without_its_data(yukawa, tmp_path, verb, name):
    found = yukawa(*verb.split(), name, "--dry-run", "--json").json
    missing = " ".join(found["problems"])
    if verb == "jets scaling":
        assert found["trainings"] >= len(found["parameters"]) * 3
        assert found["steps"] > 0
        assert "data.path is missing (type: data.path=PATH)" in missing
        assert all(size > 10_000 for size in found["parameters"].values())
        assert all(found["weights_memory"][model] >= 16 * size for model, size in found["parameters"].items())
    elif verb == "jets pretrain":
        assert found["sources"] == {"text": None, "jets": None, "questions": None}
        assert [line for line in found["problems"] if "path is missing" in line] == [
            f"mixture.{source}.path is missing (type: mixture.{source}.path=PATH)"
            for source in found["sources"]
        ]
        assert found["parameters"] > 10_000
        assert found["steps"] > 0
    else:
        assert "data.path is missing (type: data.path=PATH)" in missing
        assert found["parameters"] > 10_000
        assert found["weights_memory"] >= 16 * found["parameters"]
        assert found["plan"] is None or found["plan"]["steps"] > 0
    said = yukawa(*verb.split(), name, "--dry-run")
    assert said.code == 0
    for line in found["problems"]:
        assert "".join(line.split()) in "".join(said.err.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


def test_what_is_there_is_described_beside_what_is_missing(yukawa, simulated):
    found = yukawa(
        "jets",
        "pretrain",
        "pretraining-laptop",
        f"mixture.jets.path={simulated}",
        "training.validation=22",
        "--dry-run",
        "--json",
    ).json
    assert found["sources"]["jets"] == "66 jets to train on, 22 to validate on"
    assert found["sources"]["text"] is None
    assert len(found["problems"]) == 2
    sizes = [
        "sizes=[20,60]",
        "seeds=[1]",
        "lengths.epochs=null",
        "lengths.steps=5",
        "data.validation_jets=10",
    ]
    study = yukawa(
        "jets", "scaling", "scaling-laptop", f"data.path={simulated}", *sizes, "--dry-run", "--json"
    ).json
    assert study["problems"] == []
    assert (study["trainings"], study["steps"], study["jets"]) == (6, 30, 60)
    more = yukawa(
        "jets",
        "scaling",
        "scaling-laptop",
        f"data.path={simulated}",
        *sizes,
        "sizes=[100]",
        "--dry-run",
        "--json",
    )
    assert len(more.json["problems"]) == 1
    assert "100 jets are wanted" in more.json["problems"][0]


def test_a_recipe_that_is_wrong_is_refused_as_ever(yukawa):
    assert "unknown key" in yukawa("jets", "pretrain", "pretraining", "training.stepz=1", "--dry-run").failed(
        2
    )
    assert "data.path is missing" in yukawa("jets", "train", "particle-net").failed(2)
