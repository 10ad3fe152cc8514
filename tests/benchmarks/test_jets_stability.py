"""Probabilities do not depend on how they are computed, where the pair features are ours."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

pytestmark = pytest.mark.slow


def test_rounding_moves_no_probability(script: Callable[[str], ModuleType]) -> None:
    found = script("jets_stability").study("lepton", 400, 60, 3)
    ways = {name: row for name, row in found.items() if isinstance(row, dict)}
    assert list(ways) == ["turned", "last place", "batch", "padding", "threads"]
    assert all(row["largest"] <= 1e-5 and row["flips"] == 0 for row in ways.values())


def test_jets_are_turned_and_shaken_as_they_should_be(script: Callable[[str], ModuleType]) -> None:
    stability = script("jets_stability")
    jets, _ = stability.simulate(22, 3)
    turned, shaken = stability.turned(jets, 2.0), stability.shaken(jets, 1)
    pt = [np.hypot(x.particles["part_px"], x.particles["part_py"]) for x in (jets, turned)]
    np.testing.assert_allclose(pt[1], pt[0], rtol=1e-6)
    assert (np.abs(turned.particles["part_px"] - jets.particles["part_px"]) > 1e-3).mean() > 0.9
    for name, values in jets.particles.items():
        if values.dtype == np.float32:
            steps = np.abs(shaken.particles[name].view(np.int32) - values.view(np.int32))
            assert (steps == (values != 0)).all()
