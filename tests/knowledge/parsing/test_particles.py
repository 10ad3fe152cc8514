"""Particle names in every notation lead to the same particle, and names that are not there to none."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing import Mention, find_particles, particle_table, plain_ascii
from yukawa.knowledge.sources.pdg.text import plain, pretty

NAMES = sorted(particle_table().particles)
NOTATIONS: dict[str, Callable[[str], str]] = {
    "pdg": str,
    "ascii": plain,
    "unicode": pretty,
    "spaced": lambda name: f"  {name} ",
    "html": lambda name: re.sub(r"([+-]{1,2}|0)$", r"<sup>\1</sup>", name).replace("-", "&minus;"),
}

# A row: how people write one thing, what the PDG calls it. Every spelling of a row must be read alike.
SPELLINGS = [
    (r"J/psi | Jpsi | J/ψ | $J/\psi$ | J/psi(1S) | J/ψ(1S) | J/\psi | J/psi meson", "J/psi(1S)"),
    (r"B_s^0 | Bs0 | $B^0_s$ | B_s⁰ | $B_s^0$ | $B_{s}^{0}$ | B_s0 | B⁰_s | Bₛ⁰ | B_s()0", "B_s()0"),
    (r"K short | K_S^0 | K0S | $K_S^0$ | K_S⁰ | KS0 | K-short | K(S)0 | $K^0_S$ | K⁰_S | K^0_S | $K^{0}_{S}$", "K(S)0"),
    (r"K long | K_L^0 | K0L | $K_L^0$ | K_L⁰ | K-long | K(L)0 | $K^0_L$", "K(L)0"),
    (r"tau lepton | τ | tau | $\tau$ | tauon | τ lepton | \tau", "tau-"),
    (r"tau- | τ⁻ | $\tau^-$ | τ^- | tau^- | τ−", "tau-"),
    (r"muon | mu | μ | µ | $\mu$ | muons", "mu-"),
    (r"mu+ | μ⁺ | $\mu^+$ | antimuon | mu^+ | µ⁺", "mu+"),
    (r"electron | electrons | the electron", "e-"),
    (r"e- | e⁻ | $e^-$ | e^- | e^{-} | e−", "e-"),
    (r"positron | e+ | e⁺ | $e^+$ | e^{+} | positrons", "e+"),
    (r"photon | gamma | γ | $\gamma$ | photons | \gamma", "gamma"),
    (r"Higgs boson | Higgs | H | $H$ | H0 | H^0 | $H^0$ | the Higgs", "H"),
    (r"Z boson | Z | Z0 | Z^0 | Z⁰ | $Z^0$ | $Z$", "Z0"),
    (r"W+ | W⁺ | $W^+$ | W^+", "W+"),
    (r"gluon | gluons", "g"),
    (r"proton | p | p+ | $p$ | protons", "p"),
    (r"antiproton | pbar | p̄ | $\bar{p}$ | \bar p | anti-proton | $\overline{p}$", "pbar"),
    (r"neutron | n | $n$ | neutrons", "n"),
    (r"antineutron | nbar | n̄ | $\bar{n}$", "nbar"),
    (r"pi+ | π⁺ | $\pi^+$ | π^+ | pi^+ | pi plus | π+", "pi+"),
    (r"pi- | π⁻ | $\pi^-$ | pi^- | pi minus | π−", "pi-"),
    (r"pi0 | π⁰ | $\pi^0$ | π0 | pi^0 | pi zero | neutral pion", "pi0"),
    (r"pi+- | π± | $\pi^\pm$ | charged pion | pi± | $\pi^{\pm}$", "pi+"),
    (r"K+ | K⁺ | $K^+$ | K^+ | K plus", "K+"),
    (r"K0 | K⁰ | $K^0$ | K^0", "K0"),
    (r"Kbar0 | K̄⁰ | $\bar{K}^0$ | \bar{K}^0 | K̄0 | $\overline{K}^0$ | anti-K0", "Kbar0"),
    (r"charged kaon | K± | K+- | $K^\pm$", "K+"),
    (r"eta | η | $\eta$ | eta meson | η meson", "eta"),
    (r"eta' | η′ | $\eta'$ | eta'(958) | η'(958) | eta prime | η′(958) | $\eta^\prime$", "eta^'(958)0"),
    (r"phi | φ | ϕ | $\phi$ | phi(1020) | φ(1020) | $\phi(1020)$ | phi meson", "phi(1020)0"),
    (r"omega(782) | ω(782) | $\omega(782)$ | omega meson | ω meson", "omega(782)0"),
    (r"rho0 | ρ⁰ | $\rho^0$ | rho(770)0 | ρ(770)⁰ | $\rho(770)^0$", "rho(770)0"),
    (r"K*(892)0 | K*0 | $K^{*0}$ | K*⁰ | K^*(892)0 | K*(892)⁰ | $K^*(892)^0$ | K^{*0}", "K^*(892)0"),
    (r"Lambdabar_c()- | Lambda-cbar", "Lambdabar_c()-"),
    (r"Sigmabar_b^*()- | Sigma*-bbar", "Sigmabar_b^*()-"),
    (r"Lambda_c(2940) | Lambda_c(2940)+ | Λ_c(2940)⁺", "Lambda_c(2940)+"),
    (r"X(6900) | $X(6900)$ | T_c_c_cbar_cbar(6900)", "T_c_c_cbar_cbar(6900)0"),
    (r"Xi_b(6087) | Xi_b(6087)0 | Xib6087 | Ξ_b(6087)", "Xi_b(6087)0"),
    (r"f_0(980) | f0(980) | $f_0(980)$ | f₀(980)", "f_0(980)0"),
    (r"f_2(1270) | f2(1270) | $f_2(1270)$ | f₂(1270)", "f_2(1270)0"),
    (r"D+ | D⁺ | $D^+$ | D^+", "D+"),
    (r"D0 | D⁰ | $D^0$ | D^0", "D0"),
    (r"Dbar0 | D̄⁰ | $\bar{D}^0$ | $\overline{D}^0$ | anti-D0", "Dbar0"),
    (r"D_s+ | D_s⁺ | Ds+ | $D_s^+$ | D_s^+ | D⁺_s | $D^+_s$ | D_s()+", "D_s()+"),
    (r"D*0 | D*(2007)0 | D^{*0} | $D^{*0}$ | $D^*(2007)^0$ | D*(2007)⁰", "D^*(2007)0"),
    (r"D*+ | D*(2010)+ | $D^{*+}$ | D*⁺ | D*(2010)⁺", "D^*(2010)+"),
    (r"B+ | B⁺ | $B^+$ | B^+", "B+"),
    (r"B0 | B⁰ | $B^0$ | B^0", "B0"),
    (r"Bbar0 | B̄⁰ | $\bar{B}^0$ | $\overline{B}^0$ | anti-B0", "Bbar0"),
    (r"B_c+ | B_c⁺ | Bc+ | $B_c^+$ | B_c^+", "B_c()+"),
    (r"psi(2S) | ψ(2S) | $\psi(2S)$ | ψ(3686) | psi(3686) | psi' | ψ′", "psi(2S)"),
    (r"psi(3770) | ψ(3770) | $\psi(3770)$", "psi(3770)"),
    (r"Upsilon(1S) | Υ(1S) | $\Upsilon(1S)$ | ϒ(1S) | Upsilon", "Upsilon(1S)"),
    (r"Upsilon(4S) | Υ(4S) | $\Upsilon(4S)$", "Upsilon(4S)"),
    (r"chi_c1(1P) | χ_c1(1P) | $\chi_{c1}(1P)$ | chi_c1 | χ_c1 | $\chi_{c1}$ | χc1", "chi_c1(1P)"),
    (r"chi_c1(3872) | χ_c1(3872) | $\chi_{c1}(3872)$ | X(3872) | $X(3872)$", "chi_c1(3872)"),
    (r"eta_c | η_c | $\eta_c$ | eta_c(1S) | η_c(1S) | $\eta_c(1S)$", "eta_c(1S)"),
    (r"Lambda | Λ | $\Lambda$ | Lambda baryon | Lambda hyperon | Λ baryon", "Lambda0"),
    (r"Lambda_c+ | Λ_c⁺ | $\Lambda_c^+$ | Λ_c^+ | Lambda_c^+ | Λc+ | Λ⁺_c", "Lambda_c()+"),
    (r"Lambda_b0 | Λ_b⁰ | $\Lambda_b^0$ | Λ_b^0 | Λb0 | $\Lambda^0_b$", "Lambda_b()0"),
    (r"Sigma+ | Σ⁺ | $\Sigma^+$ | Sigma^+ | Sigma plus", "Sigma+"),
    (r"Sigma- | Σ⁻ | $\Sigma^-$ | Sigma^- | Sigma minus", "Sigma-"),
    (r"Xi- | Ξ⁻ | $\Xi^-$ | Xi^- | Xi minus", "Xi-"),
    (r"Xi0 | Ξ⁰ | $\Xi^0$ | Xi^0 | Xi zero", "Xi0"),
    (r"Omega- | Ω⁻ | $\Omega^-$ | Omega^-", "Omega-"),
    (r"Delta(1232)++ | Δ(1232)⁺⁺ | Δ⁺⁺ | $\Delta^{++}$ | Delta++ | $\Delta(1232)^{++}$", "Delta(1232)++"),
    (r"Xi_cc++ | Ξ_cc⁺⁺ | $\Xi_{cc}^{++}$ | Xi_cc^++", "Xi_cc()++"),
    (r"nu_e | ν_e | $\nu_e$ | electron neutrino | νₑ", "nu_e"),
    (r"nu_mu | ν_μ | $\nu_\mu$ | muon neutrino | $\nu_{\mu}$", "nu_mu"),
    (r"nubar_mu | ν̄_μ | $\bar{\nu}_\mu$ | $\bar\nu_\mu$ | muon antineutrino | $\overline{\nu}_\mu$", "nubar_mu"),
    (r"nu_tau | ν_τ | $\nu_\tau$ | tau neutrino", "nu_tau"),
    (r"top quark | t quark | top-quark", "t"),
    (r"bottom quark | beauty quark | b quark | b-quark", "b"),
    (r"charm quark | c quark | charm-quark", "c"),
]  # fmt: skip

MADE_UP = """X(9173) Lambda_q+ B_z0 psi(7770) mu++ W0 Delta(1232)+++ pi0+ gamma+ J/phi tau0 B_s^+ Z+ e0 eta_q nu_q
    Lambda(9999) zorblon K_M^0 K_S^+ $\\Lambda_q^+$ ψ(7770) Ω⁺⁺ D_s⁰ squark photino leptoquark π⁺⁺""".split()


def mentions(text: str) -> list[Mention]:
    return find_particles(plain_ascii(text))


# ---- laws -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("notation", [*NOTATIONS, "latex"])
def test_every_particle_is_recognised_as_one_whole_name(notation: str, latex: Callable[[str], str]) -> None:
    wrong = []
    for name in NAMES:  # all of the PDG's, without exception
        text = plain_ascii({**NOTATIONS, "latex": latex}[notation](name))
        found = find_particles(text)
        if [(m.start, m.end, name in m.names) for m in found] != [(0, len(text), True)]:
            wrong.append((name, text, found))
    assert wrong == []


def test_every_particle_is_recognised_in_a_sentence() -> None:
    wrong = []
    for name in NAMES:
        for sentence in (
            f"What is the mass of {name}?",
            f"lifetime ({name})",
            f"{name}, like {name}, decays.",
        ):
            found = mentions(sentence)
            if len(found) != 1 + sentence.endswith("decays.") or not all(name in m.names for m in found):
                wrong.append((sentence, found))
    assert wrong == []


@pytest.mark.parametrize(("row", "name"), SPELLINGS, ids=[name for _, name in SPELLINGS])
def test_all_spellings_of_a_name_agree(row: str, name: str) -> None:
    read = {}
    for spelling in row.split(" | "):
        found = mentions(spelling.strip())
        assert len(found) == 1, (spelling, found)
        assert name in found[0].names, (spelling, found)
        read[spelling] = found[0].names
    assert len(set(read.values())) == 1, read


def test_the_table_of_spellings_is_long() -> None:
    assert len(SPELLINGS) >= 60
    assert {name for _, name in SPELLINGS} <= set(NAMES)


@given(st.text(max_size=80) | st.lists(st.sampled_from(
    ["K_S^0", "J/ψ", "B", "s", "^", "_", "(", ")", "0", "+", "-", "*", "'", "/", "tau", "charged ", " meson", "bar", "\u0304",
     "$", "\\", "{", "}", " ", "→", "2", "(2S)", "anti-", "Gamma", "é", "ß", "中"]), max_size=12).map("".join))  # fmt: skip
def test_mentions_lie_in_the_text_in_order_and_never_overlap(text: str) -> None:
    for given_text in (text, plain_ascii(text)):
        end = 0
        for mention in find_particles(given_text):
            assert end <= mention.start < mention.end <= len(given_text)
            assert mention.names
            assert set(mention.names) <= particle_table().particles.keys()
            end = mention.end


def test_conjugation_is_an_involution_that_turns_the_charge_round() -> None:
    particles = particle_table().particles
    for name, particle in particles.items():
        other = particles[particle.conjugate]
        assert other.conjugate == name
        assert set(other.identifiers) == set(particle.identifiers)
        if other is not particle:
            assert other.charge == (None if particle.charge is None else -particle.charge)
            assert other.is_antiparticle != particle.is_antiparticle, name
    # Without a partner in the data: neutral ones that are their own, and exotic states listed once.
    alone = {n for n, p in particles.items() if p.conjugate == n and p.charge}
    assert all(n.startswith(("T_", "P_")) for n in alone), alone


@pytest.mark.parametrize(("name", "anti"), [
    ("e-", "e+"), ("mu-", "mu+"), ("tau-", "tau+"), ("p", "pbar"), ("n", "nbar"), ("nu_e", "nubar_e"), ("K0", "Kbar0"),
    ("D_s()+", "D_s()-"), ("Lambda_c()+", "Lambdabar_c()-"), ("W+", "W-"), ("t", "tbar"), ("gamma", "gamma"), ("Z0", "Z0"),
    ("J/psi(1S)", "J/psi(1S)"), ("pi0", "pi0"), ("K(S)0", "K(S)0"), ("Delta(1232)++", "Deltabar(1232)--"),
])  # fmt: skip
def test_antiparticles(name: str, anti: str) -> None:
    assert particle_table().particles[name].conjugate == anti


# ---- examples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MADE_UP)
def test_names_that_are_not_there_give_no_mention(name: str) -> None:
    for text in (name, f"What is the mass of the {name}?", f"the {name} mass"):
        assert mentions(text) == []


@pytest.mark.parametrize(
    "text",
    ["", " ", "What is the answer?", "Send me a list of all items", "width Gamma of what", "12pi", "aK0b"],
)
def test_words_are_no_particles(text: str) -> None:
    assert mentions(text) == []


def test_words_around_a_name_belong_to_it() -> None:
    text = "masses of charged pions, neutral kaons and Z bosons"
    found = [text[m.start : m.end] for m in mentions(text)]
    assert found[-1] == "Z bosons"
    charged = mentions("the charged pion mass")[0]
    assert set(charged.names) == {"pi+", "pi-"}
    assert charged.charge_given
    assert mentions("the neutral pion mass")[0].names == ("pi0",)
    assert set(mentions("the pion mass")[0].names) == {"pi+", "pi-", "pi0"}
    (meson,) = mentions("the $K_S^0$-meson mass")
    assert plain_ascii("the $K_S^0$-meson mass")[meson.start : meson.end] == "K_S^0 meson"
    assert not mentions("K")[0].charge_given


def test_a_multiplicity_starts_a_name() -> None:
    assert [m.names for m in mentions("J/psi -> 2pi+ 2pi-")][1:] == [("pi+",), ("pi-",)]
    assert [m.names for m in mentions("pi+pi-")] == [("pi+",), ("pi-",)]


def test_a_count_between_names_belongs_to_the_second() -> None:
    for text in (r"$K^{-} 2\pi^{+}$", "K- 2 pi+", "K⁻ 2π⁺"):
        assert [m.names for m in mentions(text)] == [("K-",), ("pi+",)], text
    assert mentions("a 0.5 GeV") == []


def test_long_names_win_over_their_beginnings() -> None:
    assert mentions("psi(2S)")[0].names == ("psi(2S)",)
    assert mentions("Lambda_c(2595)+")[0].names == ("Lambda_c(2595)+",)
    assert mentions("K^*(892)0")[0].names == ("K^*(892)0",)
    assert mentions("tau neutrino")[0].names == ("nu_tau",)


@pytest.mark.parametrize(
    ("written", "name"), [("kaon+", "K+"), ("pion-", "pi-"), ("muon+", "mu+"), ("kaon0", "K0")]
)
def test_words_with_a_charge_as_programs_write_them(written: str, name: str) -> None:
    assert [m.names for m in find_particles(written)] == [(name,)]
