"""Splits: sizes as published, nothing in two of them, and nothing depends on the order of the documents."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.data.splits import exact_sizes, exact_splits, order_keys, shuffled, stable_splits

COUNTS = st.integers(0, 300)


def texts(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 2), np.uint64)


def test_sizes_are_those_of_feyntune():
    assert exact_sizes(105_384) == (73_768, 15_808, 15_808)


@settings(max_examples=25)
@given(st.integers(2, 2000))
def test_sizes_are_those_of_scikit_learn_called_twice(count: int):
    from sklearn.model_selection import train_test_split

    train, held = train_test_split(np.arange(count), test_size=0.3, random_state=42)
    expected = (len(train), len(held) // 2, len(held) - len(held) // 2)
    assert exact_sizes(count) == expected
    assert sum(exact_sizes(count)) == count


@given(COUNTS, COUNTS, st.integers(-5, 2**70))
def test_each_group_has_its_exact_sizes(first: int, second: int, seed: int):
    keys = order_keys(texts(first + second), seed)
    groups = np.repeat([0, 7], [first, second])
    splits = exact_splits(keys, groups)
    for group, count in ((0, first), (7, second)):
        assert tuple(np.bincount(splits[groups == group], minlength=3)) == exact_sizes(count)


@given(st.lists(st.integers(0, 20), max_size=80), st.randoms())
@pytest.mark.parametrize("exact", [True, False])
def test_equal_texts_share_a_split_and_the_order_changes_nothing(exact: bool, kinds: list[int], shuffle):
    hashes = texts(21)[kinds]
    groups = np.array([shuffle.randrange(3) for _ in kinds], np.int64)

    def split(order: list[int]) -> np.ndarray:
        keys = order_keys(hashes[order], 42)
        return exact_splits(keys, groups[order]) if exact else stable_splits(keys)

    order = list(range(len(kinds)))
    splits = split(order)
    for kind in set(kinds):
        assert len({code for code, one in zip(splits.tolist(), kinds, strict=True) if one == kind}) == 1
    shuffle.shuffle(order)
    np.testing.assert_array_equal(split(order), splits[order])


def test_a_stable_split_is_the_same_in_any_company():
    hashes = texts(20_000)
    all_of_them = stable_splits(order_keys(hashes, 42))
    np.testing.assert_array_equal(stable_splits(order_keys(hashes[::7], 42)), all_of_them[::7])
    shares = np.bincount(all_of_them) / len(hashes)
    np.testing.assert_allclose(shares, (0.70, 0.15, 0.15), atol=4 * 0.0033)  # four standard deviations
    other = stable_splits(order_keys(hashes, 43))
    assert np.mean(other == all_of_them) == pytest.approx(0.7**2 + 2 * 0.15**2, abs=0.02)  # as if drawn anew


def test_ranks_are_an_order_and_ids_decide_between_equal_texts():
    hashes, ids = texts(50)[np.arange(50) // 2], texts(50, 1)
    ranks = shuffled(order_keys(hashes, 1), ids)
    assert sorted(ranks.tolist()) == list(range(50))
    again = np.random.default_rng(2).permutation(50)
    np.testing.assert_array_equal(shuffled(order_keys(hashes[again], 1), ids[again]), ranks[again])
    assert abs(np.corrcoef(ranks, np.arange(50))[0, 1]) < 0.5
