"""Weights of decays by their models: angles to the spin of the parent, masses of pairs; and the spins of the daughters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import factorial

import numpy as np

from yukawa.generators.dalitz import dalitz_decays
from yukawa.generators.phase_space import Array
from yukawa.generators.species import Species

# How the spin of a particle lies to its axis: transverse, helicity +1 and -1 alike, as e+ e- make a vector; longitudinal,
# helicity 0; unpolarised.
TRANSVERSE, LONGITUDINAL, UNPOLARISED = "transverse", "longitudinal", "unpolarised"


@dataclass(frozen=True, slots=True)
class ModelWeight:
    """How a model distributes its decays.

    Args:
        weigh: from momenta (events, bodies, 4) in the rest frame and unit vectors (events, 3) of the axis; None if flat.
        greatest: what it never exceeds.
        note: what is approximate, '' if nothing is.
        draw: makes the momenta itself from the masses (events,) of the parent and (events, bodies) of the daughters; None for
            phase space that is weighed.
        spins: for each daughter 'parent' (the spin of the parent), 'longitudinal' (along its flight), or 'unpolarised'.
    """

    weigh: Callable[[Array, Array], Array] | None
    greatest: float = 1.0
    note: str = ""
    spins: tuple[str, ...] = ()
    draw: Callable[[Array, Array, np.random.Generator], Array] | None = None


def model_weight(
    model: str, arguments: Sequence[float], parent: Species, daughters: Sequence[Species], spin: str
) -> ModelWeight:
    """The weight of a decay model, as its public source or its formula has it.

    Args:
        model: name of the model.
        arguments: its numbers.
        parent: what decays.
        daughters: in order.
        spin: how the spin of the parent lies to its axis.
    """
    if model in ("VVPIPI", "JPIPI") and len(daughters) == 3:
        note = "JPIPI: approximated by VVPIPI, (q^2 - 4 m_pi^2)^2" if model == "JPIPI" else ""
        return _pion_pair(parent, daughters, note)
    if model == "SVS":
        return ModelWeight(None, spins=("longitudinal", "unpolarised"))
    if model == "STS":
        return ModelWeight(None, note="STS: the spin of the tensor is not handed on")
    if model == "SVV_HELAMP" and len(arguments) == 6 and arguments[0] == arguments[4] == 0:
        return ModelWeight(None, spins=("longitudinal", "longitudinal"))
    shape = _polynomial("VSS" if model in ("VSS_BMIX", "VSS_MIX") else model, arguments)
    if shape is not None:
        weight = _of_cosine(shape, spin, model)
        return (
            weight
            if "MIX" not in model
            else replace(weight, note=f"{model}: the pair is generated without mixing")
        )
    if model == "HELAMP" and len(daughters) == 2:
        return _helicities(arguments, parent, daughters, spin)
    if model in ("PHSP", "SLL", "SLN"):
        return ModelWeight(None)
    if model == "PI0_DALITZ" and [each.spin_type for each in daughters] == ["D", "D", "G"]:
        return ModelWeight(None, draw=dalitz_decays)
    return ModelWeight(None, note=f"{model}: flat phase space is used")


def _polynomial(model: str, arguments: Sequence[float]) -> tuple[float, float] | None:
    """(a, b) of 1 + a cos^2 for a transverse, and of 1 + b cos^2 for a longitudinal parent; None if the model has none."""
    if model == "J2BB1" and arguments:
        return arguments[0], 0.0
    return {
        "VLL": (1.0, -1.0), "VSS": (-1.0, float("inf")), "P2GC0": (1.0, 0.0), "P2GC1": (-1 / 3, 0.0), "P2GC2": (1 / 13, 0.0),
        "JPE": (1.0, 0.0), "VSP_PWAVE": (1.0, -1.0),
    }.get(model)  # fmt: skip


def _of_cosine(shape: tuple[float, float], spin: str, model: str) -> ModelWeight:
    if spin == UNPOLARISED:
        return ModelWeight(None)
    slope = shape[0] if spin == TRANSVERSE else shape[1]
    if spin == LONGITUDINAL and slope == 0:
        return ModelWeight(None, note=f"{model}: isotropic from a longitudinal parent")

    def weigh(momenta: Array, axis: Array) -> Array:
        square = cosine(momenta[:, 0], axis) ** 2
        return square if slope == float("inf") else 1 + slope * square

    return ModelWeight(weigh, 1.0 if slope == float("inf") else max(1.0, 1 + slope))


def cosine(momentum: Array, axis: Array) -> Array:
    """Cosine of the angle between momenta (events, 4) and unit vectors (events, 3); 0 at rest."""
    size = np.sqrt((momentum[:, 1:] ** 2).sum(axis=1))
    along: Array = (momentum[:, 1:] * axis).sum(axis=1) / np.where(size > 0, size, 1)
    return along


def pair_mass(momenta: Array, one: int, other: int) -> Array:
    """Invariant mass of two of the bodies: (events,)."""
    total = momenta[:, one] + momenta[:, other]
    mass: Array = np.sqrt(np.clip(total[:, 0] ** 2 - (total[:, 1:] ** 2).sum(axis=1), 0, None))
    return mass


def _pion_pair(parent: Species, daughters: Sequence[Species], note: str) -> ModelWeight:
    """The soft-pion amplitude of two vectors: it vanishes at threshold, and the spin of the parent is handed on."""
    threshold = ((daughters[1].mass or 0) + (daughters[2].mass or 0)) ** 2
    most = ((parent.mass or 0) - (daughters[0].mass or 0)) ** 2

    def weigh(momenta: Array, axis: Array) -> Array:
        return (pair_mass(momenta, 1, 2) ** 2 - threshold) ** 2

    return ModelWeight(weigh, (most - threshold) ** 2 * 1.05, note, ("parent", "unpolarised", "unpolarised"))


def _helicities(
    arguments: Sequence[float], parent: Species, daughters: Sequence[Species], spin: str
) -> ModelWeight:
    """Sum of |A|^2 |d^J|^2 over the helicities of the daughters (PDG review Kinematics; M. Jacob and G. C. Wick 1959)."""
    total = parent.spin2 or 0
    if spin == UNPOLARISED or total == 0:
        return ModelWeight(None, note="HELAMP: the helicities of the daughters are not handed on")
    pairs = [
        (one, other)
        for one in _descending(daughters[0]) for other in _descending(daughters[1]) if abs(one - other) <= total
    ]  # fmt: skip
    squares = [size**2 for size in arguments[::2]]
    if len(squares) != len(pairs):
        return ModelWeight(None, note="HELAMP: flat phase space is used")
    projections = (2, -2) if spin == TRANSVERSE else (0,)

    def weigh(momenta: Array, axis: Array) -> Array:
        """Weights, shape (N,), of the momenta of N decays, shape (N, 2, 4) in GeV, about an axis of quantisation."""
        angle = np.arccos(np.clip(cosine(momenta[:, 0], axis), -1, 1))
        value = np.zeros(len(momenta))
        for square, (one, other) in zip(squares, pairs, strict=True):
            value += (
                square
                * sum(wigner_d(total, own, one - other, angle) ** 2 for own in projections)
                / len(projections)
            )
        return value

    return ModelWeight(
        weigh, max(sum(squares), 1e-9), "HELAMP: the helicities of the daughters are not handed on"
    )


def _descending(species: Species) -> list[int]:
    spin = species.spin2 or 0
    if species.spin_type == "G":
        return [2, -2]
    return list(range(spin, -spin - 1, -2))


def wigner_d(twice_j: int, twice_m: int, twice_n: int, angle: Array) -> Array:
    """The small d-function d^J_{m n}(angle), with twice each quantum number (PDG review Clebsch-Gordan Coefficients)."""
    plus_m, minus_m = (twice_j + twice_m) // 2, (twice_j - twice_m) // 2
    plus_n, minus_n = (twice_j + twice_n) // 2, (twice_j - twice_n) // 2
    if min(plus_m, minus_m, plus_n, minus_n) < 0:
        return np.zeros_like(angle)
    front = (factorial(plus_m) * factorial(minus_m) * factorial(plus_n) * factorial(minus_n)) ** 0.5
    cos, sin = np.cos(angle / 2), np.sin(angle / 2)
    value = np.zeros_like(angle)
    for k in range(max(0, (twice_n - twice_m) // 2), min(plus_n, minus_m) + 1):
        below = (
            factorial(plus_n - k)
            * factorial(k)
            * factorial(minus_m - k)
            * factorial(k + (twice_m - twice_n) // 2)
        )
        power = twice_j + (twice_n - twice_m) // 2 - 2 * k
        value += (
            (-1) ** (k + (twice_m - twice_n) // 2)
            / below
            * cos**power
            * sin ** (2 * k + (twice_m - twice_n) // 2)
        )
    result: Array = front * value
    return result
