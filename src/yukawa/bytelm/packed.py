"""Attention within packed sequences: all other layers then see rows without any padding.

It is registered with transformers as an attention implementation of its own, which is SDPA for everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa-packed"


class Group(Protocol):
    """b sequences of nearly one length, at most P, whose n rows lie together."""

    @property
    def rows(self) -> int:
        """N."""

    def padded(self, rows_nX: Tensor, /) -> Tensor:
        """The rows as (b, P, X), padded on the right."""

    def unpad(self, padded_bPX: Tensor, /) -> Tensor:
        """The rows (n, X) of padded ones."""


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    groups: Sequence[Group] | None = None,
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
        mixed = scaled_dot_product_attention(
            q, k, v,
            dropout_p=options.get("dropout", 0.0), scale=options.get("scaling"), is_causal=True,
            enable_gqa=heads[0] != heads[1],
        )  # fmt: skip
        outputs.append(group.unpad(mixed.transpose(1, 2).flatten(2)))
    return torch.cat(outputs).unflatten(-1, (heads[0], width))[None], None


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
