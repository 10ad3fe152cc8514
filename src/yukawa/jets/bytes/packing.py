"""Packs the bytes of jets into sequences of whole patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from yukawa.bytelm.vocabulary import Mark
from yukawa.jets.table import Array, offsets_of


def patch_row(ids: Sequence[int], patch_size: int) -> Array:
    """Ids as int16, padded to whole patches."""
    row = np.full(-(-len(ids) // patch_size) * patch_size, int(Mark.PAD), np.int16)
    row[: len(ids)] = ids
    return row


def pack(
    head: Array, bytes_X: Array, begins_B: Array, ends_B: Array, tails_BT: Array, patch_size: int
) -> tuple[Array, Array]:
    """Sequences of the head, the bytes from `begins_B` to `ends_B`, padding to a whole patch, and a tail each.

    Returns:
        patches, int16 of shape (N, P), of all sequences; and the number of patches of each, int64 (B,).
    """
    lengths = ends_B - begins_B
    counts = -(-(len(head) + lengths) // patch_size) + tails_BT.shape[1] // patch_size
    offsets = offsets_of(counts) * patch_size
    ids = np.full(offsets[-1], int(Mark.PAD), np.int16)
    starts = offsets[:-1]
    words = np.flatnonzero(head != Mark.PAD)  # padding is there already
    ids[starts[:, None] + words] = head[words]
    ids[offsets[1:, None] + np.arange(-tails_BT.shape[1], 0)] = tails_BT
    bodies = starts + len(head)
    for body, stop, begin, end in zip(
        bodies.tolist(), (bodies + lengths).tolist(), begins_B.tolist(), ends_B.tolist(), strict=True
    ):
        ids[body:stop] = bytes_X[begin:end]
    return ids.reshape(-1, patch_size), counts
