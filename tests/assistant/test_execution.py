"""Plans of every operation on a small table of facts: what is answered, in which words, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from yukawa.assistant.execution import execute
from yukawa.assistant.rendering import Rendering
from yukawa.assistant.results import Facts
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing.plan import Amount, Channel, Filter, Goal, Plan, Thing, Wanted

PION = ("pi+", "pi-", "pi0")
KSTAR = ("K^*(892)+", "K^*(892)-", "K^*(892)0", "Kbar^*(892)0")
NUCLEON = ("N(1440)+", "N(1440)0", "Nbar(1440)-", "Nbar(1440)0")


def thing(*names: str, given: bool = False) -> Thing:
    return Thing(names, names[0] if names else "", (0, 0), given or len(names) == 1)


def want(names: str | tuple[str, ...], property_name: str = "mass", to: str = "", **more: Any) -> Wanted:
    """What is wanted of states: `to` lists products, with '/' between alternatives."""
    channel = Channel(tuple(tuple(p.split("|")) for p in to.split()), **more.pop("how", {})) if to else None
    names = (names,) if isinstance(names, str) else names
    return Wanted(thing(*names), property_name, channel, **more)


def goal(operation: Any, *operands: Wanted, **more: Any) -> Goal:
    return Goal(operation, operands, **more)


def number(value: float, unit: str = "") -> Amount:
    return Amount(value, unit, (0, 0))


def answer(facts: Facts, *goals: Goal) -> str:
    return Rendering(execute(Plan("q", goals), facts)).text


TAU, MUON, Z, W = "tau-", "mu-", "Z0", "W+"
PLANS: list[tuple[Goal, str]] = [
    # one value
    (goal("value", want(TAU)), "The mass of the tau lepton (τ⁻) is 1776.93 ± 0.09 MeV [1]."),
    (goal("value", want(("tau+", TAU))), "The mass of the tau lepton (τ⁻) is 1776.93 ± 0.09 MeV [1]."),
    (goal("value", want("pbar")), "The mass of the antiproton (p̄) is 938.27208943 ± 0.00000029 MeV [1]."),
    (goal("value", want("pbar", "charge")), "The electric charge of the antiproton (p̄) is −1 e [1]."),
    (goal("value", want("pi-", "charge")), "π⁻) is −1 e [1]."),
    (goal("value", want(PION)), "is 139.57039 ± 0.00018 MeV [1].\nThe mass of the neutral pion (π⁰) is 134.9768 ± 0.0005 MeV [2]."),
    (goal("value", want(PION, "charge")), "neutral pion (π⁰) is 0 [2].\nThe electric charge of the charged pion (π⁻) is −1 e"),
    (goal("value", want(KSTAR)), "Also listed: mass of the K*(892)⁺ (charged only, produced in τ lepton decays) 895.5 ± 0.8 MeV [3]."),
    (goal("value", want("t")), "162.5 +2.1 −1.5 GeV [2]; pole mass of the top quark (t) 172.1 ± 0.6 GeV [3]."),
    (goal("value", want(NUCLEON)), "The Breit-Wigner mass of the N(1440) is between 1410 MeV and 1470 MeV [1]."),
    (goal("value", want("H", "spin")), "The spin of the Higgs boson (H) is J = 0 [1]."),
    (goal("value", want("K0", "antiparticle")), "The antiparticle of the neutral kaon (K⁰) is K̄⁰ [1]."),
    (goal("value", want("J/psi(1S)", "quantum-numbers")), "are 0^-(1^--) [1]."),
    (goal("value", want("e-", "lifetime")), "is greater than 6.6 × 10²⁸ years at 90 % confidence level [1]."),
    (goal("value", Wanted(thing(), "other", name="S035M")), "The mass of the tau lepton (τ⁻) is 1776.93 ± 0.09 MeV [1]."),
    (goal("value", want(Z), want(Z, "width")), "91.1879 ± 0.0020 GeV [1].\nThe full width of the Z boson (Z⁰) is 2.4955 ± 0.0023 GeV [2]."),
    # qualifiers
    (goal("value", want("t", qualifiers={"scheme": "pole"})), "The pole mass of the top quark (t) is 172.1 ± 0.6 GeV [1]."),
    (goal("value", want("t", qualifiers={"scheme": "MSbar"})), "The MS-bar mass of the top quark (t) is 162.5 +2.1 −1.5 GeV [1]."),
    (goal("value", want(Z, qualifiers={"edition": "2026"})), "91.1879 ± 0.0020 GeV [1]."),
    (goal("value", want(KSTAR, qualifiers={"method": "tau"})), "produced in τ lepton decays) is 895.5 ± 0.8 MeV [1]."),
    (goal("value", want(Z, qualifiers={"edition": "2018"})),
    "I cannot answer: the base does not hold the edition 2018; it holds PDG 2026"),
    (goal("value", want("H", qualifiers={"experiment": "ATLAS"})),
    "I cannot answer: the base has no mass of the Higgs boson (H) by ATLAS alone; it has 125.13"),
    (goal("value", want(MUON, "lifetime", qualifiers={"predicted": "yes"})),
    "I cannot answer: the base has measured values, no predicted mean lifetime"),
    (goal("value", want(Z, qualifiers={"scheme": "pole"})), "I cannot answer: the base has no pole mass of the Z boson"),
    # decays
    (goal("value", want("B0", "branching-fraction", "K+ pi-")),
    "The branching fraction of B⁰ → K⁺ π⁻ is (2.00 ± 0.04) × 10⁻⁵ [1]."),
    (goal("value", want("Bbar0", "branching-fraction", "K- pi+")),
    "The branching fraction of B̄⁰ → K⁻ π⁺ is (2.00 ± 0.04) × 10⁻⁵ [1]."),
    (goal("value", want("Bbar0", "branching-fraction", "K+ pi-")), "I cannot answer: the base has no branching fraction"),
    (goal("value", want("B0", "branching-fraction", "K+ pi+")), "I cannot answer: B⁰ → K⁺ π⁺ does not conserve electric charge."),
    (goal("value", want((MUON, "mu+"), "branching-fraction", "e-|e+ gamma")),
    "less than 1.5 × 10⁻¹³ at 90 % confidence level [1]."),
    (goal("value", want("Lambda_c()+", "branching-fraction", "p K- pi+")), "is (6.37 ± 0.20) % [1]."),
    (goal("value", want("Lambda_c()+", "branching-fraction", "p K- pi+", how={"conditions": ("nonresonant",)})),
    "is (3.5 ± 0.4) % [1]."),
    (goal("value", want("Lambda_c()+", "branching-fraction", "p Kbar^*(892)0",
                        how={"steps": (("Kbar^*(892)0", (("K-",), ("pi+",))),)})), "is (1.33 ± 0.10) % [1]."),
    (goal("value", want("psi(4230)", "branching-fraction", "J/psi(1S) pi+ pi-")),
    "The decay ψ(4230) → J/ψ π⁺ π⁻ has been seen [1]."),
    # units
    (goal("value", want(Z), unit="kg"), "is (1.625572 ± 0.000035) × 10⁻²⁵ kg (91.1879 ± 0.0020 GeV) [1]."),
    (goal("value", want(MUON, "lifetime"), unit="microseconds"), "is 2.1969811 ± 0.0000022 μs ("),
    (goal("value", want("e-"), unit="keV"), "is 510.99895069 ± 0.00000016 keV ("),
    (goal("value", want(Z), unit="s"), "I cannot answer: the mass of the Z boson (Z⁰) is an energy, which cannot"),
    (goal("value", want("K0", "antiparticle"), unit="MeV"), "I cannot answer: the antiparticle of the neutral kaon (K⁰) is not a number"),
    # derived values
    (goal("value", want("H", "lifetime")),
    "(2.2 +0.5 −1.0) × 10⁻²² s (derived, not quoted).\n  τ = ħ/Γ, with Γ(H) = 3.0 +1.5 −0.7 MeV [1]; ħ = 6.582119569"),
    (goal("value", want(TAU, "width"), unit="eV"), "0.002267 ± 0.000004 eV (derived, not quoted)."),
    (goal("value", want("n", "half-life")), "is 608.79 ± 0.29 s (derived, not quoted)."),
    (goal("value", want("B0", "decay-length"), unit="mm"),
    "is 0.4531 ± 0.0008 mm (derived, not quoted).\n  cτ, with τ(B⁰) = (1511.3 ± 2.7) × 10⁻¹⁵ s [1]"),
    (goal("value", want(Z, "rest-energy"), unit="J"), "× 10⁻⁸ J (derived, not quoted).\n  E = m c²"),
    (goal("value", want(Z, "partial-width", "b bbar")), "is 0.3773 ± 0.0013 GeV (derived, not quoted).\n  Γᵢ = B · Γ"),
    (goal("value", want("D0", "energy-release", "K- pi+")),
    "is 1231.59 ± 0.04 MeV (derived, not quoted).\n  m(D⁰) − m(K⁻) − m(π⁺)"),
    (goal("value", want("n", "energy-release", "p e- nubar_e")),
    "is 0.7823335 ± 0.0000004 MeV (derived, not quoted).\n  [m(n) − m(p)] − m(e⁻)"),
    (goal("value", want("n", "mass-difference", other=thing("p"))),
    "The mass difference m(n) − m(p) is 1.2933325 ± 0.0000004 MeV [1]."),
    (goal("value", want(("pi+", "pi-"), "energy-release", "mu+|mu- nu_e|nu_mu|nu_tau")), "of π⁺ → μ⁺ ν_μ is 33.91"),
    (goal("difference", want("p", "mass-difference", other=thing("n"))), "The mass difference m(n) − m(p) is 1.2933325"),
    (goal("difference", want(MUON, "mass-difference", other=thing(TAU))), "The mass difference m(τ⁻) − m(μ⁻) is 1671.27 ± 0.09 MeV"),
    (goal("value", want(TAU, "mass-difference", other=thing(MUON))), "is 1671.27 ± 0.09 MeV (derived, not quoted)."),
    (goal("value", want("p", "lifetime")), "the base has no mean lifetime of the proton (p); of it the base has: mass, mass"),
    # arithmetic
    (goal("ratio", want(TAU), want(MUON)),
    "is 16.8177 ± 0.0008 (derived, not quoted).\n  m(τ⁻) / m(μ⁻), with m(τ⁻) = 1776.93 ± 0.09 MeV [1];"),
    (goal("ratio", want(MUON), want(TAU), order=("mass", "descending")), "ratio of the mass of the tau lepton (τ⁻) to"),
    (goal("sum", want("K+"), want("pi-")), "and the mass of the charged pion (π⁻) is 633.247 ± 0.015 MeV (derived"),
    (goal("difference", want("D0"), want("pi0")), "minus the mass of the neutral pion (π⁰) is 1729.86 ± 0.04 MeV"),
    (goal("difference", want(Z), want(Z)), "is 0 GeV (derived, not quoted)."),
    (goal("multiple", want(TAU, factor=2)), "2 times the mass of the tau lepton (τ⁻) is 3553.86 ± 0.17 MeV (derived"),
    (goal("value", want("J/psi(1S)", factor=0.5)), "0.5 times the mass of the J/psi meson (J/ψ(1S)) is 1548.4500 ± 0.0030 MeV"),
    (goal("how-many", want("B0"), want("K+")), "goes into the mass of the neutral B meson (B⁰) is 10.6947 ± 0.0004"),
    (goal("ratio", want(("K+", "K0")), want(PION)), "neutral kaon (K⁰) to the mass of the neutral pion (π⁰) is 3.68664 ± 0.00010"),
    (goal("sum", want(TAU), want(TAU, "lifetime")), "I cannot answer: an energy and a time cannot be combined or compared."),
    (goal("ratio", want(MUON, "branching-fraction", "e- gamma"), want(TAU, "branching-fraction", "mu- gamma")),
    "I cannot answer: it cannot be computed from limits"),
    (goal("ratio", want(TAU)), "I cannot answer: a ratio needs two quantities, and one was named."),
    (goal("ratio", want(TAU), want("K0", "antiparticle")), "I cannot answer: the antiparticle of the neutral kaon (K⁰) is not a number"),
    (goal("sum", want(W), want(Z), want("H", factor=-1)), "minus the mass of the Higgs boson (H) is 46.42 ± 0.11 GeV"),
    (goal("difference", want("D0"), want("K+"), want("pi+")), "m(D⁰) − m(K⁺) − m(π⁺), with m(D⁰)"),
    (goal("difference", want("D0"), want("pi0", factor=2)), "m(D⁰) − 2 × m(π⁰), with m(D⁰)"),
    (goal("product", want(W), want(Z)), "is 7328.1 ± 0.7 GeV² (derived, not quoted).\n  m(W⁺) · m(Z⁰), with"),
    (goal("product", want(MUON), want(MUON, "lifetime")), "is (2.3212945 ± 0.0000023) × 10⁻⁴ MeV s"),
    (goal("average", want("K+"), want("K0")), "is 495.644 ± 0.010 MeV (derived, not quoted).\n  (m(K⁺) + m(K⁰)) / 2, with"),
    (goal("value", want(Z), power=2.0), "The square of the mass of the Z boson (Z⁰) is 8315.2 ± 0.4 GeV² (derived"),
    (goal("value", want(MUON, "lifetime"), power=-1.0), "is 455170.1 ± 0.5 s⁻¹ (derived, not quoted).\n  (τ(μ⁻))⁻¹, with"),
    (goal("ratio", want(W), want(Z), power=2.0), "is 0.77666 ± 0.00015 (derived, not quoted).\n  (m(W⁺) / m(Z⁰))², with"),
    (goal("value", want(TAU), per=want(MUON)), "in units of the mass of the muon (μ⁻) is 16.8177 ± 0.0008 (derived"),
    (goal("difference", want("n", "mass-difference", other=thing("p")), per=want("e-")), "is 2.5309886 ± 0.0000007 (derived"),
    (goal("value", want("H", "charge"), power=-1.0), "I cannot answer: it is not positive, so that the result is unknown."),
    (goal("sum", want("p", "charge"), want(("e-", "e+"), "charge")), "is 0 e (derived, not quoted).\n  Q(p) + Q(e⁻), with Q(p)"),
    # limits
    (goal("value", want(Z, qualifiers={"bound": "upper"})), "I cannot answer: the base has no upper limit on the mass of the Z boson"),
    (goal("value", want("e-", "lifetime", qualifiers={"bound": "lower"})), "is greater than 6.6 × 10²⁸ years"),
    # comparison
    (goal("which", want("class:lepton"), order=("mass", "descending"), most=1, rank=2), "The second largest mass is that of the muon (μ⁻)"),
    (goal("which", want("class:lepton"), order=("mass", "descending"), most=1, rank=9),
     "I cannot answer: there are only 3 to choose from."),
    (goal("list", want(TAU, "decays"), most=1, rank=2), "The branching fraction of τ⁻ → μ⁻ ν̄_μ ν_τ is (17.37 ± 0.04) % [1]."),
    (goal("which", want("pi+"), want("pi-"), order=("mass", "descending")), "Note: one value holds for all that are compared."),
    (goal("is", want("pi+"), want("pi-"), relation=">"), "No (one value holds for both). The mass of"),
    (goal("which", want(TAU, "branching-fraction", "e- nubar_e nu_tau"), want(TAU, "branching-fraction", "mu- nubar_mu nu_tau")),
     "The larger branching fraction is that of τ⁻ → e⁻ ν̄_e ν_τ: (17.85"),
    (goal("is", want("e-", "lifetime"), asserted="stable"), "That stays open: no decay has been seen."),
    (goal("is", want(MUON, "lifetime"), asserted="stable"), "No. The mean lifetime"),
    (goal("is", want(MUON, "lifetime"), asserted="unstable"), "Yes. The mean lifetime"),
    (goal("is", want("pi0", "charge"), asserted=number(0), relation="!="), "No. The electric charge"),
    (goal("is", want(PION, "charge"), asserted=number(0), relation="!="), "That stays open: it depends on which is meant."),
    (goal("is", want("H", "class"), asserted="class:scalar meson"), "I cannot answer: the H is not a meson; ask for its quantum numbers."),
    (goal("reverse", want("class:particle", "charge"), asserted=number(1), relation="="), "proton (p)"),
    (goal("which", want(W, "width"), want(Z, "width"), order=("width", "descending")),
     "Z boson (Z⁰): 2.4955 ± 0.0023 GeV [1]; that of the W boson (W⁺) is 2.14 ± 0.05 GeV [2] (they differ by 7.1"),
    (goal("which", want("class:lepton", "lifetime"), order=("lifetime", "descending")),
    "The longest mean lifetime is that of the electron (e⁻): greater than"),
    (goal("which", want("class:lepton"), order=("mass", "ascending"), most=1), "The smallest mass is that of the electron (e⁻)"),
    (goal("which", want(NUCLEON), want("J/psi(1S)"), order=("mass", "descending")), "The larger mass is that of the J/psi"),
    (goal("which", want(MUON, "branching-fraction", "e- gamma"), want(TAU, "branching-fraction", "mu- gamma")),
    "That stays open: limits and ranges"),
    (goal("which", want(W, "width"), want(Z)), "The larger mass is that of the Z"),
    (goal("is", want("D0"), want("D+"), relation=">"), "No (they differ by"),
    (goal("is", want("n", "lifetime"), want(MUON, "lifetime"), relation=">"),
    "Yes (they differ by more than 1,000 standard deviations)."),
    (goal("is", want(W), want(MUON, "lifetime"), relation=">"), "I cannot answer: an energy and a time cannot"),
    (goal("is", want(W), asserted=number(81, "GeV")), "No. The mass of the W boson (W⁺) is 80.3625 ± 0.0077 GeV [1]."),
    (goal("is", want(W), asserted=number(80400, "MeV")), "No. The mass"),
    (goal("is", want(W), asserted=number(80.4, "GeV")), "Yes. The mass"),
    (goal("is", want(W), asserted=number(80, "GeV"), relation=">"), "Yes. The mass"),
    (goal("is", want("p", "charge"), asserted=number(-1, "e")), "No. The electric charge of the proton (p) is +1 e [1]."),
    (goal("is", want("H", "spin"), asserted=number(1)), "No. The spin of the Higgs boson (H) is J = 0 [1]."),
    (goal("is", want("e-", "class"), asserted="class:boson"),
    "No. The electron (e⁻) is a lepton, charged lepton and fermion [1][2][3]."),
    (goal("is", want("e-", "class"), asserted="class:lepton"), "Yes. The electron (e⁻) is a lepton [1]."),
    (goal("is", want("e-", "lifetime"), asserted=number(1, "s")), "No. The mean lifetime of the electron"),
    (goal("is", want("e-", "lifetime"), asserted=number(1e40, "s")), "That stays open: the value leaves it open."),
    (goal("is", want(MUON, "branching-fraction", "e- gamma")), "It has not been seen. The branching fraction of μ⁻ → e⁻ γ is less than"),
    (goal("is", want("B0", "branching-fraction", "K+ pi-")), "Yes. The branching fraction"),
    (goal("is", want("J/psi(1S)", "quantum-numbers"), asserted="0-(1--)"), "No. The quantum numbers"),
    (goal("is", want("J/psi(1S)", "quantum-numbers"), asserted="0^-(1^--)"), "Yes. The quantum numbers"),
    # lists
    (goal("list", want(TAU, "decays"), filters=(Filter("branching-fraction", ">", number(10, "%"), (0, 0)),)),
     "Branching fraction:\n  τ⁻ → e⁻ ν̄_e ν_τ  (17.85 ± 0.04) % [1]\n  τ⁻ → μ⁻ ν̄_μ ν_τ  (17.37 ± 0.04) % [2]"),
    (goal("list", want(TAU, "decays"), most=1), "The branching fraction of τ⁻ → e⁻ ν̄_e ν_τ is (17.85 ± 0.04) % [1]."),
    (goal("list", want(TAU, "decays"), filters=(Filter("branching-fraction", ">", number(90, "%"),
    (0, 0)),)), "I cannot answer: none of 3 values meets"),
    (goal("list", want("class:charmonium", "")), "ψ(2S))  not known"),
    (goal("list", want("class:lepton"), order=("mass", "descending")), "Mass:\n  tau lepton (τ⁻)  1776.93"),
    (goal("list", want("class:lepton"), filters=(Filter("mass", ">", want(MUON), (0, 0)),)), "The mass of the tau lepton (τ⁻) is"),
    (goal("list", want("class:meson"), filters=(Filter("charge", "=", "charged", (0, 0)),)),
    "The mass of the charged pion (π⁺) is"),
    (goal("list", want("class:zorks")), "I cannot answer: the base has no class of particles 'class:zorks'."),
    (goal("count", want("class:lepton", "")), "The base lists 3:"),
    (goal("count", want(TAU, "decays")), "The base lists 3 decay modes with a measured branching fraction:"),
    (goal("overview", want(TAU, "")), "mass of the tau lepton (τ⁻)"),
    (goal("overview", want("Upsilon(1S)", "")), "I cannot answer: the base has no values for Upsilon(1S)."),
    # reverse look-up
    (goal("reverse", want("class:particle", "branching-fraction", "J/psi(1S) pi+ pi-")),
    "ψ(2S) → J/ψ(1S) π⁺ π⁻  (34.78 ± 0.33) % [1]"),
    (goal("reverse", want("class:charmonium", "branching-fraction", "J/psi(1S) pi+ pi-")),
    "The branching fraction of ψ(2S) → J/ψ(1S) π⁺ π⁻ is"),
    (goal("reverse", want("class:particle", "branching-fraction", "K- pi+")), "The branching fraction of B̄⁰ → K⁻ π⁺ is"),
    (goal("reverse", want("class:particle", "branching-fraction", "mu- gamma")),
    "I cannot answer: the base has nothing that meets this."),
    (goal("reverse", want("class:particle", "monte-carlo-number"), asserted=number(443)),
    "The Monte Carlo number of the J/psi meson (J/ψ(1S)) is 443 [1]."),
    (goal("is", *[want("J/psi(1S)", "quantum-numbers")] * 2, relation="="), "Yes. "),
    (goal("is", *[want("J/psi(1S)", "quantum-numbers")] * 2, relation="!="), "No. "),
    (goal("reverse", want("class:particle", "quantum-numbers"), asserted="0^-(1^--)"), "J/psi meson (J/ψ(1S)) are 0^-(1^--) [1]."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("planned", "said"), PLANS, ids=[f"{n}-{g.operation}" for n, (g, _) in enumerate(PLANS)]
)
def test_a_plan_is_carried_out(facts: Facts, planned: Goal, said: str) -> None:
    found = answer(facts, planned)
    assert said in found
    assert all(len(line) <= 200 for line in found.splitlines())


def test_every_operation_has_a_plan() -> None:
    assert {g.operation for g, _ in PLANS} == {
        "value", "overview", "list", "count", "which", "is", "ratio", "sum", "difference", "product", "average", "multiple",
        "how-many", "reverse",
    }  # fmt: skip


@pytest.mark.parametrize("planned", [g for g, _ in PLANS])
def test_results_are_json_with_sources_or_a_problem(facts: Facts, planned: Goal) -> None:
    (result,) = execute(Plan("q", (planned,)), facts)
    made = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert bool(made.get("problem")) != bool(made["rows"])
    known = {f.item_id for f in facts.found}  # type: ignore[attr-defined]
    for row in made["rows"]:
        assert set(row["sources"]) <= known
        assert row["sources"] or row["value"] == "not known"


def test_a_goal_that_fails_does_not_take_the_others_with_it(facts: Facts) -> None:
    text = answer(facts, goal("value", want("Upsilon(1S)")), goal("value", want(TAU)))
    assert text.startswith("I cannot answer: the base has no mass of the Upsilon")
    assert text.endswith("1776.93 ± 0.09 MeV [1].")
    both = answer(facts, goal("value", want(TAU), want("Upsilon(1S)")))
    assert "1776.93" in both
    assert "I cannot answer: the base has no mass of the Upsilon" in both


# ---- what people taught -----------------------------------------------------------------------------


def taught(value: float, error: float | None = None) -> Fact:
    return Fact("", (TAU,), "mass", "tau mass", value, "", error, error, (), "MeV")


def test_a_taught_value_that_disagrees_stands_beside_the_data(facts: Any) -> None:
    facts.teach(taught(1790.0, 1.0), "correction")
    text = answer(facts, goal("value", want(TAU)))
    assert text.splitlines() == [
        "The mass of the tau lepton (τ⁻) is 1776.93 ± 0.09 MeV [1].",
        "Li taught (correction, not reviewed): mass of the tau lepton (τ⁻) 1790.0 ± 1.0 MeV [2], "
        "which differs by 13.0 standard deviations.",
    ]


def test_a_taught_value_that_agrees_says_so_and_alone_it_answers_with_its_author(facts: Any) -> None:
    facts.teach(taught(1776.9, 0.2))
    assert answer(facts, goal("value", want(TAU))).endswith("which agrees.")
    facts.teach(Fact("", ("Upsilon(1S)",), "mass", "Upsilon mass", 9460.0, unit="MeV"))
    assert answer(facts, goal("value", want("Upsilon(1S)"))) == (
        "Li taught (statement, not reviewed): The mass of the Upsilon meson (Υ(1S)) is 9460 MeV [1]."
    )


def test_arithmetic_uses_the_data_and_not_what_was_taught(facts: Any) -> None:
    facts.teach(taught(1.0))
    assert "3553.86" in answer(facts, goal("multiple", want(TAU, factor=2)))
