"""Monte Carlo numbers lead to particles and back."""

from __future__ import annotations

from yukawa.knowledge.parsing.numbering import particles_numbered
from yukawa.knowledge.parsing.particles import particle_table


def test_a_number_is_that_of_its_particle() -> None:
    assert particles_numbered(443) == ("J/psi(1S)",)
    assert particles_numbered(-321) == ("K-",)
    assert particles_numbered(999_999_999) == ()


def test_the_opposite_number_is_that_of_the_antiparticle() -> None:
    table = particle_table().particles
    for number in (11, 211, 321, 2212, 4122, 24):
        (one,), (other,) = particles_numbered(number), particles_numbered(-number)
        assert table[one].conjugate == other
