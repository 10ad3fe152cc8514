"""What each pair of particles is like, and the network that turns this into biases of attention."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yukawa.jets.models.layout import LengthGroup, fold, gelu, normalise, running_affine

PairFeatures = Literal["hadron", "lepton", "pp", "ee"]
EPS = 1e-8
ROWS = 4096  # pairs embedded at once in inference: their activations stay in the processor's cache

# Below these the features say nothing: a detector resolves no less, and a particle with itself lies there.
LEAST_ANGLE, LEAST_MOMENTUM = 1e-3, 1e-2  # rad (or Delta), GeV


def features_hadron(momenta_BP4: Tensor) -> Tensor:
    """The logarithms of kT, z, Delta and m2 of all pairs, shape (4, B, P, P), for hadron colliders.

    As arXiv:2202.03772, eq. 3, with particles taken as massless and a floor under all but z, so that rounding is not seen:
    Delta in rapidity and azimuth, kT = min(pT) Delta, z = min(pT) / (pT + pT'), m2 = 2 pT pT' (cosh Delta y - cos Delta phi).
    Invariant under rotations about the beam and boosts along it.
    """
    px, py, pz, energy = momenta_BP4.unbind(-1)
    pt = (px.square() + py.square()).sqrt()
    transverse_mass = ((energy - pz) * (energy + pz)).clamp(min=EPS**2).sqrt()
    rapidity = torch.asinh(pz / transverse_mass).clamp(-20, 20)
    across = [component / pt.clamp(min=EPS) for component in (px, py)]
    azimuth = sum(_all(component, torch.sub).square() for component in across)  # 2 (1 - cos)
    delta2 = _all(rapidity, torch.sub).square() + _delta_phi(torch.atan2(py, px)).square()
    scale = rapidity.exp()
    # 2 (cosh - 1), which the difference itself would lose to rounding.
    along = _all(scale, torch.sub).square() / _all(scale, torch.mul)
    softer = _all(pt, torch.minimum)
    return torch.stack(
        [
            0.5 * (softer.square() * delta2 + LEAST_MOMENTUM**2).log(),
            (softer / _all(pt, torch.add).clamp(min=EPS)).clamp(min=EPS).log(),
            0.5 * (delta2 + LEAST_ANGLE**2).log(),
            (_all(pt, torch.mul) * (along + azimuth) + LEAST_MOMENTUM**2).log(),
        ]
    )


def features_lepton(momenta_BP4: Tensor) -> Tensor:
    """The features ln m2, cos, sin, ln kT, ln z and ln theta of all pairs, (6, B, P, P), for e+e- colliders, in GeV.

    With the opening angle theta: kT = min(p) sin(theta), z = min(p) / (p + p'), m2 = 2 p p' (1 - cos(theta)), which is the
    mass of massless particles; in ln theta, that angle is the chord 2 sin(theta / 2). A floor lies under m2, kT and theta, so
    that rounding is not seen. Invariant under any rotation.
    """
    momentum = momenta_BP4[..., :3]
    p = _norm(momentum)
    directions = (momentum / p.clamp(min=EPS)[..., None]).unbind(-1)
    chord2 = sum(_all(component, torch.sub).square() for component in directions)  # 2 (1 - cos)
    sin2 = (chord2 * (1 - chord2 / 4)).clamp(min=0)
    softer = _all(p, torch.minimum)
    return torch.stack(
        [
            (_all(p, torch.mul) * chord2 + LEAST_MOMENTUM**2).log(),
            1 - chord2 / 2,
            sin2.sqrt(),
            0.5 * (softer.square() * sin2 + LEAST_MOMENTUM**2).log(),
            (softer / _all(p, torch.add).clamp(min=EPS)).clamp(min=EPS).log(),
            0.5 * (chord2 + LEAST_ANGLE**2).log(),
        ]
    )


# The features below repeat the arithmetic of the published network step by step, for networks that were trained with it:
# the mass of a collinear pair and the angle of a particle to itself are little but rounding error in float32, and trained
# weights know that error's distribution.


def features_pp(momenta_BP4: Tensor) -> Tensor:
    """Weaver's features of hadron colliders: the logarithms of kT, z, Delta and m2 of all pairs, shape (4, B, P, P).

    Source: arXiv:2202.03772, eq. 3; Delta in rapidity and azimuth, kT = min(pT) Delta, z = min(pT) / (pT + pT').
    Invariant under rotations about the beam and boosts along it.
    """
    px, py, pz, energy = momenta_BP4.unbind(-1)
    pt = (px.square() + py.square()).sqrt()
    # A massless particle straight along -z has 0 in the logarithm.
    rapidity = 0.5 * (1 + 2 * pz / (energy - pz).clamp(min=1e-20)).clamp(min=1e-20).log()
    delta = (_all(rapidity, torch.sub).square() + _delta_phi(torch.atan2(py, px)).square()).sqrt()
    softer = _all(pt, torch.minimum)
    return torch.stack(
        [
            (softer * delta).clamp(min=EPS),
            (softer / _all(pt, torch.add).clamp(min=EPS)).clamp(min=EPS),
            delta.clamp(min=EPS),
            _mass_squared(momenta_BP4).clamp(min=EPS),
        ]
    ).log()


def features_ee(momenta_BP4: Tensor) -> Tensor:
    """Weaver's features of e+e- colliders, in GeV: ln m2, cos, sin, ln kT, ln z and ln JADE of all pairs, (6, B, P, P).

    With the opening angle theta: kT = min(p) sin(theta), z = min(p) / (p + p'), JADE = E E' (1 - cos(theta)).
    Invariant under any rotation.
    """
    momentum, energy = momenta_BP4[..., :3], momenta_BP4[..., 3]
    p = _norm(momentum)
    x, y, z = (momentum / p.clamp(min=EPS)[..., None]).unbind(-1)
    cos = (_all(x, torch.mul) + _all(y, torch.mul) + _all(z, torch.mul)).clamp(-1, 1)
    cross = [_cross(a, b) for a, b in ((y, z), (z, x), (x, y))]
    sin = (cross[0].square() + cross[1].square() + cross[2].square()).sqrt().clamp(0, 1)
    softer = _all(p, torch.minimum)
    return torch.stack(
        [
            _mass_squared(momenta_BP4).clamp(min=EPS).log(),
            cos,
            sin,
            (softer * sin).clamp(min=EPS).log(),
            (softer / _all(p, torch.add).clamp(min=EPS)).clamp(min=EPS).log(),
            (_all(energy, torch.mul) * (1 - cos)).clamp(min=EPS).log(),
        ]
    )


FEATURES: dict[PairFeatures, tuple[int, Callable[[Tensor], Tensor]]] = {
    "hadron": (4, features_hadron),
    "lepton": (6, features_lepton),
    "pp": (4, features_pp),
    "ee": (6, features_ee),
}


def _all(value_BP: Tensor, operation: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """`operation` of each particle (rows) with each (columns), shape (B, P, P)."""
    return operation(value_BP[:, :, None], value_BP[:, None, :])


def _cross(a_BP: Tensor, b_BP: Tensor) -> Tensor:
    """A component of the cross product, a_i b_j - b_i a_j, of which the second product alone is rounded.

    Compilers produce this from the published network (a fused multiply-add). It leaves a particle an angle of
    some 1e-9 to itself, whose logarithm trained weights know; so it is written out here, for all machines.
    """
    rounded = b_BP[:, :, None] * a_BP[:, None, :]
    exact = a_BP.double()[:, :, None] * b_BP.double()[:, None, :]
    return (exact - rounded).to(a_BP.dtype)


def _delta_phi(phi_BP: Tensor) -> Tensor:
    """Differences of azimuths in [-pi, pi), always the later particle's minus the earlier one's."""
    number = torch.arange(phi_BP.shape[1], device=phi_BP.device)
    difference = _all(phi_BP, torch.sub)
    difference = torch.where(number[:, None] >= number, difference, -difference)
    return (difference + math.pi) % (2 * math.pi) - math.pi


def _norm(momentum_BP3: Tensor) -> Tensor:
    x, y, z = momentum_BP3.unbind(-1)
    return (x.square() + y.square() + z.square()).sqrt()


def _mass_squared(momenta_BP4: Tensor) -> Tensor:
    x, y, z, energy = (_all(component, torch.add).square() for component in momenta_BP4.unbind(-1))
    return energy - (x + y + z)


class PairEmbedding(nn.Module):
    """The network from pair features to one attention logit per head, the same for (i, j) and (j, i).

    A batch norm, then layers of linear, batch norm and GELU; only the last has none, unless `activated`.
    In training the batch norms see each pair of real particles of the batch once.
    """

    def __init__(self, features: PairFeatures, sizes: Sequence[int], heads: int, activated: bool) -> None:
        super().__init__()
        width, self._features = FEATURES[features]
        widths = (width, *sizes, heads)
        self.input_norm = nn.BatchNorm1d(width)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm1d(b) for b in widths[1:])
        self._activated = [True] * len(sizes) + [activated]

    def forward(self, momenta_N4: Tensor, groups: Sequence[LengthGroup]) -> Iterator[Tensor]:
        """The logits (heads, b, P, P) of each group to be added in attention; -inf at padded particles.

        Args:
            momenta_N4: px, py, pz, E of all particles in the order of the groups.
        """
        inputs = (
            self._features(group.pad(momenta_N4)).flatten(1).index_select(1, group.pairs) for group in groups
        )
        if self.training:
            outputs = self._embed(torch.cat(list(inputs), dim=1)).split([len(g.pairs) for g in groups], dim=1)
            yield from (spread(logits, group) for logits, group in zip(outputs, groups, strict=True))
        else:
            yield from (spread(self._embed(x), group) for x, group in zip(inputs, groups, strict=True))

    def dense(self, momenta_BP4: Tensor, keys_BP: Tensor) -> Tensor:
        """The same of padded particles: (heads, B, P, P) from all P x P pairs."""
        jets, length, _ = momenta_BP4.shape
        logits = self._embed(self._features(momenta_BP4).flatten(1)).unflatten(1, (jets, length, length))
        return logits.masked_fill(~keys_BP[:, None, :], -math.inf)

    def _embed(self, x_KN: Tensor) -> Tensor:
        """(heads, n) logits of n pairs with K features."""
        if self.training:
            return self._embed_by_batch(x_KN)
        scale, shift = running_affine(self.input_norm)
        x_KN = torch.addcmul(shift[:, None], x_KN, scale[:, None])
        folded = [fold(linear, norm) for linear, norm in zip(self.layers, self.norms, strict=True)]
        chunks = [x_KN] if torch.compiler.is_compiling() else x_KN.split(ROWS, dim=1)
        return torch.cat([self._embed_folded(chunk, folded) for chunk in chunks], dim=1)

    def _embed_folded(self, x_KN: Tensor, folded: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        x_NK = x_KN.T
        for weight, bias in folded[:-1]:
            x_NK = gelu(F.linear(x_NK, weight, bias))
        weight, bias = folded[-1]
        x_HN = weight @ x_NK.T + bias[:, None]
        return gelu(x_HN) if self._activated[-1] else x_HN

    def _embed_by_batch(self, x_KN: Tensor) -> Tensor:
        x_NK = normalise(self.input_norm, x_KN.T)
        for linear, norm, activated in zip(self.layers, self.norms, self._activated, strict=True):
            x_NK = normalise(norm, linear(x_NK))
            x_NK = gelu(x_NK) if activated else x_NK
        return x_NK.T


def spread(logits_HN: Tensor, group: LengthGroup) -> Tensor:
    """Logits of pairs written to both (i, j) and (j, i) of (H, b, P, P); -inf where no particle is seen."""
    fill = logits_HN.new_tensor([0.0, -math.inf]).expand(len(logits_HN), 2)
    slots = torch.cat([logits_HN, fill], dim=1).index_select(1, group.pair_of_slots)
    return slots.unflatten(1, (-1, group.length, group.length))
