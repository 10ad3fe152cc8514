"""Particles made by hand, without Pythia."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from yukawa.jets.simulation.generation import Particles

Gun = Callable[..., Particles]
CHARGE = {11: -1, 13: -1, 22: 0, 130: 0, 211: 1, 321: 1, 2212: 1, 2112: 0, 310: 0, 3112: -1, 12: 0}
MASS = {11: 0.000511, 13: 0.10566, 22: 0, 130: 0.4976, 211: 0.13957, 321: 0.49368, 2212: 0.93827, 2112: 0.9396, 3112: 1.197}  # fmt: skip


@pytest.fixture(scope="session")
def gun() -> Gun:
    """Shoot `count` particles of one kind with momenta (GeV) of any direction from places near the origin (mm)."""

    def shoot(
        pdg: int,
        count: int,
        momentum: tuple[float, float] = (0.5, 20.0),
        eta: float = 2.0,
        spread: float = 0.0,
        seed: int = 1,
    ) -> Particles:
        rng = np.random.default_rng(seed)
        size, eta_N = rng.uniform(*momentum, count), rng.uniform(-eta, eta, count)
        phi = rng.uniform(-np.pi, np.pi, count)
        pt = size / np.cosh(eta_N)
        mass = np.full(count, MASS[abs(pdg)], float)
        momenta = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta_N), np.hypot(size, mass)], 1)
        charge = np.full(count, np.sign(pdg) * CHARGE[abs(pdg)], float)
        return Particles(
            np.full(count, pdg, np.int32), charge, mass, momenta, rng.normal(0, spread, (count, 3))
        )

    return shoot
