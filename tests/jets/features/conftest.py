"""Jets of all lengths, with empty ones and such of one particle, for the tests of features."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import yaml

from yukawa.jets.features.config import DataConfig, read_config
from yukawa.jets.table import JET_COLUMNS, PARTICLE_COLUMNS, Jets, label_column

ToyJets = Callable[..., Jets]
Change = Callable[..., DataConfig]


@pytest.fixture(scope="session")
def changed() -> Change:
    """Gives a config with other values at keys of its YAML text."""
    return lambda config, **changes: read_config(yaml.safe_dump(config.to_dict() | changes))


@pytest.fixture(scope="session")
def toy_jets() -> ToyJets:
    """Makes jets with all columns of ours and labels of `classes`; `counts` are the particles of each."""

    def make(
        jets: int = 60, classes: Sequence[str] = ("b", "c"), seed: int = 0, counts: object = None
    ) -> Jets:
        rng = np.random.default_rng(seed)
        n = rng.integers(0, 9, jets) if counts is None else np.asarray(counts)
        total = int(n.sum())
        particles = {}
        for column in PARTICLE_COLUMNS:
            if column.dtype == "float32":
                particles[column.name] = rng.normal(size=total).astype(np.float32)
            else:
                particles[column.name] = rng.integers(0, 2, total).astype(column.dtype)
        p2 = sum(particles[f"part_p{axis}"] ** 2 for axis in "xyz")
        particles["part_energy"] = np.sqrt(p2 + 0.02).astype(np.float32)
        for name in ("part_d0err", "part_dzerr"):
            particles[name] = np.abs(particles[name])
        particles["part_charge"] = rng.integers(-1, 2, total).astype(np.int8)
        scalars = {c.name: rng.exponential(40, len(n)).astype(c.dtype) for c in JET_COLUMNS}
        scalars["jet_nparticles"] = n.astype(np.int32)
        truth = rng.integers(0, len(classes), len(n))
        scalars |= {label_column(name): truth == i for i, name in enumerate(classes)}
        return Jets.from_counts(n, particles, scalars)

    return make
