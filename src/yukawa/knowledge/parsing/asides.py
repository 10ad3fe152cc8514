"""Sets aside what people say of themselves around a question: clauses of their own, with a person and without physics.

'I don't know', 'because my thesis is due on 12 May', '(worth 14 points)': whatever numbers and negations stand there, they
change nothing of what is asked. A clause is known by its grammar, not by its words: it begins at a mark, a conjunction or a
question word, somebody is its subject or owns what it speaks of, and nothing in it names a quantity, a thing or a condition.
"""

import itertools
import re
from collections.abc import Iterator, Sequence

from yukawa.knowledge.parsing.lexicon import is_notation, is_physics
from yukawa.knowledge.parsing.naming import CODE_WORDS
from yukawa.knowledge.parsing.plan import Amount
from yukawa.knowledge.parsing.tokens import Token

FIRST_PERSON = frozenset(
    "i i'm i've i'd i'll im ive my me we we're we've our us mine myself you your ich mein meine meinen meinem meiner mir mich wir"
    " uns unser unsere je j mon ma mes moi nous notre 我 我们 私".split()
)
# Words that make a condition of a clause, whoever speaks it.
ASSUMING = frozenset(
    "assume assuming suppose supposing consider considering mean prefer given if instead rather unless when neglect"
    " neglecting ignore imagine wenn falls si".split()
)
_OTHERS = frozenset(
    "he she they somebody someone nobody everybody everyone anybody anyone his her their him them er sie man niemand jemand"
    " personne quelqu'un".split()
)
_NO_ONE = ("no one", "none of")
_BEGINS = frozenset(
    "because since as so but and while although though therefore otherwise until till or whether if what what's whats which who whose"
    " how where weil denn da aber und dass wie was welche welcher welches wer parce"
    " puisque car mais et que quel quelle combien comment".split()
)
_ASKS = frozenset(
    "what which who whose whom how where when why wie was wo wann wer warum welche welcher welches wieso quel quelle qui que quand"
    " comment pourquoi combien".split()
)
_TRAILING = frozenset(
    "for to in at on with without before after during by from fur vor in an auf pour avant dans".split()
)
# Kinds of token that an aside may hold.
_IDLE = frozenset(
    {"function", "neutral", "word", "mark", "negation", "amount", "number", "qualifier", "explain", "talk", "unit", "join", "aside"}
)  # fmt: skip
_CALENDAR = re.compile(
    r"(?:an? |the |in (?:an? )?)*(?:min(?:ute)?s?|h(?:our)?s?|d(?:ay)?s?|weeks?|months?|y(?:ea)?rs?|seconds?|euros?|km|kilometres?)$",
    re.IGNORECASE,
)
_MEASURING = frozenset(
    "measured measure got get found find obtained obtain calculated calculate computed compute read fitted fit".split()
)
KNOWING = frozenset("know remember understand recall sure certain idea clue".split())
_RESULTS = frozenset("value result measurement number answer fit average".split())
_POINTING = frozenset("that this it these those".split())


def set_aside(tokens: Sequence[Token], *, others: bool = False) -> list[Token]:
    """The tokens of a sentence without those of asides.

    Args:
        tokens: of the sentence.
        others: whether other sentences ask for something, so that this one may be an aside as a whole.
    """
    parts = list(_parts(tokens))
    idle = [part for part in parts if _is_aside(tokens, part, _rest_points(tokens, part))]
    if len(idle) == len(parts) and not others:
        return list(tokens)
    places = {place for part in idle for place in part} | set(_own_results(tokens))
    return [t for i, t in enumerate(tokens) if i not in places]


def asks(tokens: Sequence[Token]) -> bool:
    """Whether a sentence holds anything that an aside does not."""
    return any(t.kind not in _IDLE for t in tokens)


def _parts(tokens: Sequence[Token]) -> Iterator[range]:
    """The clauses of a sentence, marks apart."""
    last = max((i for i, t in enumerate(tokens) if t.kind not in _IDLE), default=len(tokens))
    start = 0
    for place, token in enumerate(tokens):
        mark = token.kind == "mark"
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
    said = [tokens[i].text.lower() for i in part]
    return said[-1] in ("is", "was") and (
        "question" in said or (said[0] == "what" and bool(FIRST_PERSON & set(said)))
    )


def _rest_points(tokens: Sequence[Token], part: range) -> bool:
    """Whether a word outside may point to an amount that is said in this clause: '… is that the mass?'."""
    return any(t.text.lower() in _POINTING for i, t in enumerate(tokens) if i not in part)


def _own_results(tokens: Sequence[Token]) -> Iterator[int]:
    """The amounts of 'I measured 1.3 GeV for the mass of the charm quark', 'our value of it is 2 GeV', where nothing points to them."""
    for part in _parts(tokens):
        said = [word for i in part for word in tokens[i].text.lower().split()]
        own = (
            said[:1]
            and said[0] in FIRST_PERSON
            and (_MEASURING | _RESULTS) & set(said)
            and not ASSUMING & set(said)
        )
        if own and not _rest_points(tokens, part):
            yield from (i for i in part if tokens[i].kind == "amount")


def _is_aside(tokens: Sequence[Token], part: range, pointed: bool) -> bool:
    inside = [tokens[i] for i in part]
    if _is_address(inside) and part.stop < len(tokens) and tokens[part.stop].kind == "mark":
        return True
    if any(t.kind not in _IDLE for t in inside):
        return False
    said = [word for t in inside for word in t.text.lower().split()]
    presented = _presented(tokens, part)
    if not presented and (
        said[0] in _ASKS or (said[0] in ("and", "but", "und", "et") and said[1:2] and said[1] in _ASKS)
    ):
        return False
    if not presented and not _personal(said):
        labelled = _is_label(inside) and not (part.start and said[0] in _WITHIN)  # '… in carbon 14'
        return labelled or _is_date(said, inside) or _knows_nothing(inside)
    owned = [
        t for before, t in itertools.pairwise(inside) if before.text.lower() in FIRST_PERSON
    ]  # 'my paper'
    words = [t.text for t in inside if t.kind == "word"]
    conditional = any(t.kind in ("negation", "amount", "qualifier") for t in inside)
    strange = [t.text for t in inside if t.kind == "word" and t not in owned]
    if any(map(is_notation, words)) or (conditional and any(map(is_physics, strange))):
        return False
    return not ASSUMING & set(said) and all(_harmless(t, said, pointed) for t in inside)


def _personal(said: Sequence[str]) -> bool:
    text = " ".join(said)
    return bool((FIRST_PERSON | _OTHERS) & set(said)) or text.removeprefix("because ").startswith(_NO_ONE)


def _harmless(token: Token, said: Sequence[str], pointed: bool) -> bool:
    """Whether a token says nothing of the quantity: a number of pages, a date, a negation, the asker's result."""
    if token.kind == "explain":  # 'I have to explain it to my class', and not 'can you explain it?'
        return "to" in said and "you" not in said
    if token.kind == "unit":
        return _CALENDAR.match(token.text) is not None
    if token.kind == "qualifier":
        return bool(token.value[0] == "year")
    if token.kind != "amount":
        return True
    unit = token.value.unit if isinstance(token.value, Amount) else ""
    return not unit or _CALENDAR.match(unit) is not None or (not pointed and bool(_MEASURING & set(said)))


def _knows_nothing(inside: Sequence[Token]) -> bool:
    """'Don't know', 'not sure', 'no idea': the one who speaks is not named."""
    return (
        len(inside) <= _ADDRESS
        and inside[0].kind == "negation"
        and any(t.text.lower() in KNOWING for t in inside[1:3])
    )


def _is_address(inside: Sequence[Token]) -> bool:
    """'Dear particle physicists', 'Hi Yukawa'."""
    greets = inside[0].text.lower() == "dear" or ("talk", None) in (
        (inside[0].kind, inside[0].value),
        *inside[0].otherwise,
    )
    return (
        greets
        and len(inside) <= _ADDRESS
        and all(t.kind in ("word", "neutral", "function", "class") for t in inside)
    )


_ADDRESS = 5  # words


def _is_label(inside: Sequence[Token]) -> bool:
    """'Exercise 21b', 'for page 12', 'worth 14 points', 'no hurry': an everyday word with a number, or with 'no', and no more."""
    if len(inside) == 2 and inside[0].text.lower() == "no":
        return not is_physics(inside[1].text)
    if any(t.kind not in ("word", "neutral", "function", "amount") for t in inside):
        return False
    if any(isinstance(t.value, Amount) and t.value.unit and not _PART.match(t.text) for t in inside):
        return False
    counted = next((i for i, t in enumerate(inside) if t.kind == "amount"), None)
    if counted is None:
        return False
    labels = [t for t in inside[:counted] if t.kind != "function" or len(t.text) > _LONGEST]
    return (
        0 < len(labels) <= _LABELS
        and inside[counted].value.value < _CODES
        and inside[counted - 1] is labels[-1]
        and not any(
            len(t.text) < _SHORTEST or is_physics(t.text) or t.text.lower() in CODE_WORDS for t in labels
        )
    )


_WITHIN = frozenset({"in", "im", "dans", "inside"})
_PART = re.compile(r"\d+[a-h]$")  # 'exercise 21b' speaks of no barn
_LABELS = 2  # words
_CODES = 1000  # from here on numbers may stand for particles
_SHORTEST = 4  # letters of a word that can label a number
_LONGEST = 6  # letters of a preposition or an article; 'exercice' and 'question' are longer


def _is_date(said: Sequence[str], inside: Sequence[Token]) -> bool:
    """'It is 2026', 'today is the 3rd'."""
    year = [t for t in inside if t.kind == "qualifier"]
    return (
        len(said) <= _DATE
        and len(year) == 1
        and year[0].value[0] == "year"
        and said[:2] in (["it", "is"], ["now", "is"])
    )


_DATE = 4  # words
