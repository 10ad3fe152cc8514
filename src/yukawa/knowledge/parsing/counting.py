"""Settles numbers and signs of a sentence: amounts in words, ranges, coefficients, powers, what combines two quantities."""

from collections.abc import Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.naming import changed
from yukawa.knowledge.parsing.plan import Amount
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.tokens import Token
from yukawa.knowledge.parsing.unit_words import known_unit
from yukawa.knowledge.parsing.units import find_unit


def powers(tokens: list[Token]) -> list[Token]:
    """Read 'm(Z)^2': a raised number."""
    found: list[Token] = []
    for token in tokens:
        before = found[-1] if found else None
        number = token.kind == "amount" and not token.value.unit and token.value.value in _POWERS
        if before and before.text == "^" and before.kind == "mark" and number and before.end == token.start:
            found[-1] = Token("power", before.start, token.end, f"^{token.text}", token.value.value)
        else:
            found.append(token)
    return found


_POWERS = (2.0, 3.0, 4.0, 5.0, 6.0)


def coefficients(tokens: list[Token]) -> list[Token]:
    """Read '2 m_K', '2*m(K)', '1.5 times the Z mass': a number before a quantity multiplies it."""
    found = list(tokens)
    for place, token in enumerate(tokens):
        after = [t.kind for t in tokens[place + 1 : place + 4]]
        times = after[:1] == ["times"] or (after[:1] == ["mark"] and tokens[place + 1].text == "*")
        if token.kind != "amount" or (token.value.unit and not _metres(tokens, place)):
            continue
        symbol = after[:2] == ["property", "thing"] or after in (
            ["property", "mark"],
            ["property", "mark", "thing"],
        )
        if token.value.unit:  # '2 m(K)' is not a length
            number = len(token.text) - 1
            found[place] = replace(
                token, kind="factor", end=token.end - 1, text=token.text[:number], value=token.value.value
            )
            found.insert(place + 1, Token("property", token.end - 1, token.end, "m", "mass"))
            return coefficients(found)
        if times or (symbol and tokens[place + 1].text in _MASS_SYMBOLS):
            found[place] = replace(token, kind="factor", value=token.value.value)
            if times:
                found[place + 1] = replace(tokens[place + 1], kind="aside")
    return found


_MASS_SYMBOLS = frozenset({"m", "M", "mass"})


def _metres(tokens: list[Token], place: int) -> bool:
    """Whether a bracket with a thing follows what looks like a number of metres."""
    behind = tokens[place + 1 : place + 3]
    return (
        tokens[place].text.endswith("m")
        and [t.text[:1] for t in behind[:1]] == ["("]
        and behind[-1].kind == "thing"
    )


def multiples(tokens: list[Token]) -> list[Token]:
    """Read '电子质量的1836倍': a number with the word for times behind it."""
    found: list[Token] = []
    for token in tokens:
        before = found[-1] if found else None
        if token.text == _TIMES and before and before.kind == "amount" and not before.value.unit:
            found[-1] = replace(before, kind="factor", end=token.end, value=before.value.value)
        else:
            found.append(token)
    return found


_TIMES = plain_ascii("倍")


def numbers(tokens: list[Token]) -> list[Token]:
    """Read 'Ten percent', 'two seconds': a number in words with its unit is an amount."""
    found: list[Token] = []
    for token in tokens:
        before = found[-1] if found else None
        percent = token.text.lower() in ("percent", "per cent", "per mille")
        if before is not None and before.kind == "number" and (token.kind == "unit" or percent):
            unit = "%" if percent and token.text.lower() != "per mille" else str(token.value)
            span = (before.start, token.end)
            found[-1] = Token(
                "amount", *span, f"{before.text} {token.text}", Amount(float(before.value), unit, span)
            )
        else:
            found.append(token)
    return found


def ranges(tokens: list[Token]) -> list[Token]:
    """Read 'Between 1 and 1.1 GeV': above the one and below the other."""
    found = list(tokens)
    for place, token in enumerate(tokens):
        ends = tokens[place + 1 : place + 4]
        kinds = [t.kind for t in ends]
        if token.text.lower() not in ("between", "from") or kinds != ["amount", "join", "amount"]:
            continue
        unit = ends[0].value.unit or ends[2].value.unit
        found[place] = replace(token, kind="relation", value=">=")
        found[place + 1] = replace(ends[0], value=replace(ends[0].value, unit=unit))
        found[place + 2] = replace(ends[1], kind="relation", value="<=")
    return found


def units_alone(tokens: list[Token]) -> list[Token]:
    """Read '… cm please': of a sentence of its own that is nothing but a unit, that is the one wanted."""
    words = [i for i, t in enumerate(tokens) if t.kind not in ("function", "mark")]
    if (
        len(words) != 1
        or tokens[words[0]].kind != "word"
        or len(tokens) > 3
        or not known_unit(tokens[words[0]].text)
    ):
        return tokens
    token = tokens[words[0]]
    return [replace(t, kind="unit", value=t.text) if t is token else t for t in tokens]


def significances(tokens: list[Token]) -> list[Token]:
    """Read 'At 5 sigma': a number of standard deviations, and not of particles."""
    found: list[Token] = []
    for token in tokens:
        before = found[-1] if found else None
        if before and before.kind in ("amount", "number") and token.text.lower() in ("sigma", "sigmas"):
            found[-1] = Token("word", before.start, token.end, f"{before.text} {token.text}")
        else:
            found.append(token)
    return found


def per(tokens: list[Token]) -> list[Token]:
    """Read 'The tau mass in muon masses', 'en masses de proton', '以质子质量为单位': words that count in another quantity."""

    def change(place: int, token: Token) -> Token:
        """The token as this rule reads it."""
        if token.kind == "per" and not token.text.isascii():  # it follows the quantity
            before = [t.kind for t in tokens[:place] if t.kind != "function"][-2:]
            return token if before == ["thing", "property"] else replace(token, kind="function")
        behind = [t for t in tokens[place + 1 : place + 4] if t.kind != "function"][:2]
        counts = {t.kind for t in behind} == {"thing", "property"} and any(
            t.text.lower() in PLURALS for t in behind
        )
        if not counts or token.text.lower() not in ("in", "en"):
            return token
        said = any(t.kind in ("property", "difference", "difference-of", "compare") for t in tokens[:place])
        return replace(token, kind="per") if said else token

    return changed(tokens, change)


PLURALS = frozenset({"masses", "widths", "lifetimes", "massen", "breiten", "lebensdauern"})


def operators(tokens: list[Token]) -> list[Token]:
    """Read 'm(A) - m(B)', 'm(A) / m(B)', 'A mass times B mass': a sign or word between two quantities combines them."""

    def change(place: int, token: Token) -> Token:
        """The token as this rule reads it."""
        if token.kind == "times" and not _multiplies(tokens, place):
            return replace(token, kind="word")
        sign = _SIGNS.get(token.text)
        if token.kind not in ("join", "mark") or not sign or not 0 < place < len(tokens) - 1:
            return token
        if not (both_sides(tokens, place) or (sign == "minus" and _bare(tokens, place))):
            return token
        return token if sign == "minus" and not _subtracts(tokens, place) else replace(token, kind=sign)

    return changed(tokens, change)


def _subtracts(tokens: Sequence[Token], place: int) -> bool:
    """Whether a dash has space around it or follows a bracket; else it is part of a name or a pause."""
    before, token, after = tokens[place - 1 : place + 2]
    apart = before.end < token.start and token.end < after.start
    return (apart and after.kind in ("property", "thing", "factor")) or (
        before.text == ")" and after.kind == "property"
    )


def _bare(tokens: Sequence[Token], place: int) -> bool:
    """'Upsilon(2S) - Upsilon(1S)': two things of which no property is named."""
    named = any(
        t.kind in ("property", "difference-of", "channel", "compare", "most", "class") for t in tokens
    )
    return not named and tokens[place - 1].kind == tokens[place + 1].kind == "thing"


_SIGNS = {"/": "divided", "+": "plus", "-": "minus", "*": "times"}


def _multiplies(tokens: Sequence[Token], place: int) -> bool:
    """Whether there is a quantity or a number on either side."""
    sides = (tokens[:place], tokens[place + 1 :])
    return all(
        any(t.kind in ("thing", "property", "amount", "number", "constant") for t in side) for side in sides
    )


def both_sides(tokens: Sequence[Token], place: int) -> bool:
    """Whether there are a thing and a property on either side."""
    sides = (tokens[:place], tokens[place + 1 :])
    return all(
        any(t.kind == "thing" for t in side) and any(t.kind == "property" for t in side) for side in sides
    )


def lasting(tokens: list[Token]) -> list[Token]:
    """Read 'How many minutes does a neutron last?': the unit of time says that its lifetime is asked."""
    times = [i for i, t in enumerate(tokens) if t.kind == "unit" and _is_time(str(t.value))]
    lasts = any(word in _LASTING for t in tokens for word in t.text.lower().split())
    if len(times) != 1 or not lasts or not times[0] or any(t.kind in ("property", "channel") for t in tokens):
        return tokens
    asking = times[0] - 1
    if tokens[asking].text.lower() not in ("how many", "combien de", "wie viele"):
        return tokens
    found = list(tokens)
    found[asking] = replace(tokens[asking], kind="property", value="lifetime")
    return found


_LASTING = frozenset("last lasts live lives survive survives exist exists lebt vit".split())


def _is_time(unit: str) -> bool:
    named = find_unit(unit)
    return named is not None and named.dimension == "time"
