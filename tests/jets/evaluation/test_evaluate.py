"""Reports: from models to figures, files and comparisons; the same input gives the same bytes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from yukawa.core.errors import InputError, NotFound
from yukawa.core.reports import Heading
from yukawa.core.statistics import Estimate
from yukawa.jets.evaluation.evaluate import evaluate, in_brief, page, rejection, with_error, write
from yukawa.jets.evaluation.metrics import NOTHING
from yukawa.jets.evaluation.prediction import predict
from yukawa.jets.evaluation.results import Scores, compare
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.io.source import JetManifest, describe_shard, open_source

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
        found = evaluate(given, force=True)
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
            evaluate(run, force=True)


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
    with pytest.raises(NotFound, match="name the folder of a tagger"):
        evaluate(tmp_path / "nothing", jets_file, out=tmp_path / "out")
    with pytest.raises(NotFound, match="name the folder of a tagger"):
        evaluate(tmp_path / "nothing")
    with pytest.raises(InputError, match="two models are called"):
        evaluate([folder, folder], jets_file, out=tmp_path / "out")
    with pytest.raises(InputError, match="cannot name a model"):
        evaluate({"a/b": folder}, jets_file, out=tmp_path / "out")
    with pytest.raises(InputError, match="no model was named"):
        evaluate([], jets_file, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.74512, 0.742, 0.748, error=0.00312), "0.7451 ± 0.0031"),
        (Estimate(0.5, 0.3, 0.7, error=0.25), "0.50 ± 0.25"),
        (Estimate(123.4, 112, 136, error=12.0), "123 ± 12"),
        (Estimate(1.0, 0.98, 1.0, error=0.0), "1.0000 (0.9800 … 1.0000)"),
        (NOTHING, "–"),
    ],
)
def test_a_figure_has_the_digits_of_its_error(estimate: Estimate, text: str) -> None:
    assert with_error(estimate) == text


def test_a_rejection_without_background_is_a_bound() -> None:
    inf = math.inf
    assert rejection(Estimate(inf, 49.7, inf, error=inf)) == "> 49.7"
    assert rejection(Estimate(1000.0, 420, 5000, error=900.0)) == "1,000 (420 … 5,000)"
    assert rejection(Estimate(20.0, 19, 21, error=1.0)) == "20.0 ± 1.0"


def test_the_page_holds_every_part() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 300)
    logits = random.normal(0, 1, (300, 3)) + 2 * np.eye(3)[labels]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    one = Scores(p, labels, np.arange(300) // 2, ("b", "bbar", "g"), ("something to know",))
    two = Scores(np.roll(p, 1, axis=0), labels, None, ("b", "bbar", "g"))
    found = compare({"one": one, "two": two}, "test jets")
    text = page(found).markdown(Path())
    assert text.startswith("# Evaluation of one, two\n\n300 labelled jets of test jets.\n")
    for heading in (
        "## Metrics",
        "## Area under the ROC curve",
        "## Background rejection (one)",
        "## Background rejection (two)",
        "## Particles and antiparticles tagged alike?",
        "## two minus one, on the same jets",
        "## Remarks",
    ):
        assert heading in text, heading
    assert "| charge flip rate of b |" in text
    assert "| mean diagonal |" in text
    assert "- one: something to know" in text
    assert "nan" not in text
    assert in_terminal(found) == ["Metrics", "Area under the ROC curve, one class against all others",
                                  "two minus one, on the same jets"]  # fmt: skip


def in_terminal(found: Any) -> list[str]:
    return [block.text for block in in_brief(found) if isinstance(block, Heading)]


@pytest.mark.usefixtures("no_plots")
def test_two_evaluations_give_the_same_bytes(tmp_path: Path, scores: Any) -> None:
    for name in ("one", "two"):
        write(compare({"A": scores(0), "B": scores(1)}, "jets"), tmp_path / name)
    files = sorted((tmp_path / "one").glob("report.*"))
    assert [file.name for file in files] == ["report.html", "report.json", "report.md"]
    for file in files:
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name
