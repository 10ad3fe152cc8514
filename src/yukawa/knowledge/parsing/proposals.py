"""Plans that a language model proposes: each part points to words of the question, and these words decide what it means.

A model may say how the words of a question belong together where the grammar does not see it. It writes no name, number or
unit: things, properties, final states, qualifiers and amounts are read from the words it quotes by the same lexicon, what is
left over passes the same coverage, and the whole the same checks. A proposal that claims more than its words say is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from yukawa.knowledge.parsing.checks import MOST, unreadable
from yukawa.knowledge.parsing.clauses import Clause, amount_of
from yukawa.knowledge.parsing.combining import relation_of, yes_or_no
from yukawa.knowledge.parsing.plan import Amount, Filter, Goal, Operation, Plan, Relation, Thing, Wanted
from yukawa.knowledge.parsing.reading import ReadQuestion, read_question
from yukawa.knowledge.parsing.tokens import Token
from yukawa.knowledge.parsing.wanted import ANY, OF_DECAYS, subject_of

_LONGEST_QUOTE = 200


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _quote(description: str) -> Any:
    return Field(
        default="",
        max_length=_LONGEST_QUOTE,
        description=f"{description}, copied from the question; '' if there is none",
    )


class ProposedQuantity(_Strict):
    """One property of one thing, in words of the question."""

    thing: str = _quote("the words that name the particle, class or constant")
    property: str = _quote("the words that name the property")
    final_state: str = _quote("the words from the arrow or verb of decay to the last product")
    qualifiers: tuple[str, ...] = Field(
        default=(), max_length=4, description="words such as 'pole', '2018', 'measured by CMS'"
    )
    factor: str = _quote("a multiple such as 'twice' or '5'")


class ProposedCondition(_Strict):
    """A threshold: 'above 10 %'."""

    relation: str = _quote("the words that say above or below")
    amount: str = _quote("the number with its unit")


class ProposedGoal(_Strict):
    """One thing that the question wants to know."""

    operation: Operation
    words: str = _quote("the words that say what is to be done: 'heavier', 'divided by', 'list', 'how many'")
    quantities: tuple[ProposedQuantity, ...] = Field(min_length=1, max_length=MOST)
    conditions: tuple[ProposedCondition, ...] = Field(default=(), max_length=4)
    asserted: str = _quote("the amount or class that a question of yes or no claims")
    unit: str = _quote("the unit wanted")


class Proposal(_Strict):
    """A plan as a language model writes it; its JSON schema is what the model is given."""

    goals: tuple[ProposedGoal, ...] = Field(min_length=1, max_length=MOST)


class _Refused(Exception):
    """Why a proposal is refused."""


# The kinds of words by which a question asks for an operation.
_ASKED_BY: Mapping[str, tuple[str, ...]] = {
    "which": ("compare", "most"), "ratio": ("ratio", "divided"), "sum": ("sum", "plus"), "multiple": ("factor",),
    "difference": ("difference", "difference-of", "minus"), "how-many": ("count",), "count": ("count",), "measurements": ("measured",),
    "deviation": ("agreement",),
}  # fmt: skip
_COMPARED = ("which", "is", "difference", "ratio")  # what 'heavier' may say the property of
_NEUTRAL_WORDS = ("weighing", "list", "into", "divided", "compare")


def plan_from_json(question: str, proposal: str | Mapping[str, Any]) -> Plan:
    """The plan that a model proposes for `question`, as far as the words of the question bear it out.

    Args:
        question: as asked.
        proposal: JSON after the schema of `Proposal`.

    Returns:
        A plan; with a `problem` where the proposal is malformed or claims what its words do not say, with `unread` words
        where it passes over some. Only a `complete` one may be executed.
    """
    if problem := unreadable(question):
        return Plan(question, problem=problem)
    read = read_question(question)
    try:
        # JSON has arrays and no tuples: they are read as such even where types are strict.
        text = proposal if isinstance(proposal, str) else _dumped(proposal)
        proposed = Proposal.model_validate_json(text)
        goals = [goal for one in proposed.goals for goal in _Reader(read).goals(one)]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "its beginning"
        problem = f"the proposed plan is malformed at {place}: {first['msg']}".partition("\n")[0]
        return Plan(question, problem=problem, language=read.language)
    except _Refused as error:
        return Plan(question, problem=f"the proposed plan was refused: {error}", language=read.language)
    return read.plan(goals)


def _dumped(proposal: Mapping[str, Any]) -> str:
    import json

    try:
        return json.dumps(proposal)
    except (TypeError, ValueError, RecursionError):
        return ""


@dataclass(frozen=True)
class _Placed:
    """A token with its sentence and its place in the question."""

    clause: Clause
    place: int
    token: Token
    start: int
    end: int


@dataclass
class _Reader:
    """Reads the quotes of one goal against the tokens of the question."""

    read: ReadQuestion
    taken: list[tuple[Clause, int]] = field(default_factory=list)

    def goals(self, proposed: ProposedGoal) -> list[Goal]:
        """The goals of a proposal: one, or one for each quantity whose value is wanted."""
        operation = proposed.operation
        operands = [self._wanted(q, proposed) for q in proposed.quantities]
        self._operation(proposed, operands)
        conditions = tuple(self._condition(c, operands[0].property) for c in proposed.conditions)
        asserted, relation = self._asserted(proposed)
        unit = self._one(proposed.unit, "unit").value if proposed.unit else ""
        order: tuple[str, Literal["ascending", "descending"]] | None = None
        if operation in ("which", "is") and (compared := self._compared(proposed.words)):
            order, direction = self._direction(compared, operands)
            order, relation = (order, None) if operation == "which" else (None, direction)
        if operation == "list" and operands[0].property == "decays":
            order = ("branching-fraction", "descending")
        self._use()
        if operation == "value":
            return [Goal("value", (wanted,), unit=unit) for wanted in operands]
        return [
            Goal(
                operation, tuple(operands), conditions, order, unit=unit, asserted=asserted, relation=relation
            )
        ]

    # ---- quantities ------------------------------------------------------------------------------

    def _wanted(self, proposed: ProposedQuantity, goal: ProposedGoal) -> Wanted:
        """Read a proposed quantity; every part must be among the words that it quotes."""
        thing = self._thing(proposed.thing) if proposed.thing else None
        channel = self._one(proposed.final_state, "channel").value if proposed.final_state else None
        if thing is None and (goal.operation != "reverse" or channel is None):
            raise _Refused("a quantity names no thing")
        name = self._property(proposed, goal, channel is not None)
        if channel is not None and (name := OF_DECAYS.get(name, "")) == "":
            raise _Refused(f"{proposed.property!r} is not a property of a decay")
        qualifiers: dict[str, str] = {}
        for quote in proposed.qualifiers:
            for token in self._some(quote, "qualifier"):
                key, value = token.value
                if qualifiers.setdefault(key, value) != value:
                    raise _Refused(f"{qualifiers[key]} and {value} contradict each other")
        factor = 1.0
        if proposed.factor:
            factor = amount_of(self._one(proposed.factor, "factor", "amount", "number")).value
        return Wanted(thing or ANY, name, channel, qualifiers=qualifiers, factor=factor)

    def _thing(self, quote: str) -> Thing:
        thing = subject_of(self._one(quote, "thing", "class", "constant", "code"))
        if thing is None or not thing.names:
            raise _Refused(f"{quote!r} names nothing that is known")
        return thing

    def _property(self, proposed: ProposedQuantity, goal: ProposedGoal, of_decay: bool) -> str:
        """The property of a proposed quantity: the one quoted, else the one that the operation or the thing implies."""
        if proposed.property:
            comparing: tuple[str, ...] = ("compare", "most") if goal.operation in _COMPARED else ()
            token = self._one(proposed.property, "property", "difference-of", *comparing)
            if token.kind == "property":
                return str(token.value)
            return "mass" if token.kind == "difference-of" else str(token.value[0])
        if of_decay:
            return "branching-fraction"
        compared = self._compared(goal.words)
        if compared is not None and compared.value[0]:
            return str(compared.value[0])
        if goal.operation == "difference" and any(
            p.token.kind == "difference-of" for p in self._within(goal.words)
        ):
            return "mass"
        if proposed.thing and any(p.token.kind == "constant" for p in self._within(proposed.thing)):
            return "constant"
        if goal.operation in ("overview", "reverse", "list", "count", "is"):
            return "overview" if goal.operation == "overview" else "class"
        raise _Refused("a quantity names no property")

    # ---- operations ------------------------------------------------------------------------------

    def _operation(self, proposed: ProposedGoal, operands: Sequence[Wanted]) -> None:
        """Refuse an operation that no word of the question asks for."""
        asked = _ASKED_BY.get(proposed.operation)
        placed = self._within(proposed.words) if proposed.words else []
        found = [p.token for p in placed]
        if asked and not any(t.kind in asked for t in found):
            by_experiment = proposed.operation == "measurements" and any(
                "experiment" in w.qualifiers for w in operands
            )
            by_factor = proposed.operation == "multiple" and any(w.factor != 1 for w in operands)
            if not by_experiment and not by_factor:
                raise _Refused(f"no words of the question ask for the operation {proposed.operation!r}")
        if proposed.operation == "is" and not any(yes_or_no(clause) for clause in self.read.clauses):
            raise _Refused("it is not a question of yes or no")
        if (
            proposed.operation in ("ratio", "sum", "difference", "how-many", "which")
            and len(operands) < 2
            and not _is_class(operands[0])
        ):
            raise _Refused(f"the operation {proposed.operation!r} needs two quantities")
        allowed = (*(asked or ()), *_NEUTRAL_WORDS)
        self.taken += [(p.clause, p.place) for p in placed if p.token.kind in allowed]

    def _compared(self, quote: str) -> Token | None:
        placed = self._within(quote) if quote else []
        return next((p.token for p in placed if p.token.kind in ("compare", "most")), None)

    def _direction(
        self, compared: Token, operands: Sequence[Wanted]
    ) -> tuple[tuple[str, Literal["ascending", "descending"]], Relation]:
        name, sign = compared.value
        if name and any(w.property != name for w in operands):
            raise _Refused(f"{compared.text!r} speaks of the {name}")
        down = sign in (">", "descending")
        return (operands[0].property, "descending" if down else "ascending"), relation_of(sign)

    def _condition(self, proposed: ProposedCondition, name: str) -> Filter:
        relation = self._one(proposed.relation, "relation")
        amount = self._one(proposed.amount, "amount")
        of = "branching-fraction" if name == "decays" else name
        return Filter(of, relation_of(relation.value), amount_of(amount), (relation.start, amount.end))

    def _asserted(self, proposed: ProposedGoal) -> tuple[Amount | str | None, Relation | None]:
        if not proposed.asserted:
            return None, None
        if proposed.operation not in ("is", "reverse"):
            raise _Refused("only a question of yes or no asserts something")
        token = self._one(proposed.asserted, "amount", "class", "code")
        return (f"class:{token.value}" if token.kind == "class" else amount_of(token)), "="

    # ---- quotes ----------------------------------------------------------------------------------

    def _within(self, quote: str) -> list[_Placed]:
        """The tokens wholly within the first place where the question has these words."""
        return next(self._places(quote))

    def _places(self, quote: str) -> Iterator[list[_Placed]]:
        """For each place where the question has these words, the tokens wholly within it."""
        start = self.read.question.find(quote)
        if not quote.strip() or start < 0:
            raise _Refused(f"{quote[:60]!r} does not occur in the question")
        while start >= 0:
            yield [
                p
                for p in self._placed()
                if start <= p.start and p.end <= start + len(quote) and p.start < p.end
            ]
            start = self.read.question.find(quote, start + 1)

    def _placed(self) -> Iterator[_Placed]:
        for clause in self.read.clauses:
            for place, token in enumerate(clause.tokens):
                yield _Placed(clause, place, token, *self.read.read.span(token.start, token.end))

    def _some(self, quote: str, *kinds: str) -> list[Token]:
        """The tokens of these kinds within a quote, at least one, all now taken; where the words occur twice, those not yet taken."""
        everywhere = [[p for p in placed if p.token.kind in kinds] for placed in self._places(quote)]
        fitting = [found for found in everywhere if found]
        if not fitting:
            raise _Refused(f"{quote[:60]!r} does not name one of: {', '.join(kinds)}")
        found = next(
            (f for f in fitting if not any((p.clause, p.place) in self.taken for p in f)), fitting[0]
        )
        self.taken += [(p.clause, p.place) for p in found]
        return [p.token for p in found]

    def _one(self, quote: str, *kinds: str) -> Token:
        found = self._some(quote, *kinds)
        if len(found) > 1:
            raise _Refused(f"{quote[:60]!r} names several things; quote one")
        return found[0]

    def _use(self) -> None:
        for clause, place in self.taken:
            clause.use(place)


def _is_class(wanted: Wanted) -> bool:
    return wanted.thing.names[0].startswith("class:")
