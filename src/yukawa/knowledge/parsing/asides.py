"""Sets aside what people say of themselves around a question: clauses of their own, with a person and without physics.

'I don't know', 'because my thesis is due on 12 May', '(worth 14 points)': whatever numbers and negations they hold, they
change nothing of what is asked. A clause is known by its grammar, not by its words: it begins at a mark, a conjunction or a
question word, somebody is its subject or owns what it speaks of, and nothing in it names a quantity, a thing or a condition.
"""

import itertools
from collections.abc import Iterator, Sequence

from yukawa.knowledge.parsing import labels
from yukawa.knowledge.parsing.bearing import bearing
from yukawa.knowledge.parsing.excuses import (
    ASSUMING,
    CALENDAR,
    KNOWING,
    MEASURING,
    SAYING,
    is_address,
    is_due,
    is_excuse,
    is_reason,
    is_refrain,
    is_scene,
    knows_nothing,
)
from yukawa.knowledge.parsing.framing import beyond_framing, is_courtesy
from yukawa.knowledge.parsing.lexicon import is_notation, is_physics
from yukawa.knowledge.parsing.plan import Amount
from yukawa.knowledge.parsing.tokens import Token

FIRST_PERSON = frozenset(
    "i i'm i've i'd i'll im ive my me we we're we've our us mine myself you your ich mein meine meinen meinem meiner mir mich wir"
    " uns unser unsere je j mon ma mes moi nous notre 我 我们 私".split()
)
_OTHERS = frozenset(
    "idk he she they somebody someone nobody everybody everyone anybody anyone his her their him them er sie man niemand jemand"
    " personne quelqu'un".split()
)
_NO_ONE = ("no one", "none of")
_BEGINS = frozenset(
    "because since as so but and while although though therefore otherwise until till or whether if what what's whats which who whose"
    " how where weil denn da aber und dass wie was welche welcher welches wer parce"
    " puisque car mais et que quel quelle combien comment".split()
)
_ASKS = frozenset(
    "what what's whats which who who's whose whom how where when why wie was wo wann wer warum welche welcher welches wieso quel quelle qui"
    " que quand comment pourquoi combien".split()
)
_TRAILING = frozenset("for to before after during by fur vor pour avant".split())
_FOUND = frozenset("got measured obtained calculated computed fitted".split())
_RESULTS = frozenset("value result measurement number answer fit average".split())
_LOCATING = frozenset("in at from by with using under inside within near through".split())
_POINTING = frozenset("that this it these those".split())


def set_aside(
    tokens: Sequence[Token], *, others: Sequence[Token] = (), language: str = "en", asked: bool = False
) -> list[Token]:
    """The tokens of a sentence without those of asides.

    Args:
        tokens: of the sentence.
        others: those of the other sentences; where they ask for something, this one may be an aside as a whole.
        language: of the question.
        asked: whether a question mark ends it.
    """
    numbered = labels.heading(tokens) or _introduction(tokens)
    parts = list(_parts(tokens, numbered))
    idle: list[range] = []
    whole = range(len(tokens))
    apart = labels.asks(others)
    if not tokens or (apart and (labels.is_signature(tokens) or labels.is_score(tokens, whole, alone=True))):
        return []
    if apart and not labels.asks(tokens):
        if bearing(tokens):
            return list(tokens)
        if is_courtesy(tokens, language):
            return []
        if not asked and not _is_formal(tokens, whole) and beyond_framing(tokens, language):
            return list(tokens)
    if apart and _is_aside(tokens, whole, others, pointed=False, spoken=False):
        return []
    for part, after in itertools.zip_longest(parts, parts[1:], fillvalue=range(0)):
        spoken = _goes_on(tokens, part, idle) or _of_speaker(tokens, part, after)
        if _is_aside(tokens, part, others, pointed=_rest_points(tokens, part), spoken=spoken):
            idle.append(part)
    if len(idle) == len(parts) and not apart:
        return list(tokens)
    places = {place for part in idle for place in part} | set(_own_results(tokens)) | set(range(numbered))
    return [t for i, t in enumerate(tokens) if i not in places]


def _introduction(tokens: Sequence[Token]) -> int:
    """How many tokens 'Halfway through chapter 3 and wondering:' takes ahead of a question: what somebody does, without physics."""
    colon = next((i for i, t in enumerate(tokens[:_LONGEST]) if t.text == ":"), 0)
    inside, rest = tokens[:colon], tokens[colon + 1 :]
    if not inside or not rest or rest[0].text.lower().split()[0] not in _ASKS:
        return 0
    said = [word for t in inside for word in t.text.lower().split()]
    doing = any(word.endswith("ing") for word in said) or _personal(said)
    kinds = ("function", "word", "neutral", "join", "mark", *(_TOPICS if _named(rest) else ()))
    quiet = all(t.kind in kinds or labels.is_bare(t) for t in inside)
    strange = any(is_physics(t.text) and t.text.lower() not in _READ for t in inside if t.kind == "word")
    meant = ASSUMING & set(said) or said[0] in _LOCATING or bearing(inside)
    return colon + 1 if doing and quiet and not strange and not meant else 0


_LONGEST = 24  # tokens of an introduction
_READ = frozenset("article articles paper papers".split())
_TOPICS = ("thing", "class", "property")  # what somebody reads about, where the question names its own thing


def _parts(tokens: Sequence[Token], start: int = 0) -> Iterator[range]:
    """The clauses of a sentence from `start` on, marks apart."""
    last = max((i for i, t in enumerate(tokens) if t.kind not in labels.IDLE), default=len(tokens))
    for place, token in enumerate(tokens):
        if place < start:
            continue
        mark = token.kind == "mark" and token.text != "'"
        first = token.text.lower().split()[0] if token.text else ""
        begins = first in _BEGINS or (
            start <= last < place and first in _TRAILING and token.kind == "function"
        )
        if place > start and (mark or begins or _presented(tokens, range(start, place))):
            yield range(start, place)
            start = place
        if mark:
            start = place + 1
    if start < len(tokens):
        yield range(start, len(tokens))


def _presented(tokens: Sequence[Token], part: range) -> bool:
    """'What I want to know is', 'today's question was': what comes next is asked."""
    if tokens[part[-1]].text.lower() not in ("is", "was"):
        return False
    said = [tokens[i].text.lower() for i in part]
    return "question" in said or (said[0] == "what" and bool(FIRST_PERSON & set(said)))


def _goes_on(tokens: Sequence[Token], part: range, idle: Sequence[range]) -> bool:
    """Whether a clause shares the subject of an aside: 'I have | until May', 'I am from Rio | and 16 years old', 'our sons, | 9 and 12'."""
    between = [tokens[i].text for i in range(idle[-1].stop, part.start)] if idle else []
    closed = between == [")"] and len(idle) > 1 and idle[-2].stop + 1 == idle[-1].start
    if between == ["("] or closed:
        return True  # 'my book | (from the eighties) | does not have it'
    if not idle or any(text != "," for text in between):
        return False
    first = tokens[part.start].text.lower().split()[0]
    bare = all(tokens[i].kind == "function" or labels.is_bare(tokens[i]) for i in part)
    return (part.start == idle[-1].stop and first in _BEGINS) or first in _AND or bare


_AND = frozenset("and but und aber et mais".split())


def _of_speaker(tokens: Sequence[Token], part: range, after: range) -> bool:
    """'Being new to the field, I …', 'as a teacher, my …': a participle or 'as' ahead of a clause of the one who speaks."""
    first = tokens[part.start].text.lower().split()[0]
    speaks = len(after) > 0 and tokens[after.start].text.lower().split()[0] in FIRST_PERSON
    return speaks and (first == "as" or first.endswith("ing"))


def _rest_points(tokens: Sequence[Token], part: range) -> bool:
    """Whether a word outside may point to an amount that is said in this clause: '… is that the mass?'."""
    rest = (*tokens[: part.start], *tokens[part.stop :])
    return any(t.kind == "agreement" or t.text.lower() in _POINTING for t in rest)


def _own_results(tokens: Sequence[Token]) -> Iterator[int]:
    """The amounts of 'I measured 1.3 GeV for the mass of the charm quark', 'our value of it is 2 GeV', where nothing points to them."""
    for part in _parts(tokens):
        said = [word for i in part for word in tokens[i].text.lower().split()]
        own = (
            said[:1]
            and said[0] in FIRST_PERSON
            and (MEASURING | _RESULTS) & set(said)
            and not ASSUMING & set(said)
        )
        if own and not _rest_points(tokens, part):
            yield from (i for i in part if tokens[i].kind == "amount")


def _is_aside(
    tokens: Sequence[Token], part: range, others: Sequence[Token], *, pointed: bool, spoken: bool
) -> bool:
    """Whether a clause changes nothing of what is asked.

    Args:
        tokens: of the sentence.
        part: the places of the clause's tokens.
        others: tokens of the other sentences.
        pointed: whether a word outside may point to an amount in it.
        spoken: whether its subject is that of an aside beside it.
    """
    inside = [tokens[i] for i in part]
    if _is_gloss(tokens, part) or _is_title(tokens, part):
        return True
    if (
        (topic := _topic(inside))
        and all(t.kind in (*labels.IDLE, "into") for t in inside[:topic])
        and _named([*tokens[: part.start], *tokens[part.stop :], *others])
    ):
        return True
    if is_address(inside) and part.stop < len(tokens) and tokens[part.stop].kind == "mark":
        return True
    if _is_formal(tokens, part):
        return True
    if any(t.kind not in labels.IDLE for t in inside):
        return False
    if _is_report(inside):
        return True
    said = [word for t in inside for word in t.text.lower().split()]
    presented = _presented(tokens, part)
    if not presented and (said[0] in _ASKS or (said[0] in _AND and said[1:2] and said[1] in _ASKS)):
        return False
    spoken |= said[0] in _FOUND and (part.start == 0 or tokens[part.start - 1].kind == "mark")
    if not presented and not spoken and not _personal(said):
        return (
            (labels.is_label(inside) and not (part.start and said[0] in _WITHIN))  # '… in carbon 14'
            or labels.is_score(tokens, part)
            or _is_date(said, inside)
            or knows_nothing(inside)
            or is_reason(said, inside)
            or is_scene(said, inside)
            or is_due(inside)
        )
    if said[0] == "according" and not {"i", "we"} & set(said):
        return False  # a source
    if located(said) and any(t.kind == "neutral" or is_physics(t.text) for t in inside[1:]):
        return False  # 'in my simulation'
    return _says_nothing(inside, said, pointed=pointed, role=spoken and said[0] == "as")


def _is_formal(tokens: Sequence[Token], part: range) -> bool:
    """Whether a clause is one of those that hold nothing but a wish for the answer, an excuse, a number of a question or a date."""
    inside = [tokens[i] for i in part]
    said = [word for t in inside for word in t.text.lower().split()]
    if is_refrain(inside) or is_excuse(tokens, part):
        return True
    inside = [t for t in inside if t.kind != "mark"] or inside
    if len(part) == len(tokens) and is_address(inside):
        return True  # 'Dear particle physicists'
    quiet = all(t.kind in labels.IDLE for t in inside)
    return quiet and (
        labels.is_label(inside)
        or labels.is_score(inside, range(len(inside)), alone=True)
        or _is_date(said, inside)
        or is_due(inside)
    )


def _says_nothing(inside: Sequence[Token], said: Sequence[str], *, pointed: bool, role: bool) -> bool:
    """Whether nothing in a clause of the one who speaks is a condition; `role` is 'as someone with no physics background'."""
    owned = [
        t for before, t in itertools.pairwise(inside) if before.text.lower() in FIRST_PERSON
    ]  # 'my paper'
    words = [t.text for t in inside if t.kind == "word"]
    conditional = any(
        t.kind in ("amount", "qualifier") or (t.kind == "negation" and said[i + 1 : i + 2] not in SAYING)
        for i, t in enumerate(inside)
    )
    strange = [t.text for t in inside if t.kind == "word" and t not in owned and t.text not in labels.ORDINAL]
    tale = [  # 'I never studied physics'
        after.text
        for before, after in itertools.pairwise(inside)
        if before.kind == "negation" and after.text.endswith("ed")
    ]
    strange = [word for word in strange if word not in tale]
    if any(map(is_notation, words)) or (conditional and not role and any(map(is_physics, strange))):
        return False
    return not ASSUMING & set(said) and all(
        _harmless(t, said, pointed) or _of_work(inside, i) for i, t in enumerate(inside)
    )


def located(said: Sequence[str]) -> bool:
    """Whether it is like 'In my simulation': a phrase of place or means in which nobody does anything."""
    return said[0] in _LOCATING and not {"i", "i'm", "we", "we're"} & set(said)


def _personal(said: Sequence[str]) -> bool:
    text = " ".join(said)
    return bool((FIRST_PERSON | _OTHERS) & set(said)) or text.removeprefix("because ").startswith(_NO_ONE)


def _harmless(token: Token, said: Sequence[str], pointed: bool) -> bool:
    """Whether a token says nothing of the quantity: a number of pages, a date, a negation, the asker's result."""
    if token.kind == "explain":  # 'I have to explain it to my class', and not 'can you explain it?'
        unknown = token.text.lower() == "why" and {"ask", *KNOWING} & set(said)  # 'I don't know why, but …'
        return bool(unknown) or ("to" in said and "you" not in said)
    if token.kind == "unit":
        return CALENDAR.match(token.text) is not None
    if token.kind == "qualifier":
        verb = token.text in ("running", "mixing")  # 'we have got a bet running'
        return verb or bool(token.value[0] == "year")
    if token.kind != "amount":
        return True
    unit = token.value.unit if isinstance(token.value, Amount) else ""
    return not unit or CALENDAR.match(unit) is not None or (not pointed and bool(MEASURING & set(said)))


def _is_gloss(tokens: Sequence[Token], part: range) -> bool:
    """'(the bit we use to count neutrino species)': a bracket in which somebody says what the thing ahead of it is."""
    enclosed = (
        part.start
        and part.stop < len(tokens)
        and tokens[part.start - 1].text == "("
        and tokens[part.stop].text == ")"
    )
    inside = [tokens[i] for i in part]
    said = {word for t in inside for word in t.text.lower().split()}
    plain = all(t.kind not in ("amount", "qualifier", "negation", "channel", "relation") for t in inside)
    return bool(
        enclosed
        and plain
        and inside[0].text.lower() in ("the", "a", "what")
        and said & {"i", "we", "you", "people", "everybody"}
    )


def _topic(inside: Sequence[Token]) -> int:
    """Where the topic of what somebody writes or reads begins: 'I'm giving a talk | on the Higgs boson'; 0 where none does."""
    said = [t.text.lower() for t in inside]
    own = said[0] in FIRST_PERSON and not (ASSUMING | _ASKING) & set(said)
    for place in range(_SUBJECT, len(inside)) if own else ():
        head = inside[place - 1]
        noun = head.text.lower() == "paper" or (head.kind == "word" and not is_physics(head.text))
        if said[place] in ("on", "about") and noun:
            rest = inside[place:]
            measured = any(t.kind in ("amount", "negation", "relation") or t.text == "," for t in rest)
            schemes = any(t.kind == "qualifier" and not _is_source(t) for t in rest)
            return 0 if measured or schemes else place
    return 0


_SUBJECT = 2  # words, at least, before a topic
_ASKING = frozenset(
    "question ask asking know wonder need want wish like interested compute calculate determine find".split()
)


def _named(rest: Sequence[Token]) -> bool:
    """Whether a thing is named outside of a clause, and nothing there points into it."""
    points = any(t.text.lower() in _PRONOUNS for t in rest)
    return not points and any(t.kind in ("thing", "constant") for t in rest)


_PRONOUNS = frozenset("it its they their them this that these those".split())


def _is_source(token: Token) -> bool:
    """Whether a qualifier is the name of an experiment or of a theory, where people work too."""
    return bool(token.value[0] in ("experiment", "predicted"))


def _is_report(inside: Sequence[Token]) -> bool:
    """'In today's QFT lecture the professor asked', 'at CERN everybody knows': a clause that a question is the object of."""
    said = [t.text.lower() for t in inside]
    if len(inside) < _REPORT or said[-1] not in _REPORTING or (ASSUMING | {"according"}) & set(said):
        return False
    return all(
        t.kind not in ("amount", "negation", "unit") and (t.kind != "qualifier" or _is_source(t))
        for t in inside
    )


_REPORT = 3  # words
_REPORTING = frozenset("asked asks wonders wondered wrote knows wants".split())


def _is_title(tokens: Sequence[Token], part: range) -> bool:
    """'Random question:', 'C-parity exercise:', 'checking the spacing rule -': a heading says what the question is for."""
    inside = [tokens[i] for i in part]
    last = [t for t in inside if not labels.is_bare(t)][-1:]
    works = bool(last) and last[0].text.lower() in _WORKS
    first = inside[0].text.lower()
    works |= first in _STUDYING and len(part) > 1
    mark = tokens[part.stop] if part.stop < len(tokens) else None
    apart = mark is not None and (mark.text == ":" or (mark.text == "-" and mark.start > inside[-1].end))
    quiet = all(
        t.kind in ("word", "neutral", "function", "property", "compare") or labels.is_bare(t) for t in inside
    )
    return (
        works
        and apart
        and quiet
        and len(part) <= _TITLE
        and any(t.kind in _ASKED for t in tokens[part.stop :])
    )


_TITLE = 9  # words
_STUDYING = frozenset(
    "checking studying preparing revising reviewing writing reading learning working looking trying practising practicing solving".split()
)
_WORKS = frozenset(
    "question frage problem exercise homework hw quiz card task assignment aufgabe exercice devoir worksheet puzzle exam"
    " test klasse grade".split()
)
_ASKED = ("thing", "class", "constant", "channel")


def _of_work(inside: Sequence[Token], place: int) -> bool:
    """'I am a student on ATLAS', 'my slides on the standard model': where somebody works, and on what."""
    if inside[place].kind != "qualifier" or not _is_source(inside[place]):
        return False
    after = inside[place + 1] if place + 1 < len(inside) else inside[place]
    if after.kind == "word" and not is_physics(after.text) and after.text.lower() not in MEASURING | _RESULTS:
        return True  # 'an ATLAS member'
    before = place - 1
    while before > 0 and inside[before].text.lower() in ("the", "a", "our", "my"):
        before -= 1
    if before < 1 or inside[before].text.lower() not in _BELONGING:
        return False
    head = inside[before - 1]
    return head.text.lower() in _BEING or (head.kind == "word" and not is_physics(head.text))


_BELONGING = frozenset("on about from at for of".split())
_BEING = frozenset("am i'm are we're was were work works working".split())


_WITHIN = frozenset({"in", "im", "dans", "inside"})


def _is_date(said: Sequence[str], inside: Sequence[Token]) -> bool:
    """'It is 2026', 'now is 2026', 'it's been 20 years'."""
    ago = [t.value.unit for t in inside if t.kind == "amount" and isinstance(t.value, Amount)]
    if said[:2] == ["it's", "been"] or said[:3] == ["it", "has", "been"]:
        return len(ago) == 1 and CALENDAR.match(ago[0]) is not None and len(said) <= _SINCE
    year = [t for t in inside if t.kind == "qualifier"]
    return (
        len(said) <= _DATE
        and len(year) == 1
        and year[0].value[0] == "year"
        and said[:2] in (["it", "is"], ["now", "is"], ["that", "was"])
    )


_DATE, _SINCE = 4, 6  # words
