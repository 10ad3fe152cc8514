"""Momenta close, masses are right, and distributions are those of phase space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.generators.phase_space import (
    boosted,
    directions,
    two_body_momentum,
    unweighted_decays,
    weighted_decays,
)


def random(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0.1, 5), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_momenta_close_and_masses_are_right(masses, free, seed):
    count = 50
    whole = np.full(count, sum(masses) + free)
    daughters = np.tile(masses, (count, 1))
    if len(masses) == 1:
        whole = daughters[:, 0]
    momenta, weights = weighted_decays(whole, daughters, random(seed))
    assert np.abs(momenta[:, :, 1:].sum(axis=1)).max() < 1e-9
    assert np.abs(momenta[:, :, 0].sum(axis=1) - whole).max() < 1e-9
    squares = momenta[:, :, 0] ** 2 - (momenta[:, :, 1:] ** 2).sum(axis=2)
    assert np.abs(squares - daughters**2).max() < 1e-9
    assert ((weights > 0) & (weights <= 1 + 1e-12)).all()


def test_boosting_there_and_back():
    frame = np.array([[3.0, 1.0, 0.5, -2.0]])
    momenta = np.array([[[1.0, 0.1, 0.2, 0.3], [2.0, -1.0, 0.0, 0.4]]])
    back = boosted(boosted(momenta, frame), frame * [1, -1, -1, -1])
    assert np.allclose(back, momenta)


def test_the_mean_pion_pair_mass_of_flat_phase_space():
    """Pythia 8 gives 0.4413, EvtGen 0.4407."""
    masses = np.tile([3.0969, 0.13957, 0.13957], (20_000, 1))
    momenta = unweighted_decays(np.full(20_000, 3.686097), masses, random())
    total = momenta[:, 1] + momenta[:, 2]
    pairs = np.sqrt(total[:, 0] ** 2 - (total[:, 1:] ** 2).sum(axis=1))
    assert pairs.mean() == pytest.approx(0.4412, abs=4 * pairs.std() / len(pairs) ** 0.5)


def test_directions_are_isotropic():
    vectors = directions(40_000, random())
    assert np.allclose((vectors**2).sum(axis=1), 1)
    assert np.abs(vectors.mean(axis=0)).max() < 0.015
    assert (vectors**2).mean(axis=0) == pytest.approx([1 / 3] * 3, abs=0.01)


def test_a_closed_decay_has_no_momentum():
    assert two_body_momentum(np.array([1.0]), np.array([0.7]), np.array([0.7])) == 0


@pytest.mark.slow
def test_weights_that_accept_nothing_are_refused():
    with pytest.raises(InputError, match="were not accepted"):
        unweighted_decays(
            np.ones(1), np.full((1, 2), 0.1), random(), lambda momenta, drawn: np.zeros(len(momenta))
        )


def test_many_light_bodies_are_accepted_too():
    decays = unweighted_decays(np.full(20, 3.686), np.full((20, 6), 0.13957), np.random.default_rng(5))
    assert np.allclose(decays.sum(axis=1), [3.686, 0, 0, 0], atol=1e-9)
