"""No vectors at all: a knowledge base that searches by full text only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from yukawa.embedding.base import Progress, Vectors


class NoEmbedder:
    """The embedder of zero dimensions."""

    name = "none"
    dimensions = 0

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Rows of no length, shape (n, 0)."""
        if progress and texts:
            progress(len(texts))
        return np.empty((len(texts), 0), dtype=np.float32)
