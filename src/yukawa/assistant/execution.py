"""Executes the plan of a question on facts: each goal becomes rows with sources, a verdict, or a reason for refusal."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from yukawa.assistant import algebra
from yukawa.assistant.algebra import Derivation, Measured, Unanswerable
from yukawa.assistant.comparing import compared
from yukawa.assistant.listing import Listing
from yukawa.assistant.lookup import Looked, Lookup
from yukawa.assistant.measuring import measured
from yukawa.assistant.results import UNSEEN, Facts, Result, Row
from yukawa.assistant.rows import computed, converted, symbol
from yukawa.knowledge.parsing.plan import Amount, Goal, Plan, Wanted
from yukawa.knowledge.records import Moment

_COMBINATIONS = 6  # of ambiguous operands, each shown with its label
_OVERVIEW = ("mass", "lifetime", "width", "charge", "quantum-numbers", "quark-content")
_MAIN_DECAYS = 5
_MEASURED = {" / ": "ratio", " − ": "difference"}  # what sources list of two states side by side


def execute(plan: Plan, base: Facts, as_of: Moment = None) -> tuple[Result, ...]:
    """Carry out every goal of a complete plan.

    Args:
        plan: what to do; it must be `complete`.
        base: where facts are found.
        as_of: the moment from whose knowledge to answer.

    Returns:
        One result for each goal; a goal that has no answer says why in `problem`.

    Raises:
        InputError: `as_of` is not a moment of this base.
    """
    return tuple(_one(goal, Lookup(base, as_of, goal.unit)) for goal in plan.goals)


def _one(goal: Goal, lookup: Lookup) -> Result:
    try:
        result = _OPERATIONS[goal.operation](goal, lookup)
        return _in_unit(result, goal.unit) if goal.unit else result
    except Unanswerable as error:
        return Result(goal, problem=str(error))


def _in_unit(result: Result, unit: str) -> Result:
    """All rows in the unit wanted."""
    rows, others, disputed = (
        tuple(converted(row, unit) for row in rows) for rows in (result.rows, result.others, result.disputed)
    )
    return replace(result, rows=rows, others=others, disputed=disputed)


# ---- values ---------------------------------------------------------------------------------------


def _value(goal: Goal, lookup: Lookup) -> Result:
    looked, failures = Looked(), []
    for wanted in _spread(goal.operands, lookup):
        try:
            found = lookup.rows(wanted) if wanted.factor == 1 else Looked(lookup.single(wanted))
        except Unanswerable as error:
            failures.append(error)
            continue
        looked.rows += found.rows
        looked.others += found.others
        looked.taught += found.taught
    if not looked.rows and not looked.taught and failures:
        raise failures[0]
    return replace(_with_taught(goal, looked), note="; ".join(map(str, failures)))


def _spread(operands: Sequence[Wanted], lookup: Lookup) -> list[Wanted]:
    """Operands with every class replaced by its members that have the property."""
    found = []
    for wanted in operands:
        if not wanted.thing.names or not wanted.thing.names[0].startswith("class:"):
            found.append(wanted)
            continue
        members = Listing(lookup).members(wanted.thing)
        single = [
            replace(wanted, thing=replace(wanted.thing, names=(name,), state_given=True)) for name in members
        ]
        found += [one for one in single if any(lookup.facts(one).values())]
    return found


def _with_taught(goal: Goal, looked: Looked) -> Result:
    """What people taught stands beside the data; alone it is the answer, with their names."""
    if not looked.rows:
        return Result(goal, tuple(looked.taught))
    return Result(goal, tuple(looked.rows), tuple(looked.others), tuple(looked.taught))


def _overview(goal: Goal, lookup: Lookup) -> Result:
    wanted = goal.operands[0]
    looked = Looked()
    for name in _OVERVIEW:
        try:
            found = lookup.rows(replace(wanted, property=name))
        except Unanswerable:
            continue
        if name == "width" and any(
            row.property_name == "lifetime" and not row.derived for row in looked.rows
        ):
            continue
        looked.rows += [row for row in found.rows if not (row.derived and name == "lifetime")]
        looked.taught += found.taught
    decays = Listing(lookup).decays(replace(goal, most=_MAIN_DECAYS), main=True)
    if not looked.rows and not looked.taught and not decays.rows:
        raise Unanswerable(f"the base has no values for {wanted.thing.text or wanted.thing.names[0]}")
    return replace(_with_taught(goal, looked), rows=(*looked.rows, *decays.rows), more=decays.more)


# ---- arithmetic -----------------------------------------------------------------------------------


def _combined(
    goal: Goal, lookup: Lookup, what: Callable[[Sequence[Row]], str], sign: str,
    combine: Callable[[Sequence[Measured]], Measured], property_name: str,
) -> Result:  # fmt: skip
    """One row for each combination of what the operands can mean."""
    if len(goal.operands) < 2:
        raise Unanswerable(f"a {goal.operation} needs two quantities, and one was named")
    if sign in _MEASURED and len(goal.operands) == 2:
        one, other = goal.operands
        if measured := compared(lookup, one, other, _MEASURED[sign]):
            return Result(goal, tuple(measured))
    operands = [lookup.single(wanted) for wanted in goal.operands]
    if math.prod(map(len, operands)) > _COMBINATIONS:
        many = next(rows for rows in operands if len(rows) > 1)
        raise Unanswerable(f"it is not clear which is meant: {', '.join(row.what for row in many[:4])}")
    rows = []
    for chosen in itertools.product(*operands):
        value = combine([row.number for row in chosen])
        formula = Derivation(sign.join(symbol(row) for row in chosen))
        rows.append(computed(what(chosen), value, formula, chosen, property_name))
    return Result(goal, tuple(rows))


def _ratio(goal: Goal, lookup: Lookup) -> Result:
    def what(rows: Sequence[Row]) -> str:
        return f"ratio of the {rows[0].what} to the {rows[1].what}"

    return _combined(goal, lookup, what, " / ", lambda v: algebra.ratio(v[0], v[1]), "ratio")


def _how_many(goal: Goal, lookup: Lookup) -> Result:
    def what(rows: Sequence[Row]) -> str:
        return f"number of times the {rows[1].what} goes into the {rows[0].what}"

    return _combined(goal, lookup, what, " / ", lambda v: algebra.ratio(v[0], v[1]), "ratio")


def _sum(goal: Goal, lookup: Lookup) -> Result:
    def what(rows: Sequence[Row]) -> str:
        return "sum of the " + " and the ".join(row.what for row in rows)

    return _combined(goal, lookup, what, " + ", algebra.total, goal.operands[0].property)


def _difference(goal: Goal, lookup: Lookup) -> Result:
    if len(goal.operands) == 1 and goal.operands[0].other is not None:
        return _value(goal, lookup)

    def what(rows: Sequence[Row]) -> str:
        return f"{rows[0].what} minus the " + " minus the ".join(row.what for row in rows[1:])

    def combine(values: Sequence[Measured]) -> Measured:
        return algebra.total([values[0], *(algebra.multiple(v, -1.0) for v in values[1:])])

    return _combined(goal, lookup, what, " − ", combine, goal.operands[0].property)


def _multiple(goal: Goal, lookup: Lookup) -> Result:
    return Result(goal, tuple(row for wanted in goal.operands for row in lookup.single(wanted)))


# ---- comparison -----------------------------------------------------------------------------------


def _which(goal: Goal, lookup: Lookup) -> Result:
    """The operands by the property in question, first ones first."""
    if len(goal.operands) == 2 and (measured := compared(lookup, *goal.operands, "any")):
        return Result(replace(goal, operation="value"), tuple(measured))
    rows = [row for wanted in _spread(goal.operands, lookup) for row in lookup.single(wanted)]
    if not rows:
        raise Unanswerable("there is nothing to compare")
    down = goal.order is None or goal.order[1] == "descending"
    ranked = sorted(rows, key=lambda row: algebra.in_base(row.number), reverse=down)
    if len(ranked) == 1:
        return Result(goal, tuple(ranked))
    comparison = algebra.compare(ranked[0].number, ranked[1].number)
    note = ""
    if comparison.sign is None:
        note = "limits and ranges leave it open which is first"
    elif comparison.sign == 0:
        note = "they are equal"
    elif comparison.sigmas is not None and comparison.sigmas < 3:
        note = f"the first two differ by {comparison.sigmas:.1f} standard deviations only"
    return Result(goal, tuple(ranked[: goal.most or len(ranked)]), comparison=comparison, note=note)


def _is(goal: Goal, lookup: Lookup) -> Result:
    if isinstance(goal.asserted, str) and goal.asserted.startswith("class:"):
        return Listing(lookup).is_member(goal, goal.asserted)
    if len(goal.operands) == 2 and goal.asserted is None:
        return _order(goal, lookup)
    found = lookup.rows(goal.operands[0])
    result = _with_taught(goal, found)
    if goal.asserted is None:
        return _exists(result)
    if isinstance(goal.asserted, str):
        given = [_word(row.shown.rpartition("= ")[2]) for row in result.rows]
        return replace(result, verdict=_agreed([_word(goal.asserted) == g for g in given]))
    return _asserted(goal, result, goal.asserted)


def _order(goal: Goal, lookup: Lookup) -> Result:
    """Whether the first operand stands in the asserted relation to the second."""
    if measured := compared(lookup, goal.operands[0], goal.operands[1], "any"):
        return Result(replace(goal, operation="value"), tuple(measured))
    sides = [lookup.single(wanted) for wanted in goal.operands]
    comparisons = [algebra.compare(a.number, b.number) for a, b in itertools.product(*sides)]
    holds = algebra.HOLDS[goal.relation or "="]
    verdict = _agreed([None if c.sign is None else holds(c.sign) for c in comparisons])
    note = "" if verdict is not None else "the values leave it open"
    if verdict is not None and comparisons[0].sigmas is not None and comparisons[0].sigmas < 3:
        note = f"they differ by {comparisons[0].sigmas:.1f} standard deviations only"
    return Result(
        goal,
        tuple(row for side in sides for row in side),
        verdict=verdict,
        comparison=comparisons[0],
        note=note,
    )


def _exists(result: Result) -> Result:
    """Whether something that was looked for is seen: a limit does not say so."""
    row = result.rows[0]
    if row.shown in ("seen", "dominant", "large", "small"):
        return replace(result, verdict=True)
    if row.value is None or row.property_name not in ("branching-fraction", "partial-width"):
        return result
    if row.value.bound in ("upper", "lower"):
        return replace(result, note=UNSEEN)
    return replace(result, verdict=row.value.value > 0)


def _asserted(goal: Goal, result: Result, amount: Amount) -> Result:
    """Whether the value is the asserted one, to its own rounding or within the error, or on the asserted side of it."""
    verdicts = []
    for row in result.rows:
        if row.value is None:
            raise Unanswerable(f"the {row.what} is not a number ({row.shown})")
        value = algebra.convert(row.value, amount.unit or row.value.unit, what=row.what)
        claimed = Measured(amount.value, value.unit, exact=True)
        relation = goal.relation or "="
        if relation in ("=", "!="):
            equal = algebra.equal(value, amount.value)
            verdicts.append(equal if equal is None or relation == "=" else not equal)
        else:
            sign = algebra.compare(value, claimed).sign
            verdicts.append(None if sign is None else algebra.HOLDS[relation](sign))
    verdict = _agreed(verdicts)
    return replace(result, verdict=verdict, note="" if verdict is not None else "the value leaves it open")


def _agreed(verdicts: Sequence[bool | None]) -> bool | None:
    """The verdict if all agree; an ambiguous question whose readings differ stays open."""
    kinds = set(verdicts)
    return kinds.pop() if len(kinds) == 1 else None


def _word(text: str) -> str:
    return text.replace("−", "-").replace(" ", "").lower().removeprefix("+")


def _listed(goal: Goal, lookup: Lookup) -> Result:
    return Listing(lookup).listed(goal)


def _counted(goal: Goal, lookup: Lookup) -> Result:
    return Listing(lookup).listed(replace(goal, most=None))


def _reverse(goal: Goal, lookup: Lookup) -> Result:
    return Listing(lookup).reverse(goal)


_OPERATIONS: dict[str, Callable[[Goal, Lookup], Result]] = {
    "value": _value, "overview": _overview, "list": _listed, "count": _counted, "which": _which, "is": _is, "ratio": _ratio,
    "sum": _sum, "difference": _difference, "multiple": _multiple, "how-many": _how_many, "reverse": _reverse,
    "measurements": measured,
}  # fmt: skip
