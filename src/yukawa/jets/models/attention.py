"""Attention among the particles of each jet, with a bias for each pair, and fast dropout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from yukawa.jets.models.layout import Group


class Attention(Protocol):
    """Who looks at whom, and with which bias: the same in all blocks of a network."""

    def __call__(self, projected_NX: Tensor, heads: int, p: float) -> Tensor:
        """Attended values (N, D) from projected particles, X = 3 D: queries, keys, values, each head by head.

        Args:
            p: share of attention weights to drop.
        """


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

    groups: Sequence[Group]
    biases: Sequence[Tensor]

    def __call__(self, projected_NX: Tensor, heads: int, p: float) -> Tensor:
        """See `Attention`."""
        if projected_NX.is_cuda:
            return torch.cat(self._by_pytorch(projected_NX, heads, p))
        attended: Tensor = _GroupedAttention.apply(projected_NX, self.groups, heads, p, *self.biases)
        return attended

    def _by_pytorch(self, projected_NX: Tensor, heads: int, p: float) -> list[Tensor]:
        first, found = self.groups[0].first, []
        for group, bias in zip(self.groups, self.biases, strict=True):
            padded = group.padded(group.take(projected_NX, first))
            attended = DenseAttention(bias)(padded.flatten(0, 1), heads, p)
            found.append(group.unpad(attended.view(*padded.shape[:2], -1)))
        return found


class _GroupedAttention(torch.autograd.Function):
    """Attention of several groups as one step.

    On a processor PyTorch's own kernel cannot train with a bias, and dozens of small steps a group would cost
    more than their arithmetic.
    """

    @staticmethod
    def forward(
        ctx: Any, projected_NX: Tensor, groups: Sequence[Group], heads: int, p: float, *biases: Tensor
    ) -> Tensor:
        """Rows (N, D) attended within their jets, of rows (N, 3 D) of queries, keys and values."""
        attended_ND = projected_NX.new_empty((len(projected_NX), projected_NX.shape[1] // 3))
        scale = 1 / math.sqrt(attended_ND.shape[1] // heads)
        saved: list[Tensor | None] = []
        with torch.autocast(projected_NX.device.type, enabled=False):
            for group, bias in zip(groups, biases, strict=True):
                q, k, v = _heads_first(group.take(projected_NX, groups[0].first), group, 3, heads)
                bias = bias.to(q.dtype).expand(heads, *bias.shape[1:]).flatten(0, 1)
                weights = torch.baddbmm(bias, q, k.mT, alpha=scale).softmax(-1)
                keep = keep_mask(weights, p) if p else None
                attended = torch.bmm(_kept(weights, keep, p), v)
                group.take(attended_ND, groups[0].first).copy_(_particles_first(attended, group, heads))
                saved += [q, k, v, weights, keep]
        ctx.save_for_backward(*saved)
        ctx.rest = groups, heads, p, scale, [bias.dtype for bias in biases]
        return attended_ND

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_ND: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of the rows (N, 3 D) and of the groups' biases."""
        groups, heads, p, scale, dtypes = ctx.rest
        projected_NX = gradient_ND.new_empty((len(gradient_ND), 3 * gradient_ND.shape[1]))
        biases: list[Tensor | None] = []
        for number, group in enumerate(groups):
            q, k, v, weights, keep = ctx.saved_tensors[5 * number : 5 * number + 5]
            (attended,) = _heads_first(group.take(gradient_ND, groups[0].first), group, 1, heads)
            of_weights = _kept(torch.bmm(attended, v.mT), keep, p)
            logits = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
            of_v = torch.bmm(_kept(weights, keep, p).mT, attended)
            of_q, of_k = torch.bmm(logits, k).mul_(scale), torch.bmm(logits.mT, q).mul_(scale)
            projected = torch.cat([_particles_first(of, group, heads) for of in (of_q, of_k, of_v)], dim=1)
            group.take(projected_NX, groups[0].first).copy_(projected)
            wanted = ctx.needs_input_grad[4 + number]
            biases.append(logits.unflatten(0, (heads, -1)).to(dtypes[number]) if wanted else None)
        return projected_NX, None, None, None, *biases


def _heads_first(packed_nX: Tensor, group: Group, parts: int, heads: int) -> Tensor:
    """Padded queries, keys and values (parts = 3), or one of them, of each head and jet: (parts, heads b, P, K)."""
    by_head = group.padded(packed_nX).unflatten(2, (parts, heads, -1))
    return by_head.permute(2, 3, 0, 1, 4).contiguous().flatten(1, 2)


def _particles_first(x: Tensor, group: Group, heads: int) -> Tensor:
    """Particles (n, D) from (heads b, P, K)."""
    return group.unpad(x.unflatten(0, (heads, -1)).permute(1, 2, 0, 3).flatten(2))


def dropout(x: Tensor, p: float) -> Tensor:
    """Zero a share `p` of the values and scale up the rest.

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


def _kept(x: Tensor, keep: Tensor | None, p: float) -> Tensor:
    return x if keep is None else (x * keep).mul_(1 / (1 - p))
