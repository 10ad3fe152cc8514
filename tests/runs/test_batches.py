from __future__ import annotations

from itertools import count

import torch
from hypothesis import given
from hypothesis import strategies as st

from yukawa.runs.batches import EpochSampler, StepDataset


class Numbers(StepDataset):
    def endless(self):
        for number in count(self.first):
            yield {"number": torch.tensor(number)}


def numbers(steps: int, first: int = 0) -> Numbers:
    return Numbers(batch=1, steps=steps, seed=0, first=first)


@given(steps=st.integers(0, 9), first=st.integers(0, 12))
def test_a_resumed_dataset_has_the_batches_of_the_unbroken_one(steps, first):
    found = list(numbers(steps, first))
    assert len(found) == len(numbers(steps, first)) == steps
    assert [None if one is None else int(one["number"]) for one in found] == [
        None if step < first else step for step in range(steps)
    ]


def test_the_trainer_gets_the_batches_unchanged_and_no_random_number_is_used():
    before = torch.random.get_rng_state()
    assert [int(one["number"]) for one in numbers(3).data_loader()] == [0, 1, 2]
    assert torch.equal(torch.random.get_rng_state(), before)


@given(rows=st.integers(1, 50), paddings=st.integers(0, 9), seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_each_row_stands_once_before_the_padding_ones(rows, paddings, seed, epoch):
    order = EpochSampler(rows, rows + paddings, seed)
    order.set_epoch(epoch)
    indices = list(order)
    assert len(order) == len(indices)
    assert sorted(indices[:rows]) == list(range(rows))
    assert indices[rows:] == list(range(rows, rows + paddings))
    fewer = EpochSampler(rows, rows, seed)
    fewer.set_epoch(epoch)
    assert list(fewer) == indices[:rows]  # the same for any number of processes


def test_another_epoch_and_another_seed_have_another_order():
    first, second, other = (EpochSampler(40, 40, seed) for seed in (1, 1, 3))
    second.set_epoch(1)
    assert len({tuple(one) for one in (first, second, other)}) == 3
    assert list(first) == list(first)
