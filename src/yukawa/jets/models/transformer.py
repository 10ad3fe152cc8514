"""A plain transformer over particles, without pair features, and the parts that every transformer of particles shares."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from yukawa.core.errors import InputError
from yukawa.jets.models.layout import (
    LengthGroup,
    attendable,
    gelu,
    group_by_length,
    normalise,
    running_affine,
)
from yukawa.jets.models.tagger import ParticleTagger, TaggerConfig

# Who looks at whom, and with which bias: the same in all blocks of a network. From projected particles (N, 3 D: queries,
# keys, values, each head by head), the number of heads and the share of attention weights to drop it gives the attended
# values (N, D).
Attention = Callable[[Tensor, int, float], Tensor]


class ParticleBlock(nn.Module):
    """Attention among the particles of each jet, then a feed-forward network, each added to what came in.

    NormFormer (arXiv:2110.09456): norms also after attention and within the feed-forward network, a factor
    for each head and one for each feature of the second residual.
    """

    def __init__(self, embed: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.attention_norm = nn.LayerNorm(embed)
        self.in_projection = nn.Linear(embed, 3 * embed)
        self.out_projection = nn.Linear(embed, embed)
        self.head_scale_H = nn.Parameter(torch.ones(heads))
        self.attended_norm = nn.LayerNorm(embed)
        self.feedforward_norm = nn.LayerNorm(embed)
        self.expand = nn.Linear(embed, feedforward)
        self.expanded_norm = nn.LayerNorm(feedforward)
        self.contract = nn.Linear(feedforward, embed)
        self.residual_scale_D = nn.Parameter(torch.ones(embed))

    def forward(self, x_ND: Tensor, attention: Attention, out: tuple[Tensor, Tensor]) -> Tensor:
        """The particles after the block, (N, D).

        Args:
            x_ND: particles, of jets that `attention` knows.
            attention: who looks at whom.
            out: what `scaled_out_projection` gives; the same for all particles of a batch.
        """
        projected = self.in_projection(self.attention_norm(x_ND))
        attended = attention(projected, self.heads, self.dropout if self.training else 0.0)
        return self.after_attention(x_ND, attended, out)

    def after_attention(self, x_ND: Tensor, attended_ND: Tensor, out: tuple[Tensor, Tensor]) -> Tensor:
        """Compute the rest of the block, all that concerns each particle alone: (N, D) to (N, D)."""
        p = self.dropout if self.training else 0.0
        attended = F.linear(attended_ND, *out)
        x = x_ND + dropout(self.attended_norm(attended), p)
        y = dropout(gelu(self.expand(self.feedforward_norm(x))), p)
        y = dropout(self.contract(self.expanded_norm(y)), p)
        return torch.addcmul(y, x, self.residual_scale_D)

    def scaled_out_projection(self) -> tuple[Tensor, Tensor]:
        """The weight (D, D) and the bias (D,) that project and then scale the features of each head."""
        weight, bias = self.out_projection.weight, self.out_projection.bias
        scale = self.head_scale_H.repeat_interleave(len(weight) // self.heads)
        return weight * scale[:, None], bias * scale


class ClassBlock(ParticleBlock):
    """A block in which one class token looks at itself and the particles (CaiT, arXiv:2103.17239)."""

    def forward(self, token_BD: Tensor, x_BPD: Tensor, hidden_B1P: Tensor) -> Tensor:
        """The token after the block, (B, D).

        With one query a head, keys and values need not be made for each particle: q (W u) = (q W) u, and the
        sum of w W u is W times the sum of w u; the bias of the keys is the same for all and drops out.

        Args:
            hidden_B1P: added to the attention logits of the particles; -inf hides one.
        """
        heads, embed = self.heads, token_BD.shape[-1]
        u = self.attention_norm(torch.cat([token_BD[:, None], x_BPD], dim=1))
        # The keys and values are normalised, the querying token is not.
        w_q, w_k, w_v = self.in_projection.weight.unflatten(0, (3, heads, -1))
        b_q, _, b_v = self.in_projection.bias.unflatten(0, (3, heads, -1))
        q_BHK = F.linear(token_BD, w_q.flatten(0, 1), b_q.flatten()).unflatten(1, (heads, -1))
        asked_BHD = (q_BHK.transpose(0, 1) @ w_k).transpose(0, 1) / math.sqrt(embed // heads)
        logits = asked_BHD @ u.mT + F.pad(hidden_B1P, (1, 0))
        weights = dropout(logits.softmax(-1), self.dropout if self.training else 0.0)
        seen_BHD = weights @ u
        values = (seen_BHD.transpose(0, 1) @ w_v.mT).transpose(0, 1) + b_v * weights.sum(-1, keepdim=True)
        return self.after_attention(token_BD, values.flatten(1), self.scaled_out_projection())


def initialise_linear(module: nn.Module) -> None:
    """Xavier-uniform weights and zero biases of all linear layers; queries, keys and values each by itself."""
    for name, linear in module.named_modules():
        if not isinstance(linear, nn.Linear):
            continue
        parts = linear.weight.data.chunk(3) if name.endswith("in_projection") else (linear.weight.data,)
        for part in parts:
            nn.init.xavier_uniform_(part)
        nn.init.zeros_(linear.bias)


def initialise_blocks(blocks: nn.ModuleList) -> None:
    """Shrink the last layers of each block, the more the deeper it lies, so that no block drowns the residual."""
    for depth, block in enumerate(blocks, start=1):
        for linear in (block.out_projection, block.contract):
            linear.weight.data.div_(math.sqrt(2 * depth))


@dataclass(frozen=True)
class DenseAttention:
    """Attention within B jets of P slots each, one jet after another.

    Attributes:
        bias: added to the logits, (heads or 1, B, P or 1, P); -inf hides a slot.
    """

    bias: Tensor

    def __call__(self, projected_NX: Tensor, heads: int, p: float) -> Tensor:
        """See `Attention`."""
        _, jets, _, length = self.bias.shape
        q, k, v = projected_NX.view(jets, length, 3, heads, -1).permute(2, 3, 0, 1, 4)
        bias = self.bias.to(q.dtype).expand(heads, jets, length, length)
        attended = F.scaled_dot_product_attention(q, k, v, bias, dropout_p=p)
        return attended.permute(1, 2, 0, 3).reshape(jets * length, -1)


@dataclass(frozen=True)
class PackedAttention:
    """Attention within the jets of a chunk, whose particles lie one after another without padding.

    Attributes:
        groups: the chunk's groups.
        biases: for each group as in `DenseAttention`.
    """

    groups: Sequence[LengthGroup]
    biases: Sequence[Tensor]

    def __call__(self, projected_NX: Tensor, heads: int, p: float) -> Tensor:
        """See `Attention`."""
        first, found = self.groups[0].first, []
        for group, bias in zip(self.groups, self.biases, strict=True):
            padded = group.padded(group.take(projected_NX, first))
            attended = DenseAttention(bias)(padded.flatten(0, 1), heads, p)
            found.append(group.unpad(attended.view(*padded.shape[:2], -1)))
        return torch.cat(found)


def dropout(x: Tensor, p: float) -> Tensor:
    """Zero a share `p` of the values, of any shape, and scale up the rest.

    On a processor four values share one 64-bit random number, which is several times faster than drawing
    a float for each; `p` is met to 2^-16.
    """
    if p == 0.0 or x.numel() == 0:
        return x
    if x.is_cuda:
        return F.dropout(x, p)
    dropped: Tensor = _Dropout.apply(x, p)
    return dropped


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        keep = keep_mask(x, p)
        ctx.save_for_backward(keep)
        ctx.p = p
        return _kept(x, keep, p)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _kept(gradient, ctx.saved_tensors[0], ctx.p), None


def keep_mask(like: Tensor, p: float) -> Tensor:
    """Zero with probability `p`, else one, as int16 of the shape of `like`."""
    count = like.numel()
    random = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    # 1 from `first` on, else 0: clamping is far faster here than a comparison.
    first = round(p * 2**16) - 2**15
    return random[:count].clamp_(first - 1, first).sub_(first - 1).view(like.shape)


def _kept(x: Tensor, keep: Tensor, p: float) -> Tensor:
    return (x * keep).mul_(1 / (1 - p))


class ParticleEmbedding(nn.Module):
    """A batch norm over real particles, then layers of layer norm, linear and GELU."""

    def __init__(self, features: int, sizes: Sequence[int]) -> None:
        super().__init__()
        widths = (features, *sizes)
        self.input_norm = nn.BatchNorm1d(features)
        self.norms = nn.ModuleList(nn.LayerNorm(a) for a in widths[:-1])
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, sizes, strict=False))

    def normalise(self, features_NF: Tensor) -> Tensor:
        """The features (N, F) of real particles after the batch norm."""
        return normalise(self.input_norm, features_NF)

    def normalise_padded(self, features_BPF: Tensor, mask_BP: Tensor) -> Tensor:
        """The same for padded particles (B, P, F), by the running statistics; zero where there is no particle."""
        scale, shift = running_affine(self.input_norm)
        return torch.addcmul(shift, features_BPF, scale).masked_fill(~mask_BP[..., None], 0)

    def forward(self, x_NF: Tensor) -> Tensor:
        """Embedded particles (N, D), from normalised features."""
        for norm, linear in zip(self.norms, self.layers, strict=True):
            x_NF = gelu(linear(norm(x_NF)))
        return x_NF


class TransformerConfig(TaggerConfig):
    """Sizes that every transformer of particles has.

    Attributes:
        heads: attention heads; they divide the width.
        layers: blocks of particles.
        feedforward: width within a block, in widths of the block.
        dropout: in the blocks of particles.
    """

    heads: int = Field(8, ge=1)
    layers: int = Field(8, ge=0)
    feedforward: int = Field(4, ge=1)
    dropout: float = Field(0.1, ge=0, lt=1)


def particle_blocks(config: TransformerConfig, width: int) -> nn.ModuleList:
    """The blocks of a transformer of this width.

    Raises:
        InputError: its heads do not divide the width.
    """
    if width % config.heads:
        raise InputError(
            f"{config.heads} heads do not divide the width {width}",
            hint="choose heads that divide embed, or the last of embed_sizes",
        )
    return nn.ModuleList(
        ParticleBlock(width, config.heads, config.feedforward * width, config.dropout)
        for _ in range(config.layers)
    )


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


class PlainTransformerConfig(TransformerConfig):
    """Sizes of a plain transformer; the defaults have the width and depth of the Particle Transformer.

    Attributes:
        embed: width of the blocks.
    """

    architecture: Literal["transformer"] = "transformer"
    embed: int = Field(128, ge=1)


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
        self.embedding = ParticleEmbedding(config.features, (width,))
        self.blocks = particle_blocks(config, width)
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
