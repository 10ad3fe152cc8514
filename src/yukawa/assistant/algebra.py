"""Arithmetic with measured values: errors are propagated, limits keep their direction, units must fit."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import hepunits

from yukawa.core.errors import InputError
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing.plan import Relation
from yukawa.knowledge.parsing.units import Unit, conversion, find_unit

HBAR = hepunits.hbar / (hepunits.eV * hepunits.s)  # in eV s; exact since 2019 (CODATA)
LIGHT = hepunits.c_light / (hepunits.m / hepunits.s)  # in m/s, exact
_HBAR_TEXT = "ħ = 6.582119569 × 10⁻²² MeV s (CODATA, exact)"
_LIGHT_TEXT = "c = 299792458 m/s (exact)"


class Unanswerable(InputError):
    """A question that was understood has no answer: nothing is known, or it makes no sense; the message says why."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A value with its errors, to first order in these.

    Args:
        value: the number in `unit`; for a limit the limit.
        unit: as `yukawa.knowledge.parsing.units.find_unit` reads it.
        errors: for each independent input its upper and lower effect on this value, signed and in `unit`: an input
            that makes this value smaller has a negative upper effect. Equal inputs are fully correlated.
        bound: 'upper' or 'lower' for limits, 'about' or 'range' for values without a firm error, or None.
        low, high: the ends of a range.
        exact: whether the value has no error because it is exact, and not because none is known.
        nominal: whether a source gives the value of a range beside its ends: '114 to 120 MeV (about 117)'.
    """

    value: float
    unit: str = ""
    errors: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    bound: str | None = None
    low: float | None = None
    high: float | None = None
    exact: bool = False
    nominal: bool = False

    @property
    def plus(self) -> float | None:
        """The upper error, inputs added in quadrature; None if no input has an error."""
        return math.hypot(*(max(0.0, *pair) for pair in self.errors.values())) if self.errors else None

    @property
    def minus(self) -> float | None:
        """The lower error as a positive number; None if no input has an error."""
        return math.hypot(*(min(0.0, *pair) for pair in self.errors.values())) if self.errors else None

    @property
    def measured(self) -> bool:
        """Whether this is a value and not a limit or a range."""
        return self.bound in (None, "about")


def of_fact(fact: Fact) -> Measured | None:
    """The value of `fact`; None if it is in words."""
    if fact.value is None and fact.low is None:
        return None
    value = fact.value if fact.value is not None else ((fact.low or 0.0) + (fact.high or 0.0)) / 2
    errors = {}
    if fact.bound is None and fact.error_plus is not None and fact.error_minus is not None:
        errors = {fact.identifier: (fact.error_plus, -fact.error_minus)}
    exact = (
        fact.property == "constant" and fact.bound is None and not errors
    )  # CODATA gives the others an uncertainty
    nominal = fact.bound == "range" and fact.value is not None
    return Measured(value, fact.unit, errors, fact.bound, fact.low, fact.high, exact=exact, nominal=nominal)


_PRINTED = re.compile(
    r"\(?(?P<number>[−-]?\d+(?:\.\d+)?)[^×%]*(?:× 10(?P<power>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?(?P<percent> ?%)?"
)
_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
_ROUNDED = 0.01  # by how much of itself rounding may change a value


def as_printed(x: Measured, printed: str) -> Measured:
    """`x` with its value as the source rounds it: a reader who computes with what is shown gets the same."""
    match = _PRINTED.match(printed) if x.measured else None
    if match is None:
        return x
    power = int((match["power"] or "0").translate(_DIGITS)) - (2 if match["percent"] else 0)
    value = float(f"{match['number'].translate(_DIGITS)}e{power}")
    return replace(x, value=value) if abs(value - x.value) < _ROUNDED * abs(x.value) else x


def _unit(text: str) -> Unit:
    found = find_unit(text)
    if found is None:
        raise Unanswerable(f"{text!r} is not a unit that can be converted", hint="ask without a unit")
    return found


def convert(x: Measured, unit: str, *, what: str = "quantity") -> Measured:
    """`x` in another unit of its dimension; masses are energies (c = 1), and 'natural units' bridge hbar too.

    Raises:
        Unanswerable: the unit is unknown, or has another dimension than `x`.
    """
    wanted, natural = _wanted(x, unit)
    source = _unit(x.unit)
    factor = conversion(source, wanted, natural=natural)
    if factor is None:
        bridged = conversion(source, wanted, natural=True) is not None
        hint = f"ask for it 'in {wanted.text} in natural units', where ħ = c = 1" if bridged else ""
        given = f"in {wanted.text}, a unit of {wanted.dimension}" if wanted.text else "as a pure number"
        raise Unanswerable(
            f"the {what} is {_article(source.dimension)}, which cannot be given {given}", hint=hint
        )
    return replace(_scaled(x, factor), unit=wanted.text)


def _wanted(x: Measured, unit: str) -> tuple[Unit, bool]:
    """The unit in question and whether natural units are; 'natural units' alone mean powers of GeV."""
    words = unit.lower()
    if "natural" not in words:
        return _unit(unit), False
    rest = " ".join(w for w in unit.split() if w.lower() not in {"natural", "unit", "units", "in"})
    if rest:
        return _unit(rest), True
    energy, length, time, *_ = _unit(x.unit).powers
    power = energy - length - time
    return _unit(f"GeV^({power})" if power != 1 else "GeV") if power else _unit(""), True


def _article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun if not noun.startswith("a ") else noun


def _alike(a: Measured, b: Measured) -> Measured:
    """`b` in the unit of `a`.

    Raises:
        Unanswerable: their dimensions differ.
    """
    one, other = _unit(a.unit), _unit(b.unit)
    if conversion(other, one) is None:
        raise Unanswerable(
            f"{_article(one.dimension)} and {_article(other.dimension)} cannot be combined or compared"
        )
    return convert(b, a.unit)


def _scaled(x: Measured, factor: float) -> Measured:
    """`x` times an exact number; a negative one turns limits round."""
    bound = x.bound
    if factor < 0 and bound in ("upper", "lower"):
        bound = "lower" if bound == "upper" else "upper"
    ends = [None if end is None else end * factor for end in (x.low, x.high)]
    if factor < 0:
        ends.reverse()
    errors = {name: (up * factor, down * factor) for name, (up, down) in x.errors.items()}
    return replace(x, value=x.value * factor, errors=errors, bound=bound, low=ends[0], high=ends[1])


def multiple(x: Measured, factor: float) -> Measured:
    """`x` times an exact number."""
    return _scaled(x, factor)


def total(terms: Sequence[Measured]) -> Measured:
    """The sum, in the unit of the first term.

    Raises:
        Unanswerable: the terms have different dimensions, or upper and lower limits meet.
    """
    first, *others = [terms[0], *(_alike(terms[0], term) for term in terms[1:])]
    errors, value = dict(first.errors), first.value
    for other in others:
        value += other.value
        errors = _added(errors, other.errors)
    return Measured(value, first.unit, errors, _common([t.bound for t in (first, *others)]))


def difference(a: Measured, b: Measured) -> Measured:
    """`a` minus `b`, in the unit of `a`; of one and the same quantity it is exactly 0.

    Raises:
        Unanswerable: as `total`.
    """
    return total([a, _scaled(b, -1.0)])


def ratio(a: Measured, b: Measured) -> Measured:
    """`a` divided by `b`, a pure number if their dimensions agree; divided by an upper limit it is a lower limit.

    Raises:
        Unanswerable: `b` is 0 or may be 0, the dimensions differ, or limits leave the ratio open.
    """
    if b.value == 0:
        raise Unanswerable("the divisor is 0")
    bound = _common([a.bound, _turned(b.bound)])
    if b.bound == "upper" and a.bound is None and not a.value > 0:
        raise Unanswerable("a value that is not positive cannot be divided by a limit")
    b = _alike(a, b)
    value = a.value / b.value
    scaled = {name: (up * -a.value / b.value**2, down * -a.value / b.value**2) for name, (up, down) in b.errors.items()}  # fmt: skip
    direct = {name: (up / b.value, down / b.value) for name, (up, down) in a.errors.items()}
    return Measured(value, "", _added(direct, scaled), bound)


def product(a: Measured, b: Measured) -> Measured:
    """`a` times `b`, in the product of their units; a branching fraction is a pure number.

    Raises:
        Unanswerable: limits leave the product open, as where the other factor is not positive.
    """
    bound = _common([a.bound, b.bound])
    if bound in ("upper", "lower") and not (a.value > 0 and b.value > 0):
        raise Unanswerable("it cannot be computed from limits that leave it open")
    a, b = _pure(a), _pure(b)
    if b.unit and conversion(_unit(b.unit), _unit(a.unit)) is not None:  # GeV times MeV
        b = convert(b, a.unit)
    direct = {name: (up * b.value, down * b.value) for name, (up, down) in a.errors.items()}
    scaled = {name: (up * a.value, down * a.value) for name, (up, down) in b.errors.items()}
    unit = _unit_raised(a.unit, "2") if a.unit and a.unit == b.unit else f"{a.unit} {b.unit}"
    return Measured(a.value * b.value, _unit(unit).text, _added(direct, scaled), bound)


def power(x: Measured, exponent: float) -> Measured:
    """`x` to a power, such as 2, 1/2 or −1.

    Raises:
        Unanswerable: `x` is not positive, so that its root or inverse is unknown.
    """
    x = _pure(x)
    if x.value <= 0 and (exponent < 1 or not x.measured):
        raise Unanswerable("it is not positive, so that the result is unknown")
    slope = exponent * x.value ** (exponent - 1)
    errors = {name: (up * slope, down * slope) for name, (up, down) in x.errors.items()}
    ends = [None if end is None or end <= 0 else end**exponent for end in (x.low, x.high)]
    if exponent < 0:
        ends.reverse()
    unit = _unit(_unit_raised(x.unit, "1/2" if exponent == 0.5 else f"{exponent:g}")).text if x.unit else ""
    bound = _turned(x.bound) if exponent < 0 else x.bound
    return Measured(x.value**exponent, unit, errors, bound, ends[0], ends[1])


def function(inputs: Sequence[Measured], value: Callable[..., float], unit: str) -> Measured:
    """Apply a function to values, with a result in `unit`; its slopes over the errors of the inputs propagate these.

    Raises:
        Unanswerable: an input is a limit or a range.
    """
    if any(not x.measured for x in inputs):
        raise Unanswerable("it cannot be computed from limits or ranges")
    numbers = [x.value for x in inputs]
    errors: dict[str, tuple[float, float]] = {}
    for place, x in enumerate(inputs):
        step = max(x.plus or 0.0, x.minus or 0.0)
        if not step:
            continue
        up, down = ([*numbers[:place], x.value + sign * step, *numbers[place + 1 :]] for sign in (1, -1))
        slope = (value(*up) - value(*down)) / (2 * step)
        own = {name: (plus * slope, minus * slope) for name, (plus, minus) in x.errors.items()}
        errors = _added(errors, own)
    return Measured(value(*numbers), _unit(unit).text, errors, _common([x.bound for x in inputs]))


def _unit_raised(unit: str, exponent: str) -> str:
    """A unit, of one or several factors, to a power."""
    return " ".join(f"{factor}^({exponent})" for factor in unit.split())


def _pure(x: Measured) -> Measured:
    """A percentage as a pure number; all else as it is."""
    return convert(x, "") if _unit(x.unit).dimension == "a pure number" else x


def _turned(bound: str | None) -> str | None:
    return {"upper": "lower", "lower": "upper"}.get(bound or "", bound)


def _common(bounds: Sequence[str | None]) -> str | None:
    """The bound of a combination: limits in one direction give a limit.

    Raises:
        Unanswerable: limits in both directions, or a limit and a range.
    """
    kinds = {bound for bound in bounds if bound is not None}
    if {"upper", "lower"} <= kinds or ({"upper", "lower"} & kinds and "range" in kinds):
        raise Unanswerable("it cannot be computed from limits that leave it open")
    if kinds & {"upper", "lower"}:
        return next(iter(kinds & {"upper", "lower"}))
    return "about" if kinds else None


def _added(one: Mapping[str, tuple[float, float]], other: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:  # fmt: skip
    """Effects of all inputs; those of one input add up with their signs."""
    found = dict(one)
    for name, pair in other.items():
        before = found.get(name, (0.0, 0.0))
        # What cancels but for the rounding of floats cancels.
        sums = [
            0.0 if abs(x + y) < 1e-12 * (abs(x) + abs(y)) else x + y
            for x, y in zip(before, pair, strict=True)
        ]
        found[name] = (sums[0], sums[1])
    return {name: pair for name, pair in found.items() if pair != (0.0, 0.0)}


# ---- physics --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a value that no source states was computed: the formula with the constants it uses."""

    formula: str
    constants: tuple[str, ...] = ()


def inverse(x: Measured, unit: str, factor: float) -> Measured:
    """Give factor / x, with x in `unit` and the result in the unit that the caller names: widths and lifetimes.

    Raises:
        Unanswerable: `x` is 0 or a range that reaches 0.
    """
    x = convert(x, unit)
    if x.value <= 0:
        raise Unanswerable("it is not positive, so that its inverse is unknown")
    value = factor / x.value
    errors = {name: (-up * value / x.value, -down * value / x.value) for name, (up, down) in x.errors.items()}
    low, high = (None if end is None or end <= 0 else factor / end for end in (x.high, x.low))
    return Measured(value, "", errors, _turned(x.bound), low, high, nominal=x.nominal)


def lifetime_of(width: Measured) -> tuple[Measured, Derivation]:
    """The mean life of a state of this full width, tau = hbar / Gamma, in s."""
    return replace(inverse(width, "eV", HBAR), unit="s"), Derivation("τ = ħ/Γ", (_HBAR_TEXT,))


def width_of(lifetime: Measured) -> tuple[Measured, Derivation]:
    """The full width of a state of this mean life, Gamma = hbar / tau, in eV."""
    return replace(inverse(lifetime, "s", HBAR), unit="eV"), Derivation("Γ = ħ/τ", (_HBAR_TEXT,))


def half_life_of(lifetime: Measured) -> tuple[Measured, Derivation]:
    """The half-life, ln 2 times the mean life."""
    return multiple(lifetime, math.log(2)), Derivation("t½ = ln 2 · τ")


def decay_length_of(lifetime: Measured) -> tuple[Measured, Derivation]:
    """The mean decay length divided by beta gamma, c tau, in m."""
    length = multiple(convert(lifetime, "s"), LIGHT)
    return replace(length, unit="m"), Derivation("cτ", (_LIGHT_TEXT,))


def energy_release_of(mass: Measured, products: Sequence[Measured]) -> Measured:
    """The Q value of a decay: the mass minus the masses of the products; negative if it is forbidden."""
    return total([mass, *(_scaled(p, -1.0) for p in products)])


# ---- comparison -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ordering:
    """The order of two values, -1, 0 (equal) or 1, or None if it is open, and their distance in standard deviations."""

    sign: int | None
    sigmas: float | None = None


def compare(a: Measured, b: Measured) -> Ordering:
    """Compare two values, of which limits and ranges decide only what they exclude.

    Raises:
        Unanswerable: the dimensions differ.
    """
    b = _alike(a, b)
    (a_low, a_high), (b_low, b_high) = _interval(a), _interval(b)
    if not (a.measured and b.measured):
        return Ordering(1 if a_low > b_high else -1 if a_high < b_low else None)
    gap = difference(a, b)
    sign = (gap.value > 0) - (gap.value < 0)
    error = (gap.minus if gap.value > 0 else gap.plus) or 0.0
    return Ordering(sign, abs(gap.value) / error if error else None)


HOLDS: dict[Relation, Callable[[int], bool]] = {
    "<": lambda s: s < 0, "<=": lambda s: s <= 0, ">": lambda s: s > 0, ">=": lambda s: s >= 0, "=": lambda s: s == 0,
    "!=": lambda s: s != 0,
}  # fmt: skip


def equal(value: Measured, claimed: float) -> bool | None:
    """Whether a claimed number is the value, to its own last digit or within the error; None if limits or errors leave it open."""
    if value.bound == "upper":
        return False if claimed > value.value else None
    if value.bound == "lower":
        return False if claimed < value.value else None
    if value.bound == "range" and value.low is not None and value.high is not None:
        return value.low <= claimed <= value.high
    error = (value.plus if claimed > value.value else value.minus) or 0.0
    if claimed == 0:  # nothing is not a rounded number; what may be nothing within its error is left open
        return None if error and abs(value.value) <= _MAY_BE_ZERO * error else value.value == 0
    return abs(claimed - value.value) <= max(error, 0.5000001 * _rounding(claimed), 1e-9 * abs(claimed))


_MAY_BE_ZERO = 3  # standard deviations


def _rounding(claimed: float) -> float:
    """The place of the last digit of a number as people write it; whole numbers are written to the unit."""
    mantissa, _, exponent = repr(claimed).partition("e")
    decimals = len(mantissa.partition(".")[2].rstrip("0"))
    return float(f"1e{int(exponent or 0) - decimals}")


def in_base(x: Measured) -> float:
    """The value in eV, m, s, e and powers of these, for sorting."""
    return x.value * _unit(x.unit).size


def _interval(x: Measured) -> tuple[float, float]:
    if x.bound == "upper":
        return -math.inf, x.value
    if x.bound == "lower":
        return x.value, math.inf
    if x.bound == "range":
        return x.low if x.low is not None else x.value, x.high if x.high is not None else x.value
    return x.value, x.value
