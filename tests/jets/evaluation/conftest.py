"""Small jets whose classes differ, in every shape of input, and small untrained taggers for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from yukawa.jets.evaluation import plots
from yukawa.jets.evaluation.results import Scores
from yukawa.jets.features.config import DataConfig, load_data_config
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.models.tagger import build, save_model
from yukawa.jets.table import Jets

CLASSES = ("b", "bbar", "g")
CONFIG = """
new_variables:
  part_mask: ak.ones_like(part_energy)
  part_e_log: np.log(part_energy)
  jet_log: np.log(jet_pt)
preprocess: {method: manual, nonfinite: NONFINITE}
inputs:
  pf_points: {length: 6, vars: [[part_deta, null], [part_dphi, null]]}
  pf_features: {length: 6, vars: [[part_deta, null], [part_dphi, null], [part_e_log, null], [part_d0val, null]]}
  pf_vectors: {length: 6, vars: [[part_px, null], [part_py, null], [part_pz, null], [part_energy, null]]}
  pf_mask: {length: 6, vars: [[part_mask, null]]}
labels: {type: simple, value: [LABELS]}
observers: [jet_log, weight_of_event]
"""
MakeJets = Callable[..., Jets]
MakeModel = Callable[..., Path]
MakeScores = Callable[..., Scores]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def make_jets() -> MakeJets:
    """Jets of 0 to 9 particles, two of each event; charge and energy depend on the class."""

    def make(number: int = 120, seed: int = 0, classes: Sequence[str] = CLASSES) -> Jets:
        random = np.random.default_rng(seed)
        counts = random.integers(0, 10, number)
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
            "part_d0val": random.normal(of_particle - 1, 1, total),
        }
        scalars = {
            "jet_pt": random.uniform(20, 60, number).astype(np.float32),
            "jet_event": np.arange(number) // 2,
        }
        scalars |= {f"label_{name}": truth == i for i, name in enumerate(classes)}
        return Jets.from_counts(counts, {k: v.astype(np.float32) for k, v in particles.items()}, scalars)

    return make


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., DataConfig]:
    """A data config; its observers are an expression and a column that is not there."""
    folder = tmp_path_factory.mktemp("config")

    def make(classes: Sequence[str] = CLASSES, nonfinite: str = "refuse", more: str = "") -> DataConfig:
        text = CONFIG.replace("LABELS", ", ".join(f"label_{name}" for name in classes))
        (folder / "config.yaml").write_text(text.replace("NONFINITE", nonfinite) + more)
        return load_data_config(folder / "config.yaml")

    return make


@pytest.fixture
def make_model(tmp_path: Path, config: Callable[..., DataConfig]) -> MakeModel:
    """Saves a small tagger with random weights, in a folder of its own."""

    def make(name: str = "model", seed: int = 0, classes: Sequence[str] = CLASSES, **of_config: str) -> Path:
        data_config = config(classes, **of_config)
        torch.manual_seed(seed)
        network = build(
            {
                "architecture": "particle-net",
                "features": len(data_config.features),
                "classes": tuple(classes),
                "blocks": [(3, (8, 8))],
                "head": [(8, 0.0)],
            }
        )
        save_model(tmp_path / name, network, data_config)
        return tmp_path / name

    return make


@pytest.fixture
def jets_file(tmp_path: Path, make_jets: MakeJets) -> Path:
    """120 jets in Parquet."""
    write_parquet(tmp_path / "jets.parquet", make_jets())
    return tmp_path / "jets.parquet"


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes a second; test_plots looks at the plots."""
    for name in ("matrix_plot", "roc_plot", "flavour_plot"):
        monkeypatch.setattr(plots, name, lambda *arguments, **options: _picture(arguments[1]))


def _picture(path: Path) -> Path:
    path.with_suffix(".svg").write_text("<svg/>")
    return path


@pytest.fixture(scope="session")
def scores() -> MakeScores:
    """Scores of a tagger: the same jets whatever the seed, other noise."""

    def make(
        seed: int = 0, jets: int = 600, strength: float = 2.0, classes: tuple[str, ...] = CLASSES
    ) -> Scores:
        random = np.random.default_rng(99)
        labels = random.integers(0, len(classes), jets)
        noise = random.normal(0, 1, (jets, len(classes)))
        noise = noise + np.random.default_rng(seed).normal(0, 0.5, (jets, len(classes)))
        logits = noise + strength * np.eye(len(classes))[labels]
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        return Scores(p, labels, np.arange(jets) // 2, classes)

    return make


SCORED = ("b", "bbar", "c", "cbar", "g")


@pytest.fixture
def scored() -> Callable[..., dict[str, np.ndarray]]:
    """Columns of a file of scores, of a tagger that is right more often than not."""

    def make(
        jets: int = 2000, seed: int = 1, shift: float = 2.0, **more: np.ndarray
    ) -> dict[str, np.ndarray]:
        random = np.random.default_rng(seed)
        labels = random.integers(len(SCORED), size=jets)
        logits = random.normal(size=(jets, len(SCORED))) + shift * np.eye(len(SCORED))[labels]
        chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        columns = {f"score_{name}": chance[:, k].astype(np.float32) for k, name in enumerate(SCORED)}
        columns |= {f"label_{name}": labels == k for k, name in enumerate(SCORED)}
        columns["jet_pt"] = random.uniform(20, 100, jets).astype(np.float32)
        return {**columns, "jet_weight": random.exponential(size=jets), **more}

    return make


@pytest.fixture
def write_scores(tmp_path: Path, scored: Callable[..., dict[str, np.ndarray]]) -> Callable[..., Path]:
    """Writes a file of scores."""

    def make(name: str = "scores", **columns: np.ndarray) -> Path:
        found = columns or scored()
        path = tmp_path / f"{name}.parquet"
        write_parquet(path, Jets(np.zeros(len(found["score_b"]) + 1, np.int64), {}, found))
        return path

    return make
