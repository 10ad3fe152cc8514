"""Edge convolutions over the nearest neighbours of packed particles, as ParticleNet stacks them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yukawa.jets.models.layout import Group
from yukawa.jets.models.pairs import fold, normalise, running_affine

# Numbers of one block of edges in inference, so that what is computed of it stays in the caches (2^17 to 2^19 are best).
BLOCK = 1 << 18


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

    def forward(self, x_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
        """New features (N, widths[-1]); `neighbours_NK` as `nearest_neighbours` gives them.

        While training, the statistics of the normalisations are those of the edges of real particles.
        """
        weight_a, weight_b = self.linears[0].weight.chunk(2, dim=1)
        centre_NC, other_NC = F.linear(x_NC, weight_a - weight_b), F.linear(x_NC, weight_b)
        messages_of = self._normalised_messages if self.training else self._folded_messages
        messages = messages_of(centre_NC, other_NC, neighbours_NK) / self.neighbours
        if self.shortcut is None:
            return F.relu(x_NC + messages)
        return F.relu(normalise(self.shortcut_norm, self.shortcut(x_NC)) + messages)

    def _normalised_messages(self, centre_NC: Tensor, other_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
        """The sums of the messages to each particle, normalised by the statistics of the batch."""
        z_EC = F.relu_(normalise(self.norms[0], _along_edges(centre_NC, _with_absent(other_NC), neighbours_NK)))
        for linear, norm in zip(self.linears[1:], self.norms[1:], strict=True):
            z_EC = F.relu_(normalise(norm, linear(z_EC)))
        return z_EC.unflatten(0, neighbours_NK.shape).sum(dim=1)

    def _folded_messages(self, centre_NC: Tensor, other_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
        """The same with the running statistics folded into the weights, for blocks of particles."""
        scale, shift = running_affine(self.norms[0])
        centre_NC, other_NC = torch.addcmul(shift, centre_NC, scale), _with_absent(other_NC * scale)
        layers = [fold(linear, norm) for linear, norm in zip(self.linears[1:], self.norms[1:], strict=True)]
        size = max(1, BLOCK // (self.neighbours * max(norm.num_features for norm in self.norms)))
        if centre_NC.is_cuda or torch.compiler.is_compiling():
            blocks = [(centre_NC, neighbours_NK)]
        else:
            blocks = list(zip(centre_NC.split(size), neighbours_NK.split(size), strict=True))
        sums = []
        for centre_nC, neighbours_nK in blocks:
            z_EC = F.relu_(_along_edges(centre_nC, other_NC, neighbours_nK))
            for weight, bias in layers:
                z_EC = F.relu_(F.linear(z_EC, weight, bias))
            sums.append(z_EC.unflatten(0, neighbours_nK.shape).sum(dim=1))
        return torch.cat(sums)


def _with_absent(other_NC: Tensor) -> Tensor:
    """A row of zeros behind the particles: the neighbour that a jet does not have."""
    return F.pad(other_NC, (0, 0, 0, 1))


def _along_edges(centre_NC: Tensor, other_XC: Tensor, neighbours_NK: Tensor) -> Tensor:
    """Each particle's own term plus that of each of its neighbours, (N K, C)."""
    # The gradient of an embedding is a good deal faster than that of `index_select`.
    return (F.embedding(neighbours_NK, other_XC) + centre_NC[:, None]).flatten(0, 1)
