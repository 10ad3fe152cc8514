"""What is to be simulated: a chain of decays by the names of EvtGen, with the charges that a sentence leaves open."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from textwrap import shorten

from yukawa.core.errors import InputError
from yukawa.generators.laws import decays_strongly, flavour_change, is_impossible, violations
from yukawa.generators.species import Species, SpeciesNames, flavours, known_species
from yukawa.generators.words import nearest_word

EXPERIMENTS = ("evtgen", "besiii", "lhcb", "belle2", "fcc")
# What a program of hard processes makes and decays itself.
OF_HARD_PROCESS = frozenset({"Z0", "W+", "W-", "Higgs0", "t", "anti-t"})
_MOST_STATES = 4096  # choices of charges that are tried
_SHOWN = 3  # of those that are left


class UnreadSentence(InputError):
    """A sentence that the grammar does not read; another reader may."""


class NoDecay(UnreadSentence):
    """A sentence without any decay, which names a resonance or an energy alone."""


@dataclass(frozen=True, slots=True)
class DecayStep:
    """One decay by the names of EvtGen, and its fraction beside the other modes where a sentence gives one."""

    parent: str
    daughters: tuple[str, ...]
    share: float | None = field(default=None, compare=False)

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
        alone: whether the other half of a pair decays by the table.
        notes: how the sentence was read where it is not certain.
    """

    steps: tuple[DecayStep, ...]
    experiment: str = "evtgen"
    both: bool = False
    events: int | None = None
    energy: float | None = None
    card: str = ""
    alone: bool = False
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
        aside: whether it only names a place, as in "at the Upsilon(4S)", or decays by the table.
        begins: whether a word of a new decay comes before it, and it is not a daughter of the last.
        instead: whether "or" comes before it.
        listed: whether a comma comes before it.
        joined: whether "and" comes before it.
        origin: whether "from" or "in" comes before it.
        every: whether "both" or "each" comes before it.
        single: whether "one" comes before it.
        either: whether it has both signs, as in mu+-.
        share: the fraction of the mode that begins with it.
    """

    options: tuple[str, ...]
    text: str
    count: int = 1
    arrow: bool = False
    opens: bool = False
    closes: int = 0
    apart: bool = False
    aside: bool = False
    begins: bool = False
    instead: bool = False
    listed: bool = False
    joined: bool = False
    every: bool = False
    single: bool = False
    origin: bool = False
    either: bool = False
    share: float | None = None


@dataclass(slots=True)
class DecayClause:
    """A particle that decays, with its daughters as the sentence names them; `instead` of those of the clause before it, or not."""

    parent: NamedParticle
    daughters: list[NamedParticle] = field(default_factory=list)
    instead: bool = False


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


def resolved_steps(
    clauses: Sequence[DecayClause], *, both: bool = False
) -> tuple[list[DecayStep], list[str]]:
    """The decays with all charges, and a note for each that the sentence leaves open.

    A particle has several decays, its modes, where the sentence says "or" or gives fractions, and where its charges leave the choice.

    Args:
        clauses: in order.
        both: whether the sentence wants antiparticles too, so that a charge that it leaves open is the positive one.

    Raises:
        InputError: a decay is impossible, or its charges are not certain.
        UnreadSentence: a particle decays that nothing before it produces, or decays twice.
    """
    steps: list[DecayStep] = []
    notes: list[str] = []
    for clause in clauses:
        found, said = _every(clause, steps, both) if clause.parent.every else _one(clause, steps, both)
        share = next((each.share for each in clause.daughters if each.share is not None), None)
        found = [replace(step, share=share / len(found) if share else None) for step in found]
        for step in found:
            other = next((each for each in steps if each.parent == step.parent and each != step), None)
            if other is not None and not clause.instead and not share:
                raise UnreadSentence(
                    f"{step.parent} decays in two ways: {other}, and {step}",
                    hint='join daughters by "or" for modes of one card, or write two cards',
                )
        steps += [step for step in found if step not in steps]
        notes += said
    for step in steps:
        fractions_of([each for each in steps if each.parent == step.parent])
    return steps, notes


def fractions_of(modes: Sequence[DecayStep]) -> list[float]:
    """The fractions of the modes of a particle, which sum to 1: equal ones where the sentence gives none.

    Raises:
        InputError: some modes have a fraction, others none.
    """
    shares = [mode.share for mode in modes if mode.share is not None]
    if not shares:
        return [1 / len(modes)] * len(modes)
    if len(shares) < len(modes):
        bare = next(mode for mode in modes if mode.share is None)
        raise InputError(
            f"{bare} has no fraction, and other modes of {bare.parent} have one",
            hint='write, for instance, "A -> B C (60%) or D E (40%)"',
        )
    return [share / sum(shares) for share in shares]


def joined_steps(steps: Sequence[DecayStep], more: Sequence[DecayStep], count: int) -> list[DecayStep]:
    """The decays of one of `count` variants of a sentence beside those of others, which share its fractions equally."""
    joined = list(steps)
    for step in more:
        part = None if step.share is None else step.share / count
        if step not in joined:
            joined.append(replace(step, share=part))
        elif part is not None:
            at = joined.index(step)
            joined[at] = replace(step, share=(joined[at].share or 0.0) + part)
    return joined


def produced_by(steps: Sequence[DecayStep]) -> list[str]:
    """The particles that decays produce, each as often as it appears."""
    return [name for step in steps for name in step.daughters]


def _one(clause: DecayClause, steps: Sequence[DecayStep], both: bool) -> tuple[list[DecayStep], list[str]]:
    """The decay of one particle that a decay before it produces, or whose antiparticle decays first."""
    produced = produced_by(steps)
    parents = [name for name in clause.parent.options if name in produced] or list(clause.parent.options)
    found, notes = _resolved(parents, clause, both)
    name = found[0].parent
    if clause.parent.single and produced.count(name) > 1:
        raise UnreadSentence(
            f"one of {produced.count(name)} {name} decays alone, for which a card needs an alias of its own",
            hint=f'leave "one" out, so that every {name} decays so',
        )
    opposite = conjugate_of(name)
    if not steps or name in produced or name == steps[0].parent or opposite == steps[0].parent:
        return found, notes
    if opposite not in produced:
        raise UnreadSentence(
            f"{name} decays, but nothing before it produces it",
            hint="begin with the particle that decays first",
        )
    found = [conjugate_step(step) for step in found]
    return found, [f"the antiparticle is produced, so the conjugate is used: {found[0]}", *notes]


def _every(clause: DecayClause, steps: Sequence[DecayStep], both: bool) -> tuple[list[DecayStep], list[str]]:
    """The same decay of all that are produced of a kind, conjugate for antiparticles."""
    options, produced = clause.parent.options, produced_by(steps)
    family = {*options, *map(conjugate_of, options)}
    count = sum(name in family for name in produced)
    if count < 2:
        raise UnreadSentence(
            f'the sentence says "both" or "each" of {clause.parent.text}, of which its decays produce {count}',
            hint='write "A -> B C" for each decay',
        )
    found: list[DecayStep] = []
    notes: list[str] = []
    for name in dict.fromkeys(each for each in produced if each in family):
        own = name if name in options else conjugate_of(name)
        modes, said = _resolved([own], clause, both)
        found += modes if name == own else map(conjugate_step, modes)
        notes += said
    return found, notes


def with_source(steps: Sequence[DecayStep], named: Sequence[str], experiment: str) -> list[DecayStep]:
    """The decays of both halves of a pair, with what produces the pair before them.

    Args:
        steps: decays; without a decay of the antiparticle of the first, nothing is added.
        named: particles that the sentence names as a place, such as "at the psi(3770)".
        experiment: one of `EXPERIMENTS`; BESIII and Belle II make pairs from e+ e-.

    Raises:
        UnreadSentence: nothing that makes the pair is named or usual.
    """
    first = steps[0].parent
    other = conjugate_of(first)
    both = other != first and any(step.parent == other for step in steps) and other not in produced_by(steps)
    if not both or first in ("tau+", "tau-"):  # taus are made by the program of the collision
        return list(steps)
    known, least = known_species(), 2 * (known_species()[first].mass or 0.0)
    vectors = [name for name in named if known[name].spin2 == 2 and conjugate_of(name) == name]
    source = next((name for name in vectors if (known[name].mass or 0.0) > least), "")
    usual = (
        "Upsilon(4S)" if experiment == "belle2" and first.removeprefix("anti-").startswith("B") else "vpho"
    )
    if not source and experiment not in ("besiii", "belle2"):
        raise UnreadSentence(
            f"{first} and {other} decay, and nothing before them produces both",
            hint="begin with what does, or write two cards",
        )
    return [DecayStep(source or usual, (first, other)), *steps]


def conjugate_step(step: DecayStep) -> DecayStep:
    """The decay of the antiparticle."""
    return DecayStep(conjugate_of(step.parent), tuple(map(conjugate_of, step.daughters)), step.share)


def same_state(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two lists name the same particles."""
    return sorted(one) == sorted(other)


def conjugate_of(name: str) -> str:
    """The name of the antiparticle."""
    names = SpeciesNames()
    species = names.get(name)
    return names.antiparticle(species) if species else name


def _resolved(parents: Sequence[str], clause: DecayClause, both: bool) -> tuple[list[DecayStep], list[str]]:
    """The charges that conserve everything, and the flavour that a heavy quark hands on; several decays if they are alike."""
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
    either = any(each.either for each in clause.daughters)
    equal = [other for rank_, other in best if (rank_[:2] == rank[:2] if either else rank_ == rank)]
    several = {other.parent for other in equal}
    if both and len(several) == 2 and several == set(map(conjugate_of, several)):
        step = max(equal, key=lambda other: known_species()[other.parent].number)
        equal = [other for other in equal if other.parent == step.parent]
    elif len(several) > 1:
        names = " or ".join(sorted(several))
        raise InputError(f"{clause.parent.text} can be {names}", hint="write its charge")
    modes = list({tuple(sorted(other.daughters)): other for other in reversed(equal)}.values())[::-1]
    if len(modes) > 1 and not (either or _alike(modes)):
        states = " or ".join(" ".join(each.daughters) for each in modes[:_SHOWN])
        raise InputError(
            f"the daughters of {step.parent} can be {states}", hint="write their charges and flavours"
        )
    given = all(len(each) == 1 for each in options)
    sure = given or (len(modes) == 1 and not any(rank[1:]))
    return modes, [] if sure else [f"read as {' or '.join(map(str, modes))}"]


def _alike(modes: Sequence[DecayStep]) -> bool:
    """Whether nature makes these modes equally often: conjugates of a particle that is its own, or neutrinos of each flavour."""
    parent, first = modes[0].parent, modes[0].daughters
    if len(modes) == 2 and conjugate_of(parent) == parent:
        return same_state(modes[1].daughters, [conjugate_of(name) for name in first])
    flavourless = {tuple(sorted(_without_flavour(name) for name in each.daughters)) for each in modes}
    return len(flavourless) == 1


def _without_flavour(name: str) -> str:
    return name.rpartition("nu_")[0] + "nu" if "nu_" in name else name


def _unlikeliness(parent: str, daughters: Sequence[str]) -> tuple[int, ...]:
    known = known_species()
    own, species = known[parent], [known[name] for name in daughters]
    found = [
        each.code for each in violations("PHSP", own, species, lambda each: known[conjugate_of(each.name)])
    ]
    broken, odd = (
        sum(map(is_impossible, found)),
        sum(code in ("W-LNV", "W-LFV", "W-BNV") for code in found),
    )
    # A heavy quark becomes a lighter quark and no antiquark, so their number stays.
    either = sum(name in ("K_S0", "K_L0") for name in daughters)  # these are both K0 and anti-K0
    lines = max(0, abs(_quarks(own) - sum(map(_quarks, species))) - either)
    changed = sum(flavour_change(own, species)) if decays_strongly(own) else 0
    neutral = sum(not each.charge3 for each in species)
    rare = sum(name in ("K_L0", "K0", "anti-K0") for name in daughters)
    return broken, odd, changed, neutral, lines, rare


def _broken(step: DecayStep) -> str:
    known = known_species()
    species: list[Species] = [known[name] for name in step.daughters]
    found = violations("PHSP", known[step.parent], species, lambda each: known[conjugate_of(each.name)])
    return "; ".join(each.text for each in found if is_impossible(each.code))


def _quarks(species: Species) -> int:
    """Strange, charm and bottom quarks less antiquarks."""
    strangeness, charm, beauty = flavours(species.number) or (0, 0, 0)
    return charm - strangeness - beauty
