"""Features of padded arrays and columns of particles turn into one another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.io.padded import (
    FEATURES,
    KIND,
    KINDS,
    KINEMATIC,
    best_features,
    check_names,
    columns_of,
    decode,
    encode,
)
from yukawa.jets.table import Jets


def test_features_give_back_the_columns(jets: Jets):
    rows = encode(jets, FEATURES)
    columns = decode(rows, FEATURES, jets.counts, jets.scalars)
    assert tuple(columns) == columns_of(FEATURES)
    for name, column in columns.items():
        np.testing.assert_allclose(column, jets.particles[name], rtol=2e-5, atol=2e-5, err_msg=name)


def test_plain_columns_come_back_to_the_bit(jets: Jets):
    names = ("part_px", "part_d0val", "part_energy")
    columns = decode(encode(jets, names), names, jets.counts, {})
    for name in names:
        np.testing.assert_array_equal(columns[name], jets.particles[name])


def test_each_kind_has_its_charge_and_flag():
    rows = np.arange(len(KINDS), dtype=np.float32)[:, None]
    columns = decode(rows, (KIND,), np.array([len(KINDS)]), {})
    assert dict(zip(KINDS, columns["part_charge"], strict=True)) == {
        -211: -1, -13: 1, -11: 1, 0: 0, 11: -1, 13: -1, 22: 0, 130: 0, 211: 1,
    }  # fmt: skip
    assert [np.array(KINDS)[columns[name]].tolist() for name in columns if name != "part_charge"] == [
        [-11, 11], [-13, 13], [-211, 211], [130], [22],
    ]  # fmt: skip
    again = encode(Jets.from_counts(np.array([len(KINDS)]), columns, {}), (KIND,))
    np.testing.assert_array_equal(again, rows)


def test_a_kind_that_is_none_is_named():
    for wrong in (9, -1, 2.5, np.nan):
        with pytest.raises(InputError, match=r"a particle is of kind .*, the kinds are 0 to 8"):
            decode(np.array([[wrong]]), (KIND,), np.array([1]), {})


def test_an_axis_that_is_not_stored_lies_along_x():
    rows = np.array([[0.5, 0.0, np.log(2.0)]])
    columns = decode(rows, ("part_deta", "part_dphi", "log part_pt"), np.array([1]), {})
    expected = {"part_px": 2, "part_py": 0, "part_pz": 2 * np.sinh(0.5)}
    assert {name: columns[name][0] for name in expected} == pytest.approx(expected)
    assert "part_pt" not in columns


def test_tanh_saturates_and_logarithms_of_nothing_survive():
    tanh = np.tanh(np.array([[50.0], [-50.0], [0.5]], np.float32))
    d0 = decode(tanh, ("tanh part_d0val",), np.array([3]), {})["part_d0val"]
    assert np.all(np.isfinite(d0))
    assert d0[2] == pytest.approx(0.5)
    assert d0[0] == -d0[1] > 8
    energy = {"part_energy": np.array([0.0, np.inf, np.nan], np.float32)}
    jets = Jets.from_counts(np.array([3]), energy, {})
    back = decode(encode(jets, ("log part_energy",)), ("log part_energy",), jets.counts, {})
    np.testing.assert_array_equal(back["part_energy"], energy["part_energy"])


def test_the_fullest_features_that_the_jets_allow_are_taken(jets: Jets):
    assert best_features(jets) == FEATURES
    assert best_features(jets.pick([*KINEMATIC[:2], "part_px", "part_py", "part_energy"])) == KINEMATIC


def test_what_is_no_feature_or_not_there_is_named(jets: Jets):
    check_names(Path("x.h5"), FEATURES)
    for wrong in ("sin part_px", "jet_pt", "log  part_px", ""):
        with pytest.raises(InputError, match=r"x\.h5: .* is no feature"):
            check_names(Path("x.h5"), [wrong])
    with pytest.raises(InputError, match="no column part_tau"):
        encode(jets, ("part_tau",))
    with pytest.raises(InputError, match="no column part_isMuon"):
        encode(jets.pick([name for name in jets.columns if name != "part_isMuon"]), FEATURES)
