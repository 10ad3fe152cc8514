"""Numbers and units of LaTeX's siunitx as they are read: 'a distance of 3.2(1)×10⁻³ mm', and the same within formulas."""

import re
from collections.abc import Sequence

from yukawa.knowledge.documents.tex import TexToken, TokenStream, joined

_PREFIXES = {
    "quecto": "q", "ronto": "r", "yocto": "y", "zepto": "z", "atto": "a", "femto": "f", "pico": "p", "nano": "n", "micro": "µ",
    "milli": "m", "centi": "c", "deci": "d", "deca": "da", "deka": "da", "hecto": "h", "kilo": "k", "mega": "M", "giga": "G", "tera": "T",
    "peta": "P", "exa": "E", "zetta": "Z", "yotta": "Y", "ronna": "R", "quetta": "Q",
}  # fmt: skip
_UNITS = {
    "ampere": "A", "candela": "cd", "kelvin": "K", "kilogram": "kg", "metre": "m", "meter": "m", "mole": "mol", "second": "s",
    "becquerel": "Bq", "coulomb": "C", "degreeCelsius": "°C", "celsius": "°C", "farad": "F", "gray": "Gy", "hertz": "Hz", "henry": "H",
    "joule": "J", "lumen": "lm", "katal": "kat", "lux": "lx", "newton": "N", "ohm": "Ω", "pascal": "Pa", "radian": "rad",
    "siemens": "S", "sievert": "Sv", "steradian": "sr", "tesla": "T", "volt": "V", "watt": "W", "weber": "Wb", "day": "d", "degree": "°",
    "hectare": "ha", "hour": "h", "litre": "l", "liter": "L", "arcminute": "′", "minute": "min", "arcsecond": "″", "tonne": "t",
    "astronomicalunit": "au", "atomicmassunit": "u", "dalton": "Da", "electronvolt": "eV", "bar": "bar", "barn": "b", "angstrom": "Å",
    "bel": "B", "decibel": "dB", "neper": "Np", "percent": "%", "gram": "g", "clight": "c", "planckbar": "ħ", "elementarycharge": "e",
    "bit": "bit", "byte": "B", "parsec": "pc", "gauss": "G", "MeV": "MeV", "GeV": "GeV", "TeV": "TeV", "keV": "keV", "eV": "eV",
    "meV": "meV", "PeV": "PeV", "fb": "fb", "pb": "pb", "nb": "nb", "kg": "kg", "g": "g", "mg": "mg", "m": "m", "cm": "cm",
    "mm": "mm", "km": "km",
    "um": "µm", "nm": "nm", "fm": "fm", "s": "s", "ms": "ms", "us": "µs", "ns": "ns", "ps": "ps", "fs": "fs", "Hz": "Hz",
    "kHz": "kHz", "MHz": "MHz",
    "GHz": "GHz", "K": "K", "T": "T", "V": "V", "kV": "kV", "mV": "mV", "W": "W", "A": "A", "mA": "mA", "ohm.": "Ω", "pF": "pF",
}  # fmt: skip
_POWERS = {"squared": "2", "cubed": "3"}
_BEFORE = {"square": "2", "cubic": "3"}
_UP = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_NUMBER = re.compile(r"(?P<mantissa>[^eEdD]*)(?:[eEdD](?P<power>[+-]?\d{1,6}))?\Z")
_LONGEST = 200  # tokens of an argument
# For each command the arguments it takes: n a number, u a unit, l a list of numbers, a an angle.
COMMANDS = {
    "\\num": "n", "\\SI": "nu", "\\qty": "nu", "\\si": "u", "\\unit": "u", "\\ang": "a", "\\SIrange": "nnu", "\\qtyrange": "nnu",
    "\\numrange": "nn", "\\numlist": "l", "\\SIlist": "lu", "\\qtylist": "lu",
}  # fmt: skip


def quantity(stream: TokenStream, command: str, *, formula: bool) -> str | None:
    r"""What a command of siunitx says, None if an argument is missing: `\qty` of another package has one argument alone.

    Args:
        stream: behind the command.
        command: one of `COMMANDS`.
        formula: whether it is part of a formula, so that it is to be LaTeX.
    """
    stream.skip_space()
    stream.optional()
    kinds = COMMANDS[command]
    given: list[list[TexToken]] = []
    for kind in kinds:
        if kind == "u":
            stream.optional()  # a prefix such as a currency
        token = stream.peek()
        if token is None or token.kind != "open":
            for argument in reversed(given):
                first = argument[0] if argument else TexToken("text", "", 0, 0)
                stream.push(
                    [first._replace(kind="open", text="{"), *argument, first._replace(kind="close", text="}")]
                )
            return None
        given.append(stream.argument(_LONGEST))
    words = [
        _said(kind, stream.inner(argument), formula) for kind, argument in zip(kinds, given, strict=True)
    ]
    unit = words.pop() if kinds[-1] == "u" else ""
    value = (r"\text{ to }" if formula else " to ").join(words) if len(words) > 1 else "".join(words)
    if not value or not unit:
        return value or unit
    apart = "" if unit.startswith(("°", "′", "″")) and "C" not in unit else r"\," if formula else " "
    return f"{value}{apart}{unit}"


def _said(kind: str, stream: TokenStream, formula: bool) -> str:
    if kind == "u":
        return _unit(stream, formula)
    text = joined(iter(stream.next, None)).strip()
    if kind == "l":
        return ", ".join(_number(part, formula) for part in text.split(";"))
    if kind == "a":
        parts = zip(text.split(";"), "°′″", strict=False)
        signs = {"°": r"^\circ", "′": "'", "″": "''"} if formula else {}
        return "".join(_number(part, formula) + signs.get(sign, sign) for part, sign in parts if part.strip())
    return _number(text, formula)


def _number(text: str, formula: bool) -> str:
    """A number as siunitx reads it: `1.2 +- .3e-4`."""
    text = text.replace(" ", "").replace("~", "").replace("\\,", "")
    text = text.replace("\\pm", "±").replace("+-", "±").replace("\\times", "x").replace("\\cdot", "x")
    match = _NUMBER.match(text)
    if match is None or "\\" in text or "{" in text:  # no number that can be read: as it is
        return text
    mantissa, power = match["mantissa"].replace(",", "."), match["power"]
    mantissa = re.sub(r"(?<![\d.])\.(?=\d)", "0.", mantissa)
    if formula:
        mantissa = mantissa.replace("±", r"\pm ").replace("x", r"\times ")
        tail = "" if power is None else (r"\times 10^{%s}" if mantissa else "10^{%s}") % power.lstrip("+")
        return f"({mantissa}){tail}" if r"\pm" in mantissa and tail else mantissa + tail
    mantissa = mantissa.replace("±", " ± ").replace("x", "×").replace("-", "−" if mantissa == "-" else "-")
    tail = "" if power is None else ("×10" if mantissa else "10") + power.lstrip("+").translate(_UP)
    return f"({mantissa}){tail}" if "±" in mantissa and tail else mantissa + tail


def _unit(stream: TokenStream, formula: bool) -> str:
    r"""A unit of commands (`\per\square\centi\metre`) or letters (`m.s^{-1}`)."""
    found: list[list[str]] = []  # unit and power
    sign, prefix, power, literal = "", "", "", False
    for token in iter(stream.next, None):
        name = token.text[1:] if token.kind == "command" else ""
        if name == "per":
            sign = "-"
        elif name in _PREFIXES:
            prefix = _PREFIXES[name]
        elif name in _BEFORE:
            power = _BEFORE[name]
        elif name in _POWERS:
            _raise(found, _POWERS[name])
        elif name in ("tothe", "raiseto"):
            given = joined(stream.argument()).strip()
            power = given if name == "raiseto" else power
            if name == "tothe":
                _raise(found, given)
        elif token.text == "^":
            _raise(found, joined(stream.argument()).strip())
        elif name or token.kind == "text":
            word = _UNITS.get(name, token.text) if name else token.text
            if name in (",", ";", " ", "!") or word in (".", "~"):
                literal = False
                continue
            for part in [word] if name else word.split("."):
                if literal and found and not name:
                    found[-1][0] += part
                elif part:
                    found.append([prefix + part, sign + (power or ("1" if sign else ""))])
                prefix, power, sign = "", "", ""
            literal = not name
        elif token.kind in ("space", "mark"):
            literal = False
    return _written(found, formula)


def _raise(found: Sequence[list[str]], power: str) -> None:
    if found:
        found[-1][1] = ("-" if found[-1][1].startswith("-") and not power.startswith("-") else "") + power


def _written(found: Sequence[list[str]], formula: bool) -> str:
    if formula:
        return r"\,".join(rf"\mathrm{{{unit}}}" + (f"^{{{power}}}" if power else "") for unit, power in found)
    return " ".join(unit + power.translate(_UP) for unit, power in found)
