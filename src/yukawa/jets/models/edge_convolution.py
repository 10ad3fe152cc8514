"""Edge convolutions over the nearest neighbours of packed particles, as ParticleNet stacks them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yukawa.jets.models.edge_messages import Graph, Workspace, block_size, gather, learn
from yukawa.jets.models.layout import Group
from yukawa.jets.models.pairs import normalise, running_affine


def nearest_neighbours(x_NC: Tensor, groups: Sequence[Group], neighbours: int) -> Tensor:
    """The nearest particles of the same jet by Euclidean distance, without the particle itself.

    Args:
        x_NC: coordinates of sorted particles; the squared distance is taken as x_i^2 - 2 x_i x_j + x_j^2.
        groups: the jets they belong to, see `group_by_length`.
        neighbours: how many.

    Returns:
        Row numbers (N, neighbours) in no particular order; N in place of those that a jet does not have.
    """
    particles, x_NC = len(x_NC), x_NC.detach()
    found = []
    for group in groups:
        distance = _distances(group.pad(x_NC), group.mask)
        few = min(neighbours, group.length)
        value, place = distance.topk(few, dim=-1, largest=False, sorted=False)
        first = group.first + group.counts_b.cumsum(0) - group.counts_b
        rows = (place + first[:, None, None]).masked_fill_(value.isinf(), particles)
        found.append(F.pad(rows[group.mask], (0, neighbours - few), value=particles))
    return torch.cat(found)


def nearest_neighbours_padded(x_BPC: Tensor, mask_BP: Tensor, neighbours: int) -> Tensor:
    """`nearest_neighbours` for padded particles: row numbers (B * P, neighbours) into (B * P, C)."""
    jets, length = mask_BP.shape
    distance = F.pad(_distances(x_BPC, mask_BP), (0, neighbours), value=float("inf"))
    value, place = distance.topk(neighbours, dim=-1, largest=False, sorted=False)
    first = torch.arange(jets, device=x_BPC.device)[:, None, None] * length
    return torch.where(value.isinf(), jets * length, place + first).flatten(0, 1)


def _distances(x_BPC: Tensor, mask_BP: Tensor) -> Tensor:
    """Squared distances (B, P, P); infinite to padding and to the particle itself."""
    inner = torch.bmm(x_BPC, x_BPC.transpose(1, 2)).mul(-2)
    square = (x_BPC * x_BPC).sum(dim=-1)
    distance = ((square[:, :, None] + inner) + square[:, None, :]).clamp(min=0)
    number = torch.arange(x_BPC.shape[1], device=x_BPC.device)
    itself = number == number[:, None]
    return distance.masked_fill(itself | ~mask_BP[:, None, :], float("inf"))


class EdgeConvolution(nn.Module):
    """Messages from each particle's neighbours, averaged, plus a shortcut (arXiv:1801.07829, arXiv:1902.08570).

    The message along an edge is a stack of layers (linear, batch normalisation, ReLU) over (x_i, x_j - x_i).
    Since the first layer is linear, W_a x_i + W_b (x_j - x_i) = (W_a - W_b) x_i + W_b x_j, it is computed for
    particles and not for edges. A neighbour that a jet does not have counts as one with x_j = 0.

    Args:
        inputs: features of a particle.
        widths: features after each layer.
        neighbours: how many neighbours each particle has.
    """

    def __init__(self, inputs: int, widths: Sequence[int], neighbours: int) -> None:
        super().__init__()
        self.neighbours = neighbours
        sizes = [2 * inputs, *widths]
        self.linears = nn.ModuleList(
            nn.Linear(before, after, bias=False) for before, after in pairwise(sizes)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths)
        self.shortcut: nn.Linear | None = None
        if inputs != widths[-1]:
            self.shortcut = nn.Linear(inputs, widths[-1], bias=False)
            self.shortcut_norm = nn.BatchNorm1d(widths[-1])
        self._workspace = Workspace()

    def forward(self, x_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
        """New features (N, widths[-1]); `neighbours_NK` as `nearest_neighbours` gives them.

        While training, the statistics of the normalisations are those of the edges of real particles.
        """
        messages = self._messages(x_NC, neighbours_NK)
        if self.shortcut is None:
            return F.relu(x_NC + messages)
        return F.relu(normalise(self.shortcut_norm, self.shortcut(x_NC)) + messages)

    def _messages(self, x_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
        weight_a, weight_b = self.linears[0].weight.chunk(2, dim=1)
        centre = F.linear(x_NC, weight_a - weight_b)
        other = F.linear(x_NC, weight_b)
        if not self._by_blocks(centre):
            return self._plain(centre, other, neighbours_NK)
        tensors = (centre, other, *self.parameters())
        if self.training or (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)):
            return self._learn(centre, other, neighbours_NK)
        return self._infer(centre, other, neighbours_NK)

    def _by_blocks(self, x_NC: Tensor) -> bool:
        """Whether going over the edges in blocks pays: on a processor it does."""
        plain = torch.compiler.is_exporting() or torch.is_autocast_enabled("cpu") or len(self.linears) < 2
        return x_NC.device.type == "cpu" and not plain

    def _plain(self, centre_NC: Tensor, other_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
        """All edges at once, by PyTorch's own operations: for accelerators, export, and as the definition."""
        gathered = F.pad(other_NC, (0, 0, 0, 1)).index_select(0, neighbours_NK.flatten())
        y_EC = (gathered.view(-1, self.neighbours, centre_NC.shape[1]) + centre_NC[:, None]).flatten(0, 1)
        z_EC = F.relu(normalise(self.norms[0], y_EC))
        for linear, norm in zip(self.linears[1:], self.norms[1:], strict=True):
            z_EC = F.relu(normalise(norm, linear(z_EC)))
        return z_EC.view(-1, self.neighbours, z_EC.shape[1]).mean(dim=1)

    def _infer(self, centre_NC: Tensor, other_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
        """Without gradients: normalisations folded into the weights, edges in blocks that fit the cache."""
        scale, shift = running_affine(self.norms[0])
        centre = torch.addcmul(shift, centre_NC, scale)
        other = F.pad(other_NC * scale, (0, 0, 0, 1))
        affines = [running_affine(norm) for norm in self.norms[1:]]
        layers = [
            (shift, (linear.weight * scale[:, None]).t().contiguous())
            for linear, (scale, shift) in zip(self.linears[1:], affines, strict=True)
        ]
        out = centre.new_empty(len(centre), self.norms[-1].num_features)
        size = block_size(list(self.norms), self.neighbours)
        for begin in range(0, len(centre), size):
            here = slice(begin, begin + size)
            z_EC = gather(centre[here], other, neighbours_NK[here]).relu_()
            for shift, weight in layers:
                z_EC = torch.addmm(shift, z_EC, weight).relu_()
            torch.sum(z_EC.view(-1, self.neighbours, z_EC.shape[1]), dim=1, out=out[here])
        return out.mul_(1 / self.neighbours)

    def _learn(self, centre_NC: Tensor, other_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
        """With gradients, and with the statistics of the batch while training."""
        weights = [linear.weight for linear in self.linears[1:]]
        graph = Graph.of(neighbours_NK)
        return learn(graph, centre_NC, other_NC, list(self.norms), weights, self._workspace, self.training)
