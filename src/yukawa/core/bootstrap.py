"""Random resamples and exchanges of clusters in pieces that fit memory, and sums of columns under them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_CELLS = 1 << 21  # of resamples x clusters held at a time


class Columns:
    """Columns to be summed with many weights, each different one only once."""

    def __init__(self, columns: Array) -> None:
        places: dict[bytes, int] = {}
        turned = np.ascontiguousarray(columns.T)
        self.places = [places.setdefault(row.tobytes(), len(places)) for row in turned]
        firsts = [self.places.index(k) for k in range(len(places))]
        self.columns = np.ascontiguousarray(turned[firsts].T)

    def weighted(self, weights: Array) -> Array:
        """Sums of every column, a row for each row of weights."""
        sums: Array = weights @ self.columns
        return sums[:, self.places]


def resampled_counts(size: int, resamples: int, seed: int) -> Iterator[Array]:
    """How often each cluster was drawn, in pieces of shape (some resamples, size)."""
    rng = np.random.default_rng(seed)
    step = max(1, _CELLS // size)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, size, size=(rows, size), dtype=np.int32).astype(np.int64)
        drawn += np.arange(rows)[:, None] * size
        yield np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size).astype(np.float64)


def random_flips(size: int, resamples: int, seed: int) -> Iterator[Array]:
    """Random zeros and ones, in pieces of shape (some resamples, size)."""
    rng = np.random.default_rng([seed, 1])
    step = max(1, _CELLS // size)
    width = -(-size // 8)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        packed = np.frombuffer(rng.bytes(rows * width), np.uint8).reshape(rows, width)
        yield np.unpackbits(packed, axis=1, count=size).astype(np.float64)


def every_flip(size: int) -> Iterator[Array]:
    """All rows of zeros and ones of this length, in one piece."""
    numbers = np.arange(2**size, dtype=np.int64)
    yield ((numbers[:, None] >> np.arange(size)) & 1).astype(np.float64)
