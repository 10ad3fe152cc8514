"""Reads a question into a typed plan, or says which of its words it cannot use."""

import itertools
import re
from collections.abc import Callable, Sequence, Set
from dataclasses import replace

from yukawa.knowledge.facts import plain_name
from yukawa.knowledge.parsing.asides import FIRST_PERSON
from yukawa.knowledge.parsing.checks import fits, unreadable
from yukawa.knowledge.parsing.clauses import Clause, Context
from yukawa.knowledge.parsing.coverage import unread
from yukawa.knowledge.parsing.deviations import remembered
from yukawa.knowledge.parsing.following import following, last_goals, taken_up
from yukawa.knowledge.parsing.lexicon import other_language
from yukawa.knowledge.parsing.plan import Goal, Plan, Thing, Wanted
from yukawa.knowledge.parsing.reading import ReadQuestion, read_questions
from yukawa.knowledge.parsing.rules import goals_of
from yukawa.knowledge.parsing.tokens import Token
from yukawa.knowledge.parsing.units import find_unit
from yukawa.knowledge.parsing.wanted import OF_DECAYS, Contradiction, only_named, quantities


def plan(question: str, history: Sequence[Plan] = (), described: Callable[..., bool] | None = None) -> Plan:
    """The plan of a question.

    Args:
        question: as asked, in any notation.
        history: plans of the questions before, the latest last: 'and its width?', 'in GeV?' refer to them.
        described: whether a source describes one of its quantities by these words. Where the grammar leaves words unread,
            or the words are a formula of rates ('G(A → B)/G(C → D)'), a question that is nothing but such a description, or
            such a description 'of the' particle, asks for that quantity.

    Returns:
        A plan; only a `complete` one may be executed. Its `unread` or `problem` says what prevents it.
    """
    if problem := unreadable(question):
        return Plan(question, problem=problem)
    readings = list(read_questions(question))
    plans = [(read.doubt, _plan(read, history, described)) for read in readings]
    complete = sorted((p for p in plans if p[1].complete), key=lambda p: p[0])
    if not complete:
        other = other_language(question)
        problem = f"it seems to be {other}: I read English, German, French, Chinese and Japanese"
        return replace(plans[0][1], problem=problem) if other else plans[0][1]
    least, best = complete[0]
    rivals = [
        found
        for doubt, found in complete
        if not _alike(found, best) and doubt - least < (_CLEAR if _things(found) != _things(best) else 1)
    ]
    return replace(best, problem=_did_you_mean([best, *rivals])) if rivals else best


_CLEAR = 2  # by how much a slip must be likelier than one that means another thing


def _things(found: Plan) -> list[tuple[str, ...]]:
    """What a plan is about."""
    return [w.thing.names for goal in found.goals for w in goal.operands]


def _plan(read: ReadQuestion, history: Sequence[Plan], described: Callable[..., bool] | None) -> Plan:
    """The plan of a question whose slips are mended in one way."""
    if read.talk:
        return Plan(read.question, kind=read.talk, language=read.language)
    try:
        goals = following(read.clauses, history) or _goals(read.clauses, Context(last_goals(history)))
        found = read.plan(goals)
    except Contradiction as error:
        problem = f"two kinds of value are wanted at once: {error}"
        found = Plan(read.question, problem=problem, language=read.language)
    asymmetries = any(w.property == "cp-asymmetry" for goal in found.goals for w in goal.operands)
    if described is None or (found.complete and (asymmetries or not _RATES.search(read.question))):
        return found
    return _by_description(read, described) or found


def _alike(one: Plan, other: Plan) -> bool:
    """Whether two plans want the same."""
    return len(one.goals) == len(other.goals) and all(map(_same, one.goals, other.goals))


def _did_you_mean(plans: Sequence[Plan]) -> str:
    """Which meanings of its slips make different questions."""
    meant: dict[str, list[str]] = {}
    for written, right in (s for found in plans for s in found.suggestions):
        if right not in meant.setdefault(written, []):
            meant[written].append(right)
    choices = (
        f"'{w}' may be {' or '.join(repr(r) for r in rights)}"
        for w, rights in meant.items()
        if len(rights) > 1
    )
    return "; ".join(choices) + ": type the one that is meant"


def _by_description(read: ReadQuestion, described: Callable[..., bool]) -> Plan | None:
    """The plan of a question that is a source's own description of a quantity, words of asking around it apart."""
    tokens = [t for c in read.clauses for t in c.tokens]
    # no charge is lost: 'eta+'
    charges = {
        t.start for before, t in itertools.pairwise(tokens) if t.text in _SIGNS and t.start == before.end
    }
    content = [t for t in tokens if t.kind not in _AROUND or t.start in charges] or tokens
    if not content:
        return None
    whole = (0, len(read.question))
    inner = (
        read.read.span(content[0].start, content[0].end)[0],
        read.read.span(content[-1].start, content[-1].end)[1],
    )
    after = (inner[0], whole[1])  # a bracket or a sign may end a description
    for start, end in (whole, after, inner):
        words = read.question[start:end].strip(" ?.!")
        start = read.question.index(words, start)
        if len(plain_name(words)) >= _LEAST and described(words):
            thing = Thing((), words, (start, start + len(words)))
            wanted = Wanted(thing, "other", name=words, spans=(thing.span,))
            return Plan(read.question, (Goal("value", (wanted,)),), language=read.language)
    return _described_of(read, content, described)


def _described_of(
    read: ReadQuestion, content: Sequence[Token], described: Callable[..., bool]
) -> Plan | None:
    """The plan of 'DESCRIPTION of the PARTICLE'."""
    if found := _worded_of(read, content, described):
        return found
    if found := _constant_of(read, content, described):
        return found
    last = content[-1]
    start, end = read.read.span(content[0].start, content[0].end)[0], read.read.span(last.start, last.end)[0]
    words, of, article = read.question[start:end].rpartition(" of")
    if last.kind != "thing" or not of or article.strip().lower() not in ("", "the", "a", "an"):
        return None
    if len(plain_name(words)) < _LEAST or not described(words):
        return None
    wanted = Wanted(
        _placed(read, last), "other", name=words, spans=(read.read.span(content[0].start, last.end),)
    )
    return Plan(read.question, (Goal("value", (wanted,)),), language=read.language)


def _constant_of(read: ReadQuestion, content: Sequence[Token], described: Callable[..., bool]) -> Plan | None:
    """The plan of 'the mass of the deuteron', where a source describes a 'deuteron mass'."""
    unit = content[-1].value if content[-1].kind == "unit" else ""
    content = content[:-1] if unit else content
    if len(content) < 2:
        return None
    span = read.read.span(content[0].start, content[-1].end)
    name, _, of = _OF_THE.sub(" of ", read.question[slice(*span)]).partition(" of ")
    if not of or not described(f"{of} {name}"):
        return None
    wanted = Wanted(Thing((), of, span), "other", name=f"{of} {name}", spans=(span,))
    return Plan(read.question, (Goal("value", (wanted,), unit=unit),), language=read.language)


def _worded_of(read: ReadQuestion, content: Sequence[Token], described: Callable[..., bool]) -> Plan | None:
    """The plan of a question whose words, its one thing apart, are among those that describe a quantity of that thing."""
    things = [t for t in content if t.kind == "thing"]
    if any(t.kind in _NO_DESCRIPTION for t in content):
        return None
    for thing in reversed(things if len(things) <= _MOST_SUBJECTS else ()):
        rest = [t for t in content if t is not thing]
        words = " ".join(read.question[slice(*read.read.span(t.start, t.end))] for t in rest)
        if rest and described(words, thing.value.names):
            spans = tuple(read.read.span(t.start, t.end) for t in content)
            wanted = Wanted(_placed(read, thing), "other", name=words, spans=spans)
            return Plan(read.question, (Goal("value", (wanted,)),), language=read.language)
    return None


_NO_DESCRIPTION = frozenset(
    {"explain", "compare", "most", "amount", "count", "measured", "negation", "relation"}
)
_MOST_SUBJECTS = 3  # things of which one may be what the others' names describe


def _placed(read: ReadQuestion, token: Token) -> Thing:
    """The thing of a token, with its place in the question."""
    thing: Thing = token.value
    return replace(thing, span=read.read.span(token.start, token.end))


_OF_THE = re.compile(r" of (?:the|an?) ")
_RATES = re.compile(r"[A-Za-zΓτ]\([^()]*(?:\([^()]*\)[^()]*)*(?:-->|->|→)")
_SIGNS = frozenset("+-*")
_AROUND = frozenset({"function", "neutral", "mark", "pronoun", "list", "join"})
_LEAST = 6  # letters, digits and signs of a description


def _goals(clauses: Sequence[Clause], context: Context) -> list[Goal]:
    """Read the clauses in order into goals, each once.

    A statement lends its subject to the next clause, a clause that only names things lends them to the first goal, and a
    clause that takes up the last goal ('and its width?') may replace it.

    Raises:
        Contradiction: a question gives one property two different qualifiers.
    """
    goals: list[Goal] = []
    named: list[tuple[Clause, list[Wanted]]] = []
    topic: list[Wanted] = []
    stated: list[Goal] = []
    for clause in clauses:
        spoken = _of_topic(clause, topic) or ([] if clause.has(*_NAMING) else stated)
        known = Context(
            spoken or goals or stated or context.goals,
            bool(goals or spoken or stated),
            [w for _, wanted in named for w in wanted],
        )
        _sets_aside(clause, goals)
        topic = (_decay_of(clause, clauses) or _subject(clause)) if clause.states else []
        try:
            found = [] if clause.used else _in_unit(clause, known, goals)
        except Contradiction:
            if not clause.states:
                raise
            found = []  # 'BaBar and Belle studied it. What is …'
        if clause.states and found and _only_leads(clause, found, clauses):
            topic = _decay_in(found, _asked_by_others(clause, clauses)) or topic
            # it leads to the question and asks for nothing
            whole = clause.used.issuperset(clause.places("amount"))
            stated = found if whole and not (clause.language == "en" and unread([clause])) else []
            clause.told, clause.used = clause.used, set()
            found = []
        elif clause.claims and not clause.states and any(g.operation not in _VERDICTS for g in found):
            clause.used.clear()  # 'true or false: …' of what gets no verdict
            found = []
        if not found and not clause.states and not clause.used:
            found = taken_up(clause, stated or goals)
            values = [goal.operation for goal in found] == ["value"]
            known.replaced = (
                values and bool(goals) and goals[-1].operation == "is"
            )  # the value says more than a verdict
        elliptical = clause.contains(["about"]) and any(c.states and c.has("amount") for c in clauses)
        asked_of = _asked_by_others(clause, clauses) or elliptical
        if found and all(g.operation == "overview" for g in found) and asked_of:
            clause.used.clear()  # 'A colleague mentioned the T_cc. Mass please?', 'The pion lives 26 ns. How about the kaon?'
            found = []
        topic = [] if any(g.operation == "reverse" for g in found) else topic
        if not found and not goals and (things := only_named(clause)):
            named.append((clause, things))
        elif found and not goals:
            _use_named(named, found)
        if known.replaced and goals:
            goals.pop()
        goals += [goal for goal in found if not any(_same(goal, other) for other in goals)]
    return [*remembered(clauses, goals), *goals]


def _subject(clause: Clause) -> list[Wanted]:
    """The first thing that a statement names, one in a phrase ahead of it apart: 'like the muon, the tau is …'."""
    things, places = only_named(clause), clause.places("thing", "code")
    commas = [i for i, t in enumerate(clause.tokens) if t.text == ","]
    ahead = clause.text(0) in _AHEAD and len(places) > 1 and any(places[0] < i < places[1] for i in commas)
    return things[1:2] if ahead else things[:1]


_AHEAD = frozenset("like unlike besides beside as in with for of from apart".split())


def _of_topic(clause: Clause, topic: Sequence[Wanted]) -> list[Goal]:
    """What 'it' means after a statement, its first thing: after 'the neutron is heavier than the proton' the neutron."""
    meant = bool(topic) and (topic[0].channel is not None or clause.contains(_SINGULAR))
    return [Goal("value", tuple(topic))] if meant else []


def _decay_of(clause: Clause, clauses: Sequence[Clause]) -> list[Wanted]:
    """The one decay that a statement names, whatever else it says, where a sentence behind it asks of a decay or for a limit."""
    channels = clause.places("channel")
    parents = [i for i in clause.places("thing") if channels and i < channels[0]]
    asked = _asked_by_others(clause, clauses)
    bounds = not asked and any(
        t.kind == "qualifier" and t.value[0] == "bound" for c in clauses for t in c.tokens
    )
    if len(channels) != 1 or not parents or not (bounds or asked & {*OF_DECAYS.values(), "momentum"}):
        return []
    found = quantities(clause, places=[parents[-1], channels[0]])
    clause.used.clear()
    return found


def _decay_in(found: Sequence[Goal], asked: Set[str]) -> list[Wanted]:
    """The decays that a statement speaks of, where something of a decay is asked."""
    wanted = [w for goal in found for w in goal.operands]
    return wanted if wanted[0].channel and asked & set(OF_DECAYS.values()) else []


def _asked_by_others(clause: Clause, clauses: Sequence[Clause]) -> Set[str]:
    """The properties in the other sentences."""
    others = [t for other in clauses if other is not clause for t in other.tokens]
    motion = {"momentum"} if any(t.text.lower() in _OF_MOTION for t in others) else set()
    compared = {t.value[0] for t in others if t.kind == "compare"}
    return {t.value for t in others if t.kind == "property"} | motion | compared


_OF_MOTION = frozenset("energy energies speed velocity wavelength fast".split())


_NAMING = (
    "property",
    "thing",
    "class",
    "constant",
    "channel",
    "code",
    "identifier",
    "compare",
    "most",
    "ratio",
    "difference",
)
_SINGULAR = frozenset("it its it's".split())


def _only_leads(clause: Clause, found: Sequence[Goal], clauses: Sequence[Clause]) -> bool:
    """Whether a statement asks for none of the goals that its words make: they give a verdict on nothing, or others ask of its thing."""
    searched = any(g.operation == "reverse" for g in found)
    if unread([clause]) or (
        clause.claims and not searched and any(g.operation not in _VERDICTS for g in found)
    ):
        return True
    if searched:
        return False  # 'I remember a baryon of three strange quarks. What is its mass?'
    if not clause.contains(FIRST_PERSON) and any(g.operation not in _VERDICTS for g in found):
        return True
    own = clause.contains(FIRST_PERSON) and not clause.contains(_WISHES)
    if own and not any(t.kind == "property" for t in clause.tokens):
        return True  # 'I only find the Omega baryon.'
    wanted = [w for g in found for w in g.operands]
    decays = all(w.property == "decays" or (w.channel and w.property == "branching-fraction") for w in wanted)
    return decays and bool(_asked_by_others(clause, clauses))


_VERDICTS = ("is", "which", "ratio")


def _sets_aside(clause: Clause, goals: Sequence[Goal]) -> None:
    """Use up a sentence that only says which kind of value is not meant: 'not the pole mass', 'not the half-life'."""
    negations, qualifiers = clause.places("negation"), clause.places("qualifier")
    properties = clause.places("property")
    channels = clause.places("channel")
    modes = bool(channels) and clause.contains(FIRST_PERSON) and not clause.has("thing", "amount")
    asked = [w.channel.products for g in goals for w in g.operands if w.channel]
    if (
        len(negations) == 1
        and modes
        and asked
        and all(clause.tokens[i].value.products not in asked for i in channels)
    ):
        clause.use(*negations, *channels, *properties)  # 'I don't mean the hadronic modes'
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
    """The goals of a sentence, in the units that it names; a unit alone is that of the goal before."""
    places = clause.places("unit")
    units = list(dict.fromkeys(clause.tokens[i].value for i in places))
    found = goals_of(clause, context)
    if not units:
        return found
    if found:
        if len(units) == 1 and not any(
            t.kind == "property" and t.value == "branching-fraction" for t in clause.tokens
        ):
            found = [_partial(goal, units[0]) for goal in found]
        given = _given_units(found, units)
        if given:
            clause.use(*places)
        return given or found
    if len(units) == 1 and not clause.essential[1:] and context.goals:
        clause.use(*places)
        if not goals:
            return [replace(context.goals[-1], unit=units[0])]
        if goals[-1].unit and clause.contains(FIRST_PERSON) and not clause.contains(_WISHES):
            return []  # 'in kilograms? I always find it in MeV'
        goals[-1] = replace(goals[-1], unit=units[0])
    return []


_WISHES = frozenset(
    "want need like prefer please give would brauche will möchte veux besoin voudrais".split()
)


def _given_units(goals: Sequence[Goal], units: Sequence[str]) -> list[Goal]:
    """Each goal in its unit: the only one, those of one quantity one after the other, or each the one that fits."""
    if len(units) == 1:
        fitting = [g for g in goals if fits(g, units[0])]  # 'the width in eV' beside a lifetime
        return [replace(g, unit=units[0]) if g in fitting or not fitting else g for g in goals]
    if len(goals) == 1:
        return [replace(goals[0], unit=unit) for unit in units]
    if len(goals) == len(units) and all(map(fits, goals, units)):
        return [replace(goal, unit=unit) for goal, unit in zip(goals, units, strict=True)]
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
        """What a goal wants, without where it was said."""
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
            g.power,
            g.from_one,
        )

    return key(goal) == key(other)
