"""Nearest vectors: the approximate index recalls what the exact product finds, and never what is not valid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from yukawa.knowledge.search import vectors as search_vectors
from yukawa.knowledge.search.vectors import Nearest, largest

COUNT, DIMENSIONS = 30_000, 32
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), dtype=np.float32)


@pytest.fixture(scope="module")
def clustered() -> tuple[Floats, Floats]:
    """Vectors in 300 loose clusters, and questions that lie off the clusters, as questions do off passages."""
    generator = np.random.default_rng(3)
    centres = generator.normal(size=(300, DIMENSIONS))
    own = centres[generator.integers(300, size=COUNT)]
    vectors = unit(own + 0.7 * generator.normal(size=(COUNT, DIMENSIONS)))
    asked = vectors[:200] + generator.normal(size=(200, DIMENSIONS)) / np.sqrt(DIMENSIONS)
    return vectors, unit(asked)


@pytest.fixture(scope="module")
def approximate(clustered: tuple[Floats, Floats]) -> Nearest:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_vectors, "EXACT_UP_TO", 1000)
        index = Nearest()
        index.cover(clustered[0])
    return index


def exact(vectors: Floats, query: Floats, valid: Mask, k: int) -> set[int]:
    scores = np.where(valid, vectors @ query, -np.inf)
    return set(np.argsort(-scores)[: min(k, int(valid.sum()))].tolist())


def test_recall_at_10_is_at_least_98_percent(
    clustered: tuple[Floats, Floats], approximate: Nearest, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, asked = clustered
    everywhere = np.ones(COUNT, dtype=bool)
    # The law is about the index: the product over all rows, which finds everything, must not step in.
    monkeypatch.setattr(search_vectors, "largest", lambda *_: pytest.fail("searched exactly"))
    found = [approximate.search(vectors, q, everywhere, 100, frozen=True) for q in asked]
    hit = [
        len(exact(vectors, q, everywhere, 10) & set(f.tolist())) for q, f in zip(asked, found, strict=True)
    ]
    assert np.mean(hit) / 10 >= 0.98
    assert all(len(f) == len(set(f.tolist())) == 100 for f in found)


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("share", [0.99, 0.5, 0.1, 0.001, 0.0])
def test_rows_not_valid_are_never_returned(
    clustered: tuple[Floats, Floats], approximate: Nearest, share: float, frozen: bool
) -> None:
    vectors, asked = clustered
    valid = np.random.default_rng(5).random(COUNT) < share
    for query in asked[:10]:
        rows = approximate.search(vectors, query, valid, 20, frozen=frozen)
        assert valid[rows].all()
        assert len(rows) == len(set(rows.tolist())) == min(20, int(valid.sum()))


def test_few_valid_rows_are_all_found(clustered: tuple[Floats, Floats], approximate: Nearest) -> None:
    vectors, asked = clustered
    few = np.zeros(COUNT, dtype=bool)
    few[[5, 17_000, COUNT - 1]] = True
    for query in asked[:5]:
        rows = approximate.search(vectors, query, few, 10, frozen=True)
        assert sorted(rows.tolist()) == [5, 17_000, COUNT - 1]


def test_the_nearest_rows_hidden_the_next_ones_are_found(
    clustered: tuple[Floats, Floats], approximate: Nearest
) -> None:
    """The index offers hidden rows first; what lies behind them must still come."""
    vectors, asked = clustered
    query = asked[0]
    valid = np.ones(COUNT, dtype=bool)
    valid[list(exact(vectors, query, valid, 5000))] = False
    rows = approximate.search(vectors, query, valid, 10, frozen=True)
    assert set(rows.tolist()) == exact(vectors, query, valid, 10)


@given(st.integers(0, 60), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_the_product_finds_the_exact_best(count: int, k: int, share: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    vectors, query = generator.normal(size=(count, 4)).astype(np.float32), np.float32([1, -1, 0.5, 2])
    valid = generator.random(count) < share
    rows = Nearest().search(vectors, query, valid, k, frozen=True)
    assert set(rows.tolist()) == exact(vectors, query, valid, k)


@given(st.lists(st.floats(-1e3, 1e3, width=32), max_size=30), st.integers(0, 40))
def test_largest_takes_the_largest(values: list[float], k: int) -> None:
    scores = np.array(values, dtype=np.float32)
    assert sorted(scores[largest(scores, k)].tolist()) == sorted(values)[max(len(values) - k, 0) :]


def test_what_is_saved_is_loaded(clustered: tuple[Floats, Floats], approximate: Nearest) -> None:
    vectors, asked = clustered
    everywhere = np.ones(COUNT, dtype=bool)
    loaded = Nearest()
    loaded.load(approximate.arrays(), COUNT)
    for query in asked[:20]:
        mine, again = (n.search(vectors, query, everywhere, 50, frozen=True) for n in (approximate, loaded))
        assert mine.tolist() == again.tolist()


@pytest.mark.parametrize("fault", ["none there", "of other vectors"])
def test_an_index_that_does_not_match_is_not_used(
    fault: str, clustered: tuple[Floats, Floats], approximate: Nearest
) -> None:
    vectors, asked = clustered
    rows = vectors[: COUNT - 1] if fault == "of other vectors" else vectors
    loaded = Nearest()
    loaded.load({} if fault == "none there" else approximate.arrays(), len(rows))
    everywhere = np.ones(len(rows), dtype=bool)
    for query in asked[:10]:
        found = loaded.search(rows, query, everywhere, 30, frozen=True)
        assert set(found.tolist()) == exact(rows, query, everywhere, 30)


def test_a_grown_base_continues_its_index_and_a_doubled_one_makes_a_new_one(
    clustered: tuple[Floats, Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, asked = clustered
    monkeypatch.setattr(search_vectors, "EXACT_UP_TO", 1000)
    trained: list[int] = []
    train = search_vectors._trained

    def counted(rows: Floats) -> object:
        trained.append(len(rows))
        return train(rows)

    monkeypatch.setattr(search_vectors, "_trained", counted)
    index = Nearest()
    for count in (10_000, 10_000, 20_000, 30_000):
        index.cover(vectors[:count])
        everywhere = np.ones(count, dtype=bool)
        for query in asked[:20]:
            found = set(index.search(vectors[:count], query, everywhere, 100, frozen=True).tolist())
            assert len(exact(vectors[:count], query, everywhere, 10) & found) >= 8
    assert trained == [10_000]
    index.cover(vectors[:9_000])  # fewer than it holds: these are not the rows it has
    assert trained == [10_000, 9_000]
    index.cover(vectors)
    assert trained == [10_000, 9_000, 30_000]


def test_a_segment_that_is_not_frozen_is_searched_exactly(
    clustered: tuple[Floats, Floats], approximate: Nearest
) -> None:
    vectors, asked = clustered
    everywhere = np.ones(COUNT, dtype=bool)
    for query in asked[:10]:
        rows = approximate.search(vectors, query, everywhere, 100, frozen=False)
        assert set(rows.tolist()) == exact(vectors, query, everywhere, 100)


def test_without_faiss_everything_is_exact(
    clustered: tuple[Floats, Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, asked = clustered
    monkeypatch.setattr(search_vectors, "EXACT_UP_TO", 1000)
    monkeypatch.setattr(search_vectors.importlib.util, "find_spec", lambda _: None)
    index = Nearest()
    index.cover(vectors)
    assert index.arrays() == {}
    everywhere = np.ones(COUNT, dtype=bool)
    rows = index.search(vectors, asked[0], everywhere, 100, frozen=True)
    assert set(rows.tolist()) == exact(vectors, asked[0], everywhere, 100)
