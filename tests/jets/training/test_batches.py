from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.features.config import load_data_config
from yukawa.jets.features.encoded import Encoded
from yukawa.jets.features.encoder import FeatureEncoder
from yukawa.jets.io.loader import InMemory, Loader, Streaming
from yukawa.jets.io.source import open_source
from yukawa.jets.training.batches import JetBatches, labelled, share, steps_of_an_epoch, weight_of


@pytest.fixture(scope="module", params=["in-memory", "streaming"])
def loader(request: pytest.FixtureRequest, data: Path) -> Loader:
    encoder = FeatureEncoder(load_data_config(str(data / "config.yaml")))
    source = open_source(data, "train")
    return InMemory(source, encoder) if request.param == "in-memory" else Streaming(source, encoder, 64)


def encoded(jets: int, weighted: bool = False) -> Encoded:
    random = np.random.default_rng(jets)
    counts = random.integers(0, 4, jets)
    rows = {"features_NF": random.normal(size=(counts.sum(), 2)).astype(np.float32)}
    weights = random.uniform(0.1, 0.9, jets).astype(np.float32) if weighted else None
    return Encoded(rows, counts, random.integers(0, 2, jets), weights)


def numbers(batch: dict[str, torch.Tensor]) -> list[float]:
    """What tells the jets of a batch apart: the first number of each."""
    starts = batch["counts_B"].cumsum(0) - batch["counts_B"]
    return sorted(batch["features_NF"][starts, 0].tolist())


def test_every_epoch_has_each_jet_once_in_another_order(loader: Loader) -> None:
    batches = list(JetBatches(loader, 50, 12, seed=3))
    epochs = [[number for batch in part for number in numbers(batch)] for part in (batches[:6], batches[6:])]
    assert sorted(epochs[0]) == sorted(epochs[1])
    assert len(epochs[0]) == len(set(epochs[0])) == 300
    assert numbers(batches[0]) != numbers(batches[6])


@pytest.mark.parametrize("first", [0, 1, 5, 6, 10, 13])
@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_resumed_feed_goes_on_where_the_unbroken_one_was(loader: Loader, first: int, prefetch: int) -> None:
    whole = list(JetBatches(loader, 50, 13, seed=3))
    resumed = list(JetBatches(loader, 50, 13, seed=3, first=first, prefetch=prefetch))
    assert len(resumed) == 13
    assert resumed[:first] == [None] * first
    for batch, expected in zip(resumed[first:], whole[first:], strict=True):
        assert batch.keys() == expected.keys()
        assert all(torch.equal(batch[name], expected[name]) for name in batch)


def test_processes_share_the_jets_and_do_equally_many_steps(loader: Loader) -> None:
    steps = steps_of_an_epoch(loader, 50, 2)
    feeds = [list(JetBatches(loader, 50, steps, seed=3, rank=rank, world=2)) for rank in (0, 1)]
    everything = [number for feed in feeds for batch in feed for number in numbers(batch)]
    assert len(everything) == len(set(everything)) == 300
    if isinstance(loader, InMemory):  # then the batches are those of one process
        for whole, one, two in zip(JetBatches(loader, 50, steps, seed=3), *feeds, strict=True):
            assert numbers(whole) == sorted(numbers(one) + numbers(two))


@given(jets=st.integers(1, 40), world=st.integers(1, 5), weighted=st.booleans())
def test_the_mean_over_processes_is_the_mean_over_jets(jets: int, world: int, weighted: bool) -> None:
    batch = encoded(jets, weighted)
    losses = torch.arange(1.0, jets + 1)
    weights = torch.ones(jets) if batch.weights is None else torch.from_numpy(batch.weights)
    means, seen = [], 0
    for rank in range(world):
        part, divisor = share(batch, rank, world)
        own = slice(seen, seen + len(part)) if jets >= world else slice(None)
        means.append((losses[own] @ weights[own]) / divisor)
        seen += len(part)
    assert sum(means) / world == pytest.approx((losses @ weights / weights.sum()).item(), rel=1e-5)


def test_a_batch_holds_what_the_loss_needs() -> None:
    batch = labelled(encoded(7, weighted=True))
    assert set(batch) == {"features_NF", "counts_B", "labels", "weights", "divisor"}
    assert batch["divisor"].item() == pytest.approx(batch["weights"].sum().item())
    assert weight_of(encoded(7)) == 7
    assert "weights" not in labelled(encoded(7))


def test_weights_that_are_all_zero_give_no_division_by_zero() -> None:
    some = encoded(3)
    none = Encoded(some.rows, some.counts, some.labels, np.zeros(3, np.float32))
    assert labelled(none)["divisor"] > 0


def test_the_trainer_gets_the_batches_as_they_are_and_no_random_number_is_used(loader: Loader) -> None:
    feed = JetBatches(loader, 50, 4, seed=0)
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    passed = list(feed.data_loader())
    assert torch.equal(torch.random.get_rng_state(), before)
    assert len(feed.data_loader()) == 4
    for batch, expected in zip(passed, feed, strict=True):
        assert all(torch.equal(batch[name], expected[name]) for name in expected)


def test_a_feed_may_be_left_before_its_end(loader: Loader) -> None:
    batches = iter(JetBatches(loader, 50, 6, seed=0, prefetch=2))
    assert len(list(islice(batches, 2))) == 2
    batches.close()


def test_jets_without_a_class_are_refused() -> None:
    some = encoded(4)
    unknown = Encoded(some.rows, some.counts, np.array([0, -1, 1, -1]))
    with pytest.raises(InputError, match="2 of 4 jets in a batch are of none of the classes"):
        labelled(unknown)
