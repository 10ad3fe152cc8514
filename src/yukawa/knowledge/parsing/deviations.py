"""Reads the asker's own value beside one that is known: 'I measured 80.36 ± 0.01 GeV for the W mass, is that compatible?'.

A value that somebody only remembers gets a verdict beside the answer: 'What is the tau mass? I remember 1.78 GeV.'.

The value and the question may be two sentences. Of the first only the value, what it is of, and words that would make another thing
of that count; where and how somebody measured it does not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.checks import measured_in
from yukawa.knowledge.parsing.clauses import Clause, Context, amount_of
from yukawa.knowledge.parsing.excuses import ASSUMING
from yukawa.knowledge.parsing.framing import tells
from yukawa.knowledge.parsing.leading import near_things
from yukawa.knowledge.parsing.plan import Goal, Operation, Relation
from yukawa.knowledge.parsing.wanted import quantities

_STORY = ("word", "neutral", "function", "join", "mark", "aside", "appended", "pronoun")


def deviation(clause: Clause, context: Context) -> list[Goal] | None:
    """The goal of a sentence that holds one value against another."""
    said, amounts = clause.places("agreement"), clause.places("amount")
    if not said or len(amounts) != 1 or clause.has("compare", "most", "relation", "negation", "class"):
        return None
    place, asked = amounts[0], _asked_from(clause, said[0])
    if clause.contains(ASSUMING):
        return None
    wanted = quantities(clause, context.last)
    if len(wanted) != 1:
        return None
    own = amount_of(clause.tokens[place])
    verdict = any(clause.tokens[i].value == "verdict" for i in said)
    spans = clause.use(place, *said, *_told(clause, range(asked)), *_again(clause, wanted[0].property))
    relation: Relation | None = "=" if verdict else None
    operation: Operation = "is" if verdict and own.error is None else "deviation"
    return [Goal(operation, tuple(wanted), asserted=own, relation=relation, spans=spans[:1])]


def _asked_from(clause: Clause, said: int) -> int:
    """Where the words begin that ask, behind the last mark ahead of them."""
    return next((i for i in range(said, 0, -1) if clause.text(i - 1) in _MARKS), 0)


_MARKS = frozenset(",.;:-")


def _told(clause: Clause, places: Sequence[int]) -> Iterator[int]:
    """The words of the tale that make no other thing of the one named."""
    near = near_things(clause)
    yield from (i for i in places if clause.tokens[i].kind in _STORY and i not in near)


def _again(clause: Clause, name: str) -> Iterator[int]:
    """'Is this the accepted lifetime?': the property of the own value said again."""
    yield from (i for i in clause.places("property") if clause.tokens[i].value == name)
    yield from (i for i in clause.places("word", "difference") if clause.text(i) in ("away", "off", "apart"))


# ---- values that somebody remembers ---------------------------------------------------------------


def remembered(clauses: Sequence[Clause], goals: Sequence[Goal]) -> list[Goal]:
    """The verdicts on values of the only quantity wanted that sentences about the asker hold, before or behind the question."""
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
    if (
        not value.unit
        or not measured_in(asked.operands[0], value.unit)
        or not tells(clause.tokens, amounts[0], clause.language)
    ):
        return []
    spans = clause.use(amounts[0])
    clause.use(*range(len(clause.tokens)))
    return [Goal("is", asked.operands, asserted=value, relation="=", spans=spans)]
