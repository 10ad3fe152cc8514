"""Whose a quantity is: charge states by their decays, antiparticles by name, nucleons, neutrinos, mixtures, comparisons."""

import sqlite3
from collections.abc import Iterator

import pytest

from yukawa.knowledge.parsing.particles import database_path
from yukawa.knowledge.sources.pdg.review import Review
from yukawa.knowledge.sources.pdg.rows import Rows
from yukawa.knowledge.sources.pdg.subjects import Subjects


@pytest.fixture(scope="module")
def review() -> Iterator[Review]:
    connection = sqlite3.connect(database_path())
    connection.row_factory = sqlite3.Row
    yield Review(connection)
    connection.close()


@pytest.mark.parametrize(("identifier", "products", "subjects"), [
    ("M009.6", ("mu+", "mu-"), ("rho(770)0",)), ("M009.5", ("eta", "pi+-"), ("rho(770)+",)),
    ("M018.1", ("K", "pi"), ("K^*(892)0", "K^*(892)+")), ("M018.1", ("(K pi)+-",), ("K^*(892)+",)),
    ("M018.1", ("(K pi)0",), ("K^*(892)0",)), ("M018.1", ("hadrons",), ("K^*(892)0", "K^*(892)+")),
    ("S016.33", ("K+", "e-"), ("n",)), ("S016.81", ("e-", "gamma"), ("pbar",)), ("S016.63", ("pi+", "pi0"), ("p", "n")),
    ("S016T29", (), ("n",)), ("S017M1", (), ("nbar",)), ("B155M++", (), ("Sigma_c(2800)++",)), ("S049.147", (), ("B",)),
    ("S066MNM", (), ("nu_mu",)), ("S066MGM", (), ("nu_e", "nu_mu", "nu_tau")),
])  # fmt: skip
def test_states(
    identifier: str, products: tuple[str, ...], subjects: tuple[str, ...], review: Review
) -> None:
    block = Rows(review).block(identifier)
    assert Subjects(review).of(block, review.root(identifier), products) == subjects


@pytest.mark.parametrize(("identifier", "name"), [
    ("S017M1", "mass"), ("S022T1", "lifetime"), ("S016MM1", "magnetic-moment"), ("S066MNM", "mass"), ("M269M++", "mass"),
    ("S016MM", ""), ("S016DM", ""),
])  # fmt: skip
def test_the_property_of_an_antiparticle_is_what_its_description_says(
    identifier: str, name: str, review: Review
) -> None:
    assert Subjects(review).own_property(Rows(review).block(identifier)) == name


@pytest.mark.parametrize(("identifier", "first", "second", "way"), [
    ("S043MD", ("W+",), ("W-",), "difference"), ("S035MDF", ("tau+",), ("tau-",), "relative difference"),
    ("S016DM", ("p",), ("pbar",), "relative difference"), ("S004DT", ("mu+",), ("mu-",), "ratio"),
    ("S009D", ("pi+",), ("pi0",), "difference"), ("B119D", ("Lambda_c(2595)+",), ("Lambda_c()+",), "difference"),
    ("S013D", ("K(L)0",), ("K(S)0",), "difference"), ("Q004MSR", ("c",), ("s",), "ratio"), ("Q004MDB", ("b",), ("c",), "difference"),
])  # fmt: skip
def test_two_states_compared(
    identifier: str, first: tuple[str, ...], second: tuple[str, ...], way: str, review: Review
) -> None:
    found = Subjects(review).compared(Rows(review).block(identifier))
    assert found is not None
    assert (found[0], found[1], found[2]["compared"]) == (first, second, way)


def test_what_compares_nothing(review: Review) -> None:
    assert Subjects(review).compared(Rows(review).block("S035M")) is None


def test_a_nucleon_decays_to_products_of_its_charge(review: Review) -> None:
    subjects = Subjects(review)
    assert subjects.charged("p", ("e+", "pi")) == ("e+", "pi0")
    assert subjects.charged("n", ("e+", "pi")) == ("e+", "pi-")
    assert subjects.charged("n", ("K", "neutrino")) == ("K0", "neutrino")
    assert subjects.charged("p", ("anything", "e+")) == ("anything", "e+")
