"""A plain transformer over particles, without pair features: the control for the Particle Transformer."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from yukawa.core.errors import InputError
from yukawa.jets.models.attention import DenseAttention, PackedAttention
from yukawa.jets.models.blocks import ParticleBlock, initialise_blocks, initialise_linear
from yukawa.jets.models.interface import ParticleTagger, TaggerConfig, pack
from yukawa.jets.models.layout import attendable, group_by_length
from yukawa.jets.models.particle_transformer import ParticleEmbedding


class PlainTransformerConfig(TaggerConfig):
    """Sizes of a plain transformer; the defaults have the width and depth of the Particle Transformer.

    Attributes:
        embed: width of the blocks.
        heads: attention heads; they divide the width.
        layers: blocks.
        feedforward: width within a block, in widths of the block.
        dropout: in the blocks.
    """

    architecture: Literal["transformer"] = "transformer"
    embed: int = Field(128, ge=1)
    heads: int = Field(8, ge=1)
    layers: int = Field(8, ge=0)
    feedforward: int = Field(4, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)


class PlainTransformer(ParticleTagger):
    """Embedded particles, blocks of attention among them, and the mean over the particles of each jet.

    Embedding and blocks are those of the Particle Transformer; momenta and points are not looked at.
    """

    Config: ClassVar[type[TaggerConfig]] = PlainTransformerConfig
    config: PlainTransformerConfig

    def __init__(self, config: PlainTransformerConfig) -> None:
        super().__init__(config)
        width = config.embed
        if width % config.heads:
            raise InputError(
                f"{config.heads} heads do not divide the width {width}", hint="choose heads that divide embed"
            )
        self.embedding = ParticleEmbedding(config.features, (width,))
        self.blocks = nn.ModuleList(
            ParticleBlock(width, config.heads, config.feedforward * width, config.dropout)
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, len(config.classes))
        initialise_linear(self)
        initialise_blocks(self.blocks)

    def forward(self, features_NF: Tensor, momenta_N4: Tensor, points_N2: Tensor, counts_B: Tensor) -> Tensor:
        """See `ParticleTagger.forward`. Jets are sorted by length; no padding but a little within attention."""
        layout = group_by_length(counts_B)
        features = self.embedding.normalise(features_NF[layout.rows])
        outs = [block.scaled_out_projection() for block in self.blocks]
        logits = []
        for chunk in layout.chunks():
            attention = PackedAttention(chunk.groups, [_hidden(g.mask, features.dtype) for g in chunk.groups])
            x_ND = self.embedding(chunk.whole.take(features))
            for block, out in zip(self.blocks, outs, strict=True):
                x_ND = block(x_ND, attention, out)
            logits.append(self._classify(chunk.whole.padded(x_ND), chunk.whole.mask))
        return torch.cat(logits)[layout.places]

    def forward_padded(
        self, features_BPF: Tensor, momenta_BP4: Tensor, points_BP2: Tensor, mask_BP: Tensor
    ) -> Tensor:
        """See `ParticleTagger.forward_padded`; in training, where padding must not be seen, the same as `forward`."""
        if self.training:
            features, momenta, points = (pack(x, mask_BP) for x in (features_BPF, momenta_BP4, points_BP2))
            return self.forward(features, momenta, points, mask_BP.sum(1))
        attention = DenseAttention(_hidden(mask_BP, features_BPF.dtype))
        x_ND = self.embedding(self.embedding.normalise_padded(features_BPF, mask_BP).flatten(0, 1))
        for block in self.blocks:
            x_ND = block(x_ND, attention, block.scaled_out_projection())
        return self._classify(x_ND.unflatten(0, mask_BP.shape), mask_BP)

    def _classify(self, x_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        mask_BP1 = mask_BP[..., None].to(x_BPD.dtype)
        mean = (x_BPD * mask_BP1).sum(1) / mask_BP1.sum(1).clamp(min=1)
        logits: Tensor = self.head(self.norm(mean))
        return logits


def _hidden(mask_BP: Tensor, dtype: torch.dtype) -> Tensor:
    """What hides padding from attention, (1, B, 1, P)."""
    return torch.zeros_like(mask_BP, dtype=dtype).masked_fill(~attendable(mask_BP), -math.inf)[None, :, None]
