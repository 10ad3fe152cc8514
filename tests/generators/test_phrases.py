"""What a sentence says beside its decays is read, alters nothing, or refuses it with the true reason."""

from __future__ import annotations

import itertools

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.phrases import FREE, lepton_variants, unread_words
from yukawa.generators.sentences import read_plan

LEPTONS = ("e", "mu", "tau")


@pytest.mark.parametrize(
    "values", [chosen for size in (1, 2, 3) for chosen in itertools.combinations(LEPTONS, size)]
)
@pytest.mark.parametrize(
    "form",
    ["Upsilon -> l+ l- with l = {}", "Upsilon -> l l, l={}", "Upsilon -> ll ({{l}} = {})".replace("{{l}}", "l"),
     r"$\Upsilon(1S)\to\ell^+\ell^-$, $\ell = {}$", "Upsilon 衰变到 l+ l-，其中 l 为 {}"],
)  # fmt: skip
def test_each_value_of_a_letter_is_a_pair_of_one_flavour(form, values):
    """Law: as many modes as values, none of which mixes flavours."""
    plan = read_plan(form.replace("{}", ", ".join(values)))
    assert [step.daughters for step in plan.steps] == [(f"{value}+", f"{value}-") for value in values]


@pytest.mark.parametrize(
    ("sentence", "variants"),
    [
        ("B0 → D*- l+ nu (l = e or mu)", ["B0 → D*- e+ nu ;", "B0 → D*- mu+ nu ;"]),
        ("J/psi → l+l-, l being e and mu", ["J/psi → e+e-, ;", "J/psi → mu+mu-, ;"]),
        ("B → K l l with l = muon", ["B → K mu mu ;"]),
        ("nu_l where l is tau", ["nu_tau ;"]),
        ("psi(2S) → Lambda Lambdabar", ["psi(2S) → Lambda Lambdabar"]),
    ],
)
def test_letters(sentence, variants):
    found, note = lepton_variants(sentence)
    assert ([" ".join(each.split()) for each in found], note) == (variants, "")


@pytest.mark.parametrize("text", ["J/psi → l+ l-", "B0 → K*0 ll", "B+ → D0 l+ nu_l"])
def test_a_letter_without_a_value_is_of_both_light_leptons_and_a_note_says_so(text):
    found, note = lepton_variants(text)
    assert len(found) == 2
    assert "l is read as e and mu" in note


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("D0 -> K- pi+ but not D0 -> K+ pi-", r"excludes something \(not\)"),
        ("B+ -> D0 X", "X names no particle of the tables"),
        ("B0 -> X_s gamma", "X_s names no particle of the tables"),
        ("B0 -> invisible particles and K_S0", "invisible names no particle of the tables"),
        (
            "psi(3770) -> D0 anti-D0, D0 -> K- pi+, the other to K+ pi- pi0",
            'which particle "the other" means',
        ),
        (
            "J/psi -> phi eta, which decay to K+ K- and gamma gamma respectively",
            "which decay belongs to which",
        ),
        ("D0 -> 0.6 K- pi+ + K- pi+ pi0", r"which modes the fractions \(0\.6\) belong to"),
        ("B0 -> Xs gamma", "Xs names no particle of the tables"),
        ("D0 -> K- pi+ (60%) and K- pi+ pi0", r"which modes the fractions \(60%\) belong to"),
        ("B+ -> pi+ pi- pi+ pi0 via omega", "which daughters of B\\+ come from the omega"),
        ("J/psi -> pi+ pi- pi0 via rho0 pi0", "which daughters of J/psi come from the rho0"),
        ("B0 -> K*0 gamma miraculously K*0 -> K+ pi-", 'what "miraculously" beside the particles means'),
    ],
)
def test_what_no_card_holds_is_refused_with_its_reason(sentence, reason):
    with pytest.raises(InputError, match=reason):
        read_plan(sentence)


def test_a_half_that_decays_freely_is_named_and_no_daughter():
    for words in ("-> anything", "decays generically", "generic", "-> any", "任意衰变"):
        plan = read_plan(f"psi(3770) -> D+ D-, D+ -> K- pi+ pi+, D- {words}")
        assert [str(step) for step in plan.steps] == ["psi(3770) -> D+ D-", "D+ -> K- pi+ pi+"]
    assert plan.alone
    assert not FREE.match(" -> K+ pi-")


def test_words_that_alter_nothing_are_known_in_two_languages():
    assert not list(unread_words(" followed by the subsequent decays of the 2.5 GeV "))
    assert not list(unread_words("，其中 然后 衰变到 "))
    assert list(unread_words(" turns miraculously 奇迹般 to ")) == ["miraculously", "奇迹般"]
