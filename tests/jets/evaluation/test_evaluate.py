"""Reports: from models to figures, files and comparisons; the same input gives the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from yukawa.core.errors import InputError, NotFound
from yukawa.jets.evaluation.evaluate import evaluate
from yukawa.jets.evaluation.prediction import predict
from yukawa.jets.io.manifest import JetManifest, describe_shard
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.io.source import open_source

CLASSES = ("b", "bbar", "g")


def data_set(folder: Path, make_jets: Any) -> Path:
    """A data set with all splits."""
    shards = []
    for number, split in enumerate(("train", "validation", "test")):
        (folder / split).mkdir(parents=True)
        jets = make_jets(60 + 20 * number, seed=number)
        write_parquet(folder / split / "0.parquet", jets)
        shards.append(describe_shard(folder, f"{split}/0.parquet", jets))
    made: dict[str, Any] = {"versions": {}, "process": {}, "card": {}, "seed": 0, "jets_per_class": 1}
    JetManifest(**made, shards=tuple(shards)).write(folder)
    return folder


def test_evaluation_writes_figures_page_and_plots(tmp_path: Path, make_model: Any, jets_file: Path) -> None:
    folder = make_model()
    found = evaluate(folder, jets_file, out=tmp_path / "report")
    names = [
        "flavours.png",
        "flavours.svg",
        "matrix.png",
        "matrix.svg",
        "report.html",
        "report.json",
        "report.md",
        "roc.png",
        "roc.svg",
    ]
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == names
    assert found.folder == tmp_path / "report"
    written = json.loads((tmp_path / "report" / "report.json").read_text())
    assert written == json.loads(json.dumps(found.to_dict()))
    model = next(iter(written["models"].values()))
    assert written["jets"] == sum(model["jets"]) == 120
    rows = predict(folder, open_source(jets_file)).table()
    guess = np.stack([rows.scalars[f"score_{name}"] for name in CLASSES], axis=1).argmax(1)
    assert model["figures"]["accuracy"]["value"] == pytest.approx(np.mean(guess == rows.labels(CLASSES)))
    assert model["classes"] == list(CLASSES)
    assert any("more particles" in note for note in model["notes"])


@pytest.mark.usefixtures("no_plots")
def test_a_run_is_evaluated_on_its_own_test_jets(tmp_path: Path, make_model: Any, make_jets: Any) -> None:
    data = data_set(tmp_path / "data", make_jets)
    make_model("run/model")
    run = tmp_path / "run"
    (run / "recipe.yaml").write_text(yaml.safe_dump({"data": {"path": str(data)}}))
    for given in (run, run / "model"):
        found = evaluate(given)
        assert found.folder.resolve() == (run / "evaluation").resolve()
        assert list(found.models) == ["run"]
        assert (found.jets, found.data) == (100, f"{data}, split test")
    assert evaluate(run, data, split="validation", out=tmp_path / "out").jets == 80


@pytest.mark.usefixtures("no_plots")
def test_a_pretrained_run_is_evaluated_on_the_jets_of_its_questions(
    tmp_path: Path, make_model: Any, make_jets: Any
) -> None:
    data = data_set(tmp_path / "data", make_jets)
    make_model("run/model")
    run = tmp_path / "run"
    asked, told = {"kind": "questions", "path": str(data)}, {"kind": "jets", "path": "elsewhere"}
    mixture = {
        "text": {"kind": "text", "path": "abstracts.txt"},
        "jets": told,
        "asked": asked,
        "again": asked,
    }
    (run / "recipe.yaml").write_text(yaml.safe_dump({"mixture": mixture}))
    assert evaluate(run).data == f"{data}, split test"
    mixture["other"] = {"kind": "questions", "path": "more"}
    for sources, says in (
        (mixture, "learned from .*data and more.*--data PATH"),
        ({"jets": told}, "which jets"),
    ):
        (run / "recipe.yaml").write_text(yaml.safe_dump({"mixture": sources}))
        with pytest.raises(InputError, match=says):
            evaluate(run)


@pytest.mark.usefixtures("no_plots")
def test_progress_runs_over_all_models(tmp_path: Path, make_model: Any, jets_file: Path) -> None:
    seen: list[tuple[int, int]] = []
    models = {"one": make_model("m1"), "two": make_model("m2", seed=1)}
    evaluate(models, jets_file, out=tmp_path / "out", progress=lambda *state: seen.append(state))
    assert seen == [(120, 240), (240, 240)]


@pytest.mark.usefixtures("no_plots")
def test_bad_input_is_one_clear_line(tmp_path: Path, make_model: Any, jets_file: Path) -> None:
    folder = make_model()
    with pytest.raises(InputError, match="no folder is named for the report"):
        evaluate(folder, jets_file)
    with pytest.raises(InputError, match="does not say which jets"):
        evaluate(folder, out=tmp_path / "out")
    with pytest.raises(NotFound, match="no saved model"):
        evaluate(tmp_path / "nothing", jets_file, out=tmp_path / "out")
    with pytest.raises(NotFound, match="no saved model"):
        evaluate(tmp_path / "nothing")
    with pytest.raises(InputError, match="two models are called"):
        evaluate([folder, folder], jets_file, out=tmp_path / "out")
    with pytest.raises(InputError, match="cannot name a model"):
        evaluate({"a/b": folder}, jets_file, out=tmp_path / "out")
    with pytest.raises(InputError, match="no model was named"):
        evaluate([], jets_file, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
