"""Jets to write and read: of every kind of column, with empty and one-particle jets among them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from yukawa.jets.table import JET_ORIGIN, Jets

MakeJets = Callable[..., Jets]


def _jets(count: int = 50, seed: int = 1, counts: np.ndarray | None = None) -> Jets:
    random = np.random.default_rng(seed)
    if counts is None:
        counts = random.integers(0, 12, count)
        counts[: min(count, 3)] = [0, 1, 5][: min(count, 3)]
    total = int(counts.sum())
    px, py, pz = random.normal(size=(3, total)) * 3
    energy = np.sqrt(px**2 + py**2 + pz**2 + 0.14**2)
    jet = np.repeat(np.arange(len(counts)), counts)
    sums = [np.bincount(jet, p, len(counts)) for p in (px, py, pz, energy)]
    pt = np.hypot(sums[0], sums[1])
    with np.errstate(all="ignore"):
        eta = np.nan_to_num(np.arcsinh(sums[2] / pt))
        phi = np.arctan2(sums[1], sums[0])
    kind = random.integers(0, 7, total)
    charged = kind < 5
    particles = {
        "part_px": px,
        "part_py": py,
        "part_pz": pz,
        "part_energy": energy,
        "part_deta": np.arcsinh(pz / np.hypot(px, py)) - eta[jet],
        "part_dphi": np.angle(np.exp(1j * (np.arctan2(py, px) - phi[jet]))),
        "part_d0val": np.where(charged, random.normal(size=total) * 0.1, 0),
        "part_d0err": np.where(charged, random.uniform(0.003, 0.05, total), 0),
        "part_dzval": np.where(charged, random.normal(size=total) * 0.1, 0),
        "part_dzerr": np.where(charged, random.uniform(0.003, 0.05, total), 0),
    }
    particles = {name: column.astype(np.float32) for name, column in particles.items()}
    particles |= {
        "part_charge": np.where(charged, random.choice([-1, 1], total), 0).astype(np.int8),
        "part_isElectron": kind == 0,
        "part_isMuon": kind == 1,
        "part_isChargedKaon": kind == 2,
        "part_isChargedPion": kind == 3,
        "part_isProton": kind == 4,
        "part_isChargedHadron": (kind >= 2) & (kind <= 4),
        "part_isNeutralHadron": kind == 5,
        "part_isPhoton": kind == 6,
        "part_truth_pdg": np.array([11, 13, 321, 211, 2212, 130, 22], np.int32)[kind],
    }
    scalars = {
        "jet_pt": pt.astype(np.float32),
        "jet_eta": eta.astype(np.float32),
        "jet_phi": phi.astype(np.float32),
        "jet_energy": sums[3].astype(np.float32),
        "jet_nparticles": counts.astype(np.int32),
        "jet_event": np.arange(len(counts)) // 2,
    }
    label = random.integers(-1, len(JET_ORIGIN), len(counts))
    scalars |= {f"label_{name}": label == index for index, name in enumerate(JET_ORIGIN)}
    return Jets.from_counts(counts, particles, scalars)


@pytest.fixture(scope="session")
def make_jets() -> MakeJets:
    """A function that makes jets: `make_jets(count, seed)`, or with given counts of particles."""
    return _jets


@pytest.fixture
def jets() -> Jets:
    """Fifty jets, the first without particles, the second with one."""
    return _jets()


@pytest.fixture(scope="session")
def assert_same() -> Callable[[Jets, Jets], None]:
    """Asserts that two sets of jets are equal to the bit, NaN included, types and all."""

    def same(left: Jets, right: Jets) -> None:
        assert set(left.columns) == set(right.columns)
        np.testing.assert_array_equal(left.offsets, right.offsets)
        for one, other in ((left.particles, right.particles), (left.scalars, right.scalars)):
            assert set(one) == set(other)
            for name, column in one.items():
                assert column.dtype == other[name].dtype, name
                np.testing.assert_array_equal(column, other[name], err_msg=name)

    return same


@pytest.fixture(scope="session")
def feed() -> Callable[..., None]:
    """Appends several sets of jets, one after another: `feed(append, first, second)`."""

    def append_all(append: Callable[[Jets], None], *parts: Jets) -> None:
        for part in parts:
            append(part)

    return append_all


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; the test is skipped where it is absent."""
    folder = os.environ.get("YUKAWA_TEST_DATA")
    path = Path(folder) if folder else Path(__file__).parents[4] / "shared" / "data"
    if not (path / "jets").is_dir():
        pytest.skip(f"needs the real jets of YUKAWA_TEST_DATA, not found at {path}")
    return path
