"""Decay momenta from the masses of the Review."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing.particles import database_path
from yukawa.knowledge.sources.pdg.decays import Masses, momentum
from yukawa.knowledge.sources.pdg.names import Names

MASS = st.floats(min_value=0.0, max_value=5e3)


@given(MASS, MASS, st.floats(min_value=1e-3, max_value=5e3))
def test_two_bodies_conserve_energy(first: float, second: float, release: float) -> None:
    mass = first + second + release
    p = momentum(mass, [first, second])
    assert p is not None
    assert (first**2 + p**2) ** 0.5 + (second**2 + p**2) ** 0.5 == pytest.approx(mass, rel=1e-6)


@given(st.lists(MASS, min_size=2, max_size=6), st.floats(min_value=1e-3, max_value=5e3))
def test_order_does_not_matter_and_half_the_mass_is_the_bound(products: list[float], release: float) -> None:
    mass = sum(products) + release
    p = momentum(mass, products)
    assert p is not None
    assert p == pytest.approx(momentum(mass, products[::-1]))
    assert 0.0 < p <= mass / 2 * (1 + 1e-12)


def test_three_bodies_agree_with_a_scan_of_the_recoiling_mass() -> None:
    mass, products = 493.677, [139.57, 139.57, 139.57]
    recoils = [279.14 + step * (493.677 - 139.57 - 279.14) / 1000 for step in range(1001)]
    best = max(momentum(mass, [139.57, recoil]) or 0.0 for recoil in recoils)
    assert momentum(mass, products) == pytest.approx(best)


def test_closed_and_single_decays_have_no_momentum() -> None:
    assert momentum(100.0, [60.0, 50.0]) is None
    assert momentum(100.0, [50.0]) is None


@pytest.mark.parametrize(
    ("parent", "products", "quoted"),
    [  # as the PDG's tables quote them
        ("tau-", ["mu-", "nubar_mu", "nu_tau"], 885),
        ("tau-", ["pi-", "nu_tau"], 883),
        ("K+", ["mu+", "nu_mu"], 236),
        ("K+", ["pi+", "pi+", "pi-"], 125),
        ("K(S)0", ["pi+", "pi-"], 206),
        ("J/psi(1S)", ["e+", "e-"], 1548),
        ("Lambda", ["p", "pi-"], 101),
        ("D0", ["K-", "pi+"], 861),
        ("B0", ["J/psi(1S)", "K0S"], 1683),
        ("B_s()0", ["J/psi(1S)", "phi"], 1588),
    ],
)
def test_momenta_of_the_review(masses: Masses, parent: str, products: list[str], quoted: int) -> None:
    assert masses.momentum(parent, products) == pytest.approx(quoted, abs=0.6)


def test_generic_states_of_several_masses_have_no_momentum(masses: Masses) -> None:
    assert masses.momentum("rho(770)", ["pi", "pi"]) is None


def test_charge_states_have_their_own_mass(masses: Masses) -> None:
    assert masses.get("K^*(892)+") == pytest.approx(891.88, abs=0.01)
    assert masses.get("K^*(892)-") == masses.get("K^*(892)+")
    assert masses.get("K^*(892)0") == pytest.approx(895.56, abs=0.01)
    assert masses.get("nubar_e") == 0.0


@pytest.fixture(scope="module")
def masses() -> Masses:
    connection = sqlite3.connect(database_path())
    connection.row_factory = sqlite3.Row
    found = Masses(connection, Names(connection))
    connection.close()
    return found
