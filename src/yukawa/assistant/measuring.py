"""Who measured a quantity, in which experiment and paper, and how far a value of the asker is from the known one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from yukawa.assistant.algebra import Measured, Ordering, Unanswerable, compare, convert, difference
from yukawa.assistant.lookup import Lookup
from yukawa.assistant.results import Result, Row
from yukawa.assistant.rounding import text
from yukawa.core.errors import NotFound
from yukawa.knowledge.facts import unique
from yukawa.knowledge.parsing.plan import Amount, Goal, Wanted
from yukawa.knowledge.records import FoundFact

if TYPE_CHECKING:  # imported where needed: few questions are about measurements
    from yukawa.knowledge.sources.pdg.measurements import Measurement, Reference

MOST = 20  # measurements shown
_NAMED = 8  # experiments named where those wanted have none
_OF_MEASUREMENTS = frozenset({"experiment", "year"})  # qualifiers that choose among them


def measured(goal: Goal, lookup: Lookup) -> Result:
    """The measurements of what a goal wants: all, those in the average, new ones, one experiment's, the most precise.

    Raises:
        Unanswerable: none is listed, or none meets the conditions.
    """
    rows: list[Row] = []
    for wanted in goal.operands:
        rows += _of_quantity(wanted, goal, lookup)
    if not rows:
        raise Unanswerable(f"no measurement{_conditions(goal)} is listed for it{_instead(goal, lookup)}")
    if goal.relation and len(rows) == 2:
        return Result(goal, tuple(rows), comparison=compare(rows[0].number, rows[1].number))
    if goal.relation:
        raise Unanswerable("it is not clear which measurements are meant: name their years")
    shown = rows[:MOST]
    return Result(goal, tuple(shown), more=len(rows) - len(shown))


def _of_quantity(wanted: Wanted, goal: Goal, lookup: Lookup) -> list[Row]:
    plain = {k: v for k, v in wanted.qualifiers.items() if k not in _OF_MEASUREMENTS}
    found = lookup.rows(replace(wanted, qualifiers=plain))
    rows = []
    for row in found.rows:
        if row.derived or row.author:
            raise Unanswerable(f"the {row.what} is not measured itself but derived: {row.shown}")
        of = _chosen(_listed(row.facts[0], wanted.qualifiers.get("experiment")), wanted, goal)
        rows += [_row(row, one) for one in of]
    return rows


def _listed(found: FoundFact, experiment: str | None) -> list[Measurement]:
    from yukawa.knowledge.sources.pdg.measurements import measurements
    from yukawa.knowledge.sources.pdg.sentences import is_plain_ratio

    identifier = found.fact.identifier
    try:
        listed = measurements(identifier, experiment=experiment, edition=found.fact.edition or None)
    except NotFound as error:
        raise Unanswerable("its source lists no single measurements") from error
    # A ratio to another mode is not a measurement of this one.
    return [m for m in listed if m.identifier == identifier or is_plain_ratio(m.quantity)]


def _chosen(found: Sequence[Measurement], wanted: Wanted, goal: Goal) -> list[Measurement]:
    """The measurements that meet the conditions; of those a precise one is wanted of, the most precise."""
    kept = [m for m in found if m.column == "VALUE"] or list(found)
    if year := wanted.qualifiers.get("year"):
        kept = [m for m in kept if str(m.reference.year) == year]
    for condition in goal.filters:
        if condition.property == "used-in-average":
            kept = [m for m in kept if m.in_average or m.in_fit]
        elif condition.property == "new":
            kept = [m for m in kept if m.is_new]
        else:
            raise Unanswerable(f"measurements cannot be chosen by {condition.property!r}")
    return _first(kept, *goal.order) if goal.order is not None else kept


def _first(found: Sequence[Measurement], by: str, direction: str) -> list[Measurement]:
    """The most or least precise of the measurements, the oldest or the newest; all of them where several are."""
    keys = [(m.error if by == "precision" else m.reference.year, m) for m in found]
    known = [(key, m) for key, m in keys if key is not None]
    # A smaller error is a higher precision.
    choose = min if (direction == "descending") is (by == "precision") else max
    best = choose((key for key, _ in known), default=None)
    return [m for key, m in known if key == best]


def _row(quantity: Row, one: Measurement) -> Row:
    value = None
    if one.value is not None:
        errors = {}
        if one.error_plus is not None and one.error_minus is not None and not one.bound:
            errors = {f"{one.identifier}:{one.reference.document}": (one.error_plus, -one.error_minus)}
        value = Measured(one.value, one.unit, errors, one.bound)
    return replace(quantity, value=value, shown=one.printed, measurement=one)


def _conditions(goal: Goal) -> str:
    """The conditions in words, for a refusal."""
    said = [f" by {w.qualifiers['experiment']}" for w in goal.operands if "experiment" in w.qualifiers]
    said += [f" of {w.qualifiers['year']}" for w in goal.operands if "year" in w.qualifiers]
    words = {"used-in-average": " used in the average", "new": " marked as new"}
    return "".join([*said, *(words.get(f.property, "") for f in goal.filters)])


def _instead(goal: Goal, lookup: Lookup) -> str:
    """What is measured, for a refusal: by whom, and when."""
    plain = [
        replace(w, qualifiers={k: v for k, v in w.qualifiers.items() if k not in _OF_MEASUREMENTS})
        for w in goal.operands
    ]
    found = [m for w in plain for row in lookup.rows(w).rows for m in _listed(row.facts[0], None)]
    by = unique(m.experiment for m in found if m.experiment)
    years = sorted(m.reference.year for m in found if m.reference.year)
    shown = ", ".join(by[:_NAMED]) + (" and others" if len(by) > _NAMED else "")
    return f"; there are measurements by {shown}, of {years[0]} to {years[-1]}" if by and years else ""


def references(results: Sequence[Result]) -> list[Reference]:
    """The papers behind the rows of results: those of measurements shown, else of what a quoted value was averaged from."""
    found: dict[str, Reference] = {}
    for row in (row for result in results for row in (*result.rows, *result.others)):
        if row.measurement is not None:
            found.setdefault(row.measurement.reference.document, row.measurement.reference)
            continue
        for fact in row.facts:
            if fact.kind == "data" and fact.fact.edition:
                used = [m for m in _papers(fact) if m.in_average or m.in_fit]
                found |= {m.reference.document: m.reference for m in used}
    return list(found.values())


def bibtex(results: Sequence[Result]) -> str:
    """BibTeX entries of the papers behind results; '' if there is none."""
    from yukawa.knowledge.sources.pdg import measurements

    return measurements.bibtex(references(results))


def _papers(found: FoundFact) -> list[Measurement]:
    try:
        return _listed(found, None)
    except Unanswerable:
        return []


def deviation(goal: Goal, lookup: Lookup) -> Result:
    """How far an asserted value is from the known one, in its unit and in standard deviations, both errors taken together."""
    rows = lookup.single(goal.operands[0])
    known = rows[0].value
    if len(rows) != 1 or known is None or not known.measured:
        raise Unanswerable(
            f"the {rows[0].what} is not one measured value ({rows[0].shown}) that another can be compared with"
        )
    row, amount = rows[0], goal.asserted
    assert isinstance(amount, Amount)  # noqa: S101  # the plan has one
    plus, minus = amount.error or (0.0, 0.0)
    errors = {"the asker": (plus, -minus)} if amount.error else {}
    own = convert(Measured(amount.value, amount.unit or known.unit, errors), known.unit, what=row.what)
    if (known.errors or own.errors) and (sigmas := compare(own, known).sigmas) is not None:
        spread = f"{sigmas:.1f} standard deviations"
    else:
        sigmas, spread = None, "neither has an error"
    side = "above" if own.value > known.value else "below"
    gap = difference(own, known) if side == "above" else difference(known, own)
    note = f"{text(own)} is {text(gap)} {side} it, {spread}" if gap.value else f"{text(own)} is the same"
    agrees = None if sigmas is None or _TENSION < sigmas <= _CONTRADICTION else sigmas <= _TENSION
    verdict = agrees if goal.relation else None
    return Result(goal, (row,), verdict=verdict, comparison=Ordering(None, sigmas), note=note)


# Standard deviations up to which values agree, and from which on they do not.
_TENSION, _CONTRADICTION = 2.0, 3.0
