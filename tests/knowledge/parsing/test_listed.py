"""States that the data file only describes are added, with their antiparticles; listed ones are not doubled."""

import pytest

from yukawa.knowledge.parsing.listed import described_states, squeeze
from yukawa.knowledge.parsing.particles import particle_table

LISTED = [("Sigma_c(2800)0", "B155", 0.0, "P"), ("Sigmabar_c(2800)0", "B155", 0.0, "A")]


def test_each_described_charge_is_added_once_with_its_antiparticle() -> None:
    masses = [
        ("B155M++", "Sigma_c(2800)++ MASS"),
        ("B155M+", "Sigma_c(2800)+ MASS"),
        ("B155M0", "Sigma_c(2800)0 MASS"),
    ]
    found = list(described_states(LISTED, [*masses, *masses]))
    assert found == [
        ("Sigma_c(2800)++", "B155", 2.0, "P"), ("Sigmabar_c(2800)--", "B155", -2.0, "A"), ("Sigma_c(2800)+", "B155", 1.0, "P"),
        ("Sigmabar_c(2800)-", "B155", -1.0, "A"),
    ]  # fmt: skip


def test_negative_states_are_described_too() -> None:
    found = list(
        described_states(LISTED, [("B155M-", "Sigma_c(2800)- MASS"), ("B155M--", "Sigma_c(2800)-- MASS")])
    )
    assert [(name, charge) for name, _, charge, _ in found] == [
        ("Sigma_c(2800)-", -1.0), ("Sigmabar_c(2800)+", 1.0), ("Sigma_c(2800)--", -2.0), ("Sigmabar_c(2800)++", 2.0),
    ]  # fmt: skip


def test_a_charge_that_is_listed_adds_nothing_to_other_names_of_its_family() -> None:
    listed = [("Sigma_c(2800)+", "B155", 1.0, "P"), ("Sigma_c(2900)0", "B155", 0.0, "P")]
    assert list(described_states(listed, [("B155M+", "Sigma_c(2800)+ MASS")])) == []


def test_another_particle_s_mass_and_other_words_add_nothing() -> None:
    assert not list(
        described_states(
            LISTED, [("B155M", "Xi_c(2800)+ MASS"), ("B155X", "e+ e- PRODUCTION"), ("B9", "p MASS")]
        )
    )


@pytest.mark.parametrize(
    "name", ["Xi_c(3055)+", "Sigma_c(2800)++", "T_c_sbar_0^*(2900)++", "T_b_bbar_1(10610)0"]
)
def test_the_table_has_the_states_that_have_a_mass(name: str) -> None:
    assert name in particle_table().particles


def test_squeezed_names_have_no_decoration() -> None:
    assert squeeze("B_{s}^0") == squeeze("B_s()0") == "Bs0"
