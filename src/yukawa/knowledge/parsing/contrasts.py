"""Sets aside what a question says is not meant: 'not the half-life', '(nicht die Breite)', '半減期ではなく'.

What is excluded changes nothing of an answer that does not hold it: such a phrase is set off, it names something else than
the rest of the sentence, and the rest asks for a value. Of a list, a search or a question of yes or no it would be a condition.
"""

from collections.abc import Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.naming import changed, other_meaning
from yukawa.knowledge.parsing.tokens import Token

_NO_CONTRAST = frozenset(
    "only just yet even at sure necessarily exactly quite nur noch seulement encore".split()
)
# Kinds with which a sentence asks for more than a value.
_OTHERWISE = frozenset(
    {"class", "list", "count", "compare", "most", "order", "relation", "explain", "measured"}
)
_MEANT = ("thing", "property", "channel", "constant", "qualifier", "difference-of")
_NAMING = (*_MEANT, "amount", "unit", "word", "mode", "out-of", "fraction")


def contrasts(tokens: list[Token]) -> list[Token]:
    """Tokens with every contrast as an aside."""
    found = list(tokens)
    for place, token in enumerate(tokens):
        if token.kind != "negation":
            continue
        phrase = _phrase(tokens, place)
        if phrase and _is_contrast(tokens, phrase, place):
            for i in (place, *(i for i in phrase if tokens[i].kind != "function")):
                found[i] = replace(found[i], kind="aside")
    return found


def _phrase(tokens: Sequence[Token], place: int) -> list[int]:
    """The places of what is negated; none where the negation is not set off from the rest."""
    kind = tokens[place].value
    if kind == "contrast-after":
        start = place
        while start > 0 and not _ends(tokens[start - 1]):
            start -= 1
        return list(range(start, place))
    if kind not in ("contrast", "contrast-apart") or (
        kind == "contrast" and not _stands_apart(tokens, place)
    ):
        return []
    end = place + 1
    while end < len(tokens) and not _ends(tokens[end]):
        end += 1
    phrase = list(range(place + 1, end))
    first = tokens[phrase[0]].text.lower() if phrase else ""
    # 'Not only', and 'not counting CDF', which takes part of what is asked away.
    return [] if first in _NO_CONTRAST or first.endswith("ing") else phrase


def _ends(token: Token) -> bool:
    return token.kind in ("mark", "join", "stop") and token.text not in "'-^_"


def _stands_apart(tokens: Sequence[Token], place: int) -> bool:
    """Whether only 'please' or 'but' separates the negation from a mark, a conjunction or the beginning."""
    before = place - 1
    while before >= 0 and tokens[before].text.lower() in _LEADING:
        before -= 1
    return before < 0 or _ends(tokens[before])


_LEADING = frozenset("please bitte but and aber und mais et".split())


def _is_contrast(tokens: Sequence[Token], phrase: Sequence[int], place: int) -> bool:
    inside = [tokens[i] for i in phrase]
    rest = [t for i, t in enumerate(tokens) if i != place and i not in phrase]
    if any(
        t.text.lower() in ("one", "ones") for t in inside
    ):  # 'two neutral pions rather than two charged ones'
        return False
    if not any(t.kind in _NAMING for t in inside) or any(_asks_otherwise(rest, i) for i in range(len(rest))):
        return False
    things = [t for t in inside if t.kind == "thing"]
    if not any(t.kind in _MEANT for t in rest):  # a sentence of its own: '(not the 58 % from theory)'
        return place == 0 or all(_ends(t) for t in tokens[:place]) if not things else False
    if things and not any(t.kind in ("thing", "channel") for t in rest):
        return False
    return any(_differs(t, rest) for t in inside) and not any(_repeats(t, rest) for t in things)


def _asks_otherwise(rest: Sequence[Token], place: int) -> bool:
    """Whether a token makes more of the question than a value; 'how many' before a unit does not."""
    unit = rest[place].kind == "count" and place + 1 < len(rest) and rest[place + 1].kind == "unit"
    return rest[place].kind in _OTHERWISE and not unit


def _differs(token: Token, rest: Sequence[Token]) -> bool:
    """Whether a token names something that the rest of the sentence does not."""
    if token.kind not in _NAMING:
        return False
    return not any(
        other.kind == token.kind and other.value == token.value for other in rest if token.kind != "word"
    )


def _repeats(token: Token, rest: Sequence[Token]) -> bool:
    """Whether a thing is one of the alternatives that the rest speaks of: 'the D, not the D0'."""
    names = set(getattr(token.value, "names", ()))
    return any(names & set(getattr(other.value, "names", ())) for other in rest if other.kind == "thing")


def given(tokens: list[Token]) -> list[Token]:
    """Read 'Given its width, how long …': what a value is to be computed from is not asked; in Chinese and Japanese it comes before."""
    turned = _turned(tokens)

    def change(place: int, token: Token) -> Token:
        """The token at `place` as this rule reads it."""
        if place in turned:
            return replace(token, kind="aside")
        if token.kind == "based-on":
            return replace(token, kind="function")
        beside = place - 1 if token.text.isascii() else place + 1
        based = 0 <= beside < len(tokens) and tokens[beside].kind == "based-on"
        based |= not token.text.isascii() and _led_by(tokens, place)
        based |= _second_of(tokens, place)
        if (
            not based
            or token.kind != "property"
            or sum(t.kind == "property" for t in tokens) < 2 - _second(tokens)
        ):
            return token
        return replace(token, kind="aside")

    return changed(tokens, change)


def _turned(tokens: Sequence[Token]) -> list[int]:
    """The verb and the first property of 'turn the width of the Z into a lifetime'; the verb alone of 'and translate it to a lifetime'."""
    verb = next((i for i, t in enumerate(tokens) if t.text.lower() in _TURNING), None)
    properties = [i for i, t in enumerate(tokens) if t.kind == "property"]
    if verb is None or len(properties) != 2 or not verb < properties[1]:
        return []
    leads = {t.text.lower() for t in tokens[max(verb, properties[0]) : properties[1]]} & {
        "into",
        "to",
        "in",
        "for",
    }
    return ([verb, properties[0]] if verb < properties[0] else [verb]) if leads else []


_TURNING = frozenset("turn convert translate transform change rechne wandle convertis convertir".split())


def _second(tokens: Sequence[Token]) -> bool:
    return any(_second_of(tokens, i) for i in range(len(tokens)))


def _second_of(tokens: Sequence[Token], place: int) -> bool:
    """Whether a property is joined to one that others are computed from: 'with today's branching ratio and lifetime'."""
    before = [t.kind for t in tokens[max(0, place - 3) : place]]
    return before == ["based-on", "property", "join"] and tokens[place - 1].text != ","


def _led_by(tokens: Sequence[Token], place: int) -> bool:
    """'已知Z玻色子的宽度,求…': whether the phrase of a property begins with what it is given by."""
    start = max((i + 1 for i in range(place) if tokens[i].text == ","), default=0)
    return tokens[start].kind == "based-on" and any(t.text == "," for t in tokens[place:])


def between_two(tokens: list[Token]) -> list[Token]:
    """Read 'Lequel est le plus lourd et de combien ?', 'Z的质量比W大多少?': what compares two things is a comparison."""
    things = sum(t.kind == "thing" for t in tokens)
    operated = any(t.kind in ("difference", "ratio") or other_meaning(t, "difference") for t in tokens)
    of_class = any(t.kind == "class" for t in tokens)
    factor = things == 2 and any(t.kind == "ratio" and t.text.lower() in _FACTORS for t in tokens)

    def change(place: int, token: Token) -> Token:
        """The token at `place` as this rule reads it."""
        thing_follows = place + 1 < len(tokens) and tokens[place + 1].kind == "thing"
        if token.kind == "ratio" and token.value and thing_follows and token.text[-1] == "比":
            return replace(token, kind="property")
        if factor and token.kind == "difference" and (than := _comparing(token.text.lower())):
            return replace(token, kind="compare", value=than)
        if token.kind == "most" and things == 2 and operated and not of_class:
            return replace(
                token, kind="compare", value=(token.value[0], "<>"[token.value[1] == "descending"])
            )
        return token

    return changed(tokens, change)


_FACTORS = frozenset("factor faktor facteur ratio quotient".split())


def _comparing(text: str) -> tuple[str, str] | None:
    """The property and the order that 'how much heavier', 'wie viel länger' compare by."""
    for property_name, order, stems in _COMPARING:
        if any(stem in text for stem in stems):
            return property_name, order
    return None


_COMPARING = (
    ("mass", ">", ("heavier", "massive", "schwerer", "lourd")), ("mass", "<", ("lighter", "leichter", "leger")),
    ("lifetime", ">", ("longer", "langer")), ("lifetime", "<", ("shorter", "kurzer")),
)  # fmt: skip


def findings(tokens: list[Token]) -> list[Token]:
    """Read '…, first seen by LHCb and CMS', 'the J/psi discovered in 1974': who found a thing is known, and not asked."""
    if (
        not tokens
        or tokens[0].kind == "explain"
        or tokens[0].text.lower().split()[0] in ("is", "was", "were", "are")
    ):
        return tokens
    found = list(tokens)
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else token
        beside = before.kind in ("thing", "channel") or before.text in (",", "(")
        if token.kind != "explain" or not token.text.lower().endswith(_FOUND) or not beside:
            continue
        for i in range(place, len(tokens)):
            if tokens[i].kind == "mark" or (tokens[i].kind == "join" and tokens[i].text == ","):
                break
            if tokens[i].kind in ("explain", "word", "appended", "join") or (
                tokens[i].kind == "qualifier" and tokens[i].value[0] in ("experiment", "year")
            ):
                found[i] = replace(tokens[i], kind="aside")
    return found


_FOUND = ("discovered", "seen", "observed", "announced", "found", "invented", "proposed", "named")


def methods(tokens: list[Token]) -> list[Token]:
    """Read 'How is the lifetime of the muon measured?': a way is asked, and no value."""
    last = next((t for t in reversed(tokens) if t.kind != "mark"), None)
    if (
        len(tokens) < 4
        or last is None
        or last.text.lower() not in _DONE
        or tokens[0].text.lower() not in ("how", "how is", "how are")
    ):
        return tokens
    verb = " ".join(t.text.lower() for t in tokens[:2]).split()[1]
    return [replace(tokens[0], kind="explain"), *tokens[1:]] if verb in ("is", "are", "can", "do") else tokens


_DONE = frozenset(
    "measured determined known established obtained calculated computed derived defined detected".split()
)


def having(tokens: list[Token]) -> list[Token]:
    """Read 'The mass of the B meson with strangeness', 'the lightest baryon with charm': what is had is a condition, and not asked."""
    if any(t.kind == "amount" for t in tokens):
        return tokens
    asked = False
    found = list(tokens)
    for place, token in enumerate(tokens):
        had = (
            place > 1
            and tokens[place - 1].text.lower() in ("with", "mit", "avec")
            and tokens[place - 2].kind in ("thing", "class")
        )
        flavour = (
            token.kind == "property"
            and token.value in ("strangeness", "charm", "bottomness")
            and any(t.kind == "most" for t in tokens)
        )
        if token.kind == "property" and had and asked and not flavour:
            found[place] = replace(token, kind="word")
        asked |= token.kind in ("property", "most")
    return found
