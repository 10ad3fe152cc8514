"""What a sentence beside a question says of how the question is meant: of which sources, under which conditions.

People tell of themselves what they like; it changes nothing of what they ask. Three things do, whoever says them: a wish that
names where a value is to come from, a surrounding in which all of it happens, and an amount that nobody measured.
"""

import re
from collections.abc import Sequence

from yukawa.knowledge.parsing.excuses import CALENDAR
from yukawa.knowledge.parsing.lexicon import is_physics
from yukawa.knowledge.parsing.plan import Amount
from yukawa.knowledge.parsing.tokens import Token

_WISHING = frozenset(
    "want wants wanted need needs like prefer interested refers refer concerns only"
    " brauche will möchte mochte nur veux voudrais besoin seulement".split()
)
VALUES = frozenset(
    "value values number numbers result results measurement measurements data datum figure figures average averages edition"
    " editions prediction predictions wert werte messung ausgabe valeur valeurs mesure mesures".split()
)
_SURROUNDING = frozenset("in inside within under near at through".split())
_SPEAKERS = frozenset(
    "i i'm i've we we're we've somebody someone everybody nobody he she they people you one".split()
)
_WORLDS = frozenset("world worlds universe space medium vacuum".split())
_ALL = frozenset("everything all everywhere".split())


def bearing(tokens: Sequence[Token]) -> list[Token]:
    """The tokens of a sentence or clause beside a question by which it is meant otherwise than it reads alone; () of a mere tale."""
    said = [word for t in tokens for word in t.text.lower().split()]
    if not said:
        return []
    return (
        _sources(tokens, said)
        or _corrections(tokens, said)
        or _surroundings(tokens, said)
        or _future(tokens, said)
    )


def _sources(tokens: Sequence[Token], said: Sequence[str]) -> list[Token]:
    """'I only trust results from before 2005', 'I'd like the value the quark model predicts': which value is wanted."""
    fragment = said[0] in ("as", "like", "in", "from", "before", "after", "until") and len(said) <= _FRAGMENT
    as_known = fragment and not _SPEAKERS & set(said)  # 'As it was known in 1985.', 'In 1994, that is.'
    if not as_known and not (_WISHING & set(said) and VALUES & set(said)):
        return []
    return [
        t
        for place, t in enumerate(tokens)
        if (t.kind == "qualifier" and not (t.value[0] == "experiment" and _somebodys(tokens, place)))
        or _YEAR.fullmatch(t.text)
    ]


def _corrections(tokens: Sequence[Token], said: Sequence[str]) -> list[Token]:
    """'I mean for the excited state', 'I want the value for the other one': which thing is meant."""
    corrects = bool({"mean", "meant"} & set(said)) or (_WISHING & set(said) and VALUES & set(said))
    ends = [i for i, t in enumerate(tokens) if t.text.lower() in _KINDS and i > _NEAR] if corrects else []
    return [
        t
        for end in ends
        for t in tokens[end - 1 : end]
        if t.kind == "word"
        and {"for", "of"} & {near.text.lower() for near in tokens[max(0, end - _NEAR) : end]}
    ]


_KINDS = frozenset("state states one ones partner version case".split())
_NEAR = 4  # tokens ahead of 'state' in which 'for the' stands


def _future(tokens: Sequence[Token], said: Sequence[str]) -> list[Token]:
    """'What will the average be after including it?': a value that is not there yet."""
    will = "will" in said and not {"you", "i", "we"} & set(said)
    return [t for t in tokens if t.text.lower() in VALUES] if will else []


def _somebodys(tokens: Sequence[Token], place: int) -> bool:
    """'For a CMS paper', 'my ATLAS thesis': an experiment that says whose a thing of everyday life is."""
    after = tokens[place + 1] if place + 1 < len(tokens) else tokens[place]
    text = after.text.lower()
    return text == "paper" or (
        after.kind in ("word", "neutral") and not is_physics(text) and text not in VALUES
    )


def _surroundings(tokens: Sequence[Token], said: Sequence[str]) -> list[Token]:
    """'In my model there is a fourth generation', 'everything happens at a temperature of 150 MeV': where nobody does anything."""
    if media := [t for t in tokens if t.value == ("condition", "medium")]:
        return media if not {"about", "on"} & set(said) else []  # 'a book about the early universe'
    if _SPEAKERS & set(said):
        return []
    if said[0] in _SURROUNDING:
        phrase = [
            t
            for t in tokens[1 : _PHRASE + 1]
            if t.kind in ("word", "neutral") or t.value == ("predicted", "yes")
        ]
        return [
            t for t in phrase if t.kind == "qualifier" or is_physics(t.text) or t.text.lower() in _WORLDS
        ][:1]
    amounts = [
        t for t in tokens
        if t.kind == "amount" and isinstance(t.value, Amount) and t.value.unit and not CALENDAR.match(t.value.unit)
    ]  # fmt: skip
    return amounts if _ALL & set(said) else []


_YEAR = re.compile(r"(?:19|20)\d\d")
_FRAGMENT = 7  # words of 'As it was known in 1985'
_PHRASE = 4  # words behind a preposition
