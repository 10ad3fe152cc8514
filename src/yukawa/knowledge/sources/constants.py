"""The fundamental physical constants of CODATA as statements with facts."""

import functools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files

from yukawa.knowledge.facts import Fact
from yukawa.knowledge.sources.pdg.text import superscript

PREFIX = "codata:"  # of the ids of constants
SOURCE = "CODATA"
LICENCE = "public domain"  # NIST Standard Reference Database 121
URL = "https://physics.nist.gov/cuu/Constants/"
# What physicists write for the constants that they write most.
SYMBOLS = {
    "speed of light in vacuum": "c", "Planck constant": "h", "reduced Planck constant": "ħ", "elementary charge": "e",
    "Boltzmann constant": "k_B", "Avogadro constant": "N_A", "Newtonian constant of gravitation": "G",
    "fine-structure constant": "α", "inverse fine-structure constant": "1/α", "Fermi coupling constant": "G_F/(ħc)³",
    "weak mixing angle": "sin²θ_W = 1 − (m_W/m_Z)²", "W to Z mass ratio": "m_W/m_Z", "electron mass": "m_e",
    "muon mass": "m_μ", "tau mass": "m_τ", "proton mass": "m_p", "neutron mass": "m_n", "deuteron mass": "m_d",
    "alpha particle mass": "m_α", "atomic mass constant": "m_u", "Bohr radius": "a_0", "Rydberg constant": "R_∞",
    "Bohr magneton": "μ_B", "nuclear magneton": "μ_N", "vacuum electric permittivity": "ε_0", "vacuum mag. permeability": "μ_0",
    "characteristic impedance of vacuum": "Z_0", "molar gas constant": "R", "Faraday constant": "F",
    "Stefan-Boltzmann constant": "σ", "classical electron radius": "r_e", "Compton wavelength": "λ_C",
    "Thomson cross section": "σ_e", "Hartree energy": "E_h", "mag. flux quantum": "Φ_0", "Josephson constant": "K_J",
    "von Klitzing constant": "R_K", "Planck mass": "m_P", "Planck length": "l_P", "Planck time": "t_P",
    "Planck temperature": "T_P", "electron mag. mom. anomaly": "a_e", "muon mag. mom. anomaly": "a_μ",
    "reduced Planck constant times c in MeV fm": "ħc", "proton rms charge radius": "r_p",
}  # fmt: skip
_COMMON = {"reduced Planck constant times c in MeV fm": "conversion constant"}
_SHORT = {
    "mag. mom.": "magnetic moment",
    "mag.": "magnetic",
    "mom.um": "momentum",
    "gyromag.": "gyromagnetic",
}


@dataclass(frozen=True)
class ConstantStatement:
    """One sentence on a constant with its facts; see `yukawa.knowledge.sources.pdg.facts.Statement`."""

    id: str
    text: str
    facts: tuple[Fact, ...]
    label: str


def constants() -> Iterator[ConstantStatement]:
    """Every constant of the table, by name."""
    year, rows = _table()
    for name, value, uncertainty, unit in rows:
        fact = _fact(name, value, uncertainty, unit, year)
        symbol = f" ({SYMBOLS[name]})" if name in SYMBOLS else ""
        exact = "" if uncertainty else "exact; "
        text = f"The {_readable(name)}{symbol} is {fact.printed} ({exact}{fact.basis})."
        yield ConstantStatement(f"{PREFIX}{name}", text, (fact,), f"{SOURCE} {year}: {_readable(name)}")


def edition() -> str:
    """The adjustment of the table, such as '2022'."""
    return _table()[0]


def subject(name: str) -> str:
    """The subject of the facts of a constant: 'constant:planck constant'."""
    return f"constant:{_COMMON.get(name, _readable(name).lower())}"


@functools.lru_cache(maxsize=1)
def _table() -> tuple[str, list[tuple[str, float, float, str]]]:
    first, *lines = files(__package__).joinpath("constants.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    return first.split()[-1], [(name, float(value), float(error), unit) for name, value, error, unit in rows]


def _readable(name: str) -> str:
    for short, long in _SHORT.items():
        name = name.replace(short, long)
    return name


def _fact(name: str, value: float, uncertainty: float, unit: str, year: str) -> Fact:
    shown = unit_text(unit)
    error = uncertainty or None
    return Fact(
        f"{SOURCE}:{name}", (subject(name),), "constant", _readable(name), value, error_plus=error, error_minus=error, unit=shown,
        preferred=True, edition=year, basis=f"{SOURCE} {year}", printed=printed(value, uncertainty, shown),
        resolution=10.0 ** _place(value, uncertainty) if error else None,
    )  # fmt: skip


def unit_text(unit: str) -> str:
    """A unit with raised powers: 'm^3 kg^-1 s^-2' -> 'm³ kg⁻¹ s⁻²'."""
    return re.sub(r"\^(-?\d+)", lambda match: superscript(match[1]), unit)


def _place(value: float, uncertainty: float) -> int:
    """The decimal place to which CODATA rounds a value: that of its own last digit or of the uncertainty's."""
    return min(int(Decimal(repr(number)).normalize().as_tuple().exponent) for number in (value, uncertainty))


def printed(value: float, uncertainty: float, unit: str) -> str:
    """Print a value like '(9.1093837139 ± 0.0000000028) × 10⁻³¹ kg'; an exact one has at most twelve digits."""
    power = math.floor(math.log10(abs(value))) if value else 0
    power = power if abs(power) > 3 else 0
    scale = 10.0**-power
    if uncertainty:
        decimals = max(power - _place(value, uncertainty), 0)
        body = f"{value * scale:.{decimals}f} ± {uncertainty * scale:.{decimals}f}"
        body = f"({body})" if power or unit else body
    else:
        body = f"{value * scale:.12g}"
        body += "…" if len(Decimal(repr(value)).normalize().as_tuple().digits) > 12 else ""
    if power:
        body += f" × 10{superscript(power)}"
    return f"{body.replace('-', '−')} {unit}".rstrip()
