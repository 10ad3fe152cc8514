"""The eleven classes and their antiparticles."""

from __future__ import annotations

import pytest

from yukawa.jets.classes import JET_ORIGIN, NAME_OF_PDG_ID, PDG_ID, conjugate, flavours


@pytest.mark.parametrize("name", [*JET_ORIGIN, "QCD", "t", "tbar", "", "bar", "crowbar", "gbar"])
def test_the_antiparticle_of_the_antiparticle_is_the_particle(name: str):
    assert conjugate(conjugate(name)) == name


def test_antiparticles_have_the_opposite_code():
    for name in JET_ORIGIN:
        assert PDG_ID[conjugate(name)] == (21 if name == "g" else -PDG_ID[name])
    assert {NAME_OF_PDG_ID[PDG_ID[name]] for name in JET_ORIGIN} == set(JET_ORIGIN)
    assert len(JET_ORIGIN) == len(PDG_ID) == 11


def test_flavours_are_the_pairs_that_are_there():
    assert flavours(JET_ORIGIN) == tuple((name, f"{name}bar") for name in "bcsud")
    assert flavours(["dbar", "g", "b", "d", "bbar", "u"]) == (("b", "bbar"), ("d", "dbar"))
    assert flavours([]) == ()
