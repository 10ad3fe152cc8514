"""Nearest vectors: exactly up to some 10^5 passages, by FAISS beyond; both give row numbers."""

import functools
import importlib.util
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yukawa.core.processes import usable_cores

# Measured in benchmarks/search.py: the product over 100,000 x 384 takes 4 to 8 ms on two cores.
EXACT_UP_TO = 125_000
# The share of FAISS's cells that a search visits.
PROBED = 1 / 16
_BLOCK = 65_536
_PIECE, _ALONE = 2_048, 4_096


class Nearest:
    """Searches a segment's vectors; the frozen first segment may have an approximate index."""

    def __init__(self) -> None:
        self._faiss: Any = None

    def cover(self, vectors: NDArray[np.float32]) -> None:
        """Prepare the search of `vectors` (n, d): by FAISS, where they are many and it is installed.

        An index of at least half of them is continued with the rows it lacks; what it has must be the first rows.
        """
        if len(vectors) <= EXACT_UP_TO or vectors.shape[1] == 0 or not _installed():
            self._faiss = None
            return
        if self._faiss is None or not len(vectors) <= 2 * self._faiss.ntotal <= 2 * len(vectors):
            self._faiss = _trained(vectors)
        for start in range(self._faiss.ntotal, len(vectors), _BLOCK):
            self._faiss.add(np.ascontiguousarray(vectors[start : start + _BLOCK]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `cover` made, as bytes to be saved; empty if the search is exact."""
        if self._faiss is None:
            return {}
        import faiss

        return {"faiss": faiss.serialize_index(self._faiss)}

    def load(self, arrays: dict[str, NDArray[Any]], count: int) -> None:
        """Take what `arrays` gave if it holds `count` rows; else the search stays exact until it is covered anew."""
        self._faiss = None
        if "faiss" in arrays and _installed():
            import faiss

            index = faiss.deserialize_index(np.array(arrays["faiss"]))
            self._faiss = index if index.ntotal == count else None

    def clear(self) -> None:
        """Forget what `cover` made."""
        self._faiss = None

    def search(
        self, vectors: NDArray[np.float32], query: NDArray[np.float32], valid: NDArray[np.bool_], k: int, *, frozen: bool,
    ) -> NDArray[np.int64]:  # fmt: skip
        """Rows of the `k` valid vectors nearest to `query` (d,), in no order; fewer where fewer are valid."""
        if frozen and self._faiss is not None and self._faiss.ntotal == len(vectors):
            # Rows no longer valid are skipped: ask for more until enough are left.
            for wanted in (2 * k, 20 * k):
                rows = self._faiss.search(query[None], wanted)[1][0]
                rows = rows[rows >= 0]
                rows = rows[valid[rows]]
                if len(rows) >= k:
                    return np.asarray(rows[:k], dtype=np.int64)
        count = int(np.count_nonzero(valid))
        if count < len(vectors) // 4:  # then gathering costs less than the products it saves
            rows = np.flatnonzero(valid)
            return rows[largest(vectors[rows] @ query, k)]
        scores = _product(vectors, query)
        if count < len(vectors):
            scores[~valid] = -np.inf
        return largest(scores, min(k, count))


def _product(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """`vectors @ query`, piece by piece from one thread for each core.

    Row by row at the pace of memory; the product with `@` takes twice as long (measured with OpenBLAS), and its threads
    wait for each other in a loop, which on a busy machine costs twice as much again.
    """
    scores = np.empty(len(vectors), dtype=np.float32)
    starts = iter(range(0, len(vectors), _PIECE))

    def work() -> None:
        for start in starts:  # one iterator for all: whoever is free takes the next piece
            piece = slice(start, start + _PIECE)
            np.vecdot(vectors[piece], query, out=scores[piece])

    others = [] if len(vectors) <= _ALONE else [_helpers().submit(work) for _ in range(usable_cores() - 1)]
    work()
    for other in others:
        if not other.cancel():  # one that did not wake in time has nothing left to do
            other.result()
    return scores


@functools.cache
def _helpers() -> ThreadPoolExecutor:
    """Threads that wait for a product; starting them anew would take as long as a small product."""
    return ThreadPoolExecutor(max(usable_cores() - 1, 1), thread_name_prefix="product")


def largest(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Positions of the `k` largest scores, in no order."""
    if k >= len(scores):
        return np.arange(len(scores))
    if k <= 0:
        return np.arange(0)
    return np.asarray(np.argpartition(scores, len(scores) - k)[-k:], dtype=np.int64)


def _installed() -> bool:
    return importlib.util.find_spec("faiss") is not None


def _trained(vectors: NDArray[np.float32]) -> Any:
    """An empty index with cells for `vectors`.

    It keeps one byte a number, since the caller computes exact cosines of what is found.
    """
    import faiss

    cells = int(2 * np.sqrt(len(vectors)))
    index = faiss.index_factory(vectors.shape[1], f"IVF{cells},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.nprobe = max(8, round(PROBED * cells))
    index.cp.niter = 10
    sample = np.random.default_rng(0).choice(len(vectors), min(len(vectors), 40 * cells), replace=False)
    index.train(np.ascontiguousarray(vectors[np.sort(sample)]))
    return index
