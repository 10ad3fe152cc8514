"""A plain transformer over particles, without pair features, and the parts that every transformer of particles shares."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from yukawa.core.errors import InputError
from yukawa.jets.models.blocks import (
    DenseAttention,
    PackedAttention,
    ParticleBlock,
    gelu,
    initialise_blocks,
    initialise_linear,
)
from yukawa.jets.models.layout import LengthGroup, attendable, group_by_length
from yukawa.jets.models.pairs import normalise, running_affine
from yukawa.jets.models.tagger import ParticleTagger, TaggerConfig


class ParticleEmbedding(nn.Module):
    """A batch norm over real particles, then layers of layer norm, linear and GELU."""

    def __init__(self, features: int, sizes: Sequence[int]) -> None:
        super().__init__()
        widths = (features, *sizes)
        self.input_norm = nn.BatchNorm1d(features)
        self.norms = nn.ModuleList(nn.LayerNorm(a) for a in widths[:-1])
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, sizes, strict=False))

    def normalise(self, features_NF: Tensor) -> Tensor:
        """The features of real particles after the batch norm."""
        return normalise(self.input_norm, features_NF)

    def normalise_padded(self, features_BPF: Tensor, mask_BP: Tensor) -> Tensor:
        """The same of padded particles, by the running statistics; zero where there is none."""
        scale, shift = running_affine(self.input_norm)
        return torch.addcmul(shift, features_BPF, scale).masked_fill(~mask_BP[..., None], 0)

    def forward(self, x_NF: Tensor) -> Tensor:
        """Embedded particles (N, D), from normalised features."""
        for norm, linear in zip(self.norms, self.layers, strict=True):
            x_NF = gelu(linear(norm(x_NF)))
        return x_NF


class TransformerTagger(ParticleTagger):
    """A tagger that embeds particles, lets them attend to each other in `blocks`, and classifies each jet.

    A subclass says with which bias particles attend, and how the logits follow from the particles of a jet.
    """

    embedding: ParticleEmbedding
    blocks: nn.ModuleList

    def forward(self, features_NF: Tensor, momenta_N4: Tensor, points_N2: Tensor, counts_B: Tensor) -> Tensor:
        """See `ParticleTagger.forward`. Jets are sorted by length; there is a little padding within attention only."""
        layout = group_by_length(counts_B)
        features = self.embedding.normalise(features_NF[layout.rows])
        biases = self._biases(momenta_N4[layout.rows], layout.groups)
        outs = [block.scaled_out_projection() for block in self.blocks]
        logits = []
        for bundle in layout.bundles():
            attention = PackedAttention(bundle.groups, [next(biases) for _ in bundle.groups])
            x_ND = self.embedding(bundle.whole.take(features))
            for block, out in zip(self.blocks, outs, strict=True):
                x_ND = block(x_ND, attention, out)
            logits.append(self._classify(bundle.whole.padded(x_ND), bundle.whole.mask))
        return torch.cat(logits)[layout.places]

    def _infer_padded(
        self, features_BPF: Tensor, momenta_BP4: Tensor, points_BP2: Tensor, mask_BP: Tensor
    ) -> Tensor:
        attention = DenseAttention(self._dense_bias(momenta_BP4, mask_BP))
        x_ND = self.embedding(self.embedding.normalise_padded(features_BPF, mask_BP).flatten(0, 1))
        for block in self.blocks:
            x_ND = block(x_ND, attention, block.scaled_out_projection())
        return self._classify(x_ND.unflatten(0, mask_BP.shape), mask_BP)

    @abstractmethod
    def _biases(self, momenta_N4: Tensor, groups: Sequence[LengthGroup]) -> Iterator[Tensor]:
        """The attention bias of each group, (heads or 1, b, P or 1, P); -inf at padded particles."""

    @abstractmethod
    def _dense_bias(self, momenta_BP4: Tensor, mask_BP: Tensor) -> Tensor:
        """The same of padded particles, (heads or 1, B, P or 1, P)."""

    @abstractmethod
    def _classify(self, x_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        """Logits (B, C) of padded particles after the blocks."""


class PlainTransformerConfig(TaggerConfig):
    """Sizes of a plain transformer; the defaults have the width and depth of the Particle Transformer.

    Attributes:
        embed: width of the blocks.
        heads: attention heads; they divide the width.
        layers: number of blocks.
        feedforward: width within a block, in widths of the block.
        dropout: in the blocks.
    """

    architecture: Literal["transformer"] = "transformer"
    embed: int = Field(128, ge=1)
    heads: int = Field(8, ge=1)
    layers: int = Field(8, ge=0)
    feedforward: int = Field(4, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)


class PlainTransformer(TransformerTagger):
    """Embedded particles, blocks of attention among them, and the mean over the particles of each jet.

    It is the control for the Particle Transformer: embedding and blocks are the same; momenta and points are not
    used.
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

    def _biases(self, momenta_N4: Tensor, groups: Sequence[LengthGroup]) -> Iterator[Tensor]:
        return (self._dense_bias(momenta_N4, group.mask) for group in groups)

    def _dense_bias(self, momenta_BP4: Tensor, mask_BP: Tensor) -> Tensor:
        """Zero at particles and -inf at padding, (1, B, 1, P)."""
        shown = torch.zeros_like(mask_BP, dtype=momenta_BP4.dtype)
        return shown.masked_fill(~attendable(mask_BP), -math.inf)[None, :, None]

    def _classify(self, x_BPD: Tensor, mask_BP: Tensor) -> Tensor:
        mask_BP1 = mask_BP[..., None].to(x_BPD.dtype)
        mean = (x_BPD * mask_BP1).sum(1) / mask_BP1.sum(1).clamp(min=1)
        logits: Tensor = self.head(self.norm(mean))
        return logits
