"""Finds numbers with errors, powers of ten, units and bounds in physics text, and compares them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_DASHES = str.maketrans("−–\u202f\xa0", "--  ")
_LATEX = re.compile(r"\\(?:mathrm|text|rm)\b\s*\{?|\\[,;: ]|[$~]")
_NUMBER = r"[+-]?(?:\d+(?:[ ,](?=\d{3}\b)\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_UNSIGNED = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_EXPONENT = r"(?:(?:\^|\*\*)?\s*\{?[+-]?\d+\}?|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
_RAISED = r"(?:(?:\^|\*\*)\s*\{?[+-]?\d+\}?|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
_ERRORS = (
    rf"(?:\s*(?:±|\+-|\+/-|\\pm)\s*(?P<sym>{_UNSIGNED})(?:\s*(?:±|\+-|\\pm)\s*(?P<sys>{_UNSIGNED}))?"
    rf"|\s*\^?\s*\{{?\+\s*(?P<plus>{_UNSIGNED})\}}?\s*_?\s*\{{?-\s*(?P<minus>{_UNSIGNED})\}}?"
    rf"|\s*_\s*\{{?-\s*(?P<minus2>{_UNSIGNED})\}}?\s*\^\s*\{{?\+\s*(?P<plus2>{_UNSIGNED})\}}?"
    r"|\((?P<digits>\d+)\))?"
)
_POWER = rf"(?:\s*(?:×|x|\*|·|\\times|\\cdot)\s*10\s*(?P<power>{_EXPONENT}))?"
_UNITS = {
    "ev": ("eV", 1.0), "kev": ("eV", 1e3), "mev": ("eV", 1e6), "gev": ("eV", 1e9), "tev": ("eV", 1e12),
    "s": ("s", 1.0), "sec": ("s", 1.0), "seconds": ("s", 1.0), "second": ("s", 1.0), "ms": ("s", 1e-3), "us": ("s", 1e-6),
    "μs": ("s", 1e-6), "µs": ("s", 1e-6), "ns": ("s", 1e-9), "ps": ("s", 1e-12), "fs": ("s", 1e-15),
    "min": ("s", 60.0), "minutes": ("s", 60.0), "years": ("s", 31557600.0), "yr": ("s", 31557600.0),
    "%": ("", 1e-2), "percent": ("", 1e-2),
    "m": ("m", 1.0), "km": ("m", 1e3), "cm": ("m", 1e-2), "mm": ("m", 1e-3), "um": ("m", 1e-6), "μm": ("m", 1e-6), "fm": ("m", 1e-15),
    "t": ("T", 1.0), "tesla": ("T", 1.0), "k": ("K", 1.0), "hz": ("Hz", 1.0), "khz": ("Hz", 1e3), "mhz": ("Hz", 1e6),
    "b": ("b", 1.0), "mb": ("b", 1e-3), "nb": ("b", 1e-9), "pb": ("b", 1e-12), "fb": ("b", 1e-15), "u": ("u", 1.0),
}  # fmt: skip
# 'MeV' and 'meV' differ by nine powers of ten: units with a capital that matters are looked up as written first.
_EXACT_UNITS = {"meV": ("eV", 1e-3), "Mb": ("Mb", 1.0), "T": ("T", 1.0), "K": ("K", 1.0)}
_UNIT = r"(?:\s*(?P<unit>%|[A-Za-zμµ]+(?:/c(?:\^?2|²|\*\*2)?)?)(?![A-Za-z0-9^⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]))?"
_OTHER_LETTERS = "\u0304\u0370-\u03ffµ′⁰¹²³⁺⁻"  # of names such as ρ(770), η′(958), ρ⁰(770)
_QUANTITY = re.compile(
    rf"(?<![A-Za-z0-9_.(){{^*'{_OTHER_LETTERS}])(?:(?P<open>\()\s*)?(?P<value>10(?P<raised>{_RAISED})|{_NUMBER}){_ERRORS}\s*(?P<close>\))?{_POWER}{_UNIT}"
)
_BOUND_WORDS = 24  # how far before a number words such as 'smaller than (' can begin
_UPPER = re.compile(
    r"(?:<|≤|less than|below|smaller than|at most|upper limit (?:of|is)|under)\s*\(?$", re.IGNORECASE
)
_LOWER = re.compile(
    r"(?:>|≥|greater than|more than|above|larger than|at least|lower limit (?:of|is)|over)\s*\(?$",
    re.IGNORECASE,
)
_RANGE = re.compile(r"\b(?:is|are|lies|lie) (?:somewhere )?between |\d ?– ?\d")


def is_range(text: str) -> bool:
    """Whether `text` states a range: neither end is the value, and nothing between them contradicts it."""
    return _RANGE.search(text) is not None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in base units (eV, s, m, 1) with its errors; `start:end` is its place in the text."""

    value: float
    error_plus: float | None
    error_minus: float | None
    unit: str
    bound: str | None
    resolution: float
    start: int
    end: int

    def contradicts(self, other: Quantity) -> bool:
        """Whether two measurements of one thing cannot both be right.

        Values with errors contradict beyond three combined standard deviations, values without beyond the
        rounding of their last digits; a value contradicts a bound when it lies beyond it by its error.
        """
        if self.unit != other.unit:
            return False
        if self.bound and other.bound:
            upper, lower = (self, other) if self.bound == "upper" else (other, self)
            return self.bound != other.bound and lower.value > upper.value
        if self.bound or other.bound:
            limit, measured = (self, other) if self.bound else (other, self)
            error = measured.error_minus if limit.bound == "upper" else measured.error_plus
            slack = 3 * (measured.resolution if error is None else error)
            excess = measured.value - limit.value if limit.bound == "upper" else limit.value - measured.value
            return excess > slack
        difference = other.value - self.value
        mine = self.error_plus if difference > 0 else self.error_minus
        theirs = other.error_minus if difference > 0 else other.error_plus
        if mine is None and theirs is None:
            return abs(difference) > max(self.resolution, other.resolution) * (1 + 1e-9)
        rounding = max(self.resolution, other.resolution) / 2
        return abs(difference) > 3 * math.hypot(mine or 0.0, theirs or 0.0) + rounding


def find_quantities(text: str) -> list[Quantity]:
    """Every quantity in `text`, in order; numbers inside names (`K*(892)`, `psi(2S)`) are skipped."""
    flat = _LATEX.sub(lambda m: " " * len(m[0]), text.translate(_DASHES))
    return [q for m in _QUANTITY.finditer(flat) if (q := _quantity(flat, m)) is not None]


def _quantity(text: str, match: re.Match[str]) -> Quantity | None:
    digits = "1" if match["raised"] else match["value"].replace(" ", "").replace(",", "")
    value = float(digits)
    scale = _power_of_ten(match["raised"] or match["power"] or "0")
    resolution = _last_digit(digits)
    unit_text = (match["unit"] or "").split("/c")[0]
    base, factor = _EXACT_UNITS.get(unit_text) or _UNITS.get(unit_text.lower(), ("", 1.0))
    end = match.end()
    if match["unit"] and not (unit_text in _EXACT_UNITS or unit_text.lower() in _UNITS):
        end = match.start("unit")
    plus, minus = _errors(match, resolution)
    factor *= scale
    numbers = (value, plus or 0.0, minus or 0.0, resolution)
    if factor == 0 or not all(math.isfinite(n * factor) for n in numbers):  # beyond what a float holds
        return None
    before = text[max(0, match.start() - _BOUND_WORDS) : match.start()]
    bound = "upper" if _UPPER.search(before) else "lower" if _LOWER.search(before) else None
    start = match.start("value") if not match["close"] else match.start()
    up, down = (None if error is None else error * factor for error in (plus, minus))
    return Quantity(value * factor, up, down, base, bound, resolution * factor, start, end)


def _errors(match: re.Match[str], resolution: float) -> tuple[float | None, float | None]:
    if match["sym"]:
        error = math.hypot(float(match["sym"]), float(match["sys"] or 0))
        return error, error
    if plus := match["plus"] or match["plus2"]:
        return float(plus), float(match["minus"] or match["minus2"])
    if match["digits"]:
        return float(match["digits"]) * resolution, float(match["digits"]) * resolution
    return None, None


def _power_of_ten(exponent: str) -> float:
    return float("1e" + exponent.translate(_SUPERSCRIPTS).strip("^*{} "))


def _last_digit(digits: str) -> float:
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(f"1e{exponent or 0}") * float(f"1e-{decimals}")
