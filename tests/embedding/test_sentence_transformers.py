"""The sentence-transformers embedder, against a stand-in for the library, which the tests do not install."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from yukawa.core.errors import InputError, MissingPackage
from yukawa.embedding import open_embedder


class Library:
    """Models 'three' and nothing else; a vector counts the letters a, b and c."""

    def __init__(self, model: str) -> None:
        if model != "three":
            raise OSError(f"{model} is not a local folder and the hub cannot be reached")

    def encode(self, texts: list[str], *, convert_to_numpy: bool, show_progress_bar: bool) -> Any:
        assert convert_to_numpy
        assert not show_progress_bar
        for text in texts:
            text.encode()
        return np.array([[text.count(c) + 1 for c in "abc"] for text in texts], dtype=np.float64)


@pytest.fixture
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = SimpleNamespace(SentenceTransformer=Library)
    monkeypatch.setitem(sys.modules, "sentence_transformers", stand_in)  # type: ignore[arg-type]


@pytest.mark.usefixtures("_library")
def test_rows_are_the_model_s_brought_to_unit_length() -> None:
    embedder = open_embedder("sentence-transformers:three")
    assert (embedder.name, embedder.dimensions) == ("sentence-transformers:three", 3)
    texts = ["aa", "b\ud800"] * 1000
    calls: list[int] = []
    vectors = embedder.embed(texts, progress=calls.append)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(
        vectors[:2], [np.array([3, 1, 1]) / 11**0.5, np.array([1, 2, 1]) / 6**0.5], rtol=1e-6
    )
    np.testing.assert_array_equal(vectors[2:], vectors[:-2])
    assert sum(calls) == len(texts)
    assert embedder.embed([]).shape == (0, 3)


@pytest.mark.usefixtures("_library")
def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(InputError, match="no sentence-transformers model 'four': four is not a local folder"):
        open_embedder("sentence-transformers:four")


def test_a_missing_library_is_answered_with_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)  # type: ignore[arg-type]
    with pytest.raises(MissingPackage, match="type: pip install sentence-transformers"):
        open_embedder("sentence-transformers:three")
