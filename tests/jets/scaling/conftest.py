"""A tiny data set with three splits, and a study of two small networks on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from yukawa.jets.evaluation import plots
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.io.source import JetManifest, describe_shard
from yukawa.jets.scaling.recipe import Study, load_study
from yukawa.jets.table import Jets

CLASSES = ("b", "bbar", "g")
CONFIG = """
new_variables:
  part_mask: ak.ones_like(part_energy)
  part_e_log: np.log(part_energy)
inputs:
  pf_points: {length: 6, vars: [[part_deta, null], [part_dphi, null]]}
  pf_features: {length: 6, vars: [[part_deta, null], [part_dphi, null], [part_e_log, null], [part_d0val, null]]}
  pf_vectors: {length: 6, vars: [[part_px, null], [part_py, null], [part_pz, null], [part_energy, null]]}
  pf_mask: {length: 6, vars: [[part_mask, null]]}
labels: {type: simple, value: [label_b, label_bbar, label_g]}
"""
MODEL = """
data: {path: elsewhere, config: CONFIG}
model: {architecture: particle-net, blocks: [[2, [4]]], head: [[4, 0.1]]}
training: {epochs: 30, jets_per_epoch: 5_000_000, batch: 20, learning_rate: 1e-2, log_every: 2}
"""
STUDY = """
data: {path: PATH, validation_jets: 30}
models:
  net: net.yaml
  wide: {base: net.yaml, model: {head: [[8, 0.0]]}, training: {learning_rate: 2e-2}}
sizes: [20, 60]
seeds: [1, 2]
lengths: {epochs: 2, steps: 3}
validations: 2
"""
Load = Callable[..., Study]
_S_CURVES = plots.s_curves


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures and the list of all installed packages take longer than these trainings."""
    torch.set_num_threads(1)
    for name in ("matrix_plot", "roc_plot", "flavour_plot"):
        monkeypatch.setattr(
            f"yukawa.jets.evaluation.plots.{name}", lambda *given, **named: _picture(given[1])
        )
    monkeypatch.setattr("yukawa.jets.evaluation.plots.s_curves", lambda rows, path, *rest: path.touch())
    monkeypatch.setattr("yukawa.runs.task.learning_curves", lambda *given: None)
    monkeypatch.setattr("yukawa.runs.run.environment", dict)
    monkeypatch.setattr("gc.collect", lambda *generation: 0)


def _picture(path: Path) -> Path:
    path.with_suffix(".svg").write_text("<svg/>")
    return path


def make_jets(number: int, seed: int) -> Jets:
    """Jets of 1 to 5 particles, in classes that have different energies and impact parameters."""
    random = np.random.default_rng(seed)
    counts = random.integers(1, 6, number)
    truth = random.integers(0, len(CLASSES), number)
    of_particle = np.repeat(truth, counts)
    total = len(of_particle)
    energy = random.exponential(2, total) + 0.5 + of_particle
    eta, phi = random.normal(0, 0.3, (2, total))
    pt = energy / np.cosh(eta)
    particles = {
        "part_px": pt * np.cos(phi),
        "part_py": pt * np.sin(phi),
        "part_pz": pt * np.sinh(eta),
        "part_energy": energy,
        "part_deta": eta,
        "part_dphi": phi,
        "part_d0val": random.normal(2.0 * of_particle, 1, total),
    }
    scalars = {f"label_{name}": truth == i for i, name in enumerate(CLASSES)}
    return Jets.from_counts(counts, {k: v.astype(np.float32) for k, v in particles.items()}, scalars)


def write_data_set(folder: Path, seed: int = 0) -> Path:
    """80 training jets in two shards, 40 to validate and 50 to test on."""
    shards = []
    for k, (split, number) in enumerate((("train", 50), ("train", 30), ("validation", 40), ("test", 50))):
        jets = make_jets(number, 10 * seed + k)
        (folder / split).mkdir(parents=True, exist_ok=True)
        write_parquet(folder / split / f"{k}.parquet", jets)
        shards.append(describe_shard(folder, f"{split}/{k}.parquet", jets))
    manifest = JetManifest(
        versions={}, process={}, card={}, seed=seed, jets_per_class=1, shards=tuple(shards)
    )
    manifest.write(folder)
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data_set(tmp_path_factory.mktemp("jets") / "set")


@pytest.fixture(scope="session")
def recipes(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the study `study.yaml` and the recipe `net.yaml` of its model."""
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "net.yaml").write_text(MODEL.replace("CONFIG", str(folder / "config.yaml")))
    (folder / "study.yaml").write_text(STUDY.replace("PATH", str(data)))
    return folder


@pytest.fixture
def load(recipes: Path) -> Load:
    """The study, changed by lines `key=value`."""
    return lambda *changes: load_study(recipes / "study.yaml", changes)


@pytest.fixture(scope="session")
def real_curves() -> Callable[..., Path]:
    """Draws in earnest."""
    return _S_CURVES
