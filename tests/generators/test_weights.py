"""Fractions of modes as people write them; each mode keeps its own, and they sum to 1."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.plans import fractions_of
from yukawa.generators.sentences import read_plan
from yukawa.generators.weights import marked, share_of
from yukawa.generators.writing import write_card

MODES = ("D0 -> K- pi+", "D0 -> K- pi+ pi0")


def fractions(sentence: str) -> dict[str, float]:
    steps = read_plan(sentence).steps
    found = {}
    for parent in dict.fromkeys(step.parent for step in steps):
        modes = [step for step in steps if step.parent == parent]
        found |= {str(step): round(part, 4) for step, part in zip(modes, fractions_of(modes), strict=True)}
    return found


@pytest.mark.parametrize(
    "form",
    [
        "D0 -> K- pi+ ({0}%) or K- pi+ pi0 ({1}%)", "D0 -> K- pi+ ({0} %), K- pi+ pi0 ({1} %)", "D0 -> {0}% K- pi+ and {1}% K- pi+ pi0",
        "{0}% D0 -> K- pi+ and {1}% D0 -> K- pi+ pi0", "D0 -> K- pi+ or K- pi+ pi0 with weights {0} to {1}",
        "D0 -> K- pi+ or K- pi+ pi0 in the ratio {0}:{1}", "D0 decays {0}% to K- pi+ and {1}% to K- pi+ pi0",
        "D0 → K- pi+ ({0}%) 或 K- pi+ pi0 ({1}%)", "D0 -> K- pi+ {0} percent or K- pi+ pi0 {1} percent",
        "D0 -> 0.0{0:g} K- pi+ + 0.0{1:g} K- pi+ pi0", "D0 -> K- pi+ (0.0{0:g}), K- pi+ pi0 (0.0{1:g})",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("one", "other"), [(60, 40), (90, 10), (5, 1), (12.5, 87.5), (33, 33)])
def test_each_mode_has_its_share_of_their_sum(form, one, other):
    """Law: the fraction of each mode is its number over the sum of all."""
    if "0.0{" in form and any(number < 10 or number % 1 for number in (one, other)):
        one, other = 60, 40  # the form puts the digits of a whole number behind the point
    total = one + other
    expected = dict(zip(MODES, (round(one / total, 4), round(other / total, 4)), strict=True))
    assert fractions(form.format(one, other)) == pytest.approx(expected, abs=1.1e-3)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("psi(2S) -> gamma chi_c1, chi_c1 -> gamma J/psi, J/psi decays half to e+e- and half to mu+mu-",
         {"psi(2S) -> gamma chi_c1": 1, "chi_c1 -> gamma J/psi": 1, "J/psi -> e+ e-": 0.5, "J/psi -> mu+ mu-": 0.5}),
        ("psi(3770) -> D+ D-, 60% D+ -> K- pi+ pi+ and 40% D+ -> K_S0 pi+, D- the charge conjugate",
         {"psi(3770) -> D+ D-": 1, "D+ -> K- pi+ pi+": 0.6, "D+ -> K_S0 pi+": 0.4}),
        ("B+ -> K+ X(3872) , X(3872) -> J/psi pi+ pi-, J/psi -> e+e- (50%) mu+mu- (50%)",
         {"B+ -> K+ X_1(3872)": 1, "X_1(3872) -> J/psi pi+ pi-": 1, "J/psi -> e+ e-": 0.5, "J/psi -> mu+ mu-": 0.5}),
        ("B+ -> anti-D*0 mu+ nu_mu, anti-D*0 -> anti-D0 gamma (35%) or anti-D0 pi0 (65%), anti-D0 -> K+ pi-",
         {"B+ -> anti-D*0 mu+ nu_mu": 1, "anti-D*0 -> anti-D0 gamma": 0.35, "anti-D*0 -> anti-D0 pi0": 0.65, "anti-D0 -> K+ pi-": 1}),
        ("B0s -> Ds- pi+, Ds- -> K+ K- pi- or pi+ pi- pi- with weights 5 to 1",
         {"B_s0 -> D_s- pi+": 1, "D_s- -> K+ K- pi-": 0.8333, "D_s- -> pi+ pi- pi-": 0.1667}),
        ("J/psi -> l+ l- (60%) or pi+ pi- pi0 (40%) with l = e, mu",
         {"J/psi -> e+ e-": 0.3, "J/psi -> pi+ pi- pi0": 0.4, "J/psi -> mu+ mu-": 0.3}),
        ("J/psi -> mu+ mu- (100%)", {"J/psi -> mu+ mu-": 1}), ("J/psi -> mu+ mu-, 100 percent", {"J/psi -> mu+ mu-": 1}),
        ("J/psi -> mu+ mu- percent 100", {"J/psi -> mu+ mu-": 1}),
        ("D0 -> K- pi+ (60%) or K- pi+ pi0 (30%) or K- K+ (10%)", {"D0 -> K- pi+": 0.6, "D0 -> K- pi+ pi0": 0.3, "D0 -> K- K+": 0.1}),
    ],
)  # fmt: skip
def test_sentences(sentence, expected):
    assert fractions(sentence) == pytest.approx(expected, abs=1e-4)


def test_the_card_holds_and_says_them():
    card = write_card(read_plan("D0 -> K- pi+ (30%) or K- pi+ pi0 (60%)"))
    assert "0.3333 K- pi+ PHSP;" in card.text
    assert "0.6667 K- pi+ pi0 D_DALITZ;" in card.text
    assert "D0: 2 modes with the fractions of the sentence, whose sum 0.9 is scaled to 1" in card.notes
    assert not any("equal fractions" in note for note in card.notes)
    forced = write_card(read_plan("psi(2S) -> J/psi pi+ pi- (34.68%), J/psi -> mu+ mu- (5.961%)"))
    assert "\n1.0000 J/psi pi+ pi- JPIPI;" in forced.text
    assert (
        "psi(2S): 1 mode with the fractions of the sentence, whose sum 0.3468 is scaled to 1" in forced.notes
    )


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("D0 -> K- pi+ (60%) and K- pi+ pi0", r"fractions \(60%\)"),
        ("D0 -> K- pi+ (60%) or K- pi+ pi0", r"fractions \(60%\)"),
        ("D0 -> K- pi+ or K- pi+ pi0 with weights 5 to 1 to 2", "fractions"),
        ("D0 -> K- pi+ (60%) or K- pi+ pi0 (130%)", r"fractions \(60%\)"),
        ("D0 -> K- pi+ (60%) or K- pi+ pi0 (30%) or K+ K-", "has no fraction"),
    ],
)
def test_fractions_that_are_not_certain_are_refused(sentence, reason):
    with pytest.raises(InputError, match=reason):
        write_card(read_plan(sentence))


def test_a_mark_is_the_fraction_before_its_mode():
    plain = marked("D0 → K- pi+ (60%) or K- K+ (40%)")
    assert "%" not in plain
    assert [share_of(gap) for gap in plain.split("K- ")] == pytest.approx([0.6, 0.4, None])
    assert marked("D0 → K- pi+") == "D0 → K- pi+"
