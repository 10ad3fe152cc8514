"""The columns are described once, and a missing one is told with its neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.columns import (
    JET_COLUMNS,
    JET_ORIGIN,
    NAME_OF_PDG_ID,
    PARTICLE_COLUMNS,
    PDG_ID,
    check_columns,
    conjugate,
    flavours,
    label_column,
)


def test_names_are_unique_and_types_known():
    columns = (*PARTICLE_COLUMNS, *JET_COLUMNS)
    assert len({column.name for column in columns}) == len(columns)
    for column in columns:
        assert np.dtype(column.dtype).kind in "bif"
        assert column.meaning


def test_the_name_tells_whose_the_values_are():
    assert all(column.of_particles for column in PARTICLE_COLUMNS)
    assert not any(column.of_particles for column in JET_COLUMNS)
    assert label_column("bbar") == "label_bbar"


def test_a_missing_column_is_told_with_its_neighbours():
    names = [column.name for column in PARTICLE_COLUMNS]
    check_columns(names, names, "the file")
    check_columns([], [], "the file")
    with pytest.raises(InputError, match=r"^the file: no column part_d0vall \(near it: part_d0val\)$"):
        check_columns(["part_px", "part_d0vall"], names, "the file")
    with pytest.raises(InputError, match=r"^x\.root: no column zzz, qqq \(it has: part_px, jet_pt\)$"):
        check_columns(["zzz", "qqq"], ["part_px", "jet_pt"], "x.root")
    with pytest.raises(InputError, match="it has: none"):
        check_columns(["part_px"], [], "x.root")


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
