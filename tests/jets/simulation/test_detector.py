from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.jets.simulation.cards import EfficiencyStep, load_card
from yukawa.jets.simulation.detector import (
    ELECTRON,
    HADRONS,
    KAON,
    LIGHT,
    MASSES,
    NEUTRAL,
    OTHER,
    PHOTON,
    PION,
    PROTON,
    curvature,
    energy_loss,
    energy_resolution,
    flags,
    mass_of,
    measure,
    measured_kind,
    path_to_cylinder,
    perigee,
    true_kind,
)
from yukawa.jets.simulation.generation import Particles
from yukawa.jets.table import PARTICLE_COLUMNS

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


CARD = load_card()
CALORIMETER = {"stochastic": 0.0, "constant": 0.0, "noise": 0.0, "threshold": 0.0}


def changed(card, **changes):
    """The card with some values changed, where `a__b=c` means a.b = c."""
    for key, value in changes.items():
        name, _, rest = key.partition("__")
        value = changed(getattr(card, name), **{rest: value}) if rest else value
        card = card.model_copy(update={name: value})
    return card


def perfect():
    """A detector that measures everything exactly."""
    nothing = {"constant": 0.0, "scattering": 0.0}
    step = CARD.tracking.momentum[-1].model_copy(update={"constant": 0.0, "slope": 0.0})
    return CARD.model_copy(
        update={
            "ecal": CARD.ecal.model_copy(update=CALORIMETER),
            "hcal": CARD.hcal.model_copy(update=CALORIMETER),
            "tracking": CARD.tracking.model_copy(
                update={
                    "efficiency": (EfficiencyStep(pt_min=0, efficiency=1),),
                    "momentum": (step,),
                    "d0": CARD.tracking.d0.model_copy(update=nothing),
                    "z0": CARD.tracking.z0.model_copy(update=nothing),
                }
            ),
        }
    )


def blind():
    """The default detector without tracks."""
    return changed(CARD, tracking__efficiency=(EfficiencyStep(pt_min=0, efficiency=0),))


def seen(particles, card=CARD, seed=5):
    return measure(particles, card, np.random.default_rng(seed))


def size(momenta):
    return np.linalg.norm(momenta[:, :3], axis=1)


def is_standard_normal(pulls):
    """Mean 0 and width 1 within five standard errors."""
    n = len(pulls)
    return abs(pulls.mean()) < 5 / np.sqrt(n) and abs(pulls.std() - 1) < 5 / np.sqrt(2 * n)


def together(*parts):
    return Particles(
        *(
            np.concatenate([getattr(p, n) for p in parts])
            for n in ("pdg", "charge", "mass", "momenta", "vertices")
        )
    )


@pytest.mark.parametrize("pdg", [211, -321, 2212, 13, -11, 22, 130, 2112, 3112])
def test_a_perfect_detector_gives_the_truth(gun, pdg):
    particles = gun(pdg, 200)
    got = seen(particles, perfect())
    assert np.array_equal(got.truth, np.arange(200))
    assert np.array_equal(got.charge, particles.charge)
    if pdg in (130, 2112):  # their mass is not known
        assert got.momenta[:, 3] == pytest.approx(particles.momenta[:, 3])
        assert size(got.momenta) == pytest.approx(particles.momenta[:, 3])
    else:
        assert got.momenta == pytest.approx(particles.momenta, rel=1e-5, abs=1e-9)
    assert np.array_equal(got.impact, np.zeros((200, 4)))


def test_a_perfect_detector_gives_the_momentum_at_the_perigee(gun):
    particles = gun(211, 200, spread=30.0)
    got = seen(particles, perfect())
    track = perigee(particles.vertices, particles.momenta, curvature(particles.charge, 3.0))
    assert got.momenta[:, :2] == pytest.approx(np.stack([track.px, track.py], 1))
    assert got.impact[:, 0] == pytest.approx(track.d0)
    assert got.impact[:, 2] == pytest.approx(track.z0)


@pytest.mark.parametrize("momentum", [(0.02, 0.09), (0.12, 0.45), (0.55, 3.0)])
def test_tracks_are_as_frequent_as_the_card_says(gun, momentum):
    particles = gun(-13, 20_000, momentum, eta=0.05)  # pT is the momentum; a muon without track is not seen
    step = [s for s in CARD.tracking.efficiency if s.pt_min <= momentum[0]][-1].efficiency
    found = len(seen(particles)) / 20_000
    assert abs(found - step) < 5 * np.sqrt(step * (1 - step) / 20_000)


@pytest.mark.parametrize(("eta", "index"), [(0.9, 0), (2.9, 1)])
def test_momentum_resolution_is_that_of_the_card(gun, eta, index):
    particles = gun(13, 20_000, (5, 80), eta=eta)
    keep = np.arcsinh(abs(particles.momenta[:, 2]) / np.hypot(*particles.momenta[:, :2].T)) > (0, 1)[index]
    particles = particles[keep]
    got = seen(particles)
    true = particles.momenta[got.truth]
    step = CARD.tracking.momentum[index]
    sigma = np.hypot(step.constant, step.slope * np.hypot(*true[:, :2].T))
    assert is_standard_normal((size(got.momenta) / size(true) - 1) / sigma)
    # The direction is exact.
    assert got.momenta[:, :3] / size(got.momenta)[:, None] == pytest.approx(true[:, :3] / size(true)[:, None])


@pytest.mark.parametrize("name", ["cepc", "idea", "ild"])
def test_impact_parameters_spread_as_their_errors_and_these_as_the_card_says(gun, name):
    card = load_card(name)
    particles = gun(211, 20_000, (0.6, 20), spread=2.0)
    got = seen(particles, card)
    true = perigee(particles.vertices, particles.momenta, curvature(particles.charge, card.field))
    pt = np.hypot(*got.momenta[:, :2].T)
    tracks = got.charge != 0
    for column, value, rule in ((0, true.d0, card.tracking.d0), (2, true.z0, card.tracking.z0)):
        error = got.impact[tracks, column + 1]
        assert error == pytest.approx(
            1e-3 * np.hypot(rule.constant, rule.scattering / pt[tracks] ** rule.power)
        )
        assert is_standard_normal((got.impact[tracks, column] - value[got.truth[tracks]]) / error)


@pytest.mark.parametrize(("pdg", "part"), [(22, "ecal"), (130, "hcal"), (2112, "hcal")])
@pytest.mark.parametrize("name", ["cepc", "idea"])
def test_energy_resolution_is_that_of_the_card(gun, pdg, part, name):
    card = load_card(name)
    calorimeter = getattr(card, part)
    particles = gun(pdg, 20_000, (30, 80))
    got = seen(particles, card)
    energy = particles.momenta[:, 3]
    s, c, n = calorimeter.stochastic, calorimeter.constant, calorimeter.noise
    sigma = np.sqrt(s**2 * energy + c**2 * energy**2 + n**2)
    assert len(got) == 20_000
    assert is_standard_normal((got.momenta[:, 3] - energy) / sigma)
    assert size(got.momenta) == pytest.approx(got.momenta[:, 3])
    assert not got.impact.any()
    assert not got.charge.any()


def test_electrons_are_measured_by_the_better_of_track_and_calorimeter(gun):
    ecal_is_better = changed(perfect(), ecal=CARD.ecal, tracking__momentum=CARD.tracking.momentum)
    ecal_is_better = changed(ecal_is_better, ecal__constant=0.001, ecal__stochastic=0.001)
    particles = gun(11, 20_000, (20, 60), eta=2.5)
    particles = particles[abs(particles.momenta[:, 2]) > 1.5 * np.hypot(*particles.momenta[:, :2].T)]
    got = seen(particles, ecal_is_better)
    energy = particles.momenta[got.truth, 3]
    assert is_standard_normal(
        (got.momenta[:, 3] / energy - 1) / energy_resolution(ecal_is_better.ecal, energy)
    )
    assert (got.taken_for == ELECTRON).all()
    assert (got.charge == -1).all()
    central = gun(11, 20_000, (5, 10), eta=0.9)
    got = seen(central, changed(perfect(), tracking__momentum=CARD.tracking.momentum, ecal=CARD.ecal))
    sigma = np.hypot(1e-3, 1e-5 * np.hypot(*central.momenta[:, :2].T))[got.truth]
    assert is_standard_normal((size(got.momenta) / size(central.momenta)[got.truth] - 1) / sigma)


def test_what_is_below_the_threshold_or_outside_is_not_seen(gun):
    soft = seen(gun(22, 5000, (0.4, 0.6)))
    assert 0 < len(soft) < 5000
    assert soft.momenta[:, 3].min() >= 0.5
    for pdg in (22, 130, 211, 13, 11):
        far = gun(pdg, 500, (200, 400), eta=5.0)
        eta = np.arcsinh(far.momenta[:, 2] / np.hypot(*far.momenta[:, :2].T))
        assert (abs(eta[seen(far).truth]) <= 3).all()
        assert (abs(eta) > 3).sum() > 100


def test_without_a_track_a_charged_particle_is_a_shower_if_it_comes_so_far(gun):
    assert (seen(gun(211, 100, (5, 9)), blind()).taken_for == NEUTRAL).all()
    assert (seen(gun(-11, 100, (5, 9)), blind()).taken_for == PHOTON).all()
    assert len(seen(gun(211, 100, (5, 9)), blind())) == 100
    assert len(seen(gun(13, 100, (5, 9)), blind())) == 0
    # Below 0.81 GeV the helix turns back before the calorimeter at 1.81 m in 3 T.
    assert len(seen(gun(211, 100, (0.6, 0.75), eta=0.1), blind())) == 0
    assert not seen(gun(211, 100, (5, 9)), blind()).charge.any()


def test_each_object_is_one_particle_in_their_order(gun):
    particles = together(gun(211, 50), gun(22, 50), gun(130, 50), gun(13, 50), gun(-11, 50))
    particles = particles[np.random.default_rng(0).permutation(250)]
    got = seen(particles)
    assert np.all(np.diff(got.truth) > 0)
    direction = got.momenta[:, :3] / size(got.momenta)[:, None]
    true = particles.momenta[got.truth]
    assert direction == pytest.approx(true[:, :3] / size(true)[:, None])


def test_turning_particles_about_the_beam_turns_what_is_measured(gun):
    particles = together(gun(211, 300, spread=5.0), gun(22, 100), gun(-11, 100, spread=1.0), gun(130, 100))
    angle = 0.7
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    turned = Particles(
        particles.pdg, particles.charge, particles.mass, particles.momenta @ turn, particles.vertices @ turn[:3, :3]
    )  # fmt: skip
    one, other = seen(particles), seen(turned)
    assert np.array_equal(one.truth, other.truth)
    assert other.momenta == pytest.approx(one.momenta @ turn)
    assert other.impact == pytest.approx(one.impact, abs=1e-9)
    assert np.array_equal(one.taken_for, other.taken_for)


def test_the_same_random_numbers_give_the_same_measurement(gun):
    particles = gun(211, 100)
    assert np.array_equal(seen(particles, seed=1).momenta, seen(particles, seed=1).momenta)
    assert not np.array_equal(seen(particles, seed=1).momenta, seen(particles, seed=2).momenta)


def test_the_energy_of_a_track_follows_from_what_it_is_taken_for(gun):
    got = seen(together(gun(321, 50), gun(3112, 50)), perfect())
    mass = np.sqrt(got.momenta[:, 3] ** 2 - size(got.momenta) ** 2)
    assert mass[got.taken_for == OTHER] == pytest.approx(1.197, rel=1e-4)
    assert mass[got.taken_for != OTHER] == pytest.approx(0.493677, rel=1e-3)


def test_no_particles_and_particles_along_the_beam(gun):
    nothing = gun(211, 0)
    assert len(seen(nothing)) == 0
    along = Particles(
        np.array([211, 22], np.int32), np.array([1.0, 0]), np.array([0.13957, 0]),
        np.array([[0, 0, 50, 50.0], [0, 0, -50, 50.0]]), np.zeros((2, 3)),
    )  # fmt: skip
    assert len(seen(along)) == 0


@pytest.mark.parametrize("field", [0.0, 3.0])
def test_a_detector_without_field_has_straight_tracks(gun, field):
    particles = gun(211, 100, spread=5.0)
    got = seen(particles, changed(perfect(), field=field))
    straight = got.momenta[:, :2] == pytest.approx(particles.momenta[:, :2], rel=1e-9)
    assert straight == (field == 0)
    assert (got.taken_for == PION).all()


CARD = load_card()


def kinds(particles, path=2000.0, card=CARD, seed=1):
    momentum = np.linalg.norm(particles.momenta[:, :3], axis=1)
    length = np.full(len(particles), path)
    return measured_kind(particles, momentum, momentum, length, card, np.random.default_rng(seed))


def test_every_object_has_one_kind_and_the_flags_are_those_of_the_columns():
    codes = np.array([11, 13, PION, KAON, PROTON, OTHER, NEUTRAL, PHOTON])
    found = flags(codes)
    columns = {column.name.removeprefix("part_") for column in PARTICLE_COLUMNS if "_is" in column.name}
    assert set(found) == columns
    disjoint = ("isElectron", "isMuon", "isChargedHadron", "isNeutralHadron", "isPhoton")
    assert np.array_equal(sum(found[name].astype(int) for name in disjoint), np.ones(8))
    of_hadrons = [found[name] for name in ("isChargedPion", "isChargedKaon", "isProton")]
    assert np.array_equal(np.any(of_hadrons, axis=0), found["isChargedHadron"] & (codes != OTHER))
    assert np.sum(of_hadrons, axis=0).max() == 1


def test_truth_does_not_know_charge():
    assert np.array_equal(
        true_kind(np.array([211, -211, -321, 2212, -2212, 11, -13, 3112, -3312])),
        [PION, PION, KAON, PROTON, PROTON, 11, 13, OTHER, OTHER],
    )
    assert mass_of(np.array([KAON, OTHER])) == pytest.approx([0.493677, 0])


def test_energy_loss_falls_to_a_minimum_and_rises_again():
    beta_gamma = np.geomspace(0.1, 1e4, 400)
    loss = energy_loss(beta_gamma)
    least = np.argmin(loss)
    assert 3 < beta_gamma[least] < 4.5
    assert loss[least] == pytest.approx(1, abs=0.05)
    assert np.all(np.diff(loss[: least + 1]) < 0)
    assert np.all(np.diff(loss[least:]) > 0)
    assert loss[-1] < 1.8  # the density effect ends the rise


@pytest.mark.parametrize("pdg", HADRONS)
def test_a_sharp_measurement_gives_the_truth(gun, pdg):
    sharp = CARD.model_copy(
        update={
            "dedx_resolution": 1e-6,
            "time_of_flight": CARD.time_of_flight.model_copy(update={"resolution": 1e-3}),
        }
    )
    assert (kinds(gun(pdg, 500, (0.2, 30)), card=sharp) == pdg).all()


@pytest.mark.parametrize("pdg", [11, -13])
def test_leptons_are_taken_for_what_they_are(gun, pdg):
    assert (kinds(gun(pdg, 100)) == abs(pdg)).all()


def test_the_two_measurements_help_each_other(gun):
    kaons = gun(321, 4000, (0.9, 1.1))  # near 1 GeV kaons lose as much energy as pions
    with_clock, without = kinds(kaons), kinds(kaons, path=np.inf)
    assert (with_clock == KAON).mean() > 0.99
    assert (without == KAON).mean() < 0.8
    slow = CARD.model_copy(
        update={"time_of_flight": CARD.time_of_flight.model_copy(update={"resolution": 1e6})}
    )
    fast = gun(321, 4000, (8, 12))  # here the clock is of little help
    assert (kinds(fast) == KAON).mean() == pytest.approx((kinds(fast, card=slow) == KAON).mean(), abs=0.08)


def test_a_better_detector_confuses_less(gun):
    protons = gun(2212, 4000, (4, 20))
    right = [
        (kinds(protons, card=CARD.model_copy(update={"dedx_resolution": r})) == PROTON).mean()
        for r in (0.1, 0.05, 0.03, 0.02)
    ]
    assert right == sorted(right)


def test_what_is_none_of_the_three_is_taken_for_the_nearest(gun):
    assert np.isin(kinds(gun(3112, 200, (1, 2))), HADRONS).all()
    assert (kinds(gun(3112, 200, (0.8, 1.2))) == PROTON).mean() > 0.9
    assert MASSES[PROTON] > MASSES[KAON]
