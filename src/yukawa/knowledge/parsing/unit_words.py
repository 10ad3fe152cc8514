"""Finds the units that a question asks for or states behind a number, in five languages."""

import functools
import re
from collections.abc import Iterator

from yukawa.knowledge.parsing.plan import Amount
from yukawa.knowledge.parsing.quantities import find_quantities
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.units import EAST_ASIAN_PREFIXES, Unit, east_asian_units, find_unit

_UNIT_WORD = re.compile(
    r"%|[A-Za-zµμ°Ω\u3040-\u30ff\u4e00-\u9fff]+(?:[_-][A-Za-z]+)?(?:\([NB]\))?(?:(?:\*\*|\^)?-?\d)?(?:/[A-Za-z]+(?:\^?\d)?)?"
)
# Units that are read as such wherever they occur; others, such as 'm' or 'second', only behind a number or 'in'.
_PLAIN_UNIT = re.compile(
    r"(?<![A-Za-z0-9_/^*(])\(?\[?(?:in )?(?P<unit>(?:[kMGTm]|)eV(?:/c(?:\^?2)?)?|kg|mus|MeV|GeV|TeV|keV|[kmg]ev|tev|mev|gev|kev"
    r"|(?:micro|nano|pico|femto|milli|atto)?seconds|nuclear magnetons?|kilograms?|grams?)\)?\]?(?![A-Za-z0-9_/^*])"
)
_PREFIXED = "|".join(map(plain_ascii, EAST_ASIAN_PREFIXES))
_WORDS = sorted(map(plain_ascii, east_asian_units()), key=len, reverse=True)
_CJK_UNIT = re.compile(
    rf"(?:{_PREFIXED})(?:{'|'.join(_WORDS)})|秒|"
    + "|".join(w for w in _WORDS if len(w) > 1 and w not in ("分間", "時間"))
)
_CJK_AT = re.compile(rf"(?:{_PREFIXED})?(?:{'|'.join(_WORDS)})")
# 'combien de secondes', '何年': a word for a unit is one behind a word that asks for an amount.
_ASKED_UNIT = re.compile(
    r"(?:\b[Hh]ow many|何|多少|几|幾|用|\b[Cc]ombien d['e]|\b[Ww]ie ?viele?n?\b) ?(?=[^\W\d_]|%)"
)
_UNIT_GIVEN = re.compile(
    r"(?<![A-Za-z0-9µ])(?P<unit>[A-Za-zµ]{2,}(?: s)?)(?= ?(?:"
    + plain_ascii("で|に換算|に直|表示|単位|为单位")
    + "))"
)
_IN_UNIT = re.compile(
    r"(?<!\w)(?:in|In|as|en|in the|expressed in|in units? of|converted? (?:in)?to)\s(?:units? of )?(?:the (?=nuclear|Bohr|bohr))?"
    r"(?=[A-Za-zµ%°])"
)


_SCHEME = re.compile(r"MS[- ]?bar", re.IGNORECASE)  # 'in MS-bar' names no unit
_CONVERTED = re.compile(r"[Cc]onvert\b[^?.]{1,60}? (?:in)?to (?=[A-Za-zµ])")
_PARTICLE = re.compile(r"[+*_]|-?(?: ?→)")


def find_units(plain: str) -> Iterator[tuple[int, int, str]]:
    """The units that a plain text names outside of amounts: first character, one past the last, the unit."""
    for match in _PLAIN_UNIT.finditer(plain):
        yield match.start(), match.end(), match["unit"]
    if not plain.isascii():
        for match in _CJK_UNIT.finditer(plain):
            yield match.start(), match.end(), match[0]
        for match in _UNIT_GIVEN.finditer(plain):
            if known_unit(match["unit"]):
                yield match.start(), match.end(), match[0]
    for match in _ASKED_UNIT.finditer(plain):
        text, end = unit_at(plain, match.end())
        if text and (len(text) > 1 or not text.isascii() or text == "%"):
            yield match.end(), end, text
    if "onvert" in plain:
        for match in _CONVERTED.finditer(plain):
            text, end = unit_at(plain, match.end())
            if text:
                yield match.end(), end, text
    for match in _IN_UNIT.finditer(plain):
        text, end = unit_at(plain, match.end())
        if _PARTICLE.match(plain, end) or _SCHEME.match(plain, match.end()):  # 'in K+ -> pi+ pi0'
            continue
        if text and (len(text) > 1 or match[0].lower().startswith("in") or text == "%"):
            yield match.start(), end, text


def unit_at(plain: str, position: int) -> tuple[str | None, int]:
    """The longest unit, of at most four words, that begins at `position`."""
    if east_asian := _CJK_AT.match(plain, position):
        return east_asian[0], east_asian.end()
    ends, place = [], position
    for _ in range(4):
        match = _UNIT_WORD.match(plain, place)
        if match is None:
            break
        if plain[match.end() : match.end() + 1] in _NO_ENDS:  # 'in K-pi+', 'MeV s'élève'
            break
        ends.append(match.end())
        place = match.end() + 1
        if plain[match.end() : place] != " ":
            break
    for end in reversed(ends):
        text = plain[position:end]
        if known_unit(text) and text.rpartition(" ")[2] not in _NO_UNITS:  # 'gib … in kg an', 'rechne … um'
            return text, end
    return None, position


_NO_ENDS = tuple("+-'")
_NO_UNITS = frozenset({"a", "an", "as", "at", "um", "A", "An", "As"})  # words, and not years or attoseconds


@functools.lru_cache(maxsize=1024)
def known_unit(text: str) -> Unit | None:
    """The unit that `text` names, if any, plurals of symbols and articles apart."""
    unit = find_unit(text) if text and not text.isdigit() else None
    return unit if unit and unit.text and unit.text not in ("π", "°") and text not in _NO_UNITS else None


# ---- values with errors --------------------------------------------------------------------------

_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")


def measured_amounts(plain: str, *, comma: bool) -> Iterator[tuple[int, int, Amount]]:
    """'80.36 +- 0.01 GeV': values with errors, in base units; with a `comma` decimals are parted as in German and French."""
    if not _MAY_HAVE_ERROR.search(plain):
        return
    for q in find_quantities(_DECIMAL_COMMA.sub(".", plain) if comma else plain):
        if q.error_plus is not None and q.error_minus is not None:
            span = (q.start, q.end)
            yield *span, Amount(q.value, q.unit, span, (q.error_plus, q.error_minus))


_MAY_HAVE_ERROR = re.compile(r"\+ ?/? ?-|plus or minus|\d\(\d")
# ---- numbers with units --------------------------------------------------------------------------

NUMBER = re.compile(
    r"(?<![A-Za-z0-9_./])[+-]?\d{1,3}/\d{1,3}(?![A-Za-z0-9_/.])|(?<![\w.])10\^[+-]?\d{1,3}(?![\w.]*\d)|"
    r"(?<![A-Za-z0-9_.])[+-]?\d{1,15}(?:[.,]\d{1,15})?(?:(?:\s?[x*]\s?|\s)?10\s?\^?\s?[+-]?\d{1,3}|[eE][+-]?\d{1,3})?(?![\w.]*\d)|(?<![\w.])10\^?[+-]\d{1,3}"
)


def number_value(text: str) -> float | None:
    """The number that a text matching `NUMBER` states."""
    if re.fullmatch(r"10\^[+-]?\d{1,3}", text):
        return float(f"1e{text[3:]}")
    squeezed = re.sub(r"\s?[x*]\s?10\s?\^?\s?|\s10\s?\^\s?", "e", text).replace(" ", "").replace("^", "")
    if re.fullmatch(r"10[+-]\d+", squeezed):
        squeezed = "1e" + squeezed[2:]
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", squeezed):
        squeezed = squeezed.replace(",", "")
    if "/" in squeezed:
        above, _, below = squeezed.partition("/")
        return float(above) / float(below) if float(below) else None
    try:
        value = float(squeezed.replace(",", "."))
    except ValueError:
        return None
    return value if abs(value) < 1e300 else None


def unit_after(plain: str, position: int) -> tuple[str | None, int]:
    """The unit right behind a number and where it ends."""
    space = 1 if plain[position : position + 1] in " -" else 0
    text, end = unit_at(plain, position + space)
    return (text, end) if text else (None, position)
