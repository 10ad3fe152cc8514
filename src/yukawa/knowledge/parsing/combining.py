"""Rules for sentences that ask who measured quantities, how they compare, and for yes or no."""

import functools
import re
from collections.abc import Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.clauses import BACKGROUND, Clause, Context, amount_of
from yukawa.knowledge.parsing.lexicon import lexicon
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Direction, Filter, Goal, Relation, Thing, Wanted
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.wanted import quantities

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
_ASKED = tuple(map(plain_ascii, ("何", "どの", "どれ", "どん", "いく", "几", "多少", "百分之")))

# ---- who measured --------------------------------------------------------------------------------

# Words that choose one measurement, with the order in which it is first.
_FIRST: tuple[tuple[tuple[str, ...], str, Direction], ...] = (
    (("least", "ungenau", "moins pr"), "precision", "ascending"),
    (("precise", "accurate", "best", "genau", "plus pr"), "precision", "descending"),
    (
        ("oldest", "earliest", "first", "alteste", "erste", "zuerst", "ancienne", "premiere"),
        "year",
        "ascending",
    ),
    (("newest", "latest", "recent", "last", "neueste", "letzte", "derniere"), "year", "descending"),
)
_AVERAGE = ("average", "enter", "go into", "contribute")


def measurements(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Who measured …', 'which paper …', 'most precise measurement', a value by one experiment."""
    said = clause.places("measured")
    experiments = [i for i in clause.places("qualifier") if clause.tokens[i].value[0] == "experiment"]
    if not said and not experiments:
        return None
    if len(experiments) > 1:
        return _of_each(clause, context, experiments)
    wanted = quantities(clause, context.last) or _identified(clause)
    if not wanted and not clause.has("thing", "property", "channel", "class", "constant"):
        wanted = [w for w in context.last if w.property]  # 'and who measured that?'
    if not wanted:
        return None
    words = " ; ".join(
        [
            *(clause.text(i) for i in said),
            *(t.text.lower() for t in clause.tokens if t.text.lower() == "best"),
        ]
    )
    spans = clause.use(*said, *clause.places("count"))
    filters = []
    if any(word in words for word in _AVERAGE):
        filters.append(Filter("used-in-average", "=", "yes", spans[0]))
    if "changed" in words:
        filters.append(Filter("new", "=", "yes", spans[0]))
    order = next(((by, way) for parts, by, way in _FIRST if any(part in words for part in parts)), None)
    return [
        Goal("measurements", (w,), tuple(filters), order, 1 if order else None, spans=spans) for w in wanted
    ]


def _of_each(clause: Clause, context: Context, experiments: Sequence[int]) -> list[Goal] | None:
    """'What do CDF and ATLAS get for the W mass?': the goals of one experiment after the other."""
    apart = list(_APART.finditer(clause.plain, clause.tokens[0].start, clause.tokens[-1].end))
    words = [i for i, t in enumerate(clause.tokens) for m in apart if t.start < m.end() and m.start() < t.end]
    spans = clause.use(*words)  # 'by how many sigma do they differ?'
    tokens, before, used = list(clause.tokens), set(clause.used), set(clause.used)
    goals: list[Goal] = []
    for place in experiments:
        clause.used = set(before)
        clause.tokens[:] = [
            replace(t, kind="aside") if i in experiments and i != place else t for i, t in enumerate(tokens)
        ]
        found = measurements(clause, context)
        if not found:
            return None
        goals += found
        used |= clause.used
    clause.tokens[:], clause.used = tokens, used
    if not apart:
        return goals
    wanted = tuple(goal.operands[0] for goal in goals)
    best: tuple[str, Direction] = ("precision", "descending")
    return (
        [Goal("measurements", wanted, order=best, relation="!=", spans=spans)] if len(wanted) == 2 else None
    )


_APART = re.compile(
    r"(?:by )?how many (?:sigmas?|standard deviations)|\b(?:differ|disagree|apart|away from each other|from each other)\b"
    r"|(?:discrepancy|tension|difference) between", re.IGNORECASE,
)  # fmt: skip


def _identified(clause: Clause) -> list[Wanted]:
    """Quantities by a source's identifier, with the experiment and year of their measurements."""
    said = [i for i in clause.places("qualifier") if clause.tokens[i].value[0] in ("experiment", "year")]
    qualifiers = dict(clause.tokens[i].value for i in said)
    found = []
    for place in clause.places("identifier"):
        token = clause.tokens[place]
        thing = Thing((), token.text, (token.start, token.end))
        found.append(
            Wanted(thing, "other", qualifiers=qualifiers, name=token.value, spans=clause.use(place, *said))
        )
    return found


# ---- counts --------------------------------------------------------------------------------------


def charge_states(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'How many charge states does the Delta(1232) have?'."""
    counts = clause.places("count")
    charges = [i for i in clause.places("property") if clause.text(i) == "charge states"]
    if not counts or not charges or len(clause.places("thing")) != 1:
        return None
    found = quantities(clause)
    counted = tuple(_particles_alone(w) for w in found if w.property == "charge")
    goals = [Goal("count", counted, spans=clause.use(*counts))] if counted else []
    return goals + [Goal("value", (w,)) for w in found if w.property != "charge"] or None


def _particles_alone(wanted: Wanted) -> Wanted:
    """A quantity of the particles without their antiparticles, where both may be meant."""
    table = particle_table().particles
    names = tuple(n for n in wanted.thing.names if n in table and not table[n].is_antiparticle)
    return replace(wanted, thing=replace(wanted.thing, names=names)) if names else wanted


# ---- comparison ----------------------------------------------------------------------------------


def comparison(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Is A heavier than B?', 'which is heavier, A or B?', 'which lepton lives longest?'."""
    if against := _against(clause):
        return against
    comparing = clause.places("compare", "most")
    if not comparing or clause.has("relation", "measured"):
        return None
    topped = len(comparing) == 2 and bool(
        _TOP.fullmatch(clause.text(comparing[0]))
    )  # 'the top 5 lightest mesons'
    counting, comparing = comparing[0], comparing[1:] if topped else comparing
    token = clause.tokens[comparing[0]]
    open_question = yes_or_no(clause)
    things = clause.places("thing", "constant", "code")
    classes = [i for i in clause.places("class") if clause.tokens[i].value != "particle"]
    if len(things) == 1 and classes and token.kind == "compare":
        return None
    name = token.value[0]
    if not name and not clause.has("property"):
        return None
    decays = [i for i in clause.places("property") if clause.tokens[i].value == "decays"]
    if len(clause.places("channel")) > 1 and name == "branching-fraction":
        clause.use(*decays)  # 'does it decay more often to … or to …?'
    elif decays:
        return None
    before = context.operands if not things and not classes else ()
    found = (
        list(before)
        if before and not clause.has("property")
        else quantities(clause, before, property_name=name)
    )
    if name:
        found = [replace(w, property=name) if w.property in ("", "class") else w for w in found]
    if not found or (name and any(w.property != name for w in found)):
        return None
    if (len(found) < 2 and not classes) or clause.has("channel") or len({bool(w.channel) for w in found}) > 1:
        return None
    sought = [i for i in clause.places("class") if clause.tokens[i].value == "particle"]
    if len(things) > 1:  # 'which meson is heavier, the omega(782) or the rho(770)?'
        found = [w for w in found if not w.thing.names[0].startswith("class:")]
        sought = clause.places("class")
    spans = clause.use(*comparing, *clause.places("order"), *(sought if classes or things else ()))
    prop = found[0].property
    direction: Direction = "descending" if token.value[1] in (">", "descending") else "ascending"
    alternatives = clause.contains(("or", "oder", "ou", "或", "还是"))
    choosing = clause.contains(CHOOSING) or token.kind == "most"
    if token.kind == "most" and len(things) == 1 and len(classes) == 1 and not open_question:
        return None  # 'the lightest meson with a b quark'
    if token.kind == "most" and len(things) == 1 and len(classes) == 1:  # 'is the top the heaviest quark?'
        found = [w for w in found if w.thing.names[0].startswith("class:")]
        things = []
    if token.kind == "compare" and not alternatives and open_question and len(found) > 1:
        return _claims(clause, comparing, found)
    if token.value[1] == "=" or not (choosing or len(found) > 1):
        return None
    first, rank = place_of(clause, counting)
    clause.use(counting)
    most = (first or 1) if (classes and not things) or rank > 1 else None
    return [Goal("which", tuple(found), order=(prop, direction), most=most, rank=rank, spans=spans)]


def _claims(clause: Clause, comparing: Sequence[int], found: Sequence[Wanted]) -> list[Goal] | None:
    """'Is the W heavier than the Z and the Higgs?', '… heavier than A and lighter than B?': a verdict on each."""
    first, *others = sorted(found, key=lambda w: w.thing.span)
    goals = []
    for other in others:
        before = [i for i in comparing if clause.tokens[i].start < other.thing.span[0]]
        if not before and len(others) > 1:
            return None
        comparer = (before or comparing)[-1]
        name, sign = clause.tokens[comparer].value
        if name not in ("", first.property):
            return None
        goals.append(Goal("is", (first, other), relation=relation_of(sign), spans=clause.use(comparer)))
    return goals


def _against(clause: Clause) -> list[Goal] | None:
    """'Proton vs neutron mass', 'compare the masses of …', 'rank the D+, D0 and D_s by lifetime'."""
    words = clause.places("against", "order")
    if not words or clause.has("channel", "compare", "most", "ratio", "difference-of", "difference"):
        return None
    listed = [i for i in clause.places("class") if i + 1 < len(clause.tokens) and clause.text(i + 1) in "(:"]
    if len(listed) != len(clause.places("class")):
        return None
    clause.use(*listed)  # 'the charmed baryons (Lambda_c, Xi_c+, …)'
    found = quantities(clause, property_name=named_by(clause, words))
    if len(found) < 2 or len({w.property for w in found}) != 1:
        return None
    direction: Direction = (
        "ascending" if any(clause.tokens[i].value == "ascending" for i in words) else "descending"
    )
    return [Goal("which", tuple(found), order=(found[0].property, direction), spans=clause.use(*words))]


def place_of(clause: Clause, place: int) -> tuple[int | None, int]:
    """How many are wanted and from which on: (3, 1) for 'the three heaviest', (1, 2) for 'the second heaviest'."""
    if said := _TOP.fullmatch(clause.text(place)):
        return _COUNTED.get(said[1]) or int(said[1]), 1
    before = clause.tokens[place - 1] if place else None
    if before is not None and before.kind in ("number", "ordinal"):
        clause.use(place - 1)
        return (int(before.value), 1) if before.kind == "number" else (1, int(before.value))
    numbers = [i for i in clause.places("number", "amount") if amount_of(clause.tokens[i]).unit == ""]
    if len(numbers) != 1 or not 1 < amount_of(clause.tokens[numbers[0]]).value <= _MOST_OF_A_LIST:
        return None, 1
    clause.use(*numbers)  # 'les trois quarks les plus lourds'
    return int(amount_of(clause.tokens[numbers[0]]).value), 1


_MOST_OF_A_LIST = 30
_COUNTED = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10}
_TOP = re.compile(rf"top ({'|'.join(_COUNTED)}|\d{{1,2}})")


def named_by(clause: Clause, places: Sequence[int]) -> str:
    """The property that words of comparison speak of: 'heavier than', 'longer than'; '' where they name none."""
    words = " ".join(clause.text(i) for i in places)
    meant = (value for i in places for kind, value in clause.tokens[i].otherwise if kind == "compare")
    if named := next((value[0] for value in meant if value[0]), ""):
        return str(named)
    if spoken := _spoken_of(words, clause.language):
        return spoken
    if "heav" in words or "light" in words or "massive" in words:
        return "mass"
    if "narrow" in words or "wide" in words or "broad" in words:
        return "width"
    return "lifetime" if "long" in words or "short" in words else ""


def _spoken_of(words: str, language: str) -> str:
    """The property that a word of comparison within others names: 'wie viel schwerer', '何倍重い', '重多少倍'."""
    said = set(words.split())
    return next(
        (n for phrase, n in _comparisons(language) if phrase in (said if phrase.isascii() else words)), ""
    )


@functools.lru_cache(maxsize=8)
def _comparisons(language: str) -> list[tuple[str, str]]:
    """The words of a language that compare one property, the longest first."""
    found = [
        (phrase, value[0])
        for kind, value, phrase in lexicon(language).entries
        if kind == "compare" and value[0]
    ]
    return sorted(found, key=lambda one: -len(one[0]))


def relation_of(text: str) -> Relation:
    """The relation that a token of the lexicon names."""
    for known in ("<", "<=", ">", ">=", "=", "!="):
        if text == known:
            return known
    return "="


def complement(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'What fraction of Z decays is not hadronic?', 'how many percent of the Higgs bosons do not decay to b quarks?'."""
    negations, channels = clause.places("negation"), clause.places("channel")
    if len(negations) != 1 or len(channels) != 1 or channels[0] != negations[0] + 1:
        return None
    if (
        negations[0]
        and clause.text(negations[0] - 1) not in _AUXILIARIES["en"]
        and clause.text(negations[0]) == "not"
    ):
        return None
    if [clause.tokens[i].value for i in clause.places("property")] != ["branching-fraction"] or clause.has(
        "list", "most"
    ):
        return None
    found = quantities(clause)
    if len(found) != 1 or found[0].channel is None:
        return None
    return [Goal("value", (replace(found[0], property="other-decays"),), spans=clause.use(*negations))]


# ---- yes or no -----------------------------------------------------------------------------------


def yes_or_no(clause: Clause) -> bool:
    """Whether an auxiliary opens what is asked: 'could you tell me, is the tau …', but not 'what is the mass …'."""
    if clause.claims:
        return True
    if clause.language == "en" and clause.text(0).split()[0] in ("which", "what"):
        return False
    if clause.language not in _AUXILIARIES:
        last = max((i for i, t in enumerate(clause.tokens) if t.kind not in BACKGROUND), default=-1)
        ends = {clause.text(i) for i in range(last + 1, len(clause.tokens))}
        open_ = clause.has_question_word or any(word in t.text for t in clause.tokens for word in _ASKED)
        return bool(ends & _ASKING) and not clause.contains(CHOOSING) and not open_
    if clause.language != "en" and clause.has_question_word:
        return False
    if any(token.text.lower() in _INVERTED for token in clause.tokens) and not clause.contains(CHOOSING):
        return True
    first = next(iter(clause.essential), len(clause.tokens))
    if first < len(clause.tokens) and clause.text(first).split()[0] in ("how", "wie", "combien"):
        return False
    for place in range(first - 1, -1, -1):
        if (
            _SUBJECTS_OF_AUXILIARIES & set(clause.text(place).split()[:1])
            and len(clause.text(place).split()) > 1
        ):
            return False  # 'how much does'
        for word in reversed(clause.text(place).split()):
            if word in _AUXILIARIES[clause.language]:
                return place == 0 or not set(clause.text(place - 1).split()) & _SUBJECTS_OF_AUXILIARIES
            if word not in _AFTER_AUXILIARIES:
                return False
    return False


_INVERTED = frozenset(
    {"est-il", "est-elle", "vaut-il", "vaut-elle", "sont-ils", "sont-elles", "a-t-il", "a-t-elle", "ont-ils"}
)
_SUBJECTS_OF_AUXILIARIES = frozenset("what which who that it this there i we you how why".split())
_AFTER_AUXILIARIES = frozenset(
    "the a an any it true that really there correct so anybody anyone somebody seen ever observed actually der die das ein eine"
    " le la les un une l ' your my both also physics experiment exist exists found".split()
)


def filters_of(clause: Clause, property_name: str) -> tuple[Filter, ...]:
    """'above 10 %', 'longer than 2e-10 s': conditions said with an amount."""
    found = []
    for place in clause.places("relation"):
        amounts = clause.places("amount")
        after = next((i for i in amounts if i > place), amounts[-1] if amounts else None)
        if after is None:
            continue
        spans = clause.use(place, after)
        found.append(
            Filter(
                named_by(clause, [place]) or property_name,
                relation_of(clause.tokens[place].value),
                amount_of(clause.tokens[after]),
                (spans[0][0], spans[-1][1]),
            )
        )
    return tuple(found)
