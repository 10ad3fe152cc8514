"""Sentences are taken apart into things, decays, properties, values and words, in whatever notation they are written."""

from __future__ import annotations

import re
import time

import pytest

from yukawa.knowledge.parsing import quantities, sentence_parts, statements
from yukawa.knowledge.parsing.sentence_parts import Part, Parts

take = sentence_parts.sentence_parts


def of(kind: str, found: Parts) -> list[Part]:
    return [part for part in found.parts if part.kind == kind]


@pytest.mark.parametrize(("text", "names"), [
    ("The mass of the tau lepton (τ, tau) is 1776.93 MeV.", [("tau+", "tau-")]), ("charged pion (π±, pi+-, pi meson)", [("pi+", "pi-")]),
    ("the Lambda_c baryon (Λ_c⁺, Lambda_c+, charmed Lambda)", [("Lambda_c()+",)]), ("the neutral kaon (K⁰, K0)", [("K0",)]),
    ("the W and the Z", [("W+", "W-"), ("Z0",)]), ("the muon (τ, tau)", [("mu+", "mu-"), ("tau+", "tau-"), ("tau+", "tau-")]),
    ("the tau lepton (τ, mu)", [("tau+", "tau-"), ("tau+", "tau-"), ("mu+", "mu-")]),
])  # fmt: skip
def test_names_in_apposition_are_one_thing_if_they_agree(text: str, names: list[tuple[str, ...]]) -> None:
    assert [part.names for part in of("thing", take(text))] == names


@pytest.mark.parametrize("text", [
    "B(D⁺ → K⁻ π⁺ π⁺)", "D+ --> pi+ K- pi+", r"$D^+ \to K^- \pi^+\pi^+$", "The D+ decays to K- 2pi+", "the decay of the D+ into K- pi+ pi+",
    "The branching fraction of D⁺ → K⁻ 2π⁺ (D+ --> K- 2pi+)", "Decay modes of the D+ and their branching fractions: K⁻ 2π⁺: 9 %",
])  # fmt: skip
def test_one_decay_in_every_notation(text: str) -> None:
    (part,) = of("transition", take(text))
    assert part.transition == (("D+",), ("K-", "pi+", "pi+"), ())


@pytest.mark.parametrize("text", [
    "The charged kaon (K±, K+-), form factors: λ (energy dependence in K_e3± decay)", "the mass difference of the D* to the D",
    "m(D+) - m(D0)",
])  # fmt: skip
def test_what_is_no_decay(text: str) -> None:
    assert not of("transition", take(text))


@pytest.mark.parametrize(("text", "written"), [
    ("A(B⁰ → K* μ⁺ μ⁻) (4.0 < q²< 6.0 GeV²/c⁴) is 0.33 ± 0.05", ["0.33 ± 0.05"]),
    ("The mass of the ψ(2S) is 3686.097 MeV (scale factor 1.2)", ["3686.097 MeV"]),
    ("The spin is 1 and the width is 2.5 GeV in 2018", ["1", "2.5 GeV"]), ("It decays to 2 photons and 3 pi0", []),
    ("between 30 and 60 %", ["30", "60 %"]),
    ("is between 2050 MeV and 2130 MeV (about 2090 MeV)", ["2050 MeV", "2130 MeV", "2090 MeV"]), ("N(2000) → N ρ, S=1/2, is 8 %", ["8 %"]),
    ("τ⁻ → h⁻ ≥0 neutrals ν_τ is 12 %", ["12 %"]), ("spin J = 3/2, parity P −1, charge −1/3 e", ["3/2", "−1", "−1/3 e"]),
    ("D → [2π (5 x", []),
])  # fmt: skip
def test_values_are_told_from_counts_and_conditions(text: str, written: list[str]) -> None:
    assert [value.text for value in take(text).values] == written


@pytest.mark.parametrize(("text", "properties"), [
    ("The Breit-Wigner mass and full width", ["mass", "width"]), ("lifetime (mean life)", ["lifetime"]), ("m_Z", ["mass"]),
    ("τ_μ", ["lifetime"]),
    ("mass difference", ["mass-difference"]), ("magnetic moment anomaly", ["magnetic-moment-anomaly"]), ("Γ(Z → e+ e-)", ["partial-width"]),
    ("BR(Z → e+ e-)", ["branching-fraction"]), ("C-parity C and parity P", ["c-parity", "parity"]), ("massive", []),
    ("it weighs", ["mass"]),
])  # fmt: skip
def test_properties(text: str, properties: list[str]) -> None:
    assert [part.text for part in of("property", take(text))] == properties


def test_a_confidence_level_belongs_to_its_limit() -> None:
    for level in (
        "at 90 % confidence level",
        "at 90% CL",
        "(90% C.L.)",
        "at the 90 percent confidence level",
        "(CL=90%)",
    ):
        (value,) = take(f"B(μ⁻ → e⁻ γ) is less than 3.1e-13 {level}").values
        assert (value.confidence_level, value.text) == (90.0, "3.1e-13"), level


@pytest.mark.slow
@pytest.mark.parametrize("unit", [
    "1 ", "(", "()", "a → b ", "tau ", "1 ± 1 ", "B → K pi, ", "not ", "((1)", " ", "<", "\\", "m_", "90 % ", "CL=", "decay modes of ",
    "mass ", ". ", "[1]", "1(", "e.g. ",
])  # fmt: skip
def test_no_pattern_takes_more_than_its_time(unit: str) -> None:
    """Each pattern of the three readers, on a long text of one piece."""
    text = unit * (20_000 // len(unit))
    patterns = [
        p
        for m in (quantities, sentence_parts, statements)
        for p in vars(m).values()
        if isinstance(p, re.Pattern)
    ]
    assert len(patterns) > 25
    for pattern in [*patterns, sentence_parts._property_pattern()]:
        start = time.process_time()
        pattern.findall(text)
        assert time.process_time() - start < 1, pattern.pattern
    start = time.process_time()
    statements.statements(text)
    assert time.process_time() - start < 5
