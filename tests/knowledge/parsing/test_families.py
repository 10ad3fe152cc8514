"""Families of states by the letter and flavour of their names."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.families import families, find_families
from yukawa.knowledge.parsing.particles import particle_table


def test_members_are_particles_with_the_letter_and_flavour_of_the_family() -> None:
    table = particle_table().particles
    for key, members in families().items():
        letter, _, flavour = key.partition("_")
        assert len(members) == len(set(members)) > 1
        for name in members:
            assert not table[name].is_antiparticle
            assert name.removeprefix("J/").startswith(letter)
            assert flavour in name


def test_a_heavy_flavour_is_a_family_of_its_own() -> None:
    known = families()
    assert set(known["Upsilon"]) > {"Upsilon(1S)", "Upsilon_2(1D)", "Upsilon(11020)"}
    assert "J/psi(1S)" in known["psi"]
    assert not set(known["Lambda"]) & set(known["Lambda_c"])
    assert set(known["f_0"]) < set(known["f"])


@pytest.mark.parametrize("text", ["list the Upsilon states", "all Lambda_c resonances", "the f_0 family"])
def test_found_in_a_question(text: str) -> None:
    assert len(list(find_families(text))) == 1


@pytest.mark.parametrize(
    "text", ["United States", "the zork states", "the mass of the Upsilon", "XUpsilon states"]
)
def test_nothing_else_is_one(text: str) -> None:
    assert not list(find_families(text))
