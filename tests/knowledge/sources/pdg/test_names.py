"""Laws and examples for the spellings of particle names."""

from __future__ import annotations

import sqlite3

import pytest

from yukawa.knowledge.sources.pdg.facts import default_database
from yukawa.knowledge.sources.pdg.names import english, plain, pretty, superscript


@pytest.fixture(scope="module")
def names() -> list[tuple[str, float | None]]:
    connection = sqlite3.connect(default_database())
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
