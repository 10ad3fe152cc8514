"""Laws and examples for names of particles and for descriptions without typesetting."""

from __future__ import annotations

import sqlite3

import pytest

from yukawa.knowledge.parsing.particles import database_path
from yukawa.knowledge.sources.pdg.text import (
    ascii_text,
    both,
    english,
    plain,
    pretty,
    superscript,
    unicode_text,
)

# ---- names ----


@pytest.fixture(scope="module")
def names() -> list[tuple[str, float | None]]:
    connection = sqlite3.connect(database_path())
    rows = connection.execute("SELECT name, charge FROM pdgparticle").fetchall()
    connection.close()
    return rows


def test_plain_is_ascii_and_idempotent_for_every_particle(names: list[tuple[str, float | None]]) -> None:
    for name, _ in names:
        assert plain(name).isascii()
        assert plain(plain(name)) == plain(name)


def test_no_two_particles_share_a_plain_or_pretty_name(names: list[tuple[str, float | None]]) -> None:
    distinct = {name for name, _ in names}
    assert len({plain(name) for name in distinct}) == len(distinct)
    assert len({pretty(name) for name in distinct}) == len(distinct)


def test_pretty_spells_no_letter_of_greek_and_no_bare_charge(names: list[tuple[str, float | None]]) -> None:
    for name, _ in names:
        if " and " in name or " c " in name:
            continue
        shown = pretty(name)
        assert not any(word in shown for word in ("gamma", "Lambda", "Sigma", "Upsilon", "bar", "^", "()")), (
            shown
        )
        assert not shown.endswith(("+", "-")), shown


def test_raised_signs_are_the_charge(names: list[tuple[str, float | None]]) -> None:
    checked = 0
    for name, charge in names:
        shown = pretty(name)
        plus, minus = shown.count("⁺"), shown.count("⁻")
        if plus or minus:
            assert (plus or -minus) == charge or name.startswith("Lambdabar_c(") or charge is None, name
            checked += 1
        elif shown.endswith("⁰"):
            assert charge == 0.0, name
            checked += 1
    assert checked > 700


@pytest.mark.parametrize(
    ("name", "readable", "ascii_form"),
    [
        ("J/psi(1S)", "J/ψ(1S)", "J/psi(1S)"),
        ("K(S)0", "K_S⁰", "K_S0"),
        ("K0L", "K_L⁰", "K_L0"),
        ("B_s()0", "B_s⁰", "B_s0"),
        ("Lambda_c()+", "Λ_c⁺", "Lambda_c+"),
        ("chi_c1(3872)", "χ_c1(3872)", "chi_c1(3872)"),
        ("K^*(892)0", "K*(892)⁰", "K*(892)0"),
        ("Kbar", "K̄", "Kbar"),
        ("Kbar^*(892)0", "K̄*(892)⁰", "Kbar*(892)0"),
        ("nubar_mu", "ν̄_μ", "nubar_mu"),
        ("eta^'(958)", "η'(958)", "eta'(958)"),
        ("D_s0^*(2317)+-", "D_s0*(2317)±", "D_s0*(2317)+-"),
        ("Sigma_c(2455)++", "Σ_c(2455)⁺⁺", "Sigma_c(2455)++"),
        ("pi-+", "π∓", "pi-+"),
        ("2pi+ lepton- nubar_lepton", "2π⁺ ℓ⁻ ν̄_ℓ", "2pi+ lepton- nubar_lepton"),
        ("chi_c0 pi+ f_0 a_0(980)-", "χ_c0 π⁺ f_0 a_0(980)⁻", "chi_c0 pi+ f_0 a_0(980)-"),
        ("b-baryon Xi_c0-Xi_c+", "b-baryon Ξ_c⁰-Ξ_c⁺", "b-baryon Xi_c0-Xi_c+"),
    ],
)
def test_spellings(name: str, readable: str, ascii_form: str) -> None:
    assert pretty(name) == readable.replace("̄", "\u0304")
    assert plain(name) == ascii_form


@pytest.mark.parametrize(
    ("name", "common"),
    [
        ("tau", "tau lepton"),
        ("tau-", "tau lepton"),
        ("e+", "positron"),
        ("pi+-", "charged pion"),
        ("K(S)0", "K short"),
        ("p", "proton"),
        ("pbar", "antiproton"),
        ("H", "Higgs boson"),
        ("t", "top quark"),
        ("J/psi(1S)", "J/psi meson"),
        ("D_s()+-", "D_s meson"),
        ("Lambda0", "Lambda baryon"),
    ],
)
def test_english(name: str, common: str) -> None:
    assert english(name)[0] == common


def test_no_english_name_is_made_up() -> None:
    assert english("N(1440)") == ()


def test_superscript() -> None:
    assert superscript(-15) == "⁻¹⁵"


# ---- descriptions ----


def test_cleaning_is_ascii_and_done_once_for_every_description() -> None:
    connection = sqlite3.connect(database_path())
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
