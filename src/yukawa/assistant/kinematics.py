"""Relativistic kinematics on facts: particles in flight, products of a decay at rest, thresholds, wavelengths, conversions.

Formulas are those of the Review of Particle Physics, "Kinematics" (two-body decays, Lorentz transformations), with c = 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from yukawa.assistant import algebra, rounding, rows
from yukawa.assistant.algebra import Derivation, Measured, Unanswerable
from yukawa.assistant.matching import definite, is_massless
from yukawa.assistant.results import Row
from yukawa.knowledge.parsing.plan import Wanted
from yukawa.knowledge.parsing.units import conversion, find_unit
from yukawa.knowledge.sources.pdg.text import pretty


class Quantities(Protocol):
    """Where masses, lifetimes and widths are found."""

    def single(self, wanted: Wanted) -> list[Row]:
        """The preferred rows of a quantity."""

    def mass(self, state: str) -> Row:
        """The mass of one state."""


_LIGHT = f"c = {algebra.LIGHT:.0f} m/s (exact)"
_HBAR_C = algebra.HBAR * algebra.LIGHT  # in eV m
_MASSLESS = "neutrinos and photons taken as massless"


def rule_of(wanted: Wanted) -> Callable[[Quantities, Wanted], list[Row]] | None:
    """What computes a quantity of motion, of a threshold or of units alone; None for any other."""
    if wanted.property.startswith("threshold-"):
        return threshold
    if "given" in wanted.qualifiers and wanted.channel is None:
        return left_over if wanted.property.startswith("fraction-") else in_flight
    if "given" in wanted.qualifiers:
        return emitted
    if wanted.property.endswith("compton-wavelength"):
        return compton_wavelength
    return conversion_of if wanted.property == "conversion" else None


# ---- in flight -----------------------------------------------------------------------------------

# By what is given the Lorentz boost p/m: of the amount in eV (or c, or a pure number) and the mass in eV.
_BOOSTS: dict[str, tuple[str, str, Callable[[float, float], float]]] = {
    "momentum": ("eV", "p", lambda p, m: p / m),
    "energy": ("eV", "E", lambda e, m: math.sqrt(e * e - m * m) / m),
    "kinetic-energy": ("eV", "E_kin", lambda t, m: math.sqrt(t * (t + 2 * m)) / m),
    "speed": ("c", "v", lambda v, m: v / math.sqrt(1 - v * v)),
    "lorentz-factor": ("", "γ", lambda g, m: math.sqrt(g * g - 1)),
    "boost": ("", "βγ", lambda b, m: b),
}  # fmt: skip
# By what is wanted: unit, formula, and the value from boost, mass in eV and mean lifetime in s.
_IN_FLIGHT: dict[str, tuple[str, str, Callable[[float, float, float], float]]] = {
    "decay-length": ("m", "(p/m) cτ", lambda b, m, t: b * algebra.LIGHT * t),
    "lifetime": ("s", "γτ", lambda b, m, t: math.hypot(1, b) * t),
    "lorentz-factor": ("", "E/m", lambda b, m, t: math.hypot(1, b)),
    "speed": ("c", "p/E", lambda b, m, t: b / math.hypot(1, b)),
    "momentum": ("eV", "√(E² − m²)", lambda b, m, t: m * b),
    "energy": ("eV", "√(p² + m²)", lambda b, m, t: m * math.hypot(1, b)),
    "kinetic-energy": ("eV", "√(p² + m²) − m", lambda b, m, t: m * b * b / (math.hypot(1, b) + 1)),
    "wavelength": ("m", "2πħc/p", lambda b, m, t: 2 * math.pi * _HBAR_C / (m * b)),
}  # fmt: skip
_DECAYING = frozenset({"decay-length", "lifetime"})
_TITLES = {
    "decay-length": "mean decay length in flight", "lifetime": "mean lifetime in flight (dilated)", "lorentz-factor": "Lorentz factor γ",
    "speed": "speed", "momentum": "momentum", "energy": "total energy", "kinetic-energy": "kinetic energy",
    "wavelength": "de Broglie wavelength",
}  # fmt: skip


def in_flight(lookup: Quantities, wanted: Wanted) -> list[Row]:
    """A property of a particle of the given momentum, energy, kinetic energy, speed or Lorentz factor.

    Raises:
        Unanswerable: no mass or lifetime is known, or nothing moves so.
    """
    key, _, amount = wanted.qualifiers["given"].partition(" ")
    if set(wanted.thing.names) == {"gamma"}:
        return [_of_light(wanted.property, key, amount)]
    masses = lookup.single(replace(wanted, property="mass", qualifiers={}))
    if key != "bare-energy":
        return [_moving(lookup, wanted.property, _state(wanted, mass), mass, key, amount) for mass in masses]
    found = []
    for mass in masses:  # 'a 1 GeV proton': of the total energy, and of the kinetic one where that differs
        readings = ["energy", "kinetic-energy"]
        number, _, unit = amount.partition(" ")
        energy = algebra.convert(Measured(float(number), unit), "eV").value
        own = algebra.convert(mass.number, "eV").value
        kept = readings[1:] if energy <= own else readings[:1] if energy > _FAR_ABOVE * own else readings
        found += [
            _moving(lookup, wanted.property, _state(wanted, mass), mass, one, amount)
            for one in kept
            if one != wanted.property
        ]
    return found


_FAR_ABOVE = 100  # from this multiple of its mass on a particle has its energy from motion


def _of_light(name: str, key: str, amount: str) -> Row:
    """Energy, momentum or wavelength of a photon.

    Raises:
        Unanswerable: a photon has no such property.
    """
    number, _, written = amount.partition(" ")
    unit = "m" if key == "wavelength" else "eV"
    given = algebra.convert(
        Measured(float(number), written, exact=True), unit, what=_TITLES.get(key, "energy")
    )
    kinds = {"wavelength": "m", "energy": "eV", "kinetic-energy": "eV", "momentum": "eV"}
    if name not in kinds or key not in (*kinds, "bare-energy"):
        raise Unanswerable(f"a photon has no {_TITLES[name]} that depends on this")
    value = given
    if kinds[name] != unit:
        value = Measured(2 * math.pi * _HBAR_C / given.value, kinds[name])
    derivation = Derivation("E = p = 2πħc/λ", ("ħc = 197.3269804 MeV fm (CODATA, exact)",))
    what = f"{_TITLES[name].replace('de Broglie ', '')} of a photon of {number} {written}"
    return Row(what, value, rounding.text(value), (), "gamma", name, derivation)


def _state(wanted: Wanted, mass: Row) -> str:
    """What moves: the K_S has the mass of the K0 and a lifetime of its own."""
    names = wanted.thing.names
    return mass.subject if mass.subject in names or len(names) > 1 else names[0]


def _moving(lookup: Quantities, name: str, state: str, mass: Row, key: str, amount: str) -> Row:
    """A quantity of a moving particle, such as its decay length in m, from its mass and a given momentum, energy or boost."""
    own, letter, boost = _BOOSTS[key]
    number, _, written = amount.partition(" ")
    given = algebra.convert(Measured(float(number), written), own, what=_TITLES.get(key, key)).value
    unit, formula, value = _IN_FLIGHT[name]
    inputs = [mass]
    if name in _DECAYING:
        inputs += lookup.single(rows.of_one(state, "lifetime"))[:1]

    def computed(m: float, t: float = 0.0) -> float:
        """The value from the mass m and the lifetime t, in the units of the formula."""
        return value(_boost(boost, given, m), m, t)

    said = f"{letter} = {number} {written}".rstrip()
    what = f"{_TITLES[name]} of the {rows.named(state)} at {said}"
    constants = (said, *(() if unit != "m" else (_LIGHT,)))
    row = _row(what, unit, Derivation(formula, constants), computed, inputs, name)
    if name != "speed":
        return row
    return _near_light(row, _boost(boost, given, algebra.convert(mass.number, "eV").value))


def _boost(boost: Callable[[float, float], float], given: float, mass: float) -> float:
    try:
        found = boost(given, mass)
    except (ValueError, ZeroDivisionError):
        raise Unanswerable("no particle of this mass has such an energy or speed") from None
    if not found > 0:
        raise Unanswerable("a particle at rest has no momentum")
    return found


def _near_light(row: Row, boost: float) -> Row:
    """The speed with what it lacks to that of light, where the digits do not show it."""
    below = 1 / (math.hypot(1, boost) * (math.hypot(1, boost) + boost))
    return row if below > 1e-4 else replace(row, shown=f"(1 − {below:.3g}) c".replace("e-0", "e-"))


# ---- products of a decay at rest -----------------------------------------------------------------


def emitted(lookup: Quantities, wanted: Wanted) -> list[Row]:
    """Momentum, energy, kinetic energy or speed of a product of a two-body decay at rest, or the most it has among several.

    Raises:
        Unanswerable: it is not clear of which product, the products are too heavy, or their momenta vary.
    """
    assert wanted.channel is not None  # noqa: S101  # the caller looked
    state, names = definite(wanted.thing.names, wanted.channel)
    chosen = _chosen(wanted, names)
    most = wanted.qualifiers.get("given") == "most"
    if len(names) != 2 and not most:
        raise Unanswerable(
            f"the products of {_decay(state, names)} share the energy in many ways; ask for the most that one of them can have"
        )
    found: dict[str, Row] = {}  # one for 'each pion'
    for place in chosen:
        row = _emitted(lookup, wanted.property, state, names, place)
        found.setdefault(row.shown, row)
    return list(found.values())


def _emitted(lookup: Quantities, name: str, state: str, names: Sequence[str], place: int) -> Row:
    """The row of one product, the others taken together."""
    others = [other for i, other in enumerate(names) if i != place]
    own = [] if is_massless(names[place]) else [lookup.mass(names[place])]
    recoil = [lookup.mass(other) for other in others if not is_massless(other)]
    unit, formula, value = _EMITTED[name]

    def computed(m: float, *masses: float) -> float:
        one = masses[0] if own else 0.0
        return value(_momentum(m, one, sum(masses[len(own) :])), one)

    second = " + ".join(f"m({pretty(other)})" for other in others)
    letters = f"M = m({pretty(state)}), m₁ = m({pretty(names[place])}), m₂ = {second}"
    note = () if len(own) + len(recoil) == len(names) else (_MASSLESS,)
    kind = f"{'largest ' if len(names) > 2 else ''}{_TITLES[name]}"
    what = f"{kind} of the {rows.named(names[place])} in {_decay(state, names)} at rest"
    derivation = Derivation(f"{formula}, {letters}", note)
    return _row(what, unit, derivation, computed, [lookup.mass(state), *own, *recoil], name)


_P = "p = √([M² − (m₁ + m₂)²] [M² − (m₁ − m₂)²]) / 2M"
_EMITTED: dict[str, tuple[str, str, Callable[[float, float], float]]] = {
    "momentum": ("eV", _P, lambda p, m: p),
    "energy": ("eV", "E₁ = (M² + m₁² − m₂²) / 2M", lambda p, m: math.hypot(p, m)),
    "kinetic-energy": ("eV", "E₁ − m₁ = [(M − m₁)² − m₂²] / 2M", lambda p, m: p * p / (math.hypot(p, m) + m)),
    "speed": ("c", f"v₁ = p / E₁, {_P}", lambda p, m: p / math.hypot(p, m)),
    "lorentz-factor": ("", f"γ₁ = E₁ / m₁, {_P}", lambda p, m: math.hypot(p, m) / m),
    "wavelength": ("m", f"2πħc/p, {_P}", lambda p, m: 2 * math.pi * _HBAR_C / p),
}  # fmt: skip


def _momentum(m: float, one: float, rest: float) -> float:
    if m <= one + rest:
        raise Unanswerable("the products are heavier than what decays")
    return math.sqrt((m * m - (one + rest) ** 2) * (m * m - (one - rest) ** 2)) / (2 * m)


def _chosen(wanted: Wanted, names: Sequence[str]) -> list[int]:
    """The places of the product meant; of a momentum in a decay to two any will do."""
    if wanted.other is not None:
        meant = set(wanted.other.names)
        found = [i for i, name in enumerate(names) if name in meant]
        if not found:
            raise Unanswerable(f"there is no {wanted.other.text} among the products")
        return found
    alike = len(set(names)) == 1 or (wanted.property == "momentum" and len(names) == 2)
    return [0] if alike else list(range(len(names)))


def _decay(state: str, names: Sequence[str]) -> str:
    return f"{pretty(state)} → {' '.join(map(pretty, names))}"


# ---- thresholds ----------------------------------------------------------------------------------


def threshold(lookup: Quantities, wanted: Wanted) -> list[Row]:
    """The least energy at which two particles make the products: in their centre of mass, or of a beam on a target at rest.

    Raises:
        Unanswerable: a mass is not known, or the reaction has no threshold.
    """
    assert wanted.channel is not None  # noqa: S101  # the caller looked
    beam, target = wanted.thing.names
    names = [name[0] for name in wanted.channel.products]
    heavy = [name for name in names if not is_massless(name)]
    products = [lookup.mass(name) for name in heavy]
    sides = [] if is_massless(beam) else [lookup.mass(beam)]
    at_rest = lookup.mass(target)
    reaction = f"{pretty(beam)} {pretty(target)} → {' '.join(map(pretty, names))}"
    total = " + ".join(f"m({pretty(name)})" for name in heavy)
    if wanted.property == "threshold-cm":
        name = f"threshold of the centre-of-mass energy √s of {reaction}"
        return [_row(name, "eV", Derivation(f"√s = {total}"), lambda *m: sum(m), products, "energy")]
    start = len(products)

    def kinetic(*m: float) -> float:
        out, own, rest = sum(m[:start]), sum(m[start + 1 :]), m[start]
        if out <= own + rest:
            raise Unanswerable(f"{reaction} has no threshold: its products are not heavier")
        return (out * out - (own + rest) ** 2) / (2 * rest)

    def momentum(*m: float) -> float:
        return math.sqrt(kinetic(*m) * (kinetic(*m) + 2 * sum(m[start + 1 :])))

    formulas: dict[str, tuple[str, Callable[..., float]]] = {
        "kinetic-energy": ("[(Σm)² − (m_a + m_b)²] / 2m_b", kinetic),
        "energy": ("[(Σm)² − m_a² − m_b²] / 2m_b", lambda *m: kinetic(*m) + sum(m[start + 1 :])),
        "momentum": ("√(E² − m_a²), E = [(Σm)² − m_a² − m_b²] / 2m_b", momentum),
    }
    kinds = [wanted.property.removeprefix("threshold-")]
    if kinds == ["energy"] and sides:
        kinds = ["kinetic-energy", "energy"]
    letters = f"Σm = {total}, a = {pretty(beam)}, b = {pretty(target)} at rest"
    found = []
    for kind in kinds:
        formula, value = formulas[kind]
        name = f"threshold {_TITLES[kind]} of the {rows.named(beam)} for {reaction}, {pretty(target)} at rest"
        inputs = [*products, at_rest, *sides]
        found.append(_row(name, "eV", Derivation(f"{formula}, {letters}"), value, inputs, kind))
    return found


# ---- wavelengths, what is left, conversions ------------------------------------------------------


def compton_wavelength(lookup: Quantities, wanted: Wanted) -> list[Row]:
    """The Compton wavelength h/(mc) of any particle, or ħ/(mc), the reduced one."""
    reduced = wanted.property.startswith("reduced")
    factor = _HBAR_C * (1 if reduced else 2 * math.pi)
    formula = Derivation(f"{'' if reduced else '2π'}ħc/m", ("ħc = 197.3269804 MeV fm (CODATA, exact)",))
    title = "reduced Compton wavelength" if reduced else "Compton wavelength"
    return [
        _row(
            f"{title} of the {rows.named(mass.subject)}", "m", formula, lambda m: factor / m, [mass], "wavelength"
        )
        for mass in lookup.single(replace(wanted, property="mass"))
    ]  # fmt: skip


def left_over(lookup: Quantities, wanted: Wanted) -> list[Row]:
    """The fraction of particles that is left, or has decayed: at rest after a time, in flight after a distance.

    Raises:
        Unanswerable: no lifetime is known, or nothing moves so.
    """
    motion, _, amount = wanted.qualifiers["given"].rpartition("; ")
    number, _, unit = amount.partition(" ")
    decayed = wanted.property == "fraction-decayed"
    verb = "has decayed" if decayed else "is left"
    found = []
    for one in lookup.single(
        replace(wanted, property="decay-length" if motion else "lifetime", qualifiers=_given(motion))
    ):
        ratio = float(number) * _LIVES.get(unit, 0.0)
        gone = algebra.convert(Measured(float(number), unit), one.number.unit).value if not ratio else 0.0

        def computed(x: float, gone: float = gone, ratio: float = ratio) -> float:
            """The share that has decayed or is left, from the lifetime or decay length x."""
            exponent = ratio or gone / x
            return -math.expm1(-exponent) if decayed else math.exp(-exponent)

        value = algebra.function([one.number], computed, "")
        power = "x/L" if motion else "t/τ"
        said = f"{power[0]} = {number} {unit}"
        formula = Derivation(
            f"1 − exp(−{power})" if decayed else f"exp(−{power})",
            (said,) if not motion else (said, "L as below"),
        )
        where = f"at {one.what.rpartition(' at ')[2]}" if motion else "at rest"
        name = f"fraction of {rows.named(one.subject)} {where} that {verb} after {number} {unit}"
        found.append(rows.computed(name, value, formula, [one], "fraction", one.subject))
    return found


_LIVES = {"lifetimes": 1.0, "half-lives": math.log(2)}


def _given(motion: str) -> dict[str, str]:
    return {"given": motion} if motion else {}


def conversion_of(_: Quantities, wanted: Wanted) -> list[Row]:
    """An amount in another unit, where ħ = c = 1 if its dimension needs that; the lifetime of a width and the other way round.

    Raises:
        Unanswerable: the units do not fit.
    """
    number, given = wanted.thing.names[0].removeprefix("amount:").split(" ", 1)
    amount, unit = Measured(float(number), given, exact=True), wanted.qualifiers["unit"]
    if unit in ("width", "lifetime"):
        value, derivation = (algebra.width_of if unit == "width" else algebra.lifetime_of)(amount)
        what = f"{rows.title(unit)} of a particle with a {'lifetime' if unit == 'width' else 'width'} of {number} {given}"
        return [Row(what, value, rounding.text(value), (), "", unit, derivation)]
    value, said = _in_unit(amount, unit)
    derivation = Derivation("units of the SI and of CODATA 2022", said)
    what = f"amount {number} {given} in {value.unit or unit}"
    return [Row(what, value, rounding.text(value), (), "", "conversion", derivation)]


def _in_unit(amount: Measured, unit: str) -> tuple[Measured, tuple[str, ...]]:
    """An amount in another unit with what that assumes: E = kT of temperatures, E = hν of frequencies, else ħ = c = 1."""
    source, target = find_unit(amount.unit), find_unit(unit)
    if source is None or target is None or conversion(source, target) is not None:
        return algebra.convert(amount, unit, what="amount"), ()
    if {source.dimension, target.dimension} == {"energy", "temperature"}:
        own, other, factor = (
            ("eV", "K", 1 / _BOLTZMANN) if source.dimension == "energy" else ("K", "eV", _BOLTZMANN)
        )
        between = Measured(algebra.convert(amount, own).value * factor, other, exact=True)
        return algebra.convert(between, unit), ("E = kT", "k = 8.617333262 × 10⁻⁵ eV/K (CODATA, exact)")
    value = algebra.convert(amount, f"{unit} in natural units", what="amount")
    for text, factor in ((target.text, 1 / (2 * math.pi)), (source.text, 2 * math.pi)):
        if text.endswith("Hz"):  # a frequency is E/h, and not E/ħ
            return algebra.multiple(value, factor), ("E = hν", "h = 2πħ")
    return value, ("ħ = c = 1", "ħc = 197.3269804 MeV fm")


_BOLTZMANN = 1.380649e-23 / 1.602176634e-19  # in eV/K, exact


def _row(
    what: str, unit: str, derivation: Derivation, value: Callable[..., float], inputs: Sequence[Row], property_name: str
) -> Row:  # fmt: skip
    """The row of a function of masses (in eV) and lifetimes (in s), in the unit of its first input where that is an energy."""
    base = [algebra.convert(row.number, "s" if row.property_name == "lifetime" else "eV") for row in inputs]
    result = algebra.function(base, value, unit)
    shown = inputs[0].number.unit if unit == "eV" and find_unit(inputs[0].number.unit) else unit
    if unit == "eV":
        result = algebra.convert(result, shown)
    return rows.computed(what, result, derivation, list(inputs), property_name, inputs[0].subject)
