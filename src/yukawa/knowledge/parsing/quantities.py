"""Finds numbers with errors, powers of ten, units and bounds in physics text, and compares them."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass, field
from fractions import Fraction

import hepunits

from yukawa.knowledge.parsing.units import Unit, find_unit

# Every pattern reads a text that corresponds to the original character by character. Spaces are taken possessively
# (`*+`) and nothing is tried twice, so that the time grows with the length of a text and no faster.
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_PLAIN = str.maketrans("−–\u202f\xa0\u2009\t\n\r", "--      ")
_LATEX = re.compile(r"\\(?:mathrm|text|rm)\b {0,4}\{?|\\[,;: ]|\\(?=%)|[$~]")
_DIGITS = r"(?:\d+(?:[ ,](?=\d{3}\b)\d{3})*(?:\.\d*)?|\.\d+)"
_UNSIGNED = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_EXPONENT = r"(?:(?:\^|\*\*)? {0,2}\{?\(?[+-]?\d+\)?\}?|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
_RAISED = r"(?:(?:\^|\*\*) {0,2}\{?\(?[+-]?\d+\)?\}?|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
_OTHER_LETTERS = "\u0304\u0370-\u03ffℓµ′⁰¹²³⁺⁻"  # of names such as ρ(770), η′(958), ρ⁰(770)
_START = re.compile(
    rf"(?<![A-Za-z0-9_.(){{^*'/{_OTHER_LETTERS}])(?:(?P<open>\() *+)?"
    rf"(?P<value>10(?P<raised>{_RAISED})|[+-]?\d{{1,2}}/[23](?![\d.]| *+10\b)|[+-]?{_DIGITS}(?:[eE][+-]?\d+)?)"
)
_BLANKS = r"(?:(?<! ) +)?"  # all there are, from the first on
_KIND_OF_ERROR = r"(?: *+\(?_?\{?(?:stat|syst?|exp|theory?|th)[a-z]{0,9}\.?\}?\)?)?"
_ERROR = re.compile(
    rf"{_BLANKS}(?:(?:±|\+-|\+/-|\\pm|plus or minus) *+(?P<sym>{_UNSIGNED})"
    rf"|(?:\^ *+)?\{{?\+ *+(?P<plus>{_UNSIGNED})\}}? *+_? *+[,/]?\{{?- *+(?P<minus>{_UNSIGNED})\}}?"
    rf"|_ *+\{{?- *+(?P<minus2>{_UNSIGNED})\}}? *+\^ *+\{{?\+ *+(?P<plus2>{_UNSIGNED})\}}?"
    rf"|(?<=[\d)])\((?P<digits>\d+)\)){_KIND_OF_ERROR}"
)
_MOST_ERRORS = 4
_CLOSE = re.compile(rf"{_BLANKS}\)")
_POWER = re.compile(rf"{_BLANKS}(?:×|x|\*|·|\\times|\\cdot) *+10 *+(?P<power>{_EXPONENT})")
_SCIENTIFIC = re.compile(r"[eE](?P<power>[+-]?\d{1,4})(?!\d)")
# One factor of a unit, and further ones with what joins them; what the words mean is left to `find_unit`.
_POWER_OF_UNIT = r"(?:(?:\^|\*\*)(?:\{?\(?[+-]?\d(?:/\d)?\)?\}?)|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]|[²³])?"
_FACTOR = rf"(?:[%‰°]|[^\W\d_]{{1,20}}(?:_[A-Za-z]{{1,3}})?){_POWER_OF_UNIT}"
_UNIT = re.compile(rf"{_BLANKS}(?P<unit>{_FACTOR})(?P<more>(?: ?[·*/] ?{_FACTOR}| {_FACTOR}){{0,2}})")
_MORE = re.compile(rf" ?[·*/] ?{_FACTOR}| {_FACTOR}")
_AFTER_UNIT = re.compile(r"[^\W_]|[_^*'(⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]|[+-](?!\w{2})| (?:mesons?|bosons?|quarks?)\b")
# Letters that are units only where physicists write them so, and words that mean something else in a sentence.
_LETTERS = frozenset("smubeKTtħ%‰°")
_NO_UNITS = frozenset("an ans as at in pi au fermi minute deg grad 分 日 天 a min.".split())
_LIGHT = hepunits.c_light / (hepunits.m / hepunits.s)
_BARN = 1e-28  # m²
_BOUND_WORDS = 32  # how far before a number words such as 'smaller than (' can begin
_UPPER = re.compile(
    r"(?:<|≤|<=|less than|below|smaller than|lower than|at most|(?:no|not) (?:more|larger|greater|higher) than|up to"
    r"|upper (?:limit|bound) (?:of|is|at)|not exceed(?:ing)?|does not exceed|under)(?: about)? *+\(? *+$", re.IGNORECASE,
)  # fmt: skip
_LOWER = re.compile(
    r"(?:>|≥|>=|(?<!no )(?<!not )(?:greater|more|larger|longer|higher) than|above|at least|exceed(?:s|ing)"
    r"|(?:no|not) (?:less|smaller|lower) than"
    r"|lower (?:limit|bound) (?:of|is|at)|over)(?: about)? *+\(? *+$", re.IGNORECASE,
)  # fmt: skip
_RANGE = re.compile(r"\b(?:is|are|lies|lie) (?:somewhere )?between |\d ?– ?\d")


def is_range(text: str) -> bool:
    """Whether `text` states a range: neither end is the value, and nothing between them contradicts it."""
    return _RANGE.search(text) is not None


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """One error of a number as written, in base units: upward and downward size, and one unit of its last digit."""

    plus: float
    minus: float
    resolution: float


_ROUNDED = 0.01  # of a value: what is rounded further does not state it


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in base units (eV, s, m, 1) with its errors; `start:end` is its place in the text.

    `error_plus` and `error_minus` are the errors added in quadrature, `errors` those written one by one; `resolution`
    is one unit of the last digit.
    """

    value: float
    error_plus: float | None
    error_minus: float | None
    unit: str
    bound: str | None
    resolution: float
    start: int
    end: int
    errors: tuple[Uncertainty, ...] = field(default=(), compare=False)  # a base keeps the sum alone

    def contradicts(self, other: Quantity) -> bool:
        """Whether two measurements of one thing cannot both be right.

        They contradict beyond three combined standard deviations, where a value without an error may lie anywhere within
        half a unit of its last digit: 26 ns agrees with 26.03 ns. A value contradicts a bound when it lies beyond it by
        three times its error.
        """
        if self.unit != other.unit:
            return False
        if self.bound and other.bound:
            upper, lower = (self, other) if self.bound == "upper" else (other, self)
            return self.bound != other.bound and lower.value > upper.value
        if self.bound or other.bound:
            limit, measured = (self, other) if self.bound else (other, self)
            error = measured.error_minus if limit.bound == "upper" else measured.error_plus
            excess = measured.value - limit.value if limit.bound == "upper" else limit.value - measured.value
            return excess > 3 * (error or 0.0) + measured._rounding
        difference = other.value - self.value
        mine = self.error_plus if difference > 0 else self.error_minus
        theirs = other.error_minus if difference > 0 else other.error_plus
        rounding = (self._rounding + other._rounding) * (1 + 1e-9)
        return abs(difference) > 3 * math.hypot(mine or 0.0, theirs or 0.0) + rounding

    def gives(self, wanted: Quantity) -> bool:
        """Whether this states the value of `wanted`: within its error, or the half of its last digit, and own rounding up to 1 %."""
        if (self.unit, self.bound) != (wanted.unit, wanted.bound):
            return False
        shift = self.value - wanted.value
        error = (wanted.error_plus if shift > 0 else wanted.error_minus) or wanted.resolution / 2
        rounding = min(self.resolution / 2, _ROUNDED * abs(wanted.value))
        return abs(shift) <= (error + rounding) * (1 + 1e-9)

    @property
    def _rounding(self) -> float:
        """Half a unit of the last digit of a value without an error; a value that this would make 0 is taken as it is."""
        half = self.resolution / 2
        return (
            half if self.error_plus is None and self.error_minus is None and half < abs(self.value) else 0.0
        )


def find_quantities(text: str) -> list[Quantity]:
    """Every quantity in `text`, in order; numbers inside names (`K*(892)`, `psi(2S)`) are skipped."""
    flat = _LATEX.sub(lambda m: " " * len(m[0]), text.translate(_PLAIN))
    found: list[Quantity] = []
    position = 0
    while match := _START.search(flat, position):
        quantity, position = _read(flat, match)
        if quantity is not None:
            found.append(quantity)
    return found


def _read(text: str, match: re.Match[str]) -> tuple[Quantity | None, int]:
    """The quantity that begins with `match`, if a float can hold it, and where the search continues."""
    digits = "1" if match["raised"] else match["value"].replace(" ", "").replace(",", "")
    value, resolution = float(Fraction(digits) if "/" in digits else digits), _last_digit(digits)
    errors, end = _errors(text, match.end(), resolution)
    start = match.start("value")
    if match["open"] and (close := _CLOSE.match(text, end)):
        start, end = match.start(), close.end()
    if (found := _SCIENTIFIC.match(text, end) if text[end - 1] == ")" else None) or (
        found := _POWER.match(text, end)
    ):
        end = found.end()
    scale = _power_of_ten(match["raised"] or (found["power"] if found else "0"))
    base, factor, end = _unit(text, end)
    if not errors and base:  # '1776.93 MeV ± 0.09 MeV'
        errors, after = _errors(text, end, resolution)
        if errors:
            again, size, end = _unit(text, after)
            if again == base:
                errors = [tuple(part * size / factor for part in error) for error in errors]  # type: ignore[misc]
    factor *= scale
    parts = tuple(Uncertainty(*(part * factor for part in error)) for error in errors)
    up, down = (math.hypot(*side) if errors else None for side in zip(*((e.plus, e.minus) for e in parts),
    strict=True)) if parts else (None, None)  # fmt: skip
    numbers = (value * factor, up or 0.0, down or 0.0, resolution * factor)
    if factor == 0 or not all(map(math.isfinite, numbers)):  # beyond what a float holds
        return None, end
    before = text[max(0, match.start() - _BOUND_WORDS) : match.start()]
    bound = "upper" if _UPPER.search(before) else "lower" if _LOWER.search(before) else None
    return Quantity(value * factor, up, down, base, bound, resolution * factor, start, end, parts), end


def _errors(text: str, position: int, resolution: float) -> tuple[list[tuple[float, float, float]], int]:
    """The errors written at `position`, each as (plus, minus, one unit of its last digit), and their end."""
    found: list[tuple[float, float, float]] = []
    while len(found) < _MOST_ERRORS and (match := _ERROR.match(text, position)):
        if match["digits"]:
            size = float(match["digits"]) * resolution
            found.append((size, size, resolution))
        else:
            plus = match["sym"] or match["plus"] or match["plus2"]
            minus = match["sym"] or match["minus"] or match["minus2"]
            found.append((float(plus), float(minus), max(_last_digit(plus), _last_digit(minus))))
        position = match.end()
    return found, position


def _unit(text: str, position: int) -> tuple[str, float, int]:
    """The unit written at `position`: its base, its size in that, and its end; ('', 1, position) if there is none."""
    match = _UNIT.match(text, position)
    if match is None:
        return "", 1.0, position
    ends = [match.end("unit")]
    for factor in _MORE.finditer(text, match.end("unit"), match.end()):
        ends.append(factor.end())
    first = re.split(r"[\^*⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹]", match["unit"])[0]
    if (len(first) == 1 and first not in _LETTERS) or first.lower() in _NO_UNITS:
        return "", 1.0, position
    for end in reversed(ends):
        unit = None if _AFTER_UNIT.match(text, end) else _known(text[match.start("unit") : end])
        if unit is not None:
            return *base_unit(unit), end
    return "", 1.0, position


@functools.lru_cache(maxsize=1024)
def _known(text: str) -> Unit | None:
    unit = find_unit(text.replace("{", "").replace("}", ""))
    return unit if unit is not None and unit.text else None


@functools.lru_cache(maxsize=1024)
def base_unit(unit: Unit) -> tuple[str, float]:
    """The base in which quantities of this unit are compared, and the size of the unit in it.

    Masses, momenta and energies are in eV (c = 1), rates in Hz, areas in b; atomic mass units stay apart, since their
    conversion has an error of its own.
    """
    if unit.text == "u":
        return "u", 1.0
    energy, length, time, *others = unit.powers
    size = unit.size
    if energy and length == -time:
        size *= _LIGHT ** float(-length)
        length = time = Fraction()
    powers = (energy, length, time, *others)
    if powers == _AREA:
        return "b", size / _BARN
    if powers == _RATE:
        return "Hz", size
    if unit.text.endswith("T") and len(unit.text) <= 2:
        return "T", size / _TESLA.size
    names = ("eV", "m", "s", "e", "K", "mol", "rad")
    written = [name if p == 1 else f"{name}^{p}" for name, p in zip(names, powers, strict=True) if p]
    return " ".join(written), size


_AREA = tuple(map(Fraction, (0, 2, 0, 0, 0, 0, 0)))
_RATE = tuple(map(Fraction, (0, 0, -1, 0, 0, 0, 0)))
_TESLA = find_unit("T") or Unit("T", 1.0, ())


def _power_of_ten(exponent: str) -> float:
    return float("1e" + exponent.translate(_SUPERSCRIPTS).strip("^*{}() "))


def _last_digit(digits: str) -> float:
    if "/" in digits:
        return 0.0
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(f"1e{exponent or 0}") * float(f"1e-{decimals}")
