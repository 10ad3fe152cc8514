"""The bound by leading components finds exactly what reading every number finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from yukawa.knowledge.search.pruning import Leading
from yukawa.knowledge.search.vectors import Nearest

N, D = 6_000, 64
Vectors = NDArray[np.float32]


def _unit(vectors: Vectors) -> Vectors:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def _like_sentences(count: int, seed: int) -> Vectors:
    """Unit vectors whose variances fall from direction to direction, as those of an embedder do."""
    spread = 0.8 ** np.arange(D)
    turned, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(D, D)))
    return _unit((np.random.default_rng(seed).normal(size=(count, D)) * spread) @ turned)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return _like_sentences(N, 1)


@pytest.fixture(scope="module")
def leading(vectors: Vectors) -> Leading:
    made = Leading.of(vectors)
    assert made is not None
    return made


def _best(scores: Vectors, rows: NDArray[np.int64] | None) -> Vectors:
    assert rows is not None
    assert len(set(rows.tolist())) == len(rows)
    return np.sort(scores[rows])


@given(seed=st.integers(0, 10**6), k=st.integers(8, 200), share=st.floats(0.5, 1.0))
def test_the_nearest_are_those_of_the_full_product(
    vectors: Vectors, leading: Leading, seed: int, k: int, share: float
) -> None:
    query = _like_sentences(1, seed)[0]
    valid = np.random.default_rng(seed).random(N) < share
    scores = np.where(valid, vectors @ query, -np.inf).astype(np.float32)
    rows = leading.nearest(vectors, query, valid, k)
    if rows is None:  # the bound may spare too little for one query; it must not for most
        return
    assert _best(scores, rows) == pytest.approx(np.sort(scores)[-k:], abs=1e-6)


def test_most_vectors_are_not_looked_at(vectors: Vectors, leading: Leading) -> None:
    everything = np.ones(N, dtype=bool)
    found = [leading.nearest(vectors, q, everything, 100) for q in _like_sentences(50, 2)]
    assert sum(rows is not None for rows in found) >= 45


def test_no_bound_is_made_of_vectors_without_order() -> None:
    assert Leading.of(_unit(np.random.default_rng(3).normal(size=(N, D)))) is None


def test_what_is_saved_finds_the_same(tmp_path: Path, vectors: Vectors, leading: Leading) -> None:
    leading.save(tmp_path)
    again = Leading.load(tmp_path, N)
    assert again is not None
    assert Leading.load(tmp_path, N + 1) is None
    everything = np.ones(N, dtype=bool)
    found = [(q, again.nearest(vectors, q, everything, 50)) for q in _like_sentences(20, 4)]
    assert sum(rows is not None for _, rows in found) >= 15
    for query, rows in found:
        if rows is not None:
            scores = vectors @ query
            assert _best(scores, rows) == pytest.approx(np.sort(scores)[-50:], abs=1e-6)
    (tmp_path / "heads.npy").write_bytes(b"cut off")
    assert Leading.load(tmp_path, N) is None


def test_the_search_uses_it_once_covered(vectors: Vectors) -> None:
    nearest, query = Nearest(), _like_sentences(1, 5)[0]
    plain = nearest.search(vectors, query, np.ones(N, dtype=bool), 40, frozen=True)
    nearest.cover(vectors)
    assert nearest._leading is not None
    bounded = nearest.search(vectors, query, np.ones(N, dtype=bool), 40, frozen=True)
    assert set(bounded.tolist()) == set(plain.tolist())
