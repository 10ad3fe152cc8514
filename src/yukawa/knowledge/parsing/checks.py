"""Why a question cannot be read or a plan cannot be carried out, in one line each."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from yukawa.knowledge.facts import PROPERTIES
from yukawa.knowledge.parsing.plan import Amount, Goal, Wanted
from yukawa.knowledge.parsing.units import Unit, conversion, find_unit

LONGEST = 2000  # characters of a question
MOST = 12  # quantities of a question
_DERIVED = {"half-life": "s", "decay-length": "m", "energy-release": "eV", "rest-energy": "eV"}
_TITLES = {"decays": "list of decays"}
_PURE = ("ratio", "how-many", "count")
# Operations that set their operands off against each other.
_ALIKE = ("difference", "sum", "average", "which", "is")
_PLAIN_DIMENSIONS = frozenset({"time", "length", "energy", "mass", "momentum", "charge", "a pure number"})
_DIRECTIONS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_MIXED = re.compile(r"[A-Za-z]{1,20}[\u0400-\u04ff]|[\u0400-\u04ff]{1,20}[A-Za-z]|[\u0391-\u03a9](?=eV\b)")


def unreadable(question: str) -> str:
    """Why `question` is not read at all: it is empty, too long, or written with characters that deceive; else ''."""
    if not question.strip():
        return "the question is empty"
    if len(question) > LONGEST:
        return f"the question has {len(question):,} characters; at most {LONGEST:,} are read"
    for character in question:
        if unicodedata.bidirectional(character) in _DIRECTIONS or character in "\u200e\u200f":
            return f"the question holds a character that changes the direction of writing (U+{ord(character):04X}); type it without"
    if mixed := _MIXED.search(question):
        return f"{mixed[0]!r} mixes letters of two alphabets that look alike; type it anew"
    return ""


def impossible(goals: Sequence[Goal]) -> str:
    """Why goals that were read have no answer: too many quantities, units or dimensions that do not fit; else ''."""
    count = sum(len(goal.operands) for goal in goals)
    if count > MOST:
        return f"{count} quantities are wanted at once; ask for at most {MOST}"
    return next((problem for goal in goals if (problem := _dimensions(goal))), "")


def fits(goal: Goal, unit: str) -> bool:
    """Whether the result of `goal` can be given in `unit`."""
    return all(_agree(dimension, unit) for dimension in _results(goal))


def measured_in(wanted: Wanted, unit: str) -> bool:
    """Whether values of a quantity are known to be given in `unit`, or in one that converts into it."""
    dimension, found = _dimension(wanted.property), find_unit(unit)
    own = None if dimension is None else find_unit(dimension)
    return found is not None and own is not None and conversion(own, found) is not None


def _dimensions(goal: Goal) -> str:
    """Why the dimensions of a goal do not fit together; '' if they do."""
    if goal.unit and not fits(goal, goal.unit):
        if goal.operation in _PURE:
            return f"a {goal.operation.replace('how-many', 'ratio')} is a pure number and has no unit such as {goal.unit!r}"
        return f"{_titled(goal.operands[0])} cannot be given in {goal.unit}"
    if isinstance(goal.asserted, Amount) and goal.asserted.unit:
        for wanted in goal.operands:
            if not _agree(_dimension(wanted.property), goal.asserted.unit):
                return f"{_titled(wanted)} is not measured in {goal.asserted.unit}"
    for condition in goal.filters:
        limit = condition.amount
        if isinstance(limit, Amount) and limit.error is not None:
            return "a threshold has no error; give the number alone"
        if (
            isinstance(limit, Amount)
            and limit.unit
            and not _agree(_dimension(condition.property), limit.unit)
        ):
            return f"a {condition.property} is not measured in {limit.unit}"
    different = {_dimension(w.property) for w in goal.operands} - {None}
    if goal.operation in _ALIKE and len(different) > 1:
        return f"{_titled(goal.operands[0])} and {_titled(goal.operands[1])} cannot be compared or added"
    return ""


def _results(goal: Goal) -> Iterator[str | None]:
    """The dimensions of what a goal gives."""
    if goal.operation in _PURE or goal.per is not None:
        yield ""
    elif goal.operation == "product" or goal.power != 1:
        yield None  # the result shows its unit
    else:
        yield from (_dimension(w.property) for w in goal.operands)


def _dimension(name: str) -> str | None:
    """The base unit of a property; None where it has several or words."""
    if name in _DERIVED:
        return _DERIVED[name]
    if name in ("decays", "branching-fraction"):
        return ""
    return PROPERTIES[name].dimension if name in PROPERTIES else None


def _agree(dimension: str | None, unit: str) -> bool:
    wanted, own = find_unit(unit), None if dimension is None else find_unit(dimension)
    if wanted is None or own is None:
        return True  # nothing is known against it
    if conversion(own, wanted) is not None:
        return True
    return wanted.dimension not in _PLAIN_DIMENSIONS and _natural(own, wanted)


def _natural(own: Unit, wanted: Unit) -> bool:
    """Whether natural units bridge them, as a width in 1/s."""
    return conversion(own, wanted, natural=True) is not None


def _titled(wanted: Wanted) -> str:
    """The property with its article."""
    title = _title(wanted)
    return f"{'an' if title[0] in 'aeiou' else 'a'} {title}"


def _title(wanted: Wanted) -> str:
    name = wanted.property
    return PROPERTIES[name].title if name in PROPERTIES else _TITLES.get(name, name.replace("-", " "))
