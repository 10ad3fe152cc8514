"""Dalitz decays: momenta close, masses are right, the mass of the pair follows the formula."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.generators.dalitz import dalitz_decays, pair_shape

MASS, ELECTRON = 0.1349768, 0.00051099895


def decays(count: int, lepton: float = ELECTRON, mass: float = MASS) -> np.ndarray:
    masses = np.tile([lepton, lepton, 0.0], (count, 1))
    return dalitz_decays(np.full(count, mass), masses, np.random.default_rng(1))


def test_momenta_close_and_masses_are_right():
    found = decays(2000)
    assert np.abs(found.sum(axis=1) - [MASS, 0, 0, 0]).max() < 1e-12
    squares = found[:, :, 0] ** 2 - (found[:, :, 1:] ** 2).sum(axis=2)
    assert np.abs(squares - [ELECTRON**2, ELECTRON**2, 0]).max() < 1e-12


def test_the_mass_of_the_pair_follows_kroll_and_wada():
    count = 20_000
    found = decays(count)
    total = found[:, 0] + found[:, 1]
    share = (total[:, 0] ** 2 - (total[:, 1:] ** 2).sum(axis=1)) / MASS**2
    threshold = 4 * ELECTRON**2 / MASS**2
    grid = np.exp(np.linspace(np.log(threshold), 0, 20_001))
    density = pair_shape(grid, np.full_like(grid, threshold))  # of log x
    for edge in (0.001, 0.01, 0.1, 0.3):
        expected = np.trapezoid(density * (grid < edge), np.log(grid)) / np.trapezoid(density, np.log(grid))
        error = np.sqrt(expected * (1 - expected) / count)
        assert (share < edge).mean() == pytest.approx(expected, abs=4 * error)


def test_the_shape_never_exceeds_its_bound():
    grid = np.linspace(1e-6, 1, 10_001)
    for threshold in (1e-6, 5.7e-5, 0.15):
        assert pair_shape(grid[grid > threshold], np.full((grid > threshold).sum(), threshold)).max() <= 1


def test_leptons_that_are_too_heavy():
    with pytest.raises(InputError, match="too heavy"):
        decays(3, lepton=MASS / 2)
