"""Holds a value that somebody remembers against what is asked: 'What is the tau mass? I remember 1.78 GeV.'."""

from collections.abc import Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.checks import measured_in
from yukawa.knowledge.parsing.clauses import Clause, amount_of
from yukawa.knowledge.parsing.framing import tells
from yukawa.knowledge.parsing.plan import Goal

_APPROXIMATE = ("relation", "mark")


def remembered(clauses: Sequence[Clause], goals: Sequence[Goal]) -> list[Goal]:
    """The verdicts on values of the only quantity asked for that sentences about the asker hold, before or behind the question."""
    if len(goals) != 1 or goals[0].operation != "value" or len(goals[0].operands) != 1:
        return []
    return [goal for clause in clauses for goal in _verdict(clause, goals[0])]


def _verdict(clause: Clause, asked: Goal) -> list[Goal]:
    amounts = clause.places("amount")
    if (
        clause.used
        or clause.asked
        or len(amounts) != 1
        or clause.has("thing", "channel", "constant", "class", "property")
    ):
        return []
    value = amount_of(clause.tokens[amounts[0]])
    value = value if value.unit or not asked.unit else replace(value, unit=asked.unit)
    rest = [t for t in clause.tokens if t.kind not in ("amount", *_APPROXIMATE) or t.text == ","]
    if (
        not value.unit
        or not measured_in(asked.operands[0], value.unit)
        or not rest
        or not tells(rest, clause.language)
    ):
        return []
    spans = clause.use(amounts[0])
    clause.use(*range(len(clause.tokens)))
    return [Goal("is", asked.operands, asserted=value, relation="=", spans=spans)]
