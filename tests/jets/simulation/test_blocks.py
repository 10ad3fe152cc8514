"""A block holds what it should, by its number alone; a process that cannot give it is refused."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.io.manifest import SPLITS
from yukawa.jets.simulation import blocks
from yukawa.jets.simulation.blocks import block_sizes, make_block
from yukawa.jets.simulation.cards import load_card
from yukawa.jets.simulation.processes import Process, load_process
from yukawa.jets.table import Jets, concatenate

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
    monkeypatch.setattr(blocks, "simulate_events", fake(rate, calls))
    jets = concatenate(list(made(SOME, size).values()))
    assert {name: jets.scalars[f"label_{name}"].sum() for name in SOME.classes} == dict.fromkeys(
        SOME.classes, size
    )
    # The promised yields are far off, yet few events are made in vain.
    assert sum(calls) < 2 * (3 * size / min(rate, 1) + 100)


def test_a_block_depends_on_seed_and_number_alone(monkeypatch):
    monkeypatch.setattr(blocks, "simulate_events", fake(1.0, []))

    def column(seed: int, number: int):
        return concatenate(list(made(SOME, 50, number, seed).values())).scalars["jet_pt"]

    assert np.array_equal(column(1, 0), column(1, 0))
    for other in ((1, 1), (2, 0)):
        assert not np.intersect1d(column(1, 0), column(*other)).size


def test_events_of_different_blocks_have_different_numbers(monkeypatch):
    monkeypatch.setattr(blocks, "simulate_events", fake(0.3, []))
    numbers = [
        set(concatenate(list(made(SOME, 40, number).values())).scalars["jet_event"]) for number in range(3)
    ]
    assert sum(map(len, numbers)) == len(set().union(*numbers))


def test_a_class_of_several_samples_comes_from_all_of_them(monkeypatch):
    seen: dict[str, int] = {}
    monkeypatch.setattr(blocks, "simulate_events", fake(1.0, []))
    first = blocks._first_of_each

    def first_of_each(jets, wanted):
        seen[str(len(seen))] = wanted["g"]
        return first(jets, wanted)

    monkeypatch.setattr(blocks, "_first_of_each", first_of_each)
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
    monkeypatch.setattr(blocks, "simulate_events", fake(0.001, calls))
    with pytest.raises(InputError, match="sample uu gave 0 jets of the class u"):
        made(SOME, 20)
    assert sum(calls) < 1000
