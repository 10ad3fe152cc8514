"""Renders a plan as a decay card: aliases, models with a note for each, antiparticles; checked before it is given."""

from collections.abc import Sequence
from dataclasses import dataclass

from yukawa.core.errors import InputError
from yukawa.generators.amplitudes import choose_amplitude
from yukawa.generators.checking import Surroundings, check
from yukawa.generators.diagnostics import Diagnostic
from yukawa.generators.laws import is_impossible
from yukawa.generators.plans import OF_HARD_PROCESS, CardPlan, DecayStep, fractions_of
from yukawa.generators.reading import read_card
from yukawa.generators.species import Species, SpeciesNames
from yukawa.generators.thresholds import refuse_closed

_FCC = {
    "B0": "Bd_SIGNAL", "anti-B0": "Bdbar_SIGNAL", "B+": "Bu_SIGNAL", "B-": "Bubar_SIGNAL", "B_s0": "Bs_SIGNAL",
    "anti-B_s0": "Bsbar_SIGNAL", "B_c+": "Bc_SIGNAL", "B_c-": "Bcbar_SIGNAL", "Lambda_b0": "Lb_SIGNAL",
    "anti-Lambda_b0": "Lbbar_SIGNAL",
}  # fmt: skip
# What the storage ring makes the pair from.
_PAIRS = {"B0": "Upsilon(4S)", "B+": "Upsilon(4S)", "B_s0": "Upsilon(5S)"}
_ENERGIES = {"belle2": 10.58}  # GeV, of the collisions of an experiment with one energy
_SMALL = 0.01  # fractions below have too few digits with four decimals
_PLAIN = frozenset({"pi0", "eta", "K_S0"})


@dataclass(frozen=True, slots=True)
class WrittenCard:
    """A card that passed the check.

    Args:
        text: of the card.
        notes: one for each choice.
        remarks: findings below an error.
    """

    text: str
    notes: tuple[str, ...]
    remarks: tuple[Diagnostic, ...]


def write_card(plan: CardPlan) -> WrittenCard:
    """The decay card of a plan.

    Raises:
        InputError: the card does not pass the check, with what is wrong; or it does not hold the chain.
    """
    _refuse_what_no_card_makes(plan)
    renderer = _CardRenderer(plan)
    text = renderer.card()
    found = check(text, name="card.dec", surroundings=Surroundings(ecms=plan.energy))
    errors = [each for each in found if is_impossible(each.code)]
    if errors:
        raise InputError(f"no card for {plan.steps[0]}: {errors[0].text}")
    refuse_closed(plan.steps, plan.energy)
    missing = missing_steps(text, plan)
    if missing:
        raise InputError(f"the card would lack {missing[0]}")
    return WrittenCard(text, (*plan.notes, *dict.fromkeys(renderer.notes)), tuple(found))


def _refuse_what_no_card_makes(plan: CardPlan) -> None:
    """Refuse quarks, what Pythia decays itself, and particles without a mass."""
    names = SpeciesNames()
    for step in plan.steps:
        daughters = [each for name in step.daughters if (each := names.get(name)) is not None]
        unknown = next((each.name for each in daughters if each.mass is None and not each.is_virtual), "")
        if unknown:
            raise InputError(
                f"no card for {step}: the tables give {unknown} no mass, so that nothing can be checked",
                hint=f'write the card by hand, with a line "Particle {unknown} MASS WIDTH"',
            )
        if any(each.is_parton for each in daughters):
            raise InputError(
                f"no card for {step}: quarks and gluons need a parton shower and hadronisation, which are not EvtGen's",
                hint=f'type: yukawa write pythia "{step}"',
            )
        if step.parent in OF_HARD_PROCESS and plan.experiment in ("lhcb", "fcc"):
            after = next((other.parent for other in plan.steps if other.parent in step.daughters), "")
            also = f"; begin the card with {after}" if after else ""
            raise InputError(
                f"no card for {step}: Pythia decays the {step.parent} before EvtGen sees it, so that the card would alter nothing",
                hint=f'type: yukawa write pythia "{step}"{also}',
            )


def missing_steps(text: str, plan: CardPlan) -> list[DecayStep]:
    """The steps of a plan that a card does not hold, its aliases resolved."""
    card = read_card(text)
    names = SpeciesNames()
    for command in card.commands("Alias"):
        species = names.get(command.words[1])
        if species is not None:
            names.alias(command.words[0], species)
    held = {
        (base.base, tuple(sorted(each.base for name in mode.daughters if (each := names.get(name)) is not None)))
        for block in card.blocks() if (base := names.get(block.parent)) is not None for mode in block.modes
    }  # fmt: skip

    def opposite(step: DecayStep) -> DecayStep:
        return DecayStep(_anti(names, step.parent), tuple(_anti(names, name) for name in step.daughters))

    return [
        step for step in plan.steps
        if not any((each.parent, tuple(sorted(each.daughters))) in held for each in (step, opposite(step)))
    ]  # fmt: skip


def _anti(names: SpeciesNames, name: str) -> str:
    species = names.get(name)
    return names.antiparticle(species) if species else name


class _CardRenderer:
    def __init__(self, plan: CardPlan) -> None:
        self.plan = plan
        self.names = SpeciesNames()
        self.notes: list[str] = []
        self.head: list[str] = []
        self.blocks: list[str] = []
        self.aliases: dict[str, str] = {}  # of particles that are forced, by their names
        self.steps: dict[str, list[DecayStep]] = {}  # the modes of each particle
        for step in plan.steps:
            modes = self.steps.setdefault(step.parent, [])
            modes += [step] if step not in modes else []

    def species(self, name: str) -> Species:
        """The particle of a name."""
        found = self.names.get(name)
        if found is None:
            raise InputError(f"the tables of the generator lack {name}")
        return found

    def anti(self, name: str) -> str:
        """The antiparticle in the table."""
        return self.names.antiparticle(self.species(name))

    def card(self) -> str:
        """The whole card."""
        first, *rest = self.steps
        top, partner = self._top(first)
        copied = partner is not None and not self.plan.alone
        for name in rest:
            if partner is not None and name == self.anti(first):
                self.aliases[name] = (
                    partner  # the other half of the pair is not a daughter, and decays under its own name
                )
            else:
                self._alias(name, copied=copied or self.plan.both)
        self._block(top, self.steps[first])
        if copied and self.anti(first) not in self.steps:
            self.blocks.append(f"CDecay {partner}")
        for name in rest:
            self._block(self.aliases.get(name, name), self.steps[name])
            other = self.anti(name)
            if other in self.aliases and other != name and other not in self.steps:
                self.blocks.append(f"CDecay {self.aliases[other]}")
        if first == "vpho":
            self._collide()
        sentence = ", ".join(map(str, self.plan.steps))
        return "\n".join((f"# {sentence}", *self.head, *self.blocks, "End", ""))

    def _collide(self) -> None:
        """Give the virtual photon the energy of the collision."""
        energy = self.plan.energy or _ENERGIES.get(self.plan.experiment)
        if energy:
            self.head.append(f"Particle vpho {energy:g} 0.0")
        else:
            self.notes.append(
                'the sentence gives no energy: put a line "Particle vpho ENERGY 0.0" at the head'
            )
        self.notes.append(
            "vpho: e+ e- in EvtGen; where another program makes the state, put its resonance in the place of vpho"
        )

    def _top(self, name: str) -> tuple[str, str | None]:
        """The name under which the first particle decays, and that of its antiparticle where it is decayed alike."""
        other = self.anti(name)
        experiment = self.plan.experiment
        alike = other != name
        if experiment == "lhcb":
            return f"{name}sig", f"{other}sig" if alike else None
        if experiment == "fcc" and alike:
            own = _FCC.get(name, f"{name}_SIGNAL")
            its = _FCC.get(other, f"{other}_SIGNAL")
            self.head += [f"Alias {own} {name}", f"Alias {its} {other}", f"ChargeConj {own} {its}"]
            return own, its
        pair = _PAIRS.get(name) or _PAIRS.get(other)
        if experiment == "belle2" and pair:
            self.blocks += [
                f"Decay {pair}", f"0.5 {name}sig {other} VSS;", f"0.5 {name} {other}sig VSS;", "Enddecay",
            ]  # fmt: skip
            self.notes.append(f"{pair}: one of the pair is the signal, the other decays by the table")
            return f"{name}sig", f"{other}sig"
        return name, other if alike else None

    def _alias(self, name: str, *, copied: bool) -> None:
        """An alias for a forced particle, so that others of its kind decay by the table."""
        other = self.anti(name)
        if name in self.aliases or (self.plan.experiment == "besiii" and (other == name or name in _PLAIN)):
            return
        self.aliases[name] = f"My{name}"
        self.head.append(f"Alias My{name} {name}")
        if other == name:
            if copied:
                self.head.append(f"ChargeConj My{name} My{name}")
        elif copied or other in self.steps:
            self.aliases[other] = f"My{other}"
            self.head += [f"Alias My{other} {other}", f"ChargeConj My{name} My{other}"]

    def _block(self, parent: str, modes: Sequence[DecayStep]) -> None:
        self.blocks.append(f"Decay {parent}")
        for step, fraction in zip(modes, fractions_of(modes), strict=True):
            amplitude = choose_amplitude(
                self.species(step.parent),
                [self.species(name) for name in step.daughters],
                self.plan.experiment,
            )
            daughters = [self.aliases.get(each.name, each.name) for each in amplitude.daughters]
            flags = ["PHOTOS"] if amplitude.photos else []
            words = [
                f"{fraction:.4f}" if fraction > _SMALL else f"{fraction:.3g}",
                *daughters,
                *flags,
                amplitude.model,
                *amplitude.arguments,
            ]
            self.blocks.append(f"{' '.join(words)};")
            self.notes.append(f"{step.parent}: {amplitude.note}")
        self.blocks.append("Enddecay")
        if len(modes) > 1 and modes[0].share is None:
            self.notes.append(
                f"{modes[0].parent}: {len(modes)} modes with equal fractions; put measured ones in"
            )
        elif modes[0].share is not None:
            total = sum(mode.share or 0.0 for mode in modes)
            scaled = f", whose sum {total:.4g} is scaled to 1" if abs(total - 1) > _SMALL / 10 else ""
            self.notes.append(
                f"{modes[0].parent}: {len(modes)} mode{'s' * (len(modes) > 1)} with the fractions of the sentence{scaled}"
            )
