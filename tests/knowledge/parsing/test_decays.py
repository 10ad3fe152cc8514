"""Decays as people write them: subject, products and the words that say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing.channels import mode
from yukawa.knowledge.parsing.decays import Decay, find_decays


def only(text: str) -> Decay:
    found = find_decays(text)
    assert len(found) == 1, (text, found)
    return found[0]


@pytest.mark.parametrize(("text", "subject", "products"), [
    ("What is the branching fraction of the tau to mu gamma?", "tau-", "gamma mu+-"),
    ("BR(B_s -> mu mu)", "B_s()0", "mu+- mu+-"),
    ("How often does the Z decay into a pair of muons?", "Z0", "mu+- mu+-"),
    ("what fraction of Higgs bosons decay to two photons", "H", "gamma gamma"),
    (r"$\mathcal{B}(B^0_s\to\mu^+\mu^-)$", "B_s()0", "mu+ mu-"),
    ("Z衰变到μ+μ-的分支比是多少", "Z0", "mu+ mu-"),
    ("Zのe+e-への崩壊の分岐比", "Z0", "e+ e-"),
    ("Λ粒子が陽子とπ⁻に崩壊する割合", "Lambda0", "p pi-"), ("Wie oft zerfällt das Z-Boson in ein Myon-Paar?", "Z0", "mu+- mu+-"),
    ("In what percentage of cases does a K-short turn into two charged pions?", "K(S)0", "pi+- pi+-"),
    ("τ轻子衰变成μ子和两个中微子的分支比", "tau-", "mu+- neutrino neutrino"),
    ("K⁺ zerfällt in ein Antimyon und ein Neutrino", "K+", "mu+ neutrino"),
    ("Λ_b→pK⁻μ⁺μ⁻", "Lambda_b()0", "K- mu+ mu- p"), ("t→bW⁺", "t", "W+ b"), ("B→X_sγ", "B+", "Xs gamma"), ("Z→qq̄", "Z0", "q qbar"),
    ("B⁰→K∗⁰μ⁺μ⁻", "B0", "K^*(892)0 mu+ mu-"), ("B0→K*μμ", "B0", "K^*(892) mu+- mu+-"), ("H→bb̄", "H", "b bbar"),
    ("the B_s to dimuon branching ratio", "B_s()0", "mu+- mu+-"), ("Z → dielectrons", "Z0", "e+- e+-"),
    ("How does the neutron decay to a proton, an electron and an antineutrino?", "n", "e+- nubar p"),
    ("probability that a K+ decays to pi+ pi0", "K+", "pi+ pi0"),
    ("B+ → D0bar l+ nu at LHCb", "B+", "Dbar0 lepton+ nu"),
    ("D → K l nu and its width", "D+", "K lepton nu"),
])  # fmt: skip
def test_decays(text: str, subject: str, products: str) -> None:
    decay = only(text)
    assert decay.subject is not None
    assert subject in decay.subject.names
    assert " ".join(mode(decay.channel).channel) == products
    assert decay.explicit
    assert decay.problem == ""


def test_places_are_those_of_the_question() -> None:
    text = r"the fraction of $\bar{B}^0_s\to\mu^+\mu^-$ decays"
    decay = only(text)
    assert decay.subject is not None
    assert text[slice(*decay.subject.span)] == decay.subject.text
    assert decay.subject.text.endswith("B}^0_s")
    assert text[slice(*decay.channel.span)].rstrip("$") == r"\mu^+\mu^-"


def test_a_sought_particle_has_no_name() -> None:
    assert only("which particles decay to J/psi pi+ pi-?").subject is None


def test_a_mere_to_is_marked() -> None:
    assert not only("compare the mass of the W to the Z").explicit
    assert not only("the ratio of the mass of the muon to the electron").explicit


@pytest.mark.parametrize(("text", "problem"), [
    ("D0 → K- pi+ pi+", "charge"), ("e+ e- → mu+ mu-", "reaction"), ("cross section for e+ e- → ZH at 240 GeV", "reaction"),
    ("Zorblon → mu+ mu-", "not a particle known here"),
])  # fmt: skip
def test_problems(text: str, problem: str) -> None:
    assert problem in only(text).problem


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ["Z", "→", " to ", "mu+ ", "K-", "decays", "の", "への崩壊", "$", "\\pi", " and ",
     "(", ")", "B_s"]), max_size=10).map("".join))  # fmt: skip
def test_any_text_is_read(text: str) -> None:
    for decay in find_decays(text):
        assert 0 <= decay.span[0] <= decay.span[1] <= len(text)
