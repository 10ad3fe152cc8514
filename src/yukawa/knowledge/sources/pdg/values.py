"""The notation of PDG values: a data row becomes a readable quantity with the PDG's own rounding."""

import re
from dataclasses import dataclass
from decimal import Decimal

from yukawa.knowledge.sources.pdg.text import superscript

# All read texts with single spaces.
NUMBER = r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)"
_SIZE = r"(?:\d++(?:\.\d++)?|\.\d++)"
_ERRORS = rf"(?: ?(?:\+- ?{_SIZE}|\+ ?{_SIZE} ?- ?{_SIZE}))+"
_POWER = r"(?: ?E([+-]?\d+))?"
_MEASURED = re.compile(rf"\(? ?({NUMBER}) ?({_ERRORS})? ?\)? ?{_POWER}")
_ABOUT = re.compile(rf"(?:presumably|\(?~) ?({NUMBER})\)? ?{_POWER}")
_LIMIT = re.compile(rf"([<>]) ?({NUMBER}(?: ?-- ?{NUMBER})?) ?{_POWER}(?: ?\(?CL=.*)?")
_RANGE = re.compile(
    rf"\(? ?({NUMBER}){_POWER} ?(?:--|-|to) ?(?:({NUMBER}){_POWER} ?to ?)?({NUMBER}) ?\)?{_POWER}"
    rf"(?: ?\(~({NUMBER})\))?",
    re.IGNORECASE,
)
_ERROR = re.compile(rf"\+- ?({_SIZE})|\+ ?({_SIZE}) ?- ?({_SIZE})")
_WORDS = {"seen", "not seen", "possibly seen", "searched for", "small", "large", "dominant"}
_UNITS = {
    "yr": "years", "mu(N)": "μ_N", "mu(B)": "μ_B", "micrometers": "μm", "e/2mass(W)": "e/2m_W",
    "pi rad": "π rad", "hbar s**-1": "ħ s⁻¹",
}  # fmt: skip


@dataclass(frozen=True)
class PdgValue:
    """A value as text and as numbers.

    Args:
        text: with errors, power of ten and unit, e.g. '(290.3 ± 0.5) × 10⁻¹⁵ s'.
        kind: 'number', 'about', 'upper', 'lower', 'range', 'pole' (complex), 'word' or 'nucleon' (n and p
            apart).
        value: central value, limit, or best value or middle of a range, in `unit`; None without a number.
        plus: upper error, or None.
        minus: lower error as a positive number, or None.
        unit: readable unit, '' for a pure number.
        errors: upper and lower errors given apart (statistical, systematic), which `plus` and `minus` add in quadrature.
        low, high: the ends of a range.
        resolution: one unit of the last digit shown.
    """

    text: str
    kind: str
    value: float | None = None
    plus: float | None = None
    minus: float | None = None
    unit: str = ""
    errors: tuple[tuple[float, float], ...] = ()
    low: float | None = None
    high: float | None = None
    resolution: float | None = None


@dataclass(frozen=True)
class _Parsed:
    """A value as the PDG prints it: its kind, the digits of its numbers, and the power of ten that multiplies them."""

    kind: str
    numbers: tuple[str, ...]  # central value, or ends of a range (and its middle)
    errors: tuple[tuple[str, str], ...] = ()
    power: int = 0

    def value(self) -> float:
        """Central value; of a range the stated best value or else the middle."""
        scale = 10.0**self.power
        if self.kind == "range":
            low, high = float(self.numbers[0]), float(self.numbers[1])
            return (float(self.numbers[2]) if len(self.numbers) > 2 else (low + high) / 2) * scale
        return float(_last(self.numbers[:1])) * scale

    def error(self, side: int) -> float | None:
        """Upper (0) or lower (1) error; several sources of error are added in quadrature."""
        if not self.errors:
            return None
        return float(sum(float(pair[side]) ** 2 for pair in self.errors) ** 0.5) * 10.0**self.power

    def resolution(self) -> float:
        """One unit of the last digit of the central value."""
        return 10.0 ** (self.power - len(_last(self.numbers).partition(".")[2]))

    def agrees(self, value: float | None) -> bool:
        """Whether the text means `value` within the rounding of its last significant digit."""
        if value is None:
            return True
        if self.kind == "range":
            half_width = abs(float(self.numbers[1]) - float(self.numbers[0])) / 2 * 10.0**self.power
            return abs(self.value() - value) <= 0.1 * half_width
        last = _last(self.numbers[:1])
        decimals = len(last.partition(".")[2])
        if not decimals and self.errors:  # '350+-50': zeros at the end of value and errors say nothing
            shown = [last, *(side for pair in self.errors for side in pair)]
            decimals = -min(len(number) - len(number.rstrip("0")) for number in shown if number.strip("0"))
        return abs(self.value() - value) <= 0.501 * 10.0 ** (self.power - decimals) + 1e-9 * abs(value)


def _last(numbers: tuple[str, ...]) -> str:
    """The last number, of '0.001 -- 0.002' the second."""
    return re.split(" ?-- ?", numbers[-1])[-1]


def _parse(text: str, power: int) -> _Parsed | None:
    text = " ".join(text.split())
    if match := _LIMIT.fullmatch(text):
        return _Parsed("upper" if match[1] == "<" else "lower", (match[2],), power=power + int(match[3] or 0))
    if match := _ABOUT.fullmatch(text):
        return _Parsed("about", (match[1],), power=power + int(match[2] or 0))
    if match := _MEASURED.fullmatch(text):
        errors = tuple((e[0] or e[1], e[0] or e[2]) for e in _ERROR.findall(match[2] or ""))
        return _Parsed("number", (match[1],), errors, power + int(match[3] or 0))
    if match := _RANGE.fullmatch(text):
        low, low_power, mid, _, high, high_power, about = match.groups()
        numbers = [low, high]
        if low_power is not None and low_power != high_power:
            shift = int(high_power or 0) - int(low_power)
            numbers[1] = _shift(high, shift)
            high_power = low_power
        if mid or about:
            numbers.append(mid or about)
        return _Parsed("range", tuple(numbers), power=power + int(high_power or 0))
    return None


def _shift(number: str, places: int) -> str:
    """The decimal number times ten to `places`, digits unchanged: ('6.1', -1) -> '0.61'."""
    return f"{Decimal(number).scaleb(places):f}"


def _minus(text: str) -> str:
    return text.removeprefix("+").removesuffix(".").replace("-", "−")


def unit_text(unit: str) -> str:
    """Readable unit: 'eV**2' -> 'eV²', 'mu(N)' -> 'μ_N'."""
    if unit in _UNITS:
        return _UNITS[unit]
    unit = re.sub(r"\*\*(-?\d+)/(\d+)", r"^(\1/\2)", unit)
    return re.sub(r"\*\*(-?\d+)", lambda m: superscript(m[1]), unit)


def _scaled(body: str, parsed: _Parsed, percent: bool, unit: str) -> str:
    """`body` with its power of ten or percent sign and its unit."""
    bracket = f"({body})" if " " in body else body
    if percent and parsed.power == -2:
        return f"{bracket} %"
    if parsed.power:
        body = f"{bracket} × 10{superscript(parsed.power)}"
    return f"{body} {unit}".rstrip()


def _words(parsed: _Parsed, percent: bool, unit: str) -> str:
    numbers = [_minus(number) for number in parsed.numbers]
    if parsed.kind == "range":
        low, high = (_scaled(number, parsed, percent, unit) for number in numbers[:2])
        about = f" (about {_scaled(numbers[2], parsed, percent, unit)})" if len(numbers) > 2 else ""
        return f"between {low} and {high}{about}"
    body = re.sub(" ?−− ?", "–", numbers[0])
    for plus, minus in parsed.errors:
        body += f" ± {plus}" if plus == minus else f" +{plus} −{minus}"
    words = {"upper": "less than ", "lower": "greater than ", "about": "about ", "number": ""}[parsed.kind]
    return words + _scaled(body, parsed, percent, unit)


def _pole(text: str, unit: str) -> str | None:
    """A complex pole position: '(890+-14) - i (26+-6)' -> '(890 ± 14) − i (26 ± 6) MeV'."""
    parts = re.fullmatch(r"\(([^()]+)\) ?- ?i ?\(([^()]+)\)", " ".join(text.split()))
    if parts is None:
        return None
    shown = []
    for part in parts.groups():
        part = re.sub(r" ?\+- ?", " ± ", part)
        part = re.sub(" ?-- ?", "–", part)
        part = re.sub(r" ?\+(\d[\d.]*)-(\d[\d.]*)", r" +\1 −\2", part)
        shown.append(part)
    return f"({shown[0]}) − i ({shown[1]}) {unit}".rstrip()


def nucleon_limits(text: str) -> dict[str, str]:
    """Limits given apart for neutron and proton: '>5300 n, >24000 p' -> {'n': '5300', 'p': '24000'}."""
    match = re.fullmatch(r">\s*([\d.]+) n, (?:>\s*([\d.]+) )?p", text.strip())
    return {} if match is None else {"n": match[1], "p": match[2] or match[1]}


def _nucleon(text: str, power: int, unit: str) -> str | None:
    """Such limits in words."""
    limits = nucleon_limits(text)
    if not limits:
        return None
    shown = {
        name: _scaled(number, _Parsed("lower", (number,), power=power), False, unit)
        for name, number in limits.items()
    }
    if shown["n"] == shown["p"]:
        return f"greater than {shown['n']} (for n and p)"
    return f"greater than {shown['n']} (for n) and greater than {shown['p']} (for p)"


def quantity(
    display: str, full: str | None, power: int, percent: bool, value: float | None, unit: str
) -> PdgValue | None:
    """The readable form of one row of the PDG data.

    Args:
        display: the value as the Listings show it, without its power of ten.
        full: the value with its power of ten; used where `display` and `power` contradict `value`.
        power: the power of ten of `display`.
        percent: whether the Listings show the value in percent.
        value: the number in the data base, or None.
        unit: the PDG's plain text unit.

    Returns:
        The quantity, or None when the row holds no value or an unreadable one.
    """
    unit, text = unit_text(unit), (full or "").strip()
    if text in _WORDS:
        return PdgValue(text, "word")
    if text == "DEFINED AS 1":
        return PdgValue("defined as 1", "word", 1.0)
    if pole := _pole(text, unit):
        return PdgValue(pole, "pole", unit=unit)
    if nucleon := _nucleon(text, power, unit):
        return PdgValue(nucleon, "nucleon", unit=unit)
    candidates = [_parse(display, power), _parse(text, 0)]
    if (
        power and value is not None and re.search(r"E[+-]?\d", display)
    ):  # '(0+-1200)E-3' of 10⁻³ reads better as '0.0000+-0.0012'
        candidates.reverse()
    shown = next((p for p in candidates if p and p.agrees(value) and p.kind == _kind(text)), None)
    if shown is None:
        return None
    number = value if value is not None else shown.value()
    scale = 10.0**shown.power
    apart = tuple((float(plus) * scale, float(minus) * scale) for plus, minus in shown.errors)
    low, high = (float(n) * scale for n in shown.numbers[:2]) if shown.kind == "range" else (None, None)
    return PdgValue(
        _words(shown, percent, unit), shown.kind, number, shown.error(0), shown.error(1), unit,
        apart if len(apart) > 1 else (), low, high, shown.resolution(),
    )  # fmt: skip


def _kind(full: str) -> str:
    """The kind of the full text: guards against display texts that lost half of a range."""
    parsed = _parse(full, 0)
    return parsed.kind if parsed else ""
