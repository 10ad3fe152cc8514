"""Small data sets whose classes differ, so that a network learns within seconds, and recipes for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.io.source import JetManifest, describe_shard
from yukawa.jets.table import Jets
from yukawa.jets.training.recipe import JetRecipe

CLASSES = ("b", "g")
CONFIG = """
new_variables:
  part_mask: ak.ones_like(part_energy)
  part_e_log: np.log(part_energy)
inputs:
  pf_points: {length: 8, vars: [[part_deta, null], [part_dphi, null]]}
  pf_features: {length: 8, vars: [[part_deta, null], [part_dphi, null], [part_e_log, null], [part_d0val, null]]}
  pf_vectors: {length: 8, vars: [[part_px, null], [part_py, null], [part_pz, null], [part_energy, null]]}
  pf_mask: {length: 8, vars: [[part_mask, null]]}
labels: {type: simple, value: [LABELS]}
"""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_slow_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots, the list of all installed packages and a search for garbage take longer than these trainings."""
    monkeypatch.setattr("yukawa.runs.task.learning_curves", lambda rows, path, unit: path)
    monkeypatch.setattr("yukawa.runs.run.environment", dict)
    monkeypatch.setattr("gc.collect", lambda *generation: 0)  # the trainer's accelerator asks for it


def make_jets(number: int, seed: int, classes: Sequence[str] = CLASSES) -> Jets:
    """Jets of 1 to 8 particles, in classes that have different energies and impact parameters."""
    random = np.random.default_rng(seed)
    counts = random.integers(1, 9, number)
    truth = random.integers(0, len(classes), number)
    of_particle = np.repeat(truth, counts)
    total = len(of_particle)
    energy = random.exponential(2, total) + 0.5 + of_particle / 2
    eta, phi = random.normal(0, 0.3, (2, total))
    pt = energy / np.cosh(eta)
    particles = {
        "part_px": pt * np.cos(phi),
        "part_py": pt * np.sin(phi),
        "part_pz": pt * np.sinh(eta),
        "part_energy": energy,
        "part_deta": eta,
        "part_dphi": phi,
        "part_d0val": random.normal(of_particle - len(classes) / 2, 1, total),
    }
    scalars = {f"label_{name}": truth == i for i, name in enumerate(classes)}
    return Jets.from_counts(counts, {k: v.astype(np.float32) for k, v in particles.items()}, scalars)


def write_data_set(folder: Path, train: Sequence[Jets], validation: Jets) -> Path:
    """A data set with a manifest, one shard for each of `train`."""
    shards = []
    for split, parts in (("train", train), ("validation", [validation])):
        (folder / split).mkdir(parents=True)
        for i, jets in enumerate(parts):
            write_parquet(folder / split / f"{i:04d}.parquet", jets)
            shards.append(describe_shard(folder, f"{split}/{i:04d}.parquet", jets))
    manifest = JetManifest(
        versions={"yukawa": "0"}, process={}, card={}, seed=0, jets_per_class=1, shards=tuple(shards)
    )
    manifest.write(folder)
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 training jets in three shards and 100 validation jets of two classes; and `config.yaml`."""
    folder = tmp_path_factory.mktemp("jets")
    write_data_set(folder, [make_jets(100, seed) for seed in (1, 2, 3)], make_jets(100, 4))
    (folder / "config.yaml").write_text(CONFIG.replace("LABELS", ", ".join(f"label_{c}" for c in CLASSES)))
    return folder


@pytest.fixture
def recipe(data: Path) -> Callable[..., JetRecipe]:
    """A small recipe; arguments change its sections' values, `model={...}` replaces the model."""

    def make(model: dict[str, object] | None = None, **changes: object) -> JetRecipe:
        small = {
            "architecture": "particle-transformer",
            "embed_sizes": [16, 16],
            "pair_sizes": [8],
            "heads": 2,
            "layers": 1,
            "class_layers": 1,
            "feedforward": 2,
        }
        values = {
            "data": {"path": str(data), "config": str(data / "config.yaml")},
            "model": model or small,
            "training": {
                "steps": 12,
                "batch": 50,
                "learning_rate": 0.01,
                "evaluate_every": 4,
                "log_every": 2,
            },
        }
        for key, value in changes.items():
            section = (
                "data"
                if key
                in (
                    "path",
                    "validation",
                    "config",
                    "loading",
                    "buffer",
                    "prefetch",
                    "train_jets",
                    "validation_jets",
                )
                else "training"
            )
            values[section][key] = value
        return JetRecipe.parse(values, "test")

    return make
