"""Nearest vectors: exactly up to some 10^5 passages, by FAISS beyond; both give row numbers."""

import functools
import importlib.util
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yukawa.core.processes import usable_cores

# Measured in benchmarks/search.py: the product over 100,000 x 384 takes 4 to 8 ms on two cores.
EXACT_UP_TO = 125_000
TARGET_RECALL = 0.99
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
        if self._faiss.nprobe == 1:  # as made
            self._faiss.nprobe = _probes(self._faiss, vectors)

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

    It keeps one byte a number, since the caller computes the exact cosines of the candidates.
    """
    import faiss

    cells = int(2 * np.sqrt(len(vectors)))
    index = faiss.index_factory(vectors.shape[1], f"IVF{cells},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = 10
    sample = np.random.default_rng(0).choice(len(vectors), min(len(vectors), 40 * cells), replace=False)
    index.train(np.ascontiguousarray(vectors[np.sort(sample)]))
    return index


def _probes(index: Any, vectors: NDArray[np.float32]) -> int:
    """The fewest cells to visit for the target recall@10, measured on the base's own vectors, moved far.

    No fixed share of the cells serves every size: 1/16 gives 0.974 at 150,000 and more time than needed beyond.

    Questions lie farther from passages than passages from each other, so the nearest of a question are spread over
    more cells. Vectors moved by 1.5 need as many cells as real questions do (benchmarks/search.py: within 0.002 of
    each other from 0.98 to 0.996); vectors moved by 0.3 would need a third of them.
    """
    generator = np.random.default_rng(1)
    asked = np.array(vectors[generator.integers(len(vectors), size=500)])
    asked += generator.normal(0, 1.5 / np.sqrt(asked.shape[1]), asked.shape).astype(np.float32)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    truth = _exact(vectors, asked, 10)
    cells = int(index.nlist)
    probes = 8
    while probes < cells:
        index.nprobe = probes
        found = index.search(asked, 100)[1]
        if np.mean([np.isin(t, f).mean() for t, f in zip(truth, found, strict=True)]) >= TARGET_RECALL:
            break
        probes = math.ceil(1.2 * probes)
    return min(probes, cells)


def _exact(vectors: NDArray[np.float32], asked: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Rows (m, k) of the `k` nearest to each of `asked` (m, d), a block of `vectors` at a time."""
    rows, scores = [], []
    for start in range(0, len(vectors), _BLOCK):
        block = asked @ vectors[start : start + _BLOCK].T
        best = np.argpartition(block, -min(k, block.shape[1]))[:, -k:]
        rows.append(best + start)
        scores.append(np.take_along_axis(block, best, axis=1))
    best = np.argpartition(np.concatenate(scores, axis=1), -k)[:, -k:]
    return np.take_along_axis(np.concatenate(rows, axis=1), best, axis=1)
