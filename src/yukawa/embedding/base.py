"""The protocol of all embedders, `open_embedder`, which opens one by its name, and those that need no model."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from importlib import import_module
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError, nearest

Vectors = NDArray[np.float32]
Progress = Callable[[int], None]

DEFAULT = "auto"
# What a person may type, shown in the message when something else came; and the module, the class and the method.
_FORMS = {
    "auto": ("auto", "minilm", "MiniLM", "from_package"),  # once `settle` has chosen
    "minilm": ("minilm", "minilm", "MiniLM", "from_package"),
    "hash": ("hash", "base", "HashEmbedder", ""),
    "none": ("none", "base", "NoEmbedder", ""),
    "sentence-transformers": (
        "sentence-transformers:NAME_OR_FOLDER", "minilm", "SentenceTransformersEmbedder", "",
    ),
    "openai": ("openai:MODEL@BASE_URL", "openai", "OpenAIEmbedder", "from_spec"),
}  # fmt: skip
_WORD = re.compile(r"\w+|[^\w\s]")
_BLOCK = 256
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

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """One float32 unit row a text: shape (n, d), (0, d) for no texts.

        Args:
            texts: any strings, of any length; what is beyond the window of a model is not seen.
            progress: called with the number of texts newly finished, from the calling thread.

        Raises:
            ModelError: a service behind the embedder failed.
        """
        ...


def settle(spec: str) -> str:
    """`spec`, where 'auto' becomes 'minilm' if its weights are installed and else 'none'.

    What a base records is settled: installing the weights later does not change how it searches.
    """
    spec = spec.strip()
    if spec != "auto":
        return spec
    from yukawa.embedding.minilm import weights_folder

    return "none" if weights_folder() is None else "minilm"


def open_embedder(spec: str = DEFAULT) -> Embedder:
    """The embedder named by `spec`; its module is imported now.

    Args:
        spec: 'auto' (see `settle`), 'minilm' (384 dimensions, English, offline), 'hash' (256 dimensions, no model),
            'none' (full text only), 'sentence-transformers:NAME_OR_FOLDER', or 'openai:MODEL@BASE_URL', the last optionally with
            '?key=VARIABLE', the environment variable that holds the key.

    Raises:
        InputError: `spec` is none of these, or names a model that cannot be found.
        MissingPackage: the package of the embedder is not installed.
    """
    kind, colon, rest = settle(spec).partition(":")
    if kind not in _FORMS or bool(colon) != (":" in _FORMS[kind][0]) or (colon and not rest):
        near = nearest(kind, _FORMS)
        raise InputError(
            f"unknown embedder {spec!r}; allowed are {', '.join(form for form, *_ in _FORMS.values())}",
            hint=f"type: {_FORMS[near][0]}" if near else "",
        )
    _, module, name, method = _FORMS[kind]
    maker = getattr(import_module(f"yukawa.embedding.{module}"), name)
    maker = getattr(maker, method) if method else maker
    embedder: Embedder = maker(rest) if colon else maker()
    return embedder


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

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder.embed`; shape (n, 256)."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            for row, text in zip(vectors[start:], block, strict=False):
                _fill(row, text)
            if progress:
                progress(len(block))
        return normalise_rows(vectors)


class NoEmbedder:
    """The embedder of zero dimensions: a knowledge base that searches by full text only."""

    name = "none"
    dimensions = 0

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
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
