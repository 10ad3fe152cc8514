"""Whether values of two passages support a comparison: 'the Z is heavier than the W'."""

import math
from collections.abc import Iterable

from yukawa.knowledge.citing.agreement import same_thing
from yukawa.knowledge.parsing.quantities import Quantity
from yukawa.knowledge.parsing.statements import Assertion

# Words that compare: the property they speak of ('' where another word names it) and which of the two is larger.
_COMPARATIVES = {
    "heavier": ("mass", 1), "lighter": ("mass", -1), "wider": ("width", 1), "broader": ("width", 1), "narrower": ("width", -1),
    "longer-lived": ("lifetime", 1), "shorter-lived": ("lifetime", -1), "longer": ("lifetime", 1), "shorter": ("lifetime", -1),
    "larger": ("", 1), "greater": ("", 1), "higher": ("", 1), "bigger": ("", 1), "smaller": ("", -1), "lower": ("", -1), "less": ("", -1),
}  # fmt: skip


def is_supported(claim: Assertion, sources: Iterable[Assertion]) -> bool:
    """Whether `claim` compares two things by one property, of which `sources` state values that differ that way beyond their errors."""
    words = claim.words & _COMPARATIVES.keys()
    if claim.negated or claim.quantity or len(words) != 1 or len(claim.things) != 2 or claim.words - words:
        return False
    named, sign = _COMPARATIVES[next(iter(words))]
    properties = {named} if named else set(claim.properties)
    if len(properties) != 1 or not claim.properties <= properties:
        return False
    stated = [
        s
        for s in sources
        if s.properties == properties and s.quantity and s.bound is None and not (s.words or s.negated)
    ]
    first, second = (
        [s.quantity for s in stated if s.quantity and _is_of(s, thing)] for thing in claim.things
    )
    return bool(first and second) and all(_exceeds(a, b, sign) for a in first for b in second)


def _is_of(source: Assertion, thing: tuple[str, ...]) -> bool:
    return (
        len(source.things) == 1
        and not source.transitions
        and same_thing(thing, source.things[0], shared=True)
    )


def _exceeds(first: Quantity, second: Quantity, sign: int) -> bool:
    difference = sign * (first.value - second.value)
    error = math.hypot(first.error_plus or first.resolution, second.error_plus or second.resolution)
    return first.unit == second.unit and difference > error
