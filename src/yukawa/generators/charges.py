"""Decays with all their charges: those that a sentence leaves open follow from the laws and from the flavour of heavy quarks."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from textwrap import shorten

from yukawa.core.errors import InputError
from yukawa.generators.laws import decays_strongly, flavour_change, is_impossible, violations
from yukawa.generators.plans import (
    DecayClause,
    DecayStep,
    NamedParticle,
    UnreadSentence,
    conjugate_of,
    conjugate_step,
    fractions_of,
    same_state,
)
from yukawa.generators.species import Species, flavours, known_species

_MOST_STATES = 4096  # choices of charges that are tried
_SHOWN = 3  # of those that are left


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
    left_open: set[str] = set()  # whose modes follow from charges that the sentence did not give yet
    for clause in clauses:
        found, said = _every(clause, steps, both) if clause.parent.every else _one(clause, steps, both)
        if len(found) == 1 and found[0] in steps and found[0].decayed in left_open:
            steps = [step for step in steps if step.decayed != found[0].decayed or step == found[0]]
            notes = [each for each in notes if not each.startswith(f"read as {found[0].parent} ")]
        if len(found) > 1:
            left_open |= {step.decayed for step in found}
        share = next((each.share for each in clause.daughters if each.share is not None), None)
        found = [
            replace(step, share=share / len(found) if share else None, model=clause.model) for step in found
        ]
        for step in found:
            other = next((each for each in steps if each.decayed == step.decayed and each != step), None)
            if other is not None and not clause.instead and not share:
                raise UnreadSentence(
                    f"{step.parent} decays in two ways: {other}, and {step}",
                    hint='join daughters by "or" for modes of one card, or write two cards',
                )
        steps += [step for step in found if step not in steps]
        notes += said
    for step in steps:
        fractions_of([each for each in steps if each.decayed == step.decayed])
    return steps, notes


def _one(clause: DecayClause, steps: Sequence[DecayStep], both: bool) -> tuple[list[DecayStep], list[str]]:
    """The decay of one particle that a decay before it produces, or whose antiparticle decays first."""
    produced = produced_by(steps)
    parents = [name for name in clause.parent.options if name in produced] or list(clause.parent.options)
    if clause.parent.part and len([name for name in produced if name in parents]) > 1:
        return _part(parents, clause, steps, both)
    if len(parents) == 2 and conjugate_of(parents[0]) == parents[1] and {*parents} <= {*produced}:
        found, notes = _alike_of(parents, clause, both)
        if _never_together(parents, steps):
            return found, notes
        if not any(
            _unlikeliness(step.parent, step.daughters)[1] for step in found
        ):  # a search has one signal
            return found, [
                f"{' and '.join(parents)} both decay so, since the sentence names no charge",
                *notes,
            ]
    found, notes = _resolved(parents, clause, both)
    name = found[0].parent
    opposite = conjugate_of(name)
    partons = any(known_species()[each].is_parton for each in produced)  # of which a hadron may come
    if not steps or name in produced or partons or steps[0].parent in (name, opposite):
        return found, notes
    if opposite not in produced:
        raise UnreadSentence(
            f"{name} decays, but nothing before it produces it",
            hint="begin with the particle that decays first",
        )
    found = [conjugate_step(step) for step in found]
    return found, [f"the antiparticle is produced, so the conjugate is used: {found[0]}", *notes]


def _part(
    parents: Sequence[str], clause: DecayClause, steps: Sequence[DecayStep], both: bool
) -> tuple[list[DecayStep], list[str]]:
    """The decay of one of two that a decay produces together: of the same particle, or of it and its antiparticle."""
    if not any(sum(name in parents for name in step.daughters) == 2 for step in steps):
        raise UnreadSentence(
            f'the sentence says "one" or "the other" of {clause.parent.text}, of which no decay produces two',
            hint='write "A -> B C" for each decay',
        )
    found, notes = _alike_of(parents, clause, both) if len(parents) == 2 else _resolved(parents, clause, both)
    return [replace(step, part=clause.parent.part) for step in found], notes


def _never_together(pair: Sequence[str], steps: Sequence[DecayStep]) -> bool:
    """Whether no decay produces a particle and its antiparticle together."""
    return not any({*pair} <= {*step.daughters} for step in steps)


def _alike_of(parents: Sequence[str], clause: DecayClause, both: bool) -> tuple[list[DecayStep], list[str]]:
    """The decay of a particle whose charges the sentence leaves open, and the conjugate one of its antiparticle."""
    one, other = parents
    try:
        modes, notes = _resolved([one], clause, both)
    except InputError:  # its charges are those of the antiparticle
        modes, notes = _resolved([other], clause, both)
    return [*modes, *map(conjugate_step, modes)], notes


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


def produced_by(steps: Sequence[DecayStep]) -> list[str]:
    """The particles that decays produce, each as often as it appears."""
    return [name for step in steps for name in step.daughters]


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
    beauty = experiment == "belle2" and first.removeprefix("anti-").startswith("B")
    usual = "Upsilon(4S)" if beauty else "vpho"
    if not source and experiment not in ("besiii", "belle2"):
        raise UnreadSentence(
            f"{first} and {other} decay, and nothing before them produces both",
            hint="begin with what does, or write two cards",
        )
    return [DecayStep(source or usual, (first, other)), *steps]


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
            best.append((_unlikeliness(parent, state, searched=clause.searched), DecayStep(parent, state)))
    best.sort(key=lambda row: row[0])
    rank, step = best[0]
    if rank[0]:
        laws, hint = _broken(step), _with_neutrino(step)
        if not _unlikeliness(step.parent, step.daughters, searched=True)[0]:
            hint = 'for a search for it, write "search"'
        raise InputError(f"impossible: {shorten(laws, 300)}", hint=hint)
    either = any(each.either for each in clause.daughters)
    equal = [other for rank_, other in best if (rank_[:2] == rank[:2] if either else rank_ == rank)]
    several = {other.parent for other in equal}
    if len(several) > 1:  # a sentence without a charge may also mean another meson of the kind
        several = {other.parent for rank_, other in best if rank_[:2] == rank[:2]}
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
            f"the daughters of {step.parent} can be {states}",
            hint=f'write, for instance, "{step}", or several with "or"',
        )
    given = all(len(each) == 1 for each in options)
    sure = given or (len(modes) == 1 and not any(rank[1:]))
    notes = [] if sure else [f"read as {' or '.join(map(str, modes))}"]
    if rank[2] and not clause.searched:
        notes.append(f"{step}: the flavours are those of no decay of one b quark")
    return modes, notes


def _with_neutrino(step: DecayStep) -> str:
    """What to write where one neutrino is all that a decay lacks; '' else."""
    for name in ("nu_e", "nu_mu", "nu_tau", "anti-nu_e", "anti-nu_mu", "anti-nu_tau"):
        whole = replace(step, daughters=(*step.daughters, name))
        if not any(_unlikeliness(whole.parent, whole.daughters)[:2]):
            return f'a neutrino is missing: write "{whole}"'
    return ""


def is_possible(parent: NamedParticle, daughters: Sequence[NamedParticle]) -> bool:
    """Whether a particle can decay to these without breaking any law, with some of the charges that they leave open."""
    states = itertools.islice(
        itertools.product(parent.options, *(each.options for each in daughters)), _MOST_STATES
    )
    return any(not any(_unlikeliness(own, state)[:2]) for own, *state in states)


def _alike(modes: Sequence[DecayStep]) -> bool:
    """Whether the sentence can mean all of these modes: conjugate states of a neutral particle, or neutrinos of each flavour."""
    parent, first = modes[0].parent, modes[0].daughters
    if len(modes) == 2 and not known_species()[parent].charge3:
        return same_state(modes[1].daughters, [conjugate_of(name) for name in first])
    flavourless = {tuple(sorted(_without_flavour(name) for name in each.daughters)) for each in modes}
    return len(flavourless) == 1


def _without_flavour(name: str) -> str:
    return name.rpartition("nu_")[0] + "nu" if "nu_" in name else name


def _unlikeliness(parent: str, daughters: Sequence[str], *, searched: bool = False) -> tuple[int, ...]:
    known = known_species()
    own, species = known[parent], [known[name] for name in daughters]
    found = [
        each.code for each in violations("PHSP", own, species, lambda each: known[conjugate_of(each.name)])
    ]
    broken, odd = (
        sum(is_impossible(code, searched=searched) for code in found),
        sum(code in ("W-LNV", "W-LFV", "W-BNV") for code in found),
    )
    # A heavy quark becomes a lighter quark and no antiquark, so their number stays.
    either = sum(name in ("K_S0", "K_L0") for name in daughters)  # these are both K0 and anti-K0
    lines = max(0, abs(_quarks(own) - sum(map(_quarks, species))) - either)
    changed = sum(flavour_change(own, species)) if decays_strongly(own) else 0
    neutral = sum(not each.charge3 for each in species)
    rare = sum(name in ("K_L0", "K0", "anti-K0") for name in daughters)
    return broken, odd, _crossed(own, species), changed, neutral, lines, rare


def _crossed(own: Species, species: Sequence[Species]) -> bool:
    """Whether charm and strangeness change as in no decay of one b quark, by a W or by a loop.

    Of an anti-b: it becomes an anti-c or an anti-u, and the W+ a u or c with an anti-d or anti-s, or a positive lepton.
    """
    rows = [flavours(each.number) for each in (own, *species)]
    known = [row for row in rows if row is not None]
    either = any(each.base in ("K_S0", "K_L0") for each in species)
    if len(known) < len(rows) or abs(known[0][2]) != 1 or any(row[2] for row in known[1:]) or either:
        return False
    before, *after = known
    sign = before[2]
    strange, charm = (sign * (sum(row[at] for row in after) - before[at]) for at in (0, 1))
    leptons = [each.charge3 for each in species if abs(each.number) in (11, 13, 15)]
    if len(leptons) == 1:
        return leptons[0] != 3 * sign or charm not in (-1, 0) or strange != 0
    return charm not in (-1, 0, 1) or strange not in (0, 1)


def _broken(step: DecayStep) -> str:
    known = known_species()
    species: list[Species] = [known[name] for name in step.daughters]
    found = violations("PHSP", known[step.parent], species, lambda each: known[conjugate_of(each.name)])
    return "; ".join(each.text for each in found if is_impossible(each.code))


def _quarks(species: Species) -> int:
    """Strange, charm and bottom quarks less antiquarks."""
    strangeness, charm, beauty = flavours(species.number) or (0, 0, 0)
    return charm - strangeness - beauty
