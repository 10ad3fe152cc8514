"""Units as people write them, in symbols or words, and conversion between those of one dimension."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import hepunits

# Dimensions are powers of energy, length, time, charge, temperature, amount and angle: 'E T2 L-2' is a mass.
_BASES = {
    "E": hepunits.eV, "L": hepunits.m, "T": hepunits.s, "Q": hepunits.eplus, "K": hepunits.kelvin, "N": hepunits.mole, "A": 1.0,
}  # fmt: skip
_GRAM = hepunits.g
_ATOMIC_MASS = 931.49410372e6 * hepunits.eV / hepunits.c_light_sq  # CODATA 2022, 931.494 103 72(29) MeV/c^2
_BOHR_MAGNETON = 5.7883817982e-5 * hepunits.eV / hepunits.tesla  # CODATA 2022
_NUCLEAR_MAGNETON = 3.15245125417e-8 * hepunits.eV / hepunits.tesla  # CODATA 2022

# Symbol: value in HEP units, dimension, and whether prefixes are written before it.
_SYMBOLS: Mapping[str, tuple[float, str, bool]] = {
    "eV": (hepunits.eV, "E", True), "J": (hepunits.joule, "E", True), "erg": (1e-7 * hepunits.joule, "E", False),
    "m": (hepunits.m, "L", True), "Å": (1e-10 * hepunits.m, "L", False), "b": (hepunits.barn, "L2", True),
    "s": (hepunits.s, "T", True), "min": (60 * hepunits.s, "T", False), "h": (3600 * hepunits.s, "T", False),
    "d": (86400 * hepunits.s, "T", False), "yr": (365.25 * 86400 * hepunits.s, "T", True), "Hz": (1 / hepunits.s, "T-1", True),
    "g": (_GRAM, "E T2 L-2", True), "t": (1e6 * _GRAM, "E T2 L-2", False), "u": (_ATOMIC_MASS, "E T2 L-2", False),
    "e": (hepunits.eplus, "Q", False), "C": (hepunits.coulomb, "Q", True), "K": (hepunits.kelvin, "K", True),
    "mol": (hepunits.mole, "N", False), "A": (hepunits.ampere, "Q T-1", True), "V": (hepunits.volt, "E Q-1", True),
    "W": (hepunits.watt, "E T-1", True), "N": (hepunits.newton, "E L-1", True), "Pa": (hepunits.pascal, "E L-3", True),
    "T": (hepunits.tesla, "E T Q-1 L-2", True), "G": (1e-4 * hepunits.tesla, "E T Q-1 L-2", False),
    "Wb": (hepunits.weber, "E T Q-1", True), "F": (hepunits.farad, "Q2 E-1", True), "Ω": (hepunits.ohm, "E T Q-2", True),
    "S": (1 / hepunits.ohm, "Q2 E-1 T-1", True), "rad": (1.0, "A", True), "°": (hepunits.pi / 180, "A", False),
    "π": (hepunits.pi, "", False), "%": (0.01, "", False), "‰": (1e-3, "", False), "ppm": (1e-6, "", False),
    "ppb": (1e-9, "", False), "μ_N": (_NUCLEAR_MAGNETON, "Q L2 T-1", False), "μ_B": (_BOHR_MAGNETON, "Q L2 T-1", False),
    "c": (hepunits.c_light, "L T-1", False), "ħ": (hepunits.hbar, "E T", False),
    "m_e": (0.51099895069e6 * hepunits.eV / hepunits.c_light_sq, "E T2 L-2", False),
    "E_h": (27.211386245981 * hepunits.eV, "E", False),
}  # fmt: skip
_PREFIXES = {
    "Y": 1e24, "Z": 1e21, "E": 1e18, "P": 1e15, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "c": 1e-2, "m": 1e-3, "μ": 1e-6,
    "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18, "z": 1e-21, "y": 1e-24,
}  # fmt: skip
_PREFIX_WORDS = {
    "exa": "E", "peta": "P", "tera": "T", "giga": "G", "mega": "M", "méga": "M", "kilo": "k", "centi": "c",
    "zenti": "c", "milli": "m", "micro": "μ", "mikro": "μ", "nano": "n", "pico": "p", "piko": "p", "femto": "f",
    "atto": "a", "zepto": "z", "yocto": "y", "兆": "M", "吉": "G", "千": "k", "太": "T", "厘": "c", "毫": "m", "微": "μ",
    "纳": "n", "皮": "p", "飞": "f", "阿": "a", "テラ": "T", "ギガ": "G", "メガ": "M", "キロ": "k", "センチ": "c", "ミリ": "m",
    "マイクロ": "μ", "ナノ": "n", "ピコ": "p", "フェムト": "f", "アト": "a",
}  # fmt: skip
# Words of five languages, singular and plural, by symbol.
_WORDS = """
    eV: electronvolt electronvolts electron-volt electron-volts elektronenvolt électronvolt électronvolts électron-
    eV: volt 电子伏 电子伏特 電子ボルト エレクトロンボルト
    J: joule joules 焦耳 焦 ジュール
    s: s sec secs second seconds sekunde sekunden seconde secondes 秒 秒钟 秒間
    m: metre metres meter meters mètre mètres metern 米 メートル メーター
    g: gram grams gramme grammes gramm 克 グラム
    min: minute minutes minuten 分钟 分 分間
    h: hour hours hr hrs stunde stunden heure heures 小时 小時 時間
    d: day days tag tage tagen jour jours 天 日 日間
    yr: y yr yrs year years jahr jahre jahren an ans année années a 年 年間
    b: barn barns
    Hz: hertz
    T: tesla teslas
    K: kelvin kelvins
    C: coulomb coulombs 库仑 クーロン
    e: elementary_charge elementary_charges elementarladung elementarladungen 元电荷 基本电荷 電気素量
    Å: angstrom angstroms ångström
    u: amu dalton daltons atomic_mass_unit atomic_mass_units unified_atomic_mass_unit unified_atomic_mass_units
    u: atomare_masseneinheit atomare_masseneinheiten atomaren_masseneinheiten unité_de_masse_atomique unités_de_masse_atomique
    u: unites_de_masse_atomique unite_de_masse_atomique 原子质量单位 原子質量單位 原子質量単位 統一原子質量単位
    °: degree degrees deg grad degré degrés 度
    rad: radian radians radiant
    %: percent per_cent pct prozent pourcent pour_cent 百分比 百分之 パーセント
    ‰: permille per_mille per_mil promille pour_mille
    ħ: hbar h-bar ℏ
    c: speed_of_light
    μ_N: mu_N mu(N) nuclear_magneton nuclear_magnetons kernmagneton kernmagnetonen kernmagnetons magnéton_nucléaire magnétons_nucléaires
    μ_N: magneton_nucleaire magnetons_nucleaires
    μ_N: 核磁子
    μ_B: mu_B mu(B) bohr_magneton bohr_magnetons magnéton_de_bohr magnétons_de_bohr 玻尔磁子 ボーア磁子
    kg: kilo kilos 公斤 キロ
    fm: fermi fermis
    μm: micron microns micrometers mum
    μs: mus
    π: pi
    Ω: ohm ohms
    V: volt volts
    W: watt watts
    N: newton newtons
    Pa: pascal pascals
    A: ampere amperes
    Wb: weber
    mol: mole moles
"""
EAST_ASIAN_PREFIXES = tuple(word for word in _PREFIX_WORDS if ord(word[0]) > ord("\u3000"))
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾", "0123456789+-()")
_RAISED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾]+")
_FACTOR = re.compile(
    r"(?:(?<!\s)\s+)?(?:(?P<by>[*·⋅×]|/|\bper\b|\bpro\b|\bpar\b|每)\s*+)?(?P<inverse>\b(?:inverse|reciprocal|1\s*+/)\s*+)?"
    r"(?P<word>[^\s*·⋅×/^()\d]+(?:\([NB]\))?)\s*+(?:(?:\*\*|\^)\s*+\(?(?P<power>[+-]?\d{1,3}(?:/[1-9]\d?)?)(?!\d)\)?|(?P<digit>[2-4])(?!\d))?"
)
_POWER_WORDS = {"square": 2, "squared": 2, "cubic": 3, "cubed": 3, "quadrat": 2}
_LOOSE = {name.lower(): name for name in ("eV", "keV", "MeV", "GeV", "TeV", "kg", "Hz", "MHz", "GHz")}
_MAX_LENGTH = 60
_TWO_WORDS = re.compile(r"(?<=[a-z]{4}) (?=[a-z]{4})")  # 'electron volts', 'mega electronvolt'


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its symbol, its size in eV, m, s, e, K, mol and rad, and the powers of these in that order."""

    text: str
    size: float
    powers: tuple[Fraction, ...]

    @property
    def dimension(self) -> str:
        """The dimension in words: 'energy', 'mass', 'time', …, or the powers of the base units."""
        return _DIMENSIONS.get(self.powers) or " ".join(
            f"{base}^{power}"
            for base, power in zip(("eV", "m", "s", "e", "K", "mol", "rad"), self.powers, strict=True)
            if power
        )


def _powers(text: str) -> tuple[Fraction, ...]:
    found = {part[0]: Fraction(part[1:] or 1) for part in text.split()}
    return tuple(found.get(base, Fraction()) for base in _BASES)


_DIMENSIONS = {
    _powers(text): name
    for text, name in (
        ("E", "energy"), ("E T2 L-2", "mass"), ("E T L-1", "momentum"), ("T", "time"), ("L", "length"), ("Q", "charge"),
        ("", "a pure number"), ("A", "angle"), ("T-1", "rate"), ("L2", "area"), ("K", "temperature"),
        ("Q L", "electric dipole moment"), ("Q L2 T-1", "magnetic moment"),
    )
}  # fmt: skip


@functools.lru_cache(maxsize=4096)
def find_unit(text: str) -> Unit | None:
    """The unit that `text` names: 'MeV', 'GeV/c^2', 'ps**-1', 'microseconds', '微秒', ''; None if it is not one.

    'MeV' and 'meV' are distinct; other spellings of energies ('mev', 'GEV') are read as people mean them.
    """
    text = " ".join(text.split())
    if len(text) > _MAX_LENGTH:
        return None
    if not text or text == "1":
        return Unit("", 1.0, _powers(""))
    return _single(text) or _single(_TWO_WORDS.sub("", text)) or _product(text)


def _product(text: str) -> Unit | None:
    """Read a product of powers of units, such as 'MeV/c^2' or 'square metres'; None if any factor is unknown."""
    for written, sign in (("µ", "μ"), ("h-bar", "ħ"), ("−", "-"), ("/c²", "/c^2")):
        text = text.replace(written, sign)
    text = _RAISED.sub(lambda m: "^" + m[0].translate(_SUPERSCRIPTS), text)
    size, powers, position, shown = 1.0, _powers(""), 0, []
    while position < len(text):
        match = _FACTOR.match(text, position)
        if match is None or (position == 0 and match["by"] and not match["inverse"]):
            return None
        position = match.end()
        power = Fraction(match["power"] or match["digit"] or 1)
        if match["word"] in _POWER_WORDS:  # 'square metres': the power comes first
            following = _FACTOR.match(text, position)
            if following is None or following["power"]:
                return None
            power, match, position = Fraction(_POWER_WORDS[match["word"]]), following, following.end()
        unit = _single(match["word"])
        if unit is None:
            return None
        below = match["by"] in {"/", "per", "pro", "par", "每"}  # 'J/mol/K' divides twice
        if below or match["inverse"]:
            power = -power
        try:
            size *= unit.size ** float(power)
        except OverflowError:
            return None
        powers = tuple(p + q * power for p, q in zip(powers, unit.powers, strict=True))
        shown.append((unit.text, power))
    return Unit(_shown(shown), size, powers) if 0 < size < float("inf") else None


def _shown(parts: list[tuple[str, Fraction]]) -> str:
    """'MeV/c²', 'ps⁻¹', 'e cm': one division is written with a slash."""
    if len(parts) == 2 and parts[1][1] < 0 < parts[0][1]:
        return f"{_raised(*parts[0])}/{_raised(parts[1][0], -parts[1][1])}"
    return " ".join(_raised(*part) for part in parts)


def _raised(symbol: str, power: Fraction) -> str:
    if power == 1:
        return symbol
    if power.denominator != 1:
        return f"{symbol}^({power})"
    return symbol + str(power).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))


@functools.lru_cache(maxsize=1)
def _words() -> dict[str, str]:
    """The symbol of every word; underscores keep words of one name together in the table."""
    lines = [line.strip().partition(": ") for line in _WORDS.strip().splitlines()]
    return {
        word if word.startswith("mu_") else word.replace("_", " "): symbol
        for symbol, _, words in lines
        for word in words.split()
    }


def east_asian_units() -> list[str]:
    """The words for units in Chinese and Japanese, without prefixes."""
    return [word for word in _words() if ord(word[0]) > ord("\u3000")]


def _single(text: str) -> Unit | None:
    """The unit of one symbol or word, with its prefix."""
    return _symbol(text) or _word(text) or _word(text.lower()) or _symbol(_LOOSE.get(text.lower(), ""))


def _symbol(text: str) -> Unit | None:
    if text in _SYMBOLS:
        return _unit(text, *_SYMBOLS[text][:2])
    prefix, symbol = (
        ("u", text[2:]) if text.startswith("mu") else (text[:1], text[1:])
    )  # 'mus' is 'µs' in plain letters
    if prefix not in _PREFIXES or symbol not in _SYMBOLS or not _SYMBOLS[symbol][2]:
        return None
    size, dimension, _ = _SYMBOLS[symbol]
    return _unit(("μ" if prefix == "u" else prefix) + symbol, _PREFIXES[prefix] * size, dimension)


def _word(text: str) -> Unit | None:
    words = _words()
    if text in words:
        return _symbol(words[text])
    for length in range(6, 0, -1):  # 'センチ', 'femto': the longest prefix first
        prefix, symbol = _PREFIX_WORDS.get(text[:length]), words.get(text[length:])
        if prefix and symbol and (len(text) > length + 1 or not text.isascii()):
            return _symbol(prefix + symbol)
    return None


def _unit(text: str, size: float, dimension: str) -> Unit:
    powers = _powers(dimension)
    for base, power in zip(_BASES.values(), powers, strict=True):
        size /= base ** float(power)
    return Unit(text, size, powers)


def conversion(source: Unit, target: Unit, *, natural: bool = False) -> float | None:
    """The number of `target` in one `source`, or None if their dimensions differ.

    A mass may be given as an energy and the other way round (c = 1), as particle physicists do. With `natural`
    units every power of hbar and c is bridged: a time in 1/GeV, a mass in 1/fm.
    """
    factor = source.size / target.size
    energy, length, time, *others = (q - p for p, q in zip(source.powers, target.powers, strict=True))
    if any(others) or time != energy - length:  # no product hbar^energy c^length has this dimension
        return None
    # With c = 1 alone masses are energies; a time is a length only where natural units are wanted.
    if not natural and (energy or (length and not source.powers[0])):
        return None
    hbar, light = hepunits.hbar / (hepunits.eV * hepunits.s), hepunits.c_light / (hepunits.m / hepunits.s)
    return factor * float(hbar ** float(energy) * light ** float(length))
