"""Reads a question into a typed plan, or says which of its words it cannot use."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from yukawa.knowledge.facts import plain_name
from yukawa.knowledge.parsing.checks import fits, unreadable
from yukawa.knowledge.parsing.clauses import Clause, Context
from yukawa.knowledge.parsing.plan import Goal, Plan, Thing, Wanted
from yukawa.knowledge.parsing.reading import ReadQuestion, placeless, read_question
from yukawa.knowledge.parsing.rules import goals_of
from yukawa.knowledge.parsing.units import find_unit
from yukawa.knowledge.parsing.wanted import Contradiction, only_named


def plan(question: str, history: Sequence[Plan] = (), described: Callable[[str], bool] | None = None) -> Plan:
    """The plan of a question.

    Args:
        question: as asked, in any notation.
        history: plans of the questions before, the latest last: 'and its width?', 'in GeV?' refer to them.
        described: whether a source describes one of its quantities by these words (see `plain_name`). Where the grammar
            leaves words unread, a question that is nothing but such a description asks for that quantity.

    Returns:
        A plan; only a `complete` one may be executed. Its `unread` or `problem` says what stands in the way.
    """
    if problem := unreadable(question):
        return Plan(question, problem=problem)
    read = read_question(question)
    if read.talk:
        return Plan(question, kind=read.talk, language=read.language)
    context = Context([placeless(g) for p in history[-1:] for g in p.goals])
    try:
        found = read.plan(_goals(read.clauses, context))
    except Contradiction as error:
        problem = f"two kinds of value are wanted at once: {error}"
        found = Plan(question, problem=problem, language=read.language)
    if found.complete or described is None:
        return found
    return _by_description(read, described) or found


def _by_description(read: ReadQuestion, described: Callable[[str], bool]) -> Plan | None:
    """The plan of a question that is a source's own description of a quantity, words of asking around it apart."""
    tokens = [t for c in read.clauses for t in c.tokens]
    content = [t for t in tokens if t.kind not in _AROUND] or tokens
    whole = (0, len(read.question))
    inner = (
        read.read.span(content[0].start, content[0].end)[0],
        read.read.span(content[-1].start, content[-1].end)[1],
    )
    after = (inner[0], whole[1])  # a bracket or a sign may end a description
    for start, end in (whole, after, inner):
        words = read.question[start:end].strip(" ?.!")
        start = read.question.index(words, start)
        if len(plain_name(words)) >= _LEAST and described(plain_name(words)):
            thing = Thing((), words, (start, start + len(words)))
            wanted = Wanted(thing, "other", name=words, spans=(thing.span,))
            return Plan(read.question, (Goal("value", (wanted,)),), language=read.language)
    return None


_AROUND = frozenset({"function", "neutral", "mark", "pronoun", "list", "join"})
_LEAST = 6  # letters, digits and signs of a description


def _goals(clauses: Sequence[Clause], context: Context) -> list[Goal]:
    goals: list[Goal] = []
    named: list[tuple[Clause, list[Wanted]]] = []
    for clause in clauses:
        known = Context(goals or context.goals, bool(goals), [w for _, wanted in named for w in wanted])
        _sets_aside(clause, goals)
        found = [] if clause.used else _in_unit(clause, known, goals)
        if not found and not goals and (things := only_named(clause)):
            named.append((clause, things))
        elif found and not goals:
            _use_named(named, found)
        if known.replaced and goals:
            goals.pop()
        goals += [goal for goal in found if not any(_same(goal, other) for other in goals)]
    return goals


def _sets_aside(clause: Clause, goals: Sequence[Goal]) -> None:
    """Use up a sentence that only says which kind of value is not meant: 'not the pole mass', 'not the half-life'."""
    negations, qualifiers = clause.places("negation"), clause.places("qualifier")
    properties = clause.places("property")
    if len(negations) != 1 or not (qualifiers or properties) or clause.has("thing", "channel", "amount"):
        return
    said = [clause.tokens[i].value for i in qualifiers]
    wanted = [w for g in goals for w in g.operands]
    others = all(w.property != clause.tokens[i].value for w in wanted for i in properties) and bool(wanted)
    if all(any(w.qualifiers.get(key, value) != value for w in wanted) for key, value in said) and (
        said or others
    ):
        clause.use(*negations, *qualifiers, *properties)


def _in_unit(clause: Clause, context: Context, goals: list[Goal]) -> list[Goal]:
    """The goals of a sentence, in the unit that it names; a unit alone is that of the goal before."""
    units = clause.places("unit")
    unit = clause.tokens[units[0]].value if len(units) == 1 else ""
    found = goals_of(clause, context)
    if not unit:
        return found
    if found:
        clause.use(*units)
        if not any(t.kind == "property" and t.value == "branching-fraction" for t in clause.tokens):
            found = [_partial(goal, unit) for goal in found]
        fitting = [g for g in found if fits(g, unit)]  # 'the width in eV' beside a lifetime
        return [replace(g, unit=unit) if g in fitting or not fitting else g for g in found]
    if not clause.essential[1:] and context.goals:
        clause.use(*units)
        if not goals:
            return [replace(context.goals[-1], unit=unit)]
        goals[-1] = replace(goals[-1], unit=unit)
    return []


def _partial(goal: Goal, unit: str) -> Goal:
    """'p → e+ pi0 in years', 'H → gamma gamma in keV': of a decay alone the unit says which quantity is wanted."""
    named = find_unit(unit)
    name = _BY_DIMENSION.get(named.dimension, "") if named else ""
    if not name or any(w.channel is None or w.property != "branching-fraction" for w in goal.operands):
        return goal
    return replace(goal, operands=tuple(replace(w, property=name) for w in goal.operands))


_BY_DIMENSION = {"time": "partial-lifetime", "energy": "partial-width"}


def _use_named(named: Sequence[tuple[Clause, list[Wanted]]], goals: Sequence[Goal]) -> None:
    """Mark the things of earlier sentences that a goal is about, with what qualifies them there."""
    wanted = {w.thing.span for g in goals for w in g.operands}
    for clause, things in named:
        if any(w.thing.span in wanted for w in things):
            clause.use(*[i for i, t in enumerate(clause.tokens) if t.kind in ("thing", "code", "qualifier")])


def _same(goal: Goal, other: Goal) -> bool:
    """Whether two goals want the same, said twice."""

    def key(g: Goal) -> object:
        wanted = [
            (
                w.thing.names,
                w.property,
                w.channel and w.channel.products,
                dict(w.qualifiers),
                w.other and w.other.names,
                w.name,
                w.factor,
            )
            for w in g.operands
        ]
        return (
            g.operation,
            wanted,
            g.order,
            g.unit,
            g.relation,
            g.asserted and str(g.asserted),
            len(g.filters),
        )

    return key(goal) == key(other)
