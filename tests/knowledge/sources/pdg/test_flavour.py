"""Laws of the quark model for every charge state of the Review."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from yukawa.knowledge.parsing.particles import database_path, particle_table
from yukawa.knowledge.sources.pdg.flavour import Flavour, flavour
from yukawa.knowledge.sources.pdg.review import Review

DIGITS = " dusct"  # quarks by their digit in a Monte Carlo number (PDG review Monte Carlo Particle Numbering Scheme)
# Charge states that the edition 2026 of the data file lists although a state of that isospin or quark content has none.
IMPOSSIBLE = {
    "phi(2170)+", "phi(2170)-", "T_c c cbar cbar(6600)+", "T_c_c_cbar_cbar(6900)+", "T_c c cbar cbar(7100)+",
    "Lambda_c(2860)0", "Lambdabar_c(2860)0", "Lambda_c(2940)0", "Lambdabar_c(2940)0",
    "P_c_cbar_s(4338)+",
}  # fmt: skip

State = tuple[dict[str, Any], Flavour]


@pytest.fixture(scope="module")
def states() -> dict[str, State]:
    connection = sqlite3.connect(database_path())
    connection.row_factory = sqlite3.Row
    review = Review(connection)
    connection.close()
    found = {}
    for identifier, rows in review.states.items():
        kind = next((f for f in review.blocks[identifier]["flags"] if f in "QLGMB"), "")
        for row in rows:
            made_of = flavour(row["name"], kind, row["charge"], is_antiparticle=row["cc_type"] == "A")
            if made_of is not None:
                found[row["name"]] = row, made_of
    return found


def third_of_isospin(row: dict[str, Any], made_of: Flavour) -> float:
    return float(row["charge"] - (made_of.quark_excess / 3 + sum(made_of.numbers.values())) / 2)


def test_the_third_component_is_one_of_the_isospins(states: dict[str, State]) -> None:
    wrong = set()
    for name, (row, made_of) in states.items():
        isospin = {"0": 0.0, "1/2": 0.5, "1": 1.0, "3/2": 1.5}.get(row["quantum_i"])
        third = third_of_isospin(row, made_of)
        if isospin is not None and (
            abs(third) > isospin + 1e-9 or abs((isospin - third + 0.5) % 1 - 0.5) > 1e-9
        ):
            wrong.add(name)
    assert wrong == IMPOSSIBLE


def test_quarks_carry_charge_and_numbers(states: dict[str, State]) -> None:
    charges = {"u": 2, "d": -1, "s": -1, "c": 2, "b": -1, "t": 2}
    carries = {"s": ("strangeness", -1), "c": ("charm", 1), "b": ("bottomness", -1), "t": ("topness", 1)}
    for name, (row, made_of) in states.items():
        assert made_of.contents or name in IMPOSSIBLE
        for content in made_of.contents:
            signs = [(-1 if q.endswith("~") else 1, q[0]) for q in content]
            assert sum(sign * charges[q] for sign, q in signs) == round(3 * row["charge"])
            assert sum(sign for sign, _ in signs) == made_of.quark_excess
            for quark, (number, value) in carries.items():
                assert sum(sign * value for sign, q in signs if q == quark) == made_of.numbers[number]


def test_antiparticles_are_made_of_antiquarks(states: dict[str, State]) -> None:
    table = particle_table().particles
    for name, (_, made_of) in states.items():
        if (other := table[name].conjugate) != name and name not in IMPOSSIBLE:
            theirs = states[other][1]
            turned = {frozenset((q[0], not q.endswith("~")) for q in content) for content in made_of.contents}
            assert turned == {
                frozenset((q[0], q.endswith("~")) for q in content) for content in theirs.contents
            }
            assert {k: -v for k, v in made_of.numbers.items()} == theirs.numbers


def test_quarks_are_those_of_the_monte_carlo_number(states: dict[str, State]) -> None:
    """A second road to the quarks: the digits of the number, with the sign of the heavier quark of a meson."""
    letters = {1: "d", 2: "u", 3: "s", 4: "c", 5: "b", 6: "t"}
    checked = 0
    for name, (row, made_of) in states.items():
        number = row["mcid"]
        if number is None or abs(number) < 100 or not made_of.contents:
            continue
        first, second, third = (int(d) for d in f"{abs(number) // 10 % 1000:03d}")
        sign = 1 if number > 0 else -1
        if first:
            wanted = sorted((letters[d], sign) for d in (first, second, third))
        elif second != third and {second, third} <= letters.keys() and (row["charge"] or second > 2):
            heavy = sign if second % 2 == 0 else -sign
            wanted = sorted([(letters[second], heavy), (letters[third], -heavy)])
        else:
            continue
        found = sorted((q[0], -1 if q.endswith("~") else 1) for q in made_of.contents[0])
        assert found == wanted, name
        checked += 1
    assert checked > 350


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("p", "uud"), ("pbar", "ubar ubar dbar"), ("pi0", "u ubar, d dbar"), ("K+", "u sbar"), ("B_c()+", "c bbar"),
        ("Omega-", "sss"), ("Xi_bc()0", "dcb"), ("T_c_c(3875)+", "c c ubar dbar"), ("P_c_cbar(4312)+", "u u d c cbar"),
        ("eta", "u ubar, d dbar, s sbar"), ("f_0(500)0", "u ubar, d dbar, s sbar"), ("omega(782)0", "u ubar, d dbar, s sbar"),
        ("rho(770)0", "u ubar, d dbar"), ("J/psi(1S)", "c cbar"),
    ],
)  # fmt: skip
def test_contents_known_by_heart(name: str, words: str, states: dict[str, State]) -> None:
    assert states[name][1].words == words


def test_neutral_kaons_of_definite_lifetime_have_no_flavour(states: dict[str, State]) -> None:
    assert not {"K(S)0", "K(L)0", "gamma", "e-"} & states.keys()
