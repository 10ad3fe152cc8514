"""Executes the plan of a question on facts: each goal becomes rows with sources, a verdict, or a reason for refusal."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from yukawa.assistant import algebra
from yukawa.assistant.algebra import Derivation, Measured, Unanswerable
from yukawa.assistant.comparing import compared
from yukawa.assistant.listing import Listing
from yukawa.assistant.lookup import Looked, Lookup
from yukawa.assistant.measuring import deviation, measured
from yukawa.assistant.results import UNSEEN, Facts, Result, Row
from yukawa.assistant.rows import computed, converted, less_than_one, symbol, with_article
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Amount, Goal, Plan, Wanted
from yukawa.knowledge.parsing.searching import contents_equal
from yukawa.knowledge.records import Moment

_COMBINATIONS = 6  # of ambiguous operands, each shown with its label
_OVERVIEW = ("mass", "lifetime", "width", "charge", "quantum-numbers", "quark-content")
_MAIN_DECAYS = 5


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
        if goal.power != 1:
            result = replace(
                result, rows=tuple(_raised(row, goal.power) for row in result.rows), others=(), disputed=()
            )
        if goal.from_one:
            rows = tuple(less_than_one(row) for row in result.rows)
            result = replace(result, rows=rows, others=(), disputed=())
        if goal.per is not None:
            result = _in_multiples(result, lookup.single(goal.per))
        return _in_unit(result, goal.unit) if goal.unit else result
    except Unanswerable as error:
        return Result(goal, problem=str(error))


def _in_unit(result: Result, unit: str) -> Result:
    """All rows in the unit wanted."""
    rows, others, disputed = (
        tuple(converted(row, unit) for row in rows) for rows in (result.rows, result.others, result.disputed)
    )
    return replace(result, rows=rows, others=others, disputed=disputed)


_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_POWERS = {2.0: ("square", "²"), 3.0: ("cube", "³"), 0.5: ("square root", "^½"), -1.0: ("inverse", "⁻¹")}


def _raised(row: Row, exponent: float) -> Row:
    """The square, root or inverse of a row."""
    raised = f"{exponent:g}"
    name, sign = _POWERS.get(exponent, (f"{raised}th power", raised.translate(_RAISED)))
    formula, inputs = _opened(row)
    value = algebra.power(row.number, exponent)
    return computed(
        f"{name} of {with_article(row)}",
        value,
        Derivation(f"({formula}){sign}"),
        inputs,
        "power",
        row.subject,
    )


def _in_multiples(result: Result, units: Sequence[Row]) -> Result:
    """Every row divided by the quantity in whose multiples it is wanted."""
    rows = []
    for row, unit in itertools.product(result.rows, units):
        what = f"{row.what} in units of {with_article(unit)}"
        formula, inputs = _opened(row)
        derivation = Derivation(
            f"{formula} / {symbol(unit)}" if not row.derived else f"({formula}) / {symbol(unit)}"
        )
        value = algebra.ratio(row.number, unit.number)
        rows.append(computed(what, value, derivation, [*inputs, unit], "ratio", row.subject))
    return replace(result, rows=tuple(rows), others=(), disputed=())


def _opened(row: Row) -> tuple[str, Sequence[Row]]:
    """The formula of a computed row with what went in; of a quoted one its symbol and itself."""
    if row.derivation is None or "=" in row.derivation.formula:
        return symbol(row), [row]
    return row.derivation.formula, row.inputs


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
        looked.disputed += found.disputed
    if not looked.known and failures:
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
    """The result of a goal: what people taught is listed beside the data, or is the answer if there are no data."""
    if not looked.rows:
        return Result(goal, tuple(looked.disputed))
    return Result(goal, tuple(looked.rows), tuple(looked.others), tuple(looked.disputed))


def _overview(goal: Goal, lookup: Lookup) -> Result:
    """The main properties of a particle that are listed, and its largest decay modes."""
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
        looked.disputed += found.disputed
    decays = Listing(lookup).decays(replace(goal, most=_MAIN_DECAYS), main=True)
    if not looked.known and not decays.rows:
        raise Unanswerable(f"the base has no values for {wanted.thing.text or wanted.thing.names[0]}")
    return replace(_with_taught(goal, looked), rows=(*looked.rows, *decays.rows), more=decays.more)


# ---- arithmetic -----------------------------------------------------------------------------------


def _combined(
    goal: Goal, lookup: Lookup, what: Callable[[Sequence[Row]], str], signs: str | Sequence[str],
    combine: Callable[[Sequence[Measured]], Measured], property_name: str,
) -> Result:  # fmt: skip
    """One row for each combination of what the operands can mean."""
    if len(goal.operands) < 2:
        raise Unanswerable(f"a {goal.operation} needs two quantities, and one was named")
    operands = [lookup.single(_definite(wanted)) for wanted in goal.operands]
    if math.prod(map(len, operands)) > _COMBINATIONS:
        many = next(rows for rows in operands if len(rows) > 1)
        raise Unanswerable(f"it is not clear which is meant: {', '.join(row.what for row in many[:4])}")
    rows = []
    for chosen in itertools.product(*operands):
        value = combine([row.number for row in chosen])
        between = [signs] * (len(chosen) - 1) if isinstance(signs, str) else signs
        formula = Derivation(symbol(chosen[0]) + "".join(map(str.__add__, between, map(symbol, chosen[1:]))))
        rows.append(computed(what(chosen), value, formula, chosen, property_name))
    return Result(goal, tuple([row for row in rows if row.number.measured] or rows))


def _definite(wanted: Wanted) -> Wanted:
    """The particle alone where its antiparticle was not named: 'the electron' of a sum is not the positron."""
    table = particle_table().particles
    particles = tuple(n for n in wanted.thing.names if n in table and not table[n].is_antiparticle)
    if wanted.thing.state_given or len(particles) != 1 or len(wanted.thing.names) == 1:
        return wanted
    return replace(wanted, thing=replace(wanted.thing, names=particles))


def _ratio(goal: Goal, lookup: Lookup) -> Result:
    if (
        goal.order is not None
    ):  # 'which lives longer, and how many times longer?': the larger one by the smaller
        first, second = (lookup.single(_definite(wanted))[0].number for wanted in goal.operands)
        smaller = algebra.compare(first, second).sign == -1
        goal = replace(goal, operands=goal.operands[::-1] if smaller else goal.operands, order=None)
    if len(goal.operands) == 2 and (measured := compared(lookup.find, *goal.operands, "ratio")):
        return Result(goal, tuple(measured))

    def what(rows: Sequence[Row]) -> str:
        return f"ratio of {with_article(rows[0])} to {with_article(rows[1])}"

    return _combined(goal, lookup, what, " / ", lambda v: algebra.ratio(v[0], v[1]), "ratio")


def _how_many(goal: Goal, lookup: Lookup) -> Result:
    def what(rows: Sequence[Row]) -> str:
        return f"number of times {with_article(rows[1])} goes into {with_article(rows[0])}"

    return _combined(goal, lookup, what, " / ", lambda v: algebra.ratio(v[0], v[1]), "ratio")


def _sum(goal: Goal, lookup: Lookup) -> Result:
    """Operands with a negative factor are subtracted; of a class all members are added."""
    if goal.operands[0].property == "decays":
        return _sum_of_modes(goal, lookup)
    if (
        len(goal.operands) == 1 and goal.operands[0].channel is not None
    ):  # 'in total to two pions', of any charge
        rows = lookup.single(goal.operands[0])
        return _sum_of(goal, rows) if len(rows) > 1 else Result(goal, tuple(rows))
    goal = replace(goal, operands=tuple(_spread(goal.operands, lookup)))
    signs = [math.copysign(1.0, wanted.factor) for wanted in goal.operands]
    positive = replace(goal, operands=tuple(replace(w, factor=abs(w.factor)) for w in goal.operands))

    def what(rows: Sequence[Row]) -> str:
        if min(signs) > 0:
            return "sum of " + " and ".join(map(with_article, rows))
        words = [" plus " if sign > 0 else " minus " for sign in signs[1:]]
        return rows[0].what + "".join(map(str.__add__, words, map(with_article, rows[1:])))

    def combine(values: Sequence[Measured]) -> Measured:
        return algebra.total([algebra.multiple(v, sign) for v, sign in zip(values, signs, strict=True)])

    operators = [" + " if sign > 0 else " − " for sign in signs[1:]]
    return replace(
        _combined(positive, lookup, what, operators, combine, goal.operands[0].property), goal=goal
    )


def _sum_of_modes(goal: Goal, lookup: Lookup) -> Result:
    """The branching fractions of all decay modes that meet the conditions."""
    return _sum_of(goal, Listing(lookup).decays(replace(goal, operation="list", most=None)).rows)


def _sum_of(goal: Goal, rows: Sequence[Row]) -> Result:
    formula = Derivation(" + ".join(map(symbol, rows)))
    what = "sum of the branching fractions of " + " and ".join(row.channel for row in rows)
    value = algebra.total([row.number for row in rows])
    return Result(goal, (computed(what, value, formula, rows, "branching-fraction"),))


def _difference(goal: Goal, lookup: Lookup) -> Result:
    if len(goal.operands) == 1 and goal.operands[0].other is not None:
        return _value(goal, lookup)
    if len(goal.operands) == 2 and (measured := compared(lookup.find, *goal.operands, "difference")):
        return Result(goal, tuple(measured))
    first, *others = goal.operands
    signed = (first, *(replace(wanted, factor=-wanted.factor) for wanted in others))
    return replace(_sum(replace(goal, operands=signed), lookup), goal=goal)


def _product(goal: Goal, lookup: Lookup) -> Result:
    def what(rows: Sequence[Row]) -> str:
        return "product of " + " and ".join(map(with_article, rows))

    return _combined(goal, lookup, what, " · ", lambda v: functools.reduce(algebra.product, v), "product")


def _average(goal: Goal, lookup: Lookup) -> Result:
    def what(rows: Sequence[Row]) -> str:
        return "arithmetic mean of " + " and ".join(map(with_article, rows))

    def combine(values: Sequence[Measured]) -> Measured:
        return algebra.multiple(algebra.total(values), 1 / len(values))

    found = _combined(goal, lookup, what, " + ", combine, goal.operands[0].property)
    count = len(goal.operands)
    return replace(found, rows=tuple(_bracketed(row, f" / {count}") for row in found.rows))


def _bracketed(row: Row, divisor: str) -> Row:
    assert row.derivation is not None  # noqa: S101  # it was computed
    return replace(row, derivation=replace(row.derivation, formula=f"({row.derivation.formula}){divisor}"))


def _multiple(goal: Goal, lookup: Lookup) -> Result:
    return Result(goal, tuple(row for wanted in goal.operands for row in lookup.single(_definite(wanted))))


# ---- comparison -----------------------------------------------------------------------------------


def _which(goal: Goal, lookup: Lookup) -> Result:
    """The operands by the property in question, first ones first."""
    if len(goal.operands) == 2 and (measured := compared(lookup.find, *goal.operands, "any")):
        return Result(replace(goal, operation="value"), tuple(measured))
    rows = [row for wanted in _spread(goal.operands, lookup) for row in lookup.single(wanted)]
    if not rows:
        raise Unanswerable("there is nothing to compare")
    down = goal.order is None or goal.order[1] == "descending"
    if _one_fact([rows]):
        return Result(goal, tuple(rows[:1]), note="one value holds for all that are compared")
    rows = list({(row.subject, row.what, row.shown): row for row in rows}.values())  # named and of its class
    ranked = sorted(rows, key=lambda row: algebra.in_base(row.number), reverse=down)
    if len(ranked) == 1:
        return Result(goal, tuple(ranked))
    comparison = algebra.compare(ranked[0].number, ranked[1].number)
    note = ""
    if comparison.sign is None:
        note = _LEFT_OPEN
    elif comparison.sign == 0:
        note = "they are equal"
    elif comparison.sigmas is not None and comparison.sigmas < 3:
        note = f"the first two differ by {comparison.sigmas:.1f} standard deviations only"
    if goal.rank > len(ranked):
        raise Unanswerable(f"there are only {len(ranked)} to choose from")
    if goal.rank > 1:
        near = ranked[: goal.rank + 1]
        signs = [algebra.compare(a.number, b.number).sign for a, b in itertools.pairwise(near)]
        if None in signs:
            return Result(goal, tuple(near), comparison=algebra.Ordering(None), note=_LEFT_OPEN)
        return Result(goal, (ranked[goal.rank - 1],))
    return Result(goal, tuple(ranked[: goal.most or len(ranked)]), comparison=comparison, note=note)


_LEFT_OPEN = "limits and ranges leave it open which is first"
_DEPENDS = "it depends on which is meant"


def _one_fact(sides: Sequence[Sequence[Row]]) -> bool:
    """Whether all rows rest on one and the same value, as those of a state and its antiparticle do."""
    rows = [row for side in sides for row in side]
    quoted = len(rows) > 1 and not any(row.derived for row in rows)
    return quoted and len({row.facts[0].item_id for row in rows}) == 1


def _is(goal: Goal, lookup: Lookup) -> Result:
    """Answer a yes-or-no question: membership in a class, an order, existence, stability, or an asserted value."""
    if isinstance(goal.asserted, str) and goal.asserted.startswith("class:"):
        return Listing(lookup).is_member(goal, goal.asserted)
    if len(goal.operands) == 2 and goal.asserted is None:
        return _order(goal, lookup)
    found = lookup.rows(goal.operands[0])
    result = _with_taught(goal, found)
    if goal.asserted is None:
        return _exists(result)
    if goal.asserted in ("stable", "unstable"):
        return _stability(goal.asserted, result)
    if goal.asserted == "itself":
        table = particle_table().particles
        if any(row.subject.startswith("nu") for row in result.rows):
            raise Unanswerable(
                "whether neutrinos are their own antiparticles is not known; the data only name both"
            )
        own = [table[row.subject].conjugate == row.subject for row in result.rows]
        return replace(result, verdict=_agreed(own))
    if isinstance(goal.asserted, str) and goal.operands[0].property == "quark-content":
        verdicts = [contents_equal(row.shown, goal.asserted) for row in result.rows]
        return replace(result, verdict=_agreed(verdicts))
    if isinstance(goal.asserted, str):
        given = [_word(row.shown.rpartition("= ")[2]) for row in result.rows]
        return replace(result, verdict=_agreed([_word(goal.asserted) == g for g in given]))
    return _asserted(goal, result, goal.asserted)


def _stability(asserted: str, result: Result) -> Result:
    """A state with a measured lifetime decays; a lower limit on it says that no decay has been seen."""
    decays = [row.value is not None and row.value.bound != "lower" for row in result.rows]
    if not all(decays):
        return replace(result, note="no decay has been seen" if not any(decays) else _DEPENDS)
    return replace(result, verdict=asserted == "unstable")


def _order(goal: Goal, lookup: Lookup) -> Result:
    """Check whether the first operand has the asserted relation to the second."""
    if measured := compared(lookup.find, goal.operands[0], goal.operands[1], "any"):
        return Result(replace(goal, operation="value"), tuple(measured))
    if goal.operands[0].property == "quantum-numbers" and goal.relation in ("=", "!="):
        rows = [row for wanted in goal.operands for row in lookup.rows(wanted).known]
        same = len(rows) == 2 and _word(rows[0].shown) == _word(rows[1].shown)
        verdict = (same == (goal.relation == "=")) if len(rows) == 2 else None
        return Result(goal, tuple(rows), verdict=verdict, note="" if len(rows) == 2 else _DEPENDS)
    sides = [lookup.single(wanted) for wanted in goal.operands]
    comparisons = [algebra.compare(a.number, b.number) for a, b in itertools.product(*sides)]
    holds = algebra.HOLDS[goal.relation or "="]
    verdict = _agreed([None if c.sign is None else holds(c.sign) for c in comparisons])
    note = "" if verdict is not None else "the values leave it open"
    if verdict is not None and comparisons[0].sign == 0 and _one_fact(sides):
        note = "one value holds for both"
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
    why = _DEPENDS if {True, False} <= set(verdicts) else "the value leaves it open"
    return replace(result, verdict=verdict, note="" if verdict is not None else why)


def _agreed(verdicts: Sequence[bool | None]) -> bool | None:
    """The verdict if all agree; an ambiguous question whose readings differ stays open."""
    kinds = set(verdicts)
    return kinds.pop() if len(kinds) == 1 else None


def _word(text: str) -> str:
    return text.replace("−", "-").replace(" ", "").lower().removeprefix("+")


def _listed(goal: Goal, lookup: Lookup) -> Result:
    return Listing(lookup).listed(goal)


def _counted(goal: Goal, lookup: Lookup) -> Result:
    if goal.asserted is not None:
        return Listing(lookup).reverse(goal)
    return Listing(lookup).listed(replace(goal, most=None))


def _reverse(goal: Goal, lookup: Lookup) -> Result:
    return Listing(lookup).reverse(goal)


_OPERATIONS: dict[str, Callable[[Goal, Lookup], Result]] = {
    "value": _value, "overview": _overview, "list": _listed, "count": _counted, "which": _which, "is": _is, "ratio": _ratio,
    "sum": _sum, "difference": _difference, "product": _product, "average": _average, "multiple": _multiple,
    "deviation": deviation, "how-many": _how_many, "reverse": _reverse, "measurements": measured,
}  # fmt: skip
