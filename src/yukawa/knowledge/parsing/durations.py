"""Rules for what is left after a time, wavelengths of particles, and amounts in other units."""

import re
from collections.abc import Sequence

from yukawa.knowledge.parsing.clauses import Clause, Context, amount_of
from yukawa.knowledge.parsing.kinematics import (
    condition_of,
    covered,
    particle_of,
    span_of,
    things_of,
    use_words,
)
from yukawa.knowledge.parsing.plan import Amount, Goal, Span, Thing, Wanted
from yukawa.knowledge.parsing.units import find_unit

_LEFT = re.compile(
    r"\b(?:surviv(?:e|es|ed|ing)|left(?: over)?|remain(?:s|ing)?|lives? longer|still (?:alive|there|around|exist)"
    r"|not (?:yet )?decayed|undecayed)\b",
    re.IGNORECASE,
)
_GONE = re.compile(r"\b(?:decay(?:s|ed)?|gone|disappeared|vanished)\b", re.IGNORECASE)
_AFTER = re.compile(
    r"\b(?:after|within|in|longer than|more than|at least|surviv(?:e|es)(?: for)?) (?:(?:a time of|t ?= ?|exactly|about|one|1) )?"
)
_HALVES = re.compile(r"half-?li(?:fe|ves)", re.IGNORECASE)


def left_over(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'What fraction of muons is left after 2 lifetimes?', 'how many percent of the pions have decayed after 26 ns?'."""
    start, end = span_of(clause)
    left = _LEFT.search(clause.plain, start, end)
    after = _AFTER.search(clause.plain, start, end)
    fraction = [i for i in clause.places("property") if clause.tokens[i].value == "branching-fraction"]
    if after is None or not (left or _GONE.search(clause.plain, start, end)) or len(fraction) != 1:
        return None
    amounts = [
        i for i in clause.places("amount", "factor", "number") if clause.tokens[i].start >= after.end() - 4
    ]
    times = [i for i in clause.places("property") if clause.tokens[i].value in ("lifetime", "half-life")]
    lengths = [i for i in clause.places("amount") if _dimension(clause, i) == "length"]
    conditions = [c for i in clause.places("amount") if i not in lengths and (c := condition_of(clause, i))]
    things = list(things_of(clause))
    if len(things) != 1 or clause.has("channel", "class") or len(times) > 1:
        return None
    if len(lengths) == len(conditions) == 1 and not times:
        return _in_flight(clause, conditions[0], lengths[0], fraction[0], left is not None)
    if len(amounts) > 1 or conditions:
        return None
    amount = amount_of(clause.tokens[amounts[0]]) if amounts else None
    if times and times[0] > fraction[0]:
        unit = "half-lives" if _HALVES.search(clause.plain, start, end) else "lifetimes"
        given = f"{amount.value if amount else 1.0:g} {unit}"
    elif amount is not None and (unit_of := find_unit(amount.unit)) and unit_of.dimension == "time":
        given = f"{amount.value:.15g} {amount.unit}"
    else:
        return None
    for pattern in (_LEFT, _GONE, _AFTER):
        use_words(clause, pattern)
    spans = clause.use(*fraction, *amounts, *times, things[0][0])
    name = "fraction-left" if left else "fraction-decayed"
    return [
        Goal("value", (Wanted(particle_of(things[0][1]), name, qualifiers={"given": given}, spans=spans),))
    ]


def _dimension(clause: Clause, place: int) -> str:
    unit = find_unit(amount_of(clause.tokens[place]).unit)
    return unit.dimension if unit is not None else ""


def _in_flight(clause: Clause, condition: str, length: int, fraction: int, left: bool) -> list[Goal]:
    """'What fraction of 2 GeV/c kaons survives 10 m?'."""
    for pattern in (_LEFT, _GONE, _AFTER):
        use_words(clause, pattern)
    ((place, thing),) = things_of(clause)
    moving = [i for i in clause.places("amount") if i != length]
    spans = clause.use(fraction, length, place, *moving)
    amount = amount_of(clause.tokens[length])
    said = {"given": f"{condition}; {amount.value:.15g} {amount.unit}"}
    name = "fraction-left" if left else "fraction-decayed"
    return [Goal("value", (Wanted(particle_of(thing), name, qualifiers=said, spans=spans),))]


def half_gone(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'How long does it take until half of the muons have decayed?'."""
    halves = [i for i in clause.places("factor") if clause.tokens[i].value == 0.5]
    times = [i for i in clause.places("property") if clause.tokens[i].value in ("lifetime", "half-life")]
    if len(halves) != 1 or len(times) != 1 or clause.has("channel", "class", "amount", "compare", "ratio"):
        return None
    gone = [p for p in (_GONE, _LEFT) if p.search(clause.plain, *span_of(clause))]
    things = list(things_of(clause))
    if not gone or len(things) != 1:
        return None
    for pattern in gone:
        use_words(clause, pattern)
    spans = clause.use(*halves, *times, things[0][0])
    return [Goal("value", (Wanted(particle_of(things[0][1]), "half-life", spans=spans),))]


def light_path(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'How far does light travel in the lifetime of a tau?': c tau."""
    light = _LIGHT.search(clause.plain, *span_of(clause))
    times = [i for i in clause.places("property") if clause.tokens[i].value == "lifetime"]
    far = [i for i in clause.places("property") if clause.tokens[i].value == "decay-length"]
    things = list(things_of(clause))
    if light is None or len(times) != 1 or len(things) != 1 or clause.has("channel", "class", "amount"):
        return None
    clause.use(*covered(clause, *light.span()))
    spans = clause.use(*times, *far, things[0][0])
    return [Goal("value", (Wanted(things[0][1], "decay-length", spans=spans),))]


_LIGHT = re.compile(
    r"(?:does )?(?:light|a photon) (?:travel|go|move|cover|fly)|at (?:the speed of light|light speed)"
)


def compton(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Compton wavelength of the pion': that of the electron alone is a constant."""
    said = [i for i in clause.places("constant") if clause.tokens[i].value == "compton wavelength"]
    things = list(things_of(clause))
    if len(said) != 1 or not things or clause.has("property", "channel", "compare", "ratio"):
        return None
    reduced = _REDUCED.search(clause.plain, *span_of(clause)) is not None
    use_words(clause, _REDUCED)
    name = "reduced-compton-wavelength" if reduced else "compton-wavelength"
    return [Goal("value", (Wanted(particle_of(t), name, spans=clause.use(i, *said)),)) for i, t in things]


_REDUCED = re.compile(r"\breduced\b", re.IGNORECASE)


def of_an_amount(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Lifetime of a particle with a width of 100 MeV', 'width that corresponds to a lifetime of 1e-12 s'."""
    properties, amounts = clause.places("property"), clause.places("amount")
    said = {clause.tokens[i].value: i for i in properties}
    if len(amounts) != 1 or len(properties) != 2 or set(said) != {"lifetime", "width"}:
        return None
    kinds = [i for i in clause.places("class") if clause.tokens[i].value == "particle"]
    amount = amount_of(clause.tokens[amounts[0]])
    unit = find_unit(amount.unit)
    asked = {"time": "width", "energy": "lifetime"}.get(unit.dimension if unit else "", "")
    essential = {*properties, *amounts, *kinds, *clause.places("unit")}
    if not asked or set(clause.essential) != essential:
        return None
    spans = clause.use(*properties, *amounts, *kinds)
    thing = _of_amount(amount, spans)
    return [Goal("value", (Wanted(thing, "conversion", qualifiers={"unit": asked}, spans=spans),))]


def conversion(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Convert 1 u to MeV', 'what is 1 GeV^-1 in fm?', 'how many joules is 1 GeV?'."""
    amounts, units = clause.places("amount"), clause.places("unit")
    if context.goals or len(amounts) != 1 or len(units) != 1 or set(clause.essential) != {*amounts, *units}:
        return None
    amount = amount_of(clause.tokens[amounts[0]])
    words = {clause.text(i) for i in clause.places("word")}
    before = clause.plain[: clause.tokens[amounts[0]].start].rstrip()[-1:]
    if not amount.unit or not words <= _CONVERTING or before in tuple("^*/x+-"):
        return None
    spans = clause.use(*amounts, *units, *clause.places("word"))
    thing = _of_amount(amount, spans)
    unit = str(clause.tokens[units[0]].value)
    return [Goal("value", (Wanted(thing, "conversion", qualifiers={"unit": unit}, spans=spans),))]


def _of_amount(amount: Amount, spans: Sequence[Span]) -> Thing:
    """An amount as what a quantity is of."""
    written = f"{amount.value:.15g} {amount.unit}"
    return Thing((f"amount:{written}",), written, spans[0], True)


_CONVERTING = frozenset("convert converted express equivalent energy correspond corresponds".split())


RULES = (half_gone, light_path, of_an_amount, conversion, left_over, compton)
