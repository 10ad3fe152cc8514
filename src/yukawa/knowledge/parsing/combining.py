"""Rules for sentences that combine quantities: who measured them, arithmetic, comparison, yes or no."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from yukawa.knowledge.facts import PROPERTIES
from yukawa.knowledge.parsing.clauses import Clause, Context, amount_of
from yukawa.knowledge.parsing.plan import Amount, Filter, Goal, Operation, Relation, Wanted
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.wanted import quantities, subject_of

_AUXILIARIES = {
    "en": frozenset("is are was were does do did has have can could isn't aren't doesn't don't will".split()),
    "de": frozenset("ist sind hat haben war kann zerfällt zerfallt lebt".split()),
    "fr": frozenset("est a ont sont".split()),
}
_ASKING = frozenset(plain_ascii("吗 か ですか ますか").split())  # at the end of a question of yes or no
CHOOSING = frozenset(
    plain_ascii(
        "or which who what between whichever oder ou wer was welches welche welcher welchen welchem quel quelle quels quelles lequel"
        " laquelle lesquels lesquelles qui 或 还是 哪 哪个 哪一个 哪一种 哪种 哪几 哪几个 哪些 什么 谁 どちら どれ どの どんな どっち 何 誰"
    ).split()
)
_HAVING = frozenset("have has carry any hat haben a ont 有 持つ".split())

# ---- who measured --------------------------------------------------------------------------------

_PRECISE = ("precise", "accurate", "best")
_AVERAGE = ("average", "enter", "go into", "contribute")


def measurements(clause: Clause, context: Context) -> list[Goal] | None:
    """'Who measured …', 'which paper …', 'most precise measurement', a value by one experiment."""
    said = clause.places("measured")
    experiments = [i for i in clause.places("qualifier") if clause.tokens[i].value[0] == "experiment"]
    if not said and not experiments:
        return None
    wanted = quantities(clause, context.last)
    if not wanted:
        return None
    words = " ; ".join(
        [
            *(clause.text(i) for i in said),
            *(t.text.lower() for t in clause.tokens if t.text.lower() == "best"),
        ]
    )
    spans = clause.use(*said)
    filters = []
    if any(word in words for word in _AVERAGE):
        filters.append(Filter("used-in-average", "=", "yes", spans[0]))
    if "changed" in words:
        filters.append(Filter("new", "=", "yes", spans[0]))
    precise = any(word in words for word in _PRECISE)
    order: tuple[str, Literal["ascending", "descending"]] | None = (
        ("precision", "descending") if precise else None
    )
    return [
        Goal("measurements", (w,), tuple(filters), order, 1 if precise else None, spans=spans) for w in wanted
    ]


# ---- arithmetic ----------------------------------------------------------------------------------


def charge_states(clause: Clause, context: Context) -> list[Goal] | None:
    """'How many charge states does the Delta(1232) have?'."""
    counts = clause.places("count")
    charges = [i for i in clause.places("property") if clause.text(i) == "charge states"]
    if not counts or not charges or len(clause.places("thing")) != 1:
        return None
    found = quantities(clause)
    return [Goal("count", tuple(found), spans=clause.use(*counts))] if found else None


def how_many(clause: Clause, context: Context) -> list[Goal] | None:
    """'How many K+ masses make a B0 mass?', 'how many electrons would balance one muon?'."""
    counts, things = clause.places("count"), clause.places("thing")
    if not counts or len(things) != 2 or clause.has("channel") or not counts[0] < things[0]:
        return None
    weighing = clause.places("weighing", "compare", "into")
    properties = clause.places("property")
    if not weighing and not properties:
        return None
    found = quantities(clause, property_name="mass")
    if len(found) != 2:
        return None
    spans = clause.use(counts[0], *weighing, *clause.places("number", "factor"))
    return [Goal("how-many", (found[1], found[0]), spans=spans)]


def _combined(
    clause: Clause, operation: Operation, *kinds: str, property_name: str = ""
) -> list[Goal] | None:
    """A goal of all quantities of the sentence that the words of `kinds` combine."""
    operators = clause.places(*kinds)
    found = quantities(clause, property_name=property_name)
    if len(found) < 2:
        return None
    return [Goal(operation, tuple(found), spans=clause.use(*operators))]


def ratio(clause: Clause, context: Context) -> list[Goal] | None:
    """'Ratio of …', '… divided by …', 'by what factor', 'how many times heavier'."""
    things = clause.places("thing", "constant")
    comparing = clause.places("compare")
    if not clause.has("ratio", "divided") or len(things) != 2 or clause.has("channel", "difference-of"):
        return None
    if not clause.has("ratio") and (clause.has("difference") or not _between(clause, things, "divided")):
        return None
    said = [clause.tokens[i].value for i in clause.places("ratio")]
    name = next((clause.tokens[i].value[0] for i in comparing), next(filter(None, said), ""))
    goals = _combined(
        clause, "ratio", "ratio", "divided", *(["difference"] if comparing else []), property_name=name
    )
    if goals and comparing:
        spans = clause.use(*comparing)
        first, second = goals[0].operands
        if clause.tokens[comparing[0]].value[1] == "<":
            first, second = second, first
        return [replace(goals[0], operands=(first, second), spans=goals[0].spans + spans)]
    return goals


def _between(clause: Clause, places: Sequence[int], kind: str) -> bool:
    """Whether a word of this kind stands between the first and the last of `places`."""
    return bool(places) and any(places[0] < i < places[-1] for i in clause.places(kind))


def total(clause: Clause, context: Context) -> list[Goal] | None:
    """'Sum of …', '… plus …'."""
    things = clause.places("thing", "constant", "code")
    if not clause.has("sum", "plus") or clause.has("compare", "most", "minus"):
        return None
    if not clause.has("sum") and not _between(clause, things, "plus"):
        return None
    return _combined(clause, "sum", "sum", "plus", property_name="mass" if clause.contains(["weigh"]) else "")


def difference(clause: Clause, context: Context) -> list[Goal] | None:
    """'… minus …', 'mass difference between …', 'how much heavier is … than …'."""
    operators = clause.places("minus", "difference-of", "difference")
    if not operators or clause.has("channel", "most", "class"):
        return None
    tokens = clause.tokens
    comparing = clause.places("compare")
    of_mass = any(tokens[i].kind == "difference-of" or clause.text(i) in _MASS_WORDS for i in operators)
    name = "mass" if of_mass else next((tokens[i].value[0] for i in comparing), "")
    found = quantities(clause, property_name=name) if clause.has("thing", "code") else list(context.last)
    if len(found) != 2 or (name and any(w.property != name for w in found)):
        return None
    spans = clause.use(*operators, *comparing, *clause.places("divided", "against"))
    order: list[Goal] = []
    if comparing and clause.contains(_WHICH):  # 'which one is heavier, and by how much?'
        down = tokens[comparing[0]].value[1] != "<"
        order = [
            Goal(
                "which",
                (found[0], found[1]),
                order=(found[0].property, "descending" if down else "ascending"),
                spans=spans,
            )
        ]
    first, second = found
    if any(tokens[i].value[1] == "<" for i in comparing) or any(_turns(clause.text(i)) for i in operators):
        first, second = second, first
    if (
        first.property == "mass"
        and second.property == "mass"
        and first.factor == second.factor == 1
        and first.qualifiers == second.qualifiers
    ):
        both = replace(
            first, property="mass-difference", other=second.thing, spans=first.spans + second.spans
        )
        return [*order, Goal("difference", (both,), spans=spans)]
    return [*order, Goal("difference", (first, second), spans=spans)]


_WHICH = frozenset(
    plain_ascii("which who welches welche welcher lequel laquelle 哪 哪个 哪一个 どちら").split()
)


def _turns(words: str) -> bool:
    """Whether the first thing named is the smaller one."""
    return any(
        word in words for word in ("subtract", "lighter", "less", "shorter", "leichter", "smaller", "轻")
    )


_MASS_WORDS = frozenset(
    {
        "how much heavier",
        "how much lighter",
        "how much more massive",
        "how much energy separates",
        "重多少",
        "轻多少",
    }
)


# ---- comparison ----------------------------------------------------------------------------------


def comparison(clause: Clause, context: Context) -> list[Goal] | None:
    """'Is A heavier than B?', 'which is heavier, A or B?', 'which lepton lives longest?'."""
    if against := _against(clause):
        return against
    comparing = clause.places("compare", "most")
    if not comparing or clause.has("channel", "relation", "measured"):
        return None
    token = clause.tokens[comparing[0]]
    open_question = yes_or_no(clause)
    things = clause.places("thing", "constant", "code")
    classes = [i for i in clause.places("class") if clause.tokens[i].value != "particle"]
    if len(things) == 1 and classes and token.kind == "compare":
        return None
    name = token.value[0]
    if not name and not clause.has("property"):
        return None
    if clause.has("property") and any(clause.tokens[i].value == "decays" for i in clause.places("property")):
        return None
    before = context.last if not things and not classes else ()
    found = (
        list(before)
        if before and not clause.has("property")
        else quantities(clause, before, property_name=name)
    )
    if name:
        found = [replace(w, property=name) if w.property in ("", "class") else w for w in found]
    if not found or (name and any(w.property != name for w in found)):
        return None
    if len(found) < 2 and not classes:
        return None
    spans = clause.use(*comparing, *clause.places("order"))
    prop = found[0].property
    direction: Literal["ascending", "descending"] = (
        "descending" if token.value[1] in (">", "descending") else "ascending"
    )
    alternatives = clause.contains(("or", "oder", "ou", "或", "还是"))
    choosing = clause.contains(CHOOSING) or token.kind == "most"
    if token.kind == "compare" and len(found) == 2 and not alternatives and open_question:
        return [Goal("is", tuple(found), relation=relation_of(token.value[1]), spans=spans)]
    if token.value[1] == "=" or not (choosing or len(found) > 1):
        return None
    first = (first_of(clause, comparing[0]) or 1) if classes and not things else None
    return [Goal("which", tuple(found), order=(prop, direction), most=first, spans=spans)]


def _against(clause: Clause) -> list[Goal] | None:
    """'Proton vs neutron mass', 'compare the masses of …', 'rank the D+, D0 and D_s by lifetime'."""
    words = clause.places("against", "order")
    if not words or clause.has("class", "channel", "compare", "most", "ratio", "difference-of", "difference"):
        return None
    found = quantities(clause)
    if len(found) < 2 or len({w.property for w in found}) != 1:
        return None
    direction: Literal["ascending", "descending"] = (
        "ascending" if any(clause.tokens[i].value == "ascending" for i in words) else "descending"
    )
    return [Goal("which", tuple(found), order=(found[0].property, direction), spans=clause.use(*words))]


def first_of(clause: Clause, place: int) -> int | None:
    """How many are wanted: 'the three heaviest'."""
    if place and clause.tokens[place - 1].kind == "number":
        clause.use(place - 1)
        return int(clause.tokens[place - 1].value)
    found = [i for i in clause.places("number", "amount") if amount_of(clause.tokens[i]).unit == ""]
    if len(found) != 1 or not 1 < amount_of(clause.tokens[found[0]]).value <= _MOST_OF_A_LIST:
        return None
    clause.use(*found)
    return int(amount_of(clause.tokens[found[0]]).value)


_MOST_OF_A_LIST = 30


def relation_of(text: str) -> Relation:
    """The relation that a token of the lexicon names."""
    for known in ("<", "<=", ">", ">=", "=", "!="):
        if text == known:
            return known
    return "="


# ---- yes or no -----------------------------------------------------------------------------------


def yes_or_no(clause: Clause) -> bool:
    """Whether an auxiliary opens what is asked: 'could you tell me, is the tau …', but not 'what is the mass …'."""
    if clause.language not in _AUXILIARIES:
        return clause.contains(_ASKING) and not clause.contains(CHOOSING) and not clause.asks
    if clause.language != "en" and clause.asks:
        return False
    if any(token.text.lower() in _INVERTED for token in clause.tokens) and not clause.contains(CHOOSING):
        return True
    first = next(iter(clause.essential), len(clause.tokens))
    if first < len(clause.tokens) and clause.text(first).split()[0] in ("how", "wie", "combien"):
        return False
    for place in range(first - 1, -1, -1):
        for word in reversed(clause.text(place).split()):
            if word in _AUXILIARIES[clause.language]:
                return place == 0 or not set(clause.text(place - 1).split()) & _SUBJECTS_OF_AUXILIARIES
            if word not in _AFTER_AUXILIARIES:
                return False
    return False


_INVERTED = frozenset({"est-il", "est-elle", "sont-ils", "sont-elles", "a-t-il", "a-t-elle", "ont-ils"})
_SUBJECTS_OF_AUXILIARIES = frozenset("what which who that it this there i we you how why".split())
_AFTER_AUXILIARIES = frozenset(
    "the a an any it true that really there correct so anybody anyone somebody seen ever observed actually der die das ein eine"
    " le la les un une l ' your my both also physics experiment exist exists found".split()
)


def is_it(clause: Clause, context: Context) -> list[Goal] | None:
    """'Is the eta a pseudoscalar?', 'does the Higgs have spin 1?', 'is the mass of the W 81 GeV?', 'does the Z decay to mu+ mu-?'."""
    if not yes_or_no(clause) or clause.has(
        "compare", "most", "minus", "plus", "ratio", "sum", "difference-of"
    ):
        return None
    things, classes, amounts = clause.places("thing", "code"), clause.places("class"), clause.places("amount")
    if len(things) != 1 or clause.contains(["or", "oder", "ou"]):
        return None
    if classes and not amounts and not clause.has("channel", "property", "relation"):
        return _is_member(clause, things[0], classes)
    if len(amounts) == 1 and not classes:
        return _is_amount(clause, context, amounts[0])
    if classes or amounts or not clause.has("property", "channel"):
        return None
    wanted = quantities(clause)
    if len(wanted) != 1:
        return None
    if wanted[0].channel is not None and wanted[0].property == "branching-fraction":
        return [Goal("is", tuple(wanted))]
    dimension = PROPERTIES[wanted[0].property].dimension if wanted[0].property in PROPERTIES else None
    if (
        clause.contains(_HAVING)
        and dimension is not None
        and wanted[0].property not in ("parity", "c-parity", "g-parity")
    ):
        return [
            Goal("is", tuple(wanted), asserted=Amount(0.0, "", (0, 0)), relation=">" if dimension else "!=")
        ]
    return None


def _is_member(clause: Clause, thing: int, classes: Sequence[int]) -> list[Goal] | None:
    if len(classes) != 1 or clause.tokens[classes[0]].value == "particle":
        return None
    subject = subject_of(clause.tokens[thing])
    if subject is None or classes[0] < thing:
        return None
    spans = clause.use(thing, classes[0])
    wanted = Wanted(subject, "class", spans=spans)
    return [Goal("is", (wanted,), asserted=f"class:{clause.tokens[classes[0]].value}", relation="=")]


def _is_amount(clause: Clause, context: Context, amount: int) -> list[Goal] | None:
    relations = clause.places("relation")
    wanted = quantities(clause)
    if len(wanted) != 1 or clause.has("property", "count"):
        return None
    relation: Relation = "="
    for place in relations:
        relation = relation_of(clause.tokens[place].value)
    spans = clause.use(amount, *relations)
    return [
        Goal("is", tuple(wanted), asserted=amount_of(clause.tokens[amount]), relation=relation, spans=spans)
    ]
