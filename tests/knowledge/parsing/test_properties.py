"""Phrases that name a property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing.properties import find_property


@pytest.mark.parametrize(
    ("phrase", "name"),
    [
        ("what is the mass of the ¤¤¤", "mass"),
        ("how heavy is the ¤¤¤", "mass"),
        ("how much heavier is ¤¤ than ¤¤", "mass-difference"),
        ("mass splitting of ¤¤ and ¤¤", "mass-difference"),
        ("full width of the ¤¤¤", "width"),
        ("how broad is the ¤¤¤", "width"),
        ("partial width of ¤¤¤", "partial-width"),
        ("how long does a ¤¤ live", "lifetime"),
        ("mean life of ¤¤", "lifetime"),
        ("half-life of ¤¤", "half-life"),
        ("branching ratio of ¤¤ → ¤¤ ¤¤", "branching-fraction"),
        ("out of a thousand ¤¤ decays, how many give ¤¤", "branching-fraction"),
        ("main decay modes of ¤¤", "main-decay-modes"),
        ("spin and parity of ¤¤", "quantum-numbers"),
        ("J^PC of ¤¤", "quantum-numbers"),
        ("magnetic moment of ¤", "magnetic-moment"),
        ("(g-2)/2 of the ¤¤", "magnetic-moment-anomaly"),
        ("charge radius of the ¤", "charge-radius"),
        ("melting point of the ¤", None),
        ("who found the ¤", None),
    ],
)
def test_a_phrase_names_its_property(phrase: str, name: str | None) -> None:
    assert find_property(phrase)[0] == name


@given(st.text(alphabet="¤ massofwidthdecay-()J/→?", max_size=120))
def test_masking_keeps_length_and_names(text: str) -> None:
    name, masked = find_property(text)
    assert len(masked) == len(text)
    assert (name is None) == (masked == text)
    assert all(m == "¤" for c, m in zip(text, masked, strict=True) if c == "¤" and m != "§")
