"""The protocol of all embedders, and those that need no model."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from yukawa.core.processes import Tick

Vectors = NDArray[np.float32]

_WORD = re.compile(r"\w+|[^\w\s]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Embedder(Protocol):
    """Turns texts into unit vectors; the vector of a text does not depend on the texts it comes with."""

    @property
    def name(self) -> str:
        """Stable identity, stored beside the vectors: vectors of two names must never be compared."""
        ...

    @property
    def dimensions(self) -> int:
        """Length d of a vector; 0 where there are no vectors, only full text."""
        ...

    def embed(self, texts: Sequence[str], *, progress: Tick | None = None) -> Vectors:
        """Embed texts as float32 unit vectors, one row per text: shape (n, d), (0, d) for no texts.

        Args:
            texts: any strings, of any length; what is beyond the window of a model is not seen.
            progress: called with the number of texts newly finished, from the calling thread.

        Raises:
            ModelError: a service behind the embedder failed.
        """
        ...


def replace_surrogates(text: str) -> str:
    """`text` with each lone surrogate (what a wrongly decoded file leaves) made U+FFFD, so it encodes as UTF-8."""
    return _SURROGATE.sub("\ufffd", text)


def normalise_rows(vectors: Vectors) -> Vectors:
    """Scales each row of (n, d) to length one, in place, and returns the array. Rows must not be zero."""
    vectors /= np.sqrt(np.vecdot(vectors, vectors))[:, np.newaxis]
    return vectors


class HashEmbedder:
    """Words and character 3-grams hashed with blake2b into 256 signed buckets (Weinberger et al. 2009).

    Two texts are near when they share words or spelling; meaning is not seen. The same on every machine.
    """

    name = "hash"
    dimensions = 256

    def embed(self, texts: Sequence[str], *, progress: Tick | None = None) -> Vectors:
        """See `Embedder.embed`; shape (n, 256)."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            _fill(row, text)
            if progress:
                progress(1)
        return normalise_rows(vectors)


class NoEmbedder:
    """The embedder of zero dimensions: a knowledge base that searches by full text only."""

    name = "none"
    dimensions = 0

    def embed(self, texts: Sequence[str], *, progress: Tick | None = None) -> Vectors:
        """Rows of no length, shape (n, 0)."""
        if progress and texts:
            progress(len(texts))
        return np.empty((len(texts), 0), dtype=np.float32)


def _fill(row: Vectors, text: str) -> None:
    for feature, count in Counter(_features(replace_surrogates(text))).items():
        bucket, sign = _place(feature)
        row[bucket] += sign * count
    if not row.any():  # no feature, or signs that cancel: still a unit vector
        bucket, sign = _place("")
        row[bucket] = sign


def _features(text: str) -> Iterator[str]:
    for word in _WORD.findall(text.casefold()):
        yield word
        padded = f" {word} "
        for i in range(len(padded) - 2):
            yield padded[i : i + 3]


@lru_cache(maxsize=1 << 16)
def _place(feature: str) -> tuple[int, int]:
    digest = blake2b(feature.encode(), digest_size=2).digest()
    return digest[0], 1 if digest[1] & 1 else -1
