"""Bytes packed into whole patches."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.bytelm.vocabulary import Mark
from yukawa.jets.bytes.packing import pack, patch_row

PAD = int(Mark.PAD)


def test_rows_are_filled_to_whole_patches():
    assert patch_row([1, 2, 3], 2).tolist() == [1, 2, 3, PAD]
    assert patch_row([1, 2], 2).tolist() == [1, 2]
    assert patch_row([], 2).tolist() == []


@pytest.mark.parametrize("patch_size", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("tail", [0, 1])
def test_sequences_are_head_bytes_padding_and_tail(patch_size: int, tail: int):
    rng = np.random.default_rng(patch_size)
    lengths = np.array([0, 5, 1, 0, 16, 30])
    ends = np.cumsum(lengths)
    bytes_X = rng.integers(0, 256, ends[-1]).astype(np.uint8)
    head = np.array([Mark.BOS, Mark.TEXT], np.int16)
    tails = rng.integers(0, 256, (6, tail * patch_size)).astype(np.int16)
    patches, counts = pack(head, bytes_X, ends - lengths, ends, tails, patch_size)
    assert patches.dtype == np.int16
    expected = [
        [*patch_row([*head, *bytes_X[end - length : end]], patch_size), *row]
        for length, end, row in zip(lengths, ends, tails, strict=True)
    ]
    assert counts.tolist() == [len(ids) // patch_size for ids in expected]
    assert patches.reshape(-1).tolist() == [number for ids in expected for number in ids]


def test_no_sequences():
    none = np.zeros(0, np.int64)
    patches, counts = pack(
        np.zeros(2, np.int16), none.astype(np.uint8), none, none, np.zeros((0, 0), np.int16), 4
    )
    assert patches.shape == (0, 4)
    assert counts.tolist() == []
