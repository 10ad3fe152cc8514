"""`check` of whole files: public cards, tables, the mistakes that were published, and which kind a file is of."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import pytest
from tests.generators.conftest import DATA

from yukawa.generators import check
from yukawa.generators.checking import Surroundings, kind_of


def test_public_cards_have_the_errors_that_they_have_and_no_other(real_cards, codes):
    errors = {name: [f for f in codes(text) if f[0][0] == "E"] for name, text in real_cards.items()}
    # Each was looked at: these names are defined nowhere.
    assert {name: found for name, found in errors.items() if found} == {
        "scikit-hep__model-D0MIXDALITZ.dec": [("E-PART", 10), ("E-PART", 11)],
        "scikit-hep__model-D_hhhh.dec": [("E-PART", 3)],
        "scikit-hep__model-VVPIPI.dec": [("E-PART", 3)],
    }


def test_findings_are_those_of_the_list(real_cards, codes):
    """cards.tsv lists what a first checker found and people looked at: errors and warnings, card by card."""
    listed = {}
    for line in (DATA / "cards.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        name, *_, findings = line.split("\t")
        listed[name] = {each for each in findings.split("; ") if each}
    assert set(listed) == set(real_cards)
    assert {
        name: {f"{line}:{code}" for code, line in codes(text)} for name, text in real_cards.items()
    } == listed


def table(name: str) -> str:
    spec = importlib.util.find_spec("decaylanguage")
    if spec is None:
        pytest.skip("decaylanguage is not installed")
    return (Path(spec.origin).parent / "data" / name).read_text(encoding="utf-8")


def test_the_table_of_lhcb_has_the_errors_that_were_looked_at(codes):
    text = table("DECAY_LHCB.DEC")
    began = time.process_time()
    found = codes(text)
    assert time.process_time() - began < 3
    # A K0 where strangeness wants its antiparticle: K_2*- -> rho- K0; and in modes with fraction 0, which no event has.
    strange = [7464, 7531, 7570, 7710]
    undrawn = [8125, 8128, 8168, 8171, 8427]  # J/psi -> omega pi- K+ K0, psi(4415) -> D_s- D+ anti-K0
    assert {("W-ZERO", line) for line in undrawn} <= set(found)
    errors = [("E-BARYON", 8469), *(("E-FLAVOUR", line) for line in strange)]
    assert sorted(each for each in found if each[0][0] == "E") == sorted(errors)


@pytest.mark.slow
def test_the_table_of_belle_2_has_the_errors_that_were_looked_at(codes):
    found = [each for each in codes(table("DECAY_BELLE2.DEC")) if each[0][0] == "E"]
    assert ("E-LEPTON", 9808) in found
    assert ("E-BARYON", 12532) in found
    masses = [line for code, line in found if code == "E-MASS"]
    assert masses == [2094, 2095, 2096, 2097, 3904, 3905, 3906, 3907]  # psi(2S) D is heavier than a B


PUBLISHED = {
    "Decay chi_c0\n1.0 K- p+ Lambda0 PHSP;\nEnddecay\nEnd": ("E-BARYON", 2),
    "Decay Sigma-\n1.0 anti-p- pi0 PHSP;\nEnddecay\nEnd": ("E-BARYON", 2),
    "Decay K_S0\n1.0 pi+ e- nu_e PHSP;\nEnddecay\nEnd": ("E-LEPTON", 2),
    "Alias MyD'_1+ D'_1+\nAlias MyD'_1- D'_1-\nChargeConj MyD'_1+ MyD'_1-\nDecay MyD'_1+\n1.0 D*0 pi+ VVS_PWAVE 1 0 0 0 0 0;\n"
    "Enddecay\nCDecay MyD'_1+\nEnd": ("E-CDORDER", 7),
    "Alias My_D*+ D*+\nAlias My_D*- D*-\nChargeConj My_D*+ My_D*-\nDecay My_D*+\n1.0 D0 pi+ VSS;\nEnddecay\nCDecay My_D*+\nEnd": (
        "E-CDORDER", 7),
    "Decay h_c\n1.0 gamma eta_c PHSP;\nEnddecay\nDecay h_c\n1.0 J/psi pi0 PHSP;\nEnddecay\nEnd": ("W-REDECAY", 4),
    "Decay D+\n1,0000 K- pi+ pi+ D_DALITZ;\nEnddecay\nEnd": ("E-FRAC", 2),
    "Decay Upsilon\n1.0 mu+ mu- PHOTOS VLL;2\nEnddecay\nEnd": ("W-AFTERSEMI", 2),
    "Decay B0\n1.0 K*0 e- anti-e_mu PHSP;\nEnddecay\nEnd": ("E-PART", 2),
    "Alias MyB B0\nEnd": ("W-ALIASUNUSED", 1),
    "Alias MyBs B_s0\nDecay B_c+sig\n1.0 MyBs mu+ anti-nu_mu PHSP;\nEnddecay\nDecay MyBs\n1.0 J/psi phi PHSP;\nEnddecay\nEnd": (
        "E-LEPTON", 3),
    "Alias Mytau+ tau+\nDecay Mytau+\n1.0 pi+ pi- pi+ nu_tau PHSP;\nEnddecay\nEnd": ("E-LEPTON", 3),
    "Decay D_s0*+\n1.0 D_s+ gamma PHSP;\nEnddecay\nEnd": ("E-SPIN", 2),
    "Decay B_c+\n1.0 J/psi anti-p- Lambda0 PHSP;\nEnddecay\nEnd": ("E-CHARGE", 2),
}  # fmt: skip


@pytest.mark.parametrize("text", PUBLISHED)
def test_mistakes_that_were_published(codes, text):
    assert PUBLISHED[text] in codes(text)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.dec", "", "card"), ("DECAY.DEC", "x", "card"), ("run.cmnd", "", "pythia"),
        ("jobOptions_sim.txt", "KKMC.CMSEnergy = 3.1;", "boss"),
        ("", "Decay B0", "card"), ("", "Beams:eCM = 91.2", "pythia"), ("", '#include "$KKMCROOT/share/x.txt"', "boss"), ("", "?", "card"),
    ],
)  # fmt: skip
def test_the_kind_of_a_file(name, text, kind):
    assert kind_of(name, text) == kind


def test_findings_are_in_the_order_of_the_lines():
    found = check("Decay X\n1,0 pi+ pi+ PHSP\nEnddecay\nAlias a b\n")
    assert [each.line for each in found] == sorted(each.line for each in found)


def test_a_virtual_photon_has_the_energy_of_the_collider(codes):
    card = "Decay vpho\n1.0 D_s*+ D_s*- PHSP;\nEnddecay\nEnd"
    assert not codes(card)
    assert codes(card, surroundings=Surroundings(ecms=3.773)) == [("E-MASS", 2)]
    assert not codes(card, surroundings=Surroundings(ecms=4.26))
