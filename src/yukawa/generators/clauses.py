"""Groups the particles that a sentence names into decays: a parent and its daughters, one behind or inside another."""

import itertools
import re
from collections.abc import Iterator, Sequence

from yukawa.generators import charges, plans

_STABLE = frozenset({"pi+", "pi-", "K+", "K-", "e+", "e-", "mu+", "mu-", "gamma", "p+", "anti-p-"})


def decay_clauses(named: list[plans.NamedParticle]) -> list[plans.DecayClause]:
    """The decays of a sentence, that of what no other produces first.

    Raises:
        UnreadSentence: whether daughters belong to one decay or to several is not certain, or how many there are.
    """
    found: list[plans.DecayClause] = []
    at = 0
    while at < len(named):
        if named[at].arrow or (named[at].opens and found):
            at = _clause(named, at, found, nested=named[at].opens)
        else:
            at += 1
    found = list(_with_listed_modes(found))
    _give_models(named, found)
    for clause in found:
        _refuse_two_in_one(clause)
        _refuse_uncounted(clause)
    found = [each for each in found if each.daughters and not _is_collision(each)]
    return _from_the_first(found) if found else []


def _with_listed_modes(clauses: Sequence[plans.DecayClause]) -> Iterator[plans.DecayClause]:
    """The decays with each of "K- pi+, K+ K- or pi+ pi-" as a mode of its own, where each can be one."""
    for clause, other in itertools.zip_longest(clauses, clauses[1:]):
        ends = [at for at, each in enumerate(clause.daughters) if at and each.listed and not each.joined]
        groups = [
            clause.daughters[first:last]
            for first, last in itertools.pairwise((0, *ends, len(clause.daughters)))
        ]
        whole = len(groups) > 1 and other is not None and other.instead
        if not whole or not all(
            len(each) > 1 and charges.is_possible(clause.parent, each) for each in groups
        ):
            yield clause
            continue
        for number, group in enumerate(groups):
            yield plans.DecayClause(clause.parent, group, clause.instead or number > 0)


def _give_models(named: Sequence[plans.NamedParticle], clauses: Sequence[plans.DecayClause]) -> None:
    """Give each decay the model that the sentence names for it.

    Raises:
        UnreadSentence: which decay a model is for is not certain.
    """
    for each in named:
        if not each.model:
            continue
        own = _modelled(each, clauses)
        if not own or any(clause.model and clause.model != each.model for clause in own):
            raise plans.UnreadSentence(
                f"which decay the model {each.model[0]} is for is not certain",
                hint='write it behind its decay: "A -> B C (MODEL)"',
            )
        for clause in own:
            clause.model = each.model
    for clause, other in itertools.pairwise(clauses):
        if other.instead and bool(clause.model) != bool(other.model):
            raise plans.UnreadSentence(
                f"which of the modes of {clause.parent.text} the model {(clause.model or other.model)[0]} is for is not certain",
                hint="write a model behind each mode",
            )


def _modelled(each: plans.NamedParticle, clauses: Sequence[plans.DecayClause]) -> Sequence[plans.DecayClause]:
    """The decays that the model beside a particle is for; none if that is not certain."""
    if each.model_of == "all":
        return clauses
    if each.model_of == "both":
        return clauses[-2:] if len(clauses) > 1 else ()
    if each.model_of == "first":
        return clauses if len(clauses) == 1 else ()
    if each.model_of == "own":
        exact = [clause for clause in clauses if clause.parent is each]
        return exact or [clause for clause in clauses if {*clause.parent.options} & {*each.options}]
    own = [clause for clause in clauses if any(daughter is each for daughter in clause.daughters)]
    for _ in range(each.outside):
        parents = [clause.parent for clause in own]
        own = [
            clause for clause in clauses
            if any(daughter is parent for daughter in clause.daughters for parent in parents)
        ]  # fmt: skip
    return own if len(own) == 1 else ()


def _refuse_uncounted(clause: plans.DecayClause) -> None:
    """Refuse "phi -> kaons", which does not say how many."""
    for each in clause.daughters:
        if re.fullmatch(r"[A-Za-z]{3,}s", each.text) and each.count == 1:
            raise plans.UnreadSentence(
                f"the sentence does not say how many {each.text} {clause.parent.text} decays to",
                hint="write two of them, or their charges",
            )


def _is_collision(clause: plans.DecayClause) -> bool:
    """Whether e+ e- make one particle, or two taus, which the program of the collision hands to EvtGen."""
    taus = all({"tau+", "tau-"} & set(each.options) for each in clause.daughters)
    return clause.parent.options == ("vpho",) and (len(clause.daughters) == 1 or taus)


def _refuse_two_in_one(clause: plans.DecayClause) -> None:
    """Refuse "K- pi+ and K+ K-", "e+ e-, mu+ mu-", which may be one decay or two."""
    daughters = list({id(each): each for each in clause.daughters}.values())
    ends = [at for at, each in enumerate(daughters) if at and (each.listed or each.joined)]
    for before, at, after in zip([0, *ends], ends, [*ends[1:], len(daughters)], strict=False):
        sizes = at if daughters[at].joined else at - before, after - at
        if max(sizes) > 1 and (min(sizes) > 1 or not daughters[at].joined):
            raise plans.UnreadSentence(
                f"whether the daughters of {clause.parent.text} are those of one decay or of several is not certain",
                hint='write them without "and" or a comma, and "or" between modes',
            )
    repeated = [each for at, each in enumerate(daughters) if each.listed and _is_again(each, daughters[:at])]
    if repeated and not repeated[0].joined:
        raise plans.UnreadSentence(
            f"{repeated[0].text} is named twice behind {clause.parent.text}, the second time for a reason that is not read",
            hint='write "A -> B C" for each decay',
        )


def _is_again(each: plans.NamedParticle, others: Sequence[plans.NamedParticle]) -> bool:
    """Whether a particle that can decay is one of those that were named."""
    return not _STABLE & set(each.options) and any(set(each.options) & set(other.options) for other in others)


def _from_the_first(clauses: Sequence[plans.DecayClause]) -> list[plans.DecayClause]:
    """The decays with the one first whose parent no other produces: 'chi_c0 -> K K after psi(2S) -> gamma chi_c0'."""

    def produced(clause: plans.DecayClause) -> bool:
        """Whether a daughter of another decay can be what decays here."""
        own = set(clause.parent.options)
        return any(
            own & set(each.options) for other in clauses if other is not clause for each in other.daughters
        )

    return sorted(clauses, key=produced) if produced(clauses[0]) else list(clauses)


def _clause(
    named: list[plans.NamedParticle], at: int, found: list[plans.DecayClause], *, nested: bool
) -> int:
    """Read a parent and its daughters, and what is decayed inside; give the place behind it."""
    clause = plans.DecayClause(named[at])
    found.append(clause)
    at += 1
    while at < len(named):
        each = named[at]
        apart = each.begins or each.listed or each.joined
        if each.model_of == "made" and apart and _decays_before(each, found):
            each.model_of = "own"  # "…, the B0 with MODEL"
            at += 1
            continue
        if each.aside and not each.arrow and not each.opens:
            at += 1
            continue
        if each.opens:
            clause.daughters.append(each)
            at = _clause(named, at, found, nested=True)
            if nested and named[at - 1].closes > 1:
                named[at - 1].closes -= 1
                return at
            continue
        if each.arrow:
            same = clause.daughters and clause.daughters[-1].options == each.options  # "B_s0 → phi phi → …"
            if (each.apart or (_is_again(each, clause.daughters) and not same)) and clause.daughters:
                return at
            return _chained(named, at, clause, found)
        if each.through and len(clause.daughters) > 2:
            after = named[at + 1] if at + 1 < len(named) else None
            _pass_through(each, clause, found, alone=after is None or after.begins or after.listed)
            at += 1
            continue
        if each.begins and clause.daughters:  # what follows is in no decay
            return at
        if each.instead and clause.daughters:
            clause = plans.DecayClause(clause.parent, instead=True)
            found.append(clause)
        clause.daughters += [each] * each.count
        at += 1
        if nested and each.closes:
            return at
    return at


def _decays_before(each: plans.NamedParticle, found: Sequence[plans.DecayClause]) -> bool:
    return any({*clause.parent.options} & {*each.options} for clause in found)


def _pass_through(
    resonance: plans.NamedParticle, clause: plans.DecayClause, found: list[plans.DecayClause], *, alone: bool
) -> None:
    """`A -> b c d via X`: X decays to those of the daughters to which alone it can.

    Raises:
        UnreadSentence: it can to several, or to none, or it is not `alone` behind "via".
    """
    states: dict[
        tuple[tuple[str, ...], ...], tuple[list[plans.NamedParticle], list[plans.NamedParticle]]
    ] = {}
    for size in range(2, len(clause.daughters)):
        for places in itertools.combinations(range(len(clause.daughters)), size):
            own = [clause.daughters[at] for at in places]
            rest = [each for at, each in enumerate(clause.daughters) if at not in places]
            if charges.is_possible(resonance, own) and charges.is_possible(clause.parent, [resonance, *rest]):
                states.setdefault(tuple(sorted(each.options for each in own)), (own, rest))
    if len(states) != 1 or not alone:
        raise plans.UnreadSentence(
            f"which daughters of {clause.parent.text} come from the {resonance.text} is not certain",
            hint='write "A -> B C, B -> D E"',
        )
    own, rest = next(iter(states.values()))
    clause.daughters = [*rest, resonance]
    found.append(plans.DecayClause(resonance, own))


def _chained(
    named: list[plans.NamedParticle], at: int, clause: plans.DecayClause, found: list[plans.DecayClause]
) -> int:
    """`A -> B c -> d e c`: the second arrow shows what became of B beside what stays, or of all (`_shared`), or of the last."""
    clause.daughters.append(named[at])
    below: list[plans.DecayClause] = []
    end = _clause(named, at, below, nested=False)
    first, *rest = below
    for number, candidate in enumerate(clause.daughters):
        others = [each for other, each in enumerate(clause.daughters) if other != number]
        left = list(first.daughters)
        for other in others:
            match = next((each for each in left if set(each.options) & set(other.options)), None)
            if match is None:
                break
            left.remove(match)
        else:
            if left and others:
                first = plans.DecayClause(candidate, left)
                break
    else:
        found += [*(_shared(clause.daughters, first.daughters) or [first]), *rest]
        return end
    found += [first, *rest]
    return end


def _shared(
    parents: Sequence[plans.NamedParticle], daughters: Sequence[plans.NamedParticle]
) -> list[plans.DecayClause]:
    """`A -> B C -> d e f g`: what B and what C decays to, in the order of the sentence; nothing unless one division alone is possible."""
    found: list[list[plans.DecayClause]] = []
    ends = range(2, len(daughters) - 1)
    for cuts in itertools.combinations(ends, len(parents) - 1):
        groups = [daughters[first:last] for first, last in itertools.pairwise((0, *cuts, len(daughters)))]
        if all(len(each) > 1 for each in groups) and all(map(charges.is_possible, parents, groups)):
            found.append([plans.DecayClause(*pair) for pair in zip(parents, map(list, groups), strict=True)])
    return found[0] if len(found) == 1 else []


def with_beams(named: list[plans.NamedParticle], *, made: bool = False) -> list[plans.NamedParticle]:
    """The particles with a virtual photon for the e+ e- that collide first, or that make a pair which no decay makes.

    Args:
        named: all particles, in order.
        made: whether the sentence says that its first particles are produced.
    """
    first = next((at for at, each in enumerate(named) if each.arrow or each.opens), 0)
    pair = [each for each in named[:first] if not each.aside]
    if made and len(pair) == 2 and not pair[1].begins:
        later = {option for each in named[first:] for option in each.options}
        if all(later & set(each.options) for each in pair[:1]):
            return [plans.NamedParticle(("vpho",), "e+ e-", arrow=True, apart=True), *named]
    for at, (one, other) in enumerate(itertools.pairwise(named)):
        beams = {*one.options, *other.options} == {"e+", "e-"}
        if beams and other.arrow and (not at or one.begins):
            photon = plans.NamedParticle(("vpho",), "e+ e-", arrow=True, apart=True, begins=True)
            return [*named[:at], photon, *named[at + 2 :]]
    return named
