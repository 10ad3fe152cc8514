"""From the ids of a patch to one vector for the decoder, and the ids' shapes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.vocabulary import BYTES, Mark
from yukawa.errors import InputError


class PatchEmbedding(nn.Module):
    """The vector of each patch: its bytes' embeddings side by side, two linear layers with a ReLU between.

    With a patch of one byte it is the byte's embedding. Source: arXiv:2412.00129, section 4.1.1.
    """

    def __init__(self, config: ByteLMConfig) -> None:
        super().__init__()
        whole = config.patch_size == 1
        self.bytes = nn.Embedding(config.vocab_size, config.hidden_size if whole else config.byte_size)
        self.patch: nn.Module = nn.Identity()
        if not whole:
            self.patch = nn.Sequential(
                nn.Linear(config.patch_size * config.byte_size, config.patch_hidden_size),
                nn.ReLU(),
                nn.Linear(config.patch_hidden_size, config.hidden_size),
            )

    def forward(self, patches_XP: Tensor) -> Tensor:
        """Vectors of shape (…, D) from ids of shape (…, P)."""
        vectors: Tensor = self.patch(self.bytes(patches_XP).flatten(-2))
        return vectors


def smooth_rows(width: int, scale: float) -> Tensor:
    """Embeddings (256, width) of the bytes in which near values are near: cosines of rising frequency.

    The lowest frequency orders the bytes from first to last, the highest tells neighbours apart; `scale` is the
    root mean square.
    """
    value = torch.arange(BYTES, dtype=torch.float32) / (BYTES - 1)
    frequencies = torch.logspace(0, math.log2(BYTES / 2), width, base=2)
    phases = torch.arange(width) * (math.pi / 2)
    return math.sqrt(2) * scale * torch.cos(math.pi * value[:, None] * frequencies + phases)


def as_patches(ids_BL: Tensor, patch_size: int) -> Tensor:
    """The ids of shape (B, L) as patches, (B, T, P).

    Raises:
        InputError: the ids have another shape or type, are outside the vocabulary's range, or L is no multiple of P.
    """
    if ids_BL.ndim != 2 or ids_BL.is_floating_point():
        raise InputError(
            f"input_ids have the shape {list(ids_BL.shape)} and the type {ids_BL.dtype}, whole numbers of shape "
            "(batch, bytes) are expected"
        )
    length = ids_BL.shape[1]
    if length == 0 or length % patch_size:
        raise InputError(
            f"a sequence of {length} bytes is not made of patches of {patch_size}",
            hint=f"fill it up with the padding id {int(Mark.PAD)}, as ByteTokenizer(patch_size={patch_size}) does",
        )
    return ids_BL.unflatten(1, (length // patch_size, patch_size))


def patch_mask(patches_BTP: Tensor, mask_BL: Tensor | None) -> Tensor:
    """Whether there is anything in a patch, (B, T): by the mask of its bytes, or by its padding if there is none.

    Raises:
        InputError: the mask has another shape than the ids.
    """
    if mask_BL is None:
        return (patches_BTP != Mark.PAD).any(-1)
    batch, patches, size = patches_BTP.shape
    if mask_BL.shape == (batch, patches):  # a mask of patches is taken as it is
        return mask_BL.bool()
    if mask_BL.shape != (batch, patches * size):
        raise InputError(
            f"attention_mask has the shape {list(mask_BL.shape)}, {[batch, patches * size]} is expected, as input_ids"
        )
    return mask_BL.unflatten(1, (patches, size)).bool().any(-1)
