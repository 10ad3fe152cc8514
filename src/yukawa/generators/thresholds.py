"""The least masses with which particles are generated, and the decays that these close: one decision for cards and events."""

from collections.abc import Callable, Mapping, Sequence

from yukawa.core.errors import InputError
from yukawa.generators.laws import with_tail
from yukawa.generators.plans import DecayStep
from yukawa.generators.species import Species, SpeciesNames

NARROW = 1e-4  # GeV: a width that is not seen
_ABOVE = 1e-4  # GeV above a threshold at which a decay is drawn


class LeastMasses:
    """The least mass of each particle: of a resonance, that with which it can still decay.

    Args:
        species: gives the particle of a name.
        decays: the daughters of each mode of the particles that are decayed.
    """

    def __init__(
        self, species: Callable[[str], Species], decays: Mapping[str, Sequence[Sequence[str]]]
    ) -> None:
        self._species, self._decays = species, decays
        self._found: dict[str, float] = {}

    def of(self, name: str) -> float:
        """The least mass in GeV."""
        if name not in self._found:
            species = self._species(name)
            self._found[name] = species.mass or 0.0
            if (species.width or 0.0) > NARROW:
                open_at = min(map(self.of_all, self._decays.get(name, ())), default=0.0)
                self._found[name] = max(species.lightest, open_at + _ABOVE)
        return self._found[name]

    def of_all(self, names: Sequence[str]) -> float:
        """The least mass of several particles together, in GeV."""
        return sum(map(self.of, names))


def refuse_closed(steps: Sequence[DecayStep], energy: float | None = None) -> None:
    """Refuse a chain with a decay that would never be generated.

    Args:
        steps: the decays, that of the first particle first; this one has its nominal mass, others reach into their tails.
        energy: of the collision in GeV, as the mass of a virtual photon.

    Raises:
        InputError: the daughters of a decay are too heavy, with the masses.
    """
    names = SpeciesNames()

    def species(name: str) -> Species:
        found = names.get(name)
        if found is None:
            raise InputError(f"the tables of the generator lack {name}")
        return found

    decays: dict[str, list[tuple[str, ...]]] = {}
    for step in steps:
        decays.setdefault(step.parent, []).append(step.daughters)
    least = LeastMasses(species, decays)
    for step in steps:
        parent = species(step.parent)
        first = step.parent == steps[0].parent
        at_rest = first or (parent.width or 0.0) <= NARROW
        most = energy if parent.is_virtual else parent.mass if at_rest else parent.heaviest
        needed = least.of_all(step.daughters)
        if most and needed >= most:
            has = with_tail(most if parent.is_virtual or at_rest else parent.mass or most, most)
            raise InputError(
                f"{step} is closed: the daughters need {needed:.4g} GeV, {step.parent} has {has}",
                hint=_way_out(parent) if first and needed < parent.heaviest else "",
            )


def _way_out(parent: Species) -> str:
    """What to write where the tail of a resonance is wanted."""
    if parent.spin_type == "V" and parent.c_parity == "-":
        return 'for another energy of the collision write "e+ e- -> … at ENERGY GeV"'
    return f"begin with the decay that produces the {parent.name}, which reaches into its tail there"
