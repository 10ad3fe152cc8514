from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.jets.features.encoded import Encoded
from yukawa.jets.pretraining.mixture import MixtureBatches
from yukawa.jets.pretraining.sources import PATCHES, PREDICTED, Sequences
from yukawa.jets.training.batches import DIVISOR
from yukawa.runs.batches import TensorBatch


class Numbers(Sequences):
    """Sequences [source, seed, number] of one patch each, some at a time."""

    def __init__(self, source: int, at_once: int = 5) -> None:
        self.source, self.at_once = source, at_once

    def __len__(self) -> int:
        return 1000

    @property
    def facts(self) -> str:
        return ""

    def from_number(self, first: int, seed: int) -> Iterator[Encoded]:
        while True:
            rows = np.array([[self.source, seed, first + i] for i in range(self.at_once)], np.int16)
            ones = np.ones(self.at_once, np.int64)
            yield Encoded({PATCHES: rows, PREDICTED: ones > 0}, ones, -ones, ones.astype(np.float32))
            first += self.at_once

    def held_out(self) -> Iterator[Encoded]:
        return iter(())


def mixture(weights: list[float], batch: int = 12, steps: int = 9, **options: int) -> MixtureBatches:
    return MixtureBatches([Numbers(i) for i in range(len(weights))], weights, batch, steps, 4, **options)


def same(one: list[TensorBatch | None], two: list[TensorBatch | None]) -> bool:
    return all(a is not None and b is not None and a.keys() == b.keys() and all(map(torch.equal, a.values(), b.values()))
               for a, b in zip(one, two, strict=True))  # fmt: skip


def test_the_proportions_are_the_weights() -> None:
    drawn = mixture([1, 2, 5], batch=100, steps=1000).drawn_SK
    assert (drawn.sum(1) == 100).all()
    np.testing.assert_allclose(drawn.mean(0), [12.5, 25, 62.5], atol=0.6)  # five standard errors


@settings(deadline=None)
@given(
    st.lists(st.floats(0.01, 10), min_size=1, max_size=4),
    st.integers(1, 20),
    st.integers(0, 8),
    st.integers(0, 2),
)
def test_going_on_gives_the_batches_of_an_unbroken_run(
    weights: list[float], batch: int, first: int, prefetch: int
) -> None:
    whole = list(mixture(weights, batch))
    rest = list(mixture(weights, batch, first=first, prefetch=prefetch))
    assert len(whole) == len(rest) == 9
    assert rest[:first] == [None] * first
    assert same(rest[first:], whole[first:])


def test_each_source_is_read_in_its_order_and_nothing_twice() -> None:
    seen: dict[int, list[int]] = {0: [], 1: []}
    for batch in mixture([1, 3]):
        assert batch is not None
        rows = batch[PATCHES].tolist()
        assert len(rows) == 12
        for source in seen:
            seen[source] += sorted(number for kind, _, number in rows if kind == source)
    assert all(numbers == list(range(len(numbers))) for numbers in seen.values())
    assert len(seen[1]) > len(seen[0]) > 0


def test_sources_have_seeds_of_their_own_and_lie_mixed() -> None:
    batch = next(iter(mixture([1, 1], batch=40)))
    assert batch is not None
    kinds, seeds, _ = batch[PATCHES].T.tolist()
    assert len(set(zip(kinds, seeds, strict=True))) == len(set(seeds)) == 2
    assert kinds not in (sorted(kinds), sorted(kinds, reverse=True))
    assert batch.keys() == {PATCHES, PREDICTED, "counts_B", DIVISOR}  # weights are for examples of classes


@pytest.mark.parametrize("world", [2, 5])
def test_processes_share_the_same_batches(world: int) -> None:
    alone = next(iter(mixture([1, 1])))
    parts = [next(iter(mixture([1, 1], rank=rank, world=world))) for rank in range(world)]
    assert alone is not None
    assert torch.equal(torch.cat([part[PATCHES] for part in parts if part]), alone[PATCHES])
    assert all(part is not None and part[DIVISOR] == 12 / world for part in parts)


def test_it_ends_when_it_is_left() -> None:
    assert len(list(islice(iter(mixture([1], steps=10**4, prefetch=3)), 4))) == 4
