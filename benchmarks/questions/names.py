"""Writes a particle's name the ways people type it: PDG, ASCII, LaTeX, Unicode and English."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

STYLES = ("ascii", "latex", "unicode", "english", "pdg")

_GREEK = {
    "alpha": "α", "gamma": "γ", "mu": "μ", "tau": "τ", "nu": "ν", "pi": "π", "eta": "η", "rho": "ρ", "omega": "ω",
    "phi": "φ", "chi": "χ", "psi": "ψ", "Upsilon": "Υ", "Lambda": "Λ", "Sigma": "Σ", "Xi": "Ξ", "Omega": "Ω",
    "Delta": "Δ", "lepton": "ℓ",
}  # fmt: skip
_NAME = re.compile(
    r"^(?P<base>J/psi|K(?=0[SL]$)|[A-Za-z]+?)(?P<bar>bar)?(?P<sub>_[A-Za-z0-9]+)?(?P<sup>\^[*'])?"
    r"(?:\((?P<paren>[^)]*)\))?(?P<charge>0|\+\+|--|\+-|-\+|\+|-)?(?P<kind>[SL])?$"
)
_SUPERSCRIPT = str.maketrans("0+-", "⁰⁺⁻")

# Whole names that everybody types another way than the PDG; the first of each list is the plainest.
ASCII = {
    "K(S)0": ["K_S0", "KS0", "K_S", "K0S", "K_S^0"],
    "K(L)0": ["K_L0", "KL", "K_L", "K0L", "K_L^0"],
    "J/psi(1S)": ["J/psi", "Jpsi", "J/Psi", "J/psi(1S)"],
    "B_s()0": ["Bs0", "B_s0", "Bs", "B_s^0", "B_s"],
    "B_c()+": ["Bc+", "B_c+", "B_c^+"],
    "D_s()+": ["Ds+", "D_s+", "D_s^+"],
    "Lambda_c()+": ["Lambda_c+", "Lambdac+", "Lambda_c^+", "Lc+"],
    "Lambda_b()0": ["Lambda_b0", "Lambdab", "Lambda_b^0", "Lambda_b"],
    "eta^'(958)": ["eta'", "eta'(958)", "etaprime", "eta'"],
    "psi(2S)": ["psi(2S)", "psi'", "psi(3686)", "Psi(2S)"],
    "Upsilon(1S)": ["Upsilon(1S)", "Y(1S)", "Ups(1S)"],
    "Upsilon(2S)": ["Upsilon(2S)", "Y(2S)"],
    "Upsilon(4S)": ["Upsilon(4S)", "Y(4S)"],
    "chi_c1(3872)": ["chi_c1(3872)", "X(3872)"],
    "psi(4230)": ["psi(4230)", "Y(4230)"],
    "psi(4360)": ["psi(4360)", "Y(4360)"],
    "psi(4660)": ["psi(4660)", "Y(4660)"],
    "chi_c1(4140)": ["chi_c1(4140)", "X(4140)"],
    "T_c_cbar_1(3900)": ["Zc(3900)", "Z_c(3900)"],
    "T_c_cbar(4020)": ["X(4020)"],
    "T_c_cbar_1(4430)+": ["Z_c(4430)", "Zc(4430)+"],
    "T_b_bbar_1(10610)+": ["Z_b(10610)+", "Zb(10610)+"],
    "T_b_bbar_1(10650)+": ["Z_b(10650)", "Zb(10650)"],
    "P_c_cbar(4440)+": ["Pc(4440)+", "P_c(4440)+"],
    "P_c_cbar(4457)+": ["P_c(4457)+", "Pc(4457)"],
    "T_c_c_cbar_cbar(6900)0": ["X(6900)"],
    "T_c_c(3875)+": ["Tcc+", "T_cc(3875)+"],
    "f_0(500)": ["f_0(500)", "f0(500)"],
    "f_0(980)": ["f_0(980)", "f0(980)"],
    "f_2(1270)": ["f_2(1270)", "f2(1270)"],
    "a_1(1260)": ["a_1(1260)", "a1(1260)"],
    "D^*(2010)+": ["D*+", "D*(2010)+"],
    "D^*(2007)0": ["D*0", "D*(2007)0"],
    "D_s^*()+": ["D_s*+", "Ds*+"],
    "K^*(892)0": ["K*0", "K*(892)0"],
    "K^*(892)+": ["K*+", "K*(892)+"],
    "Kbar^*(892)0": ["Kbar*0", "Kbar*(892)0"],
    "K0S": ["K_S0", "KS"],
    "K0L": ["K_L0", "KL"],
    "D_s0^*(2317)+": ["D_s0*(2317)+", "Ds0*(2317)"],
    "chi_c0(1P)": ["chi_c0(1P)", "chi_c0"],
    "chi_c1(1P)": ["chi_c1(1P)", "chi_c1"],
    "chi_c2(1P)": ["chi_c2(1P)", "chi_c2"],
    "h_c(1P)": ["h_c(1P)", "h_c", "hc(1P)"],
    "eta_c(1S)": ["eta_c(1S)", "eta_c", "etac"],
    "eta_b(1S)": ["eta_b(1S)", "eta_b", "etab(1S)"],
    "tau-": ["tau", "tau-", "tau"],
    "mu-": ["mu", "mu-", "mu"],
    "Xi_cc()++": ["Xi_cc++", "Xicc++"],
    "T_b_bbar_1(10610)0": ["Z_b(10610)0", "Zb(10610)0"],
    "T_b_bbar_1(10650)": ["Z_b(10650)", "Zb(10650)"],
    **{quark: [f"{quark} quark", f"{quark}-quark"] for quark in "udscbt"},
}
LATEX = {
    "K(S)0": ["K_S^0", "K^0_S", r"K^0_{\mathrm{S}}"],
    "K(L)0": ["K_L^0", "K^0_L"],
    "K0S": ["K_S^0", "K^0_{S}"],
    "K0L": ["K_L^0", "K^0_L"],
    "J/psi(1S)": [r"J/\psi", r"J\!/\!\psi"],
    "B_s()0": ["B_s^0", "B^0_s"],
    "D^*(2010)+": ["D^{*+}", "D^{*}(2010)^{+}"],
    "D^*(2007)0": ["D^{*0}", "D^*(2007)^0"],
    "K^*(892)0": ["K^{*0}", "K^{*}(892)^0"],
    "Kbar^*(892)0": [r"\bar{K}^{*0}", r"\overline{K}{}^{*}(892)^0"],
    "eta^'(958)": [r"\eta'", r"\eta^\prime", r"\eta'(958)"],
    "T_c_cbar_1(3900)": ["Z_c(3900)"],
    "T_c_cbar(4020)": ["X(4020)"],
    "T_c_cbar_1(4430)+": ["Z_c(4430)^+"],
    "T_b_bbar_1(10610)+": ["Z_b(10610)^+"],
    "T_b_bbar_1(10650)+": ["Z_b(10650)"],
    "T_b_bbar_1(10610)0": ["Z_b(10610)^0"],
    "T_b_bbar_1(10650)": ["Z_b(10650)"],
    "P_c_cbar(4440)+": ["P_c(4440)^+"],
    "P_c_cbar(4457)+": ["P_c(4457)^+"],
    "T_c_c_cbar_cbar(6900)0": ["X(6900)"],
    "T_c_c(3875)+": ["T_{cc}^{+}", "T_{cc}(3875)^+"],
    "Xi_cc()++": [r"\Xi_{cc}^{++}"],
    "tau-": [r"\tau", r"\tau^-"],
    "mu-": [r"\mu", r"\mu^-"],
}
UNICODE = {
    "K(S)0": ["K⁰_S", "K_S⁰", "Kₛ⁰"],
    "K(L)0": ["K⁰_L", "K_L⁰"],
    "K0S": ["K⁰_S", "K_S⁰"],
    "K0L": ["K⁰_L"],
    "J/psi(1S)": ["J/ψ", "J/Ψ"],
    "B_s()0": ["B⁰_s", "B_s⁰", "Bₛ⁰"],
    "D^*(2010)+": ["D*⁺", "D*(2010)⁺"],
    "D^*(2007)0": ["D*⁰"],
    "K^*(892)0": ["K*⁰", "K*(892)⁰"],
    "Kbar^*(892)0": ["K̄*⁰"],
    "eta^'(958)": ["η′", "η'", "η′(958)"],
    "T_c_cbar_1(3900)": ["Z_c(3900)"],
    "T_c_cbar(4020)": ["X(4020)"],
    "T_c_cbar_1(4430)+": ["Z_c(4430)⁺"],
    "T_b_bbar_1(10610)+": ["Z_b(10610)⁺"],
    "T_b_bbar_1(10650)+": ["Z_b(10650)"],
    "T_b_bbar_1(10610)0": ["Z_b(10610)⁰"],
    "T_b_bbar_1(10650)": ["Z_b(10650)"],
    "P_c_cbar(4440)+": ["P_c(4440)⁺"],
    "P_c_cbar(4457)+": ["P_c(4457)⁺"],
    "T_c_c_cbar_cbar(6900)0": ["X(6900)"],
    "T_c_c(3875)+": ["T_cc⁺"],
    "tau-": ["τ", "τ⁻"],
    "mu-": ["μ", "μ⁻"],
    "Lambda_c()+": ["Λ_c⁺", "Λc⁺"],
    "Lambda_b()0": ["Λ_b⁰", "Λb⁰"],
}
ENGLISH = {
    "e-": ["electron"], "mu-": ["muon"], "tau-": ["tau lepton", "tau"], "W": ["W boson"], "W+": ["W boson"],
    "Z": ["Z boson"], "H": ["Higgs boson", "Higgs"], "gamma": ["photon"], "graviton": ["graviton"],
    "u": ["up quark"], "d": ["down quark"], "s": ["strange quark"], "c": ["charm quark"],
    "b": ["bottom quark", "b quark"], "t": ["top quark", "top"], "pi+": ["charged pion"],
    "pi0": ["neutral pion", "pi zero"], "K+": ["charged kaon", "K plus"], "K0": ["neutral kaon"],
    "K(S)0": ["K short", "K-short", "short-lived kaon"], "K(L)0": ["K long", "K-long", "long-lived kaon"],
    "eta": ["eta meson"], "eta^'(958)": ["eta prime meson", "eta prime"], "rho(770)": ["rho meson"],
    "omega(782)": ["omega meson"], "phi(1020)": ["phi meson"], "p": ["proton"], "n": ["neutron"],
    "Lambda": ["Lambda hyperon", "Lambda baryon"], "Sigma+": ["Sigma plus"],
    "Sigma0": ["Sigma zero", "neutral Sigma baryon"], "Sigma-": ["Sigma minus"],
    "Xi0": ["Xi zero", "neutral cascade baryon"], "Xi-": ["Xi minus", "cascade minus"],
    "Omega-": ["Omega minus", "Omega minus hyperon"], "D+": ["charged D meson", "D plus"],
    "D0": ["neutral D meson", "D zero"], "D_s()+": ["charmed strange meson D_s", "Ds meson"],
    "B+": ["charged B meson", "B plus"], "B0": ["neutral B meson", "B zero"],
    "B_s()0": ["strange B meson", "B_s meson"], "B_c()+": ["charmed B meson", "B_c meson"],
    "Lambda_c()+": ["charmed Lambda baryon", "Lambda c plus"],
    "Lambda_b()0": ["bottom Lambda baryon", "Lambda b"], "Xi_cc()++": ["doubly charmed Xi_cc++ baryon"],
    "J/psi(1S)": ["J/psi meson", "J psi"], "psi(2S)": ["psi prime", "psi 2S"], "Upsilon(1S)": ["Upsilon 1S"],
    "Upsilon(2S)": ["Upsilon 2S"], "Upsilon(3S)": ["Upsilon 3S"], "Upsilon(4S)": ["Upsilon 4S"],
    "Delta(1232)": ["Delta(1232) resonance"], "N(1440)": ["Roper resonance"], "f_0(500)": ["sigma meson"],
    "K_0^*(700)": ["kappa meson"], "D^*(2010)+": ["charged D star", "D star plus"],
    "D^*(2007)0": ["neutral D star"], "eta_c(1S)": ["eta_c(1S) meson"], "eta_b(1S)": ["eta_b(1S) meson"],
    "B^*": ["B star meson"], "B_s^*": ["B_s star meson"],
}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """What is asked about: the PDG's own name and the noun an English speaker adds to a bare symbol."""

    name: str
    noun: str = "particle"

    def write(self, style: str, rng: random.Random) -> str:
        """The name in one style; LaTeX without dollar signs."""
        if style == "pdg":
            return self.name
        table = {"ascii": ASCII, "latex": LATEX, "unicode": UNICODE, "english": ENGLISH}[style]
        if self.name in table:
            return rng.choice(table[self.name])
        if style == "english":
            symbol = ASCII[self.name][0] if self.name in ASCII else write_symbol(self.name, "ascii")
            return f"{symbol} {self.noun}"
        return write_symbol(self.name, style, rng)


def write_symbol(name: str, style: str, rng: random.Random | None = None) -> str:
    """A PDG symbol by rule, e.g. D_s^*()+ -> D_s*+, D_{s}^{*+}, D_s*⁺.

    Raises:
        ValueError: the name has a part the rule does not know.
    """
    if style == "pdg":
        return name
    match = _NAME.match(name)
    if match is None:
        raise ValueError(f"no rule writes the name {name!r}")
    part = {key: value or "" for key, value in match.groupdict().items()}
    part["sub"] = part["sub"].replace("_lepton", "_l")
    if name in ("K0S", "K0L"):
        part["sub"] = "_" + part["kind"]
    star = part["sup"].removeprefix("^")
    paren = f"({part['paren']})" if part["paren"] else ""
    if style == "ascii":
        part["base"] = part["base"].replace("lepton", "l")
        return part["base"] + part["bar"] + part["sub"] + star + paren + part["charge"]
    if style == "unicode":
        base = "J/ψ" if part["base"] == "J/psi" else _GREEK.get(part["base"], part["base"])
        bar = "\u0304" if part["bar"] else ""
        charge = {"+-": "±", "-+": "∓"}.get(part["charge"], part["charge"].translate(_SUPERSCRIPT))
        sub = part["sub"] and "_" + _GREEK.get(part["sub"][1:], part["sub"][1:])
        return base + bar + sub + star.replace("'", "′") + paren + charge
    return _latex(part, star, paren)


def _latex(part: dict[str, str], star: str, paren: str) -> str:
    """The LaTeX form of a name taken apart."""
    base = r"J/\psi" if part["base"] == "J/psi" else part["base"]
    if base == "lepton":
        base = r"\ell"
    elif base in _GREEK:
        base = "\\" + base
    if part["bar"]:
        base = rf"\bar{{{base}}}"
    sub = part["sub"].removeprefix("_")
    if sub:
        inner = "\\" + sub if sub in _GREEK else sub
        base += f"_{{{inner}}}" if len(inner) > 1 else f"_{inner}"
    charge = {"+-": r"\pm", "-+": r"\mp"}.get(part["charge"], part["charge"])
    prime = "'" if star == "'" else ""
    raised = ("*" if star == "*" else "") + ("" if paren else charge)
    base += prime + (f"^{{{raised}}}" if len(raised) > 1 else f"^{raised}" if raised else "")
    return base + paren + (f"^{{{charge}}}" if paren and charge else "")


# Names inside decays that a person shortens: nobody writes D*(2010)- in a hurry.
SHORT = {
    "rho(770)+": "rho+", "rho(770)-": "rho-", "rho(770)0": "rho0", "rho(770)": "rho", "omega(782)": "omega",
    "phi(1020)": "phi", "J/psi(1S)": "J/psi", "eta^'(958)": "eta^'", "eta^'()": "eta^'", "K^*(892)+": "K^*+",
    "K^*(892)-": "K^*-", "K^*(892)0": "K^*0", "Kbar^*(892)0": "Kbar^*0", "K^*(892)": "K^*", "D^*(2010)+": "D^*+",
    "D^*(2010)-": "D^*-", "D^*(2007)0": "D^*0", "Dbar^*(2007)0": "Dbar^*0", "D^*()-": "D^*-", "D^*()+": "D^*+",
    "eta_c(1S)": "eta_c", "D_s()+": "D_s+", "D_s()-": "D_s-", "Lambda_c()+": "Lambda_c+", "D_s^*()+": "D_s^*+",
    "D_s^*()-": "D_s^*-", "Lambda_b()0": "Lambda_b0", "B_s()0": "B_s0",
}  # fmt: skip


def write_product(name: str, count: int, style: str, rng: random.Random, kaon: int) -> str:
    """`count` times one decay product; `kaon` says which spelling K short has all through the decay."""
    name = SHORT[name] if name in SHORT and (style != "pdg" and rng.random() < 0.7) else name
    if style == "ascii" and name in ("K0S", "K0L"):
        symbol = ASCII[name][kaon]
    elif style == "latex" and name in ("K0S", "K0L"):
        symbol = LATEX[name][0]
    elif style == "unicode" and name in ("K0S", "K0L"):
        symbol = UNICODE[name][0]
    elif name in ("invisible", "hadrons"):
        symbol = rf"\text{{{name}}}" if style == "latex" else name
    else:
        symbol = write_symbol(name, style)
    if count == 1:
        return symbol
    gap = r"\," if style == "latex" else " "
    return gap.join([symbol] * count) if count == 2 and rng.random() < 0.7 else f"{count}{symbol}"
