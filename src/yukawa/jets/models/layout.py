"""Jets of nearly one length in groups without padding, and layers over rows of particles or pairs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# A group has at most this many slots (jets times the longest length), a chunk this many particles. On a processor
# what is computed of a chunk should stay in its caches, which makes every step but the matrix products several
# times faster; a GPU wants few launches of large kernels instead.
SLOTS_CPU, SLOTS_GPU = 1024, 32768
PARTICLES_CPU, PARTICLES_GPU = 4096, 131072
# A group of at least this share of its slots ends where jets are shorter than this share of its longest.
FILLED, ALIKE = 0.25, 0.85


@dataclass(frozen=True)
class LengthGroup:
    """b jets of at most P particles; their particles lie together, jet after jet.

    Attributes:
        counts_b: particles of each jet.
        length: P, at least 1.
        first: row of the group's first particle among the sorted particles of the batch.
        rows: how many particles the group has.
    """

    counts_b: Tensor
    length: int
    first: int
    rows: int

    @cached_property
    def mask(self) -> Tensor:
        """True where there is a particle, shape (b, P)."""
        return torch.arange(self.length, device=self.counts_b.device) < self.counts_b[:, None]

    @cached_property
    def keys(self) -> Tensor:
        """True where attention may look, shape (b, P): at particles, and at the first slot of an empty jet."""
        return attendable(self.mask)

    @cached_property
    def pairs(self) -> Tensor:
        """Flat position in (b, P, P) of each pair (i, j) of particles with i >= j, jet after jet."""
        i, j = _triangle(self.length, self.counts_b.device)
        jet = torch.arange(len(self.counts_b), device=self.counts_b.device)[:, None] * self.length**2
        real = torch.arange(len(i), device=i.device) < _triangular(self.counts_b)[:, None]
        return (jet + (i * self.length + j))[real]

    @cached_property
    def pair_of_slots(self) -> Tensor:
        """The number of the pair of each slot, shape (b, P, P).

        The slots of no pair have the number after the last pair where attention may look, as a padded slot
        may look at a particle, and the one after that where it must not.
        """
        b, length, device = len(self.counts_b), self.length, self.counts_b.device
        sizes = _triangular(self.counts_b)
        number = torch.arange(length, device=device)
        i, j = number[:, None], number
        in_jet = _triangular(torch.maximum(i, j)) + torch.minimum(i, j)
        slots = in_jet + (sizes.cumsum(0) - sizes)[:, None, None]
        last = len(self.pairs)
        queries = self.mask[:, :, None] & self.mask[:, None, :]
        slots = torch.where(queries, slots, last)
        return slots.masked_fill_(~self.keys[:, None, :].expand(b, length, length), last + 1).flatten()

    @cached_property
    def slots(self) -> Tensor:
        """Flat position in (b, P) of each particle."""
        return self.mask.flatten().nonzero()[:, 0]

    @property
    def full(self) -> bool:
        """Whether all jets have one length, so that there is no padding."""
        return self.rows == len(self.counts_b) * self.length

    def take(self, sorted_NX: Tensor, first: int = 0) -> Tensor:
        """The group's particles (n, …) out of sorted ones, which begin with number `first` of the batch."""
        return sorted_NX[self.first - first : self.first - first + self.rows]

    def pad(self, sorted_NX: Tensor) -> Tensor:
        """The group's particles out of all sorted ones, (b, P, X), zero where there is none."""
        return self.padded(self.take(sorted_NX))

    def padded(self, particles_nX: Tensor) -> Tensor:
        """The group's particles (n, X) as (b, P, X), zero where there is none."""
        if not self.full:
            padded = particles_nX.new_zeros((len(self.counts_b) * self.length, particles_nX.shape[1]))
            particles_nX = padded.index_copy(0, self.slots, particles_nX)
        return particles_nX.unflatten(0, (len(self.counts_b), self.length))

    def unpad(self, padded_bPX: Tensor) -> Tensor:
        """The particles (n, X) of padded ones."""
        flat = padded_bPX.flatten(0, 1)
        return flat if self.full else flat.index_select(0, self.slots)


@dataclass(frozen=True)
class GroupBundle:
    """Some groups, one after another: what concerns each particle alone is computed of a chunk at once.

    Attributes:
        whole: all jets of the chunk as one group.
        groups: the groups in it.
    """

    whole: LengthGroup
    groups: tuple[LengthGroup, ...]


@dataclass(frozen=True)
class Layout:
    """A batch sorted into groups.

    Attributes:
        groups: longest jets first.
        rows: where each sorted particle lies in the batch.
        places: where each jet of the batch lies among the sorted ones.
    """

    groups: tuple[LengthGroup, ...]
    rows: Tensor
    places: Tensor

    def bundles(self, particles: int | None = None) -> Iterator[GroupBundle]:
        """The groups, put together to at most `particles` particles (or one group)."""
        if particles is None:
            particles = PARTICLES_GPU if self.rows.is_cuda else PARTICLES_CPU
        together: list[LengthGroup] = []
        for group in self.groups:
            if together and sum(g.rows for g in together) + group.rows > particles:
                yield _bundle(together)
                together = []
            together.append(group)
        if together:
            yield _bundle(together)


def _bundle(groups: Sequence[LengthGroup]) -> GroupBundle:
    counts = torch.cat([group.counts_b for group in groups])
    whole = LengthGroup(counts, groups[0].length, groups[0].first, sum(group.rows for group in groups))
    return GroupBundle(whole, tuple(groups))


def group_by_length(counts_B: Tensor, slots: int | None = None) -> Layout:
    """Sort the jets of a batch by their lengths (B,) and cut them into groups of at most `slots` slots (or one jet)."""
    device = counts_B.device
    slots = slots or (SLOTS_GPU if device.type == "cuda" else SLOTS_CPU)
    order = counts_B.argsort(descending=True, stable=True)
    sorted_counts = counts_B[order]
    starts = (counts_B.cumsum(0) - counts_B)[order]
    first_sorted = sorted_counts.cumsum(0) - sorted_counts
    shift = torch.repeat_interleave(starts - first_sorted, sorted_counts)
    rows = shift + torch.arange(len(shift), device=device)
    groups, begin, first = [], 0, 0
    lengths = sorted_counts.tolist()
    for end in _ends(lengths, slots):
        rows_of_group = sum(lengths[begin:end])
        groups.append(LengthGroup(sorted_counts[begin:end], max(lengths[begin], 1), first, rows_of_group))
        begin, first = end, first + rows_of_group
    return Layout(tuple(groups), rows, order.argsort())


def _ends(lengths: Sequence[int], slots: int) -> Iterator[int]:
    """Where each group of falling lengths ends."""
    begin = 0
    for end in range(1, len(lengths) + 1):
        longest = max(lengths[begin], 1)
        filled = (end - begin) * longest
        if (
            end == len(lengths)
            or filled + longest > slots
            or (filled >= FILLED * slots and lengths[end] < ALIKE * longest)
        ):
            yield end
            begin = end


def attendable(mask_BP: Tensor) -> Tensor:
    """Where attention may look, shape (B, P): at particles, and at the first slot even of an empty jet.

    Attention over nothing has no value; an empty jet looks at one slot of zeros instead.
    """
    return mask_BP | (torch.arange(mask_BP.shape[-1], device=mask_BP.device) == 0)


def _triangular(number: Tensor) -> Tensor:
    return number * (number + 1) // 2


@lru_cache(maxsize=512)
def _triangle(length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    i, j = torch.tril_indices(length, length, device=device)
    return i, j


def normalise(norm: nn.BatchNorm1d, x_NK: Tensor) -> Tensor:
    """Apply batch norm to rows (N, K); by the running statistics where a batch has fewer than two, and thus no variance."""
    if norm.training and len(x_NK) > 1:
        return norm(x_NK)
    scale, shift = running_affine(norm)
    return torch.addcmul(shift, x_NK, scale)


def running_affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """The factor (K,) and the summand (K,) that batch norm amounts to with its running statistics."""
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    scale = norm.weight * (variance + norm.eps).rsqrt()
    return scale, norm.bias - mean * scale


def fold(linear: nn.Linear, norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """The weight (out, in) and the bias (out,) of the linear layer that equals `linear` and batch norm in inference."""
    scale, shift = running_affine(norm)
    bias = shift if linear.bias is None else torch.addcmul(shift, linear.bias, scale)
    return linear.weight * scale[:, None], bias


def gelu(x: Tensor) -> Tensor:
    """The exact GELU of any shape; without gradients it is in place, which spares the memory of another tensor."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling():
        return F.gelu(x)
    activated: Tensor = torch.ops.aten.gelu_(x)
    return activated
