"""Rules for sentences of few words: a thing and no more, a source's own name of a quantity, another condition or bound."""

from dataclasses import replace

from yukawa.knowledge.parsing.clauses import Clause, Context
from yukawa.knowledge.parsing.combining import filters_of, place_of, yes_or_no
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Goal, Operation, Thing, Wanted
from yukawa.knowledge.parsing.wanted import quantities, subject_of


def overview(clause: Clause, context: Context) -> list[Goal] | None:
    """A thing and nothing more: all there is on it, or with what was wanted before, the same of it."""
    things = clause.places("thing", "code", "constant")
    if not things or len(clause.essential) != len(things) or clause.has("word") or yes_or_no(clause):
        return None
    joined = {tokens.kind for tokens in clause.tokens[things[0] : things[-1] + 1]} & {"join"}
    if clause.has("constant") and len(things) > 1 and not joined:
        return None  # 'the muon Compton wavelength' is not that of the electron
    said = {
        word
        for t in clause.tokens
        if t.kind == "function" and t.text.isascii()
        for word in t.text.lower().split()
    }
    vague = any(t.kind == "neutral" and t.text.lower() not in _ABOUT_WORDS for t in clause.tokens)
    if clause.language == "en" and not context.goals and (vague or not said <= _ABOUT):
        return None  # 'what does a proton look like?'
    told = {"tell", "about"} <= said | {
        t.text.lower() for t in clause.tokens
    }  # 'tell me about the muon' begins anew
    further = context.goals and not told and all(w.property not in _OF_NO_OTHER for w in context.last)
    if further and not (context.same_question and context.goals[-1].operation != "value"):
        last = context.goals[-1]
        found = quantities(clause, context.last)
        if found and last.operation == "is" and len(last.operands) == 1 and last.asserted is not None:
            return [replace(last, operands=(w,)) for w in found]
        if found and last.operation in ("value", "multiple", "overview"):
            operation: Operation = "overview" if last.operation == "overview" else "value"
            return [Goal(operation, (w,), unit=last.unit) for w in found]
        return None
    goals: list[Goal] = []
    for place in things:
        thing = subject_of(clause.tokens[place])
        if thing is not None:
            goals.append(Goal("overview", (Wanted(thing, "overview", spans=clause.use(place)),)))
    return goals


_OF_NO_OTHER = ("constant", "other")  # what no particle has


_ABOUT_WORDS = frozenset(
    {
        "properties",
        "main properties",
        "basic properties",
        "key properties",
        "about",
        "info",
        "information",
        "details",
        "data",
        "pdg",
        "particle data group",
        "summary",
    }
)


_ABOUT = frozenset(
    "what what's whats is are a an the tell me about show give us please of on for and or hi hello hey i i'd need want would like"
    " to know everything summarise summarize all have thanks thank you so ok okay then find out let's"
    " let see look up read can could some any my say something remind".split()
)


def named(clause: Clause, context: Context) -> list[Goal] | None:
    """'S035M', 'B_s oscillation frequency': a quantity by the source's own identifier."""
    goals = []
    for place in clause.places("identifier"):
        token = clause.tokens[place]
        thing, spans = Thing((), token.text, (token.start, token.end)), clause.use(place)
        names = token.value.split()  # 'the neutrino mixing angles' are three
        owners = {_letter(n) for name in names for n in particle_table().families.get(name[:4], ())}
        own = [
            i for i in clause.places("thing") if owners & {_letter(n) for n in clause.tokens[i].value.names}
        ]
        clause.use(
            *own, *[i for i in clause.places("property") if clause.tokens[i].value == "decays" and own]
        )
        goals += [Goal("value", (Wanted(thing, "other", name=name, spans=spans),)) for name in names]
    if goals and not clause.has("thing"):  # 'the value of the mass S035M'
        clause.use(*clause.places("property"))
    return goals


def _letter(name: str) -> str:
    """The letter of a family of states: 'K' of 'K(L)0' and of 'Kbar0'."""
    return name.partition("(")[0].replace("bar", "").rstrip("0+-_")


def condition(clause: Clause, context: Context) -> list[Goal] | None:
    """'Only the ones above 10 %', 'and the second most common?': a sentence that changes the list before."""
    if not context.goals or clause.has("thing", "class", "channel", "constant"):
        return None
    last = context.goals[-1]
    said = clause.places("property")
    if said:  # '… the top three with percentages'
        of_list = last.operation == "list" and last.operands[0].property == "decays" and clause.has("most")
        if not of_list or any(clause.tokens[i].value != "branching-fraction" for i in said):
            return None
        clause.use(*said)
    if clause.has("relation") and last.operation in ("list", "reverse", "count"):
        name = "branching-fraction" if last.operands[0].property == "decays" else last.operands[0].property
        context.replaced = True
        return [replace(last, filters=last.filters + filters_of(clause, name))]
    most = clause.places("most")
    if (
        not most
        or clause.has("word", "compare")
        or last.order is None
        or last.operation not in ("list", "which")
    ):
        return None
    first, rank = place_of(clause, most[0])
    name, direction = clause.tokens[most[0]].value
    if name not in ("", last.order[0]):
        return None
    spans = clause.use(most[0])
    return [replace(last, order=(last.order[0], direction), most=first or 1, rank=rank, spans=spans)]


def of_the_same(clause: Clause, context: Context) -> list[Goal] | None:
    """'What is the upper limit?': a sentence that wants another kind of value of the quantity before."""
    if not context.goals or clause.has("word", "thing", "property", "class", "channel", "constant"):
        return None
    bounds = [i for i in clause.places("qualifier") if clause.tokens[i].value[0] in ("bound", "confidence")]
    if not any(clause.tokens[i].value[0] == "bound" for i in bounds) or clause.has(
        "compare", "most", "relation"
    ):
        return None
    said = dict(clause.tokens[i].value for i in bounds)
    spans = clause.use(*bounds)
    return [
        Goal("value", (replace(w, qualifiers={**w.qualifiers, **said}),), spans=spans) for w in context.last
    ]
