"""Quark content and additive quantum numbers of every charge state, from its name, charge and kind."""

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Electric charge of each quark, and the additive quantum number that it carries (PDG review Quark Model, eq. 15.1):
# the sign of a flavour is that of the quark's charge.
_CHARGE = {"u": 2, "d": -1, "s": -1, "c": 2, "b": -1, "t": 2}  # in thirds of e
_FLAVOUR = {"s": ("strangeness", -1), "c": ("charm", 1), "b": ("bottomness", -1), "t": ("topness", 1)}
_NUMBERS = ("strangeness", "charm", "bottomness", "topness")

_BASE = re.compile(
    r"(?P<base>J/psi|[A-Za-z]+?)(?P<bar>bar)?(?:_(?P<sub>[A-Za-z0-9_ ]{1,30}))?(?:\^[*']+)?(?:\(.*\))?\d{0,8}[+\-0]{0,4}$"
)
# Heavy and strange quarks of a hadron by the letter of its name (PDG review Naming Scheme for Hadrons); '~' marks an
# antiquark. The lower index of a K, D or B replaces or adds quarks, that of a baryon replaces its strange quarks.
_MESONS = {
    "K": ("s~",), "D": ("c",), "D_s": ("c", "s~"), "B": ("b~",), "B_s": ("b~", "s"), "B_c": ("b~", "c"),
    "psi": ("c", "c~"), "J/psi": ("c", "c~"), "chi_c": ("c", "c~"), "eta_c": ("c", "c~"), "h_c": ("c", "c~"),
    "Upsilon": ("b", "b~"), "chi_b": ("b", "b~"), "eta_b": ("b", "b~"), "h_b": ("b", "b~"),
}  # fmt: skip
_BARYONS = {"p": 0, "n": 0, "N": 0, "Delta": 0, "Lambda": 1, "Sigma": 1, "Xi": 2, "Omega": 3}


@dataclass(frozen=True)
class Flavour:
    """What a hadron or quark is made of.

    Args:
        contents: the possible sets of quarks, 'u', 'd~', …; several for superpositions such as the pi0.
        numbers: strangeness, charm, bottomness and topness.
        quark_excess: quarks minus antiquarks, three times the baryon number.
    """

    contents: tuple[tuple[str, ...], ...]
    numbers: Mapping[str, int]
    quark_excess: int

    @property
    def words(self) -> str:
        """The content in words: 'uud', 'u dbar', or for a superposition 'u ubar, d dbar'."""
        return ", ".join(_words(content) for content in self.contents)


def flavour(name: str, kind: str, charge: float, *, is_antiparticle: bool) -> Flavour | None:
    """The flavour of a charge state.

    Args:
        name: PDG name, such as 'Xibar_c()-'.
        kind: the PDG's class: 'Q' quark, 'M' meson, 'B' baryon; others have no quarks.
        charge: in units of e.
        is_antiparticle: whether the PDG lists it as antiparticle of another state.

    Returns:
        Its flavour; None for leptons and bosons, and for the two neutral kaons of definite lifetime, which have none.
    """
    if kind not in "QMB" or name in ("K(S)0", "K(L)0"):
        return None
    if kind == "Q":
        quark = name.removesuffix("bar") + ("~" if name.endswith("bar") else "")
        return _flavour([quark], [(quark,)], -1 if quark.endswith("~") else 1)
    thirds = round(3 * charge)
    fixed, quarks, antiquarks = _skeleton(name, kind)
    sign = -1 if is_antiparticle and not name.startswith("T_") else 1
    found = _filled(fixed, quarks, antiquarks, sign * thirds)
    if not found and name.startswith(
        "T_"
    ):  # the name of a doubly charged state's antiparticle is that of the state
        sign, found = -1, _filled(fixed, quarks, antiquarks, -thirds)
    if sign < 0:
        fixed, found = [_anti(q) for q in fixed], [tuple(_anti(q) for q in content) for content in found]
    if kind == "M" and not fixed and thirds == 0 and not name.startswith(("pi", "rho", "a_", "b_")):
        found.append(("s", "s~"))  # light mesons of isospin 0 mix with it
    return _flavour(fixed, found, (quarks - antiquarks) * sign)


def _skeleton(name: str, kind: str) -> tuple[list[str], int, int]:
    """The quarks that a name names, and how many quarks and antiquarks there are in all."""
    match = _BASE.match(name)
    base, sub = (match["base"], match["sub"] or "") if match else (name, "")
    if base in ("T", "P"):  # exotic hadrons: the index lists the heavy and strange quarks
        listed = [part for part in re.split(r"[_ ]", sub) if part.removesuffix("bar") in _CHARGE]
        quarks = [q.removesuffix("bar") + ("~" if q.endswith("bar") else "") for q in listed]
        return quarks, *((2, 2) if base == "T" else (4, 1))
    letters = re.match(r"[bcs]*", sub)[0]  # type: ignore[index]
    if kind == "B":
        return ["s"] * (_BARYONS[base] - len(letters)) + list(letters), 3, 0
    key = f"{base}_{letters[0]}" if letters else base
    return list(_MESONS.get(key, ())), 1, 1


def _filled(fixed: Sequence[str], quarks: int, antiquarks: int, thirds: int) -> list[tuple[str, ...]]:
    """`fixed` with up and down quarks added so that the charge is right: every way to do it."""
    anti = sum(q.endswith("~") for q in fixed)
    straight = len(fixed) - anti
    if straight > quarks or anti > antiquarks:
        return []
    light = itertools.combinations_with_replacement("ud", quarks - straight)
    bars = list(itertools.combinations_with_replacement(("u~", "d~"), antiquarks - anti))
    ways = ([*fixed, *some, *more] for some in light for more in bars)
    return [tuple(sorted(way, key=_order)) for way in ways if sum(_thirds(q) for q in way) == thirds]


def _flavour(fixed: Sequence[str], contents: Sequence[tuple[str, ...]], excess: int) -> Flavour:
    numbers = dict.fromkeys(_NUMBERS, 0)
    for quark in fixed:
        if quark[0] in _FLAVOUR:
            name, value = _FLAVOUR[quark[0]]
            numbers[name] += -value if quark.endswith("~") else value
    return Flavour(tuple(contents), numbers, excess)


def _thirds(quark: str) -> int:
    return -_CHARGE[quark[0]] if quark.endswith("~") else _CHARGE[quark]


def _anti(quark: str) -> str:
    return quark.removesuffix("~") if quark.endswith("~") else quark + "~"


def _order(quark: str) -> tuple[bool, int]:
    return quark.endswith("~"), "udscbt".index(quark[0])


def _words(content: Sequence[str]) -> str:
    if Counter(q.endswith("~") for q in content)[True]:
        return " ".join(q.replace("~", "bar") for q in content)
    return "".join(content)
