"""Branching fractions beside those of the Review."""

from __future__ import annotations

from yukawa.generators.fractions import measured_in, unlike_measured
from yukawa.generators.reading import read_card
from yukawa.generators.species import SpeciesNames
from yukawa.knowledge.base import KnowledgeBase

CARD = (
    "Alias MyJ J/psi\nDecay MyJ\n{} e+ e- VLL;\n{} mu+ mu- VLL;\n0.1 p+ anti-n pi- PHSP;\nEnddecay\n"
    "Decay B0\n1.0 K+ pi- PHSP;\nEnddecay\nEnd"
)
NUMBERS = {name: SpeciesNames().get(name).number for name in ("J/psi", "e+", "e-", "mu+", "mu-")}


def table(parent, daughters):
    leptons = {NUMBERS["e+"], NUMBERS["e-"]}, {NUMBERS["mu+"], NUMBERS["mu-"]}
    return (0.06, 0.0003) if set(daughters) in leptons else None


def lines(card: str, measured) -> list[int]:
    return [each.line for each in unlike_measured(read_card(card), measured)]


def test_shares_are_compared_and_a_common_scale_does_not_matter():
    for scale in (0.05, 0.5):
        assert not lines(CARD.format(scale, scale), table)
    assert lines(CARD.format(0.6, 0.2), table) == [3, 4]


def test_in_the_knowledge_base(pdg_base):
    with KnowledgeBase.open(pdg_base) as base:
        measured = measured_in(base)
        value, error = measured(100443, (443, 211, -211))
        assert 0.33 < value < 0.36
        assert error < 0.01
        assert measured(-511, (-321, 211)) == measured(511, (321, -211))
        assert measured(100443, (443, 443)) is None
        assert measured(999, (443,)) is None
