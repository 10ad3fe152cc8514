"""Names of the decay tables lead to charge states: by the tables' own maps, then as a reader would spell them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from yukawa.knowledge.parsing.particles import database_path, particle_table
from yukawa.knowledge.sources.pdg.names import Names


@pytest.fixture(scope="module")
def names() -> Iterator[Names]:
    connection = sqlite3.connect(database_path())
    yield Names(connection)
    connection.close()


def test_every_state_means_itself(names: Names) -> None:
    assert [name for name in particle_table().particles if names.states(name) != (name,)] == []


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("K0S", {"K(S)0"}), ("omega", {"omega(782)0"}), ("pi+-", {"pi+", "pi-"}), ("e-+", {"e+", "e-"}),
        ("Kbar", {"K-", "Kbar0"}), ("Dbar", {"D-", "Dbar0"}), ("B_10", {"B_1(5721)0"}), ("lepton+", {"e+", "mu+"}),
        ("K^*()0", {"K^*(892)0"}), ("rho", {"rho(770)+", "rho(770)0", "rho(770)-"}), ("hadrons", set()), ("h-", {"K-", "pi-"}),
    ],
)  # fmt: skip
def test_states(name: str, states: set[str], names: Names) -> None:
    assert set(names.states(name)) == states


def test_a_mere_spelling_is_not_listed(names: Names) -> None:
    assert names.listed("K0S") == ("K(S)0",)
    assert names.listed("rho0") == ()
