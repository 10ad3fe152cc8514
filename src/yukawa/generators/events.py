"""Generates events from a decay card: modes by their fractions, masses of resonances, momenta by the models."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from yukawa.core.errors import InputError
from yukawa.generators.angles import LONGITUDINAL, TRANSVERSE, UNPOLARISED, ModelWeight, model_weight
from yukawa.generators.cards import DecayCard, DecayMode
from yukawa.generators.models import HADRONISATION
from yukawa.generators.phase_space import Array, boosted, unweighted_decays
from yukawa.generators.species import MASTER_MODELS, Species, SpeciesNames
from yukawa.generators.thresholds import NARROW, LeastMasses
from yukawa.generators.words import is_number

_SHORT_LIVED = 1e-16  # GeV: what is wider decays near the collision
_DEPTH = 20  # decays in a row
_TRIES = 200  # of masses that fit into the parent
_MOST = 10_000_000  # events of a run
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GeneratedEvents:
    """Particles of all events, those of an event in a row and a particle before its daughters.

    Args:
        event: (particles,) number of the event, from 0.
        mother: (particles,) number of the particle in this table that decayed to it; -1 for the first of an event.
        number: (particles,) Monte Carlo number.
        status: (particles,) 1 for what stays, 2 for what decays.
        momenta: (particles, 4) E, px, py, pz in GeV.
        masses: (particles,) in GeV.
        notes: what is approximate, and what was left undecayed.
    """

    event: Integers
    mother: Integers
    number: Integers
    status: Integers
    momenta: Array
    masses: Array
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Rows:
    """Particles of one generation, all of the same name."""

    name: str
    event: Integers
    mother: Integers
    momenta: Array
    masses: Array
    axis: Array
    spin: str
    own: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


class EventGenerator:
    """Generates events from a card.

    Args:
        card: that was read and checked.
        seed: of the random numbers; the same seed gives the same events.
    """

    def __init__(self, card: DecayCard, seed: int = 1) -> None:
        self.names = SpeciesNames()
        self.values: dict[str, float] = {}
        self.aliases: dict[str, list[str]] = {name: [model] for name, model in MASTER_MODELS.items()}
        self.decays: dict[str, list[DecayMode]] = {}
        self.random = np.random.default_rng(seed)
        self.notes: dict[str, None] = {}
        self._read(card)
        listed = self.decays.items()
        self._least = LeastMasses(
            self._species,
            {name: [mode.daughters for mode in modes if mode.fraction > 0] for name, modes in listed},
        )

    def _read(self, card: DecayCard) -> None:
        for command in card.commands("Particle"):
            name, mass, *width = command.words
            self.names.set_mass(name, float(mass), float(width[0]) if width else None)
        for command in card.commands("Alias"):
            species = self.names.get(command.words[1])
            if species is not None:
                self.names.alias(command.words[0], species)
        for command in card.commands("ChargeConj"):
            one, other = command.words
            self.names.conjugates |= {one: other, other: one}
        for command in card.commands("Define"):
            if is_number(command.words[1]):
                self.values[command.words[0]] = float(command.words[1])
        for command in card.commands("ModelAlias"):
            self.aliases[command.words[0]] = command.words[1:]
        self.decays = {
            name: [each for mode in modes for each in _pairs(mode)] for name, modes in card.decays().items()
        }
        for command in card.commands("CDecay"):
            name = command.words[0]
            source = self.decays.get(self.names.conjugate(name))
            if source is not None and name not in self.decays:
                self.decays[name] = [self._conjugate(mode, name) for mode in source]

    def _conjugate(self, mode: DecayMode, parent: str) -> DecayMode:
        daughters = [self.names.conjugate(name) or name for name in mode.daughters]
        return DecayMode(parent, mode.fraction, daughters, mode.flags, mode.model, mode.arguments)

    def generate(self, count: int, parent: str) -> GeneratedEvents:
        """Events of a parent at rest; a vector is polarised as e+ e- along z make it.

        Args:
            count: events.
            parent: a particle that the card decays.

        Raises:
            InputError: the card does not decay it, or one of its modes cannot be generated here.
        """
        if not 0 < count <= _MOST:
            raise InputError(f"{count:,} events are not between 1 and {_MOST:,}")
        species = self._species(parent)
        if parent not in self.decays:
            decayed = ", ".join(self.decays) or "nothing"
            raise InputError(f"the card does not decay {parent}", hint=f"it decays {decayed}")
        if species.mass is None:
            raise InputError(
                f"the tables give {parent} no mass",
                hint=f'write a line "Particle {parent} MASS 0.0" at the head of the card',
            )
        masses = np.full(count, species.mass)
        momenta = np.zeros((count, 4))
        momenta[:, 0] = masses
        axis = np.tile([0.0, 0.0, 1.0], (count, 1))
        spin = TRANSVERSE if species.spin_type == "V" else UNPOLARISED
        first = _Rows(parent, np.arange(count), np.full(count, -1), momenta, masses, axis, spin)
        return self._collected(self._grown(first))

    def _grown(self, first: _Rows) -> list[_Rows]:
        done: list[_Rows] = []
        rows, next_number = [first], 0
        for _ in range(_DEPTH):
            later: list[_Rows] = []
            for each in rows:
                each.own = np.arange(next_number, next_number + len(each.event))
                next_number += len(each.event)
                done.append(each)
                if each.name in self.decays:
                    later += self._decayed(each)
                elif (self._species(each.name).width or 0) > _SHORT_LIVED:
                    self.notes[f"{each.name} is left undecayed"] = None
            if not later:
                return done
            rows = later
        raise InputError(f"more than {_DEPTH} decays in a row", hint="does a particle decay to itself?")

    def _decayed(self, rows: _Rows) -> list[_Rows]:
        modes = self.decays[rows.name]
        fractions = np.array([mode.fraction for mode in modes])
        if fractions.sum() <= 0:
            raise InputError(f"the branching fractions of {rows.name} sum to {fractions.sum():g}")
        # A resonance in its tail decays by the modes that are open there.
        needed = np.array([self._least.of_all(mode.daughters) for mode in modes])
        shares = np.cumsum(fractions * (needed < rows.masses[:, None]), axis=1)
        shares[shares[:, -1] <= 0] = np.cumsum(fractions)  # which is then said to be closed
        drawn = self.random.uniform(size=len(rows.event)) * shares[:, -1]
        chosen = np.minimum((drawn[:, None] >= shares).sum(axis=1), len(modes) - 1)
        found: list[_Rows] = []
        for number, mode in enumerate(modes):
            at = np.flatnonzero(chosen == number)
            if len(at):
                found += self._of_mode(rows, at, mode)
        return found

    def _of_mode(self, rows: _Rows, at: Integers, mode: DecayMode) -> list[_Rows]:
        parent = self._species(rows.name)
        daughters = [self._species(name) for name in mode.daughters]
        words = [*self.aliases.get(mode.model, [mode.model]), *mode.arguments]
        model = words[0]
        if model in HADRONISATION or not daughters or any(each.is_parton for each in daughters):
            raise InputError(
                f"{rows.name} -> {' '.join(mode.daughters)} {model} needs its own program", hint="use EvtGen"
            )
        arguments = [float(word) if is_number(word) else self.values.get(word, 0.0) for word in words[1:]]
        weight = model_weight(model, arguments, parent, daughters, rows.spin)
        if weight.note:
            self.notes[weight.note] = None
        if "PHOTOS" in mode.flags:
            self.notes["PHOTOS: no photon of the final state is radiated"] = None
        masses = self._masses(rows.masses[at], daughters, f"{rows.name} -> {' '.join(mode.daughters)}")
        axis = rows.axis[at]
        rest = self._at_rest(rows.masses[at], masses, weight, axis)
        momenta = boosted(rest, rows.momenta[at])
        found = []
        for number, name in enumerate(mode.daughters):
            handed = _handed(weight, number, rest, axis, rows.spin)
            found.append(
                _Rows(name, rows.event[at], rows.own[at], momenta[:, number], masses[:, number], *handed)
            )
        return found

    def _at_rest(self, whole: Array, masses: Array, weight: ModelWeight, axis: Array) -> Array:
        """Momenta (events, bodies, 4) in the rest frame of the parent."""
        weigh = weight.weigh
        if weight.draw is not None:
            return weight.draw(whole, masses, self.random)
        if weigh is None:
            return unweighted_decays(whole, masses, self.random)
        return unweighted_decays(
            whole, masses, self.random, lambda momenta, drawn: weigh(momenta, axis[drawn]), weight.greatest
        )

    def _species(self, name: str) -> Species:
        species = self.names.get(name)
        if species is None:
            raise InputError(f"unknown particle {name}", hint="yukawa check names what was meant")
        return species

    def _masses(self, whole: Array, daughters: list[Species], decay: str) -> Array:
        """Masses (events, bodies): nominal, or by a Breit-Wigner curve within the tails, that fit into the parent."""
        count = len(whole)
        if any(each.mass is None for each in daughters):
            lacking = next(each.name for each in daughters if each.mass is None)
            raise InputError(f"{decay}: the mass of {lacking} is not one number", hint="use EvtGen")
        masses = np.tile([each.mass or 0.0 for each in daughters], (count, 1))
        broad = [number for number, each in enumerate(daughters) if (each.width or 0) > NARROW]
        least = np.array([self._least.of(each.name) for each in daughters])
        if (least.sum() >= whole).any():
            raise InputError(f"{decay} is closed: the daughters are too heavy")
        left = np.arange(count)
        for _ in range(_TRIES):
            for number in broad:
                others = least.sum() - least[number]
                masses[left, number] = self._curve(daughters[number], least[number], whole[left] - others)
            left = left[masses[left].sum(axis=1) >= whole[left]]
            if not len(left):
                return masses
            if not broad:
                break
        raise InputError(f"{decay} is closed: the daughters are too heavy")

    def _curve(self, species: Species, least: float, most: Array) -> Array:
        """Masses by a Cauchy curve between the least and the greatest mass of a resonance, at most `most`."""
        mass, width = species.mass or 0.0, species.width or 0.0
        low = np.arctan(2 * (least - mass) / width)
        high = np.arctan(2 * (np.minimum(species.heaviest, most) - mass) / width)
        found: Array = mass + width / 2 * np.tan(low + (high - low) * self.random.uniform(size=len(most)))
        return found

    def _collected(self, rows: list[_Rows]) -> GeneratedEvents:
        event = np.concatenate([each.event for each in rows])
        mother = np.concatenate([each.mother for each in rows])
        number = np.concatenate([np.full(len(each.event), self._species(each.name).number) for each in rows])
        status = np.concatenate(
            [np.full(len(each.event), 2 if each.name in self.decays else 1) for each in rows]
        )
        order = np.argsort(event, kind="stable")
        place = np.empty(len(order) + 1, dtype=np.int64)
        place[order], place[-1] = np.arange(len(order)), -1
        return GeneratedEvents(
            event[order], place[mother[order]], number[order], status[order],
            np.concatenate([each.momenta for each in rows])[order], np.concatenate([each.masses for each in rows])[order],
            tuple(self.notes),
        )  # fmt: skip


def _pairs(mode: DecayMode) -> list[DecayMode]:
    """A mode of four names, a pair and its aliases, as two modes: one of the pair beside the alias of the other."""
    if mode.model not in ("VSS_BMIX", "VSS_MIX") or len(mode.daughters) != 4:
        return [mode]
    first, second, third, fourth = mode.daughters
    return [
        DecayMode(mode.parent, mode.fraction / 2, pair, mode.flags, mode.model, mode.arguments)
        for pair in ([first, fourth], [third, second])
    ]


def _handed(weight: ModelWeight, number: int, rest: Array, axis: Array, spin: str) -> tuple[Array, str]:
    """Axis and spin of a daughter."""
    kind = weight.spins[number] if number < len(weight.spins) else "unpolarised"
    if kind == "parent":
        return axis, spin
    if kind == "longitudinal":
        vector = rest[:, number, 1:]
        return vector / np.sqrt((vector**2).sum(axis=1))[:, None], LONGITUDINAL
    return axis, UNPOLARISED
