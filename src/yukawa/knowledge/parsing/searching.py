"""Rules for the question the other way round: which particle has these quarks, quantum numbers, this Monte Carlo number."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.clauses import Clause, Context, amount_of
from yukawa.knowledge.parsing.combining import CHOOSING, place_of, yes_or_no
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Amount, Filter, Goal, Relation, Thing, Wanted
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.units import find_unit
from yukawa.knowledge.parsing.wanted import ANY, subject_of

# ---- quark content -------------------------------------------------------------------------------

_QUARKS = {
    "up": "u", "down": "d", "strange": "s", "charm": "c", "charmed": "c", "bottom": "b", "beauty": "b", "top": "t",
    "etrange": "s", "etranges": "s", "charme": "c", "seltsamen": "s",
    **{plain_ascii(word): quark for word, quark in {
        "上夸克": "u", "下夸克": "d", "奇异夸克": "s", "奇夸克": "s", "粲夸克": "c", "底夸克": "b", "顶夸克": "t", "アップクォーク": "u",
        "ダウンクォーク": "d", "ストレンジクォーク": "s", "チャームクォーク": "c", "ボトムクォーク": "b"}.items()},
}  # fmt: skip
_COUNTS = {
    "a": 1, "an": 1, "one": 1, "ein": 1, "einem": 1, "un": 1, "une": 1, "two": 2, "zwei": 2, "deux": 2, "three": 3, "drei": 3,
    "trois": 3, "1": 1, "2": 2, "3": 3, "一个": 1, "两个": 2, "三个": 3, "1つの": 1, "2つの": 2, "3つの": 3,
}  # fmt: skip
_NAMED = "|".join(sorted(map(re.escape, _QUARKS), key=len, reverse=True))
_COUNTED = "|".join(sorted((re.escape(plain_ascii(c)) for c in _COUNTS), key=len, reverse=True))
_PIECES = plain_ascii("つ")
_PLAIN_COUNTS = {plain_ascii(word): count for word, count in _COUNTS.items()}
_QUARK = re.compile(
    rf"(?<![A-Za-z'])(?:(?P<count>{_COUNTED})(?:[ -]|(?<=[^A-Za-z]) ?))?(?:(?P<head>(?:anti)?quarks? )?(?P<anti>anti)?-?(?P<name>{_NAMED})"
    r"(?:[ -](?P<tail>anti)?quarks?|-(?= und ))?"
    rf"|(?P<lone>anti-?(?=[udscbt](?![a-z])))?(?P<letters>(?:[udscbt](?:bar)?){{2,5}}|[udscbt](?:bar)?)"
    rf"(?:[ -]?(?:anti)?quarks?)?)(?![A-Za-z'])(?: ?(?P<after>\d) ?{_PIECES})?",
    re.IGNORECASE,
)
_LETTER = re.compile(r"[udscbt](?:bar)?")


def contents_equal(stated: str, asserted: str) -> bool:
    """Whether one of the contents that a source states ('u ubar, d dbar') has the asserted quarks in any order."""
    return any(_quarks(one) == _quarks(asserted) for one in stated.split(","))


def contents_hold(stated: str, asserted: str) -> bool:
    """Whether one of the contents that a source states holds the asserted quarks; 'a b quark' may be an antiquark."""
    wanted = _quarks(asserted)
    exact = any(quark.endswith("bar") for quark in wanted)
    held = (_quarks(one) for one in stated.split(","))
    return any(not wanted - (one if exact else Counter(q[0] for q in one.elements())) for one in held)


def _quarks(text: str) -> Counter[str]:
    return Counter(_LETTER.findall(text.replace(" ", "")))


def by_quarks(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Which baryon has quark content uss?', 'which particle consists of three strange quarks?', 'is the proton made of uud?'."""
    properties = [i for i in clause.places("property") if clause.tokens[i].value == "quark-content"]
    if not properties and clause.has("class"):  # 'which baryons contain three strange quarks?'
        properties = [i for i in clause.places("function") if clause.text(i) in ("contain", "contains")]
    if len(properties) != 1:
        return None
    found, places = _quarks_said(clause, properties[0])
    things = [i for i in clause.places("thing") if i not in places]
    kinds = [i for i in clause.places("class") if clause.tokens[i].value != "quark" and i not in places]
    others = [i for i in clause.places("property") if i not in (*places, *properties)]
    asks = clause.contains(CHOOSING) or clause.has("list") or bool(kinds)
    containing = any(word in clause.text(properties[0]) for word in _HOLDING)
    if (
        sum(found.values()) < (1 if containing and kinds else 2)
        or len(kinds) + len(things) > 1
        or not (things or asks)
    ):
        return None
    thing = subject_of(clause.tokens[(kinds + things)[0]]) if kinds or things else ANY
    if thing is None or (things and (others or not yes_or_no(clause))):
        return None
    spans = clause.use(*properties, *kinds, *things, *places)
    wanted = Wanted(thing, "quark-content", spans=spans)
    content = " ".join(found.elements())
    if first := _foremost_of(
        clause, thing, Filter("quark-content", ">=" if containing else "=", content, spans[0])
    ):
        return first
    further_conditions = _values_of(clause, others)  # 'uds and isospin 0'
    relation: Relation = ">=" if containing and not things else "="
    goal = Goal(
        "is" if things else "reverse", (wanted,), further_conditions, asserted=content, relation=relation
    )
    having = Filter("quark-content", relation, content, spans[0])
    further = [
        Wanted(thing, clause.tokens[i].value, spans=clause.use(i)) for i in others if i not in clause.used
    ]  # '… and what is its charge?'
    return [goal, *(Goal("list", (one,), (having,)) for one in further)]


def _foremost_of(clause: Clause, thing: Thing, having: Filter) -> list[Goal] | None:
    """'The lightest meson with a b and a c quark': the first of those that hold these quarks."""
    most = clause.places("most")
    if len(most) != 1 or not clause.tokens[most[0]].value[0]:
        return None
    name, direction = clause.tokens[most[0]].value
    first, rank = place_of(clause, most[0])
    own = [i for i in clause.places("property") if clause.tokens[i].value == name]
    spans = clause.use(*most, *own)
    return [
        Goal(
            "list",
            (Wanted(thing, name, spans=spans),),
            (having,),
            (name, direction),
            first or 1,
            rank,
            spans=spans,
        )
    ]


_HOLDING = tuple(map(plain_ascii, ("contain", "with", "avec", "mit", "enthalt", "contien", "含")))


def _quarks_said(clause: Clause, beside: int) -> tuple[Counter[str], list[int]]:
    """The quarks that the sentence names and the places of their tokens; none where any is half a token."""
    found: Counter[str] = Counter()
    places: set[int] = set()
    start, end = clause.tokens[0].start, clause.tokens[-1].end
    own = clause.tokens[beside]
    for match in _QUARK.finditer(clause.plain, start, end):
        if own.start < match.end() and match.start() < own.end:
            continue
        covered = {i for i, t in enumerate(clause.tokens) if t.start < match.end() and match.start() < t.end}
        if any(clause.tokens[i].kind == "class" and clause.tokens[i].value != "quark" for i in covered):
            continue
        if match["letters"] and any(
            t.kind == "unit" or (t.kind == "amount" and amount_of(t).unit)
            for t in map(clause.tokens.__getitem__, covered)
        ):
            continue  # '2e-10 s'
        if not covered or (match["letters"] and all(clause.tokens[i].kind == "function" for i in covered)):
            continue  # 'but'
        count = int(match["after"] or _PLAIN_COUNTS.get((match["count"] or "a").lower(), 1))
        if match["letters"]:
            letters = match["letters"] + ("bar" if match["lone"] else "")
            found.update({q: n * count for q, n in _quarks(letters).items()})
        else:
            anti = match["anti"] or match["tail"] or (match["head"] or "").lower().startswith("anti")
            bar = "bar" if anti else ""
            found[_QUARKS[match["name"].lower()] + bar] += count
        places |= covered
    return found, sorted(places)


# ---- numbers and quantum numbers -----------------------------------------------------------------


def _values_of(clause: Clause, properties: Sequence[int]) -> tuple[Filter, ...]:
    """'Charge -1 and strangeness -3': each property with the amount that follows it before the next."""
    found = []
    for place, after in zip(properties, [*properties[1:], len(clause.tokens)], strict=False):
        amount = next((i for i in clause.places("amount") if place < i < after), None)
        if amount is not None:
            span, _ = clause.use(place, amount)
            said = amount_of(clause.tokens[amount])
            found.append(Filter(clause.tokens[place].value, "=", said, span))
    return tuple(found)


def charges(clause: Clause) -> tuple[Filter, ...]:
    """Read 'Charged mesons', 'neutral baryons'."""
    apart = [
        i for i in clause.places("appended") if clause.tokens[i].value in ("+", "-", "neutral", "charged")
    ]
    places = [*clause.places("sign"), *apart]
    spans = clause.use(*places)
    return tuple(
        Filter("charge", "=", clause.tokens[i].value, span) for i, span in zip(places, spans, strict=True)
    )


def by_values(clause: Clause) -> list[Goal] | None:
    """Read 'Which mesons have spin 2?', 'which baryon has charge -1 and strangeness -3?': all that have these values."""
    named, properties, amounts = clause.places("class"), clause.places("property"), clause.places("amount")
    asks = clause.text(0) in ("what", "which", "who")
    if not named and len(properties) > 1 and amounts and asks and properties[0] < amounts[0]:
        return _of_any(clause, properties)  # 'what has spin 3/2 and strangeness -3?'
    classes = [i for i in named if clause.tokens[i].value != "particle"] or named[:1]
    others = clause.has("thing", "channel", "relation", "compare", "most", "code")
    if (
        not amounts
        or len(properties) not in (0 if len(amounts) == 1 else -1, len(amounts))
        or len(classes) != 1
        or others
    ):
        return None
    unit = find_unit(amount_of(clause.tokens[amounts[0]]).unit)
    by_unit = (
        "mass" if unit and unit.dimension in ("energy", "mass") else ""
    )  # 'which neutral baryon has about 1.1157 GeV?'
    name = clause.tokens[properties[0]].value if properties else by_unit
    if not name:
        return None
    token = clause.tokens[classes[0]]
    thing = ANY if token.value == "particle" else subject_of(token)
    assert thing is not None  # noqa: S101  # a class is one
    counting = clause.places("count")
    values = () if len(properties) < 2 else _values_of(clause, properties)
    if values and len(values) < len(properties):
        return None
    spans = clause.use(*named, *properties, *amounts, *counting)
    wanted = Wanted(thing, name, spans=spans)
    return [
        Goal(
            "count" if counting else "reverse",
            (wanted,),
            charges(clause) + values[1:],
            asserted=amount_of(clause.tokens[amounts[0]]),
            relation="=",
            spans=spans,
        )
    ]


def _of_any(clause: Clause, properties: Sequence[int]) -> list[Goal] | None:
    """The search among all particles for those that have several values."""
    if clause.has("thing", "channel", "relation", "compare", "most", "code"):
        return None
    first, *others = _values_of(clause, properties) or (None,)
    if (
        first is None
        or not others
        or len(others) + 1 < len(properties)
        or not isinstance(first.amount, Amount)
    ):
        return None
    wanted = Wanted(ANY, first.property, spans=(first.span,))
    return [Goal("reverse", (wanted,), charges(clause) + tuple(others), asserted=first.amount, relation="=")]


def foremost(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'The lightest charged meson', 'the lightest baryon with strangeness -1': the first of those that have these values."""
    most, classes, properties = clause.places("most"), clause.places("class"), clause.places("property")
    if len(most) != 1 or len(classes) != 1 or clause.has("thing", "channel", "relation", "compare", "count"):
        return None
    name, direction = clause.tokens[most[0]].value
    of = [i for i in properties if clause.tokens[i].value != name]
    if not name or clause.tokens[classes[0]].value == "particle":
        return None
    bare = [
        i for i in of if clause.tokens[i].value in _FLAVOURS and clause.text(i - 1) in ("with", "mit", "avec")
    ]
    spans = clause.use(*bare)  # 'with charm'
    some = tuple(
        Filter(clause.tokens[i].value, "!=", Amount(0.0, "", s), s) for i, s in zip(bare, spans, strict=True)
    )
    conditions = charges(clause) + some + _values_of(clause, [i for i in of if i not in bare])
    if not conditions or not clause.used.issuperset(of):
        return None
    thing = subject_of(clause.tokens[classes[0]])
    assert thing is not None  # noqa: S101  # a class is one
    first, rank = place_of(clause, most[0])
    spans = clause.use(most[0], *classes, *clause.places("property"))
    return [
        Goal(
            "list",
            (Wanted(thing, name, spans=spans),),
            conditions,
            (name, direction),
            first or 1,
            rank,
            spans=spans,
        )
    ]


_FLAVOURS = ("strangeness", "charm", "bottomness")


def by_number(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'What is -321?', 'which particle has the number 211?'."""
    amounts = clause.places("amount")
    essential = [i for i in clause.essential if i not in amounts]
    kinds = [
        i for i in essential if clause.tokens[i].kind == "class" and clause.tokens[i].value == "particle"
    ]
    if len(amounts) != 1 or essential != kinds or not clause.contains(CHOOSING):
        return None
    amount = amount_of(clause.tokens[amounts[0]])
    plain = amount.value == int(amount.value) and not amount.unit
    generated = clause.contains(
        ("pythia", "hepmc", "evtgen", "lhe", "root", "delphes", "madgraph", "id", "pdgid")
    )
    if not plain or not (kinds or generated or amount.value < 0 or amount.value >= _NUMBERLIKE):
        return None
    own = clause.use(*amounts)
    if not clause.contains(OTHER_NUMBERS):
        clause.use(*clause.places("word"))  # 'in my ROOT ntuple'
    asserted = Amount(amount.value, "", own[0])
    wanted = Wanted(ANY, "monte-carlo-number", spans=own)
    return [Goal("reverse", (wanted,), asserted=asserted, relation="=", spans=clause.use(*kinds))]


OTHER_NUMBERS = frozenset(
    "corsika geant geant3 geant4 herwig isajet fluka sherpa".split()
)  # they count particles in their own way
_NUMBERLIKE = 100  # smaller numbers without a sign, alone in a question, stand for anything


def by_quantum_numbers(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Which mesons have J^PC 1^-+?'."""
    said, kinds = clause.places("jpc"), clause.places("class")
    properties = [i for i in clause.places("property") if clause.tokens[i].value == "quantum-numbers"]
    essential = set(clause.essential) - {*said, *kinds, *properties}
    named = [i for i in kinds if clause.tokens[i].value != "particle"] or kinds[:1]
    if len(said) != 1 or len(named) != 1 or essential:
        return None
    thing = subject_of(clause.tokens[named[0]])
    assert thing is not None  # noqa: S101  # a class is one
    spans = clause.use(*said, *kinds, *properties)
    wanted = Wanted(ANY if thing.names == ANY.names else thing, "quantum-numbers", spans=spans)
    return [Goal("reverse", (wanted,), asserted=clause.tokens[said[0]].value, relation="=")]


def self_conjugate(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Is the K0 its own antiparticle?'."""
    said, things, kinds = clause.places("self-conjugate"), clause.places("thing"), clause.places("class")
    if (
        len(said) == len(kinds) == 1
        and set(clause.essential) <= {*said, *kinds}
        and clause.contains(CHOOSING)
    ):
        thing = subject_of(clause.tokens[kinds[0]])
        assert thing is not None  # noqa: S101  # a class is one
        wanted = Wanted(thing, "antiparticle", spans=clause.use(*said, *kinds))
        return [Goal("reverse", (wanted,), asserted="itself", relation="=")]
    if len(said) != 1 or not things or len(clause.essential) != len(said) + len(things):
        return None
    goals = []
    for place in things:
        thing = subject_of(clause.tokens[place])
        if thing is None:
            return None
        wanted = Wanted(thing, "antiparticle", spans=clause.use(place, *said))
        goals.append(Goal("is", (wanted,), asserted="itself", relation="="))
    return goals


def leptonic(clause: Clause) -> tuple[Filter, ...]:
    """Read 'The leptonic decay modes'."""
    places = [i for i in clause.places("word") if clause.text(i) in ("leptonic", "leptonically")]
    spans = clause.use(*places)
    return tuple(Filter("decays", "=", "leptonic", span) for span in spans)


def of_what_was_searched(found: Sequence[Wanted], search: Goal) -> list[Goal] | None:
    """Read 'Which baryon is made of sss, and what is its charge?': the property of what the search finds."""
    sought = search.operands[0].property
    if sought == "monte-carlo-number" and isinstance(search.asserted, Amount):
        name = particle_table().numbers.get(int(search.asserted.value))
        thing = Thing((name or "",), search.operands[0].thing.text, (0, 0), True)
        return [Goal("value", (replace(wanted, thing=thing),)) for wanted in found] if name else None
    if not isinstance(search.asserted, str):
        return None
    having = Filter(sought, "=", search.asserted, (0, 0))
    return [Goal("list", (wanted,), (having,)) for wanted in found]


def about(clause: Clause) -> tuple[Filter, ...]:
    """Read 'Decays to mu+ nu_mu 63.6 % of the time'."""
    places = [i for i in clause.places("amount") if amount_of(clause.tokens[i]).unit == "%"]
    spans = clause.use(*places)
    return tuple(
        Filter("branching-fraction", "=", amount_of(clause.tokens[i]), s)
        for i, s in zip(places, spans, strict=True)
    )
