"""Quantities: which property belongs to which thing."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.clauses import sentences
from yukawa.knowledge.parsing.plan import Wanted
from yukawa.knowledge.parsing.tokens import source, tokenise
from yukawa.knowledge.parsing.wanted import Contradiction, listed_decay, quantities


def wanted(text: str) -> list[Wanted]:
    read = source(text)
    (clause,) = sentences(read.plain, tokenise(read.plain))
    decay = listed_decay(clause)
    return [decay] if decay else quantities(clause)


def pairs(text: str) -> list[tuple[str, str]]:
    return [(w.property, w.thing.names[0]) for w in wanted(text)]


Z_MASS, Z_WIDTH, H_MASS, H_WIDTH = ("mass", "Z0"), ("width", "Z0"), ("mass", "H"), ("width", "H")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mass of the Z", [Z_MASS]), ("Z mass", [Z_MASS]), ("the Z: mass, width", [Z_MASS, Z_WIDTH]),
        ("mass and width of the Z", [Z_MASS, Z_WIDTH]),
        ("mass of the Z and the H", [Z_MASS, H_MASS]), ("Z and H masses", [Z_MASS, H_MASS]),
        ("mass of the Z and width of the H", [Z_MASS, H_WIDTH]),
        ("mass of the Z and H width", [Z_MASS, H_WIDTH]), ("Z mass and H width", [Z_MASS, H_WIDTH]),
        ("mass of the Z and its width", [Z_MASS, Z_WIDTH]),
        ("mass and width of the Z and the H", [Z_MASS, H_MASS, Z_WIDTH, H_WIDTH]), ("Z mass and width", [Z_MASS, Z_WIDTH]),
        ("Fermi constant", [("constant", "constant:fermi coupling constant")]), ("mass", []), ("the Z", []),
    ],
)  # fmt: skip
def test_properties_find_their_things(text: str, expected: list[tuple[str, str]]) -> None:
    assert sorted(pairs(text)) == sorted(expected)


@pytest.mark.parametrize(
    ("one", "other"), [("Z", "H"), ("tau", "muon"), ("K+", "B_s0"), ("J/psi", "Upsilon(1S)")]
)
def test_things_may_change_places(one: str, other: str) -> None:
    assert pairs(f"mass of the {one} and the {other}") == pairs(f"mass of the {other} and the {one}")[::-1]


def test_a_decay_has_a_property_of_decays() -> None:
    assert pairs("D0 → K- pi+") == [("branching-fraction", "D0")]
    assert pairs("partial width of Z → e+ e-") == [("partial-width", "Z0")]
    assert pairs("width Z → e+ e-") == [("partial-width", "Z0")]
    assert pairs("K+ → mu+ nu momentum") == [("momentum", "K+")]


@pytest.mark.parametrize(
    "text",
    [
        "J/psi e+ e- branching fraction",
        "e+ e- branching fraction of the J/psi",
        "branching ratio of e+ e- when the J/psi decays",
    ],
)
def test_decays_without_an_arrow(text: str) -> None:
    (found,) = wanted(text)
    assert found.thing.names == ("J/psi(1S)",)
    assert found.channel is not None
    assert sorted(found.channel.products) == [("e+",), ("e-",)]


def test_qualifiers_stay_with_their_property() -> None:
    found = wanted("pole mass and Breit-Wigner width of the Delta(1232)")
    assert [(w.property, dict(w.qualifiers)) for w in found] == [
        ("mass", {"scheme": "pole"}),
        ("width", {"scheme": "Breit-Wigner"}),
    ]
    assert all(w.qualifiers == {"year": "2018"} for w in wanted("mass and width of the Z in 2018"))


def test_two_schemes_of_one_property_contradict() -> None:
    with pytest.raises(Contradiction):
        wanted("MS-bar pole mass of the top quark")


def test_a_factor_belongs_to_its_thing() -> None:
    (found,) = wanted("mass of 5 kaons")
    assert found.factor == 5
