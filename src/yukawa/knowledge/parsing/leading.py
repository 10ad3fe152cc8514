"""What a statement beside a question may change of the answer: a condition, a claim, something else that 'it' may be."""

import itertools
from collections.abc import Iterator, Sequence

from yukawa.knowledge.parsing.asides import FIRST_PERSON
from yukawa.knowledge.parsing.clauses import MEANINGFUL, Clause
from yukawa.knowledge.parsing.excuses import ALTERS, ASSUMING, KNOWING
from yukawa.knowledge.parsing.lexicon import is_notation, is_physics
from yukawa.knowledge.parsing.tokens import Token


def of_statement(clause: Clause, clauses: Sequence[Clause]) -> list[Token]:
    """What of a statement beside the question may change the answer: a condition, a claim, something else that 'it' may be."""
    tokens = clause.tokens
    if _supposes(clause) or any(clause.text(i).startswith(ALTERS) for i in clause.places("word")):
        return [t for t in tokens if t.kind == "word" or t.kind in MEANINGFUL]
    named = [t for t in tokens if t.kind == "thing"]  # of which 'is the heaviest' only tells
    numbers = [t for t, after in itertools.pairwise(tokens) if (t.kind, after.kind) == ("factor", "thing")]
    numbers += [
        t
        for t, *after in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if t.kind == "amount" and after[1].kind == "class"
    ]
    if clause.language in ("zh", "ja") and not clause.has("thing", "property"):
        numbers += [t for t in tokens if t.kind == "amount"]  # 'ノートには9.46GeVとメモしてあります'
    numbers += [tokens[i] for i in clause.told] + [
        tokens[i] for i in (*_values_told(clause), *_values_before(clause))
    ]
    found = [
        t
        for t in tokens
        if (t.kind in MEANINGFUL and t.kind not in _LEADS and t not in numbers and not _of_history(t))
        or (t.kind in ("compare", "most") and t.value[0] and not (named and named[0].start < t.start))
        or (t.value == "decays" and clause.contains(_SEEN))  # 'since proton decay was observed last year'
    ]
    if tokens[-1].text.lower() == "aside":
        return []
    shared = bool(clause.used) or _about_the_same(clause, clauses)
    # 'Fermilab discovered the top'
    finder = next((i for i, t in enumerate(tokens) if t.kind == "explain"), 0)
    defined = next((i for i in range(1, len(tokens)) if tokens[i - 1].text.lower() in _BEING), len(tokens))
    # 'is the carrier of …'
    defines = defined < len(tokens) and tokens[defined].text.lower() in ("the", "a", "an")
    for place, token in enumerate(tokens):
        if defines and place > defined and not is_notation(token.text):
            continue
        if token.kind not in ("word", "appended") or _whereabouts(clause, place) or token.text.endswith("ly"):
            continue
        if _moves(clause, place) or _has_done(clause, place) or _holds(clause, place):
            continue
        if place < finder < next((i for i, t in enumerate(tokens) if t.kind == "thing"), 0):
            continue
        if _of_the_speaker(clause, place) or (place and clause.text(place - 1) == "by"):
            continue  # 'is forbidden by C'
        strange = token.kind == "appended" or is_physics(token.text) or is_notation(token.text)
        meant = clause.language == "en" and clause.used and _may_be_meant(clause, place)
        if meant or (shared and strange):
            found.append(token)
    return found


def _supposes(clause: Clause) -> bool:
    """Whether a statement is of what might be; 'every student should know', 'a reference would be nice' are not."""
    words = clause.words(range(len(clause.tokens)))
    meant = [word for word in words if word in _SUPPOSING]
    polite = [
        a for a, *b in zip(words, words[1:], words[2:], strict=False)
        if a in _MODAL and (b[0] in KNOWING or (b[0] == "be" and b[1] in _WELCOME))
    ]  # fmt: skip
    return len(meant) > len(polite)


_MODAL = frozenset("would could should might".split())
_WELCOME = frozenset(
    "nice great good fine helpful appreciated enough useful lovely perfect welcome wonderful".split()
)


def of_tale(clause: Clause) -> list[Token]:
    """What of the asker's doings beside a question for a listed value makes another thing of the one named: 'we look for excited muons'."""
    found = [t for t in clause.tokens if t.kind == "qualifier" and t.value[0] != "experiment"]
    return found + [clause.tokens[i] for i in near_things(clause)]


def near_things(clause: Clause) -> list[int]:
    """The places of words around things that make others of them: 'excited muons', 'the partner of the muon', 'muon atoms'."""
    found: list[int] = []
    for place in (i for i, t in enumerate(clause.tokens) if t.kind in ("thing", "constant", "channel")):
        first = place
        while first and clause.tokens[first - 1].kind in ("word", "appended", "negation", "sign"):
            first -= 1
        near = list(range(first, place))
        if clause.text(first - 1) in ("the", "a", "an") and first > 1:
            first -= 1
        if first > 1 and clause.text(first - 1) == "of":
            near.append(first - 2)  # 'the partner of the muon'
        if place + 1 < len(clause.tokens):
            near.append(place + 1)  # 'muon atoms'
        found += [
            i for i in near
            if clause.tokens[i].kind in ("word", "appended", "sign") and clause.text(i) not in _TAKEN and not _verb(clause, i)
        ]  # fmt: skip
    return found


def _verb(clause: Clause, place: int) -> bool:
    """Whether a word behind the speaker is what they do: 'we stop muons', 'I got pions'."""
    return place > 0 and clause.text(place - 1) in ("i", "we", "i've", "we've", "and")


# What is done to things, and what holds many, makes no other thing of them.
_TAKEN = frozenset(
    "stop stopped stopping cosmic atmospheric tagged reconstructed selected generated simulated produced produce detected observed study"
    " generate simulate measure measuring counting recorded sample samples beam beams event events data decays decay candidates tracks"
    " analysis measurement course lab experiment".split()
)


def _moves(clause: Clause, place: int) -> bool:
    """'The limit has gone below 1e-9': an everyday verb ahead of 'below' or 'above'."""
    behind = clause.tokens[place + 1 : place + 2]
    return bool(behind) and behind[0].kind == "relation" and not is_physics(clause.tokens[place].text)


def _holds(clause: Clause, place: int) -> bool:
    """'We generate Upsilon(1S) samples': what holds many of a thing has none of its properties."""
    return place > 0 and clause.text(place) in _HOLDING and clause.tokens[place - 1].kind == "thing"


_HOLDING = ("sample", "samples", "event", "events", "data", "datasets")


def _has_done(clause: Clause, place: int) -> bool:
    """'The X(3872) has changed names': what a thing has done, without an article, is nothing that 'it' could be."""
    words = [clause.text(i) for i in range(len(clause.tokens))]
    verb = next((i for i, word in enumerate(words) if word in ("has", "have")), None)
    if verb is None or not verb < place or not words[verb + 1 : verb + 2][0].endswith("ed"):
        return False
    behind = clause.tokens[verb + 1 :]
    return len(behind) <= _NEAR and all(t.kind == "word" and not is_physics(t.text) for t in behind)


def _values_before(clause: Clause) -> Iterator[int]:
    """The amounts ahead of a property, 'quotes 1.0 ps for the B_s lifetime'."""
    for place in clause.places("amount"):
        behind = [t for t in clause.tokens[place + 1 : place + 6] if t.kind not in ("thing", "neutral")]
        if [t.text.lower() for t in behind[:1]] == ["for"] and any(t.kind == "property" for t in behind):
            yield place


def _of_the_speaker(clause: Clause, place: int) -> bool:
    """'I set up two equations', 'I get … at tree level': what the speaker does, unless it is done to the thing: 'in lattice QCD'."""
    near = {clause.text(i) for i in range(max(0, place - 2), place)}
    things = [i for i, t in enumerate(clause.tokens) if t.kind in ("thing", "channel", "constant", "class")]
    topic = bool(things) and {"about", "on"} & {
        clause.text(i) for i in range(things[0])
    }  # 'I read about the proton puzzle'
    if things and place > things[0] and clause.text(place - 1) != "at" and not topic:
        return False  # 'I heard the tau has a partner'
    return clause.text(0) in ("i", "we", "i've", "i'm") and not near & _SURROUNDING


_SURROUNDING = frozenset("in inside using use used apply with under near through without from".split())


def _values_told(clause: Clause) -> Iterator[int]:
    """The amounts behind a property, 'a baryon of charge +2', 'with a mass of 1115 MeV': what a thing has, and no condition."""
    for place in clause.places("amount"):
        before = place - 1
        while before > 0 and (
            clause.tokens[before].kind in ("function", "neutral") or clause.text(before) in "=~"
        ):
            before -= 1
        if clause.tokens[before].kind == "property" and clause.tokens[before].value not in (
            "momentum",
            "energy-release",
        ):
            yield place


def _may_be_meant(clause: Clause, place: int) -> bool:
    """Whether 'it' may be what this word names: 'the superpartner of the electron', 'the electron has a superpartner'."""
    if any(t.text == ":" for t in clause.between(place, min(clause.used))):
        return False  # 'Homework: the Lambda …'
    if place and clause.text(place - 1) in _POSSESSIVE_OF_IT:
        return False  # 'is famous for its slow pion'
    for thing in clause.used:
        between = clause.between(*sorted((place, thing)))
        if all(t.kind in ("word", "mark", "thing", "class") or t.text.lower() in OF for t in between):
            return True
    if place < min(clause.used):
        return not clause.contains(FIRST_PERSON)  # 'the sterile neutrino mixes with the electron neutrino'
    return not clause.contains(_BEING)


def _of_history(token: Token) -> bool:
    """'CDF', '1937': who found a thing, and when."""
    year = token.kind == "amount" and token.text.isdigit() and len(token.text) == 4
    return year or (token.kind == "qualifier" and token.value[0] in ("experiment", "year"))


OF = frozenset("of the a an 's".split())
_SEEN = ("observed", "seen", "detected", "confirmed", "found", "proven", "discovered", "measured")


_LEADS = frozenset({"thing", "class", "property", "channel", "constant", "explain", "measured", "appended"})


_BEING = frozenset("is are was were".split())


_SUPPOSING = (ASSUMING - {"given"}) | frozenset("let let's would could should might".split())


def _about_the_same(clause: Clause, clauses: Sequence[Clause]) -> bool:
    """Whether what goals use of other sentences is a thing of this one, or no particle."""
    used = [
        other.tokens[i]
        for other in clauses
        if other is not clause
        for i in other.used
        if not i or other.text(i - 1) not in ("a", "an")  # 'a muon' is any, and not the one just spoken of
    ]
    own = {name for t in clause.tokens if t.kind == "thing" for name in t.value.names}
    return any(
        t.kind in ("constant", "identifier") or (t.kind == "thing" and own & set(t.value.names)) for t in used
    )


def _whereabouts(clause: Clause, place: int) -> bool:
    """'At both SLAC and Brookhaven': a name behind 'at', which is that of a place."""
    before = [clause.tokens[i] for i in range(max(0, place - _NEAR), place)]
    return clause.tokens[place].text.isalpha() and any(t.text.lower().split()[0] == "at" for t in before)


_NEAR = 4  # words


_POSSESSIVE_OF_IT = ("its", "their")
