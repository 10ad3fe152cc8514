"""Renders a plan as a decay card: aliases, models with a note for each, antiparticles; checked before it is given."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from yukawa.core.errors import InputError
from yukawa.generators.amplitudes import Amplitude
from yukawa.generators.cards import DecayMode
from yukawa.generators.checking import Surroundings, check
from yukawa.generators.diagnostics import Diagnostic
from yukawa.generators.laws import is_impossible
from yukawa.generators.listed_models import mode_amplitude, named_amplitude
from yukawa.generators.models import WITH_REAL_DAUGHTERS
from yukawa.generators.named_models import PHOTOS
from yukawa.generators.plans import (
    OF_HARD_PROCESS,
    CardPlan,
    DecayStep,
    conjugate_step,
    fractions_of,
    same_state,
)
from yukawa.generators.reading import read_card
from yukawa.generators.species import Species, SpeciesNames
from yukawa.generators.thresholds import refuse_closed
from yukawa.generators.words import is_number

_FCC = {
    "B0": "Bd_SIGNAL", "anti-B0": "Bdbar_SIGNAL", "B+": "Bu_SIGNAL", "B-": "Bubar_SIGNAL", "B_s0": "Bs_SIGNAL",
    "anti-B_s0": "Bsbar_SIGNAL", "B_c+": "Bc_SIGNAL", "B_c-": "Bcbar_SIGNAL", "Lambda_b0": "Lb_SIGNAL",
    "anti-Lambda_b0": "Lbbar_SIGNAL",
}  # fmt: skip
# What the storage ring makes the pair from.
_PAIRS = {"B0": "Upsilon(4S)", "B+": "Upsilon(4S)", "B_s0": "Upsilon(5S)"}
_MIXING = DecayStep("Upsilon(4S)", ("B0", "anti-B0"))
_DEFAULT_MIXING = ("VSS_BMIX",)  # as a sentence names it
_MASS_DIFFERENCE = "0.507e12"  # hbar/s, of the two B0, as the decay tables of LHCb and Belle II have it
_ENERGIES = {"belle2": 10.58}  # GeV, of the collisions of an experiment with one energy
_SMALL = 0.01  # fractions below have too few digits with four decimals
_PLAIN = frozenset({"pi0", "eta", "K_S0"})
# What leaves the generator as it is.
_STABLE = frozenset("gamma e+ e- mu+ mu- pi+ pi- K+ K- K_L0 p+ anti-p- n0 anti-n0".split())


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
    plan = _without_hard_process(plan)
    _refuse_what_no_card_makes(plan)
    renderer = _CardRenderer(plan)
    text = renderer.card()
    found = check(text, name="card.dec", surroundings=Surroundings(ecms=plan.energy))
    errors = [each for each in found if is_impossible(each.code, searched=plan.searched)]
    if errors:
        raise InputError(f"no card for {plan.steps[0]}: {errors[0].text}")
    refuse_closed(plan.steps, plan.energy)
    missing = missing_steps(text, plan)
    if missing:
        raise InputError(f"the card would lack {missing[0]}")
    return WrittenCard(text, (*plan.notes, *dict.fromkeys(renderer.notes)), tuple(found))


def _without_hard_process(plan: CardPlan) -> CardPlan:
    """A plan without the decays before those of EvtGen, which Pythia makes, with a note for each; unless nothing is left.

    Raises:
        InputError: what is left begins with several particles, each of which needs a card of its own.
    """
    hard = [
        step for step in plan.steps
        if step.parent in OF_HARD_PROCESS or (step.parent == "vpho" and OF_HARD_PROCESS.issuperset(step.daughters))
    ]  # fmt: skip
    left = [step for step in plan.steps if step not in hard]
    if not (hard and left) or plan.experiment not in ("lhcb", "fcc"):
        return plan
    two = next((step.parent for step in left if step.part and step.parent in hard[-1].daughters), "")
    if two:
        raise InputError(
            f"{hard[-1]} is not EvtGen's, where each {two} decays by itself, so that a card cannot say which is the other",
            hint=f"write a decay of the {two} and one of the {_anti(SpeciesNames(), two)}",
        )
    names = SpeciesNames()
    produced = {name for step in left for name in step.daughters}
    first = {step.parent for step in left} - produced
    if len(first | {_anti(names, name) for name in first}) > 2:
        raise InputError(
            f"{' and '.join(sorted(first))} come from the hard process, and a card begins with one particle or pair",
            hint="write a card for each",
        )
    said = (str(step).replace("vpho", "e+ e-") for step in hard)
    notes = (f'Pythia makes {step} before EvtGen: yukawa write pythia "{step}"' for step in said)
    return replace(plan, steps=tuple(left), notes=(*plan.notes, *notes))


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
            raise InputError(
                f"no card for {step}: Pythia decays the {step.parent} before EvtGen sees it, so that the card would alter nothing",
                hint=f'type: yukawa write pythia "{step}"',
            )


def missing_steps(text: str, plan: CardPlan) -> list[DecayStep]:
    """The steps of a plan that a card does not hold, with the models that they name, its aliases resolved."""
    card = read_card(text)
    names = SpeciesNames()
    for command in card.commands("Alias"):
        species = names.get(command.words[1])
        if species is not None:
            names.alias(command.words[0], species)
    held: dict[tuple[str, tuple[str, ...]], list[DecayMode]] = {}
    for block in card.blocks():
        base = names.get(block.parent)
        for mode in block.modes if base else ():
            real = mode.daughters[: WITH_REAL_DAUGHTERS.get(mode.model)]
            state = tuple(sorted(each.base for name in real if (each := names.get(name)) is not None))
            held.setdefault((base.base if base else "", state), []).append(mode)

    def opposite(step: DecayStep) -> DecayStep:
        return DecayStep(_anti(names, step.parent), tuple(_anti(names, name) for name in step.daughters))

    return [
        step for step in plan.steps
        if not any(
            _is_modelled(mode, step.model)
            for each in (step, opposite(step))
            for mode in held.get((each.parent, tuple(sorted(each.daughters))), ())
        )
    ]  # fmt: skip


def _is_modelled(mode: DecayMode, model: Sequence[str]) -> bool:
    """Whether a mode has the model that a step names, if it names one, and its arguments, if it gives them."""
    name, *given = model or ("",)
    given = [word for word in given if word != PHOTOS]
    if not model or (name == mode.model and not given):
        return True
    words = [(word, other) for word, other in itertools.zip_longest(given, mode.arguments)]
    return name == mode.model and all(
        a == b or (is_number(a or "") and is_number(b or "") and float(a) == float(b)) for a, b in words
    )


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
        self.mixed = False  # whether one B0 of an Upsilon(4S) is the signal, whichever of the two
        self.aliases: dict[str, str] = {}  # of what is forced, as in `DecayStep.decayed`
        self.steps: dict[str, list[DecayStep]] = {}  # the modes of what is forced
        for step in plan.steps:
            modes = self.steps.setdefault(step.decayed, [])
            modes += [step] if step not in modes else []

    def species(self, name: str) -> Species:
        """The particle of a name."""
        found = self.names.get(name)
        if found is None:
            raise InputError(f"the tables of the generator lack {name}")
        return found

    def anti(self, name: str) -> str:
        """The antiparticle in the table, the same of two where `name` is one of two."""
        own, space, part = name.partition(" ")
        return self.names.antiparticle(self.species(own)) + space + part

    def card(self) -> str:
        """The whole card."""
        first, *rest = self.steps
        top, partner = self._top(first)
        signal = top != first  # of the experiment, where conjugates are one signal
        copied = partner is not None and (signal or (self.plan.both and not self.plan.alone))
        pair = {*_MIXING.daughters} & set(rest)
        self.mixed = first == _MIXING.parent and len(pair) == 1 and not self.plan.both
        copied = copied or self.mixed
        for name in rest:
            if partner is not None and name == self.anti(first):
                self.aliases[name] = (
                    partner  # the other half of the pair is not a daughter, and decays under its own name
                )
            else:
                self._alias(name, copied=copied or self.plan.both)
        self._block(top, self.steps[first])
        if partner and self.anti(first) not in self.steps:
            if copied:
                self._conjugate(partner, self.steps[first])
            else:
                self.notes.append(f'{partner} decays by the table; with "and c.c." it decays alike')
        for name in rest:
            self._block(self.aliases.get(name, name), self.steps[name])
            other = self.anti(name)
            if other in self.aliases and other != name and other not in self.steps:
                self._conjugate(self.aliases[other], self.steps[name])
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
            self.notes.append(
                f"{name}sig: the name of the signal in LHCb's particle table; "
                "the header of DecFiles (EventType, Descriptor, NickName) is yours to write"
            )
            return f"{name}sig", f"{other}sig" if alike else None
        if experiment == "fcc" and alike:
            own = _FCC.get(name, f"{name}_SIGNAL")
            its = _FCC.get(other, f"{other}_SIGNAL")
            self.head += [f"Alias {own} {name}", f"Alias {its} {other}", f"ChargeConj {own} {its}"]
            return own, its
        pair = _PAIRS.get(name) or _PAIRS.get(other)
        if experiment == "belle2" and pair:
            self._pair(pair, name, other)
            return f"{name}sig", f"{other}sig"
        return name, other if alike else None

    def _pair(self, source: str, name: str, other: str) -> None:
        """The decay to a pair of which one, whichever of the two, is the signal of Belle II."""
        if {name, other} == {*_MIXING.daughters}:
            own, its = _MIXING.daughters
            lines = [self._with_mixing(f"{own}sig", f"{its}sig", own, its)]
        else:
            lines = [f"0.5 {name}sig {other} VSS;", f"0.5 {name} {other}sig VSS;"]
            if name not in ("B+", "B-"):
                self.notes.append(f"{source}: VSS has no mixing of the {name}")
        self.blocks += [f"Decay {source}", *lines, "Enddecay"]
        self.notes.append(
            f"{source}: one of the pair is the signal ({name}sig in Belle II's particle table), the other decays by the table"
        )

    def _with_mixing(self, *names: str) -> str:
        """The mode of an entangled pair of B0: with four names, one of the first two appears beside one of the last two."""
        self.head.append(f"Define dm {_MASS_DIFFERENCE}")
        self.notes.append("Upsilon(4S): VSS_BMIX: an entangled pair with mixing, dm = 0.507 / ps")
        return f"1.0000 {' '.join(names)} VSS_BMIX dm;"

    def _alias(self, name: str, *, copied: bool) -> None:
        """An alias for a forced particle, so that others of its kind decay by the table."""
        other = self.anti(name)
        whole = self.plan.experiment == "besiii" and (other == name or name in _PLAIN) and " " not in name
        if name in self.aliases or (whole and not self._is_elsewhere(name)):
            return
        own, its = (f"My{each.replace(' ', '_')}" for each in (name, other))
        self.aliases[name] = own
        self.head.append(f"Alias {own} {name.partition(' ')[0]}")
        if other == name:
            if copied:
                self.head.append(f"ChargeConj {own} {own}")
        elif copied or other in self.steps:
            self.aliases[other] = its
            self.head += [f"Alias {its} {other.partition(' ')[0]}", f"ChargeConj {own} {its}"]

    def _is_elsewhere(self, name: str) -> bool:
        """Whether a particle may also come from what decays by the table, where it is not to be forced."""
        first = next(iter(self.steps))
        left = {each for modes in self.steps.values() for step in modes for each in step.daughters}
        left = {
            each
            for each in (*left, self.anti(first))
            if each not in {step.parent for step in self.plan.steps}
        }
        least = self.species(name).mass or 0.0
        return any(
            (species.mass or 0.0) > least and species.base not in _STABLE
            for species in map(self.species, left)
        )

    def _conjugate(self, name: str, modes: Sequence[DecayStep]) -> None:
        """Decay an antiparticle alike: by a copy, or with arguments of its own where a decay table has these."""
        others = [conjugate_step(step) for step in modes]
        pairs = [
            (self._amplitude(step), self._amplitude(other)) for step, other in zip(modes, others, strict=True)
        ]
        if any(step.model and "HELAMP" in step.model[0] for step in modes):
            self.notes.append(
                f"CDecay {name} copies the amplitudes; where they differ in sign of helicity, write its decay out"
            )
        if any((one.model, one.arguments) != (other.model, other.arguments) for one, other in pairs):
            self._block(name, others)
        else:
            self.blocks.append(f"CDecay {name}")

    def _mixing(self, step: DecayStep) -> str:
        """The mode of the B0 pair of an Upsilon(4S), unless both B0 are forced to decays of their own, which fix their flavours."""
        if step.parent != _MIXING.parent or not same_state(step.daughters, _MIXING.daughters):
            return ""
        first, second = (self.aliases.get(name, name) for name in _MIXING.daughters)
        if self.mixed:
            self.notes.append("Upsilon(4S): one of the pair is the signal, the other decays by the table")
            return self._with_mixing(first, second, *_MIXING.daughters)
        one, other = (self.steps.get(name, []) for name in _MIXING.daughters)
        if one and other and {*map(conjugate_step, one)} != {*other}:
            self.notes.append("Upsilon(4S): VSS has no mixing; each B0 has a decay of its own")
            return ""
        return self._with_mixing(first, second)

    def _without_cp(self, step: DecayStep, model: str) -> list[str]:
        """A note on a B0 of a B factory that decays to a state which is its own conjugate."""
        if step.parent not in _MIXING.daughters or self.plan.experiment != "belle2":
            return []
        if not same_state(step.daughters, conjugate_step(step).daughters) or "_CP" in model:
            return []
        return [
            f"{step.parent}: {model} has no CP violation; SSS_CP, SVS_CP or STS_CP take dm, an angle and amplitudes"
        ]

    def _states(self, daughters: Sequence[Species]) -> list[list[str]]:
        """The daughters by their aliases: once, or twice where two of them decay differently and either may have either decay."""
        plain = [self.aliases.get(each.name, each.name) for each in daughters]
        apart = [
            at for at, each in enumerate(daughters)
            if not self.aliases.keys().isdisjoint(f"{each.name} {part}" for part in (1, 2))
        ]  # fmt: skip
        if not apart:
            return [plain]
        states: dict[tuple[str, ...], list[str]] = {}
        for parts in itertools.permutations((1, 2)):
            names = list(plain)
            for at, part in zip(apart, parts, strict=False):
                names[at] = self.aliases.get(f"{daughters[at].name} {part}", plain[at])
            states.setdefault(tuple(sorted(names)), names)
        return list(states.values())

    def _amplitude(self, step: DecayStep) -> Amplitude:
        own, daughters = self.species(step.parent), [self.species(name) for name in step.daughters]
        if step.model:
            return named_amplitude(step.model, own, daughters, self.plan.experiment)
        return mode_amplitude(own, daughters, self.plan.experiment)

    def _radiates(self, amplitude: Amplitude) -> bool:
        """Whether photons are radiated: as the sentence says, else from charged leptons."""
        charged = any(each.charge3 for each in amplitude.daughters)
        return amplitude.photos if self.plan.photos is None else self.plan.photos and charged

    def _block(self, parent: str, modes: Sequence[DecayStep]) -> None:
        self.blocks.append(f"Decay {parent}")
        for step, fraction in zip(modes, fractions_of(modes), strict=True):
            mixing = self._mixing(step) if len(modes) == 1 and step.model in ((), _DEFAULT_MIXING) else ""
            if mixing:
                self.blocks.append(mixing)
                continue
            amplitude = self._amplitude(step)
            states = self._states(amplitude.daughters)
            part = fraction / len(states)
            number = f"{part:.4f}" if part > _SMALL else f"{part:.3g}"
            flags = ["PHOTOS"] if self._radiates(amplitude) else []
            self.blocks += [
                f"{' '.join((number, *names, *flags, amplitude.model, *amplitude.arguments))};"
                for names in states
            ]
            self.notes += [f"{step.parent}: {amplitude.note}", *self._without_cp(step, amplitude.model)]
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
