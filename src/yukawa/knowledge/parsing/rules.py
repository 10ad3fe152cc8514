"""The rules that make goals of a sentence, in their order; here those for lists, reverse look-up, values and overviews."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from yukawa.knowledge.parsing import (
    arithmetic,
    combining,
    deviations,
    durations,
    kinematics,
    overviews,
    scaling,
    searching,
    verdicts,
)
from yukawa.knowledge.parsing.clauses import Clause, Context
from yukawa.knowledge.parsing.combining import (
    CHOOSING,
    filters_of,
    named_by,
    place_of,
    relation_of,
    yes_or_no,
)
from yukawa.knowledge.parsing.flavours import QUARKS
from yukawa.knowledge.parsing.naming import COUNTED
from yukawa.knowledge.parsing.plan import Amount, Direction, Filter, Goal, Operation, Wanted
from yukawa.knowledge.parsing.wanted import ADJECTIVES, ANY, OF_DECAYS, listed_decay, quantities, subject_of

Rule = Callable[[Clause, Context], "list[Goal] | None"]


def goals_of(clause: Clause, context: Context) -> list[Goal]:
    """The goals of a sentence by the first rule that applies; what the rule used is marked in the sentence."""
    before = set(clause.used)
    _resolve_pronoun(clause, context)
    scale = scaling.scale(clause)
    found = _by_rules(clause, context)
    if scale is None or scale == scaling.Scale():
        return found
    if not found and not clause.essential:  # 'and squared?'
        found = context.goals[-1:]
    scaled = scale.of(found[0]) if len(found) == 1 else None
    if scaled is None:  # what is said of the result stays unread
        clause.used = before
        return _by_rules(clause, context)
    both = (
        scale.power != 1
        and any(  # 'the fine-structure constant and its inverse'
            one.kind == "join" and other.kind == "pronoun" and last.kind == "power"
            for one, other, last in zip(clause.tokens, clause.tokens[1:], clause.tokens[2:], strict=False)
        )
    )
    return [found[0], scaled] if both else [scaled]


def _resolve_pronoun(clause: Clause, context: Context) -> None:
    """'Is it stable?', 'is it heavier than the electron?': the thing of which something was wanted before."""
    names = {w.thing.names for w in context.operands}
    if (
        len(names) != 1
        or not clause.has("state", "compare", "class", "self-conjugate")
        or not yes_or_no(clause)
    ):
        return
    thing = context.operands[0].thing
    for place, token in enumerate(clause.tokens):
        if token.kind == "pronoun" and token.text.lower() in ("it", "they"):
            span = (token.start, token.end)
            clause.tokens[place] = replace(token, kind="thing", value=replace(thing, span=span))
            return


def _by_rules(clause: Clause, context: Context) -> list[Goal]:
    for rule in _RULES:
        before, tokens = set(clause.used), list(clause.tokens)
        found = rule(clause, context)
        if found and not any(_lacks_channel(goal) for goal in found) and not _of_quarks(found):
            return found
        clause.used, clause.tokens[:] = before, tokens
    return []


def _lacks_channel(goal: Goal) -> bool:
    """Whether a property of a decay is wanted of no decay."""
    if (
        goal.filters
        or goal.operation in ("list", "count", "reverse", "measurements")
        or any(w.name for w in goal.operands)
    ):
        return False
    return any(
        w.channel is None and w.property in _OF_A_DECAY and "given" not in w.qualifiers for w in goal.operands
    )


def _of_quarks(goals: Sequence[Goal]) -> bool:
    """Whether the quark content of a quark is wanted beside that of other things: it was a part of what they should contain."""
    wanted = [w for goal in goals for w in goal.operands]
    quarks = {w.thing.names for w in wanted if w.property == "quark-content" and set(w.thing.names) <= QUARKS}
    return bool(quarks - {()}) and any(w.thing.names not in quarks for w in wanted)


_OF_A_DECAY = frozenset(OF_DECAYS.values()) | {"decays"}


# ---- lists and reverse look-up -------------------------------------------------------------------


def _reverse(clause: Clause, context: Context) -> list[Goal] | None:
    """'Which particles decay to J/psi pi+ pi-?', 'which particle has PDG code 3122?'."""
    codes = clause.places("code")
    if (
        codes
        and not clause.has("thing", "channel")
        and all(clause.tokens[i].value in ("monte-carlo-number", "class") for i in clause.places("property"))
    ):
        spans = clause.use(*clause.places("property"), *clause.places("class"), *clause.places("count"))
        if not clause.contains(searching.OTHER_NUMBERS):
            clause.use(*clause.places("word"))  # 'in a Pythia event record'
        goals = []
        for code in codes:
            asserted = Amount(
                float(clause.tokens[code].value), "", (clause.tokens[code].start, clause.tokens[code].end)
            )
            own = clause.use(code)
            goals.append(
                Goal(
                    "reverse",
                    (Wanted(ANY, "monte-carlo-number", spans=own),),
                    asserted=asserted,
                    relation="=",
                    spans=spans,
                )
            )
        return goals
    if found := searching.by_values(clause):
        return found
    channels = clause.places("channel")
    if len(channels) != 1 or any(i < channels[0] for i in clause.places("thing", "constant", "code")):
        return None
    if clause.tokens[channels[0]].value.products in ADJECTIVES and clause.has("thing"):
        return None  # 'the invisible width of the Z'
    behind = not clause.tokens[channels[0]].text.isascii()  # in Japanese the decay comes before what decays
    classes = [i for i in clause.places("class") if i < channels[0] or behind]
    asks = clause.contains(CHOOSING) or clause.has("list")
    shared = context.same_question and any(w.channel for w in context.last) and clause.has("property")
    if not asks or len(classes) > 1 or (shared and not classes):
        return None  # '… and what fraction to K_L K_S?'
    thing = subject_of(clause.tokens[classes[0]]) if classes else ANY
    filters = (
        filters_of(clause, "branching-fraction")
        + _mostly(clause)
        + searching.charges(clause)
        + searching.about(clause)
    )
    spans = clause.use(
        *channels, *classes, *[i for i in clause.places("property") if clause.tokens[i].value == "decays"]
    )
    assert thing is not None  # noqa: S101  # a class is one
    return [
        Goal(
            "reverse",
            (Wanted(thing, "branching-fraction", clause.tokens[channels[0]].value, spans=spans),),
            filters,
        )
    ]


def _mostly(clause: Clause) -> tuple[Filter, ...]:
    """'Decay mainly to': in more than half of the cases."""
    places = [
        i for i in clause.places("most") if clause.tokens[i].value == ("branching-fraction", "descending")
    ]
    spans = clause.use(*places)
    half = Amount(0.5, "", spans[0]) if spans else None
    return () if half is None else (Filter("branching-fraction", ">", half, half.span),)


def _decays(clause: Clause, context: Context) -> list[Goal] | None:
    """'List the decays of the tau above 10 %', 'how does the neutron decay?', 'main decay modes of the K+'."""
    properties = clause.places("property")
    names = [i for i in properties if clause.tokens[i].value in ("decays", "branching-fraction")]
    if not names or len(properties) > len(names) or clause.has("channel", "compare", "class", "code"):
        return None
    things = clause.places("thing")
    if not things and (same := _of_the_same_decay(clause, context)):
        return same
    leptonic = searching.leptonic(clause)
    listed = all(
        clause.tokens[i].value == "decays" or leptonic or _speaks_of_branching(clause.text(i)) for i in names
    ) or (clause.has("most") and any(clause.tokens[i].value == "decays" for i in names))
    if len(things) > 1 or not listed or (not things and not context.last):
        return None
    filters = filters_of(clause, "branching-fraction") + leptonic
    how_often = [clause.tokens[i].value for i in names] == ["branching-fraction"]
    summed = clause.places("sum")
    if (
        leptonic and not summed
    ):  # 'the total leptonic branching fraction', 'how often does it decay leptonically'
        summed = [i for i in clause.places("neutral") if clause.text(i) in ("total", "combined", "overall")]
        summed = summed or (names if how_often and not _speaks_of_branching(clause.text(names[0])) else [])
    most = [i for i in clause.places("most") if clause.tokens[i].value[0] in ("branching-fraction", "")]
    counting = clause.places("count")
    found = quantities(clause, context.last)
    if len({w.thing.names for w in found}) != 1:
        return None
    spans = tuple(span for w in found for span in w.spans)
    wanted = replace(found[0], property="decays", channel=None, spans=spans)
    direction: Direction = (
        "ascending" if any(clause.tokens[i].value[1] == "ascending" for i in most) else "descending"
    )
    first, rank = place_of(clause, most[0]) if most else (None, 1)
    spans = clause.use(*most, *counting, *clause.places("out-of", "number", "plus"))
    operation: Operation = "count" if counting else "list"
    if summed and filters and not (counting or most):
        clause.use(*summed)
        return [Goal("sum", (wanted,), filters, spans=spans)]
    return [Goal(operation, (wanted,), filters, ("branching-fraction", direction), first, rank, spans=spans)]


def _of_the_same_decay(clause: Clause, context: Context) -> list[Goal] | None:
    """'With which branching fraction?' after a decay was named, or after all were listed with theirs."""
    named = [i for i in clause.places("property") if clause.tokens[i].value == "branching-fraction"]
    if not named or not context.last:
        return None
    alone = len(named) == len(clause.places("property")) and not clause.has("most")
    if context.last[0].property == "decays" and context.same_question and alone:
        clause.use(*named)
        return [context.goals[-1]]
    return [Goal("value", tuple(quantities(clause, context.last[:1])))] if context.last[0].channel else None


def _speaks_of_branching(text: str) -> bool:
    """Whether words mean the fractions of all decays; a rate, a chance or a frequency is that of one."""
    return any(
        part in text
        for part in (
            "branch",
            "verzweig",
            "分支",
            "分岐",
            "fractions",
            "bf",
            "brs",
            "wahrscheinlichkeiten",
            "probabilites",
        )
    )


def _class_list(clause: Clause, context: Context) -> list[Goal] | None:
    """'List all charmonium states', 'which strange baryons live longer than 2e-10 s?', 'masses of the quarks'."""
    classes = [i for i in clause.places("class") if clause.tokens[i].value != "particle"]
    if not classes and (clause.has("relation") or (clause.has("compare") and clause.contains(CHOOSING))):
        classes = clause.places("class")  # 'which particles are lighter than the muon?'
    if len(classes) != 1 or clause.has("channel", "code"):
        return None
    tokens = clause.tokens
    counting = clause.places("count")
    comparing = clause.places("compare")
    thing = subject_of(tokens[classes[0]])
    assert thing is not None  # noqa: S101  # a class is one
    filters: tuple[Filter, ...] = ()
    if comparing:
        other = quantities(clause, property_name=tokens[comparing[0]].value[0], places=clause.places("thing"))
        if len(other) != 1 or not tokens[comparing[0]].value[0]:
            return None
        span = clause.use(comparing[0])[0]
        filters = (Filter(other[0].property, relation_of(tokens[comparing[0]].value[1]), other[0], span),)
    elif clause.has("thing"):
        return None
    properties = clause.places("property")
    name = tokens[properties[0]].value if properties else "class"
    relations = [i for i in clause.places("relation") if tokens[i].value]
    filters += filters_of(clause, _filtered_property(clause, properties, relations)) + searching.charges(
        clause
    )
    stable = [i for i in clause.places("state") if clause.tokens[i].value == "stable"]
    filters += tuple(Filter("lifetime", "=", "stable", span) for span in clause.use(*stable))
    ordering = clause.places("order")
    asks = (
        clause.has("list", "order")
        or clause.contains(CHOOSING | {"list", "name", "all", "every", "are", "give"})
        or bool(filters)
    )
    if name == "class" and not counting and (not asks or _defines(clause, classes[0])):
        return None
    qualified = quantities(clause) if properties else [Wanted(thing, "class", spans=clause.use(classes[0]))]
    if not qualified:
        return None
    spans = clause.use(*counting, *classes, *ordering, *clause.places("number", "plus"))
    operation: Operation = "count" if counting else "list"
    order: tuple[str, Direction] | None = (name, "descending") if ordering else None
    return [Goal(operation, (wanted,), filters, order, spans=spans) for wanted in qualified]


def _defines(clause: Clause, place: int) -> bool:
    """'What is a quark?', 'what are quarks?': the meaning of the word is asked, not a list."""
    english = clause.language == "en" and clause.contains(["what"])
    return (
        english
        and not clause.has("list", "relation")
        and not clause.contains(["the", "these", "there", "known", "exist", "all", "which"])
    )


def _filtered_property(clause: Clause, properties: Sequence[int], relations: Sequence[int]) -> str:
    if properties:
        return str(clause.tokens[properties[0]].value)
    return named_by(clause, relations) or "mass"


# ---- values --------------------------------------------------------------------------------------


def _values(clause: Clause, context: Context) -> list[Goal] | None:
    """Properties of things, said in any order, each a goal of its own."""
    if not clause.has("property", "constant", "channel", "qualifier", "fraction"):
        return None
    decay = listed_decay(clause)
    searched = context.goals and context.goals[-1].operation == "reverse"
    alone = not clause.has("thing", "constant", "class", "code")
    found = [decay] if decay else quantities(clause, context.last)
    if not found:
        return None
    if searched and alone:
        return searching.of_what_was_searched(found, context.goals[-1])
    last = context.goals[-1] if context.goals and context.same_question else None
    chosen = (
        last is not None
        and last.most is not None
        and last.order is not None
        and last.operands[0].thing.names[0].startswith("class:")
    )
    if (
        last is not None and chosen and alone and not clause.has("channel")
    ):  # 'which meson is the lightest, and what is its mass?'
        return [last] if all(w.property == last.order[0] for w in found if last.order) else None
    factors = [i for i in clause.places("factor") if COUNTED not in clause.tokens[i].otherwise]
    if len(factors) == 1 and len(found) == 1:
        found = [replace(found[0], factor=found[0].factor * clause.tokens[factors[0]].value)]
        clause.use(*factors)
    clause.use(*_beside_values(clause))
    return [
        Goal("list", (w,), order=("branching-fraction", "descending"))
        if w.property == "decays" and _joined(clause)  # 'lifetime and decay modes of the muon'
        else Goal("multiple" if w.factor != 1 else "value", (w,))
        for w in found
    ]


def _joined(clause: Clause) -> bool:
    """Whether the word for decays is joined to another property."""
    tokens = [t for t in clause.tokens if t.kind not in ("function", "pronoun")]
    place = next((i for i, t in enumerate(tokens) if t.kind == "property" and t.value == "decays"), 0)
    return any(t.kind == "join" for t in (*tokens[max(0, place - 1) : place], *tokens[place + 1 : place + 2]))


def _beside_values(clause: Clause) -> list[int]:
    """'Out of 1000 K+ how many', 'how many': words of a fraction and the number they count from."""
    outs = clause.places("out-of")
    found = list(outs)
    for out in outs:
        number = next((i for i in clause.places("amount", "number", "factor") if i > out), None)
        found += [] if number is None else [number]
    return found + clause.places("count") if outs else found


def _fraction_of(clause: Clause, context: Context) -> list[Goal] | None:
    """'Out of a thousand K+, how many decay to mu nu?': a decay with a word of counting is its branching fraction."""
    if (
        clause.has("channel") and clause.has("count") and _ONE_IN.search(clause.plain)
    ):  # 'one in how many K_L decays'
        found = quantities(clause, property_name="branching-fraction")
        rest = clause.places("count", "property")
        if len(found) == 1 and all(clause.tokens[i].value in (None, "decays") for i in rest):
            clause.use(*rest)
            return [Goal("value", tuple(found), power=-1.0)]
        return None
    if (first := _OF_SO_MANY.match(clause.plain, clause.tokens[0].start)) and not clause.has("out-of"):
        clause.tokens[0] = replace(clause.tokens[0], kind="out-of", end=first.end())
    if not clause.has("out-of") or not clause.has("channel") or clause.has("property"):
        return None
    found = quantities(clause, property_name="branching-fraction")
    if len(found) != 1:
        return None
    clause.use(*_beside_values(clause))
    return [Goal("value", tuple(found))]


_OF_SO_MANY = re.compile(r"of(?= \d+ )", re.IGNORECASE)
_ONE_IN = re.compile(r"\b(?:one|1) (?:in|out of|of) (?:every )?how many\b", re.IGNORECASE)


_RULES: tuple[Rule, ...] = (
    deviations.deviation,
    *durations.RULES, *kinematics.RULES, combining.measurements, overviews.named, overviews.condition, overviews.of_the_same,
    searching.self_conjugate, searching.by_quarks, searching.by_quantum_numbers, searching.by_number, combining.charge_states,
    arithmetic.how_many, arithmetic.ratio, arithmetic.percentage, combining.complement, arithmetic.product, arithmetic.average,
    arithmetic.total, arithmetic.above_threshold, arithmetic.difference, searching.foremost, combining.comparison, _fraction_of,
    _reverse, verdicts.is_it, _decays, _class_list, _values, overviews.overview,
)  # fmt: skip
