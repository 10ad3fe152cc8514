"""What a sentence does with its result: powers, factors, units of another quantity: 'squared', 'times two', 'in electron masses'."""

from dataclasses import dataclass, replace

from yukawa.knowledge.parsing.arithmetic import PARTS
from yukawa.knowledge.parsing.clauses import Clause, amount_of
from yukawa.knowledge.parsing.plan import Goal, Wanted
from yukawa.knowledge.parsing.wanted import quantities


@dataclass(frozen=True)
class Scale:
    """What is done with the result of a sentence: 'squared', 'times two', 'in electron masses'."""

    factor: float = 1.0
    power: float = 1.0
    per: Wanted | None = None
    from_one: bool = False

    def of(self, goal: Goal) -> Goal | None:
        """The goal with it; None where it cannot be meant of this goal."""
        if goal.operation not in ("value", "multiple", "ratio", "product", "sum", "difference", "average"):
            return None
        if self.factor != 1:
            if len(goal.operands) > 1 or goal.operation not in ("value", "multiple"):
                return None
            wanted = replace(goal.operands[0], factor=goal.operands[0].factor * self.factor)
            goal = replace(goal, operation="multiple", operands=(wanted,))
        return replace(goal, power=self.power, per=self.per, from_one=self.from_one)


def scale(clause: Clause) -> Scale | None:
    """What a sentence does with its result, its words used; None where it is not clear of what it is said."""
    powers, per = clause.places("power"), clause.places("per")
    both = (
        len({clause.tokens[i].value for i in powers}) == 1 and len(powers) == len(clause.places("thing")) == 2
    )
    if both and clause.has("divided"):  # 'the muon mass squared divided by the electron mass squared'
        clause.use(powers[0])
        return Scale(power=clause.tokens[powers[1]].value) if clause.use(powers[1]) else None
    if len(powers) > 1 or len(per) > 1 or (powers and not _of_all(clause, powers[0])):
        return None
    found = Scale(power=clause.tokens[powers[0]].value if powers else 1.0)
    if per:
        parts = clause.places("thing", "property")
        comma = next(
            (i for i in range(per[0], len(clause.tokens)) if clause.text(i) == ","), len(clause.tokens)
        )
        own = [i for i in parts if per[0] < i < comma]  # 'in units of the electron mass, how heavy is …'
        if not clause.tokens[per[0]].text.isascii():  # '以质子质量为单位'
            own = [i for i in parts if i < per[0]][-2:]
        before = [clause.tokens[i].value for i in clause.places("property") if i not in own]
        units = quantities(clause, property_name=before[0] if before else "", places=own)
        if len(units) != 1 or not (before or clause.has("difference", "difference-of", "compare")):
            return None
        found = replace(found, per=units[0])
    number = _number(clause)
    one = _from_one(clause)
    clause.use(*powers, *per, *number, *one)
    found = replace(found, from_one=bool(one))
    if not number:
        return found
    value = float(getattr(clause.tokens[number[1]].value, "value", clause.tokens[number[1]].value))
    return replace(found, factor=1 / value if clause.tokens[number[0]].kind == "divided" else value)


def _from_one(clause: Clause) -> tuple[int, ...]:
    """'1 - (mW/mZ)^2': the one and the minus ahead of all parts."""
    first = min(clause.places(*PARTS), default=0)
    for place in clause.places("amount"):
        before_minus = place + 1 < first and clause.tokens[place + 1].text == "-"
        if (
            before_minus
            and amount_of(clause.tokens[place]).value == 1
            and not amount_of(clause.tokens[place]).unit
        ):
            bracket = all(t.text == "(" for t in clause.tokens[place + 2 : first])
            return (place, place + 1) if bracket else ()
    return ()


def _of_all(clause: Clause, power: int) -> bool:
    """Whether a power is said of the result of the sentence, and not of one of several quantities."""
    parts = clause.places(*PARTS)
    if (
        parts and power > max(parts) and clause.tokens[power - 1].kind == "join"
    ):  # 'the ratio of A to B, to the fifth power'
        return True
    if (
        parts
        and parts[0]
        and clause.tokens[parts[0] - 1].text == "("
        and clause.tokens[power - 1].text == ")"
        and power > parts[-1]
    ):
        return True  # '(mW/mZ)^2'
    one = len(clause.places("thing", "constant")) == 1
    operators = clause.places("ratio", "product")
    return not parts or (one or bool(operators and power < min(*parts, *operators)))


def _number(clause: Clause) -> tuple[int, ...]:
    """'Times two', 'divided by 2': the operator and its number."""
    for place in clause.places("times", "divided"):
        after = place + 1
        if after < len(clause.tokens) and (number := clause.tokens[after]).kind in (
            "amount",
            "number",
            "function",
        ):
            plain = number.kind != "amount" or (not number.value.unit and number.value.value)
            if plain and number.value and not any(i > after for i in clause.essential):
                return (place, after)
    return ()
