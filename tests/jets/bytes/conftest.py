from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from yukawa.jets.table import JET_COLUMNS, JET_ORIGIN, PARTICLE_COLUMNS, Jets, label_column

MakeJets = Callable[..., Jets]


@pytest.fixture(scope="session")
def make_jets() -> MakeJets:
    """Makes jets with all columns of ours; `counts` are the particles of each."""

    def make(counts: Sequence[int] | None = None, seed: int = 0) -> Jets:
        rng = np.random.default_rng(seed)
        n = rng.integers(0, 9, 40) if counts is None else np.asarray(counts, np.int64)
        total = int(n.sum())
        particles = {
            column.name: rng.normal(size=total).astype(np.float32)
            if column.dtype == "float32"
            else rng.integers(0, 2, total).astype(column.dtype)
            for column in PARTICLE_COLUMNS
        }
        momenta = [particles[f"part_p{axis}"] for axis in "xyz"]
        particles["part_energy"] = np.sqrt(sum(p**2 for p in momenta) + 0.02).astype(np.float32)
        particles["part_charge"] = rng.integers(-1, 2, total).astype(np.int8)
        scalars = {column.name: rng.exponential(40, len(n)).astype(column.dtype) for column in JET_COLUMNS}
        truth = rng.integers(0, len(JET_ORIGIN), len(n))
        scalars |= {label_column(name): truth == i for i, name in enumerate(JET_ORIGIN)}
        return Jets.from_counts(n, particles, scalars)

    return make
