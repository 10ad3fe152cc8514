"""Particle and antiparticle: whose facts hold for which, and what is measured of two states side by side."""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from yukawa.assistant import algebra
from yukawa.assistant.algebra import Derivation, Unanswerable
from yukawa.assistant.matching import as_particle, preference
from yukawa.assistant.results import Row
from yukawa.assistant.rows import computed, named, quoted_row, symbol, title
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing.plan import Wanted
from yukawa.knowledge.records import FoundFact
from yukawa.knowledge.sources.pdg.text import pretty, unicode_text

Find = Callable[..., Sequence[FoundFact]]
# Quantities that have the other sign for the antiparticle, by CPT symmetry.
_ODD = frozenset({"magnetic-moment", "electric-dipole-moment", "mean-square-charge-radius"})
# Searches for the decay of matter say nothing on antimatter.
_OF_MATTER = frozenset({"lifetime", "partial-lifetime"})
_DIFFERENCES = ("difference", "relative difference", "ratio")


def hold_for(state: str, facts: Sequence[FoundFact]) -> list[FoundFact]:
    """The facts of a particle that hold for `state`, the particle itself or its antiparticle."""
    if as_particle(state)[0] == state:
        return list(facts)
    return [f for f in facts if f.fact.property not in _OF_MATTER or f.fact.bound is None]


def of_state(row: Row, state: str) -> Row:
    """The row of a quoted value for `state`: with the other sign where it is the particle's and `state` the antiparticle."""
    fact = row.facts[0].fact
    odd = fact.property in _ODD and row.value is not None and row.value.measured
    if not odd or as_particle(state)[0] == state or state in fact.subjects:
        return row
    given = quoted_row(row.facts[0], as_particle(state)[0])
    formula = Derivation(f"{symbol(given)} with the other sign, by CPT symmetry")
    turned = computed(
        row.what, algebra.multiple(given.number, -1.0), formula, [given], row.property_name, state
    )
    return replace(turned, shown=_turned(given.shown))


def _turned(shown: str) -> str:
    """A printed number with the other sign, in its source's rounding."""
    return re.sub(r"^(\(?)(−?)", lambda m: m[1] + ("" if m[2] else "−"), shown)


def compared(find: Find, one: Wanted, other: Wanted, way: str) -> list[Row]:
    """What is measured of two quantities side by side, rather than computed from a value of each.

    Args:
        find: finds the facts of a base, as `yukawa.knowledge.KnowledgeBase.find_facts`.
        one, other: quantities of one property.
        way: 'difference' or 'ratio', or 'any' for particle and antiparticle, where each will do.

    Returns:
        The preferred row, or none.

    Raises:
        Unanswerable: both are of one particle and its antiparticle, for which the source lists one value.
    """
    if one.property != other.property or one.channel or other.channel or one.factor != 1 or other.factor != 1:
        return []
    common = ""
    for first, second in itertools.product(one.thing.names, other.thing.names):
        conjugates = first != second and as_particle(first)[0] == as_particle(second)[0]
        pair = (first, second) if conjugates else (as_particle(first)[0], as_particle(second)[0])
        found = [
            f for f in _side_by_side(find, pair) if _compares(f.fact, one.property, pair, way, conjugates)
        ]
        if found:
            return [_row(min(found, key=preference), pair)]
        if conjugates and not _of_its_own(find, pair, one.property):
            common = as_particle(first)[0]
    if common and way != "any":
        raise Unanswerable(
            f"the base has one {title(one.property)} for the {named(common)} and its antiparticle, and no measurement that compares them"
        )
    return []


def _side_by_side(find: Find, pair: tuple[str, str]) -> list[FoundFact]:
    found = find(subjects=(pair[0],), products=pair)
    return [f for f in found if f.kind == "data" and f.fact.qualifiers.get("compared")]


def _compares(fact: Fact, name: str, pair: tuple[str, str], way: str, conjugates: bool) -> bool:
    """Whether a fact compares this property of the two; a ratio only in the order that is wanted."""
    of, minus = fact.qualifiers, fact.qualifiers.get("minus", "").split(", ")
    if of["of"] != name or not set(pair) <= set(fact.subjects) or (pair[0] in minus) == (pair[1] in minus):
        return False
    return (
        of["compared"] in _DIFFERENCES
        if conjugates
        else of["compared"] == way and (way != "ratio" or pair[1] in minus)
    )


def _of_its_own(find: Find, pair: tuple[str, str], name: str) -> bool:
    """Whether the antiparticle has values of its own."""
    anti = next((state for state in pair if as_particle(state)[0] != state), pair[1])
    return bool(find(subjects=(anti,), property=name))


def _row(found: FoundFact, pair: tuple[str, str]) -> Row:
    fact = found.fact
    row = quoted_row(found, pair[0])
    second = fact.qualifiers["minus"].split(", ")
    if fact.property == "mass-difference":
        first, less = pair if pair[1] in second else pair[::-1]
        return replace(row, what=minus(first, less))
    return replace(row, what=f"measured {fact.qualifiers['compared']} {unicode_text(fact.name)}")


def minus(one: str, other: str) -> str:
    """How the difference of two masses is named."""
    return f"mass difference m({pretty(one)}) − m({pretty(other)})"
