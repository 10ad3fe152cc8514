"""The decay models of EvtGen and BesEvtGen: how many daughters and arguments each takes, and of which spins."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yukawa.generators.species import Species, table_rows

# Their arguments include names: of files, of lines in a file, of resonances, of settings.
TEXT_ARGUMENTS = frozenset(
    "GENERIC_DALITZ D_MULTIBODY PTO3P LbAmpGen BTOXELNU BGL BCL PYTHIA JETSET TAUOLA DIY BLLNUL D_hhhh DToKpienu VUB_BLNP"
    " BNOCB0TO4PICP PROPSLPOLE SinglePoint FLATQ2FLATM".split()
)
# They pick the daughters themselves; what the card lists are quarks, strings, or nothing.
HADRONISATION = frozenset(
    "PYTHIA PYCONT JETSET JSCONT LUNDCHARM LUNDA OPENCHARM PYGAGA TAUOLA ConExc REXC BHADRONIC".split()
)
# A particle gun, and models whose further daughters are names for particles that the mode has already.
GUNS = frozenset({"SINGLE", "SINGLE2", "SinglePoint", "TrackGen"})
WITH_REAL_DAUGHTERS = {"VSS_BMIX": 2, "VSS_MIX": 2, "BSQUARK": 0, "DMIX": 0, "VSSBMixNP": 2, "PHSP_BB_MIX": 2}
# What a charged pair must look like, beyond its spins: the code of the model compares names.
_PIONS = (("pi+", "pi-"), ("pi0", "pi0"))


@dataclass(frozen=True, slots=True)
class DecayModel:
    """A decay model.

    Args:
        name: as cards write it.
        where: 'E' in EvtGen, 'B' in BesEvtGen, 'EB', or '?' where only the name is known.
        daughters: numbers of daughters that it takes; empty if unknown or any.
        arguments: numbers of arguments; empty if unknown, ('HELAMP',) or ('PARTWAVE',) if counted from the spins.
        parent: spin type of the parent, '' if any: S, D, V, R, T by spin, G photon, N neutrino.
        spins: for each daughter the spin types; the last may end in '*', which is for all further daughters.
    """

    name: str
    where: str
    daughters: tuple[int, ...]
    arguments: tuple[str, ...]
    parent: str
    spins: tuple[str, ...]

    def daughter_spins(self, count: int) -> Iterator[str]:
        """The spin types that each of `count` daughters may have, '-' for any."""
        for number in range(count):
            if number < len(self.spins):
                yield self.spins[number].rstrip("*")
            else:
                yield self.spins[-1].rstrip("*") if self.spins and self.spins[-1].endswith("*") else "-"

    def takes(self, species: Sequence[Species]) -> bool:
        """Whether daughters have the spins that the model wants, in this order; those unknown fit."""
        if not self.spins:
            return True
        if self.name == "JPIPI" and tuple(each.base for each in species[1:]) not in _PIONS:
            return False
        wanted = _wanted(self, len(species))
        return False not in [_fits(each, kinds) for each, kinds in zip(species, wanted, strict=True)]

    def takes_parent(self, parent: Species) -> bool:
        """Whether the parent has the spin that the model wants."""
        return not self.parent or _fits(parent, self.parent)


@functools.cache
def _wanted(model: DecayModel, count: int) -> tuple[str, ...]:
    return tuple(model.daughter_spins(count))


def _fits(species: Species, wanted: str) -> bool:
    kind = species.spin_type
    return not kind or wanted == "-" or kind in wanted.split("|")


@functools.cache
def decay_models() -> dict[str, DecayModel]:
    """All models by name."""
    found = {}
    for name, where, daughters, arguments, parent, spins in table_rows("models"):
        found[name] = DecayModel(
            name, where, tuple(map(int, filter(None, daughters.split("|")))),
            tuple(filter(None, arguments.split("|"))), parent, tuple(spins.split()),
        )  # fmt: skip
    return found


def helicity_arguments(parent: Species, daughters: Sequence[Species]) -> int | None:
    """How many numbers HELAMP wants: magnitude and phase of each pair of helicities with |l1 - l2| <= J.

    A photon has no helicity 0, a neutrino one helicity alone. None if a spin is unknown.
    """
    if parent.spin2 is None or any(each.spin2 is None for each in daughters):
        return None
    first, second = (_helicities(each) for each in daughters)
    return 2 * sum(abs(one - other) <= parent.spin2 for one in first for other in second)


def _helicities(species: Species) -> range | tuple[int, ...]:
    spin = species.spin2 or 0
    if species.spin_type == "G":
        return (-2, 2)
    if species.spin_type == "N":
        return (-1,) if species.number > 0 else (1,)
    return range(-spin, spin + 1, 2)


def wave_arguments(parent: Species, daughters: Sequence[Species]) -> int | None:
    """How many numbers PARTWAVE wants: magnitude and phase of each (L, S) that couples to the spin of the parent."""
    if parent.spin2 is None or any(each.spin2 is None for each in daughters):
        return None
    one, other = (each.spin2 or 0 for each in daughters)
    total = parent.spin2
    waves = 0
    for spin in range(abs(one - other), one + other + 1, 2):
        waves += len(range(abs(total - spin), total + spin + 1, 2))
    return 2 * waves
