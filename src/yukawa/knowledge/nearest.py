"""Nearest vectors: exact up to some 10^5 passages, FAISS beyond; both give row numbers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Measured in benchmarks/search.py: one product over 200,000 x 384 takes about as long as a person's blink allows.
EXACT_UP_TO = 200_000
TARGET_RECALL = 0.985


class Nearest:
    """Searches a part's vectors; the frozen first part may have an approximate index on disk."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "vectors.faiss"
        self._faiss: Any = None

    def build(self, vectors: NDArray[np.float32]) -> None:
        """Make and save the approximate index if `vectors` (n, d) are many and FAISS is installed."""
        self._faiss = None
        if len(vectors) <= EXACT_UP_TO or vectors.shape[1] == 0 or importlib.util.find_spec("faiss") is None:
            return
        import faiss

        cells = int(4 * np.sqrt(len(vectors)))
        index = faiss.index_factory(vectors.shape[1], f"IVF{cells},Flat", faiss.METRIC_INNER_PRODUCT)
        generator = np.random.default_rng(0)
        sample = np.sort(generator.choice(len(vectors), min(len(vectors), 40 * cells), replace=False))
        index.train(np.ascontiguousarray(vectors[sample]))
        for start in range(0, len(vectors), 65_536):
            index.add(np.ascontiguousarray(vectors[start : start + 65_536]))
        index.nprobe = _probes(index, vectors, generator, cells)
        faiss.write_index(index, str(self._file))
        self._faiss = index

    def search(
        self,
        vectors: NDArray[np.float32],
        query: NDArray[np.float32],
        valid: NDArray[np.bool_],
        k: int,
        *,
        frozen: bool,
    ) -> NDArray[np.int64]:
        """Rows of the `k` valid vectors nearest to `query` (d,); fewer where fewer are valid."""
        if frozen and len(vectors) > EXACT_UP_TO and (index := self._opened(len(vectors))) is not None:
            # Rows no longer valid are passed over: ask for more until enough are left.
            for asked in (2 * k, 20 * k):
                rows = index.search(query[None], asked)[1][0]
                rows = rows[rows >= 0]
                rows = rows[valid[rows]]
                if len(rows) >= k:
                    return np.asarray(rows[:k], dtype=np.int64)
        scores = vectors @ query
        scores[~valid] = -np.inf
        best = np.argpartition(scores, len(scores) - k)[-k:] if len(scores) > k else np.arange(len(scores))
        return np.asarray(best[np.isfinite(scores[best])], dtype=np.int64)

    def clear(self) -> None:
        """Forget the approximate index."""
        self._faiss = None

    def _opened(self, count: int) -> Any:
        if self._faiss is None and self._file.exists() and importlib.util.find_spec("faiss") is not None:
            import faiss

            self._faiss = faiss.read_index(str(self._file))
        return self._faiss if self._faiss is not None and self._faiss.ntotal == count else None


def _probes(index: Any, vectors: NDArray[np.float32], generator: np.random.Generator, cells: int) -> int:
    """The fewest cells to visit for the target recall@10, measured on vectors of the base itself, slightly moved."""
    asked = np.array(vectors[generator.choice(len(vectors), 100, replace=False)])
    asked += generator.normal(0, 0.3 / np.sqrt(asked.shape[1]), asked.shape).astype(np.float32)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    scores = np.concatenate([vectors[s : s + 65_536] @ asked.T for s in range(0, len(vectors), 65_536)])
    truth = np.argpartition(scores, len(vectors) - 10, axis=0)[-10:].T
    probes = 8
    while probes < cells:
        index.nprobe = probes
        found = index.search(asked, 10)[1]
        recall = np.mean([len(np.intersect1d(f, t)) / 10 for f, t in zip(found, truth, strict=True)])
        if recall >= TARGET_RECALL:
            break
        probes *= 2
    return probes
