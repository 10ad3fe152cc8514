"""What is left after a time, wavelengths of particles, amounts in other units; and near misses, refused."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan

QUESTIONS = [
    ("What fraction of muons is left after 2 lifetimes?", "fraction-left", {"given": "2 lifetimes"}),
    ("What fraction of charged pions survives after 26 ns?", "fraction-left", {"given": "26 ns"}),
    ("What fraction of neutrons decays within 10 minutes?", "fraction-decayed", {"given": "10 minutes"}),
    ("How long does it take until half of the muons have decayed?", "half-life", {}),
    ("How many meters does light travel during the lifetime of a tau?", "decay-length", {}),
    ("What's the Compton wavelength of the muon?", "compton-wavelength", {}),
    ("What is the reduced Compton wavelength of the proton?", "reduced-compton-wavelength", {}),
    ("Convert 1 u to MeV", "conversion", {"unit": "MeV"}),
    ("Convert 10^-27 cm^2 to mb", "conversion", {"unit": "mb"}),
    ("How many joules is 1 GeV?", "conversion", {"unit": "joules"}),
    ("Convert 197 MeV to inverse fermi", "conversion", {"unit": "inverse fermi"}),
    ("A particle has a width of 100 MeV. What's its lifetime?", "conversion", {"unit": "lifetime"}),
    ("What's the decay width of a particle with lifetime 1e-12 s?", "conversion", {"unit": "width"}),
]
REFUSED = [
    "Convert 3 x 5 MeV to GeV",
    "What fraction of muons is left after 3 weeks of rain?",
    "Convert 1 u to MeV in water",
    "Convert 3 sheep to MeV",
    "What is the width of a particle with lifetime 1e-12 s and mass 3 GeV?",
]


@pytest.mark.parametrize(("question", "name", "said"), QUESTIONS)
def test_the_quantity_and_what_is_given(question: str, name: str, said: dict[str, str]) -> None:
    found = plan(question)
    assert found.complete, reading(found)
    (wanted,) = (w for goal in found.goals for w in goal.operands)
    assert (wanted.property, dict(wanted.qualifiers)) == (name, said)


@pytest.mark.parametrize("question", REFUSED)
def test_what_is_left_unread_is_refused(question: str) -> None:
    assert not plan(question).complete
