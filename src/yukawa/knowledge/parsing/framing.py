"""Recognises what people put around a question: sentences about persons, their belongings and their day, and about nothing else.

A sentence beside a question speaks either of those who ask or of what they ask. Nobody can list what may be said of a question:
a motion, a medium, a convention, a share that is lost. So it is the other way round: a sentence is set aside only where persons or
things of everyday life are what it is about, and none of its words is a quantity, a circumstance or says which value is meant. Of
every other sentence the content is unread, and the question is refused by these words.
"""

import re
from collections.abc import Iterator, Sequence

from yukawa.knowledge.parsing.bearing import VALUES
from yukawa.knowledge.parsing.excuses import ALTERS, ASSUMING, CALENDAR, KNOWING, MEASURING
from yukawa.knowledge.parsing.labels import ORDINAL, is_bare, is_person
from yukawa.knowledge.parsing.lexicon import is_physics, word_groups
from yukawa.knowledge.parsing.plan import Amount
from yukawa.knowledge.parsing.tokens import Token

# Kinds of token that stand for no content of their own.
_FORM = frozenset(
    "function mark stop talk pronoun join aside list neutral into weighing explain number negation".split()
)
_RECKONING = frozenset(
    "factor fraction per power times ratio product average divided arrow sign code jpc identifier".split()
)
_NAMES = frozenset("thing constant channel".split())


def is_courtesy(tokens: Sequence[Token], language: str) -> bool:
    """'Apologies if this is trivial', 'cheers from rainy Manchester': a sentence that begins with thanks, a greeting or an excuse."""
    first = next((t for t in tokens if t.kind not in ("mark", "talk")), None)
    return first is not None and _is(first, "courtesy") and not beyond_framing(tokens, language)


def beyond_framing(tokens: Sequence[Token], language: str = "en") -> list[Token]:
    """The content of a sentence beside a question that makes it more than framing; () where it is nothing else.

    A sentence that names a particle or a constant is none of everyday life, and is not judged here.
    """
    if any(t.kind in _NAMES and (language != "zh" or t.kind != "constant") for t in tokens):
        return _of_instrument(tokens) or [t for t in tokens if _is(t, "conventions")]
    if language in ("zh", "ja"):
        return _beyond_phrases(tokens, language)
    told = False
    parts = list(_parts(tokens))
    kinds = [t for t in tokens if t.kind == "class" and t.text.lower() != "of them"]
    if kinds and not _about_persons(parts[0], language):
        return _of_kinds(tokens)
    for part in parts:
        found, told = _of_part(part, language, told)
        if found:
            return found
    return []


def _of_kinds(tokens: Sequence[Token]) -> list[Token]:
    """What a sentence on kinds of things supposes, and where 'the particle', which is the one asked about, is said to be."""
    found = [t for t in tokens if _words(t)[0] in ASSUMING or _words(t)[0].startswith(ALTERS)]
    meant = (
        len(tokens) > 1
        and _words(tokens[0])[0] in (*_OWNING, "the", "this", "that")
        and tokens[1].kind == "class"
    )
    if meant and _words(tokens[0])[0] in _OWNING:
        return [t for t in tokens if t.kind == "word"]  # 'our particles fly fast'
    place = (
        next((i for i, t in enumerate(tokens) if t.text.lower() in _LOCATING), len(tokens))
        if meant
        else len(tokens)
    )
    return found or [t for t in tokens[place:] if t.kind == "word" and t.text.islower() and not _is_anchor(t)]


_LOCATING = frozenset("in inside within near under through between behind into".split())


def _of_instrument(tokens: Sequence[Token]) -> list[Token]:
    """'My calorimeter misses soft photons': what is owned and is neither of everyday life nor somebody's work; 'it crossed half of …'."""
    if _words(tokens[0])[0] in ("it", "they"):
        return [t for t in tokens if t.kind == "factor"]
    strange = _words(tokens[0])[0] in _OWNING and not _owned(tokens[1:])
    return (
        [t for t in tokens if t.kind in ("word", "appended")] if strange and tokens[1].kind == "word" else []
    )


def _parts(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """What commas, dashes and brackets part."""
    part: list[Token] = []
    for token in tokens:
        if _parts_off(token):
            if part:
                yield part
            part = []
        elif token.kind not in ("mark", "stop"):
            part.append(token)
    if part:
        yield part


def _parts_off(token: Token) -> bool:
    return token.text == "," or (token.kind in ("mark", "stop") and token.text not in "'-/")


def _words(token: Token) -> list[str]:
    return token.text.lower().split()


def _is(token: Token, *groups: str) -> bool:
    """Whether all words of a token are in one of these groups."""
    known = word_groups("framing")
    words = [word.removesuffix("'s") for word in _words(token)]
    return any(all(_member(word, known[group]) for word in words) for group in groups)


def _is_any(token: Token, group: str) -> bool:
    """Whether one word of a token is in a group."""
    return any(word in word_groups("framing")[group] for word in _words(token))


def _member(word: str, group: frozenset[str]) -> bool:
    """Whether a word, its singular or the last part of a compound is in a group."""
    return (
        (len(word) > _SHORT and word.endswith("s") and word[:-1] in group)
        or word in group
        or any(part in group for part in word.split("-")[-1:])
    )


_SHORT = 3  # letters; an 's' behind them is not a plural


def _of_part(part: list[Token], language: str, told: bool) -> tuple[list[Token], bool]:
    """The content beyond framing between two marks, and whether it is about persons, so that what follows may go on about them."""
    opened = len(part)
    while part and (part[0].kind == "talk" or _is(part[0], "openers")):
        part = part[1:]
    if not part or ((told or opened > len(part)) and _is_name(part)):
        return [], told
    if _is(part[0], "courtesy"):
        return [t for t in part if _is(t, "circumstances")], True
    about = _about_persons(part, language)
    content = [
        t
        for t in part
        if t.kind not in _FORM and t.text.lower() != "of them" and not (_is(t, "replies") and not about)
    ]
    if measured := [t for i, t in enumerate(part) if _measures(t) and not (about and _of_doings(part, i))]:
        return measured, told
    if _of_edition(part):
        return [t for t in part if t.kind == "qualifier"], told
    directs = _directs(part, language)
    if not content and not about:
        return [], told
    if not about and not told:
        return content, False
    if directs and (
        strange := [
            t for t in _wished(part) if not _is(t, "replies", "belongings", "people", "courtesy", "openers")
        ]
    ):
        return strange, True
    return _circumstances(part, language, work=about), True


def _of_doings(part: Sequence[Token], place: int) -> bool:
    """What belongs to somebody's doings: 'I printed it out twice', 'I teach the quark model', 'we measured 103 MeV'."""
    token, said = part[place], {word for t in part for word in _words(t)}
    if token.kind == "factor":
        return not said & _POINTED  # no multiple of what is asked
    if token.kind == "amount":
        return _words(part[0])[0] in _SPEAKING and bool(said & MEASURING)
    return token.kind == "qualifier" and bool(said & _STUDYING)


_POINTED = frozenset("that this of davon eso cela".split())
_STUDYING = frozenset(
    "about on teach teaching taught study studying studied learn learning read reading lecture lectures uber sur".split()
)


def _of_edition(part: Sequence[Token]) -> bool:
    """'The 2014 booklet's number is what counts': a number and the year from which it is."""
    told = _words(part[0])[0] in _SPEAKING and not _directs(part, "")
    years = any(t.kind == "qualifier" and t.value[0] == "year" for t in part)
    return years and not told and any(_is(t, "numbers") or _words(t)[-1] in VALUES for t in part)


_SPEAKING = ("i", "we", "my", "our", "ich", "wir", "je", "nous")


def _directs(part: Sequence[Token], language: str) -> bool:
    """'I would like …', 'we are after …', 'I discard …': somebody says what is meant, and not what they themselves have to do."""
    said = [word for t in part for word in _words(t)]
    text = " ".join(said)
    if _AFTER.search(text):
        return True
    if KNOWING & set(said) and any(t.kind == "negation" for t in part):
        return False  # 'I don't know which number to trust'
    for place, word in enumerate(said):
        if word in _directing(language) and said[place - 1 : place] != ["to"]:
            return said[place + 1 : place + 2] != ["to"] or bool(_LEARNING & set(said[place + 2 : place + 3]))
    return False


_AFTER = re.compile(
    r"\b(?:am|are|i'm|we're) after\b|\b(?:looking for|thinking of|talking about|referring to|speaking of|in mind)\b|(?:would|'d) like\b"
)
_LEARNING = frozenset("know see have get use find consider include exclude compare take restrict".split())


def _directing(language: str) -> frozenset[str]:
    """The verbs with which somebody says in a language what is meant."""
    groups = word_groups("framing")
    return groups.get(f"directing {language}", groups["directing en"])


def _wished(part: Sequence[Token]) -> list[Token]:
    """The content of a wish, without what it is for: 'I need it | for a comparison plot'."""
    end = next(
        (i for i, t in enumerate(part) if _words(t)[0] in _PURPOSES and any(map(_is_anchor, part[i:]))),
        len(part),
    )
    directing = _directing("en") | _directing("de") | _directing("fr")
    content = [
        t for t in part[:end] if t.kind not in _FORM or (t.kind == "neutral" and not _is_any(t, "numbers"))
    ]
    return [t for t in content if not directing & set(_words(t)) and not _is_any(t, "numbers")]


_PURPOSES = frozenset("for by before because since so until fur fuer vor bis weil pour avant".split())


def _is_name(part: Sequence[Token]) -> bool:
    """'Best wishes, | Anna Price'."""
    return len(part) <= _NAME and all(t.text[:1].isupper() for t in part)


_NAME = 3  # words


def _measures(token: Token) -> bool:
    """A quantity, or an amount that counts neither pages nor days."""
    if token.kind == "amount":
        unit = token.value.unit if isinstance(token.value, Amount) else ""
        return not CALENDAR.match(unit) if unit else not _COUNT.match(token.text)
    if token.kind == "qualifier":
        return token.value[0] not in ("year", "experiment") and token.text.lower() not in _VERBS
    return token.kind in _RECKONING


_COUNT = re.compile(r"\d{1,4}[a-h]?$")
_VERBS = ("running", "moving", "mixing")


def _about_persons(part: Sequence[Token], language: str) -> bool:
    """Whether a person or a thing of everyday life is the subject, or what 'it' is said to be for."""
    said = [word for t in part for word in _words(t)]
    if said[0] in _POINTING:
        return said[1:3] in (["is", "about"], ["was", "about"]) or any(map(_is_anchor, part))
    if said[0].endswith("ing") and language == "en":
        return any(map(_is_anchor, part))
    if said[0] in _SETTING:  # 'for this exercise isospin is …' is not about the exercise
        return any(_is(t, "people") for t in part) or sum(map(_is_anchor, part)) >= _SEVERAL
    before = 0
    for place, token in enumerate(part):
        if _is_anchor(token):
            return not (_words(token)[0] in _OWNING and not _owned(part[place + 1 :]))
        before += token.kind not in ("function", "join", "pronoun", "list")
        if before > _AHEAD:
            return False
    return False


_SETTING = ("for", "in", "within")
_SEVERAL = 3  # things of everyday life: 'in the old lecture notes the page is torn out'
_AHEAD = 2  # content words before a subject: 'total beginner here'
_POINTING = frozenset(
    "it it's its this that that's these those there here everything nothing they es das dies dieses c'est ce cela ca il".split()
)
_OWNING = frozenset(
    "my our your his her their mein meine meinen meinem meiner unser unsere unseren unserem mon ma mes notre nos votre vos".split()
)


def _is_anchor(token: Token) -> bool:
    words = _words(token)
    known = word_groups("framing")
    return any(_member(word.removesuffix("'s"), known["people"] | known["belongings"]) for word in words) or (
        token.kind in ("word", "neutral") and is_person(words[-1])
    )


def _owned(rest: Sequence[Token]) -> bool:
    """Whether what is owned is of everyday life or of work: 'my niece', 'our old library', 'my own fit', and no 'our clock'."""
    for token in rest[: _AHEAD + 1]:
        trade = token.text.endswith(_TRADES) and token.text not in _DEVICES and not is_physics(token.text)
        if _is_anchor(token) or _is(token, "work") or (token.kind == "word" and trade):
            return True
    return False


_DEVICES = frozenset(
    "ruler counter timer meter laser filter sensor mirror motor rotor transistor thermometer barometer".split()
)
_TRADES = ("er", "or", "ist", "ian", "man", "woman")


def _circumstances(part: Sequence[Token], language: str, *, work: bool) -> list[Token]:
    """The words of physics in a part about persons; what they work on is none, where it says so: 'for our trigger study'."""
    found = [t for t in part if _is(t, "circumstances")] or _altered(part) or _ones(part)
    told = language == "en" or (
        language == "de" and _words(part[0])[0] in _SPEAKING and any(_is(t, "work") for t in part)
    )
    if found or (work and told and any(_is(t, "belongings", "work") for t in part)):
        return found
    return [t for i, t in enumerate(part) if _strange(part, i, language)]


def _altered(part: Sequence[Token]) -> list[Token]:
    """'My generator has isospin switched off': something of physics that is made otherwise."""
    of_physics = any(t.kind in ("property", "class", "qualifier") for t in part)
    return [t for t in part if of_physics and t.kind == "word" and _words(t)[0].startswith(ALTERS)]


def _ones(part: Sequence[Token]) -> list[Token]:
    """'I look at the left-handed ones': which of those asked about are meant."""
    places = [i for i, t in enumerate(part) if t.text.lower() == "ones" and i]
    return [part[i - 1] for i in places if part[i - 1].kind in ("word", "qualifier", "state")]


def _strange(part: Sequence[Token], place: int, language: str) -> bool:
    """Whether a word may be one of physics: in German any other noun, in French any other behind an article or a preposition."""
    token = part[place]
    if token.kind in ("property", "class"):
        return not any(_words(t)[-1] in ("about", "on") for t in part[max(0, place - 2) : place])
    if token.kind not in ("word", "appended") or token.text in ORDINAL:
        return False
    known = _is_anchor(token) or _is(token, "courtesy", "openers", "replies")
    if language == "de":
        return token.text[:1].isupper() and not known
    if language == "fr" and place and _words(part[place - 1])[-1] in _BEFORE_NOUNS:
        return not known
    return is_physics(token.text)


_BEFORE_NOUNS = frozenset(
    "le la les l un une des du de d en dans sous sur avec sans selon au aux mon ma mes notre nos".split()
)


def _beyond_phrases(tokens: Sequence[Token], language: str) -> list[Token]:
    """What is left of a Chinese sentence without its phrases of everyday life."""
    if language != "zh":
        return []
    phrases = word_groups("framing")["zh"]
    letters = [(letter, t) for t in tokens for letter in t.text if t.kind not in _QUIET and not is_bare(t)]
    found: list[Token] = []
    place = 0
    while place < len(letters):
        size = next(
            (n for n in range(8, 0, -1) if "".join(c for c, _ in letters[place : place + n]) in phrases), 0
        )
        if not size and letters[place][1] not in found:
            found.append(letters[place][1])
        place += size or 1
    return found


_QUIET = frozenset("mark stop talk number".split())


def tells(tokens: Sequence[Token], place: int, language: str) -> bool:
    """Whether a sentence only says who remembers or says the amount at `place`: 'my notes say …', 'I keep finding … everywhere'."""
    rest = [t for i, t in enumerate(tokens) if i != place and t.kind != "relation"]
    if not rest or beyond_framing(rest, language):
        return False
    if language == "zh":
        return True
    joins = [-1, *(i for i, t in enumerate(tokens) if t.kind == "join" or _parts_off(t)), len(tokens)]
    start, end = max(i for i in joins if i < place), min(i for i in joins if i > place)
    near = [t for t in tokens[start + 1 : end] if t.kind != "amount"]
    said = [t for t in near if _is_any(t, "telling")]
    content = [
        t
        for t in near
        if t.kind not in _FORM and t not in said and not _is(t, "people", "belongings", "work", "replies")
    ]
    return bool(said) and len(content) <= 1
