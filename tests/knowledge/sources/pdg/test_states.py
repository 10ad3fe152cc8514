"""Every charge state, antiparticles apart: charge, additive numbers and classes."""

from __future__ import annotations

import sqlite3

import pytest

from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing.listed import MISPRINTS
from yukawa.knowledge.parsing.particles import database_path, particle_table
from yukawa.knowledge.sources.pdg.facts import Statement
from yukawa.knowledge.sources.pdg.review import Review
from yukawa.knowledge.sources.pdg.sentences import charge_states
from yukawa.knowledge.sources.pdg.states import charge_text


@pytest.fixture(scope="module")
def of(pdg_statements: list[Statement]) -> dict[tuple[str, str], list[Fact]]:
    """Facts by state and property."""
    found: dict[tuple[str, str], list[Fact]] = {}
    for statement in pdg_statements:
        if "#quantum-numbers:" in statement.id:
            for fact in statement.facts:
                found.setdefault((fact.subjects[0], fact.property), []).append(fact)
    return found


def test_every_state_has_its_own_charge(of: dict[tuple[str, str], list[Fact]]) -> None:
    connection = sqlite3.connect(database_path())
    rows = connection.execute("SELECT pdgid, name, charge FROM pdgparticle").fetchall()
    connection.close()
    charged = 0
    for identifier, name, charge in rows:
        if identifier not in MISPRINTS:
            (fact,) = of[name, "charge"]
            assert fact.value == pytest.approx(charge, abs=1e-9)
            assert fact.printed.startswith("−" if charge < 0 else "+" if charge > 0 else "0")
            charged += charge != 0
    assert charged == 604


def test_muons_and_taus_are_not_their_own_antiparticles(of: dict[tuple[str, str], list[Fact]]) -> None:
    assert of["tau-", "antiparticle"][0].words == "tau+"
    assert of["mu+", "antiparticle"][0].words == "mu-"
    assert of["tau+", "lepton-number"][0].value == -1
    assert of["pi0", "antiparticle"][0].words == "pi0"


def test_charge_and_numbers_change_sign_with_the_antiparticle(of: dict[tuple[str, str], list[Fact]]) -> None:
    numbers = ("charge", "baryon-number", "lepton-number", "strangeness", "charm", "bottomness", "topness")
    for name, particle in particle_table().particles.items():
        for number in numbers:
            if particle.conjugate != name and (name, number) in of:
                mine, theirs = of[name, number], of[particle.conjugate, number]
                assert (mine[0].value or 0.0) == -(theirs[0].value or 0.0), (name, number)


def test_each_state_is_told_once_with_its_antiparticle() -> None:
    connection = sqlite3.connect(database_path())
    connection.row_factory = sqlite3.Row
    review = Review(connection)
    connection.close()
    pairs = 0
    for rows in review.states.values():
        told = list(charge_states(rows))
        named = [s["id"] for pair in told for s in pair if s is not None]
        assert sorted(named) == sorted({row["id"] for row in rows})
        for state, partner in told:
            if partner is not None:
                pairs += 1
                assert (state["charge"] or 0) == -(partner["charge"] or 0)
                assert (state["mcid"] is None) == (partner["mcid"] is None)
                assert state["mcid"] is None or state["mcid"] == -partner["mcid"]
                assert particle_table().particles[state["name"]].conjugate == partner["name"]
    assert pairs > 300


def test_spin_and_statistics(of: dict[tuple[str, str], list[Fact]]) -> None:
    checked = 0
    for (name, prop), facts in of.items():
        kinds = {fact.words for fact in of.get((name, "class"), [])}
        if prop == "spin" and (spin := facts[0].value) is not None and kinds:
            assert ("fermion" in kinds) == (spin % 1 == 0.5), name
            assert ("boson" in kinds) != ("fermion" in kinds)
            checked += 1
    assert checked > 900


@pytest.mark.parametrize(
    ("name", "kinds", "others"),
    [
        (
            "J/psi(1S)",
            {"meson", "charmonium", "vector meson", "hadron", "boson"},
            {"charmed meson", "lepton"},
        ),
        (
            "D+",
            {"charmed meson", "pseudoscalar meson", "D meson"},
            {"charmonium", "strange meson", "antiparticle"},
        ),
        ("D_s()+", {"charmed meson", "strange meson"}, {"D meson"}),
        ("K(S)0", {"strange meson", "kaon", "pseudoscalar meson"}, {"light unflavoured meson"}),
        ("K-", {"kaon", "strange meson", "antiparticle"}, {"pion"}),
        ("pi0", {"pion", "light unflavoured meson"}, {"kaon"}),
        ("phi(1020)0", {"light unflavoured meson", "vector meson"}, {"strange meson"}),
        ("Upsilon(1S)", {"bottomonium", "vector meson"}, {"bottom meson"}),
        ("nu_mu", {"lepton", "neutrino", "fermion"}, {"charged lepton", "quark"}),
        ("e+", {"lepton", "charged lepton", "antiparticle"}, {"neutrino"}),
        ("gamma", {"gauge boson", "boson", "elementary particle"}, {"fermion", "hadron"}),
        ("H", {"boson", "Higgs boson"}, {"gauge boson"}),
        ("Lambda0", {"hyperon", "baryon", "strange baryon", "Lambda baryon"}, {"meson", "charmed baryon"}),
        ("Xi_cc()++", {"doubly charmed baryon", "charmed baryon"}, {"strange baryon"}),
        ("p", {"nucleon", "baryon", "hadron", "fermion"}, {"hyperon"}),
    ],
)
def test_classes(name: str, kinds: set[str], others: set[str], of: dict[tuple[str, str], list[Fact]]) -> None:
    mine = {fact.words for fact in of[name, "class"]}
    assert kinds <= mine
    assert not others & mine


def test_rows_of_one_state(of: dict[tuple[str, str], list[Fact]]) -> None:
    assert of["J/psi(1S)", "monte-carlo-number"][0].value == 443
    assert of["pi+", "quantum-numbers"][0].words == "1^-(0^-)"
    assert of["tau-", "quantum-numbers"][0].words == "J = 1/2"
    assert of["pi+", "isospin-3"][0].value == 1
    assert of["n", "isospin-3"][0].value == -0.5
    assert of["B+", "bottomness"][0].value == 1
    assert of["tau-", "pdg-identifier"][0].words == "S035"
    assert ("K(S)0", "strangeness") not in of


@pytest.mark.parametrize(
    ("charge", "text"), [(2 / 3, "+2/3 e"), (-1.0, "−1 e"), (0.0, "0"), (2.0, "+2 e"), (None, "unknown")]
)
def test_charges_in_words(charge: float | None, text: str) -> None:
    assert charge_text(charge) == text


def test_numbers_are_printed_with_all_their_digits(of: dict[tuple[str, str], list[Fact]]) -> None:
    numbers = [fact for (_, prop), facts in of.items() if prop == "monte-carlo-number" for fact in facts]
    assert len(numbers) > 600
    assert all(int(fact.printed.replace("−", "-")) == fact.value for fact in numbers)
