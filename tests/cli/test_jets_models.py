"""`yukawa jets` evaluates, predicts and takes models in and out; arguments arrive where they belong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from yukawa import jets
from yukawa.jets.evaluation import plots
from yukawa.jets.features.config import load_data_config
from yukawa.jets.io.source import open_source
from yukawa.jets.models.tagger import build, save_model
from yukawa.jets.table import JET_ORIGIN

RECIPE = """
data: {path: set, config: jet-origin}
model: {architecture: particle-net, blocks: [[2, [4]]], head: [[4, 0.0]]}
training: {epochs: 3, batch: 22}
"""


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> Path:
    """A tiny network with random weights."""
    config = load_data_config("jet-origin")
    sizes = {"blocks": ((2, (4,)),), "head": ((4, 0.0),)}
    torch.manual_seed(1)
    given = {"features": len(config.features), "classes": config.classes}
    folder = tmp_path_factory.mktemp("model") / "tiny"
    save_model(folder, build({"architecture": "particle-net", **given, **sizes}), config)
    return folder


@pytest.fixture
def workplace(simulated, saved, home) -> Path:
    """The current folder with the data set `set`, the model `tiny` and the recipe `r.yaml`."""
    shutil.copytree(simulated, "set")
    shutil.copytree(saved, "tiny")
    Path("r.yaml").write_text(RECIPE)
    return Path()


def _picture(data, path, *_, **__):
    path.with_suffix(".svg").write_text("<svg/>")
    return path


def test_evaluation_writes_a_report_and_tells_the_figures(yukawa, workplace, monkeypatch):
    for plot in ("matrix_plot", "roc_plot", "flavour_plot"):  # they take seconds
        monkeypatch.setattr(plots, plot, _picture)
    found = yukawa("jets", "evaluate", "tiny", "--data", "set", "--out", "report", "--json").json
    assert found["jets"] == 22  # the test jets
    assert list(found["models"]) == ["tiny"]
    assert Path("report/report.md").exists()
    shutil.copytree("tiny", "other")
    done = yukawa(
        "jets", "evaluate", "one=tiny", "two=other", "--data", "set", "--out", "both", "--published"
    )
    assert done.code == 0, done.err
    for text in (
        "22 labelled jets of set, split test.",
        "tagging efficiency of b",
        "two minus one, on the same jets",
        "ParT, CEPC",
    ):
        assert text in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert "nan" not in done.out
    assert done.out.endswith("the report is both/report.md\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tiny", "--data", "set"], "add --out"),
        (["no-such", "--data", "set", "--out", "r"], "no-such"),
        (["tiny", "--data", "no-such", "--out", "r"], "no-such"),
        (["one=tiny", "tiny", "--data", "set", "--out", "r"], "NAME=tiny"),
        (["one=tiny", "one=tiny", "--data", "set", "--out", "r"], "two models are called 'one'"),
        (["tiny", "--data", "set", "--out", "r", "--split", "tests"], "train, validation, test"),
    ],
)
def test_what_cannot_be_evaluated(yukawa, workplace, arguments, said):
    assert said in yukawa("jets", "evaluate", *arguments).failed(2)
    assert not Path("r").exists()


@pytest.mark.parametrize("name", ["scores.parquet", "scores.root"])
def test_predictions_are_probabilities(yukawa, workplace, name):
    told = yukawa("jets", "predict", "tiny", "--data", "set", "--split", "test", "--out", name, "--json").json
    assert (told["out"], told["jets"], told["classes"]) == (name, 22, list(JET_ORIGIN))
    rows = open_source(name).read().scalars
    assert sum(rows[f"score_{label}"] for label in JET_ORIGIN) == pytest.approx(1)
    assert "22 jets" in yukawa("jets", "predict", "tiny", "--data", "set/test", "--out", name, "--force").out


def test_a_run_stands_for_its_model(yukawa, workplace):
    Path("run").mkdir()
    shutil.move("tiny", "run/model")
    Path("run/recipe.yaml").write_text(RECIPE)
    assert yukawa("jets", "predict", "run", "--data", "set/test", "--out", "s.parquet").code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tiny", "--data", "set", "--out", "scores.csv"], ".parquet"),
        (["set", "--data", "set", "--out", "scores.root"], "set"),
        (["tiny", "--data", "set", "--out", "scores.root", "--batch", "0"], "greater than or equal to 1"),
        (["tiny", "--data", "set", "--out", "scores.root", "--device", "abacus"], "'abacus'"),
    ],
)
def test_what_cannot_be_predicted(yukawa, workplace, arguments, said):
    assert said in yukawa("jets", "predict", *arguments).failed(2)
    assert not list(Path().glob("scores.*"))


def test_weaver_checkpoints_get_their_arguments(yukawa, home, monkeypatch, saved):
    from yukawa.jets.models.tagger import load_model

    calls: list[tuple] = []

    def import_weaver(*arguments, network, force):
        calls.append((*arguments, network))
        return load_model(saved)[0]

    monkeypatch.setattr(jets, "import_weaver", import_weaver)
    command = (
        "jets",
        "import-weaver",
        "net.pt",
        "remove_self_pair=false",
        "--data-config",
        "jetclass-kin",
        "--network",
        "weaver",
    )
    told = yukawa(*command, "--out", "new", "--json").json
    assert calls == [(Path("net.pt"), "jetclass-kin", Path("new"), {"remove_self_pair": False}, "weaver")]
    assert (told["architecture"], told["classes"]) == ("particle-net", list(JET_ORIGIN))
    assert yukawa(*command, "--out", "new").out.startswith("new holds a particle-net of ")
    for wrong in ("remove_self_pair", "=true", "a=[1"):
        assert wrong in yukawa(*command, wrong, "--out", "new").failed(2)


def test_a_missing_checkpoint_is_named(yukawa, home):
    command = ("jets", "import-weaver", "net.pt", "--data-config", "jetclass-kin", "--out", "new")
    assert "net.pt" in yukawa(*command).failed(2)


def test_onnx_export_gets_its_arguments(yukawa, workplace, monkeypatch):
    monkeypatch.setattr(jets, "export_onnx", lambda model, out, force: out.write_bytes(str(model).encode()))
    assert yukawa("jets", "export-onnx", "tiny", "t.onnx", "--json").json == {"out": "t.onnx", "bytes": 4}
    assert (
        yukawa("jets", "export-onnx", "tiny", "t.onnx", "--force").out == "t.onnx holds the model, 4 bytes\n"
    )
