"""What is to be simulated: a chain of decays by the names of EvtGen, with the charges that a sentence leaves open."""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from textwrap import shorten

from yukawa.core.errors import InputError
from yukawa.generators.laws import violations
from yukawa.generators.species import Species, SpeciesNames, known_species
from yukawa.generators.words import nearest_word

EXPERIMENTS = ("evtgen", "besiii", "lhcb", "belle2", "fcc")
_MOST_STATES = 4096  # choices of charges that are tried


class UnreadSentence(InputError):
    """A sentence that the grammar does not read; another reader may."""


@dataclass(frozen=True, slots=True)
class DecayStep:
    """One decay by the names of EvtGen."""

    parent: str
    daughters: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.parent} -> {' '.join(self.daughters)}"


@dataclass(frozen=True, slots=True)
class CardPlan:
    """What a sentence wants.

    Args:
        steps: the decays, that of the first particle first.
        experiment: one of `EXPERIMENTS`.
        both: whether the antiparticles of a pair decay alike.
        events: how many; None if the sentence does not say.
        energy: in the centre of mass in GeV; None if the sentence does not say.
        card: the name of a card that the sentence names.
        notes: how the sentence was read where it is not certain.
    """

    steps: tuple[DecayStep, ...]
    experiment: str = "evtgen"
    both: bool = False
    events: int | None = None
    energy: float | None = None
    card: str = ""
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class NamedParticle:
    """A particle in the sentence: the names that it can mean, and what comes between it and its neighbours.

    Args:
        options: the names of EvtGen that it can mean.
        text: as written.
        count: how many of it.
        arrow: whether an arrow or a verb of decay follows.
        opens: whether a bracket with its decay follows.
        closes: how many brackets end behind it.
        apart: whether a comma or a word of a new decay comes before it.
        aside: whether it only names a place, as in "at the Upsilon(4S)".
    """

    options: tuple[str, ...]
    text: str
    count: int = 1
    arrow: bool = False
    opens: bool = False
    closes: int = 0
    apart: bool = False
    aside: bool = False


@dataclass(slots=True)
class DecayClause:
    """A particle that decays, with its daughters as the sentence names them."""

    parent: NamedParticle
    daughters: list[NamedParticle] = field(default_factory=list)


def with_experiment(plan: CardPlan, experiment: str) -> CardPlan:
    """The plan for another experiment.

    Raises:
        InputError: there is no such experiment.
    """
    if experiment not in EXPERIMENTS:
        near = nearest_word(experiment, EXPERIMENTS)
        raise InputError(
            f"{experiment} is not one of {', '.join(EXPERIMENTS)}", hint=f"write {near}" if near else ""
        )
    return replace(plan, experiment=experiment)


# ---- charges -------------------------------------------------------------------------------------


def resolved_steps(clauses: Sequence[DecayClause]) -> tuple[list[DecayStep], list[str]]:
    """The decays with all charges, and a note for each that the sentence leaves open.

    Raises:
        InputError: a decay is impossible, or its charges are not certain.
        UnreadSentence: a particle decays that nothing before it produces.
    """
    steps: list[DecayStep] = []
    notes: list[str] = []
    produced: list[str] = []
    for clause in clauses:
        parents = [name for name in clause.parent.options if name in produced] or list(clause.parent.options)
        step, note = _resolved(parents, clause)
        if produced and step.parent not in produced:
            opposite = conjugate_of(step.parent)
            if opposite not in produced:
                raise UnreadSentence(
                    f"{step.parent} decays, but nothing before it produces it",
                    hint="begin with the particle that decays first",
                )
            step = DecayStep(opposite, tuple(map(conjugate_of, step.daughters)))
            notes.append(f"the antiparticle is produced, so the conjugate is used: {step}")
        steps.append(step)
        produced += step.daughters
        notes += note
    return steps, notes


def conjugate_of(name: str) -> str:
    """The name of the antiparticle."""
    names = SpeciesNames()
    species = names.get(name)
    return names.antiparticle(species) if species else name


def _resolved(parents: Sequence[str], clause: DecayClause) -> tuple[DecayStep, list[str]]:
    """The charges that conserve everything, and the flavour that a heavy quark hands on."""
    options = [each.options for each in clause.daughters]
    size = len(parents)
    for each in options:
        size *= len(each)
    if size > _MOST_STATES:
        raise InputError(
            f"the charges of the decay of {clause.parent.text} are not given",
            hint="write K+ or K-, pi+ or pi0",
        )
    best: list[tuple[tuple[int, ...], DecayStep]] = []
    for parent in parents:
        for state in itertools.product(*options):
            best.append((_unlikeliness(parent, state), DecayStep(parent, state)))
    best.sort(key=lambda row: row[0])
    rank, step = best[0]
    if rank[0]:
        raise InputError(f"impossible: {shorten(_broken(step), 300)}")
    equal = {tuple(sorted(other.daughters)) for rank_, other in best if rank_ == rank}
    several = {other.parent for rank_, other in best if rank_ == rank}
    if len(several) > 1:
        names = " or ".join(sorted(several))
        raise InputError(f"{clause.parent.text} can be {names}", hint="write its charge")
    given = all(len(each) == 1 for each in options)
    return step, [] if given or (len(equal) == 1 and rank[1:] == (0,) * len(rank[1:])) else [
        f"read as {step}"
    ]


@functools.cache
def _flavours(number: int) -> tuple[int, int, int]:
    """Strange, charm and bottom quarks less antiquarks, from the digits of a Monte Carlo number."""
    size, sign = abs(number), 1 if number > 0 else -1
    if size in (130, 310) or size < 100 or size > 10_000_000:
        return 0, 0, 0
    first, second, third = size // 1000 % 10, size // 100 % 10, size // 10 % 10
    if first:
        counted = [(first, sign), (second, sign), (third, sign)]
    else:
        heavy = sign if second % 2 == 0 else -sign
        counted = [(second, heavy), (third, -heavy)]
    strange, charm, bottom = (sum(one for quark, one in counted if quark == wanted) for wanted in (3, 4, 5))
    return strange, charm, bottom


def _unlikeliness(parent: str, daughters: Sequence[str]) -> tuple[int, ...]:
    known = known_species()
    own, species = known[parent], [known[name] for name in daughters]
    found = [
        each.code for each in violations("PHSP", own, species, lambda each: known[conjugate_of(each.name)])
    ]
    broken, odd = (
        sum(code.startswith("E") for code in found),
        sum(code in ("W-LNV", "W-LFV", "W-BNV") for code in found),
    )
    before = _flavours(own.number)
    after = [sum(column) for column in zip(*(_flavours(each.number) for each in species), strict=True)]
    strong = (own.width or 0) > 1e-6 or own.c_parity
    # A heavy quark becomes a lighter quark and no antiquark, so their number stays.
    either = sum(name in ("K_S0", "K_L0") for name in daughters)  # these are both K0 and anti-K0
    lines = max(0, abs(sum(before) - sum(after)) - either)
    changed = (
        max(0, sum(abs(one - other) for one, other in zip(before, after, strict=True)) - either)
        if strong
        else 0
    )
    neutral = sum(not each.charge3 for each in species)
    rare = sum(name in ("K_L0", "K0", "anti-K0") for name in daughters)
    return broken, odd, changed, neutral, lines, rare


def _broken(step: DecayStep) -> str:
    known = known_species()
    species: list[Species] = [known[name] for name in step.daughters]
    found = violations("PHSP", known[step.parent], species, lambda each: known[conjugate_of(each.name)])
    return "; ".join(each.text for each in found if each.code.startswith("E"))
