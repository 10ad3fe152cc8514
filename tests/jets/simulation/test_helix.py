from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.jets.simulation.helix import LIGHT, curvature, path_to_cylinder, perigee

FIELD = 3.0


def random_tracks(count, seed=3):
    rng = np.random.default_rng(seed)
    pt, phi = 10 ** rng.uniform(-0.7, 1.5, count), rng.uniform(-np.pi, np.pi, count)
    momenta = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * rng.normal(0, 1, count)], 1)
    vertices = rng.normal(0, 1, (count, 3)) * 10 ** rng.uniform(-1, 2.3, (count, 1))
    return vertices, momenta, rng.choice([-1.0, 1.0], count)


def propagated(vertices, momenta, charge, length, steps=1500):
    """Positions and momenta along the path and at its end, by Runge-Kutta on the Lorentz force dp/ds = q B (py, -px, 0)/|p|."""
    k = (charge * FIELD * LIGHT * 1e-3)[:, None]
    size = np.linalg.norm(momenta, axis=1, keepdims=True)
    step = (length / steps)[:, None]

    def slope(p):
        return p / size, k * np.stack([p[:, 1], -p[:, 0], np.zeros(len(p))], 1) / size

    x, p = vertices, momenta
    for _ in range(steps):
        yield x, p
        (a, f), (b, g) = slope(p), slope(p + step / 2 * slope(p)[1])
        (c, h) = slope(p + step / 2 * g)
        d, i = slope(p + step * h)
        x, p = x + step / 6 * (a + 2 * b + 2 * c + d), p + step / 6 * (f + 2 * g + 2 * h + i)
    yield x, p


def test_the_perigee_is_where_numerical_propagation_comes_nearest_to_the_beam_line():
    vertices, momenta, charge = random_tracks(40)
    found = perigee(vertices, momenta, curvature(charge, FIELD))
    size, pt = np.linalg.norm(momenta, axis=1), np.linalg.norm(momenta[:, :2], axis=1)
    # The path from the point of production to the perigee, backward as found: its end must be the nearest point.
    steps = list(propagated(vertices, momenta, charge, -found.path * size / pt))
    for x, _ in steps:
        assert np.all(np.hypot(*x[:, :2].T) >= np.abs(found.d0) - 1e-6)
    x, p = steps[-1]
    assert np.hypot(*x[:, :2].T) == pytest.approx(np.abs(found.d0), abs=1e-6)
    assert np.array_equal(np.sign(x[:, 0] * p[:, 1] - x[:, 1] * p[:, 0]), np.sign(found.d0))
    assert x[:, 2] == pytest.approx(found.z0, abs=1e-6)
    assert p[:, :2] == pytest.approx(np.stack([found.px, found.py], 1), abs=1e-9)


def test_momentum_at_the_perigee_is_at_right_angles_to_its_position_and_keeps_its_size():
    vertices, momenta, charge = random_tracks(2000)
    found = perigee(vertices, momenta, curvature(charge, FIELD))
    pt = np.hypot(found.px, found.py)
    assert pt == pytest.approx(np.hypot(*momenta[:, :2].T))
    # From the perigee (at d0 along (py, -px)/pT) on, it is its own perigee.
    at = np.stack([found.d0 * found.py / pt, -found.d0 * found.px / pt, found.z0], 1)
    again = perigee(at, np.stack([found.px, found.py, momenta[:, 2]], 1), curvature(charge, FIELD))
    assert again.d0 == pytest.approx(found.d0, rel=1e-9, abs=1e-9)
    assert again.path == pytest.approx(np.zeros(2000), abs=1e-7)
    assert again.z0 == pytest.approx(found.z0, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("field", [0.0, 3.0])
def test_a_straight_line_is_the_limit_of_large_momentum(field):
    vertices, momenta, charge = random_tracks(500)
    momenta = momenta * 1e9
    (x, y, z), (px, py, pz) = vertices.T, momenta.T
    pt = np.hypot(px, py)
    found = perigee(vertices, momenta, curvature(charge, field))
    assert found.d0 == pytest.approx((x * py - y * px) / pt, rel=1e-6, abs=1e-6)
    assert found.z0 == pytest.approx(z - (x * px + y * py) / pt * pz / pt, rel=1e-6, abs=1e-6)
    assert found.px == pytest.approx(px, rel=1e-6)
    assert found.path == pytest.approx((x * px + y * py) / pt, rel=1e-6, abs=1e-6)


def test_opposite_charges_in_opposite_fields_and_mirror_images():
    vertices, momenta, charge = random_tracks(500)
    one = perigee(vertices, momenta, curvature(charge, FIELD))
    same = perigee(vertices, momenta, curvature(-charge, -FIELD))
    assert np.array_equal(one.d0, same.d0)
    mirror = np.array([1.0, -1.0, 1.0])  # y -> -y turns d0 and the charge around
    other = perigee(vertices * mirror, momenta * mirror, curvature(-charge, FIELD))
    assert other.d0 == pytest.approx(-one.d0)
    assert other.z0 == pytest.approx(one.z0)


@given(st.floats(-np.pi, np.pi))
def test_turning_everything_about_the_beam_turns_the_momentum_and_nothing_else(angle):
    vertices, momenta, charge = random_tracks(50)
    turn = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    k = curvature(charge, FIELD)
    one, other = perigee(vertices, momenta, k), perigee(vertices @ turn, momenta @ turn, k)
    assert other.d0 == pytest.approx(one.d0, rel=1e-9, abs=1e-9)
    assert other.z0 == pytest.approx(one.z0, rel=1e-9, abs=1e-7)
    turned = np.stack([one.px, one.py, one.px], 1) @ turn
    assert np.stack([other.px, other.py], 1) == pytest.approx(turned[:, :2], rel=1e-9, abs=1e-9)


def test_a_track_from_the_beam_line_or_along_it_has_no_d0():
    vertices = np.array([[0, 0, 5.0], [0, 0, 5.0], [0, 0, 0]])
    momenta = np.array([[1, 2, 3.0], [0, 0, 7.0], [0, 0, 0]])
    found = perigee(vertices, momenta, curvature(np.array([1.0, 1.0, -1.0]), FIELD))
    assert np.array_equal(found.d0, [0, 0, 0])
    assert found.z0 == pytest.approx([5, 5, 0])


def test_the_path_to_the_cylinder_ends_on_it():
    vertices, momenta, charge = random_tracks(60, seed=4)
    radius, half_length = 1800.0, 2350.0
    k = curvature(charge, FIELD)
    found = perigee(vertices, momenta, k)
    length = path_to_cylinder(found, vertices[:, 2], momenta[:, 2], k, radius, half_length)
    reached = np.isfinite(length)
    assert 30 < reached.sum() < 60
    v, p, q, s = vertices[reached], momenta[reached], charge[reached], length[reached]
    inside = np.ones(len(v), bool)
    for x, _ in propagated(v, p, q, s):
        far, z = np.hypot(*x[:, :2].T), np.abs(x[:, 2])
        inside &= (far < radius + 1e-3) & (z < half_length + 1e-3)
    assert inside.all()
    assert np.minimum(np.abs(far - radius), np.abs(z - half_length)) == pytest.approx(
        np.zeros(len(v)), abs=1e-3
    )


def test_the_straight_path_to_the_barrel_is_pythagoras():
    vertices, momenta, _ = random_tracks(100, seed=5)
    momenta[:, 2] *= 0.1
    k = np.zeros(100)
    length = path_to_cylinder(perigee(vertices, momenta, k), vertices[:, 2], momenta[:, 2], k, 1800.0, 1e9)
    end = vertices + momenta / np.linalg.norm(momenta, axis=1)[:, None] * length[:, None]
    assert np.linalg.norm(end[:, :2], axis=1) == pytest.approx(np.full(100, 1800.0))


def test_a_looper_reaches_no_barrel():
    momenta = np.array([[0.3, 0, 0.0], [0.3, 0, 0.001], [0.3, 0, 3.0]])
    k = curvature(np.ones(3), FIELD)
    found = perigee(np.zeros((3, 3)), momenta, k)
    length = path_to_cylinder(found, np.zeros(3), momenta[:, 2], k, 1800.0, 2350.0)
    assert np.isinf(length[:2]).all()
    assert length[2] == pytest.approx(2350 * np.hypot(0.3, 3) / 3)
