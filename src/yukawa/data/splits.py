"""Splits documents 70/15/15 by a seeded hash of their words, so that no text stands in two splits."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from yukawa.data.manifest import SPLITS
from yukawa.data.ngrams import mix
from yukawa.data.spool import Hashes, Places

_BOUNDS = (0.70, 0.85)  # of the hashes, where train and validation end


def order_keys(texts: Hashes, seed: int) -> Hashes:
    """A number for each text (hashed in 128 bits), spread evenly, by which the texts are shuffled."""
    salt = mix(np.array([seed % 2**64], np.uint64))
    return mix(texts[:, 0] ^ salt)


def shuffled(keys: Hashes, ids: Hashes) -> Places:
    """The rank of each document in order of its key; documents of one key are ordered by their ids."""
    ranks = np.empty(len(keys), np.int64)
    ranks[np.lexsort((*ids.T, keys))] = np.arange(len(keys))
    return ranks


def exact_splits(keys: Hashes, groups: Places) -> Places:
    """The split of each document, where each group is cut into exact sizes in order of its keys.

    Documents of one key follow the first of them, through all groups, so that a set may differ from
    `exact_sizes` by the number of such twins.
    """
    splits = np.empty(len(keys), np.int64)
    order = np.lexsort((keys, groups))
    start = 0
    for size in np.unique(groups, return_counts=True)[1].tolist():
        splits[order[start : start + size]] = np.repeat(np.arange(len(SPLITS)), exact_sizes(size))
        start += size
    _, first, inverse = np.unique(keys[order], return_index=True, return_inverse=True)
    splits[order] = splits[order][first][inverse]
    return splits


def exact_sizes(count: int) -> tuple[int, int, int]:
    """How many of `count` documents go into train, validation and test.

    As scikit-learn's `train_test_split` called twice has it, and as FeynTune's sizes are: ceil(0.3 n) are held
    out, of these the larger half is the test set.
    """
    held = math.ceil(3 * count / 10)
    test = math.ceil(held / 2)
    return count - held, held - test, test


def stable_splits(keys: Hashes) -> Places:
    """The split of each document by its key alone: the same in any company, 70/15/15 on average."""
    bounds = np.array([int(bound * 2**64) for bound in _BOUNDS], np.uint64)
    found: npt.NDArray[np.int64] = np.searchsorted(bounds, keys, side="right")
    return found
