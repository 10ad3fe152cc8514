"""Sentences become plans: order, charges, experiments; what cannot be is refused with its reason."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.sentences import read_plan


def chain(sentence: str) -> list[str]:
    return [str(step) for step in read_plan(sentence).steps]


@pytest.mark.parametrize(
    ("sentence", "steps"),
    [
        ("simulate psi(2S) -> pi pi J/psi in BOSS", ["psi(2S) -> pi+ pi- J/psi"]),
        ("psi(2S) → J/psi pi pi → mu mu pi pi", ["psi(2S) -> J/psi pi+ pi-", "J/psi -> mu+ mu-"]),
        (r"$B^0\to K^{*0}(\to K^+\pi^-)\mu^+\mu^-$", ["B0 -> K*0 mu+ mu-", "K*0 -> K+ pi-"]),
        ("B0 -> D*- (anti-D0 (K+ pi-) pi-) mu+ nu_mu", ["B0 -> D*- mu+ nu_mu", "D*- -> anti-D0 pi-", "anti-D0 -> K+ pi-"]),
        ("在北京谱仪上 psi(2S) 衰变成 gamma chi_c2，其中 chi_c2 衰变到 pi+ pi-", ["psi(2S) -> gamma chi_c2", "chi_c2 -> pi+ pi-"]),
        ("e+ e- -> psi(3770) -> D0 anti-D0, D0 -> K pi", ["psi(3770) -> D0 anti-D0", "D0 -> K- pi+"]),
        ("Bs -> Jpsi phi", ["B_s0 -> J/psi phi"]),
        ("eta_c -> Ks K pi", ["eta_c -> K_S0 K+ pi-"]),
        ("tau- to three muons", ["tau- -> mu+ mu- mu-"]),
        ("tau+ to mu nu nu", ["tau+ -> mu+ nu_mu anti-nu_tau"]),
        ("B+ -> anti-D0 pi+, D0 -> K- pi+ and c.c.", ["B+ -> anti-D0 pi+", "anti-D0 -> K+ pi-"]),
        ("psi(4260) -> gamma X(3872), X(3872) -> J/psi rho0", ["psi(4260) -> gamma X_1(3872)", "X_1(3872) -> J/psi rho0"]),
        ("chi_c0 -> K_S0 K_S0 after psi(2S) -> gamma chi_c0", ["psi(2S) -> gamma chi_c0", "chi_c0 -> K_S0 K_S0"]),
        ("psi' -> eta J/psi (J/psi -> mumu, eta -> gamma gamma)", ["psi(2S) -> eta J/psi", "J/psi -> mu+ mu-", "eta -> gamma gamma"]),
        ("B0 -> J/psi K_S0 at the Upsilon(4S)", ["B0 -> J/psi K_S0"]),
        ("π0衰变到两个光子", ["pi0 -> gamma gamma"]),
        ("psi(2S)->J/psi eta", ["psi(2S) -> J/psi eta"]),
    ],
)  # fmt: skip
def test_chains(sentence, steps):
    assert chain(sentence) == steps


@pytest.mark.parametrize(
    ("sentence", "experiment", "events", "energy"),
    [
        ("50k psi(2S) events at BESIII: psi(2S) -> J/psi eta", "besiii", 50_000, None),
        ("B0 -> K+ pi- at LHCb", "lhcb", None, None),
        ("在Belle II上模拟 B0 衰变到 K+ pi-", "belle2", None, None),
        ("1,000 events of B0 -> K+ pi- at FCC-ee, 91.2 GeV", "fcc", 1000, 91.2),
        ("J/psi -> e e", "besiii", None, None),
        ("B0 -> K+ pi-", "evtgen", None, None),
    ],
)
def test_what_else_a_sentence_says(sentence, experiment, events, energy):
    plan = read_plan(sentence)
    assert (plan.experiment, plan.events, plan.energy) == (experiment, events, energy)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("psi(2S) to two protons", r"impossible: charge: psi\(2S\) \(0\) -> p\+ p\+ \(\+2\)"),
        ("J/psi -> gamma gamma", "impossible: .* a particle of spin 1 does not decay to two photons"),
        ("psi(2S) -> B0 anti-B0", "impossible: B0 anti-B0 need"),
        ("B0 -> K+ blurb-", "names blurb-, which is not a particle"),
        ("B+ -> K+ foo pi-", "names foo, which is not a particle"),
        ("B -> K pi", "can be .*write its charge"),
        ("make me some events", "names no decay"),
        ("D0 -> K- pi+ but not K+ pi-", "excludes something"),
        ("B0 -> K+ pi-, D0 -> K- pi+", "nothing before it produces it"),
        ("psi(2S) with chi_c0, chi_c0 -> pi+ pi-", "in none of its decays"),
        ("", "names no decay"),
        ("pi pi pi pi pi pi pi pi pi -> K K K K K K K K K K", "charges of the decay of pi are not given"),
    ],
)
def test_refusals(sentence, reason):
    with pytest.raises(InputError, match=reason) as raised:
        read_plan(sentence)
    assert "\n" not in str(raised.value)
