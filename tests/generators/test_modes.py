"""One mode after another: names, what a model takes, sums."""

from __future__ import annotations

import pytest

from yukawa.generators.checking import check
from yukawa.generators.mending import mended_fully

CARD = "Decay {parent}\n1.0 {mode};\nEnddecay\nEnd"


def of(parent: str, mode: str) -> str:
    return CARD.format(parent=parent, mode=mode)


@pytest.mark.parametrize(
    ("parent", "mode", "code", "write"),
    [
        ("psi(2S)", "J/psi pi- pi+ JPIPI", "E-ORDER", '"J/psi pi+ pi-"'),
        ("psi(2S)", "chi_c0 gamma P2GC0", "E-ORDER", '"gamma chi_c0"'),
        ("B0", "mu+ nu_mu D- ISGW2", "E-ORDER", '"D- mu+ nu_mu"'),
        ("J/psi", "mu+ mu- vll", "E-MODEL", '"VLL"'),
        ("J/psi", "mu+ mu- PHOTOS vll", "E-MODEL", '"VLL"'),
        ("J/psi", "e+ e- PHOTOS VVL", "E-MODEL", '"VLL"'),
        ("phi", "K+ K- SVV", "E-MODEL", '"VSS"'),
        ("B0", "D*- pi+ SV", "E-MODEL", '"SVS"'),
        ("J/psi", "mu+ muu- VLL", "E-PART", '"mu-"'),
        ("J/psi", "mu+ mu-", "E-NOMODEL", ""),
        ("J/psi", "mu+ mu- gamma VLL", "E-NDAUG", ""),
        ("J/psi", "mu+ mu- VLL 1.0", "E-NARG", ""),
        ("B0", "mu+ mu- VLL", "E-MSPIN", ""),
        ("J/psi", "pi+ pi- VLL", "E-MSPIN", ""),
        ("B0", "K*0 nu_e nu_mu KSTARNUNU", "W-LNV", ""),
        ("B0", "rho+ rho- HELAMP 1 0 1 0", "E-NARG", ""),
        ("B+", "D0 mu+ anti-nu_mu ISGW2", "E-LEPTON", '"D0 mu+ nu_mu"'),
        ("Bo", "K+ pi- PHSP", "E-PART", '"B0"'),
        ("B0", "J/psi K_S0 SVS_CP beta dmm -1 1 0 1 0", "E-ARG", ""),
        ("B0", "K+ 1.0 PHSP", "E-PART", ""),
    ],
)  # fmt: skip
def test_a_mistake_in_a_mode(first, parent, mode, code, write):
    found = first(of(parent, mode), code)
    assert (found.line, found.write) == (1 if parent == "Bo" else 2, write)


@pytest.mark.parametrize(
    ("parent", "daughters"),
    [
        ("J/psi", "e+ e-"),
        ("phi", "K+ K-"),
        ("B0", "J/psi K_S0"),
        ("B_s0", "J/psi phi"),
        ("B+", "tau+ nu_tau"),
        ("f_2", "pi+ pi-"),
    ],
)
@pytest.mark.parametrize("word", ["VVL", "SVV", "SSV", "VSP", "TTS", "SLLL", "VLLX", "VVPIP", "HELAM"])
def test_a_model_that_is_offered_takes_the_spins(first, codes, parent, daughters, word):
    """Law: the model offered for an unknown one brings no finding about spins or numbers of daughters."""
    model = first(of(parent, f"{daughters} {word}"), "E-MODEL").write.strip('"')
    assert model != word
    if model:
        better = codes(of(parent, f"{daughters} {model}"))
        assert not {"E-MSPIN", "E-NDAUG", "E-MODEL"} & {code for code, _ in better}, model


def test_an_unknown_particle_hides_no_other_finding_and_makes_none(codes):
    assert codes(of("J/psi", "xyzzy++ mu- VLL")) == [("E-PART", 2)]


@pytest.mark.parametrize(
    ("modes", "code"),
    [
        (("0.6 K+ pi- PHSP;", "0.6 pi+ pi- PHSP;"), "W-SUM"),
        (("0.0 K+ pi- PHSP;",), "E-SUM"),
        (("0.5 K+ pi- PHSP;", "0.5 pi- K+ PHSP;"), "E-DUPMODE"),
    ],
)
def test_blocks(codes, modes, code):
    assert code in [found for found, _ in codes("\n".join(("Decay B0", *modes, "Enddecay", "End")))]


@pytest.mark.parametrize(
    ("parent", "mode", "code"),
    [
        ("K_S0", "pi+ e- nu_e PHSP", "E-LEPTON"), ("chi_c0", "K- p+ Lambda0 PHSP", "E-BARYON"), ("K*0", "K- pi+ VSS", "E-FLAVOUR"),
        ("J/psi", "gamma gamma PHSP", "E-SPIN"), ("psi(2S)", "B0 anti-B0 VSS", "E-MASS"), ("B0", "K+ pi+ PHSP", "E-CHARGE"),
    ],
)  # fmt: skip
def test_a_mode_that_is_never_drawn_breaks_no_event(codes, parent, mode, code):
    """Law: with the fraction 0 a broken law is a warning, unless the generator stops on it while it reads."""
    drawn, undrawn = (
        codes(f"Decay {parent}\n1.0 u anti-u PYTHIA 42;\n{fraction} {mode};\nEnddecay\nEnd")
        for fraction in ("0.1", "0.0")
    )
    assert (code, 3) in drawn
    assert ("E-CHARGE" if code == "E-CHARGE" else "W-ZERO", 3) in undrawn
    assert len([each for each in undrawn if each[0].startswith("E")]) == (code == "E-CHARGE")


def test_the_name_of_an_alias_is_preferred(first):
    text = "Alias MyantiK*0 anti-K*0\nDecay B0\n1.0 K*0 Myanti-K*0 PHSP;\nEnddecay\nDecay MyantiK*0\n1 K- pi+ VSS;\nEnddecay\nEnd"
    found = first(text, "E-PART")
    assert (
        found.message == 'unknown particle Myanti-K*0; the card defines MyantiK*0 (line 1); write "MyantiK*0"'
    )


def test_a_missing_alias_is_written_once_for_all_uses(first):
    text = "Decay B0\n1.0 MyD- pi+ PHSP;\nEnddecay\nDecay MyD-\n1.0 K+ pi- pi- PHSP;\nEnddecay\nEnd"
    found = first(text, "E-PART")
    assert found.write == '"Alias MyD- D-"'
    assert [(edit.line, edit.new) for edit in found.edits] == [(1, "Alias MyD- D-\n")]


def test_own_cards_have_no_error(own_card, codes):
    assert not codes(own_card)


def test_a_mend_of_a_model_leaves_the_flags_before_it():
    text = of("J/psi", "mu+ mu- PHOTOS vll")
    better, left = mended_fully(text, lambda text: check(text, name="card.dec"))
    assert (better, left) == (of("J/psi", "mu+ mu- PHOTOS VLL"), [])


def test_an_alias_beside_that_of_its_antiparticle_is_known():
    """MyLc is not MyALc misspelt where ChargeConj names both."""
    text = (
        "Alias MyALc anti-Lambda_c-\nChargeConj MyLc MyALc\nDecay Lambda_b0\n1 MyLc pi- PHSP;\nEnddecay\n"
        "Decay MyLc\n1 p+ K- pi+ PHSP;\nEnddecay\nCDecay MyALc\nEnd"
    )
    better, left = mended_fully(text, lambda text: check(text, name="card.dec"))
    assert "Alias MyLc Lambda_c+\n" in better
    assert not [each for each in left if each.level == "error"]


@pytest.mark.parametrize(
    ("mode", "code", "write"),
    [
        ("mu+ mu- VLL PHOTOS", "E-ARG", '"PHOTOS VLL"'),
        ("rho0 pi0 HELAMP 1,0 0 1 0 1 0", "E-ARG", '"1.0"'),
        ("rho0 pi0 HELAMP 1.0, 0 1 0 1 0", "E-ARG", '"1.0"'),
        ("\u03bc\u207a mu- VLL", "E-PART", '"mu+"'),
        ("K\u207a K- VSS", "E-PART", '"K+"'),
        ("\u03c1\u2070 \u03c0\u2070 PHSP", "E-PART", '"rho0"'),
    ],
)
def test_what_is_certainly_meant_is_written(first, mode, code, write):
    found = first(f"Decay J/psi\n1.0 {mode};\nEnddecay\nEnd", code)
    assert (found.write, bool(found.edits), found.physics) == (write, True, False)


def test_no_name_is_guessed_for_letters_that_are_not_known(first):
    assert first("Decay J/psi\n1.0 \u0416+ mu- VLL;\nEnddecay\nEnd", "E-PART").edits == ()
    assert first("Decay J/psi\n1.0 K\u207a\u207a mu- VLL;\nEnddecay\nEnd", "E-PART").edits == ()
