"""Particles become decays; a list that may be one decay or several is refused."""

from __future__ import annotations

import itertools

import pytest

from yukawa.generators.clauses import decay_clauses, with_beams
from yukawa.generators.naming import named_particles
from yukawa.generators.plans import UnreadSentence


def chain(plain: str) -> list[str]:
    return [
        f"{each.parent.text} -> {' '.join(daughter.text for daughter in each.daughters)}"
        for each in decay_clauses(with_beams(named_particles(plain)))
    ]


@pytest.mark.parametrize(
    ("plain", "decays"),
    [
        ("B0 → D- pi+, D- → K+ pi- pi-", ["B0 -> D- pi+", "D- -> K+ pi- pi-"]),
        ("B0 → D- (→ K+ pi- pi-) pi+", ["B0 -> D- pi+", "D- -> K+ pi- pi-"]),
        ("D- → K+ pi- pi- from B0 → D- pi+", ["B0 -> D- pi+", "D- -> K+ pi- pi-"]),
        ("D0 → K- pi+ or K- K+ or pi- pi+", ["D0 -> K- pi+", "D0 -> K- K+", "D0 -> pi- pi+"]),
        ("e+ e- → psi(3770) → D+ D-", ["psi(3770) -> D+ D-"]),
        ("e+ e- → D+ D-", ["e+ e- -> D+ D-"]),
        ("e+ e- → tau+ tau-, tau- → pi- nu_tau", ["tau- -> pi- nu_tau"]),
    ],
)
def test_decays(plain, decays):
    assert chain(plain) == decays


@pytest.mark.parametrize("between", [", ", " and ", ", and "])
def test_groups_of_daughters_are_never_joined_by_a_guess(between):
    """Law: two lists of two or more that a comma or "and" joins are refused; one long list of any one form is a decay."""
    pairs = ("K+ K-", "pi+ pi-", "p+ pbar pi0")
    for first, second in itertools.permutations(pairs, 2):
        with pytest.raises(UnreadSentence, match="one decay or of several"):
            chain(f"B0 → {first}{between}{second}")
    assert chain("B0 → K+, K-, pi+ and pi-") == chain("B0 → K+ K- pi+ and pi-") == ["B0 -> K+ K- pi+ pi-"]
