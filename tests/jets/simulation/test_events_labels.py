"""The class of a jet: by pairing with partons, by the nearest one, by its sample."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.kinematics import opening_angle
from yukawa.jets.simulation.cards import LabelRule, ProcessSample
from yukawa.jets.simulation.events import Clusters, label
from yukawa.jets.simulation.generation import Partons
from yukawa.jets.table import offsets_of

CLASSES = ("b", "bbar", "g")
PAIRING = LabelRule(rule="pairing", resonance=25)
BB = ProcessSample(name="bb", yields={"b": 1, "bbar": 1})


def massless(vectors):
    vectors = np.asarray(vectors, float)
    return np.column_stack([vectors, np.linalg.norm(vectors, axis=1)])


def jets_of(momenta, events):
    count = len(momenta)
    return Clusters(np.arange(count + 1), np.arange(count), np.asarray(events), momenta)


def partons_of(pdg, momenta, counts, mother=25, resonance=False):
    pdg = np.asarray(pdg)
    return Partons(
        offsets_of(np.asarray(counts)),
        pdg,
        np.full(len(pdg), mother),
        np.full(len(pdg), resonance),
        momenta,
        momenta,
    )


def random_events(count, seed=0):
    rng = np.random.default_rng(seed)
    return massless(rng.normal(size=(2 * count, 3))), massless(rng.normal(size=(2 * count, 3)))


def angles_of(jets, partons):
    unit = [p[:, :3] / np.linalg.norm(p[:, :3], axis=1, keepdims=True) for p in (jets, partons)]
    return np.arccos(np.clip(unit[0].reshape(-1, 2, 3) @ unit[1].reshape(-1, 2, 3).transpose(0, 2, 1), -1, 1))


def test_pairing_takes_the_least_sum_of_angles():
    jets, partons = random_events(300)
    found = label(
        jets_of(jets, np.repeat(np.arange(300), 2)), partons_of([5, -5] * 300, partons, [2] * 300), PAIRING, BB, CLASSES
    )  # fmt: skip
    angles = angles_of(jets, partons)
    straight = angles[:, 0, 0] + angles[:, 1, 1] <= angles[:, 0, 1] + angles[:, 1, 0]
    assert 50 < straight.sum() < 250
    assert np.array_equal(found.jets, np.arange(600))
    assert np.array_equal(found.classes.reshape(-1, 2), np.where(straight[:, None], [0, 1], [1, 0]))
    expected = np.where(straight[:, None], angles[:, [0, 1], [0, 1]], angles[:, [0, 1], [1, 0]])
    assert found.angles.reshape(-1, 2) == pytest.approx(expected, abs=1e-7)


def test_pairing_does_not_depend_on_the_order_of_jets_or_partons():
    jets, partons = random_events(200, seed=1)
    swap = np.arange(400).reshape(-1, 2)[:, ::-1].ravel()
    events = np.repeat(np.arange(200), 2)
    pdg = np.array([5, -5] * 200)

    def classes(j, p, codes):
        return label(jets_of(j, events), partons_of(codes, p, [2] * 200), PAIRING, BB, CLASSES).classes

    one = classes(jets, partons, pdg)
    assert np.array_equal(classes(jets, partons[swap], pdg[swap]), one)
    assert np.array_equal(classes(jets[swap], partons, pdg)[swap], one)
    assert np.array_equal(np.sort(one.reshape(-1, 2)), np.tile([0, 1], (200, 1)))


def test_pairing_skips_events_without_jets_and_particles_that_are_no_partons():
    momenta = massless([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1]])
    partons = Partons(
        offsets_of(np.array([2, 5])),
        np.array([21, 21, 5, 12, -5, 25, 5]),
        np.array([25, 25, 25, 23, 25, 11, 24]),
        np.array([False, False, False, False, False, True, False]),
        momenta[[0, 1, 2, 4, 3, 0, 0]],
        momenta[[0, 1, 2, 4, 3, 0, 0]],
    )
    sample = ProcessSample(name="mixed", yields={"b": 1, "bbar": 1, "g": 1})
    found = label(jets_of(momenta[[3, 2]], [1, 1]), partons, PAIRING, sample, CLASSES)
    assert np.array_equal(found.classes, [1, 0])
    assert found.angles == pytest.approx([0, 0])
    nothing = label(jets_of(momenta[:0], np.zeros(0, int)), partons, PAIRING, sample, CLASSES)
    assert len(nothing.jets) == len(nothing.classes) == len(nothing.angles) == 0


def test_pairing_refuses_what_has_not_two_partons_or_another_class():
    momenta = massless(np.eye(3))
    with pytest.raises(InputError, match="needs two partons per event; an event of the sample bb has 3"):
        label(jets_of(momenta[:2], [0, 0]), partons_of([5, -5, 21], momenta, [3]), PAIRING, BB, CLASSES)
    with pytest.raises(
        InputError, match=r"the PDG code 4 does not stand for a class that the sample bb yields \(b, bbar\)"
    ):
        label(jets_of(momenta[:2], [0, 0]), partons_of([5, 4], momenta[:2], [2]), PAIRING, BB, CLASSES)


def in_cone(eta, phi):
    eta, phi = np.asarray(eta, float), np.asarray(phi, float)
    return massless(np.stack([np.cos(phi), np.sin(phi), np.sinh(eta)], 1))


def test_the_nearest_particle_within_the_radius_gives_the_class():
    rule = LabelRule(rule="parton-match", radius=0.8, particles={"Tbqq": (6, -6), "QCD": (1, 21)})
    sample = ProcessSample(name="s", yields={"Tbqq": 1, "QCD": 1})
    # Azimuths on both sides of pi; the third jet has nothing near; the last event no particle at all.
    jets = jets_of(in_cone([0, 1, -2, 0], [3.1, 0, 0, 0]), [0, 0, 0, 1])
    partons = partons_of(
        [6, 21, 24, -6], in_cone([0.3, 0.2, 1.0, 1.6], [-3.1, -3.1, 0, 0]), [4, 0], resonance=True
    )
    found = label(jets, partons, rule, sample, ("Tbqq", "QCD"))
    assert np.array_equal(found.jets, [0, 1])
    assert np.array_equal(found.classes, [1, 0])
    assert found.angles == pytest.approx(opening_angle(jets.momenta[:2], partons.recoiled[[1, 3]]))
    only = ProcessSample(name="s", yields={"Tbqq": 1})
    assert np.array_equal(label(jets, partons, rule, only, ("Tbqq", "QCD")).classes, [0, 0])


def test_matching_agrees_with_all_pairs_tried():
    rng = np.random.default_rng(3)
    counts, jet_counts = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
    eta, phi = rng.uniform(-2, 2, counts.sum()), rng.uniform(-np.pi, np.pi, counts.sum())
    jet_eta, jet_phi = rng.uniform(-2, 2, jet_counts.sum()), rng.uniform(-np.pi, np.pi, jet_counts.sum())
    pdg = rng.choice([5, -5, 21, 22], counts.sum())
    events, event_of = np.repeat(np.arange(200), jet_counts), np.repeat(np.arange(200), counts)
    rule = LabelRule(rule="parton-match", radius=1.0)
    sample = ProcessSample(name="s", yields={"b": 1, "bbar": 1, "g": 1})
    jets, partons = jets_of(in_cone(jet_eta, jet_phi), events), partons_of(pdg, in_cone(eta, phi), counts)
    found = label(jets, partons, rule, sample, CLASSES)
    expected = {}
    for jet, event in enumerate(events):
        near = np.flatnonzero((event_of == event) & (pdg != 22))
        turn = np.abs(jet_phi[jet] - phi[near])
        distance = np.hypot(jet_eta[jet] - eta[near], np.minimum(turn, 2 * np.pi - turn))
        if len(near) and distance.min() < 1:
            expected[jet] = {5: 0, -5: 1, 21: 2}[pdg[near[distance.argmin()]]]
    assert dict(zip(found.jets.tolist(), found.classes.tolist(), strict=True)) == expected
    assert len(expected) > 30


def test_the_sample_gives_all_its_jets_one_class():
    momenta = massless(np.eye(3))
    found = label(
        jets_of(momenta, [0, 0, 3]), partons_of([], momenta[:0], [0, 0, 0, 0]), LabelRule(rule="sample"),
        ProcessSample(name="qcd", yields={"g": 2}), CLASSES,
    )  # fmt: skip
    assert np.array_equal(found.jets, [0, 1, 2])
    assert np.array_equal(found.classes, [2, 2, 2])
    assert np.isnan(found.angles).all()
