"""Any model of the sentence-transformers library, by hub name or folder."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from yukawa.core.errors import InputError, MissingPackage
from yukawa.embedding.base import normalise_rows, replace_surrogates

if TYPE_CHECKING:
    from yukawa.embedding.base import Progress, Vectors

_BLOCK = 1024


class SentenceTransformersEmbedder:
    """A sentence-transformers model, on the device the library chooses.

    Args:
        model: name on the hub or path of a folder.

    Raises:
        MissingPackage: sentence-transformers is not installed.
        InputError: there is no such model, or it cannot be loaded.
    """

    def __init__(self, model: str) -> None:
        try:
            library = import_module("sentence_transformers")
        except ModuleNotFoundError as error:
            raise MissingPackage(
                "sentence-transformers",
                "pip install sentence-transformers",
                purpose=f"the embedder 'sentence-transformers:{model}'",
            ) from error
        try:
            self._model = library.SentenceTransformer(model)
        except (OSError, ValueError) as error:
            raise InputError(
                f"no sentence-transformers model {model!r}: {error}",
                hint="give the path of a folder, or a hub name while the hub can be reached",
            ) from error
        self.name = f"sentence-transformers:{model}"
        self.dimensions = self._encode(["dimensions"]).shape[1]

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder.embed`."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _BLOCK):
            block = [replace_surrogates(text) for text in texts[start : start + _BLOCK]]
            vectors[start : start + len(block)] = self._encode(block)
            if progress:
                progress(len(block))
        return vectors

    def _encode(self, texts: list[str]) -> Vectors:
        rows = self._model.encode(texts, convert_to_numpy=True, show_progress_bar=False)
        return normalise_rows(np.array(rows, dtype=np.float32))
