"""Nearest vectors: exact up to some 10^5 passages, by a bound where it pays; FAISS beyond; all give row numbers."""

from __future__ import annotations

import functools
import importlib.util
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yukawa.core.processes import usable_cores
from yukawa.knowledge.search.pruning import Leading

# Measured in benchmarks/search.py: the product over 100,000 x 384 takes 4 to 8 ms on two cores.
EXACT_UP_TO = 125_000
_BOUNDED_FROM = 4_000
TARGET_RECALL = 0.99
_BLOCK = 65_536
_PIECE, _ALONE = 2_048, 4_096
_FILE = "vectors.faiss"


class Nearest:
    """Searches a part's vectors; the frozen first part may have an approximate index, kept beside its copy on disk."""

    def __init__(self) -> None:
        self._faiss: Any = None
        self._leading: Leading | None = None

    def cover(self, vectors: NDArray[np.float32]) -> None:
        """Prepare the search of `vectors` (n, d): by leading components, or if they are many by FAISS where installed.

        A FAISS index of at least half of them is continued with the rows it lacks; what it has must be the first rows.
        """
        if len(vectors) <= EXACT_UP_TO or vectors.shape[1] == 0 or not _installed():
            self._faiss = None
            worth_it = len(vectors) >= _BOUNDED_FROM and vectors.shape[1] > 0
            self._leading = Leading.of(vectors) if worth_it else None
            return
        self._leading = None
        if self._faiss is None or not len(vectors) <= 2 * self._faiss.ntotal <= 2 * len(vectors):
            self._faiss = _trained(vectors)
        for start in range(self._faiss.ntotal, len(vectors), _BLOCK):
            self._faiss.add(np.ascontiguousarray(vectors[start : start + _BLOCK]))
        if self._faiss.nprobe == 1:  # as made
            self._faiss.nprobe = _probes(self._faiss, vectors)

    def save(self, folder: Path) -> None:
        """Write what `cover` made into `folder`."""
        if self._leading is not None:
            self._leading.save(folder)
        if self._faiss is not None:
            import faiss

            faiss.write_index(self._faiss, str(folder / _FILE))

    def load(self, folder: Path, count: int) -> None:
        """Open what `save` wrote, if it is whole and holds `count` rows."""
        self._faiss, self._leading = None, Leading.load(folder, count)
        if not (folder / _FILE).exists() or not _installed():
            return
        import faiss

        try:
            index = faiss.read_index(str(folder / _FILE))
        except RuntimeError:  # cut off or gone: the caller makes a new one when it saves next
            return
        if index.ntotal == count:
            self._faiss = index

    def clear(self) -> None:
        """Forget what `cover` made."""
        self._faiss, self._leading = None, None

    def search(
        self,
        vectors: NDArray[np.float32],
        query: NDArray[np.float32],
        valid: NDArray[np.bool_],
        k: int,
        *,
        frozen: bool,
    ) -> NDArray[np.int64]:
        """Rows of the `k` valid vectors nearest to `query` (d,), in no order; fewer where fewer are valid."""
        if frozen and self._faiss is not None and self._faiss.ntotal == len(vectors):
            # Rows no longer valid are passed over: ask for more until enough are left.
            for asked in (2 * k, 20 * k):
                rows = self._faiss.search(query[None], asked)[1][0]
                rows = rows[rows >= 0]
                rows = rows[valid[rows]]
                if len(rows) >= k:
                    return np.asarray(rows[:k], dtype=np.int64)
        count = int(np.count_nonzero(valid))
        if count < len(vectors) // 4:  # then gathering costs less than the products it saves
            rows = np.flatnonzero(valid)
            return rows[largest(vectors[rows] @ query, k)]
        if frozen and self._leading is not None and len(self._leading.heads) == len(vectors):
            found = self._leading.nearest(vectors, query, valid, min(k, count))
            if found is not None:
                return found
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

    def compute(start: int) -> None:
        piece = slice(start, start + _PIECE)
        np.vecdot(vectors[piece], query, out=scores[piece])

    starts = iter(range(0, len(vectors), _PIECE))

    def work() -> None:
        for start in starts:  # one iterator for all: who is free takes the next piece
            compute(start)

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
    index.cp.niter = 10
    sample = np.random.default_rng(0).choice(len(vectors), min(len(vectors), 40 * cells), replace=False)
    index.train(np.ascontiguousarray(vectors[np.sort(sample)]))
    return index


def _probes(index: Any, vectors: NDArray[np.float32]) -> int:
    """The fewest cells to visit for the target recall@10, measured on the base's own vectors, moved far.

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
