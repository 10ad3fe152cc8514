"""Encoded jets: taking and joining keep each jet's rows, label and weight together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.jets.features.encoded import Encoded, Encoder, join


def _encoded(counts: list[int], first: int = 0, weighted: bool = True) -> Encoded:
    total = sum(counts)
    values = np.arange(first, first + total, dtype=np.float32)
    return Encoded(
        {"features_NF": np.stack([values, -values], axis=1), "points_N": values},
        np.array(counts, np.int64),
        np.arange(len(counts)) + first,
        np.arange(len(counts), dtype=np.float32) + first if weighted else None,
        truncated=len(counts),
    )


def _jets(encoded: Encoded) -> list[tuple]:
    cuts = np.cumsum(encoded.counts)[:-1]
    rows = np.split(encoded.rows["features_NF"], cuts) if len(encoded) else []
    weights = encoded.weights if encoded.weights is not None else np.ones(len(encoded))
    return [(r.tolist(), int(y), float(w)) for r, y, w in zip(rows, encoded.labels, weights, strict=True)]


@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=8), data=st.data())
def test_taking_jets_takes_their_rows(counts: list[int], data: st.DataObject):
    encoded = _encoded(counts)
    where = data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=9))
    taken = encoded.take(np.array(where, np.int64))
    assert _jets(taken) == [_jets(encoded)[at] for at in where]
    np.testing.assert_array_equal(taken.rows["features_NF"][:, 0], taken.rows["points_N"])


@given(parts=st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=4))
def test_joining_is_adding_lists(parts: list[list[int]]):
    encoded = [_encoded(counts, 100 * at) for at, counts in enumerate(parts)]
    joined = join(encoded)
    assert _jets(joined) == [jet for part in encoded for jet in _jets(part)]
    assert joined.truncated == sum(map(len, parts))


def test_jets_without_weights_stay_without():
    plain = _encoded([1, 2], weighted=False)
    assert join([plain, plain]).weights is None
    assert plain.take(np.array([1])).weights is None


def test_an_encoder_must_say_how():
    with pytest.raises(TypeError, match="encode"):
        Encoder()  # type: ignore[abstract]
