"""The columns are described once, and a missing one is told with its neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.columns import JET_COLUMNS, PARTICLE_COLUMNS, check_columns, label_column


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
