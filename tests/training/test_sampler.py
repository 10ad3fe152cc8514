"""Rows are shared so that each counts once."""

from __future__ import annotations

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.training.sampler import Order, filled
from yukawa.training.tokenization import IGNORED


@given(rows=st.integers(1, 50), blanks=st.integers(0, 9), seed=st.integers(0, 9), epoch=st.integers(0, 9))
def test_each_row_stands_once_before_the_blank_ones(rows, blanks, seed, epoch):
    order = Order(rows, rows + blanks, seed)
    order.set_epoch(epoch)
    indices = list(order)
    assert len(order) == len(indices)
    assert sorted(indices[:rows]) == list(range(rows))
    assert indices[rows:] == list(range(rows, rows + blanks))
    fewer = Order(rows, rows, seed)
    fewer.set_epoch(epoch)
    assert list(fewer) == indices[:rows]  # the same for any number of processes


def test_another_epoch_and_another_seed_have_another_order():
    first, second, other = (Order(40, 40, seed) for seed in (1, 1, 3))
    second.set_epoch(1)
    assert len({tuple(one) for one in (first, second, other)}) == 3
    assert list(first) == list(first)


@pytest.mark.parametrize(
    "row",
    [
        {"input_ids": [5, 6], "seq_lengths": [2]},
        {"input_ids": [5, 6], "labels": [IGNORED, 6], "seq_lengths": [2]},
        {"prompt_ids": [5], "chosen_ids": [6], "rejected_ids": [7]},
    ],
)
@given(rows=st.integers(1, 9), share=st.integers(1, 8))
def test_blank_rows_fill_the_last_batches(row, rows, share):
    given_rows = datasets.Dataset.from_list([row] * rows)
    made = filled(given_rows, share, pad=3)
    assert len(made) % share == 0
    assert rows <= len(made) < rows + share
    assert made.features == given_rows.features
    assert made.to_list()[:rows] == given_rows.to_list()
    for blank in made.to_list()[rows:]:
        assert blank.get("input_ids", [3]) == [3]
        assert blank.get("labels", [IGNORED]) == [IGNORED]
        assert blank.get("chosen_ids", []) == blank.get("rejected_ids", []) == []
