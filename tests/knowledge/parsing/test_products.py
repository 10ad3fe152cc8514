"""Final states agree product by product, whatever their order and whichever generic name stands for several states."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.products import same_channel

NAMES = st.lists(st.sampled_from(sorted(particle_table().particles)), max_size=6)


@given(NAMES, st.randoms())
def test_order_does_not_count(names: list[str], order: random.Random) -> None:
    mixed = [(name,) for name in names]
    order.shuffle(mixed)
    assert same_channel(names, mixed)


@given(NAMES, NAMES)
def test_other_products_are_another_channel(names: list[str], others: list[str]) -> None:
    assert same_channel(names, [(name,) for name in others]) == (sorted(names) == sorted(others))


@pytest.mark.parametrize(
    ("stored", "wanted", "same"),
    [
        (["e+-", "mu-+"], [["e+"], ["mu-"]], True),
        (["pi", "pi"], [["pi+", "pi-", "pi0"], ["pi+", "pi-", "pi0"]], True),
        (["pi", "N"], [["p"], ["pi0"]], False),  # N pi is the sum of its charge states
        (["lepton+", "nu"], [["e+"], ["nu_e"]], False),
        (["lepton+", "nu_e"], [["e+", "mu+", "tau+"], ["nu_e"]], True),
        (["anything", "gamma"], [["gamma"], ["anything"]], True),
        (["hadrons"], [["hadrons"]], True),
        (["K+", "pi-"], [["K+"]], False),
    ],
)
def test_generic_names(stored: list[str], wanted: list[list[str]], same: bool) -> None:
    assert same_channel(stored, wanted) is same
