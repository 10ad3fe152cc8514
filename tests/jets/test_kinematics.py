"""Directions and angles, and the parton nearest to a jet."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.jets import kinematics
from yukawa.jets.kinematics import direction, opening_angle, turn


def test_a_turn_is_between_minus_pi_and_pi_which_it_may_be():
    azimuth, reference = np.random.default_rng(1).uniform(-np.pi, np.pi, (2, 1000))
    found = turn(azimuth, reference)
    assert ((found > -np.pi) & (found <= np.pi)).all()
    assert np.exp(1j * found) == pytest.approx(np.exp(1j * (azimuth - reference)))
    assert turn(np.array([np.pi]), np.array([0.0])) == np.pi


def test_direction_is_finite_along_the_beam():
    pt, eta, phi = direction(np.array([[0, 0, 5, 5.0], [0, 0, -5, 5.0], [3, 4, 0, 5.0]]))
    assert np.isfinite(eta).all()
    assert eta[0] > 100 > -100 > eta[1]
    assert pt[2] == 5
    assert phi[2] == pytest.approx(np.arctan2(4, 3))


def test_the_opening_angle_is_exact_for_small_and_large_angles():
    angles = np.array([0, 1e-9, 1e-4, 1, np.pi / 2, 3, np.pi])
    turned = np.stack([np.cos(angles), np.sin(angles), 0 * angles], 1)
    assert opening_angle(np.array([[2.0, 0, 0]]), 5 * turned) == pytest.approx(angles, rel=1e-12, abs=1e-15)


def test_the_nearest_parton_is_that_of_the_smallest_angle():
    random = np.random.default_rng(3)
    where = np.array([0, 3, 3, 8])  # three events with three, no and five partons
    partons, jets = random.normal(size=(8, 3)), random.normal(size=(6, 3))
    event = np.array([0, 0, 1, 2, 2, 2])

    def of_angle(jets: np.ndarray, partons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return kinematics.nearest(event, where, lambda jet, at: opening_angle(jets[jet], partons[at]))

    angle, nearest = of_angle(jets, partons)
    for jet in range(6):
        candidates = range(where[event[jet]], where[event[jet] + 1])
        cosines = [
            jets[jet] @ partons[at] / np.linalg.norm(jets[jet]) / np.linalg.norm(partons[at])
            for at in candidates
        ]
        if not cosines:
            assert np.isnan(angle[jet])
            assert nearest[jet] == -1
            continue
        assert nearest[jet] == candidates[int(np.argmax(cosines))]
        assert angle[jet] == pytest.approx(np.arccos(max(cosines)))
    rotation, _ = np.linalg.qr(random.normal(size=(3, 3)))
    turned = of_angle(jets @ rotation * 7, partons @ rotation)
    np.testing.assert_allclose(turned[0], angle)
    np.testing.assert_array_equal(turned[1], nearest)
