"""Sentences become plans: order, charges, experiments; what cannot be is refused with its reason."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.plans import DecayStep
from yukawa.generators.sentences import count_of_events, read_plan


def chain(sentence: str) -> list[str]:
    return [str(step) for step in read_plan(sentence).steps]


@pytest.mark.parametrize(
    ("sentence", "steps"),
    [
        ("simulate psi(2S) -> pi pi J/psi in BOSS", ["psi(2S) -> pi+ pi- J/psi"]),
        ("B+ -> (D0bar -> K+ pi-) K+ LHCb", ["B+ -> anti-D0 K+", "anti-D0 -> K+ pi-"]),
        ("B+ → (D̄0 → (K_S0 → π+ π−) π+ π−) K+ LHCb", ["B+ -> anti-D0 K+", "anti-D0 -> K_S0 pi+ pi-", "K_S0 -> pi+ pi-"]),
        (
            "B0 -> (D*- -> (D0bar -> K+ pi-) pi-) (a_1+ -> (rho0 -> pi+ pi-) pi+) LHCb",
            ["B0 -> D*- a_1+", "D*- -> anti-D0 pi-", "anti-D0 -> K+ pi-", "a_1+ -> rho0 pi+", "rho0 -> pi+ pi-"],
        ),
        ("B0 -> J/psi K*0 (K*0 -> K+ pi-) LHCb", ["B0 -> J/psi K*0", "K*0 -> K+ pi-"]),
        ("psi(2S) → J/psi pi pi → mu mu pi pi", ["psi(2S) -> J/psi pi+ pi-", "J/psi -> mu+ mu-"]),
        (r"$B^0\to K^{*0}(\to K^+\pi^-)\mu^+\mu^-$", ["B0 -> K*0 mu+ mu-", "K*0 -> K+ pi-"]),
        ("B0 -> D*- (anti-D0 (K+ pi-) pi-) mu+ nu_mu", ["B0 -> D*- mu+ nu_mu", "D*- -> anti-D0 pi-", "anti-D0 -> K+ pi-"]),
        ("在北京谱仪上 psi(2S) 衰变成 gamma chi_c2，其中 chi_c2 衰变到 pi+ pi-", ["psi(2S) -> gamma chi_c2", "chi_c2 -> pi+ pi-"]),
        ("e+ e- -> psi(3770) -> D0 anti-D0, D0 -> K pi", ["psi(3770) -> D0 anti-D0", "D0 -> K- pi+"]),
        ("Bs -> Jpsi phi", ["B_s0 -> J/psi phi"]),
        ("eta_c -> Ks K pi", ["eta_c -> K_S0 K+ pi-", "eta_c -> K_S0 K- pi+"]),
        ("tau- to three muons", ["tau- -> mu+ mu- mu-"]),
        ("tau+ to mu nu nu", ["tau+ -> mu+ nu_mu anti-nu_tau"]),
        ("B+ -> anti-D0 pi+, D0 -> K- pi+ and c.c.", ["B+ -> anti-D0 pi+", "anti-D0 -> K+ pi-"]),
        ("psi(4260) -> gamma X(3872), X(3872) -> J/psi rho0", ["psi(4260) -> gamma X_1(3872)", "X_1(3872) -> J/psi rho0"]),
        ("chi_c0 -> K_S0 K_S0 after psi(2S) -> gamma chi_c0", ["psi(2S) -> gamma chi_c0", "chi_c0 -> K_S0 K_S0"]),
        ("psi' -> eta J/psi (J/psi -> mumu, eta -> gamma gamma)", ["psi(2S) -> eta J/psi", "J/psi -> mu+ mu-", "eta -> gamma gamma"]),
        ("B0 -> J/psi K_S0 at the Upsilon(4S)", ["B0 -> J/psi K_S0"]),
        ("π0衰变到两个光子", ["pi0 -> gamma gamma"]),
        ("psi(2S)->J/psi eta", ["psi(2S) -> J/psi eta"]),
        ("D0 -> K- pi+ or K- pi+ pi0", ["D0 -> K- pi+", "D0 -> K- pi+ pi0"]),
        ("B_s0 -> D_s-+ K+-", ["B_s0 -> D_s+ K-", "B_s0 -> D_s- K+"]),
        ("B+ -> K+ nu nubar", [f"B+ -> K+ nu_{each} anti-nu_{each}" for each in ("e", "mu", "tau")]),
        ("J/psi -> K*0 K- pi+ + c.c.", ["J/psi -> K*0 K- pi+", "J/psi -> anti-K*0 K+ pi-"]),
        ("J/psi -> pi+ pi- pi0 + c.c.", ["J/psi -> pi+ pi- pi0"]),
        ("B0 -> K*0 tau+ tau-, both taus decay to mu nu nu",
         ["B0 -> K*0 tau+ tau-", "tau+ -> mu+ nu_mu anti-nu_tau", "tau- -> mu- nu_tau anti-nu_mu"]),
        ("J/psi -> Xi0 anti-Xi0, each Xi0 decays to Lambda pi0",
         ["J/psi -> Xi0 anti-Xi0", "Xi0 -> Lambda0 pi0", "anti-Xi0 -> anti-Lambda0 pi0"]),
        ("B_s0 -> phi phi, both phi -> K+ K-", ["B_s0 -> phi phi", "phi -> K+ K-"]),
        ("e+e- -> Ds*+ Ds-, Ds*+ -> Ds+ gamma", ["vpho -> D_s*+ D_s-", "D_s*+ -> D_s+ gamma"]),
        ("e+e- -> Ds*+ (-> Ds+ gamma) Ds-", ["vpho -> D_s*+ D_s-", "D_s*+ -> D_s+ gamma"]),
        ("e+ e- --> psi(2S) --> pi pi J/psi --> pi pi mu mu", ["psi(2S) -> pi+ pi- J/psi", "J/psi -> mu+ mu-"]),
        ("Lambda_c+ Lambda_c- pairs at BESIII, Lambda_c+ -> p K- pi+, Lambda_c- -> anti-p K_S0",
         ["vpho -> Lambda_c+ anti-Lambda_c-", "Lambda_c+ -> p+ K- pi+", "anti-Lambda_c- -> anti-p- K_S0"]),
        ("double tag at the psi(3770): D0 -> K- pi+ versus D0bar -> K+ pi- pi0",
         ["psi(3770) -> D0 anti-D0", "D0 -> K- pi+", "anti-D0 -> K+ pi- pi0"]),
        ("e+e- -> tau+ tau-, tau- -> mu- gamma, tau+ -> anything", ["tau- -> mu- gamma"]),
        ("psi(2S) -> gamma chi_c1 (with chi_c1 -> gamma J/psi, J/psi -> mu mu)",
         ["psi(2S) -> gamma chi_c1", "chi_c1 -> gamma J/psi", "J/psi -> mu+ mu-"]),
        ("J/psi -> eta_c gamma, eta_c -> 2(pi+pi-)", ["J/psi -> eta_c gamma", "eta_c -> pi+ pi- pi+ pi-"]),
        ("phi decays to a kaon pair", ["phi -> K+ K-"]),
        ("psi(2S) -> gamma chi_cJ (J = 0, 2), chi_cJ -> pi+ pi-",
         ["psi(2S) -> gamma chi_c0", "chi_c0 -> pi+ pi-", "psi(2S) -> gamma chi_c2", "chi_c2 -> pi+ pi-"]),
        ("J/psi -> phi eta at √s = 3.097 GeV (hadronic modes)", ["J/psi -> phi eta"]),
        ("D_s*+ D_s- production at BESIII: D_s*+ -> gamma D_s+", ["vpho -> D_s*+ D_s-", "D_s*+ -> gamma D_s+"]),
        ("D_s+ -> K+ K- pi+ from e+e- -> D_s+ D_s-", ["vpho -> D_s+ D_s-", "D_s+ -> K+ K- pi+"]),
        ("eta -> mu+ mu- in J/psi -> phi eta", ["J/psi -> phi eta", "eta -> mu+ mu-"]),
        ("J/psi -> omega eta, omega in pi+ pi- pi0", ["J/psi -> omega eta", "omega -> pi+ pi- pi0"]),
        ("B0->D0K+π-, D0->K-π+ or K+π-", ["B0 -> D0 K+ pi-", "D0 -> K- pi+", "D0 -> K+ pi-"]),
        ("Λc+→Λe+ν_e", ["Lambda_c+ -> Lambda0 e+ nu_e"]),
        ("τ-→μ-ν̄μντ", ["tau- -> mu- anti-nu_mu nu_tau"]),
        ("Omega_cc -> Xi_c+ K- pi+", ["Omega_cc+ -> Xi_c+ K- pi+"]),
        ("B_s0 → φ φ → K+K-φ", ["B_s0 -> phi phi", "phi -> K+ K-"]),
        (r"$B^+\to\omega\ell^+\nu$ with $\ell=e$ 信号样本", ["B+ -> omega e+ nu_e"]),
        ("J/psi -> phi f0(980), f0(980) -> pi pi", ["J/psi -> phi f_0", "f_0 -> pi+ pi-"]),
        ("B+→J/ψK+，J/ψ→e+e-或者μ+μ-", ["B+ -> J/psi K+", "J/psi -> e+ e-", "J/psi -> mu+ mu-"]),
        ("J/psi radiative decay to eta', eta' to pi pi eta and eta into two photons",
         ["J/psi -> gamma eta'", "eta' -> pi+ pi- eta", "eta -> gamma gamma"]),
        ("J/psi radiatively decays to gamma eta_c, eta_c -> p pbar", ["J/psi -> gamma eta_c", "eta_c -> p+ anti-p-"]),
        ("psi(2S) radiative decay to chi_cJ is what I need for J=1: psi(2S) -> gamma chi_c1, then chi_c1 -> K+ K- pi0",
         ["psi(2S) -> gamma chi_c1", "chi_c1 -> K+ K- pi0"]),
        ("Bc -> J/psi mu nu, J/psi -> mu mu, both charges", ["B_c+ -> J/psi mu+ nu_mu", "J/psi -> mu+ mu-"]),
        ("Upsilon(5S) -> B_s0* anti-B_s0*, B_s0* -> B_s0 gamma and conj., B_s0 -> J/psi phi",
         ["Upsilon(5S) -> B_s*0 anti-B_s*0", "B_s*0 -> B_s0 gamma", "B_s0 -> J/psi phi"]),
        ("B0 -> K*0(892) gamma, i.e. K*0(892) -> K+ pi-", ["B0 -> K*0 gamma", "K*0 -> K+ pi-"]),
        ("B0 -> J/psi K*0 via K*0 -> K+ pi-", ["B0 -> J/psi K*0", "K*0 -> K+ pi-"]),
        ("psi(2S) → γ γ J/psi via chi_c2", ["psi(2S) -> gamma chi_c2", "chi_c2 -> gamma J/psi"]),
        ("B0 -> K+ pi- gamma via the K*0, K*0 -> K+ pi-", ["B0 -> gamma K*0", "K*0 -> K+ pi-"]),
        ("J/psi -> gamma pi pi via f_0(980)", ["J/psi -> gamma f_0", "f_0 -> pi+ pi-"]),
        ("J/psi -> K_S0 K_S0 search", ["J/psi -> K_S0 K_S0"]),
        ("Bs → Ds K: B_s0 → D_s+ K-, D_s+ → φπ+", ["B_s0 -> D_s+ K-", "D_s+ -> phi pi+"]),
        ("B0 → D*- ℓ+ ν, B0 → D*- μ+ νμ", ["B0 -> D*- mu+ nu_mu"]),
        ("B+ -> anti-D(*)0 tau nu", ["B+ -> anti-D0 tau+ nu_tau", "B+ -> anti-D*0 tau+ nu_tau"]),
        (r"$B^0\to D^{(*)-}\mu^+\nu$", ["B0 -> D- mu+ nu_mu", "B0 -> D*- mu+ nu_mu"]),
        ("B -> tau nu, tau -> pi nu at Belle II", ["B+ -> tau+ nu_tau", "tau+ -> pi+ anti-nu_tau"]),
        (r"$\Xi_{cc}^{++}\to\Lambda_c^+K^-\pi^+\pi^+$", ["Xi_cc++ -> Lambda_c+ K- pi+ pi+"]),
        ("Bs -> Ds* mu nu", ["B_s0 -> D_s*- mu+ nu_mu"]),
        ("D0 -> K3pi", ["D0 -> K- pi+ pi+ pi-"]),
        ("B0 -> J/psi K*0 -> mu mu K pi", ["B0 -> J/psi K*0", "J/psi -> mu+ mu-", "K*0 -> K+ pi-"]),
        ("B+ -> D0bar pi+ -> K+ pi- pi+", ["B+ -> anti-D0 pi+", "anti-D0 -> K+ pi-"]),
        ("Lb -> Lc 3pi, Lc -> pKpi", ["Lambda_b0 -> Lambda_c+ pi+ pi- pi-", "Lambda_c+ -> p+ K- pi+"]),
        ("Λ̄ → n̄π0", ["anti-Lambda0 -> anti-n0 pi0"]),
        ("eta goes to two gammas", ["eta -> gamma gamma"]),
        ("Bs -> Ds K, Ds -> phi pi", ["B_s0 -> D_s+ K-", "B_s0 -> D_s- K+", "D_s+ -> phi pi+", "D_s- -> phi pi-"]),
        ("B0 -> K*0 τ+τ-，τ→πν", ["B0 -> K*0 tau+ tau-", "tau+ -> pi+ anti-nu_tau", "tau- -> pi- nu_tau"]),
        ("Z -> b bbar, B0 -> K*0 gamma", ["Z0 -> b anti-b", "B0 -> K*0 gamma"]),
        ("D_s+ D_s*- at 4178 MeV, D_s*- -> gamma D_s-, D_s+ -> phi pi+",
         ["vpho -> D_s+ D_s*-", "D_s*- -> gamma D_s-", "D_s+ -> phi pi+"]),
        ("在BESIII上模拟 e+e- → K+ K- J/ψ，质心系能量为4.23 GeV，J/ψ → μ+μ-", ["vpho -> K+ K- J/psi", "J/psi -> mu+ mu-"]),
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
        ("B+ -> K+ foo pi-", 'what "foo" beside the particles means is not read'),
        ("B0 -> K+ blurb", 'what "blurb" beside the particles means is not read'),
        ("D_s+ -> mu+ N, N -> mu- pi+", "names N, which is not a particle"),
        ("J/psi -> lepton pair", r'what J/psi decays to \("lepton pair"\) names no particle'),
        ("phi -> kaons", "does not say how many kaons phi decays to"),
        ("D0 -> anything", "names no decay"),
        ("chi_c1 -> p pbar from psi'", "does not say how psi' produces chi_c1"),
        ("psi(2S) -> gamma chi_cJ", "which J it means"),
        ("J/psi -> e+ e-, mu+ mu-", "those of one decay or of several"),
        ("D0 -> K- pi+ and K- pi+ pi0", "those of one decay or of several"),
        ("psi(2S) -> omega K+ K-, omega pi+ pi-", "those of one decay or of several"),
        ("J/psi -> phi, eta, phi", "phi is named twice"),
        ("J/psi -> omega eta, the other eta -> gamma gamma", 'which particle "the other" means'),
        ("psi(3770) -> D0 anti-D0, one D0 -> K- pi+, the other -> K+ pi-", "decays in two ways"),
        ("B_s0 -> phi phi phi, one phi -> K+ K-, the other -> mu+ mu-", "of which no decay produces two"),
        ("e+ e- -> tau+ tau-, tau -> mu gamma", "can be .*write its charge"),
        ("tau -> mu gamma at Belle II", "can be .*write its charge"),
        ("B -> K* nu nu at Belle II", r"B can be B\+ or B- or B0 or anti-B0"),
        ("B -> D(*) tau nu, D* -> D0 pi+ at LHCb", "nothing before it produces it|can be"),
        ("B+ -> anti-D0 mu+", 'a neutrino is missing: write "B\\+ -> anti-D0 mu\\+ nu_mu"'),
        ("B+ -> K+ tau+ tau-, both K+ -> mu+ nu_mu", 'says "both" or "each" of K\\+'),
        ("B+ -> tau+ nu_tau, both taus decay to pi nu", 'says "both" or "each" of tau'),
        ("D0 -> K- pi+, D0 -> K- K+", "decays in two ways"),
        ("D0 -> K- pi+ and anti-D0 -> K+ pi- at LHCb", "nothing before them produces both"),
        ("psi(2S) -> pi+ pi- J/psi with K+ K-", "in none of its decays"),
        ("B -> K pi", "can be .*write its charge"),
        ("make me some events", "names no decay"),
        ("D0 -> K- pi+ but not K+ pi-", "excludes something"),
        ("B0 -> K+ pi-, D0 -> K- pi+", "nothing before it produces it"),
        ("psi(2S) with chi_c0, chi_c0 -> pi+ pi-", "in none of its decays"),
        ("", "names no decay"),
        ("K*0 -> K- pi+", r"impossible: strangeness: K\*0 \(\+1\) -> K- pi\+ \(-1\)"),
        ("B0 -> D*- pi+, D*- -> D0 pi-", "impossible: charm"),
        ("J/psi -> K+ pi-", "impossible: strangeness"),
        ("phi -> K_S0 K_S0", "two identical bosons"),
        ("Z0 -> gamma gamma", "a particle of spin 1 does not decay to two photons"),
        ("pi pi pi pi pi pi pi pi pi -> K K K K K K K K K K", "charges of the decay of pi are not given"),
    ],
)
def test_refusals(sentence, reason):
    with pytest.raises(InputError, match=reason) as raised:
        read_plan(sentence)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "sentence",
    [
        "J/psi -> gamma eta_c, only half of the eta_c to p pbar",
        "B0 -> K*0 tau+ tau- with tau hadronic decays at FCC-ee",
        "psi(2S) -> pi0 pi0 J/psi where pi0 -> e+ e- gamma for one of them",
        "B0 -> phi K*0 at LHCb with transverse polarisation",
        "B0 -> D*- mu+ nu_mu at Belle II with CLN form factors",
        "Lambda_c+ -> p pi+ pi-, I mean Lambda_c+ -> p K- pi+",
        "B0 -> K+ pi- pi0 using a Dalitz model at Belle II",
    ],
)
def test_what_would_alter_the_card_and_is_not_read_is_refused(sentence):
    with pytest.raises(InputError):
        read_plan(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "psi(2S) -> pi+ pi- J/psi | J/psi -> gamma eta | eta -> gamma gamma",
        "psi(2S) -> pi+ pi- J/psi\n- J/psi -> gamma eta\n- eta -> gamma gamma",
        "psi(2S) → π⁺π⁻J/ψ (going to γη (which decays to γγ))",
    ],
)
def test_decays_in_lists_and_brackets_with_verbs(sentence):
    assert [str(step) for step in read_plan(sentence).steps] == [
        "psi(2S) -> pi+ pi- J/psi", "J/psi -> gamma eta", "eta -> gamma gamma"
    ]  # fmt: skip


def test_a_pair_of_d_at_the_energy_of_the_psi_3770_is_made_by_it():
    plan = read_plan("e+ e- -> D0 anti-D0 at 3.773 GeV, D0 -> K- pi+ at BESIII")
    assert plan.steps[0] == DecayStep("psi(3770)", ("D0", "anti-D0"))
    assert read_plan("e+ e- -> D0 anti-D0 at 4.18 GeV, D0 -> K- pi+ at BESIII").steps[0].parent == "vpho"


@pytest.mark.parametrize(
    "sentence", ["eta -> pi+ pi-", "chi_c1 -> K+ K-", "J/psi -> p+ e-", "eta_c -> pi0 pi0"]
)
def test_what_strong_decays_forbid_is_written_for_a_search_alone(sentence):
    with pytest.raises(InputError, match="impossible"):
        read_plan(sentence)
    assert read_plan(f"search for {sentence}").searched


@pytest.mark.parametrize(
    ("words", "radiates"),
    [
        ("without PHOTOS", False),
        ("no final-state radiation", False),
        ("不加末态辐射", False),
        ("with PHOTOS", True),
        ("", None),
    ],
)
def test_photons_are_radiated_as_the_sentence_says(words, radiates):
    assert read_plan(f"J/psi -> mu+ mu- {words}").photos is radiates


def test_a_generic_particle_decays_by_the_table():
    assert len(read_plan("tau- -> mu- gamma at Belle II with a generic tau+").steps) == 1


@pytest.mark.parametrize(("sentence", "count"), [
    ("100k events", 100_000), ("2.3M events", 2_300_000), ("1e6 J/psi", 1_000_000), ("10,000 events", 10_000), ("0 events", None),
    ("50000 evts, LHCb", 50_000), ("evts: 200", 200), ("1000个事件", 1000),
    ("1.5 events", None), ("0.0001k events", None),
])  # fmt: skip
def test_events_are_counted_in_whole_numbers(sentence, count):
    if count is not None:
        assert count_of_events(sentence) == count
        return
    with pytest.raises(InputError, match="is not a whole number of events"):
        count_of_events(sentence)
