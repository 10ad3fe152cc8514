"""Sets aside who makes a statement next to a question: 'my textbook says', 'a quiz told me', 'I read that', 'according to Wikipedia'.

Who makes it is known by the grammar: a phrase of everyday words, then a verb in the past or the present, then the statement, which
begins with an article, a pronoun or a name. Theories and simulations make statements too, but theirs are words of physics.
"""

from collections.abc import Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.labels import is_bare
from yukawa.knowledge.parsing.lexicon import is_physics
from yukawa.knowledge.parsing.tokens import Token

_IRREGULAR = frozenset(
    "told said say wrote thought taught heard read quoted saw learnt learned gave put see seeing reading hearing".split()
)
_HEARERS = frozenset("me us you him her them once".split())
_CONTENT = frozenset("the a an that this these its their all both most every no free some".split())
_OWN = frozenset("i we i've we've".split())
_PASSIVE = frozenset("was were am been have had just once also always recently keep kept often".split())
_RESULTS = frozenset("gives gave yields yielded shows showed returns returned prefers".split())
_PLACES = frozenset("on in from at by of online somewhere".split())
_PEOPLE = frozenset("they he she somebody someone everyone everybody people".split())
_LONGEST = 9  # words before the statement
_NO_VERBS = frozenset("its is was has does this thus as yes plus minus focus".split())


def without_teller(tokens: Sequence[Token], *, asked: bool) -> list[Token]:
    """The tokens of a sentence without the one who tells it.

    Args:
        tokens: of the sentence.
        asked: whether the sentence itself is the question; what a source gives for it is then a part of what is wanted.
    """
    start = next(
        (i for i, t in enumerate(tokens) if t.text.lower() not in ("but", "and", "so", "well", ",")), 0
    )
    end = _told_from(tokens[start:]) or (0 if asked else _according(tokens[start:]))
    rest = tokens[start + end :]
    told = end and any(t.kind in ("thing", "constant", "class") for t in rest)
    return _declared(rest) if told else list(tokens)


def _declared(said: Sequence[Token]) -> list[Token]:
    """What somebody tells as a sentence with a verb: 'm(W) = 80.4 GeV', '80.4 GeV for the W mass'; an experiment behind it tells it."""
    rest = [replace(t, kind="function", text="is") if t.text == "=" else t for t in said]
    if rest[0].kind == "amount" and len(rest) > 2 and rest[1].text.lower() in ("for", "as"):
        thing = max((i for i, t in enumerate(rest) if t.kind in ("thing", "constant", "property")), default=0)
        behind = rest[thing + 1 :]
        teller = (
            len(behind) == len(_FROM)
            and [t.kind for t in behind] == _FROM
            and behind[1].value[0] == "experiment"
        )
        rest = (
            rest[2 : thing + 1]
            + [replace(rest[1], kind="function", text="is"), rest[0]]
            + ([] if teller else behind)
        )
    return rest


_FROM = ["function", "qualifier"]


def _told_from(tokens: Sequence[Token]) -> int:
    """The place behind the verb of telling and its hearer; 0 where nobody tells."""
    own = bool(tokens) and tokens[0].text.lower() in _OWN
    if len(tokens) > 2 and tokens[0].text.lower() in ("when", "while") and tokens[1].text.lower() in _OWN:
        return _schooldays(tokens)
    for place, token in enumerate(tokens[:_LONGEST]):
        after = place + 1
        if place and _tells(token) and _everyday(tokens[:place], own=own):
            after += (
                token.text.lower() == "asks" and tokens[after].text.lower() == "for"
                if after < len(tokens)
                else 0
            )
            while after < len(tokens) and (
                tokens[after].text.lower() in _HEARERS or (own and _is_source(tokens[after]))
            ):
                after += 1
            if after < len(tokens) and tokens[after].text.lower() in ("that", ":", ","):
                return after + 1
            return after if after < len(tokens) and _begins(tokens[after]) else 0
        if token.kind not in ("word", "neutral", "function", "join", "pronoun") and not is_bare(token):
            return 0
    return 0


def _schooldays(tokens: Sequence[Token]) -> int:
    """The place behind 'when I was a student', 'when we learned it at school'."""
    for place in range(3, min(len(tokens), _LONGEST)):
        text = tokens[place].text.lower()
        if text == "," or (text in ("the", "its") and tokens[place - 1].kind in ("word", "neutral")):
            return (
                place + (text == ",")
                if not any(is_physics(t.text) for t in tokens[:place] if t.kind == "word")
                else 0
            )
        if tokens[place].kind not in ("word", "neutral", "function"):
            return 0
    return 0


def _tells(token: Token) -> bool:
    """Whether a word can be the verb of one who tells."""
    word = token.text.lower()
    if word in _IRREGULAR or word in ("says", "asks", "asks for", "wants", *_RESULTS):
        return True
    ends = word.endswith(("ed", "s")) and not word.endswith(("ss", "us", "is")) and word not in _NO_VERBS
    return token.kind == "word" and ends and word.isalpha() and not is_physics(word)


def _everyday(teller: Sequence[Token], *, own: bool) -> bool:
    """Whether these words can be one who tells: 'a comment on HN', 'my professor', 'I was', and nothing of physics."""
    said = [word for t in teller for word in t.text.lower().split()]
    if own:
        return set(said[1:]) <= _PASSIVE
    ours = said[0] in ("my", "our")  # 'my fit', 'our last measurement'
    strange = any(
        (is_physics(t.text) and not ours) or (any(c.isdigit() for c in t.text) and i < 2)
        for i, t in enumerate(teller)
        if t.kind == "word"
    )
    if said[0] in _PLACES and _PEOPLE & set(said):
        return not strange  # 'in the movie they'
    named = (
        said[0] in _PEOPLE
        or said[0] in ("a", "an", "my", "our", "the", "his", "her", "some", "one", "another")
        or (teller[0].kind == "word" and (teller[0].text[:1].isupper() or is_bare(teller[-1])))
    )
    speaks = said[0] in _PEOPLE or any(t.kind in ("word", "neutral") for t in teller)
    return named and not strange and speaks


def _is_source(token: Token) -> bool:
    """'On Wikipedia', 'in a magazine': where the speaker read it."""
    return (
        token.text.lower() in _PLACES
        or (token.kind == "word" and not is_physics(token.text))
        or token.text.lower() in ("a", "my", "an")
    )


def _begins(token: Token) -> bool:
    """Whether a statement can begin with this word."""
    return token.text.lower().split()[0] in _CONTENT or token.kind in _OPENING or token.text == "|"


_OPENING = ("thing", "class", "constant", "property", "amount")


_POSSESSIVES = frozenset("meinem meiner unserem unserer mon ma mes notre nos".split())


def _according(tokens: Sequence[Token]) -> int:
    """'According to my textbook the muon lives …': the place behind the source; 0 where there is none."""
    if (
        len(tokens) > 3
        and tokens[0].text.lower() in ("laut", "selon")
        and tokens[1].text.lower() in _POSSESSIVES
    ):
        return 3 if tokens[2].kind == "word" and not is_physics(tokens[2].text) else 0
    if not tokens or tokens[0].text.lower() != "according to":
        return 0
    for place in range(2, min(len(tokens), _LONGEST)):
        if (
            tokens[place].text == ","
            or (_begins(tokens[place]) and place > 2)
            or tokens[place].text.lower() == "the"
        ):
            teller = tokens[1:place]
            return place + (tokens[place].text == ",") if _everyday(teller, own=False) else 0
    return 0
