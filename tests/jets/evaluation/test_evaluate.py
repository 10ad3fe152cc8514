"""Reports: from models to figures, files and comparisons; the same input gives the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from yukawa.core.errors import InputError, NotFound
from yukawa.jets.evaluation import evaluate as evaluate_module
from yukawa.jets.evaluation import plots
from yukawa.jets.evaluation.evaluate import Scores, compare, evaluate
from yukawa.jets.evaluation.prediction import Predictions, predict
from yukawa.jets.io.manifest import JetManifest, describe_shard
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.io.source import open_source
from yukawa.jets.table import Jets

CLASSES = ("b", "bbar", "g")


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes a second; test_plots looks at the plots."""
    for name in ("matrix_plot", "roc_plot", "flavour_plot"):
        monkeypatch.setattr(plots, name, lambda *arguments, **options: None)


def scores(
    seed: int = 0, jets: int = 600, strength: float = 2.0, classes: tuple[str, ...] = CLASSES
) -> Scores:
    random = np.random.default_rng(99)  # the same jets whatever the tagger
    labels = random.integers(0, len(classes), jets)
    noise = random.normal(0, 1, (jets, len(classes))) + np.random.default_rng(seed).normal(
        0, 0.5, (jets, len(classes))
    )
    logits = noise + strength * np.eye(len(classes))[labels]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return Scores(p, labels, np.arange(jets) // 2, classes)


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
def test_two_evaluations_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        evaluate_module.write(compare({"A": scores(0), "B": scores(1)}, "jets"), tmp_path / name)
    files = sorted((tmp_path / "one").iterdir())
    assert [file.name for file in files] == ["report.json", "report.md"]
    for file in files:
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


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


def test_figures_do_not_depend_on_the_order_of_the_jets() -> None:
    one = scores()
    order = np.random.default_rng(1).permutation(len(one.labels))
    other = Scores(one.probabilities[order], one.labels[order], one.events[order], CLASSES)
    first, second = (compare({"A": s}).to_dict()["models"]["A"] for s in (one, other))
    np.testing.assert_allclose(first["matrix"], second["matrix"])
    for name, figure in first["figures"].items():
        assert second["figures"][name] == pytest.approx(figure), name
    for name, figure in first["auc"].items():
        assert second["auc"][name] == pytest.approx(figure), name


def test_classes_in_another_order_are_the_same_classes() -> None:
    one = scores()
    order = [2, 0, 1]
    turned = Scores(
        one.probabilities[:, order],
        np.argsort(order)[one.labels],
        one.events,
        tuple(CLASSES[k] for k in order),
    )
    (comparison,) = compare({"A": one, "B": turned}).comparisons
    assert set(comparison.figures.values()) == {(0.0, 0.0)}
    assert all(difference == 0 for difference, _ in comparison.auc.values())
    assert comparison.accuracy.p_value == 1.0


def test_a_better_tagger_is_found_and_the_difference_turns_with_the_order() -> None:
    good, poor = scores(0, strength=2.5), scores(1, strength=1.5)
    (up,) = compare({"poor": poor, "good": good}).comparisons
    (down,) = compare({"good": good, "poor": poor}).comparisons
    difference, error = up.figures["accuracy"]
    assert difference > 4 * error > 0
    assert up.accuracy.p_value < 1e-4
    assert down.figures["accuracy"] == pytest.approx((-difference, error))
    assert (up.accuracy.only_first, up.accuracy.only_second) == (
        down.accuracy.only_second,
        down.accuracy.only_first,
    )


def test_charges_count_together_in_rejections() -> None:
    measured = evaluate_module.measure(scores(classes=("b", "bbar", "c", "cbar", "g")))
    assert set(measured.rejections) == {(s, b) for s in "bcg" for b in "bcg" if s != b}
    assert set(measured.auc) == {"b", "bbar", "c", "cbar", "g"}
    assert set(measured.curves) == set("bcg")


@pytest.mark.usefixtures("no_plots")
def test_classes_without_antiparticles_have_no_charge(tmp_path: Path) -> None:
    found = evaluate_module.write(compare({"A": scores(classes=("QCD", "Tbqq", "Hbb"))}), tmp_path)
    assert found.models["A"].symmetry is None
    assert ("Tbqq", "QCD") in found.models["A"].rejections
    assert "flip" not in json.dumps(found.to_dict())


@pytest.mark.usefixtures("no_plots")
def test_a_class_without_jets_is_said_and_left_out(tmp_path: Path) -> None:
    one = scores()
    keep = one.labels != 2
    found = evaluate_module.write(
        compare({"A": Scores(one.probabilities[keep], one.labels[keep], None, CLASSES)}), tmp_path
    )
    model = json.loads((tmp_path / "report.json").read_text())["models"]["A"]
    assert model["figures"]["efficiency_g"]["value"] is None
    assert model["figures"]["efficiency_b"]["value"] > 0.5
    assert set(model["auc"]) == {"b", "bbar"}
    assert model["rejections"] == {}
    assert "there are no jets of class g" in found.to_markdown()


def test_published_figures_stand_beside_on_request() -> None:
    origin = ("b", "bbar", "c", "cbar", "s", "sbar", "u", "ubar", "d", "dbar", "g")
    found = compare({"A": scores(jets=2000, classes=origin)}, published=True)
    assert "| tagging efficiency b |" in found.to_markdown()
    assert "0.822" in found.to_markdown()
    assert "2310.03440" in found.to_dict()["published"]["source"]
    assert compare({"A": scores(jets=200, classes=origin)}).to_dict()["published"] is None
    with pytest.raises(InputError, match="of the jet-origin classes, not of b, bbar, g"):
        compare({"A": scores()}, published=True)


def predictions(**columns: np.ndarray) -> Predictions:
    rows = Jets(np.zeros(len(next(iter(columns.values()))) + 1, np.int64), {}, columns)
    return Predictions(("b", "g"), jets=len(rows), rows=rows)


def test_unlabelled_jets_are_counted_and_left_out() -> None:
    half = np.full(4, 0.5)
    found = evaluate_module.labelled_scores(
        predictions(
            score_b=half, score_g=half, label_b=np.array([1, 0, 0, 0]), label_g=np.array([0, 1, 0, 0])
        )
    )
    assert found.labels.tolist() == [0, 1]
    assert any("2 jets are of none of the classes" in note for note in found.notes)


@pytest.mark.usefixtures("no_plots")
def test_bad_input_is_one_clear_line(
    tmp_path: Path, make_model: Any, jets_file: Path, make_jets: Any
) -> None:
    folder, half = make_model(), np.full(2, 0.5)
    truth = {"label_b": np.array([True, False]), "label_g": np.array([False, True])}
    with pytest.raises(InputError, match="A gives 1 of 2 jets no finite probability"):
        evaluate_module.labelled_scores(
            predictions(score_b=np.array([0.5, np.nan]), score_g=half, **truth), "A"
        )
    with pytest.raises(InputError, match="no label column"):
        evaluate_module.labelled_scores(predictions(score_b=half, score_g=half))
    nothing = {name: np.zeros(2, bool) for name in truth}
    with pytest.raises(InputError, match="no jet is of one of the classes"):
        evaluate_module.labelled_scores(predictions(score_b=half, score_g=half, **nothing))
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
    with pytest.raises(InputError, match="cannot be compared: one tells"):
        compare({"A": scores(), "B": scores(classes=("b", "bbar", "c"))})
    with pytest.raises(InputError, match="not given the same jets"):
        compare({"A": scores(), "B": scores(jets=598)})
    assert not (tmp_path / "out").exists()
