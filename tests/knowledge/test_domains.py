"""The eight domains: each is guessed from its own words, and particles speak for particle physics."""

from __future__ import annotations

import pytest

from yukawa.knowledge.domains import DOMAINS, guess_domain

SAYINGS = {
    "particle physics": "The branching fraction of this meson is large.",
    "particle astrophysics": "LHAASO sees gamma-rays from the Crab Nebula.",
    "experimental physics": "The drift chamber of BESIII has a good resolution.",
    "theoretical physics": "The Lagrangian of this gauge theory needs renormalization.",
    "accelerator physics": "The storage ring has a small emittance and a new klystron.",
    "synchrotron radiation": "The HEPS beamline does X-ray diffraction.",
    "neutron science": "CSNS is a spallation neutron source.",
    "computer science": "Compile the software with a Python script.",
}


def test_there_are_eight() -> None:
    assert set(SAYINGS) == set(DOMAINS)
    assert len(DOMAINS) == 8


@pytest.mark.parametrize("domain", SAYINGS)
def test_each_is_guessed_from_its_words_in_any_case(domain: str) -> None:
    for text in (SAYINGS[domain], SAYINGS[domain].upper(), SAYINGS[domain] + " Yes."):
        assert guess_domain(text) == domain


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_word_of_a_domain_speaks_for_it(domain: str) -> None:
    wrong = [w for w in DOMAINS[domain] if guess_domain(f"{w} and {w}") != domain]
    # A phrase may hold a word of another field, one in ten at most.
    assert len(wrong) <= len(DOMAINS[domain]) / 10, wrong


def test_where_nothing_speaks_it_is_particle_physics() -> None:
    assert guess_domain("") == guess_domain("hello") == "particle physics"


def test_a_particle_speaks_for_particle_physics() -> None:
    assert guess_domain("the loop", names_particle=False) == "theoretical physics"
    assert guess_domain("the loop", names_particle=True) == "particle physics"
    assert guess_domain("dark matter in a galaxy", names_particle=True) == "particle astrophysics"


def test_words_count_as_whole_words() -> None:
    assert guess_domain("scripture and encoder") == "particle physics"
