"""Decides whether an answer states the right value with its error and names a right source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

Row = dict[str, Any]

# Name -> (dimension, power of ten relative to the dimension's base unit).
_UNITS: dict[str, tuple[str, int]] = {
    **{
        name: ("energy", power)
        for name, power in [("eV", 0), ("keV", 3), ("MeV", 6), ("GeV", 9), ("TeV", 12)]
    },
    **dict.fromkeys(("seconds", "second", "sec", "s"), ("time", 0)),
    **dict.fromkeys(("milliseconds", "ms"), ("time", -3)),
    **dict.fromkeys(("microseconds", "us", "µs", "μs"), ("time", -6)),
    **dict.fromkeys(("nanoseconds", "ns"), ("time", -9)),
    **dict.fromkeys(("picoseconds", "ps"), ("time", -12)),
    **dict.fromkeys(("femtoseconds", "fs"), ("time", -15)),
    **dict.fromkeys(("attoseconds", "as"), ("time", -18)),
    **dict.fromkeys(("years", "year", "yr"), ("years", 0)),
    **dict.fromkeys(("u", "Da", "amu"), ("atomic mass", 0)),
    **dict.fromkeys(("mu(N)", "mu_N", "μ_N", "µ_N", "μN", "nuclear magnetons"), ("nuclear magneton", 0)),
    **dict.fromkeys(("mu(B)", "mu_B", "μ_B", "µ_B", "μB", "bohr magnetons"), ("bohr magneton", 0)),
    **dict.fromkeys(("hbar s^-1", "hbar/s", "ħ s^-1", "ħ/s", "ħs^-1"), ("frequency", 0)),
}
_UNIT = "|".join(re.escape(name) for name in sorted(_UNITS, key=len, reverse=True))
_UNIT = rf"(?:{_UNIT})(?![A-Za-z0-9_])(?!\^-)"
_NUMBER = r"\d+(?:\.\d+)?"
_POWER = r"(?:\s*(?:x\s*)?10\s*\^\s*\(?[+-]?\d+\)?|\s*[eE][+-]?\d+(?!\d)|\s*%)"
_MEASUREMENT = re.compile(
    rf"(?<![\w.])(?P<value>(?<![\w.)])[+-]?{_NUMBER})(?!\d|\.\d)(?P<value_power>{_POWER})?(?:"
    rf"\s*\+-\s*(?P<both>{_NUMBER})(?!\d|\.\d)(?P<both_power>{_POWER})?"
    rf"|\s*[\^(]?\s*\(?\s*\+\s*(?P<up>{_NUMBER})(?P<up_power>{_POWER})?\s*[,/_]?\s*-\s*(?P<down>{_NUMBER})"
    rf"(?!\d|\.\d)(?P<down_power>{_POWER})?(?:\s*\))?"
    rf"|\s*_?\s*-\s*(?P<down2>{_NUMBER})\s*[,/^]?\s*\+\s*(?P<up2>{_NUMBER})(?!\d|\.\d)"
    rf"|\((?P<last>\d+)\))?"
    rf"\s*[)\]]?(?P<power>{_POWER})?\s*\[?(?P<unit>{_UNIT})?"
)
_LIMIT_WORDS = {
    "upper": r"<|≤|less than|below|at most|under|smaller than|no more than|not more than|up to|upper (?:limit|bound)",
    "lower": r">|≥|greater than|more than|above|at least|larger than|exceed|longer than|lower (?:limit|bound)",
}


@dataclass(frozen=True)
class Measurement:
    """One number of an answer in the base unit of its dimension, digits kept as they were written.

    `errors` is () without error, (both,) when symmetric, (plus, minus) when not.
    """

    value: Decimal
    errors: tuple[Decimal, ...]
    unit: str
    start: int
    end: int


def right(row: Row, answer_text: str, source_ids: list[str]) -> bool:
    """Whether the answer states one accepted value with its error and cites that value's PDG identifier.

    Args:
        row: a row of an answerable question set.
        answer_text: what the assistant said, plain text, Unicode or LaTeX.
        source_ids: ids, labels or URLs of the cited sources.
    """
    text = plain(answer_text)
    return any(cites(source_ids, accept["pdgid"]) and _states(accept, text) for accept in row["accept"])


def cites(source_ids: list[str], pdgid: str) -> bool:
    """Whether some source names exactly this PDG identifier (S035.1 is not S035.12, S035 is not S035M)."""
    pattern = re.compile(rf"(?<![A-Za-z0-9]){re.escape(pdgid)}(?![A-Za-z0-9+]|-(?!\d)|\.\d)")
    return any(pattern.search(unquote(source)) for source in source_ids)


def plain(text: str) -> str:
    """The answer in one notation: `+-`, `x10^-15`, `%`, ASCII minus, no LaTeX marks."""
    text = re.sub(r"\\(?:mathrm|text|mathit|rm)\s*\{([^}]*)\}", r"\1", text)
    text = re.sub(r"\\(?:left|right|,|;|:|!|quad)|\$|\\\(|\\\)", " ", text)
    for pattern, ascii_form in (
        (r"\\pm|±|\+/-|\+/−|&plusmn;", "+-"),
        (r"\\times|\\cdot|×|·|\*(?=\s*10)", "x"),
        (r"\\leq?\b|\\lt\b|&lt;|⩽", "<"),
        (r"\\geq?\b|\\gt\b|&gt;|⩾", ">"),
        (r"\\hbar", "hbar"),
        (r"\\mu", "mu"),
        (r"\\%|per ?cent\b", "%"),
        (r"[−–]", "-"),
        (r"[\u00a0\u2009\u202f]", " "),
        (r"\*\*(?=[+-]?\d)", "^"),
        (r"/c\^?\{?[2²]\}?", ""),
    ):
        text = re.sub(pattern, ascii_form, text)
    text = re.sub(
        r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+",
        lambda m: "^" + m[0].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")),
        text,
    )
    return re.sub(r"[{}]", "", text)


def measurements(text: str, default_unit: str = "") -> list[Measurement]:
    """Every number of a plain text, with error, power of ten and unit; a bare one is read in `default_unit`."""
    found = []
    for match in _MEASUREMENT.finditer(text):
        unit = match["unit"] or default_unit
        shared = _exponent(match["power"]) if match["power"] else None
        powers = [match[name] for name in ("value_power", "both_power", "up_power", "down_power")]
        own = next((_exponent(power) for power in reversed(powers) if power), 0)
        # A power after the last number or the bracket holds for all numbers that have none of their own.
        fallback = shared if shared is not None else own
        scale = _UNITS[unit][1] if unit else 0
        value_power = _exponent(match["value_power"]) if match["value_power"] else fallback
        has_error = any(match[name] for name in ("both", "up", "down2", "last"))
        if match["value_power"] and shared is not None and not has_error:
            value_power += shared
        value = Decimal(match["value"]).scaleb(value_power + scale)
        errors = tuple(error.scaleb(scale) for error in _errors(match, fallback))
        found.append(Measurement(value, errors, unit, match.start(), match.end()))
    return found


def _exponent(power: str) -> int:
    """The power of ten that `x10^-15`, `e-15` or `%` stands for."""
    if "%" in power:
        return -2
    digits = re.search(r"(?:\^\s*\(?|[eE])([+-]?\d+)", power)
    return int(digits[1]) if digits else 0


def _errors(match: re.Match[str], fallback: int) -> list[Decimal]:
    """The errors of one match, scaled by their own power of ten or the shared one."""
    if match["both"]:
        return [
            Decimal(match["both"]).scaleb(_exponent(match["both_power"]) if match["both_power"] else fallback)
        ]
    if match["up"]:
        pairs = (("up", "up_power"), ("down", "down_power"))
        return [Decimal(match[n]).scaleb(_exponent(match[p]) if match[p] else fallback) for n, p in pairs]
    if match["down2"]:
        return [Decimal(match[name]).scaleb(fallback) for name in ("up2", "down2")]
    if match["last"]:
        places = len(match["value"].partition(".")[2])
        return [Decimal(match["last"]).scaleb(fallback - places)]
    return []


def _states(accept: Row, text: str) -> bool:
    """Whether a plain text states the accepted quantum numbers, range, limit or value."""
    if "quantum" in accept:
        stated = quantum_numbers(text)
        return all(stated.get(name) == wanted for name, wanted in accept["quantum"].items())
    if accept["limit"] == "range":
        return _states_range(accept, text)
    power = accept["power"] - 2 * bool(accept["percent"])
    unit = accept["unit"].replace("**", "^")
    scale = _UNITS[unit][1] if unit else 0
    value = Decimal(accept["value"]).scaleb(power + scale)
    errors = tuple(Decimal(error).scaleb(power + scale) for error in accept["errors"])
    for found in _readings(text, unit):
        # as_tuple compares digits, so 1.2380 is not 1.238: the PDG's rounding counts.
        same = [n.as_tuple() for n in (found.value, *found.errors)] == [
            n.as_tuple() for n in (value, *errors)
        ]
        if same and _direction(text, found) == accept["limit"]:
            return True
    return False


def _readings(text: str, unit: str) -> list[Measurement]:
    """The numbers of a text that carry a unit of the wanted dimension, next to them or named elsewhere."""
    if not unit:
        # Words such as "as" read like units after a pure number: no unit is looked at.
        return measurements(re.sub(r"(?<=[\d)%])\s+(?=as\b)", " , ", text))
    dimension = _UNITS[unit][0]
    named = {m[0] for m in re.finditer(rf"(?<![A-Za-z]){_UNIT}", text) if _UNITS[m[0]][0] == dimension}
    readings = []
    for default in named:
        readings += [m for m in measurements(text, default) if _UNITS[m.unit][0] == dimension]
    return readings


def _direction(text: str, found: Measurement) -> str | None:
    """'upper', 'lower' or None: how the words around a number without error limit it."""
    if found.errors:
        return None
    before = re.split(r"[;\n]|\.\s", text[max(0, found.start - 60) : found.start])[-1].lower()
    after = re.split(r"[;\n]|\.\s", text[found.end : found.end + 40])[0].lower()
    nearest, where = None, -1
    for direction, words in _LIMIT_WORDS.items():
        for word in re.finditer(words, before):
            if word.start() > where and not (
                direction == "lower" and "no more than" in before[word.start() - 4 :]
            ):
                nearest, where = direction, word.start()
    if nearest:
        return nearest
    return next((d for d in _LIMIT_WORDS if re.search(rf"{d} (?:limit|bound)", after)), None)


def _states_range(accept: Row, text: str) -> bool:
    """Whether both ends (and the central value, if the PDG gives one) are in the text with the unit."""
    wanted = [*accept["range"], *([accept["value"]] if accept["value"] else [])]
    numbers = all(re.search(rf"(?<![\d.]){re.escape(number)}(?!\d|\.\d)", text) for number in wanted)
    return numbers and bool(re.search(rf"(?<![A-Za-z]){re.escape(accept['unit'])}(?![A-Za-z])", text))


_SIGNS = {"positive": "+", "even": "+", "+1": "+", "+": "+", "negative": "-", "odd": "-", "-1": "-", "-": "-"}
_SIGN = r"positive|negative|even|odd|[+-]1?(?!\d|\.\d)"
_SPIN = r"(\d+(?:/2)?)(?![\d/]|\.\d)"


def quantum_numbers(text: str) -> dict[str, str]:
    """The quantum numbers I, G, J, P, C and charge that a plain text states first."""
    text = re.sub(r"\\frac\s*(\d)\s*(\d)", r"\1/\2", text)
    stated: dict[str, str] = {}
    text = re.sub(r"\b0?\.66*7?(?!\d)", "2/3", re.sub(r"\b0?\.33+(?!\d)", "1/3", text))
    charge = r"\bcharge(?: of the [^.\n]{1,60}? is|\s+is|\s+of)?\s*[:=]?\s*([+-]?\d+(?:/3)?|neutral|zero)|\bQ\s*=\s*([+-]?\d+(?:/3)?)"
    if match := re.search(charge, text, re.I):
        number = next(group for group in match.groups() if group).lower()
        stated["charge"] = "0" if number in ("neutral", "zero") else number.removeprefix("+")
    # I^G(J^PC) = 1^-(0^-+): the brackets tell isospin from spin.
    # Not inside a name: f_2(1810) states no isospin.
    bracketed = rf"(?<![\w.]){_SPIN}\s*\^?([+-])?\s*\(\s*{_SPIN}\s*\^?([+-])?([+-])?\s*\)"
    compound = rf"J\^?\(?PC?\)?\s*(?:=|:|is)?\s*{_SPIN}\s*\^?([+-])([+-])?|(?<![\w/.]){_SPIN}\^([+-])([+-])?"
    if match := re.search(bracketed, text):
        found = zip("IGJPC", match.groups(), strict=True)
    elif match := re.search(compound, text):
        first, last = match.groups()[:3], match.groups()[3:]
        found = zip("JPC", first if first[0] else last, strict=True)
    else:
        found = zip("", (), strict=True)
    stated |= {name: value for name, value in found if value}
    single = {
        "J": rf"(?:\bJ\s*[:=]|\bspin(?:\s+J)?(?:\s+of|\s+is)?\s*[:=]?)\s*{_SPIN}",
        "I": rf"(?:\bI\s*[:=]|\bisospin(?:\s+I)?(?:\s+of|\s+is)?\s*[:=]?)\s*{_SPIN}",
        "G": rf"(?:\bG\s*[:=]|\bG[- ]?parity(?:\s+G)?(?:\s+is)?\s*[:=]?)\s*({_SIGN})",
        "C": rf"(?:\bC\s*[:=]|\b(?:C[- ]?parity|charge[- ]conjugation(?: parity)?)(?: C)?(?: is)?\s*[:=]?)\s*({_SIGN})",
        "P": rf"(?:\bP\s*[:=]|(?<![CG][- ])\bparity(?:\s+P)?(?:\s+is)?\s*[:=]?)\s*({_SIGN})",
    }
    for name, pattern in single.items():
        if name not in stated and (match := re.search(pattern, text)):
            stated[name] = _SIGNS[match[1]] if name in "GCP" else match[1]
    return stated
