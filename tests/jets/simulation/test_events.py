from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.columns import JET_COLUMNS, PARTICLE_COLUMNS, label_column
from yukawa.jets.simulation.cards import load_card
from yukawa.jets.simulation.events import simulate_events
from yukawa.jets.simulation.processes import load_process
from yukawa.jets.table import Jets

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
