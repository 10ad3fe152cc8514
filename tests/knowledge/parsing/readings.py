"""A plan in one line, for tables of questions and what is read in them."""

from __future__ import annotations

from yukawa.knowledge.parsing.plan import Amount, Filter, Goal, Plan, Wanted


def reading(plan: Plan) -> str:
    """'value mass(tau+|tau-) in MeV', goals parted by '; '; of an incomplete plan why: '? prime', '! two schemes'."""
    if plan.problem:
        return f"! {plan.problem}"
    if not plan.complete:
        return "? " + ", ".join(text for text, _ in plan.unread)
    return "; ".join(_goal(goal) for goal in plan.goals)


def _goal(goal: Goal) -> str:
    parts = [goal.operation, ", ".join(_wanted(w) for w in goal.operands)]
    if goal.asserted is not None:
        parts.append(f"{goal.relation} {_amount(goal.asserted)}")
    elif goal.relation:
        parts.append(goal.relation)
    parts += [_filter(f) for f in goal.filters]
    if goal.order:
        parts.append(f"by {goal.order[0]} {goal.order[1]}")
    if goal.most:
        parts.append(f"first {goal.most}")
    if goal.rank > 1:
        parts.append(f"from {goal.rank}")
    if goal.power != 1:
        parts.append(f"power {goal.power:g}")
    if goal.per:
        parts.append(f"per {_wanted(goal.per)}")
    if goal.unit:
        parts.append(f"in {goal.unit}")
    return " ".join(parts)


def _wanted(wanted: Wanted) -> str:
    names = wanted.thing.names
    inside = "|".join(names[:3]) + ("|…" if len(names) > 3 else "")
    if wanted.channel:
        products = " ".join("/".join(p[:2]) + ("/…" if len(p) > 2 else "") for p in wanted.channel.products)
        inside += f" → {products}" + "".join(f" [{c}]" for c in wanted.channel.conditions)
    if wanted.other:
        inside += f", {'|'.join(wanted.other.names[:3])}"
    said = "".join(f" {k}={v}" for k, v in wanted.qualifiers.items())
    factor = f"{wanted.factor:g} " if wanted.factor != 1 else ""
    return f"{factor}{wanted.property}({inside}{wanted.name and f'#{wanted.name}'}){said}"


def _filter(condition: Filter) -> str:
    return f"where {condition.property} {condition.relation} {_amount(condition.amount)}"


def _amount(amount: Amount | Wanted | str) -> str:
    if isinstance(amount, Amount):
        return f"{amount.value:g} {amount.unit}".strip()
    return _wanted(amount) if isinstance(amount, Wanted) else amount
