"""Descriptions of the PDG without typesetting."""

from __future__ import annotations

import sqlite3

import pytest

from yukawa.knowledge.sources.pdg.facts import default_database
from yukawa.knowledge.sources.pdg.text import ascii_text, both, unicode_text


def test_cleaning_is_ascii_and_done_once_for_every_description() -> None:
    connection = sqlite3.connect(default_database())
    descriptions = [row[0] for row in connection.execute("SELECT DISTINCT description FROM pdgid")]
    connection.close()
    assert len(descriptions) > 19_000
    for description in descriptions:
        cleaned = ascii_text(description)
        assert cleaned.isascii()
        assert ascii_text(cleaned) == cleaned


@pytest.mark.parametrize(
    ("description", "cleaned"),
    [
        ("tau MEAN LIFE", "tau mean life"),
        ("f_{{0}}(1370) BREIT-WIGNER MASS", "f_0(1370) Breit-Wigner mass"),
        ("CP VIOLATION PARAMETERS", "CP violation parameters"),
        ("G(tau- --> h- 4pi0 nu_tau hboxbgroup (ex.K0,eta)egroup)/G(total)",
         "G(tau- --> h- 4pi0 nu_tau (ex. K0,eta))/G(total)"),
        ("G(tau- --> X)/G(total) right_justifyGamma(2)/Gamma", "G(tau- --> X)/G(total)"),
        ("tau- --> 4h- 3h+ nu_tau (``7-prong'')", 'tau- --> 4h- 3h+ nu_tau ("7-prong")'),
        ("B+ --> Dbar^**0() pi+", "B+ --> Dbar**0 pi+"),
        ("sin**2(theta(12))", "sin^2(theta_12)"),
    ],
)  # fmt: skip
def test_ascii(description: str, cleaned: str) -> None:
    assert ascii_text(description) == cleaned


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("G(K+ --> pi0 e+ nu_e)", "Γ(K⁺ → π⁰ e⁺ ν_e)"),
        ("mass(K0)-mass(K+-)", "m(K⁰)-m(K±)"),
        ("Deltam(21)**2", "Δm_21²"),
        ("1.1 < q**2< 6.0 GeV**2/c**4", "1.1 < q²< 6.0 GeV²/c⁴"),
        ("phi((perp)) in B0 --> phi K*(892)0", "φ(⊥) in B⁰ → φ K*(892)⁰"),
    ],
)
def test_unicode(description: str, shown: str) -> None:
    assert unicode_text(description) == shown


def test_both_forms_are_given_only_where_they_differ() -> None:
    assert both("F_0") == "F_0"
    assert both("pi0 MASS") == "π⁰ mass (pi0 mass)"
