"""Patches of bytes in a transformer: their vectors, the decoder within a patch, and attention in packed sequences."""

import math
from collections.abc import Generator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface, LlamaModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.segments import BYTES, Mark
from yukawa.core.errors import InputError

# The attention implementation for packed sequences, registered with transformers; for all else it is SDPA.
PACKED_ATTENTION = "sdpa-packed"


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
        """Vectors of shape (…, D) from ids of shape (…, P).

        Raises:
            InputError: an id is not in the vocabulary.
        """
        check_ids(patches_XP, self.bytes.weight.shape[0])
        vectors: Tensor = self.patch(self.bytes(patches_XP).flatten(-2))
        return vectors


class PatchDecoder(nn.Module):
    """A small Llama over the P bytes of the patch that follows.

    At byte p it sees a part of its own of the patch vector, and the byte before; it is the local model of MegaByte
    (arXiv:2305.07185).
    """

    def __init__(self, config: ByteLMConfig) -> None:
        super().__init__()
        self.size = config.patch_size
        width = config.inner_size
        self.spread = nn.Linear(config.hidden_size, config.patch_size * width, bias=False)
        self.bytes = nn.Embedding(config.vocab_size, width)
        self.decoder = LlamaModel(config.within_patch())
        self.decoder.embed_tokens = None  # it is given embeddings
        self.head = nn.Linear(width, config.vocab_size, bias=False)

    def forward(self, vectors_BTD: Tensor, following_BTP: Tensor) -> Tensor:
        """Logits (B, T, P, V) of the bytes `following_BTP` of the patches after each vector."""
        inputs_NPW = self.spread(vectors_BTD).unflatten(-1, (self.size, -1)).flatten(0, 1)
        before_NPW = self.bytes(following_BTP[..., :-1]).flatten(0, 1)
        inputs_NPW = torch.cat([inputs_NPW[:, :1], inputs_NPW[:, 1:] + before_NPW], dim=1)
        hidden = self.decoder(inputs_embeds=inputs_NPW, use_cache=False).last_hidden_state
        logits: Tensor = self.head(hidden).unflatten(0, vectors_BTD.shape[:2])
        return logits

    def steps(self, vector_BD: Tensor) -> Generator[Tensor, Tensor, None]:
        """A generator that gives the logits (B, V) of one byte after another; it is sent each chosen byte (B,)."""
        inputs_BPW = self.spread(vector_BD).unflatten(-1, (self.size, -1))
        cache, step_BW = None, inputs_BPW[:, 0]
        for byte in range(self.size):
            output = self.decoder(inputs_embeds=step_BW[:, None], cache=cache, use_cache=True)
            cache = output.past_key_values
            chosen_B = yield self.head(output.last_hidden_state[:, 0])
            if byte + 1 < self.size:
                step_BW = inputs_BPW[:, byte + 1] + self.bytes(chosen_B)


class PackedGroup(Protocol):
    """b sequences of nearly one length, at most P, whose n rows lie together."""

    @property
    def rows(self) -> int:
        """N."""

    def padded(self, rows_nX: Tensor, /) -> Tensor:
        """The rows as (b, P, X), padded on the right."""

    def unpad(self, padded_bPX: Tensor, /) -> Tensor:
        """The rows (n, X) of padded ones."""


def attend_packed(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    groups: Sequence[PackedGroup] | None = None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Causal attention as transformers calls it; with `groups`, of packed sequences, each among its own rows.

    Args:
        module: the attention layer.
        query: (1, heads, N, d) of N packed rows; the rows of all groups, one after another.
        key: as `query`, perhaps of fewer heads.
        value: as `key`.
        attention_mask: not looked at with `groups`.
        groups: of the sequences.
        options: of SDPA.

    Returns:
        (1, N, heads, d), and no weights.
    """
    if groups is None:
        found: tuple[Tensor, Tensor | None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **options
        )
        return found
    heads = [x.shape[1] for x in (query, key, value)]
    width = query.shape[-1]
    packed_NX = torch.cat([x[0].transpose(0, 1).flatten(1) for x in (query, key, value)], dim=1)
    outputs = []
    for rows_nX, group in zip(packed_NX.split([group.rows for group in groups]), groups, strict=True):
        q, k, v = (
            part.unflatten(-1, (-1, width)).transpose(1, 2)
            for part in group.padded(rows_nX).split([width * number for number in heads], dim=-1)
        )
        mixed = F.scaled_dot_product_attention(
            q, k, v,
            dropout_p=options.get("dropout", 0.0), scale=options.get("scaling"), is_causal=True,
            enable_gqa=heads[0] != heads[1],
        )  # fmt: skip
        outputs.append(group.unpad(mixed.transpose(1, 2).flatten(2)))
    return torch.cat(outputs).unflatten(-1, (heads[0], width))[None], None


def smooth_rows(width: int, scale: float) -> Tensor:
    """Embeddings (256, width) of the bytes in which near values are near: cosines of rising frequency.

    The lowest frequency orders the bytes from first to last, the highest tells neighbours apart; `scale` is the
    root mean square.
    """
    value = torch.arange(BYTES, dtype=torch.float32) / (BYTES - 1)
    # Below BYTES / 2, where octaves would come back in step: at a width of 8, bytes 128 apart would be alike.
    frequencies = torch.logspace(0, math.log2(0.4 * BYTES), width, base=2)
    phases = torch.arange(width) * (math.pi / 2)
    return math.sqrt(2) * scale * torch.cos(math.pi * value[:, None] * frequencies + phases)


def check_ids(ids: Tensor, vocabulary: int) -> None:
    """Refuse ids that are not in the vocabulary, which a GPU would answer with an error that ends the process.

    Raises:
        InputError: there is such an id.
    """
    outside = (ids < 0) | (ids >= vocabulary)
    if bool(outside.any()):
        raise InputError(
            f"the id {int(ids[outside][0])} is not in the vocabulary, allowed are 0 to {vocabulary - 1}"
        )


def check_whole(name: str, given: Any, shape: str) -> None:
    """Refuse anything but a tensor of whole numbers.

    Raises:
        InputError: it is not one.
    """
    if not isinstance(given, Tensor):
        raise InputError(
            f"{name} came as {type(given).__name__}, a tensor of whole numbers of shape {shape} is expected",
            hint="wrap it: torch.as_tensor(…)",
        )
    if given.is_floating_point() or given.is_complex() or given.dtype == torch.bool:
        raise InputError(
            f"{name} have the shape {list(given.shape)} and the type {given.dtype}, whole numbers of shape {shape} "
            "are expected"
        )


def as_patches(ids_BL: Tensor, patch_size: int) -> Tensor:
    """The ids of shape (B, L) and any integer type as patches, (B, T, P) int64.

    Raises:
        InputError: the ids have another shape or type, there are none, or L is not a multiple of P.
    """
    check_whole("input_ids", ids_BL, "(batch, bytes)")
    if ids_BL.ndim != 2:
        raise InputError(
            f"input_ids have the shape {list(ids_BL.shape)} and the type {ids_BL.dtype}, whole numbers of shape "
            "(batch, bytes) are expected"
        )
    length = ids_BL.shape[1]
    if ids_BL.numel() == 0:
        raise InputError(f"input_ids have the shape {list(ids_BL.shape)}: there is no byte")
    if length % patch_size:
        raise InputError(
            f"a sequence of {length} bytes is not made of patches of {patch_size}",
            hint=f"fill it up with the padding id {int(Mark.PAD)}, as ByteTokenizer(patch_size={patch_size}) does",
        )
    return ids_BL.long().unflatten(1, (length // patch_size, patch_size))


def patch_mask(patches_BTP: Tensor, mask_BL: Tensor | None, before: int = 0) -> Tensor:
    """Whether there is anything in a patch, (B, before + T).

    Args:
        patches_BTP: ids.
        mask_BL: 1 where there is a byte, (B, L), or a patch, (B, L / P); None takes patches that are not all padding.
        before: patches that came before these, which the mask holds too; without a mask they are all there.

    Raises:
        InputError: the mask is not a tensor, or has another shape than the ids.
    """
    batch, patches, size = patches_BTP.shape
    patches += before
    if mask_BL is None:
        return F.pad((patches_BTP != Mark.PAD).any(-1), (before, 0), value=True)
    if not isinstance(mask_BL, Tensor):
        raise InputError(
            f"attention_mask came as {type(mask_BL).__name__}, a tensor is expected",
            hint="wrap it: torch.as_tensor(…)",
        )
    if mask_BL.shape == (batch, patches):
        return mask_BL.bool()
    if mask_BL.shape != (batch, patches * size):
        raise InputError(
            f"attention_mask has the shape {list(mask_BL.shape)}, {[batch, patches * size]} is expected, as input_ids"
        )
    return mask_BL.unflatten(1, (patches, size)).bool().any(-1)


AttentionInterface.register(PACKED_ATTENTION, attend_packed)
AttentionMaskInterface.register(PACKED_ATTENTION, sdpa_mask)
