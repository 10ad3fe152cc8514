"""Rules for sentences that make one number of several quantities: sums, differences, ratios, products, means, powers."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.clauses import Clause, Context, amount_of
from yukawa.knowledge.parsing.combining import named_by, yes_or_no
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Direction, Goal, Operation, Wanted
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.wanted import quantities

PARTS = ("thing", "constant", "code", "property", "channel")


def _operands(clause: Clause, context: Context, name: str = "") -> list[Wanted]:
    """All quantities of the sentence in its order, or those before of 'their sum'; none where only some are of decays."""
    if not clause.has("thing", "constant", "code", "class", "property", "channel"):
        return list(context.operands)
    if found := _apart(clause):
        return found
    found = quantities(clause, context.operands, property_name=name)
    mixed = len({(w.channel is None, w.property) for w in found}) > 1
    if clause.has("channel") or (mixed and any(w.channel for w in found)):
        return []
    return sorted(found, key=lambda w: w.thing.span)


def _apart(clause: Clause) -> list[Wanted]:
    """The quantities between the signs of a sentence, where each stretch holds one of its own; else none."""
    signs = clause.places("plus", "minus", "times", "divided")
    before = set(clause.used)
    found: list[Wanted] = []
    for first, last in itertools.pairwise([-1, *signs, len(clause.tokens)]):
        places = [i for i in range(first + 1, last) if i not in before]
        own = any(clause.tokens[i].kind == "property" for i in places)
        stretch = quantities(clause, places=places) if own and signs else []
        if len(stretch) != 1:
            clause.used = before
            return []
        found += stretch
    return found


def _between(clause: Clause, kind: str) -> bool:
    """Whether there is a word of this kind between parts of quantities."""
    places = clause.places(*PARTS)
    return bool(places) and any(places[0] < i < places[-1] for i in clause.places(kind))


def _combined(
    clause: Clause, context: Context, operation: Operation, *kinds: str, name: str = ""
) -> list[Goal] | None:
    """A goal of all quantities of the sentence that the words of `kinds` combine."""
    operators = clause.places(*kinds)
    found = _operands(clause, context, name)
    return [Goal(operation, tuple(found), spans=clause.use(*operators))] if len(found) > 1 else None


# ---- ratios --------------------------------------------------------------------------------------


def how_many(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'How many K+ masses make a B0 mass?', 'how many electrons would balance one muon?'."""
    counts, things = clause.places("count"), clause.places("thing")
    if not counts or len(things) != 2 or clause.has("channel") or not counts[0] < things[1]:
        return None
    weighing = clause.places("weighing", "compare", "into")
    properties = clause.places("property")
    if not properties and not any(clause.text(i) not in _HOLDING for i in weighing):
        return None
    found = quantities(clause, property_name="mass")
    if len(found) != 2:
        return None
    spans = clause.use(counts[0], *weighing, *clause.places("number", "factor"))
    first, second = (
        found if things[0] < counts[0] else reversed(found)
    )  # 'the tau mass is how many muon masses?'
    return [Goal("how-many", (first, second), spans=spans)]


_HOLDING = frozenset(
    {"are in", "make up", "make", "makes"}
)  # 'how many up quarks are in the proton' counts, and compares no masses


def ratio(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Ratio of …', '… divided by …', 'by what factor', 'how many times heavier'."""
    comparing = clause.places("compare")
    if not clause.has("ratio", "divided") or clause.has("difference-of", "sum", "plus", "minus"):
        return None
    if not clause.has("ratio") and (clause.has("difference") or not _between(clause, "divided")):
        return None
    said = [clause.tokens[i].value for i in clause.places("ratio")]  # 'Massenverhältnis' names the property
    name = next((clause.tokens[i].value[0] for i in comparing), next(filter(None, said), ""))
    if not name and not clause.has("property"):
        name = named_by(clause, comparing or clause.places("ratio"))  # 'how many times longer does it live'
    beside = ["difference"] if comparing else []  # 'by how much heavier (factor)'
    goals = _combined(clause, context, "ratio", "ratio", "divided", *beside, name=name)
    if not goals or len(goals[0].operands) != 2:
        return None
    claimed, amounts = yes_or_no(clause) or clause.contains(_JUDGING), clause.places("amount")
    if claimed and len(amounts) == 1:  # 'is the muon 200 times heavier?'
        clause.use(*amounts)
    clause.use(
        *clause.places("against")
    )  # 'how many times heavier is the top quark compared to the up quark?'
    searched = context.same_question and bool(context.goals) and context.goals[-1].operation == "which"
    if (comparing and clause.contains(_WHICH)) or (searched and goals[0].operands == context.operands):
        down = not comparing or clause.tokens[comparing[0]].value[1] != "<"
        goal = replace(goals[0], order=(goals[0].operands[0].property, "descending"))
        by: tuple[str, Direction] = (goals[0].operands[0].property, "descending" if down else "ascending")
        spans = clause.use(*comparing)
        return [*([] if searched else [Goal("which", goal.operands, order=by, spans=spans)]), goal]
    if comparing:
        first, second = goals[0].operands
        less = clause.tokens[comparing[0]].value[1] == "<"
        if less != _reference_first(clause, comparing[0], first):
            first, second = second, first
        return [replace(goals[0], operands=(first, second), spans=goals[0].spans + clause.use(*comparing))]
    return goals


def _reference_first(clause: Clause, comparing: int, first: Wanted) -> bool:
    """Whether what is compared with is named first: 'heavier than an electron is a muon'."""
    than = [i for i in range(comparing, len(clause.tokens)) if clause.text(i).split()[-1] in _THAN]
    return bool(than) and clause.tokens[comparing].start <= clause.tokens[than[0]].start < first.thing.span[0]


_JUDGING = ("true", "correct", "right")
_THAN = frozenset("than als que".split())


# ---- products and means --------------------------------------------------------------------------


def product(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Product of …', '… times …'."""
    if clause.has("compare", "most", "sum", "plus", "minus", "ratio", "divided"):
        return None
    if not clause.has("product") and not _between(clause, "times"):
        return None
    return _combined(clause, context, "product", "product", "times")


def average(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Average of the K+ and K0 masses'."""
    if not clause.has("average") or clause.has("compare", "most", "minus", "plus", "ratio", "channel"):
        return None
    if len(clause.places("thing")) == 1 and not clause.has("class"):
        found = [one for wanted in quantities(clause) for one in _charge_states(wanted)]
        spans = clause.use(*clause.places("average"))
        return [Goal("average", tuple(found), spans=spans)] if len(found) > 1 else None
    return _combined(clause, context, "average", "average")


def _charge_states(wanted: Wanted) -> list[Wanted]:
    """The states of a multiplet one by one: pi+, pi- and pi0, but K+ and K0 without their antiparticles."""
    table = particle_table().particles
    known = [
        n for n in wanted.thing.names if n in table and not n.startswith(("K(S)", "K(L)"))
    ]  # mixtures of others
    particles = [n for n in known if not table[n].is_antiparticle]
    names = known if any(table[n].conjugate == n for n in particles) else particles
    return [replace(wanted, thing=replace(wanted.thing, names=(n,), state_given=True)) for n in names]


# ---- sums and differences ------------------------------------------------------------------------


def total(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Sum of …', 'A plus B minus C'."""
    signs = clause.places("plus", "minus")
    if not clause.has("number", "factor", "count"):  # 'what do the quark masses add up to?'
        for place in clause.places("weighing"):
            if clause.text(place) in ("add up to", "amount to"):
                clause.tokens[place] = replace(clause.tokens[place], kind="sum")
    if not clause.has("sum", "plus") or clause.has("compare", "most", "ratio", "divided", "difference"):
        return None
    if not clause.has("sum") and not _between(clause, "plus"):
        return None
    said = " ".join(clause.text(i) for i in clause.places("sum"))  # '总质量', 'Gesamtmasse'
    masses = clause.contains(("weigh", "mass")) or any(word in said for word in _MASSES)
    found = _operands(clause, context, "mass" if masses and not clause.has("property") else "")
    if len(found) == 1 and found[0].factor != 1 and clause.has("sum"):  # 'total mass of two protons'
        return [Goal("multiple", tuple(found), spans=clause.use(*clause.places("sum")))]
    of_class = len(found) == 1 and (
        found[0].thing.names[0].startswith("class:") or found[0].channel is not None
    )
    if len(found) < 2 and not of_class:
        return None
    if clause.has("minus") and (clause.has("sum") or not _alternate(clause, found, signs)):
        return None
    operands = _signed(clause, found, signs)
    fractions = all(w.property == "branching-fraction" for w in found)
    percent = fractions and clause.contains(("percent", "percentage", "%"))  # 'what percentage is that?'
    spans = clause.use(*signs, *clause.places("sum"))
    return [Goal("sum", tuple(operands), unit="%" if percent else "", spans=spans)]


_MASSES = ("masse", "质量", "質量")


def _signed(clause: Clause, found: Sequence[Wanted], signs: Sequence[int]) -> list[Wanted]:
    """Quantities in the order of the question, those behind a minus with the factor −1."""
    operands = list(found[:1])
    for one, other in itertools.pairwise(found):
        minus = any(clause.tokens[i].kind == "minus" for i in _within(clause, one, other, signs))
        operands.append(replace(other, factor=-other.factor) if minus else other)
    return operands


def _alternate(clause: Clause, found: Sequence[Wanted], signs: Sequence[int]) -> bool:
    """Whether any two neighbours have one sign between them, so that it is clear what is subtracted from what."""
    return all(len(_within(clause, a, b, signs)) == 1 for a, b in itertools.pairwise(found))


def _within(clause: Clause, one: Wanted, other: Wanted, places: Sequence[int]) -> list[int]:
    return [i for i in places if one.thing.span[1] <= clause.tokens[i].start < other.thing.span[0]]


def _of_class(clause: Clause) -> bool:
    return any(clause.tokens[i].value != "particle" for i in clause.places("class"))


def percentage(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'By what percentage is the neutron heavier than the proton?': the difference in units of what is compared with."""
    said = [
        i for i in clause.places("property", "difference") if clause.text(i).split()[-1].startswith("percent")
    ]
    comparing = clause.places("compare")
    if len(said) <= 1 and (
        share := _SHARE.search(clause.plain, clause.tokens[0].start, clause.tokens[-1].end)
    ):
        return _share(clause, share)
    by = _BY.search(clause.plain, clause.tokens[0].start, clause.tokens[-1].end)
    if (
        not by
        or len(comparing) != 1
        or len(said) > 1
        or len(clause.places("thing")) != 2
        or clause.has("channel")
    ):
        return None
    before = clause.tokens[comparing[0]].value
    clause.use(*said, *[i for i, t in enumerate(clause.tokens) if t.start < by.end() and by.start() < t.end])
    found = quantities(clause, property_name=before[0])
    if len(found) != 2 or not before[0]:
        return None
    spans = clause.use(*comparing)
    larger, smaller = found if before[1] != "<" else found[::-1]
    gap: tuple[Wanted, ...] = (larger, smaller)
    if (
        larger.property == "mass" and larger.qualifiers == smaller.qualifiers
    ):  # there may be a measured difference
        spans_of_both = larger.spans + smaller.spans
        gap = (replace(larger, property="mass-difference", other=smaller.thing, spans=spans_of_both),)
    return [Goal("difference", gap, unit="%", spans=spans, per=found[1])]


def _share(clause: Clause, match: re.Match[str]) -> list[Goal] | None:
    """'What percentage of the tau mass is the muon mass?'."""
    names = [clause.tokens[i].value for i in clause.places("property")]
    if names.count("mass") != 2 or len(names) != 3 or clause.has("channel", "class", "compare"):
        return None
    own = [i for i, t in enumerate(clause.tokens) if t.start < match.end() and match.start() < t.end]
    clause.use(*[i for i in own if clause.tokens[i].value != "mass"])
    found = sorted(quantities(clause), key=lambda w: w.thing.span)
    return [Goal("ratio", (found[1], found[0]), unit="%")] if len(found) == 2 else None


_SHARE = re.compile(
    r"\b(?:what|which) (?:percentage|percent|fraction) of (?=.{1,60}\bmass\b.{0,60}\b(?:is|does|comes|make)\b)",
    re.IGNORECASE,
)
_BY = re.compile(
    r"\bby (?:what|how many|how much) (?:percentage|percent|per cent|%)|\bhow many (?:percent|per cent|%)",
    re.IGNORECASE,
)


def difference(clause: Clause, context: Context) -> list[Goal] | None:
    """Read '… minus …', 'mass difference between …', 'how much heavier is … than …'."""
    operators = clause.places("minus", "difference-of", "difference")
    asked = (
        clause.has("unit") and clause.has("compare") and not clause.contains((*_WHICH, "or", "oder", "ou"))
    )
    asked = asked and not yes_or_no(clause)  # 'how many MeV heavier is …'
    if not (operators or asked) or clause.has("most", "ratio", "sum", "plus") or _of_class(clause):
        return None
    tokens, claimed = clause.tokens, yes_or_no(clause)
    comparing = clause.places("compare")
    name = _property_of(clause, operators) or next((tokens[i].value[0] for i in comparing), "")
    found = _operands(clause, context, name) if clause.has("thing", "code") else list(context.operands)
    if len(found) < 2 or (name and any(w.property != name for w in found)):
        return None
    if len(found) > 2:
        chain = not comparing and _alternate(clause, found, clause.places("minus"))
        return [Goal("difference", tuple(found), spans=clause.use(*operators))] if chain else None
    spans = clause.use(*operators, *comparing, *clause.places("divided", "against", "class"))
    order: list[Goal] = []
    if comparing and clause.contains(_WHICH):  # 'which one is heavier, and by how much?'
        down = tokens[comparing[0]].value[1] != "<"
        by = (found[0].property, "descending" if down else "ascending")
        order = [Goal("which", tuple(found), order=by, spans=spans)]  # type: ignore[arg-type]
    first, second = found
    reference = second
    if any(tokens[i].value[1] == "<" for i in comparing) or any(_turns(clause.text(i)) for i in operators):
        first, second = second, first
    each = [Goal("value", (w,)) for w in found] if clause.contains(_EACH) else []  # '各是多少,差多少'
    share = _in_per_cent(clause, operators) if first.property != "branching-fraction" else None
    per, unit = (replace(reference, factor=1.0), "%") if share is not None else (None, "")
    plain = first.property == second.property == "mass" and first.factor == second.factor == 1
    if plain and first.qualifiers == second.qualifiers:
        spans_of_both = first.spans + second.spans
        both = replace(first, property="mass-difference", other=second.thing, spans=spans_of_both)
        amounts = clause.places("amount")
        if len(amounts) == 1 and claimed:  # 'do they differ in mass by 8 MeV?'
            asserted = amount_of(clause.tokens[amounts[0]])
            clause.use(*amounts)
            return [Goal("is", (both,), asserted=asserted, relation="=", spans=spans)]
        return [*order, *each, Goal("difference", (both,), spans=spans, per=per, unit=unit)]
    return [*order, *each, Goal("difference", (first, second), spans=spans, per=per, unit=unit)]


def above_threshold(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'How far above the B0 anti-B0 threshold does the Upsilon(4S) sit?': its mass less those of the pair."""
    words = [i for i in clause.places("word") if clause.text(i) in ("threshold", "schwelle")]
    if len(words) != 1 or clause.has("channel", "class", "amount", "property") or not _of_its_own(clause):
        return None
    first = words[0]
    while first and (
        clause.tokens[first - 1].kind == "thing" or clause.text(first - 1) in ("pair", "-", "anti")
    ):
        first -= 1
    pair = [i for i in range(first, words[0]) if clause.tokens[i].kind == "thing"]
    others = [i for i in clause.places("thing") if i not in pair]
    if len(pair) != 2 or len(others) != 1:
        return None
    found = quantities(clause, property_name="mass", places=[*pair, *others])
    by_place = {w.thing.span[0]: w for w in found}
    tokens = clause.tokens
    operands = [by_place.get(tokens[i].start) for i in (*others, *pair)]
    if any(w is None for w in operands):
        return None
    around = [
        i for i, t in enumerate(tokens) if t.text.lower() in _PLACING or t.kind in ("difference", "relation")
    ]
    spans = clause.use(*words, *around)
    return [Goal("difference", tuple(w for w in operands if w is not None), spans=spans)]


_PLACING = frozenset("above below how far over under sit lie lies sits much by it open".split()) | {
    "how far",
    "how much",
}


def _of_its_own(clause: Clause) -> bool:
    """Whether the sentence names all that it speaks of."""
    return not any(t.kind == "pronoun" and t.text.lower() in ("its", "their") for t in clause.tokens)


def _in_per_cent(clause: Clause, operators: Sequence[int]) -> list[int] | None:
    """The places of '%' where a difference is wanted as a part of the second quantity: 'by what percentage', '重百分之几'."""
    units = [i for i in clause.places("unit") if _PERCENT.search(clause.text(i))]
    if not units and not any(_PERCENT.search(clause.text(i)) for i in operators):
        return None
    clause.use(*units)
    return units


_PERCENT = re.compile("%|percent|prozent|pour ?cent|" + "|".join(map(plain_ascii, ("百分", "パーセント"))))


_WHICH = frozenset(
    plain_ascii("which who welches welche welcher lequel laquelle 哪 哪个 哪一个 どちら").split()
)
_EACH = frozenset(
    plain_ascii("each respectively jeweils respectivement 各 各是多少 分别 分别是多少 それぞれ").split()
)


def _property_of(clause: Clause, operators: Sequence[int]) -> str:
    """The property that the words of difference speak of themselves: 'mass splitting', 'how much longer'."""
    if any(clause.tokens[i].kind == "difference-of" for i in operators):
        return "mass"
    if clause.has("property"):
        return ""
    if name := named_by(clause, operators):
        return name
    words = " ".join(clause.text(i) for i in operators)
    if any(word in words for word in ("apart", "auseinander")) and any(
        clause.text(i) in _ENERGIES for i in clause.places("unit")
    ):
        return "mass"
    return "mass" if "separates" in words else "width" if "wider" in words or "broader" in words else ""


_ENERGIES = ("mev", "gev", "kev", "in mev", "in gev", "in kev")


def _turns(words: str) -> bool:
    """Whether the first thing named is the smaller one."""
    return any(
        word in words
        for word in ("subtract", "lighter", "less", "shorter", "leichter", "smaller", "轻", "narrower")
    )


# ---- powers and units of another quantity --------------------------------------------------------
