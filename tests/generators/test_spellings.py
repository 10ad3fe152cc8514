"""What people write is rewritten into the forms that the grammar reads, and nothing else is touched."""

from __future__ import annotations

import pytest

from yukawa.generators.spellings import plain_sentence


@pytest.mark.parametrize(
    ("sentence", "plain", "notes"),
    [
        ("J/psi -> mumu", "J/psi → mu mu", ()),
        ("ψ(2S)→π0π0J/ψ", "psi(2S) → pi0 pi0 J/psi", ()),
        ("J/ψ → γη′", "J/psi → gamma eta'", ()),
        ("B+ → μ+ νμ", "B+ → mu+ nu_mu", ()),
        ("Λc+ → p K− π+", "Lambdac+ → p K- pi+", ()),
        ("D0 -> Kpipi", "D0 → K pi pi", ()),
        ("J/psi -> dimuon", "J/psi → muon muon", ()),
        ("psi(2S) dcays to gama chi_c0", "psi(2S) decays to gamma chi_c0", ("dcays is read as decays", "gama is read as gamma")),
        ("psi(2S) decyas into J/psi pi pi", "psi(2S) decays into J/psi pi pi", ("decyas is read as decays",)),
        ("psi(2S) → 正反质子对", "psi(2S) → proton antiproton", ()),
        ("J/psi → 正负电子对", "J/psi → e+ e-", ()),
        ("J/psi → K*0 anti-K*0, two gammas, pions and Lambda", "J/psi → K*0 antiK*0, two gamma, pions and Lambda", ()),
        ("I'd like B0 -> K+ pi-, other B generic", "like B0 → K+ pi-,", ()),
        ("in e+e- collisions B0 -> K+ pi-", "B0 → K+ pi-", ()),
    ],
)  # fmt: skip
def test_forms(sentence, plain, notes):
    found, slips = plain_sentence(sentence)
    assert (" ".join(found.split()), slips) == (plain, notes)
