"""Jets are clustered as FastJet does it, event by event: all particles, in order, within the cuts."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from yukawa.jets.kinematics import direction
from yukawa.jets.simulation.cards import Clustering
from yukawa.jets.simulation.events import cluster
from yukawa.jets.table import offsets_of

EE = Clustering(algorithm="ee_genkt", radius=2.5, power=1.0, exclusive=2)
DURHAM = Clustering(algorithm="durham", exclusive=3)
ANTI = Clustering(algorithm="antikt", radius=0.8, pt_min=10.0, eta_max=2.0)


@pytest.fixture(scope="module")
def events():
    """Massless momenta of 40 events, two to thirty in each."""
    rng = np.random.default_rng(2)
    counts = rng.integers(3, 30, 40)
    energy = rng.exponential(10, counts.sum())
    axis = rng.normal(0, 1, (counts.sum(), 3))
    p = energy[:, None] * axis / np.linalg.norm(axis, axis=1, keepdims=True)
    return np.column_stack([p, energy]), offsets_of(counts)


@pytest.mark.parametrize(("rule", "number"), [(EE.model_copy(update={"radius": 3.2}), 2), (DURHAM, 3)])
def test_exclusive_jets_share_out_all_particles_of_an_event(events, rule, number):
    momenta, offsets = events
    jets = cluster(momenta, offsets, rule)
    assert np.array_equal(jets.events, np.repeat(np.arange(40), number))
    assert np.array_equal(np.sort(jets.rows), np.arange(len(momenta)))
    event_of_row = np.repeat(np.arange(40), np.diff(offsets))
    assert np.array_equal(event_of_row[jets.rows], np.repeat(jets.events, np.diff(jets.offsets)))
    assert np.add.reduceat(momenta[jets.rows], jets.offsets[:-1]) == pytest.approx(jets.momenta)


@pytest.mark.parametrize(("rule", "number"), [(EE, 2), (DURHAM, 3), (ANTI, None)])
def test_jets_equal_those_of_fastjet_taken_one_event_at_a_time(events, rule, number):
    import fastjet

    algorithm = {
        "ee_genkt": lambda: fastjet.JetDefinition(fastjet.ee_genkt_algorithm, 2.5, 1.0),
        "durham": lambda: fastjet.JetDefinition0Param(fastjet.ee_kt_algorithm),
        "antikt": lambda: fastjet.JetDefinition(fastjet.antikt_algorithm, 0.8),
    }[rule.algorithm]()
    momenta, offsets = events
    jets = cluster(momenta, offsets, rule)
    found = 0
    for event in range(40):
        rows = momenta[offsets[event] : offsets[event + 1]]
        sequence = fastjet.ClusterSequence([fastjet.PseudoJet(*row) for row in rows], algorithm)
        listed = sequence.exclusive_jets(number) if number else sequence.inclusive_jets(rule.pt_min)
        expected = np.array([[j.px(), j.py(), j.pz(), j.e()] for j in listed]).reshape(-1, 4)
        if not number:
            expected = expected[abs(direction(expected)[1]) <= rule.eta_max]
        mine = jets.momenta[jets.events == event]
        order = np.argsort(-(expected[:, 3] if number else np.hypot(*expected[:, :2].T)))
        assert mine == pytest.approx(expected[order], rel=1e-9, abs=1e-9)
        found += len(mine)
    assert found == len(jets) > 40


def test_the_order_of_the_particles_does_not_matter(events):
    momenta, offsets = events
    order = np.concatenate(
        [np.random.default_rng(1).permutation(np.arange(a, b)) for a, b in pairwise(offsets)]
    )
    one, other = cluster(momenta, offsets, EE), cluster(momenta[order], offsets, EE)
    assert other.momenta == pytest.approx(one.momenta)
    assert np.array_equal(order[other.rows], one.rows)


@pytest.mark.parametrize("rule", [EE, ANTI])
def test_jets_and_particles_fall_in_energy_or_transverse_momentum(events, rule):
    momenta, offsets = events
    jets = cluster(momenta, offsets, rule)
    size = (lambda p: np.hypot(p[:, 0], p[:, 1])) if rule.hadronic else (lambda p: p[:, 3])
    first = np.zeros(len(jets.rows), bool)
    first[jets.offsets[:-1]] = True
    assert np.all((np.diff(size(momenta[jets.rows])) <= 0) | first[1:])
    assert np.all((np.diff(size(jets.momenta)) <= 0) | (np.diff(jets.events) > 0))
    assert np.all(np.diff(jets.events) >= 0)


def test_the_energy_scale_is_on_jets_before_the_cuts(events):
    momenta, offsets = events
    plain, scaled = cluster(momenta, offsets, EE), cluster(momenta, offsets, EE, 1.1)
    assert scaled.momenta == pytest.approx(1.1 * plain.momenta)
    assert np.array_equal(scaled.rows, plain.rows)
    wide = cluster(momenta, offsets, Clustering(algorithm="antikt", radius=0.8))
    passed = np.hypot(*wide.momenta[:, :2].T) * 1.1 >= 10
    kept = cluster(momenta, offsets, ANTI.model_copy(update={"eta_max": None}), 1.1)
    assert len(kept) == passed.sum()


def test_the_cuts_keep_what_lies_within(events):
    momenta, offsets = events
    rule = ANTI.model_copy(update={"pt_max": 25.0})
    pt, eta, _ = direction(cluster(momenta, offsets, rule).momenta)
    every, eta_of_all, _ = direction(
        cluster(momenta, offsets, Clustering(algorithm="antikt", radius=0.8)).momenta
    )
    assert np.sort(pt) == pytest.approx(
        np.sort(every[(every >= 10) & (every <= 25) & (abs(eta_of_all) <= 2)])
    )
    assert abs(eta).max() <= 2


def test_what_is_farther_than_the_radius_from_both_jets_is_in_none():
    angles = np.array([np.pi - 0.45, np.pi + 0.45, 0.0, 1.0, 2.0, 3.0])
    energy = np.array([35, 58, 13, 10, 5.0, 9.0])
    momenta = np.column_stack([energy * np.sin(angles), 0 * energy, energy * np.cos(angles), energy])
    jets = cluster(momenta, np.array([0, 3, 6]), EE)
    assert np.array_equal(jets.events, [0, 0, 1, 1])
    assert np.array_equal(jets.rows[:2], [1, 0])
    assert np.array_equal(np.sort(jets.rows[2:]), [3, 4, 5])
    every = cluster(momenta, np.array([0, 3, 6]), EE.model_copy(update={"radius": 3.2}))
    assert np.array_equal(np.sort(every.rows), np.arange(6))


def test_an_event_with_too_few_particles_has_no_jets(events):
    momenta, offsets = events
    some = np.array([0, 0, 1, *(offsets[1:4] + 1)])  # none, one, and three whole events one particle on
    jets = cluster(momenta[: some[-1]], some, EE)
    assert np.array_equal(np.unique(jets.events), [2, 3, 4])
    assert jets.rows.min() == 1
    assert len(cluster(momenta[:1], np.array([0, 0, 1]), EE)) == 0
    assert len(cluster(np.zeros((0, 4)), np.array([0]), EE)) == 0
    assert len(cluster(np.zeros((0, 4)), np.array([0, 0]), ANTI)) == 0


def test_no_banner_is_printed():
    code = (
        "import numpy as np; from yukawa.jets.simulation.events import cluster;"
        "from yukawa.jets.simulation.cards import Clustering;"
        "print(len(cluster(np.eye(4)[[3, 3]] + 1, np.array([0, 2]), Clustering(algorithm='durham', exclusive=2))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (["2"], "")
