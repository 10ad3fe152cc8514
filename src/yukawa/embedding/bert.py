"""The forward pass of a BERT encoder in NumPy, for batches of texts of any lengths without padding."""

from collections.abc import Sequence
from itertools import groupby
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError, ModelError
from yukawa.core.files import parse_json
from yukawa.embedding.base import normalise_rows

Array = NDArray[np.float32]

# A question has few tokens: their products take the time of reading the weights, half as long in panels of 32 columns,
# which OpenBLAS multiplies without packing them first.
_FEW, _PANEL = 40, 32
_ROWS = 32  # rows of the widest layer whose temporary arrays stay in the second-level cache
# erf to 1.5e-7 by formula 7.1.26 of Abramowitz and Stegun, Handbook of Mathematical Functions (1964); NumPy has no erf.
_ERF_P = np.float32(0.3275911)
_ERF = tuple(np.float32(c) for c in (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429))


class Bert:
    """Token ids to mean-pooled unit vectors: BERT (Devlin et al. 2019) with the pooling of Sentence-BERT (2019).

    Args:
        weights: tensors by their Hugging Face names, float32.
        heads: number of attention heads.
        epsilon: added to the variance in LayerNorm.
    """

    def __init__(self, weights: dict[str, Array], *, heads: int, epsilon: float = 1e-12) -> None:
        self._weights = weights
        self._panels = {
            name: np.ascontiguousarray(
                weight.reshape(-1, gcd(len(weight), _PANEL), weight.shape[1]).swapaxes(1, 2)
            )
            for name, weight in weights.items()
            if name.startswith("encoder.") and weight.ndim == 2
        }
        self._heads, self._epsilon = heads, np.float32(epsilon)
        self._layers = 1 + max(
            int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer.")
        )
        self.width = weights["embeddings.word_embeddings.weight"].shape[1]

    def embed(self, texts: Sequence[Sequence[int]]) -> Array:
        """Unit vectors (n, width) of n texts as lists of token ids, of which equal lengths are neighbours.

        All tokens go through each matrix product at once, attention by groups of texts of one length.
        """
        groups, start = [], 0
        for length, same in groupby(map(len, texts)):
            count = len(list(same))
            groups.append((slice(start, start + count * length), count))
            start += count * length
        words, positions, types = (
            self._weights[f"embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        )
        # A text is one segment, of type 0.
        x = words[[token for text in texts for token in text]] + types[0]
        x += positions[[place for text in texts for place in range(len(text))]]
        x = self._norm(x, "embeddings")
        for layer in range(self._layers):
            place = f"encoder.layer.{layer}"
            x += self._linear(self._attention(x, groups, place), f"{place}.attention.output.dense")
            x = self._norm(x, f"{place}.attention.output")
            inner = self._linear(x, f"{place}.intermediate.dense")
            for start in range(0, len(inner), _ROWS):
                gelu(inner[start : start + _ROWS])
            x += self._linear(inner, f"{place}.output.dense")
            x = self._norm(x, f"{place}.output")
        means = [x[rows].reshape(count, -1, self.width).mean(axis=1) for rows, count in groups]
        return normalise_rows(np.concatenate(means))

    def _attention(self, x: Array, groups: Sequence[tuple[slice, int]], layer: str) -> Array:
        """Softmax attention within each text: rows of tokens in, rows of tokens out."""
        whole = [self._linear(x, f"{layer}.attention.self.{name}") for name in ("query", "key", "value")]
        context = np.empty_like(x)
        for rows, count in groups:
            shape = (count, -1, self._heads, self.width // self._heads)
            query, key, value = (part[rows].reshape(shape).swapaxes(1, 2) for part in whole)
            scores: Array = query @ key.swapaxes(2, 3)
            scores *= np.float32(shape[-1] ** -0.5)
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=-1, keepdims=True)
            context[rows] = (scores @ value).swapaxes(1, 2).reshape(-1, self.width)
        return context

    def _linear(self, x: Array, name: str) -> Array:
        weight, panels = self._weights[f"{name}.weight"], self._panels[f"{name}.weight"]
        product = np.empty((len(x), len(weight)), np.float32)
        if len(x) > _FEW:
            np.matmul(x, weight.T, out=product)
        else:
            np.matmul(x, panels, out=product.reshape(len(x), -1, panels.shape[2]).swapaxes(0, 1))
        product += self._weights[f"{name}.bias"]
        return product

    def _norm(self, x: Array, name: str) -> Array:
        """LayerNorm (Ba et al. 2016) of each row, in place."""
        x -= x.mean(axis=1, keepdims=True)
        variance = np.vecdot(x, x) / np.float32(self.width)
        x /= np.sqrt(variance + self._epsilon)[:, np.newaxis]
        x *= self._weights[f"{name}.LayerNorm.weight"]
        x += self._weights[f"{name}.LayerNorm.bias"]
        return x


def gelu(x: Array) -> Array:
    """Apply x/2 (1 + erf(x / sqrt 2)) (Hendrycks and Gimpel 2016) in place, to any shape."""
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + _ERF_P * z)
    series = t * _ERF[-1]
    for coefficient in _ERF[-2::-1]:
        series += coefficient
        series *= t
    z *= -z
    series *= np.exp(z, out=z)  # erfc(|x| / sqrt 2)
    x *= np.float32(0.5) * np.where(x > 0, 2 - series, series)
    return x


def read_safetensors(path: Path) -> dict[str, Array]:
    """The float32 tensors of a safetensors file, mapped and not copied: what is not used is never read from disk.

    Format: an 8-byte little-endian length, a JSON header with type, shape and offsets of each tensor, the bytes.

    Raises:
        ModelError: the file is not a whole safetensors file.
    """
    try:
        raw = np.memmap(path, dtype=np.uint8, mode="r")
        begin = 8 + int.from_bytes(bytes(raw[:8]), "little")
        header: dict[str, Any] = parse_json(bytes(raw[8:begin]), "its header")
        return {
            name: raw[begin:][slice(*entry["data_offsets"])].view("<f4").reshape(entry["shape"])
            for name, entry in header.items()
            if entry.get("dtype") == "F32"
        }
    except (InputError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the weights file {path} cannot be read: {error}") from error
