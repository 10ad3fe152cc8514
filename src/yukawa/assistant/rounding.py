"""Values as text, with errors, power of ten and unit, rounded as the Particle Data Group does."""

import math
from decimal import ROUND_HALF_EVEN, Decimal

from yukawa.assistant.algebra import Measured
from yukawa.knowledge.parsing.units import find_unit

_DIGITS_GIVEN = 13  # sources give no more; a number that was computed has more
_COMPUTED, _EXACT, _ROUGH = 4, 10, 3  # digits of a number without an error that was computed
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def text(x: Measured) -> str:
    """The value with its errors and unit, rounded as the Particle Data Group does.

    The three leading digits of the error decide: from 100 to 354 it is given with two digits, from 355 to 949 with
    one, above as 1000 with two (Review of Particle Physics, introduction, section 5.3). Errors that agree to a tenth
    are given as one, their mean; of others the smaller decides.
    """
    unit = find_unit(x.unit)
    shown = unit.text if unit else x.unit
    if x.bound == "range" and x.low is not None and x.high is not None:
        power = _power(max(abs(x.low), abs(x.high)))
        low, high = (_quoted(end, power) for end in (x.low, x.high))
        ends = f"between {_with(low, power, shown)} and {_with(high, power, shown)}"
        about = f" (about {_with(_quoted(x.value, power, _ROUGH), power, shown)})" if x.nominal else ""
        return ends + about
    words = {"upper": "less than ", "lower": "greater than ", "about": "about "}.get(x.bound or "", "")
    plus, minus = _merged(x.plus or 0.0, x.minus or 0.0)
    power = _power(max(abs(x.value), plus, minus))
    if not (plus or minus):
        return words + _with(_quoted(x.value, power, _EXACT if x.exact else _COMPUTED), power, shown)
    digits = _last_digit(min(e for e in (plus, minus) if e))
    value, up, down = (_fixed(n, digits, power) for n in (x.value, plus, minus))
    return words + _with(f"{value} ± {up}" if up == down else f"{value} +{up} −{down}", power, shown)


def _merged(plus: float, minus: float) -> tuple[float, float]:
    if abs(plus - minus) <= 0.1 * max(plus, minus):
        return ((plus + minus) / 2,) * 2
    return plus, minus


def _power(size: float) -> int:
    """The power of ten to write: none for numbers from 0.001 to a million."""
    return 0 if size == 0 or 1e-3 <= size < 1e6 else math.floor(math.log10(size))


def _last_digit(error: float) -> int:
    """The power of ten of the last digit that an error of this size leaves."""
    leading = math.floor(math.log10(error) + 1e-12)
    three = round(error / 10.0 ** (leading - 2), 6)
    if three < 354.5:
        return leading - 1
    return leading


def _fixed(number: float, digit: int, power: int) -> str:
    """`number` in units of 10^power, rounded to 10^digit."""
    rounded = Decimal(repr(number)).quantize(Decimal(1).scaleb(digit), ROUND_HALF_EVEN)
    return _signed(rounded.scaleb(-power), max(0, power - digit))


def _quoted(number: float, power: int, digits: int = _COMPUTED) -> str:
    """A number without an error: as it was given, or with this many digits if it was computed."""
    given = Decimal(repr(number))
    if len(given.normalize().as_tuple().digits) > _DIGITS_GIVEN:
        given = Decimal(f"{number:.{digits}g}")
    scaled = given.normalize().scaleb(-power)
    return _signed(scaled, max(0, -int(scaled.as_tuple().exponent)))


def _signed(number: Decimal, decimals: int) -> str:
    return f"{number:.{decimals}f}".replace("-", "−")


def _with(body: str, power: int, unit: str) -> str:
    """A number with its power of ten and unit, in brackets where these hold for more than one number."""
    if " " in body and (power or unit == "%"):
        body = f"({body})"
    if power:
        body += " × 10" + str(power).translate(_SUPERSCRIPTS)
    return f"{body} {unit}".rstrip()
