from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.io.source import SPLITS
from yukawa.jets.kinematics import direction, opening_angle
from yukawa.jets.simulation import events as module
from yukawa.jets.simulation.cards import (
    Clustering,
    LabelRule,
    Process,
    ProcessSample,
    load_card,
    load_process,
)
from yukawa.jets.simulation.events import (
    Clusters,
    block_sizes,
    cluster,
    label,
    make_block,
    simulate_events,
)
from yukawa.jets.simulation.generation import Partons
from yukawa.jets.table import JET_COLUMNS, PARTICLE_COLUMNS, Jets, concatenate, label_column, offsets_of

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


CARD, PROCESS = load_card(), load_process()
NEUTRINOS = """
settings:
  - "Beams:idA = 11"
  - "Beams:idB = -11"
  - "Beams:eCM = 91.2"
  - "PDF:lepton = off"
  - "WeakSingleBoson:ffbar2gmZ = on"
  - "23:onMode = off"
samples:
  - {name: invisible, settings: ["23:onIfAny = 12 14 16"], yields: {u: 1}}
  - {name: muons, command_file: muons.cmnd, yields: {d: 1}}
clustering: {algorithm: durham, exclusive: 2}
label: {rule: sample}
"""


@pytest.fixture(scope="module")
def jets() -> Jets:
    return simulate_events(PROCESS, PROCESS.sample("cc"), CARD, 200, 3)


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.yaml").write_text(NEUTRINOS)
    (tmp_path / "muons.cmnd").write_text("! muons\n23:onIfAny = 13\n")
    return load_process(tmp_path / "own.yaml")


def test_all_columns_are_there_with_their_types(jets):
    expected = {column.name: column.dtype for column in (*PARTICLE_COLUMNS, *JET_COLUMNS)}
    expected |= {label_column(name): "bool" for name in PROCESS.classes}
    found = {name: str(array.dtype) for name, array in {**jets.particles, **jets.scalars}.items()}
    assert found == expected
    assert jets.classes == PROCESS.classes
    assert all(np.isfinite(array).all() for array in {**jets.particles, **jets.scalars}.values())


def test_an_event_gives_two_jets_one_of_each_class(jets):
    assert np.array_equal(jets.scalars["jet_event"], np.repeat(np.arange(200), 2))
    labels = jets.labels(PROCESS.classes).reshape(-1, 2)
    assert np.array_equal(np.sort(labels), np.tile([2, 3], (200, 1)))


def test_the_jet_is_the_sum_of_its_particles_times_the_scale(jets):
    part = {name: np.add.reduceat(jets.particles[f"part_{name}"].astype(float), jets.offsets[:-1]) * 1.025
            for name in ("px", "py", "pz", "energy")}  # fmt: skip
    scalars = jets.scalars
    assert scalars["jet_energy"] == pytest.approx(part["energy"], rel=1e-5)
    assert scalars["jet_pt"] == pytest.approx(np.hypot(part["px"], part["py"]), rel=1e-4)
    assert scalars["jet_pt"] * np.sinh(scalars["jet_eta"]) == pytest.approx(part["pz"], rel=1e-3, abs=1e-3)
    assert scalars["jet_phi"] == pytest.approx(np.arctan2(part["py"], part["px"]), abs=1e-4)
    squares = part["energy"] ** 2 - part["px"] ** 2 - part["py"] ** 2 - part["pz"] ** 2
    assert scalars["jet_mass"] ** 2 == pytest.approx(squares, rel=1e-2, abs=0.5)
    assert np.array_equal(scalars["jet_nparticles"], jets.counts)


def test_particles_lie_about_the_axis_and_fall_in_energy(jets):
    p = {name.removeprefix("part_"): array.astype(float) for name, array in jets.particles.items()}
    eta, phi = (
        np.repeat(jets.scalars["jet_eta"], jets.counts),
        np.repeat(jets.scalars["jet_phi"], jets.counts),
    )
    assert np.arcsinh(p["pz"] / np.hypot(p["px"], p["py"])) == pytest.approx(eta + p["deta"], abs=2e-3)
    turn = np.arctan2(p["py"], p["px"]) - phi - p["dphi"]
    assert np.abs(np.sin(turn / 2)).max() < 1e-5
    assert p["dphi"].min() > -np.pi - 1e-6
    assert p["dphi"].max() <= np.pi + 1e-6
    first = np.zeros(len(eta), bool)
    first[jets.offsets[:-1]] = True
    assert np.all((np.diff(p["energy"]) <= 0) | first[1:])


def test_neutral_particles_have_no_impact_parameter_and_charged_ones_an_error(jets):
    neutral = jets.particles["part_charge"] == 0
    for name in ("part_d0val", "part_d0err", "part_dzval", "part_dzerr"):
        assert not jets.particles[name][neutral].any()
    assert jets.particles["part_d0err"][~neutral].min() > 0
    assert jets.particles["part_dzerr"][~neutral].min() > 0
    assert np.array_equal(neutral, jets.particles["part_isPhoton"] | jets.particles["part_isNeutralHadron"])


def test_the_same_seed_gives_the_same_jets_whatever_came_before(jets):
    simulate_events(PROCESS, PROCESS.sample("gg"), CARD, 20, 9)
    again = simulate_events(PROCESS, PROCESS.sample("cc"), CARD, 200, 3)
    assert np.array_equal(again.offsets, jets.offsets)
    for name, column in {**jets.particles, **jets.scalars}.items():
        assert np.array_equal(column, {**again.particles, **again.scalars}[name]), name
    other = simulate_events(PROCESS, PROCESS.sample("cc"), CARD, 200, 4)
    assert not np.array_equal(other.scalars["jet_pt"], jets.scalars["jet_pt"])


def test_samples_of_one_seed_are_independent():
    one, other = (simulate_events(PROCESS, PROCESS.sample(name), CARD, 60, 3) for name in ("uu", "dd"))
    axis = [jets.scalars["jet_phi"][:100].astype(float) for jets in (one, other)]
    assert abs(np.corrcoef(*axis)[0, 1]) < 0.4
    assert not np.isclose(*axis, atol=1e-3).any()


def test_the_card_matters(jets):
    measured = CARD.model_copy(update={"identification": "dedx+tof"})
    other = simulate_events(PROCESS, PROCESS.sample("cc"), measured, 200, 3)
    assert len(other) == len(jets)
    kaon = {
        name: (each.particles["part_isChargedKaon"], np.abs(each.particles["part_truth_pdg"]) == 321)
        for name, each in (("truth", jets), ("measured", other))
    }
    taken, true = kaon["truth"]
    assert not (taken & ~true).any()
    taken, true = kaon["measured"]
    assert 0 < (taken & ~true).sum() < 0.2 * true.sum()


def test_an_event_that_nobody_sees_gives_no_jet(own):
    nothing = simulate_events(own, own.sample("invisible"), CARD, 20, 1)
    assert len(nothing) == 0
    assert nothing.classes == ("u", "d")
    assert set(nothing.particles) == {column.name for column in PARTICLE_COLUMNS}


def test_any_command_file_makes_jets_with_the_label_of_their_sample(own):
    jets = simulate_events(own, own.sample("muons"), CARD, 300, 1)
    assert np.array_equal(jets.labels(("u", "d")), np.ones(len(jets)))
    assert np.isnan(jets.scalars["jet_parton_angle"]).all()
    # Some muons go down the beam pipe, and their events have one visible particle: too few for two jets.
    seen = np.unique(jets.scalars["jet_event"])
    assert 200 < len(seen) < 300
    assert len(jets) == 2 * len(seen)
    assert jets.particles["part_isMuon"].sum() >= len(jets)


def test_hadron_colliders_have_jets_of_resonances():
    process = load_process("hadron-jets")
    jets = simulate_events(process, process.sample("top"), CARD, 40, 1)
    assert 30 < len(jets) <= 80
    assert np.array_equal(jets.labels(process.classes), np.zeros(len(jets)))
    assert jets.scalars["jet_pt"].min() >= 500
    assert jets.scalars["jet_pt"].max() <= 1000
    assert np.abs(jets.scalars["jet_eta"]).max() <= 2
    assert 150 < np.median(jets.scalars["jet_mass"]) < 200
    assert jets.scalars["jet_parton_angle"].max() < 0.8
    pt = np.hypot(jets.particles["part_px"], jets.particles["part_py"])
    first = np.zeros(len(pt), bool)
    first[jets.offsets[:-1]] = True
    assert np.all((np.diff(pt) <= 1e-4) | first[1:])


@pytest.mark.parametrize(("events", "seed"), [(0, 1), (-3, 1), (5, -1)])
def test_no_events_and_negative_seeds_are_refused(events, seed):
    with pytest.raises(InputError, match="allowed: events >= 1, seed >= 0"):
        simulate_events(PROCESS, PROCESS.sample("bb"), CARD, events, seed)


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


CARD = load_card()
ORIGIN = load_process()
SOME = ORIGIN.model_copy(update={"samples": (ORIGIN.sample("uu"), ORIGIN.sample("gg"))})


def fake(jets_per_event: float, calls: list[int]):
    """A simulation of jets without particles: of each class so many an event, on average."""

    def simulate_events(process: Process, sample, card, events: int, seed: int) -> Jets:
        calls.append(events)
        rng = np.random.default_rng(seed)
        counts = rng.poisson(jets_per_event, (events, len(sample.classes)))
        event, kind = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
        labels = {
            f"label_{name}": np.array([sample.classes[k] == name for k in kind], bool)
            for name in process.classes
        }
        scalars = {"jet_event": event, "jet_pt": rng.random(len(event)), **labels}
        return Jets(np.zeros(len(event) + 1, np.int64), {}, scalars)

    return simulate_events


def made(process: Process, size: int, number: int = 0, seed: int = 1) -> dict[str, Jets]:
    told: list[int] = []
    block = make_block(process, CARD, seed, (size,) * (number + 1), number, told.append)
    assert sum(told) == sum(map(len, block.values()))
    return block


@pytest.mark.parametrize("jets", [1, 1999, 2000, 2001, 10_000])
def test_blocks_add_up_and_all_but_the_last_are_alike(jets):
    sizes = block_sizes(jets)
    assert sum(sizes) == jets
    assert set(sizes[:-1]) <= {2000}
    assert block_sizes(jets + 2000)[: jets // 2000] == sizes[: jets // 2000]


def test_real_jets_are_whole_events_in_exact_shares():
    block = made(SOME, 20)
    for split, share in zip(SPLITS, (12, 4, 4), strict=True):
        assert {name: block[split].scalars[f"label_{name}"].sum() for name in SOME.classes} == {
            "u": share, "ubar": share, "g": share,
        }  # fmt: skip
        assert set(np.unique(block[split].scalars["jet_event"], return_counts=True)[1]) == {2}
    events = np.concatenate([np.unique(jets.scalars["jet_event"]) for jets in block.values()])
    assert sorted(events) == list(range(30))  # in no two splits, and none left out
    labels = block["train"].labels(SOME.classes)
    assert not np.array_equal(labels, np.sort(labels))


@pytest.mark.parametrize("rate", [0.05, 0.4, 3.0])
@pytest.mark.parametrize("size", [1, 7, 300])
def test_counts_are_exact_however_many_jets_an_event_gives(monkeypatch, rate, size):
    calls: list[int] = []
    monkeypatch.setattr(module, "simulate_events", fake(rate, calls))
    jets = concatenate(list(made(SOME, size).values()))
    assert {name: jets.scalars[f"label_{name}"].sum() for name in SOME.classes} == dict.fromkeys(
        SOME.classes, size
    )
    # The promised yields are far off, yet few events are made in vain.
    assert sum(calls) < 2 * (3 * size / min(rate, 1) + 100)


def test_a_block_depends_on_seed_and_number_alone(monkeypatch):
    monkeypatch.setattr(module, "simulate_events", fake(1.0, []))

    def column(seed: int, number: int):
        return concatenate(list(made(SOME, 50, number, seed).values())).scalars["jet_pt"]

    assert np.array_equal(column(1, 0), column(1, 0))
    for other in ((1, 1), (2, 0)):
        assert not np.intersect1d(column(1, 0), column(*other)).size


def test_events_of_different_blocks_have_different_numbers(monkeypatch):
    monkeypatch.setattr(module, "simulate_events", fake(0.3, []))
    numbers = [
        set(concatenate(list(made(SOME, 40, number).values())).scalars["jet_event"]) for number in range(3)
    ]
    assert sum(map(len, numbers)) == len(set().union(*numbers))


def test_a_class_of_several_samples_comes_from_all_of_them(monkeypatch):
    seen: dict[str, int] = {}
    monkeypatch.setattr(module, "simulate_events", fake(1.0, []))
    first = module._first_of_each

    def first_of_each(jets, wanted):
        seen[str(len(seen))] = wanted["g"]
        return first(jets, wanted)

    monkeypatch.setattr(module, "_first_of_each", first_of_each)
    gg = ORIGIN.sample("gg")
    process = ORIGIN.model_copy(
        update={"samples": tuple(gg.model_copy(update={"name": name}) for name in ("one", "two", "three"))}
    )
    jets = concatenate(list(made(process, 100).values()))
    assert jets.scalars["label_g"].sum() == 100
    assert sorted(seen.values()) == [33, 33, 34]
    assert sum(map(len, made(process, 1).values())) == 1


def test_a_class_that_hardly_comes_is_refused(monkeypatch):
    calls: list[int] = []
    monkeypatch.setattr(module, "simulate_events", fake(0.001, calls))
    with pytest.raises(InputError, match="sample uu gave 0 jets of the class u"):
        made(SOME, 20)
    assert sum(calls) < 1000
