"""Some texts, and jets whose class can be read from the first byte of a particle; and recipes for them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from yukawa.core.yaml_files import merged
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.io.source import JetManifest, describe_shard
from yukawa.jets.pretraining.train import PretrainingRecipe
from yukawa.jets.table import Jets

CLASSES = ("b", "g")
CONFIG = """
new_variables:
  part_mask: ak.ones_like(part_energy)
inputs:
  pf_points: {length: 8, vars: [[part_deta, null], [part_dphi, null]]}
  pf_features:
    length: 8
    vars: [[part_d0val, 0, 1, -4, 4], [part_deta, 0, 1, -4, 4], [part_dphi, 0, 1, -4, 4], [part_energy, 0, 1, 0, 9]]
  pf_vectors: {length: 8, vars: [[part_px, null], [part_py, null], [part_pz, null], [part_energy, null]]}
  pf_mask: {length: 8, vars: [[part_mask, null]]}
labels: {type: simple, value: [label_b, label_g]}
"""
MODEL = {"width": 16, "layers": 1, "heads": 2, "feedforward": 24, "byte_width": 4, "patch_width": 24}
WORDS = "quark gluon lepton boson flavour colour charge spin parity jet mass decay width".split()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread; plots, the list of all installed packages and a search for garbage take longer than these runs."""
    torch.set_num_threads(1)
    monkeypatch.setattr("yukawa.runs.task.learning_curves", lambda rows, path, unit: path)
    monkeypatch.setattr("yukawa.runs.run.environment", dict)
    monkeypatch.setattr("gc.collect", lambda *generation: 0)


def make_jets(number: int, seed: int) -> Jets:
    """Jets of 1 to 5 particles, whose impact parameters have one sign in one class and the other in the other."""
    random = np.random.default_rng(seed)
    counts = random.integers(1, 6, number)
    truth = random.integers(0, 2, number)
    of_particle = np.repeat(truth, counts)
    total = len(of_particle)
    energy, (eta, phi) = random.exponential(2, total) + 0.5, random.normal(0, 0.3, (2, total))
    particles = {
        "part_px": energy * np.cos(phi), "part_py": energy * np.sin(phi), "part_pz": energy * 0,
        "part_energy": energy, "part_deta": eta, "part_dphi": phi, "part_d0val": 3.0 * (2 * of_particle - 1),
    }  # fmt: skip
    scalars = {f"label_{name}": truth == i for i, name in enumerate(CLASSES)}
    return Jets.from_counts(counts, {k: v.astype(np.float32) for k, v in particles.items()}, scalars)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `jets` (300 to train on in three shards, 60 to validate), `config.yaml` and `texts`."""
    folder = tmp_path_factory.mktemp("place")
    shards = []
    for split, sizes in (("train", (100, 100, 100)), ("validation", (60,))):
        (folder / "jets" / split).mkdir(parents=True)
        for i, size in enumerate(sizes):
            jets = make_jets(size, seed=10 * len(split) + i)
            write_parquet(folder / f"jets/{split}/{i:04d}.parquet", jets)
            shards.append(describe_shard(folder / "jets", f"{split}/{i:04d}.parquet", jets))
    made = {"versions": {"yukawa": "0"}, "process": {}, "card": {}, "seed": 0, "jets_per_class": 1}
    JetManifest(**made, shards=tuple(shards)).write(folder / "jets")
    (folder / "config.yaml").write_text(CONFIG)
    write_texts(folder / "texts")
    return folder


def write_texts(folder: Path) -> None:
    """80 documents of a few words in two files."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        rows = [
            {"title": f"{name} {number}", "abstract": " ".join(random.choice(WORDS, random.integers(2, 9)))}
            for number in range(40)
        ]
        (folder / name).write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))


@pytest.fixture
def values(place: Path) -> Callable[..., dict[str, Any]]:
    """The values of a small recipe; `changes` are merged over them."""

    def make(**changes: Any) -> dict[str, Any]:
        jets = str(place / "jets")
        given = {
            "config": str(place / "config.yaml"),
            "mixture": {
                "text": {"kind": "text", "path": str(place / "texts/*.gz"), "window": 5},
                "jets": {"kind": "jets", "path": jets},
                "questions": {"kind": "questions", "path": jets, "weight": 2},
            },
            "model": MODEL,
            "training": {
                "steps": 6, "batch": 16, "learning_rate": 0.01, "evaluate_every": 3, "log_every": 1, "validation": 20,
            },
        }  # fmt: skip
        return merged(given, changes)

    return make


@pytest.fixture
def recipe(values: Callable[..., dict[str, Any]]) -> Callable[..., PretrainingRecipe]:
    """A small recipe with changes."""
    return lambda **changes: PretrainingRecipe.parse(values(**changes), "test")
