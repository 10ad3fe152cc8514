"""Headers of LHCb's decay files redefine particles."""

from __future__ import annotations

from yukawa.generators.headers import header_species

HEADER = [
    "# EventType: 1",
    '# ParticleValue: "MyHNL 89 9900014 0.0 2.5 1.0e-10 A0 9900014 0.0", "X_1(3872) 1016 9120443 0.0',
    '#   3.8719 -0.001 X_1(3872) 9120443 0.001"',
    "#",
    '# "not 1 2 3 4 5 6 7 8"',
    "Decay B0",
]


def test_values_over_several_lines():
    found = {each.name: each for each in header_species(HEADER)}
    assert found.keys() == {"A0", "X_1(3872)"}
    assert found["A0"].mass == 2.5
    assert found["X_1(3872)"].width == 0.001
    assert found["X_1(3872)"].redefined
    assert found["X_1(3872)"].spin2 == 2


def test_lines_that_are_no_header():
    assert not header_species(['# ParticleValue: "too short"', '# ParticleValue: "a b c d e f g h i"', "# x"])


def test_a_redefined_particle_exempts_its_modes(codes):
    card = "Decay B+\n1.0 mu+ A0 PHSP;\nEnddecay\nEnd"
    assert ("E-SPIN", 2) in codes(card)
    assert not codes("\n".join(HEADER[:3]) + "\n" + card)
