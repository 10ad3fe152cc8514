"""Facts of each charge state, antiparticles apart: charge, quantum numbers, quark content, classes, Monte Carlo number."""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.sources.pdg.flavour import Flavour, flavour

_NOT_KNOWN = "not known"
_QUANTUM_NUMBERS = {
    "quantum_i": "isospin", "quantum_g": "g-parity", "quantum_j": "spin", "quantum_p": "parity", "quantum_c": "c-parity",
}  # fmt: skip
_FAMILIES = {
    "Q": ("quark", "fermion", "elementary particle"), "L": ("lepton", "fermion", "elementary particle"),
    "G": ("boson", "elementary particle"), "M": ("meson", "hadron", "boson"), "B": ("baryon", "hadron", "fermion"),
}  # fmt: skip
_GAUGE = {"gamma", "g", "W+", "W-", "Z0"}
# By spin and parity (PDG review Quark Model, table 15.1).
_MESONS = {
    ("0", "-"): "pseudoscalar meson", ("0", "+"): "scalar meson", ("1", "-"): "vector meson", ("1", "+"): "axial vector meson",
    ("2", "+"): "tensor meson", ("2", "-"): "pseudotensor meson",
}  # fmt: skip
_HEAVY = {"c": "charmed", "b": "bottom"}
_BARYONS = {
    "Delta": "Delta baryon",
    "Lambda": "Lambda baryon",
    "Sigma": "Sigma baryon",
    "Xi": "Xi baryon",
    "Omega": "Omega baryon",
}
_MESON_NAMES = {"pi": "pion", "K": "kaon", "D": "D meson", "B": "B meson"}


def state_facts(state: Mapping[str, Any], kind: str, edition: str) -> Iterator[Fact]:
    """All facts of one charge state.

    Args:
        state: a row of the table pdgparticle.
        kind: the PDG's class of it: 'G' gauge or Higgs boson, 'L' lepton, 'Q' quark, 'M' meson, 'B' baryon.
        edition: of the Review.
    """

    def fact(
        prop: str,
        value: float | None = None,
        words: str = "",
        *,
        name: str = "",
        printed: str = "",
        unit: str = "",
    ) -> Fact:
        """A fact of the state."""
        shown = printed or words or f"{value:.12g}".replace("-", "−")
        return Fact(
            state["pdgid"], (state["name"],), prop, name or prop, value, words, unit=unit, preferred=True, edition=edition,
            printed=shown,
        )  # fmt: skip

    charge = round(3 * state["charge"]) / 3
    made_of = flavour(state["name"], kind, charge, is_antiparticle=state["cc_type"] == "A")
    yield fact("charge", charge, unit="e", printed=charge_text(charge))
    for column, prop in _QUANTUM_NUMBERS.items():
        if state[column] is not None:
            yield fact(prop, *_quantum_number(state[column]))
    yield fact("quantum-numbers", None, _together(state))
    for prop, number in additive_numbers(state["name"], kind, charge, made_of).items():
        yield fact(prop, number)
    third = _isospin_3(state, charge, made_of)
    if third is not None:
        yield fact("isospin-3", third, printed=str(Fraction(third).limit_denominator(2)).replace("-", "−"))
    if made_of and made_of.contents:
        yield fact("quark-content", None, made_of.words)
    if kind in _FAMILIES:
        yield fact("antiparticle", None, particle_table().particles[state["name"]].conjugate)
    for name in classes(state, kind, made_of):
        yield fact("class", None, name, name=name)
    if state["mcid"] is not None:
        yield fact("monte-carlo-number", state["mcid"], name=str(state["mcid"]))
    yield fact("pdg-identifier", None, state["pdgid"], name=state["pdgid"])


def charge_text(charge: float | None) -> str:
    """The charge as text: '+2/3 e', '−1 e', '0'."""
    if charge is None:
        return "unknown"
    thirds = round(charge * 3)
    sign = "−" if thirds < 0 else "+" if thirds else ""
    size = f"{abs(thirds)}/3" if thirds % 3 else str(abs(thirds) // 3)
    return f"{sign}{size}" + (" e" if thirds else "")


def _quantum_number(text: str) -> tuple[float | None, str]:
    """The value of a column, or words where it is no one number: '?', '0,1', '>=5/2', '2++ or 4'."""
    if text in ("+", "-"):
        return (1.0 if text == "+" else -1.0), ""
    if re.fullmatch(r"\d+(/2)?", text):
        return float(Fraction(text)), text if "/" in text else ""
    return None, _NOT_KNOWN if text == "?" else text.replace(">=", "≥").replace(",", " or ")


def _together(state: Mapping[str, Any]) -> str:
    """'1^-(0^-)' as the Review heads its Listings: I^G(J^PC), without what a particle does not have."""
    shown = {column: (state[column] or "").replace(",", " or ") for column in _QUANTUM_NUMBERS}
    spin = shown["quantum_j"] + (f"^{shown['quantum_p']}{shown['quantum_c']}" if shown["quantum_p"] else "")
    isospin = shown["quantum_i"] + (f"^{shown['quantum_g']}" if shown["quantum_g"] else "")
    return f"{isospin}({spin})" if isospin else f"J = {spin}" if spin else _NOT_KNOWN


def additive_numbers(name: str, kind: str, charge: float, made_of: Flavour | None) -> dict[str, float]:
    """Baryon and lepton number and the flavours; none of a name that the PDG gives to something unknown."""
    if kind not in _FAMILIES:
        return {}
    flavours = dict.fromkeys(("strangeness", "charm", "bottomness", "topness"), 0.0)
    if name in ("K(S)0", "K(L)0"):  # superpositions of strangeness +1 and -1
        del flavours["strangeness"]
    baryon = 0.0
    if made_of:
        flavours |= {k: float(v) for k, v in made_of.numbers.items() if k in flavours}
        baryon = made_of.quark_excess / 3
    lepton = 0.0
    if kind == "L":
        is_antiparticle = name.startswith("nubar") or charge > 0
        lepton = -1.0 if is_antiparticle else 1.0
    return {"baryon-number": baryon, "lepton-number": lepton, **flavours}


def _isospin_3(state: Mapping[str, Any], charge: float, made_of: Flavour | None) -> float | None:
    """Q = I₃ + (B + S + C + B' + T)/2 (PDG review Quark Model, eq. 15.1); None if it exceeds the isospin that the PDG gives."""
    if made_of is None:
        return None
    third = round(2 * charge - made_of.quark_excess / 3 - sum(made_of.numbers.values())) / 2
    isospin = _quantum_number(state["quantum_i"] or "?")[0]
    return None if isospin is not None and abs(third) > isospin else third


def classes(state: Mapping[str, Any], kind: str, made_of: Flavour | None) -> Iterator[str]:
    """Every class that a state belongs to, widest first."""
    name = state["name"]
    if kind not in _FAMILIES:
        return
    yield from _FAMILIES[kind]
    if kind == "G":
        yield "gauge boson" if name in _GAUGE else "Higgs boson"
    elif kind == "L":
        yield "neutrino" if name.startswith("nu") else "charged lepton"
        if name.startswith("nubar"):
            yield "antineutrino"
    elif kind == "M":
        yield from _meson_classes(state, made_of)
    elif kind == "B":
        yield from _baryon_classes(name, made_of)
    if state["cc_type"] == "A":
        yield "antiparticle"


def _meson_classes(state: Mapping[str, Any], made_of: Flavour | None) -> Iterator[str]:
    """The classes of a meson, by its quantum numbers, its quarks and its name."""
    name, numbers = state["name"], dict(made_of.numbers) if made_of else {}
    if kind := _MESONS.get((state["quantum_j"], state["quantum_p"])):
        yield kind
    if name.startswith("T_"):
        yield "tetraquark"
    hidden = {quark for content in (made_of.contents if made_of else ()) for quark in content}
    if {"c", "c~"} <= hidden and not name.startswith("T_"):
        yield "charmonium"
        yield "quarkonium"
    elif {"b", "b~"} <= hidden and not name.startswith("T_"):
        yield "bottomonium"
        yield "quarkonium"
    if made_of is None or numbers.get("strangeness"):
        yield "strange meson"
    if numbers.get("charm"):
        yield "charmed meson"
    if numbers.get("bottomness"):
        yield "bottom meson"
    if made_of and not any(numbers.values()) and not {"c", "b"} & hidden:
        yield "light unflavoured meson"
    letter = re.match(r"[A-Za-z]+?(?=bar|[^A-Za-z]|$)", name)
    if (
        letter
        and letter[0] in _MESON_NAMES
        and not re.search(r"[\^(*]|_[^S L]", name.replace("K(S)0", "K").replace("K(L)0", "K"))
    ):
        yield _MESON_NAMES[letter[0]]


def _baryon_classes(name: str, made_of: Flavour | None) -> Iterator[str]:
    """The classes of a baryon, by its name and its quarks."""
    numbers = made_of.numbers if made_of else {}
    if name in ("p", "n", "pbar", "nbar"):
        yield "nucleon"
    if name.startswith("P_"):
        yield "pentaquark"
    for base, title in _BARYONS.items():
        if name.startswith(base):
            yield title
    quarks = [q[0] for q in made_of.contents[0]] if made_of and made_of.contents else []
    for quark, title in _HEAVY.items():
        if quark in quarks:
            yield f"{title} baryon"
    if quarks.count("c") > 1 and not name.startswith("P_"):
        yield "doubly charmed baryon"
    if numbers.get("strangeness"):
        yield "strange baryon"
        if not numbers["charm"] and not numbers["bottomness"] and not name.startswith("P_"):
            yield "hyperon"
    if name.split("bar")[0].split("(")[0] == "N":
        yield "nucleon resonance"
