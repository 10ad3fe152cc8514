"""Numbers of questions, scores, names and farewells around a question: 'Problem 7 (b):', '[2 marks]', 'Yours, J. Martin'."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.lexicon import is_physics
from yukawa.knowledge.parsing.naming import CODE_WORDS
from yukawa.knowledge.parsing.plan import Amount
from yukawa.knowledge.parsing.tokens import Token

# Kinds of token that an aside may hold.
IDLE = frozenset(
    "function neutral word mark negation amount number qualifier explain talk unit join aside out-of".split()
)
ORDINAL = frozenset({"st", "nd", "rd", "th"})  # behind '14', of March
_PART = re.compile(r"\d+[a-h]$")  # 'exercise 21b' speaks of no barn
_COUNTED = re.compile(r"\d{1,2}(?:\.\d{1,2})?[a-h]?$")
_LABELS = 2  # words
_CODES = 1000  # from here on numbers may stand for particles
_SHORTEST = 4  # letters of a word that can label a number
_LONGEST = 6  # letters of a preposition or an article; 'exercice' and 'question' are longer
_SHORT_LABELS = frozenset("no nr set ex".split())


def asks(tokens: Sequence[Token]) -> bool:
    """Whether a sentence holds anything that an aside does not."""
    return any(t.kind not in IDLE for t in tokens)


def heading(tokens: Sequence[Token]) -> int:
    """How many tokens '1)', '(b)', '#3', 'Q:', 'Problem 7 (b):', '练习3:', 'LHCb folks:' take ahead of a question."""
    if len(tokens) > 1 and tokens[0].text == "#" and _is_place(tokens[1]):
        return 2
    if called := address(tokens):
        return called
    ends = [i + 1 for i, t in enumerate(tokens[:_NUMBERED]) if t.text in (":", ")")]
    return next((end for end in reversed(ends) if _numbers(tokens[:end], tokens[end:])), 0)


def address(tokens: Sequence[Token]) -> int:
    """How many tokens 'Super-K people:', 'dear flavour physicists,', 'LHCb folks:' take ahead of a question: 0 where nobody is spoken to.

    The noun before the mark, or before 'of' in it, is one of persons; what describes them is not asked about.
    """
    end = next((i for i, t in enumerate(tokens[:_CALLED]) if t.text in (":", ",")), 0)
    inside = tokens[:end]
    if not end or not asks(tokens[end:]) or any(t.kind in _SAID for t in inside):
        return 0
    head = next((i for i, t in enumerate(inside) if t.text.lower() in ("of", "from", "in", "at")), end)
    calls = head > 0 and is_person(inside[head - 1].text) and not _determined(inside)
    return end + 1 if calls else 0


def _determined(inside: Sequence[Token]) -> bool:
    """Whether an article or a pronoun begins it, so that it is spoken of and not to."""
    return inside[0].text.lower() in (
        "the",
        "a",
        "an",
        "our",
        "my",
        "some",
        "most",
        "for",
        "from",
        "as",
        "like",
        "if",
        "when",
    )


def is_person(text: str) -> bool:
    """Whether a noun names persons: 'folks', 'theorists', 'users', 'phenomenologists'."""
    word = text.lower()
    trade = word.endswith(
        (
            "ists",
            "icians",
            "ologists",
            "lovers",
            "users",
            "workers",
            "teachers",
            "readers",
            "seekers",
            "hunters",
        )
    )
    return trade or word in _PERSONS


_CALLED = 9  # tokens
_SAID = ("amount", "negation", "compare", "most", "explain", "list", "relation", "identifier", "unit")
_PERSONS = frozenset(
    "people folks folk friends colleagues guys experts experimentalists postdocs students comrades everyone everybody all team crowd"
    " community fans members ladies gentlemen professor professors prof doctor dr gurus wizards nerds geeks veterans kollegen freunde"
    " leute amis collegues".split()
)


def _numbers(label: Sequence[Token], asked: Sequence[Token]) -> bool:
    """Whether `label` only counts the question behind it, which names what it is about."""
    inside = [t for t in label if t.kind not in ("mark", "join")]
    words = list(itertools.takewhile(_labels, inside))
    places = inside[len(words) :]
    apart = bool(words) or any(t.text == ")" for t in label) or label[0].text == "Q"
    counts = 0 < len(places) <= _LABELS and all(map(_is_place, places))
    strange = sum(t.kind == "word" and t.text.isascii() for t in words)
    return apart and counts and strange <= _LABELS and any(t.kind in _ABOUT for t in asked)


_NUMBERED = 10  # tokens
_ABOUT = ("thing", "constant", "class", "channel")


def _is_place(token: Token) -> bool:
    """Whether '7', '3a' or 'b' can count questions."""
    number = token.kind == "amount" and _COUNTED.match(token.text) is not None
    return number or (len(token.text) == 1 and token.text.isalpha() and token.kind != "property")


def _labels(token: Token) -> bool:
    """Whether it is an everyday word that can precede the number of a question."""
    text = token.text.lower()
    long = len(text) >= _SHORTEST or not text.isascii() or text in _SHORT_LABELS
    quiet = token.kind in ("word", "neutral", "function") or text == "no"
    return quiet and long and not is_physics(text) and text not in CODE_WORDS


def is_label(inside: Sequence[Token]) -> bool:
    """Whether it is like 'Exercise 21b', 'for page 12' or 'no hurry': an everyday word with a number, or with 'no', and no more."""
    if any(t.kind not in ("word", "neutral", "function", "amount") for t in inside):
        return False
    if any(isinstance(t.value, Amount) and t.value.unit and not _PART.match(t.text) for t in inside):
        return False
    counted = next((i for i, t in enumerate(inside) if t.kind == "amount"), None)
    if counted is None:
        return False
    before = itertools.takewhile(
        lambda t: t.kind in ("word", "neutral") or len(t.text) > _LONGEST, reversed(inside[:counted])
    )
    labels = list(before)
    physics = any(is_physics(t.text) for t in inside[:counted] if t.kind == "word")
    few = 0 < len(labels) <= _LABELS and inside[counted].value.value < _CODES
    return few and all(map(_labels, labels)) and not physics


def is_score(tokens: Sequence[Token], part: range, *, alone: bool = False) -> bool:
    """Whether it is like '(2 marks)' or 'For 2 points!': a number of what nothing knows, in brackets or `alone` in a sentence."""
    enclosed = (
        part.stop < len(tokens) and tokens[part.stop].text in ")]" and tokens[part.start - 1].text in "(["
    )
    inside = [tokens[i] for i in part if tokens[i].text.lower() != "for"]
    if not (enclosed or alone) or len(inside) < _SCORE or not is_bare(inside[0]):
        return False
    words = [t for t in inside[1:] if t.text not in ORDINAL]
    return 0 < len(words) <= _LABELS and all(t.kind == "word" and not is_physics(t.text) for t in words)


_SCORE = 2  # words


def is_bare(token: Token) -> bool:
    """Whether it is a number without a unit."""
    return token.kind == "amount" and isinstance(token.value, Amount) and not token.value.unit


def is_signature(tokens: Sequence[Token]) -> bool:
    """Whether it is a farewell and a name: 'Yours, K', 'viele Grüße, Jonas', 'yours faithfully, Eleanor Price'."""
    said = [t.text.lower() for t in tokens]
    thanks = said[0] in _FAREWELLS or ("talk", None) in tokens[0].otherwise
    if thanks and said[1:2] == ["from"] and not asks(tokens):
        return not any(
            t.kind in ("amount", "negation") for t in tokens
        )  # 'greetings from the LHCb control room'
    comma = next((i for i, t in enumerate(tokens[:_FAREWELL]) if t.text == ","), None)
    if not comma or not any(t.text.lower() in _FAREWELLS for t in tokens[:comma]):
        return False
    bracket = said.index("(") if "(" in said else len(said)  # 'Maria (theory group)'
    names = tokens[comma + 1 : bracket]
    return 0 < len(names) <= _LABELS and all(t.text.isalpha() and t.text[0].isupper() for t in names)


_FAREWELL = 5  # words
_FAREWELLS = frozenset(
    "yours sincerely faithfully regards best wishes cheers love greetings grusse gruss gruße gruß cordialement amicalement".split()
)


def with_initials(tokens: Sequence[Token]) -> list[Token]:
    """Read 'Sincerely, J. Martin': a letter with a point before a name is neither a particle nor the end of a sentence."""
    found = list(tokens)
    start = 0
    for place, (letter, stop, name) in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False)):
        counted = _is_place(letter) and _is_place(name) and stop.text == "("
        if place and counted and _labels(tokens[place - 1]):
            found[place + 2] = replace(name, kind="mark")  # 'question 3(b)'
        if stop.kind != "stop":
            continue
        if letter.text.lower() in _SHORT_LABELS and name.kind == "amount":  # 'No. 12'
            found[place + 1] = replace(stop, kind="mark")
            continue
        initial = len(letter.text) == 1 and letter.text.isupper() and stop.start == letter.end
        named = name.kind == "word" and name.text[:1].isupper() and name.text[1:].islower()
        if initial and named and stop.text == "." and not asks(tokens[start:place]):
            found[place : place + 2] = [replace(letter, kind="aside"), replace(stop, kind="aside")]
        else:
            start = place + 2
    return found
