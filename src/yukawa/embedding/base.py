"""The protocol every embedder follows, and what all of them do to texts and vectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

Progress = Callable[[int], None]

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

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> NDArray[np.float32]:
        """One float32 unit row a text: shape (n, d), (0, d) for no texts.

        Args:
            texts: any strings, of any length; what is beyond a model's window is not seen.
            progress: called with the number of texts newly done, from the calling thread.

        Raises:
            ModelError: a service behind the embedder failed.
        """
        ...


def replace_surrogates(text: str) -> str:
    """`text` with each lone surrogate (what a wrongly decoded file leaves) made U+FFFD, so it encodes as UTF-8."""
    return _SURROGATE.sub("\ufffd", text)


def normalise_rows(vectors: Vectors) -> Vectors:
    """Scales each row of (n, d) to length one, in place; returns it. Rows must not be zero."""
    import numpy as np

    vectors /= np.sqrt(np.vecdot(vectors, vectors))[:, np.newaxis]
    return vectors
