"""A plan in words: what was read from which words of the question, and what could not be used."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from yukawa.assistant.rows import SCHEMES, named, title
from yukawa.knowledge.facts import unique
from yukawa.knowledge.parsing.plan import Amount, Channel, Filter, Goal, Plan, Span, Thing, Wanted
from yukawa.knowledge.sources.pdg.text import pretty

_NAMES_SHOWN = 4
_JOINED = {
    "ratio": " divided by ", "sum": " plus ", "difference": " minus ", "product": " times ",
    "how-many": " in units of ", "which": " or ", "is": " and ",
}  # fmt: skip
_BEFORE = {
    "list": "list of ", "count": "number of ", "which": "which is first: ", "is": "whether: ", "reverse": "what has: ",
    "measurements": "measurements of ", "deviation": "distance from: ", "overview": "all on ", "average": "mean of ",
}  # fmt: skip


def reading(plan: Plan) -> str:
    """What was understood, in one line: 'mass of the Z boson (Z⁰); width of the Z boson (Z⁰)'."""
    return "; ".join(unique(describe(_as_asked(goal, plan.question)) for goal in plan.goals))


def _as_asked(goal: Goal, question: str) -> Goal:
    """The goal with a quantity that the source only numbers ('S086D') named by the words of the question."""

    def said(wanted: Wanted) -> Wanted:
        numbered = not wanted.thing.names and _IDENTIFIER.fullmatch(wanted.name) is not None
        words = question[slice(*wanted.thing.span)].strip()
        return (
            replace(wanted, name=words, thing=replace(wanted.thing, text=""))
            if numbered and words
            else wanted
        )

    return replace(goal, operands=tuple(map(said, goal.operands)))


_IDENTIFIER = re.compile(r"[A-Z]\d{3}[A-Z0-9.]{0,12}")


def refusal(plan: Plan) -> str:
    """Why a plan is not carried out: what was read, and which words or what problem prevent it."""
    read = reading(plan)
    parts = [f"I read: {read}"] if read else []
    if plan.unread:
        words = ", ".join(f"'{words}'" for words, _ in plan.unread)
        parts.append(f"I do not understand {words}")
    if plan.problem:
        parts.append(plan.problem)
    if not parts:
        parts.append("I do not understand this as a question on particles or on what was taught")
    text = "; ".join(parts)
    return f"{text}." if not text.endswith((".", "?", "!")) else text


def explain(plan: Plan) -> Iterator[str]:
    """One line for each element of the plan with the words that it was read from."""
    for number, goal in enumerate(plan.goals, start=1):
        yield f"goal {number}: {goal.operation}{_said(plan, goal.spans)}"
        for wanted in goal.operands:
            yield from _wanted_lines(plan, wanted)
        for condition in goal.filters:
            yield f"  condition: {_filter(condition)}{_said(plan, (condition.span,))}"
        if goal.order:
            yield f"  order: {title(goal.order[0])}, {goal.order[1]}"
        if goal.most is not None:
            yield f"  at most: {goal.most}"
        if goal.power != 1:
            yield f"  to the power: {goal.power:g}"
        if goal.per is not None:
            yield f"  in multiples of: {_wanted(goal.per)}{_said(plan, goal.per.spans)}"
        if goal.unit:
            yield f"  unit: {goal.unit}"
        if goal.asserted is not None:
            yield f"  asserted: {goal.relation or '='} {_amount(goal.asserted)}"
    for words, span in plan.unread:
        yield f"not used: '{words}' (characters {span[0]} to {span[1]})"
    for part in plan.unanswered:
        yield f"not answered: '{part}'"
    for written, meant in plan.suggestions:
        yield f"spelling: '{written}' read as '{meant}'"
    if plan.problem:
        yield f"problem: {plan.problem}"


def describe(goal: Goal) -> str:
    """A goal in words."""
    operands = [_wanted(wanted) for wanted in goal.operands]
    text = _BEFORE.get(goal.operation, "") + _JOINED.get(goal.operation, " and ").join(operands)
    if goal.asserted is not None:
        text += f" {goal.relation or '='} {_amount(goal.asserted)}"
    elif goal.relation:
        text += f" ({goal.relation})"
    if goal.power != 1:
        text = f"({text}) to the power {goal.power:g}"
    if goal.per is not None:
        text += f" in units of the {_wanted(goal.per)}"
    text += "".join(f", {_filter(condition)}" for condition in goal.filters)
    return text + (f" in {goal.unit}" if goal.unit else "")


def _wanted(wanted: Wanted) -> str:
    who = thing(wanted.thing)
    factor = "" if wanted.factor == 1 else f"{wanted.factor:g} times "
    quality = "".join(f"{SCHEMES.get(v.lower(), v)} " for k, v in wanted.qualifiers.items() if k == "scheme")
    others = "".join(f", {k} {v}" for k, v in wanted.qualifiers.items() if k != "scheme")
    if wanted.name:
        return f"{factor}{wanted.name}" + (f" of {who}" if who else "") + others
    if wanted.property in ("", "overview", "class"):
        return f"{factor}{who}{others}"
    if wanted.channel is not None:
        return f"{factor}{quality}{title(wanted.property)} of {who} → {products(wanted.channel)}{others}"
    other = f" and the {thing(wanted.other)}" if wanted.other is not None else ""
    return f"{factor}{quality}{title(wanted.property)} of the {who}{other}{others}"


def thing(meant: Thing) -> str:
    """What a question is about: a state by its name, several alternatives by the words of the question."""
    if not meant.names:
        return meant.text
    if meant.names[0].partition(":")[0] in ("class", "constant"):
        return meant.names[0].partition(":")[2]
    return named(meant.names[0]) if len(meant.names) == 1 else meant.text or pretty(meant.names[0])


def products(channel: Channel) -> str:
    """A final state as text, with its further steps and conditions."""
    text = " ".join("/".join(pretty(n) for n in names) for names in channel.products)
    for parent, further in channel.steps:
        text += f", {pretty(parent)} → {' '.join('/'.join(pretty(n) for n in names) for names in further)}"
    return text + (" anything" if channel.inclusive else "") + "".join(f" ({c})" for c in channel.conditions)


def _wanted_lines(plan: Plan, wanted: Wanted) -> Iterator[str]:
    yield f"  quantity: {_wanted(wanted)}{_said(plan, wanted.spans)}"
    if wanted.thing.names:
        names = ", ".join(pretty(n) for n in wanted.thing.names[:_NAMES_SHOWN])
        more = len(wanted.thing.names) - _NAMES_SHOWN
        yield f"    thing: {names}{f' and {more} more' if more > 0 else ''}{_said(plan, (wanted.thing.span,))}"
    if wanted.channel is not None:
        yield f"    products: {products(wanted.channel)}{_said(plan, (wanted.channel.span,))}"


def _said(plan: Plan, spans: Sequence[Span]) -> str:
    """The words of the question that an element was read from."""
    words = unique(plan.question[start:end].strip() for start, end in spans if end > start)
    return f" (from {', '.join(repr(w) for w in words)})" if words else ""


def _filter(condition: Filter) -> str:
    if isinstance(condition.amount, str):
        return condition.amount.removeprefix("class:")
    amount = _wanted(condition.amount) if isinstance(condition.amount, Wanted) else _amount(condition.amount)
    return f"{title(condition.property)} {condition.relation} {amount}"


def _amount(amount: Amount | str) -> str:
    if isinstance(amount, str):
        return amount.removeprefix("class:")
    error = f" ± {max(amount.error):g}" if amount.error else ""
    return f"{amount.value:g}{error} {amount.unit}".rstrip()
