"""Finds the nearest vectors exactly while reading a quarter of their numbers: a bound by leading components."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Of MiniLM's 384: with a quarter of the components one passage in thirty is left to look at in full (20,000
# sentences of the PDG, questions in words); with an eighth one in ten.
SHARE = 4
# Half precision on disk and single in sums move a product of unit vectors by less than this.
_ROUNDING = np.float32(2e-3)
_LEFT = 0.1  # of unit length squared; MiniLM leaves 0.04, vectors without any order 0.75
_SAMPLE, _EACH = 20_000, 8
_FILES = ("basis", "heads", "tails")


@dataclass(frozen=True, slots=True)
class Leading:
    """Vectors (n, d) by their components along the m leading directions, and the length of what is left of each.

    With head and tail of a vector v and a query q, v . q <= head(v) . head(q) + |tail(v)| |tail(q)|
    (Cauchy-Schwarz): whoever cannot reach the k-th best by this bound need not be looked at in full.

    Attributes:
        basis: orthonormal columns (d, m), the leading eigenvectors of the vectors' second moments.
        heads: (n, m). tails: (n,).
    """

    basis: NDArray[np.float32]
    heads: NDArray[np.float32]
    tails: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> Leading | None:
        """Directions found on a sample, components of all `vectors` (n, d); None where too much is left in the tails."""
        few = vectors[:: max(1, len(vectors) // _SAMPLE)]
        _, directions = np.linalg.eigh(few.T @ few)  # in rising order of their share
        basis = np.ascontiguousarray(directions[:, -(vectors.shape[1] // SHARE) :], dtype=np.float32)
        heads = vectors @ basis
        squares = np.vecdot(vectors, vectors) - np.vecdot(heads, heads)
        if squares.mean() > _LEFT:
            return None
        return cls(basis, heads, np.sqrt(np.maximum(squares, 0)))

    def save(self, folder: Path) -> None:
        """Write into `folder`, in half precision."""
        for name in _FILES:
            np.save(
                folder / f"{name}.npy",
                getattr(self, name).astype(np.float16 if name != "basis" else np.float32),
            )

    @classmethod
    def load(cls, folder: Path, count: int) -> Leading | None:
        """What `save` wrote, if it is whole and of `count` vectors."""
        try:
            arrays = [
                np.load(folder / f"{name}.npy", allow_pickle=False).astype(np.float32) for name in _FILES
            ]
        except (OSError, ValueError):
            return None
        return cls(*arrays) if len(arrays[1]) == len(arrays[2]) == count else None

    def nearest(
        self, vectors: NDArray[np.float32], query: NDArray[np.float32], valid: NDArray[np.bool_], k: int
    ) -> NDArray[np.int64] | None:
        """Rows of the `k` valid `vectors` nearest to `query` (d,), in no order; None where the bound spares too little."""
        head = query @ self.basis
        scores = np.vecdot(self.heads, head)
        if not valid.all():
            scores[~valid] = -np.inf
        # Any k rows in full show what the k-th best reaches at least. About twice as many, by a sample of the heads,
        # come faster than the best k by all of them.
        sample = scores[::_EACH]
        likely = 2 * k // _EACH
        if likely >= len(sample) or likely < 1:
            return None
        some = np.flatnonzero(scores >= np.partition(sample, -likely)[-likely])
        if len(some) < k:
            return None
        reached = np.partition(vectors[some] @ query, -k)[-k]
        scores += self.tails * np.sqrt(max(float(query @ query - head @ head), 0.0))
        left = np.flatnonzero(scores >= reached - _ROUNDING)
        if len(left) > len(scores) // 8:
            return None
        exact = vectors[left] @ query
        return left[np.argpartition(exact, len(left) - k)[-k:]]
