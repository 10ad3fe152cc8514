"""The forward pass of a BERT encoder in NumPy, for batches of texts of any lengths without padding."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import ModelError
from yukawa.core.threads import multiplies_small_unpacked
from yukawa.embedding.base import normalise_rows

if TYPE_CHECKING:
    from yukawa.embedding.base import Vectors

Array = NDArray[np.float32]

_ROWS = 64  # rows of element-wise work at a time: the block and its scratch stay in the second-level cache
_PANEL = 32  # columns
_FEW = 40  # rows
_SMALL = 1_000_000  # multiplications
_EXP_SAFE = 80.0  # exp of at most this, summed over a window, fits float32

# GELU(x) = x/2 (1 + erf(x/sqrt 2)) (Hendrycks & Gimpel 2016) as x/2 (1 + tanh(x P(x^2))): erf has no NumPy function,
# tanh a fast one. P is the minimax fit of artanh(erf(x/sqrt 2))/x, weighted so that the error of GELU is even;
# |error| < 7e-8 for all x in exact arithmetic. The leading coefficient is positive: tanh saturates to the right side.
_GELU = tuple(
    np.float32(c)
    for c in (
        7.97884216e-01,
        3.63342835e-02,
        -3.31299604e-05,
        -5.52401685e-05,
        3.96911082e-06,
        -1.33446493e-07,
        1.80561827e-09,
    )
)


class Matrix:
    """A weight matrix, laid out for products with few rows (a question) and with many.

    Few rows are a matter of reading the weights. Where OpenBLAS multiplies small operands without packing them first,
    panels of 32 columns are small enough, and nearly twice as fast as the whole; elsewhere they would be a fifth
    slower. Many rows pay for packing and want the whole matrix, which is then made when first used.

    Args:
        weight: (out, in), as linear layers are stored.
        in_panels: whether small operands are multiplied unpacked, see `threads.multiplies_small_unpacked`.
    """

    def __init__(self, weight: Array, *, in_panels: bool) -> None:
        self.columns, self._depth = weight.shape
        panel = gcd(self.columns, _PANEL) if in_panels else self.columns
        self._panels = np.ascontiguousarray(weight.reshape(-1, panel, self._depth).transpose(0, 2, 1))

    @cached_property
    def _whole(self) -> Array:
        return np.ascontiguousarray(self._panels.transpose(1, 0, 2)).reshape(self._depth, self.columns)

    def product(self, rows: Array, out: Array) -> Array:
        """`out` = `rows` (n, in) times the matrix, (n, out)."""
        if len(self._panels) == 1 or len(rows) > _FEW:
            return np.matmul(rows, self._whole, out=out)
        panel = self._panels.shape[2]
        step = _SMALL // (self._depth * panel)
        for start in range(0, len(rows), step):
            piece = rows[start : start + step]
            panels = out[start : start + step].reshape(len(piece), -1, panel)
            np.matmul(piece, self._panels, out=panels.transpose(1, 0, 2))
        return out


@dataclass(frozen=True)
class Layer:
    """Weights of one layer, folded so that the forward pass has less to do; see `_fold_layer`."""

    qkv: Matrix
    query_bias: Array
    attended: Matrix
    attended_bias: Array
    attended_norm: tuple[Array, Array]
    up: Matrix
    up_bias: Array
    down: Matrix
    down_bias: Array
    norm: tuple[Array, Array]


class Workspace:
    """Buffers for a batch of at most `tokens` tokens in texts of at most `longest`, to be used again and again."""

    def __init__(self, bert: Bert, tokens: int, longest: int) -> None:
        width, wide = bert.width, bert.layers[0].up.columns
        self.hidden = np.empty((tokens, width), np.float32)
        self.update = np.empty((tokens, width), np.float32)
        self.qkv = np.empty((tokens, 3 * width), np.float32)
        # Attention scores, then the feed-forward layer: never needed at the same time.
        self.wide = np.empty(max(tokens * wide, bert.heads * longest * longest), np.float32)
        self.scratch = np.empty((2, _ROWS, wide), np.float32)


class Bert:
    """Token ids to mean-pooled unit vectors: BERT (Devlin et al. 2019) with the pooling of Sentence-BERT (2019).

    Args:
        weights: tensors by their Hugging Face names, float32.
        heads: number of attention heads.
        epsilon: added to the variance in LayerNorm.
    """

    def __init__(self, weights: dict[str, Array], *, heads: int, epsilon: float = 1e-12) -> None:
        self._words = weights["embeddings.word_embeddings.weight"]
        # A text is one segment: its type embedding is a constant.
        self._positions = (
            weights["embeddings.position_embeddings.weight"]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"]
        self._epsilon = np.float32(epsilon)
        self.heads = heads
        self.width = self._words.shape[1]
        self.window = len(self._positions)
        self._averaging = np.full(self.width, 1 / self.width, np.float32)
        count = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer."))
        self.layers = [_fold_layer(weights, f"encoder.layer.{i}.", heads) for i in range(count)]

    def embed(self, texts: Sequence[Sequence[int]], work: Workspace) -> Vectors:
        """Unit vectors (n, d) of token id lists ordered so that equal lengths are neighbours.

        All tokens of the batch go through each matrix product at once; attention goes by groups of equal length,
        so there is nothing to pad or mask.
        """
        lengths = [len(text) for text in texts]
        ids = np.concatenate([np.asarray(text, np.intp) for text in texts])
        positions = np.concatenate([np.arange(length) for length in lengths])
        groups = list(_groups(lengths))
        hidden, update, qkv = work.hidden[: len(ids)], work.update[: len(ids)], work.qkv[: len(ids)]
        wide = work.wide[: len(ids) * self.layers[0].up.columns].reshape(len(ids), -1)

        self._first(ids, positions, hidden, qkv)
        for layer in self.layers:
            if layer is not self.layers[0]:
                layer.qkv.product(hidden, qkv)
            qkv[:, : self.width] += layer.query_bias
            for group in groups:
                self._attend(qkv, update, group, work.wide)
            attended = work.wide[: hidden.size].reshape(hidden.shape)
            layer.attended.product(update, attended)
            self._add_and_norm(hidden, attended, layer.attended_bias, layer.attended_norm)
            layer.up.product(hidden, wide)
            _gelu_twice(wide, layer.up_bias, work.scratch)
            layer.down.product(wide, update)
            self._add_and_norm(hidden, update, layer.down_bias, layer.norm)
        return normalise_rows(_mean_by_text(hidden, groups))

    def _first(self, ids: NDArray[np.intp], positions: NDArray[np.intp], hidden: Array, qkv: Array) -> None:
        """Embeddings and the first query/key/value product, once for each distinct token at a position."""
        pairs, where = np.unique(ids * self.window + positions, return_inverse=True)
        rows: Array = self._words[pairs // self.window] + self._positions[pairs % self.window]
        self._layer_norm(rows, self._norm)
        np.take(rows, where, axis=0, out=hidden, mode="clip")
        products = self.layers[0].qkv.product(rows, np.empty((len(rows), qkv.shape[1]), np.float32))
        np.take(products, where, axis=0, out=qkv, mode="clip")

    def _attend(self, qkv: Array, out: Array, group: tuple[int, int, int], buffer: Array) -> None:
        """Softmax attention of `count` texts of `length` tokens from row `start` on; writes their rows of `out`."""
        start, count, length = group
        shape = (-1, length, self.heads, self.width // self.heads)
        step = buffer.size // (self.heads * length * length)
        ones = np.ones((length, 1), np.float32)
        for first in range(0, count, step):
            rows = slice(start + first * length, start + min(first + step, count) * length)
            query, key, value = (part.reshape(shape) for part in np.split(qkv[rows], 3, axis=1))
            n = len(query)
            scores = buffer[: n * self.heads * length * length].reshape(n, self.heads, length, length)
            np.matmul(query.transpose(0, 2, 1, 3), key.transpose(0, 2, 3, 1), out=scores)
            # Softmax needs no shift while exp stays finite; finding each row's largest score costs more than exp.
            if max(scores.max(), -scores.min()) > _EXP_SAFE:
                scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores @ ones
            np.matmul(scores, value.transpose(0, 2, 1, 3), out=out[rows].reshape(shape).transpose(0, 2, 1, 3))

    def _add_and_norm(self, hidden: Array, update: Array, bias: Array, norm: tuple[Array, Array]) -> None:
        """Makes `hidden` LayerNorm(hidden + update + bias)."""
        for start in range(0, len(hidden), _ROWS):
            rows = hidden[start : start + _ROWS]
            rows += update[start : start + _ROWS]
            rows += bias
            self._layer_norm(rows, norm)

    def _layer_norm(self, rows: Array, norm: tuple[Array, Array]) -> None:
        """Ba et al. 2016, in place."""
        rows -= (rows @ self._averaging)[:, np.newaxis]
        variance = np.vecdot(rows, rows) / np.float32(self.width)
        rows /= np.sqrt(variance + self._epsilon)[:, np.newaxis]
        rows *= norm[0]
        rows += norm[1]


def _fold_layer(weights: dict[str, Array], prefix: str, heads: int) -> Layer:
    def part(name: str) -> Array:
        return weights[prefix + name]

    in_panels = multiplies_small_unpacked()
    scale = np.float32((len(part("attention.self.query.bias")) // heads) ** -0.5)
    query, key, value = (part(f"attention.self.{name}.weight") for name in ("query", "key", "value"))
    # A key bias adds one number to all scores of a query, which softmax takes out again: dropped. Attention weights
    # sum to one, so a value bias is a constant: moved behind the next product. The 1/2 of GELU sits in `down`.
    attended = part("attention.output.dense.weight")
    return Layer(
        qkv=Matrix(np.concatenate([query * scale, key, value]), in_panels=in_panels),
        query_bias=part("attention.self.query.bias") * scale,
        attended=Matrix(attended, in_panels=in_panels),
        attended_bias=part("attention.output.dense.bias") + attended @ part("attention.self.value.bias"),
        attended_norm=(part("attention.output.LayerNorm.weight"), part("attention.output.LayerNorm.bias")),
        up=Matrix(part("intermediate.dense.weight"), in_panels=in_panels),
        up_bias=part("intermediate.dense.bias"),
        down=Matrix(part("output.dense.weight") * np.float32(0.5), in_panels=in_panels),
        down_bias=part("output.dense.bias"),
        norm=(part("output.LayerNorm.weight"), part("output.LayerNorm.bias")),
    )


def _gelu_twice(values: Array, bias: Array, scratch: Array) -> None:
    """Makes `values` 2 GELU(values + bias)."""
    for start in range(0, len(values), _ROWS):
        x = values[start : start + _ROWS]
        square, t = scratch[:, : len(x)]
        x += bias
        np.square(x, out=square)
        np.multiply(square, _GELU[-1], out=t)
        for coefficient in _GELU[-2:0:-1]:
            t += coefficient
            t *= square
        t += _GELU[0]
        t *= x
        np.tanh(t, out=t)
        t += np.float32(1)
        x *= t


def _groups(lengths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(first row, number of texts, length) of each run of equal lengths."""
    start = 0
    for length, run in groupby(lengths):
        count = len(list(run))
        yield start, count, length
        start += count * length


def _mean_by_text(hidden: Array, groups: Sequence[tuple[int, int, int]]) -> Array:
    parts = [
        hidden[start : start + count * length].reshape(count, length, -1).mean(axis=1)
        for start, count, length in groups
    ]
    return np.concatenate(parts)


def read_safetensors(path: Path) -> dict[str, Array]:
    """The float32 tensors of a safetensors file, mapped and not copied: what is not used is never read from disk.

    Format: an 8-byte little-endian length, a JSON header with type, shape and offsets of each tensor, the bytes.

    Raises:
        ModelError: the file is not a whole safetensors file.
    """
    try:
        raw = np.memmap(path, dtype=np.uint8, mode="r")
        begin = 8 + int.from_bytes(bytes(raw[:8]), "little")
        header: dict[str, Any] = json.loads(bytes(raw[8:begin]))
        return {
            name: raw[begin:][slice(*entry["data_offsets"])].view("<f4").reshape(entry["shape"])
            for name, entry in header.items()
            if entry.get("dtype") == "F32"
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"cannot read the weights file {path}: {error}") from error
