"""A whole report of tiny models: figures agree with the parts they are made of, and every file is there."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.core.statistics import difference, holm
from yukawa.data.rows import Document, write_rows
from yukawa.evaluation import report as reporting
from yukawa.evaluation.completion_metrics import Entropies
from yukawa.evaluation.completions import complete
from yukawa.evaluation.perplexity import document_losses
from yukawa.evaluation.recipe import EvaluationRecipe, Loading, Statistics
from yukawa.evaluation.report import evaluate
from yukawa.evaluation.runner import ModelSpec
from yukawa.llm.loading import open_language_model
from yukawa.runs.run import Run

HOW = Statistics(resamples=200)
OPTIONS = {"loading": Loading(device="cpu"), "statistics": HOW, "embedder": "hash"}


def made(models, tests, out, **options):
    """The report on models and test sets, which are written beside it."""
    files = {name: out.with_name(f"{name}.test.jsonl") for name in tests}
    for name, documents in tests.items():
        write_rows(files[name], documents, Document)
    places = {name: str(file) for name, file in files.items()}
    models = {name: str(place) for name, place in models.items()}
    return evaluate(EvaluationRecipe(models=models, tests=places, **OPTIONS, **options), out)


@pytest.fixture(scope="module")
def tests(documents):
    more = [
        Document(
            id=f"m{k}",
            text=f"Sentence {k} is short. It ends {'so ' * k}here.",
            source="t",
            categories=(kind,),
        )
        for k, kind in enumerate(["hep-th", "cs.LG", "cs.CL"] * 3)
    ]
    return {"first": documents[:4] + more[:4], "second": more[4:]}


@pytest.fixture(scope="module")
def report(tests, base_folder, adapter_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    models = {"base": base_folder, "tuned": f"{base_folder}+{adapter_folder}"}
    files = []
    for name, place in models.items():
        files.append(str(folder / f"{name}.jsonl"))
        model = ModelSpec.parse(f"{name}={place}", device="cpu").open()
        complete(model, tests["first"], folder / f"{name}.jsonl", new_tokens=8, temperature=1.0)
    run = Run.create(folder / "run", {"kind": "test"}, [])
    for step in range(1, 5):
        run.log(step=step, loss=3.0 / step)
    return made(models, tests, folder / "out", completions=files, runs={"run": str(run.folder)})


def test_figures_are_those_of_the_parts(report, tests, base_folder, adapter_folder):
    found = report.data["tests"]["first"]
    losses = {
        name: document_losses(open_language_model(base_folder, adapter=adapter, device="cpu"), tests["first"])
        for name, adapter in (("base", None), ("tuned", adapter_folder))
    }
    for form, row in found["forms"].items():
        samples = {name: value.sample(form) for name, value in losses.items()}
        for name in losses:
            assert row["estimates"][name]["value"] == pytest.approx(samples[name].value, rel=1e-4)
        (pair,) = row["differences"]
        direct = difference(samples["base"], samples["tuned"], resamples=200)
        assert (pair["first"], pair["second"]) == ("base", "tuned")
        assert pair["value"] == pytest.approx(direct.value, rel=1e-3)
        assert pair["p_permutation"] == pair["p_holm"] == direct.p_permutation
    assert found["documents"] == 8


def test_the_matrix_holds_changes_from_the_first(report):
    matrix = report.data["matrix"]
    assert (matrix["base"], matrix["form"]) == ("base", "document_perplexity")
    for test in ("first", "second"):
        cell = matrix["change_percent"]["tuned"][test]
        base, tuned = (matrix["values"][name][test] for name in ("base", "tuned"))
        assert cell["value"] == pytest.approx(100 * (tuned / base - 1))
        assert cell["low"] <= cell["value"] <= cell["high"]
    cells = [matrix["change_percent"]["tuned"][test] for test in ("first", "second")]
    assert [cell["p_holm"] for cell in cells] == holm([cell["p"] for cell in cells])


def test_every_file_is_there(report):
    names = {path.relative_to(report.folder).as_posix() for path in report.folder.rglob("*.*")}
    plots = {"bootstrap-first", "bootstrap-second", "entropy", "learning", "matrix"}
    assert {f"plots/{plot}.{kind}" for plot in plots for kind in ("png", "svg")} <= names
    assert json.loads((report.folder / "report.json").read_text()) == report.data
    markdown, page = ((report.folder / f"report.{kind}").read_text() for kind in ("md", "html"))
    for part in (
        "Perplexity on first",
        "Transfer and forgetting",
        "Completions",
        "Learning curves",
        "tuned − base",
    ):
        assert part in markdown
        assert part in page
    assert page.count("data:image/svg+xml;base64,") == 5
    assert "http" not in page.split("</style>")[1].split("data:image")[0]


def test_completions_are_described(report):
    found = report.data["completions"]
    assert found["semscore"]["documents"] == 8
    assert set(found["diversity"]) == {"base", "tuned", "true continuation"}
    assert found["entropy"]["base"]["kind"] == "entropy"
    assert 0 < found["entropy"]["tuned"]["bits_per_token"]["value"] < np.log2(258)


def test_surprisals_are_called_so_in_the_plot(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(reporting.plots, "entropy_plot", lambda systems, path: drawn.extend(systems) or path)
    bits = (np.ones(3),)
    found = {"far": Entropies(("a",), None, bits), "here": Entropies(("a",), bits, bits)}
    reporting._entropy_pictures(found, tmp_path)
    assert drawn == ["far, surprisal", "here"]


def test_by_archive_and_kept(report, tests, base_folder, tmp_path, monkeypatch):
    first = made({"base": base_folder}, tests, tmp_path / "out", by_archive=True)
    assert list(first.data["tests"]) == ["cs", "hep-th", "hep-ph", "hep-ex"]
    assert "matrix" not in first.data
    monkeypatch.setattr(ModelSpec, "open", lambda self: pytest.fail("measured twice"))
    again = made({"base": base_folder}, tests, tmp_path / "out", by_archive=True)
    assert again.data == first.data


def test_completions_of_other_documents(tests, base_folder, base_model, tmp_path):
    files = []
    for name, documents in tests.items():
        files.append(str(tmp_path / f"{name}.jsonl"))
        complete(replace(base_model, name=name), documents, tmp_path / f"{name}.jsonl", new_tokens=2)
    with pytest.raises(InputError, match="first and second completed different documents"):
        made({"base": base_folder}, tests, tmp_path / "out", completions=files)


def test_a_model_in_its_run_brings_its_learning_curve(tests, base_folder, adapter_folder, tmp_path):
    run = Run.create(tmp_path / "run", {"adapter": {"kind": "lora"}, "training": {"kind": "pretrain"}}, [])
    for step in range(1, 5):
        run.log(step=step, loss=3.0 / step)
    shutil.copytree(adapter_folder, run.folder / "model")
    models = {"base": base_folder, "tuned": run.folder}
    found = made(models, {"first": tests["first"]}, tmp_path / "out")
    assert (tmp_path / "out/plots/learning.svg").is_file()
    assert "Learning curves" in (tmp_path / "out/report.md").read_text()
    assert found.data["tests"]["first"]["measured_differently"] == {
        "dtype": {"base": "float32", "tuned": "bfloat16"}
    }


def test_a_recipe_is_done_and_recorded(tests, base_folder, adapter_folder, tmp_path):
    write_rows(tmp_path / "first.jsonl", tests["first"], Document)
    models = {"base": str(base_folder), "tuned": f"{base_folder}+{adapter_folder}"}
    places = {"first": str(tmp_path / "first.jsonl")}
    recipe = EvaluationRecipe(models=models, tests=places, limit=5, **OPTIONS)
    found = evaluate(recipe, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    assert run.recipe == recipe.plain()
    run.check_inputs([tmp_path / "first.jsonl"])
    assert found.data["tests"]["first"]["documents"] == 5
    assert list(found.data["models"]) == ["base", "tuned"]
    again = evaluate(recipe.model_copy(update={"limit": None}), tmp_path / "run")
    assert again.data["tests"]["first"]["documents"] == 8
    assert Run.open(tmp_path / "run").recipe["limit"] is None
    with pytest.raises(InputError, match="has no model 'far'"):
        evaluate(recipe.model_copy(update={"services": ["far"]}), tmp_path / "run")
