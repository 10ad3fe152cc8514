"""`yukawa train` and `yukawa merge` on tiny Llamas, and `yukawa recipes`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
import yaml

from yukawa.cli.main import main
from yukawa.core.yaml_files import VERBS
from yukawa.data import Document, write_rows


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def recipe(home, tmp_path):
    """A recipe of two steps on a generated tiny base."""
    rows = [
        Document(id=str(n), text=f"Particle {n} decays into particle {n + 1}. " * 5, source="test")
        for n in range(12)
    ]
    write_rows(tmp_path / "rows.jsonl", rows, Document)
    values = {
        "model": {"base": "generated:tiny"},
        "data": {"path": str(tmp_path / "rows.jsonl")},
        "training": {"steps": 2, "batch": 2, "length": 64, "precision": "fp32", "device": "cpu"},
    }
    path = tmp_path / "little.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_train_then_merge(yukawa, recipe, tmp_path):
    done = yukawa("train", str(recipe), "adapter.rank=2")
    assert done.code == 0, done.err
    assert "the model is in runs/little/model" in done.out
    assert "Loading weights" not in done.err
    assert b"<svg" in (tmp_path / "runs/little/learning-curves.svg").read_bytes()
    again = yukawa("train", str(recipe), "adapter.rank=2").failed(2)
    assert "already holds a run" in again
    merged = yukawa("merge", "runs/little", "--json")
    assert merged.json["folder"] == "runs/little/merged"
    assert merged.json["dtype"] == "bf16"
    assert (tmp_path / "runs/little/merged/model.safetensors").is_file()
    made = yukawa("merge", "runs/little/merged", "--gguf", "q8_0", "--json").json
    assert made["gguf"] == "runs/little/merged/little-q8_0.gguf"
    assert (tmp_path / made["modelfile"]).read_text().startswith("FROM ./little-q8_0.gguf\n")
    assert "is there already" in yukawa("merge", "runs/little/merged", "--gguf", "q8_0").failed(2)
    idle = yukawa("merge", "runs/little/merged", "--gguf", "f16", "--dtype", "fp32").failed(2)
    assert "--dtype has no effect" in idle
    both = yukawa("merge", "runs/little", "--gguf", "f32", "--out", "both")
    assert "the merged model is in both" in both.out
    assert "ollama create NAME -f both/Modelfile" in both.out.replace("\n", " ")
    assert "unknown type 'q8'" in yukawa("merge", "runs/little", "--gguf", "q8", "--out", "third").failed(2)
    assert not (tmp_path / "third").exists()


def test_json_is_one_document(yukawa, recipe):
    done = yukawa("train", str(recipe), "--json", "--out", "here").json
    assert (done["folder"], done["steps"], done["interrupted"]) == ("here", 2, False)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(yukawa, recipe, tmp_path):
    done = yukawa("train", str(recipe), "lora.targets=qkv", "training.device=cuda", "--dry-run")
    assert done.code == 0, done.err
    for said in (
        "trained parameters",
        "k_proj, q_proj, v_proj",
        "steps",
        "tokens per step",
        "memory per device",
    ):
        assert said in done.out
    assert "training.device=cuda needs a GPU" in done.err
    assert not (tmp_path / "runs").exists()
    as_json = yukawa("train", str(recipe), "--dry-run", "--json").json
    assert as_json["plan"]["steps"] == 2
    assert as_json["memory"]["total"] > 0


@pytest.mark.slow
def test_a_sweep_makes_its_runs_and_skips_finished_ones(yukawa, recipe, tmp_path):
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text("base: little.yaml\nover: {adapter.targets: [qkv, all]}\ntraining: {steps: 1}\n")
    done = yukawa("train", str(sweep), "--json").json
    assert [one["folder"] for one in done] == ["runs/sweep/qkv", "runs/sweep/all"]
    assert [one["steps"] for one in done] == [1, 1]
    again = yukawa("train", str(sweep)).out
    assert "runs/sweep/qkv is finished" in again
    assert len(yukawa("train", str(sweep), "--dry-run", "--json").json) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["training.btach=2"], "did you mean training.batch?"),
        (["learning_rate=1e-3"], "did you mean training.learning_rate?"),
        (["training.epochs=1"], "type: training.steps=null, or training.epochs=null"),
        (["training.device=cuda"], "needs a GPU, and there is none here"),
        (["data.path=none.jsonl"], "there is no data at none.jsonl"),
        (["model.base=./none"], "there is no folder ./none"),
    ],
)
def test_a_mistake_gets_one_line(yukawa, recipe, changes, said, tmp_path):
    assert said in yukawa("train", str(recipe), *changes).failed(2)
    assert not (tmp_path / "runs" / "little" / "recipe.yaml").exists()


@pytest.mark.slow_but("model")
@pytest.mark.parametrize(
    "change", ["data.path=none.jsonl", "data.validation=none.jsonl", "model.base=./none"]
)
def test_what_is_not_there_is_said_before_anything_heavy_is_imported(recipe, change):
    code = (
        "import sys; from yukawa.cli.main import main; code = main(sys.argv[1:]);"
        "sys.exit(f'{code}: ' + ' '.join({'torch', 'transformers', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "train", str(recipe), change],
        capture_output=True,
        text=True,
        check=False,
    )
    error, imported = done.stderr.splitlines()
    assert error.startswith("error: there is no ")
    assert imported.strip() == "2:"


def test_a_sweep_of_which_a_part_is_missing_does_not_begin(yukawa, recipe, tmp_path):
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text("base: little.yaml\ndata: {path: '{mixture}.jsonl'}\nover: {mixture: [rows, none]}\n")
    assert "there is no data at none.jsonl" in yukawa("train", str(sweep)).failed(2)
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_sweep_runs_side_by_side_and_an_interrupted_one_resumes(yukawa, recipe, tmp_path, monkeypatch):
    from yukawa.runs import sweep as module

    sweep = tmp_path / "sweep.yaml"
    sweep.write_text("base: little.yaml\nover: {training.seed: [1, 2]}\ntraining: {steps: 1}\n")
    assert "--ray and --workers exclude" in yukawa("train", str(sweep), "--workers", "2", "--ray").failed(2)
    attempt = module.attempt

    def stopped(work, cell, progress=None):
        if cell.folder.name == "2":
            return module.Outcome(cell, interrupted=True)
        return attempt(work, cell, progress)

    with monkeypatch.context() as patch:
        patch.setattr(module, "attempt", stopped)
        done = yukawa("train", str(sweep))
    assert done.code == 130
    assert "1 of 2 trainings are finished and kept: to resume, type the same command" in done.err
    assert [
        one.get("finished", False) for one in yukawa("train", str(sweep), "--workers", "2", "--json").json
    ] == [
        True,
        False,
    ]


def test_recipes_are_listed_with_their_verb(capsys):
    assert main(["recipes", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["verb"] for row in rows} == set(VERBS.values())
    assert len({row["name"] for row in rows}) == len(rows)
    assert {"smoke", "particle-transformer-laptop", "pretraining-laptop", "scaling-laptop"} <= {
        row["name"] for row in rows
    }
    assert main(["recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    about = {row["name"]: row["about"] for row in rows}
    assert all(line.endswith(about[line.split()[0]]) for line in lines if line.startswith("  "))
    assert lines[0] == "yukawa train"
    assert len(lines) == len(rows) + len(VERBS)
