"""Simulated events: their columns and physics, the same for the same seed, and blocks of exact counts."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.io.source import SPLITS
from yukawa.jets.simulation import events as module
from yukawa.jets.simulation.cards import Process, load_card, load_process
from yukawa.jets.simulation.events import block_sizes, make_block, simulate_events
from yukawa.jets.table import JET_COLUMNS, PARTICLE_COLUMNS, Jets, concatenate, label_column

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


SOME = PROCESS.model_copy(update={"samples": (PROCESS.sample("uu"), PROCESS.sample("gg"))})


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
    gg = PROCESS.sample("gg")
    process = PROCESS.model_copy(
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
