"""The layers along the edges of a graph, computed in blocks that fit the cache, with their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Floats of one block of edges, so that what is computed on it stays in the caches (measured: 2^17 to 2^19 are best).
BLOCK = 1 << 18


class Graph(NamedTuple):
    """Each particle's neighbours, and each particle's edges the other way round.

    Attributes:
        neighbours: int64, (N, K); the number of another particle, or N where a jet has too few.
        edges: int64, (E,); the numbers of all edges (N * K), sorted by the particle at which they end.
        starts: int64, (N,); where in `edges` those that end at each particle begin.
        degrees: int64, (N,); how many edges end at each particle.
    """

    neighbours: Tensor
    edges: Tensor
    starts: Tensor
    degrees: Tensor

    @classmethod
    def of(cls, neighbours_NK: Tensor) -> Graph:
        """The graph with these neighbours."""
        flat = neighbours_NK.flatten()
        particles = len(neighbours_NK)
        degrees = torch.bincount(flat, minlength=particles + 1)[:particles]
        edges = torch.argsort(flat, stable=True)[: int(degrees.sum())]
        return cls(neighbours_NK, edges, degrees.cumsum(0) - degrees, degrees)

    def neighbour_sums(self, x_NC: Tensor) -> Tensor:
        """The sum of `x_NC` over each particle's neighbours."""
        return F.embedding_bag(self.neighbours, F.pad(x_NC, (0, 0, 0, 1)), mode="sum")

    def incoming_sums(self, x_XC: Tensor, rows_E: Tensor) -> Tensor:
        """For each particle the sum of the rows `rows_E` of `x_XC`, of which each edge of `edges` has one."""
        return F.embedding_bag(rows_E, x_XC, self.starts, mode="sum")


class Workspace:
    """Memory for edges, kept from one training step to the next: fresh pages cost as much as the arithmetic."""

    def __init__(self) -> None:
        self._free: list[Tensor] = []

    def __deepcopy__(self, memo: object) -> Workspace:
        return Workspace()

    def __reduce__(self) -> tuple[type[Workspace], tuple[()]]:
        return Workspace, ()

    def take(self, rows: int, columns: int, like: Tensor) -> Tensor:
        """An array (rows, columns) of undefined content, of the type of `like`."""
        size = rows * columns
        fitting = [free for free in self._free if free.dtype == like.dtype]
        large = [free for free in fitting if len(free) >= size]
        if large:
            chosen = min(large, key=len)
        elif fitting:
            chosen = max(fitting, key=len)  # too small: its place is taken by a larger one
        if fitting:
            self._free = [free for free in self._free if free is not chosen]
        flat = chosen if large else like.new_empty(size + size // 8)
        return flat[:size].view(rows, columns)

    def give(self, *arrays: Tensor) -> None:
        """Take back arrays that `take` gave, for the next who asks."""
        self._free.extend(array._base for array in arrays)


class Affine(NamedTuple):
    """A batch normalisation with its statistics put in: scale * y + shift."""

    scale: Tensor
    shift: Tensor
    mean: Tensor
    inverse: Tensor  # 1 / standard deviation

    @classmethod
    def of(cls, mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor, epsilon: float) -> Affine:
        """From the statistics and the learnt scale and shift."""
        inverse = torch.rsqrt(variance + epsilon)
        scale = gamma * inverse
        return cls(scale, beta - mean * scale, mean, inverse)


def gather(centre_nC: Tensor, other_NC: Tensor, neighbours_nK: Tensor) -> Tensor:
    """The first layer along each edge, (n * K, C): the particle's own term plus its neighbour's."""
    y_EC = other_NC.index_select(0, neighbours_nK.flatten())
    y_EC.view(*neighbours_nK.shape, -1).add_(centre_nC[:, None])
    return y_EC


def _activate(y_EC: Tensor, affine: Affine) -> Tensor:
    return torch.addcmul(affine.shift, y_EC, affine.scale).relu_()


def learn(
    graph: Graph,
    centre_NC: Tensor,
    other_NC: Tensor,
    norms: Sequence[nn.BatchNorm1d],
    weights: Sequence[Tensor],
    workspace: Workspace,
    batch: bool,
) -> Tensor:
    """The mean over neighbours of the layers' results along edges, (N, C), with gradients, once differentiable.

    Args:
        graph: the edges.
        centre_NC: each particle's own term of the first layer.
        other_NC: its term as a neighbour.
        norms: the normalisation of each layer; ReLU follows.
        weights: of the layers from the second on.
        workspace: where the memory comes from.
        batch: whether to normalise by the statistics of these edges, and let the running ones follow; else by
            the running ones.
    """
    statistics = None if batch else [(norm.running_mean, norm.running_var) for norm in norms]
    out, *found = _Messages.apply(
        graph, statistics, norms[0].eps, block_size(norms, graph.neighbours.shape[1]), workspace,
        centre_NC, other_NC,
        *(norm.weight for norm in norms), *(norm.bias for norm in norms), *weights,
    )  # fmt: skip
    for norm, mean, variance in zip(norms, found[::2], found[1::2], strict=False):
        _follow(norm, mean, variance, graph.neighbours.numel())
    return out


def block_size(norms: Sequence[nn.BatchNorm1d], neighbours: int) -> int:
    """How many particles' edges are to be computed at a time."""
    return max(1, BLOCK // (neighbours * max(norm.num_features for norm in norms)))


@torch.no_grad()
def _follow(norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor, rows: int) -> None:
    """Move the running statistics towards a batch's, as `BatchNorm1d` does."""
    norm.num_batches_tracked += 1
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance * (rows / max(rows - 1, 1)), norm.momentum)


class _Sums:
    """Sums over rows that come in blocks, in double precision: of the rows, and of their products."""

    def __init__(self) -> None:
        self.of: Any = 0.0
        self.products: Any = 0.0

    def add(self, rows_EC: Tensor, factor_EC: Tensor) -> None:
        self.of = rows_EC.sum(dim=0).double() + self.of
        self.products = (rows_EC * factor_EC).sum(dim=0).double() + self.products


class _Edges:
    """The edges of a graph in blocks, and what the layers do along them."""

    def __init__(self, graph: Graph, size: int, centre_NC: Tensor, other_NC: Tensor) -> None:
        self.graph, self.size, self.centre, self.other = graph, size, centre_NC, other_NC
        self.particles, self.neighbours = graph.neighbours.shape
        self.count = self.particles * self.neighbours

    def blocks(self) -> list[tuple[slice, slice]]:
        """The particles of each block, and their edges."""
        begins = range(0, self.particles, self.size)
        ends = [min(begin + self.size, self.particles) for begin in begins]
        k = self.neighbours
        return [(slice(a, b), slice(a * k, b * k)) for a, b in zip(begins, ends, strict=True)]

    def fold(self, affine: Affine) -> None:
        """Put the first layer's normalisation into its terms of particles."""
        self._centre = torch.addcmul(affine.shift, self.centre, affine.scale)
        self._other = F.pad(self.other * affine.scale, (0, 0, 0, 1))

    def first(self, here: slice) -> Tensor:
        """The first layer's result for the particles `here`."""
        return gather(self._centre[here], self._other, self.graph.neighbours[here]).relu_()

    def sum_neighbours(self, x_EC: Tensor) -> Tensor:
        """The sum over each particle's edges."""
        return x_EC.view(-1, self.neighbours, x_EC.shape[1]).sum(dim=1)

    def first_moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of the first layer's outputs over all edges, from sums over particles alone."""
        centre, other, degrees = self.centre.double(), self.other.double(), self.graph.degrees[:, None]
        k, count = self.neighbours, self.count
        centre_mean, other_mean = centre.mean(dim=0), (degrees * other).sum(dim=0) / count
        mean = centre_mean + other_mean
        sums = self.graph.neighbour_sums(other)
        square = k * (centre * centre).sum(dim=0) + (degrees * other * other).sum(dim=0)
        variance = (square + 2 * (centre * sums).sum(dim=0)) / count - mean * mean
        return mean.to(self.centre.dtype), variance.clamp(min=0).to(self.centre.dtype)


class _Messages(torch.autograd.Function):
    """The stack of layers along all edges and its mean over neighbours, block by block, forward and backward.

    Between two passes over the edges, which the batch's statistics force, only the linear outputs of the layers
    from the second on are kept; everything else is computed again while a block lies in the cache.
    """

    @staticmethod
    def forward(
        ctx: Any,
        graph: Graph,
        statistics: list[tuple[Tensor, Tensor]] | None,
        epsilon: float,
        size: int,
        workspace: Workspace,
        centre_NC: Tensor,
        other_NC: Tensor,
        *parameters: Tensor,
    ) -> tuple[Tensor, ...]:
        """The mean over neighbours, and in training the batch's mean and variance of each layer."""
        layers = (len(parameters) + 1) // 3
        gammas, betas, weights = (
            parameters[:layers],
            parameters[layers : 2 * layers],
            parameters[2 * layers :],
        )
        edges = _Edges(graph, size, centre_NC, other_NC)
        found = list(statistics or [edges.first_moments()])
        affines = [Affine.of(*found[0], gammas[0], betas[0], epsilon)]
        edges.fold(affines[0])
        kept: list[Tensor | None] = [None]  # the first layer's outputs are cheaper to gather again
        for layer, weight in enumerate(weights, start=1):
            y_EC = workspace.take(edges.count, len(weight), centre_NC)
            moments = _linear(edges, kept[-1], affines[-1], weight, y_EC, statistics is None)
            kept.append(y_EC)
            if statistics is None:
                found.append(moments)
            affines.append(Affine.of(*found[layer], gammas[layer], betas[layer], epsilon))
        out, *derivative = _average(edges, kept[-1], affines[-1])
        ctx.edges, ctx.workspace, ctx.batch = edges, workspace, statistics is None
        ctx.affines, ctx.kept = affines, kept
        ctx.save_for_backward(*derivative, *weights)
        batch = [tensor for pair in found for tensor in pair] if statistics is None else []
        ctx.mark_non_differentiable(*batch)
        return (out, *batch)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient_NC: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of both parts of the edges and of the layers' parameters."""
        if ctx.kept is None:
            raise RuntimeError("the gradients of an edge convolution can be taken once; call forward again")
        counts_NC, active_NC, *weights = ctx.saved_tensors
        edges, kept, affines = ctx.edges, ctx.kept, ctx.affines
        gradient_NC = gradient_NC / edges.neighbours
        sums = _Sums()
        sums.of, sums.products = (gradient_NC * counts_NC).sum(0), (gradient_NC * active_NC).sum(0)
        gammas, betas, matrices = [], [], []
        d_EC: Tensor | None = None  # the gradient of the normalised outputs of the layer, where stored
        for layer in range(len(weights), 0, -1):
            rule = _NormalisationGradient(affines[layer], sums, edges.count, ctx.batch)
            gammas.append(rule.gamma)
            betas.append(rule.beta)
            d_EC, matrix, sums = _linear_gradient(ctx, layer, rule, gradient_NC, d_EC, weights[layer - 1])
            matrices.append(matrix)
        centre_NC, other_NC, gamma, beta = _first_gradient(edges, affines[0], d_EC, ctx.batch)
        ctx.kept = None
        ctx.workspace.give(*(array for array in kept if array is not None))
        parameters = [gamma, *reversed(gammas), beta, *reversed(betas), *reversed(matrices)]
        return (None, None, None, None, None, centre_NC, other_NC, *parameters)


def _linear(
    edges: _Edges, below_EC: Tensor | None, affine: Affine, weight: Tensor, out_EC: Tensor, moments: bool
) -> tuple[Tensor, Tensor]:
    """Activate the layer below, multiply by `weight` into `out_EC`; mean and variance of that if wanted."""
    shift: Tensor | None = None  # near the mean, so that the difference of squares stays precise
    sums = _Sums()
    for here, along in edges.blocks():
        z_EC = edges.first(here) if below_EC is None else _activate(below_EC[along], affine)
        y_EC = torch.mm(z_EC, weight.t(), out=out_EC[along])
        if moments:
            shift = y_EC.mean(dim=0) if shift is None else shift
            centred = y_EC - shift
            sums.add(centred, centred)
    if shift is None:
        return weight, weight  # nobody looks
    mean, square = sums.of / edges.count, sums.products / edges.count
    return (shift + mean).to(weight.dtype), (square - mean * mean).clamp(min=0).to(weight.dtype)


def _average(edges: _Edges, y_EC: Tensor, affine: Affine) -> tuple[Tensor, Tensor, Tensor]:
    """The mean over neighbours of the activated layer; and over active edges, their number and the sum of y."""
    means, counts, active = [], [], []
    for _, along in edges.blocks():
        z_EC = _activate(y_EC[along], affine)
        means.append(edges.sum_neighbours(z_EC))
        active.append(edges.sum_neighbours(torch.ops.aten.threshold_backward(y_EC[along], z_EC, 0)))
        counts.append(edges.sum_neighbours(z_EC.sign_()))
    return torch.cat(means) / edges.neighbours, torch.cat(counts), torch.cat(active)


class _NormalisationGradient:
    """The gradient through a batch normalisation: scale * d - slope * y - offset (the last two if of a batch).

    Args:
        affine: the normalisation.
        sums: over rows, of the gradient d with respect to its outputs, and of d times its inputs y.
        rows: their number.
        batch: whether the statistics depend on the rows.
    """

    def __init__(self, affine: Affine, sums: _Sums, rows: int, batch: bool) -> None:
        mean, inverse, kind = affine.mean.double(), affine.inverse.double(), affine.scale.dtype
        gamma = inverse * (sums.products - mean * sums.of)
        slope = affine.scale * inverse * gamma / rows if batch else torch.zeros_like(gamma)
        offset = affine.scale * sums.of / rows - slope * mean if batch else torch.zeros_like(gamma)
        self.scale, self.slope, self.offset = affine.scale, slope.to(kind), offset.to(kind)
        self.gamma, self.beta, self.batch = gamma.to(kind), sums.of.to(kind), batch

    def inputs(self, d_EC: Tensor, y_EC: Tensor) -> Tensor:
        """The gradient with respect to the inputs y."""
        if not self.batch:
            return d_EC * self.scale
        return torch.addcmul(-self.offset, d_EC, self.scale).addcmul_(y_EC, self.slope, value=-1)


def _linear_gradient(
    ctx: Any,
    layer: int,
    rule: _NormalisationGradient,
    gradient_NC: Tensor,
    d_EC: Tensor | None,
    weight: Tensor,
) -> tuple[Tensor, Tensor, _Sums]:
    """One layer back: the gradient of the normalised outputs below, of the weight, and the sums of the former.

    `d_EC` is that of this layer; for the last one it follows from the gradient of the average.
    """
    edges, kept, affines = ctx.edges, ctx.kept, ctx.affines
    y_EC, below_EC = kept[layer], kept[layer - 1]
    # This layer's outputs are needed no more: their place takes the gradient below, where it fits.
    out_EC = (
        y_EC
        if weight.shape[0] == weight.shape[1]
        else ctx.workspace.take(edges.count, weight.shape[1], weight)
    )
    if out_EC is not y_EC:
        kept.append(out_EC)
    matrix, sums = torch.zeros_like(weight), _Sums()
    for here, along in edges.blocks():
        y = y_EC[along]
        if d_EC is None:
            z = _activate(y, affines[layer]).view(-1, edges.neighbours, len(weight))
            d = torch.ops.aten.threshold_backward(gradient_NC[here, None].expand_as(z), z, 0).flatten(0, 1)
        else:
            d = d_EC[along]
        dy = rule.inputs(d, y)
        z = edges.first(here) if below_EC is None else _activate(below_EC[along], affines[layer - 1])
        matrix.addmm_(dy.t(), z)
        d = torch.ops.aten.threshold_backward.grad_input(torch.mm(dy, weight), z, 0, grad_input=out_EC[along])
        if below_EC is not None:
            sums.add(d, below_EC[along])
    return out_EC, matrix, sums


def _first_gradient(edges: _Edges, affine: Affine, d_EC: Tensor, batch: bool) -> tuple[Tensor, ...]:
    """The gradients of the first layer's two terms, and of its normalisation's scale and shift."""
    graph, centre, other, k = edges.graph, edges.centre, edges.other, edges.neighbours
    out_NC = torch.cat([edges.sum_neighbours(d_EC[along]) for _, along in edges.blocks()])
    in_NC = graph.incoming_sums(d_EC, graph.edges)
    sums = _Sums()
    sums.of = out_NC.sum(dim=0).double()
    sums.products = (out_NC * centre + in_NC * other).sum(dim=0).double()
    rule = _NormalisationGradient(affine, sums, edges.count, batch)
    if not batch:
        return out_NC * rule.scale, in_NC * rule.scale, rule.gamma, rule.beta
    degrees = graph.degrees[:, None]
    out_y = k * centre + graph.neighbour_sums(other)
    in_y = degrees * other + graph.incoming_sums(centre, graph.edges // k)
    centre_gradient = rule.scale * out_NC - rule.slope * out_y - k * rule.offset
    other_gradient = rule.scale * in_NC - rule.slope * in_y - degrees * rule.offset
    return centre_gradient, other_gradient, rule.gamma, rule.beta
