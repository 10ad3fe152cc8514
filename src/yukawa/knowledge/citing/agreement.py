"""Whether a statement says what its source says: thing, property, decay, value to its own rounding, error, unit, limit, denial."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.quantities import Quantity, Uncertainty
from yukawa.knowledge.parsing.sentence_parts import Transition
from yukawa.knowledge.parsing.statements import Assertion

# Of these a particle and its antiparticle have the same value (CPT), so that sources list one for both.
_SHARED = frozenset(
    {"mass", "width", "lifetime", "half-life", "branching-fraction", "partial-lifetime", "spin", "isospin"}
)
# A value without its error is right only if its last digit is at least this part of the error.
_FINEST = 1 / 3
_ROUNDING = 1 + 1e-6
_ANGLE = "rad"


class Departure(NamedTuple):
    """One way in which a statement departs from a source: the rule, and what was found, in words."""

    rule: str
    detail: str


def departures(said: Assertion, source: Assertion, words: Iterable[str]) -> list[Departure]:
    """How `said` departs from `source`; nothing where it says the same or less.

    Args:
        said: a statement of an answer.
        source: a statement of a passage.
        words: all words of the passage's sentence, which the answer may use.
    """
    found = [*_about_another(said, source)]
    if said.negated != source.negated:
        found.append(
            Departure("negation", "the answer denies it" if said.negated else "the source denies it")
        )
    if extra := (said.words | said.others) - set(words):
        found.append(Departure("words", f"not in the source: {', '.join(sorted(extra))}"))
    if said.quantity is None:
        return found
    if missing := source.words - said.words:
        found.append(Departure("words", f"the source speaks of: {', '.join(sorted(missing))}"))
    if source.quantity is None:
        return [*found, Departure("value", f"the source gives no value: {said.text}")]
    return [*found, *_of_values(said, source)]


def _about_another(said: Assertion, source: Assertion) -> list[Departure]:
    """What shows that a source is about another thing, another decay or another property."""
    found = []
    shared = bool(said.properties & _SHARED) or not said.properties
    here, there = _all_things(said), _all_things(source)
    known = all(any(same_thing(a, b, shared) for b in there) for a in said.things) and _in_order(
        said, source, shared
    )
    complete = said.quantity is None or all(
        any(same_thing(a, b, shared) for a in here) for b in source.things
    )
    if not (known and complete):
        found.append(Departure("subject", f"the source is about {_named(there)}, not {_named(here)}"))
    if not _same_decays(said.transitions, source.transitions, whole=said.quantity is not None):
        found.append(Departure("subject", "the source is about another decay"))
    same = said.properties == source.properties if said.quantity else said.properties <= source.properties
    if not same:
        found.append(
            Departure(
                "property", f"the source gives {_listed(source.properties)}, not {_listed(said.properties)}"
            )
        )
    return found


def _in_order(said: Assertion, source: Assertion, shared: bool) -> bool:
    """For words alone: whether the things are in the source's order, since 'A is above B' is not 'B is above A'."""
    if said.quantity is not None or len(said.things) < 2:
        return True
    rest = iter(source.things)
    return all(any(same_thing(thing, other, shared) for other in rest) for thing in said.things)


def _all_things(statement: Assertion) -> list[tuple[str, ...]]:
    return [*statement.things, *(parents for parents, _, _ in statement.transitions)]


def same_thing(said: Sequence[str], source: Sequence[str], shared: bool) -> bool:
    """Whether the states said are those of the source; both charges of one particle where they share the value."""
    allowed = set(source)
    if not allowed.intersection(said):
        return False
    if shared:
        particles = particle_table().particles
        allowed |= {particles[name].conjugate for name in source}
    return set(said) <= allowed


def _same_decays(said: Sequence[Transition], source: Sequence[Transition], *, whole: bool) -> bool:
    """Whether the decays are the same, in order, since a ratio has a first one; for words alone that they are among them."""
    if whole and len(said) != len(source):
        return False
    if whole:
        return all(_same_decay(a, b) for a, b in zip(said, source, strict=True))
    return all(any(_same_decay(a, b) for b in source) for a in said)


def _same_decay(said: Transition, source: Transition) -> bool:
    return said[1:] == source[1:] and same_thing(said[0], source[0], shared=True)


# ---- values -----------------------------------------------------------------------------------------


def _of_values(said: Assertion, source: Assertion) -> list[Departure]:
    """Where a stated value departs from that of its source: bound, confidence level, dimension, value, error."""
    mine, theirs = said.quantity, source.quantity
    if mine is None or theirs is None:
        return []
    found = []
    bound = said.bound if said.bound != "about" or source.bound == "about" else None
    if bound != source.bound:
        found.append(
            Departure("limit", f"{_BOUNDS[said.bound]} in the answer, {_BOUNDS[source.bound]} in the source")
        )
    if said.confidence_level is not None and said.confidence_level != source.confidence_level:
        found.append(
            Departure("confidence level", f"{said.confidence_level:g} % is not the source's confidence level")
        )
    if mine.unit != theirs.unit:
        found.append(Departure("unit", f"{said.text} has another dimension than the source's {source.text}"))
    elif not _rounded(mine.value, theirs.value, mine.resolution, theirs.resolution):
        found.append(Departure("value", f"{said.text} is not the source's {source.text}"))
    elif problem := _error_problem(mine, theirs):
        found.append(Departure("error", f"{problem}: {said.text}, in the source {source.text}"))
    return found


_BOUNDS: dict[str | None, str] = {
    None: "a value", "upper": "an upper limit", "lower": "a lower limit", "from": "the lower end of a range",
    "to": "the upper end of a range", "about": "an estimate",
}  # fmt: skip


def _rounded(mine: float, theirs: float, resolution: float, finest: float) -> bool:
    """Whether `mine` is `theirs` rounded to its own last digit; digits that the source does not have must be exact."""
    distance = abs(mine - theirs)
    if distance <= 1e-9 * abs(theirs):
        return True
    return resolution >= finest * (1 - 1e-9) and distance <= resolution / 2 * _ROUNDING and mine != 0


def _error_problem(mine: Quantity, theirs: Quantity) -> str:
    if not mine.errors:
        sizes = [e for e in (theirs.error_plus, theirs.error_minus) if e]
        finer = any(mine.resolution < size * _FINEST * (1 - 1e-9) for size in sizes)
        return "the error is missing" if finer else ""
    if not theirs.errors:
        return "the source gives no error"
    if len(mine.errors) == len(theirs.errors):
        same = all(map(_same_error, mine.errors, theirs.errors))
    elif len(mine.errors) == 1:
        same = _same_error(mine.errors[0], _combined(theirs))
    else:
        same = False
    return "" if same else "another error"


def _combined(q: Quantity) -> Uncertainty:
    return Uncertainty(q.error_plus or 0.0, q.error_minus or 0.0, 0.0)


def _same_error(mine: Uncertainty, theirs: Uncertainty) -> bool:
    return all(
        _rounded(a, b, mine.resolution, theirs.resolution)
        for a, b in ((mine.plus, theirs.plus), (mine.minus, theirs.minus))
    )


def _named(things: Iterable[Sequence[str]]) -> str:
    return " and ".join(" or ".join(names) for names in things) or "nothing known by name"


def _listed(properties: Iterable[str]) -> str:
    return "the " + " and ".join(sorted(properties)) if properties else "no known property"
