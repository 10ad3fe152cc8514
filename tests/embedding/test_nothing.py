"""No vectors: rows of no length, and the texts still count as done."""

from __future__ import annotations

import numpy as np

from yukawa.embedding import open_embedder


def test_rows_have_no_length() -> None:
    calls: list[int] = []
    embedder = open_embedder("none")
    vectors = embedder.embed(["a", "\ud800"], progress=calls.append)
    assert vectors.shape == (2, embedder.dimensions) == (2, 0)
    assert vectors.dtype == np.float32
    assert embedder.embed([], progress=calls.append).shape == (0, 0)
    assert calls == [2]
