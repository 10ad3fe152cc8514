"""Jets in padded HDF5 arrays come back, and trouble with shapes and numbers is said."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.io.hdf5 import (
    FEATURES,
    GLOBALS,
    JETS,
    KIND,
    KINDS,
    KINEMATIC,
    best_features,
    check_names,
    columns_of,
    decode_features,
    encode_features,
    hdf5_writer,
    open_hdf5,
)
from yukawa.jets.table import Jets, concatenate


def write_hdf5(path: Path, jets: Jets, features: Sequence[str] | None = None) -> None:
    with hdf5_writer(path, features=features) as append:
        append(jets)


RAW = ("part_px", "part_py", "part_pz", "part_energy", "part_charge")


def _write(path: Path, **datasets: object) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file["global" if name == "global_" else name] = values
    return path


def test_plain_features_come_back_to_the_bit(tmp_path: Path, jets: Jets):
    write_hdf5(tmp_path / "jets.h5", jets, features=RAW)
    read = open_hdf5(tmp_path / "jets.h5").read()
    assert read.counts.tolist() == jets.counts.tolist()
    for name in RAW:
        np.testing.assert_array_equal(read.particles[name], jets.particles[name])
    for name in ("jet_pt", "jet_eta", "jet_phi", "jet_energy", "jet_nparticles"):
        np.testing.assert_array_equal(read.scalars[name], jets.scalars[name])
    assert read.classes == jets.classes
    assert read.labels(jets.classes).tolist() == jets.labels(jets.classes).tolist()


def test_the_usual_features_come_back_as_columns(tmp_path: Path, jets: Jets):
    write_hdf5(tmp_path / "jets.h5", jets)
    with h5py.File(tmp_path / "jets.h5") as file:
        assert file["data"].shape == (len(jets), jets.counts.max(), 9)
        assert file["pid"].shape == (len(jets),)
        assert file["global"].attrs["names"][-1] == b"jet_nparticles"
        mask = file["data"][:, :, 2] != 0  # what OmniLearn takes for particles
        assert mask.sum(axis=1).tolist() == jets.counts.tolist()
    source = open_hdf5(tmp_path / "jets.h5")
    read = source.read()
    assert set(read.columns) == set(source.columns)
    for name, column in read.particles.items():
        np.testing.assert_allclose(column, jets.particles[name], rtol=2e-5, atol=2e-5, err_msg=name)


def test_portions_and_pieces_do_not_show(tmp_path: Path, make_jets, assert_same):
    narrow, wide = make_jets(counts=np.full(JETS, 2)), make_jets(counts=np.array([70, 0, 1]))
    jets = concatenate([narrow, wide])
    write_hdf5(tmp_path / "whole.h5", jets, features=RAW)
    with hdf5_writer(tmp_path / "parts.h5", features=RAW) as append:
        for start in range(0, len(jets), 500):
            append(jets[start : start + 500])
    source = open_hdf5(tmp_path / "parts.h5")
    assert [chunk.count for chunk in source.chunks] == [JETS, 3]
    assert_same(source.read(), open_hdf5(tmp_path / "whole.h5").read())
    last = pickle.loads(pickle.dumps(source.chunks[1])).read(["part_px", "label_g"])  # noqa: S301 -- our own
    assert last.counts.tolist() == [70, 0, 1]
    np.testing.assert_array_equal(last.particles["part_px"], wide.particles["part_px"])


def test_no_jets_and_no_labels(tmp_path: Path, jets: Jets):
    write_hdf5(tmp_path / "none.h5", jets[:0], features=RAW)
    assert len(open_hdf5(tmp_path / "none.h5").read()) == 0
    write_hdf5(tmp_path / "plain.h5", jets.pick(RAW), features=RAW)
    read = open_hdf5(tmp_path / "plain.h5").read()
    assert read.classes == ()
    assert read.scalars["jet_nparticles"].tolist() == jets.counts.tolist()


def test_files_without_names_are_read_as_usual(tmp_path: Path):
    data = np.zeros((3, 4, 9), np.float32)
    data[0, :2] = [0.1, -0.2, 1.0, 2.0, 4, 0.3, 0.01, -0.4, 0.02]
    data[0, 2:, 4] = 3  # the kind does not make padding a particle
    data[2, 0] = [0.0, 0.0, 0.5, 0.6, 6, 0, 0, 0, 0]
    jets = np.array([[50, 1.0, 5, 2], [40, 0.0, 4, 0], [30, -1.0, 3, 1]], np.float32)
    path = _write(tmp_path / "omni.h5", data=data, pid=np.array([2, 0, -1]), global_=jets)
    read = open_hdf5(path).read()
    assert read.counts.tolist() == [2, 0, 1]
    assert read.classes == ("0", "1", "2")
    assert read.labels(read.classes).tolist() == [2, 0, -1]
    assert tuple(read.scalars)[: len(GLOBALS)] == GLOBALS
    assert read.particles["part_isElectron"].tolist() == [True, True, False]
    np.testing.assert_allclose(read.particles["part_pz"][0], np.e * np.sinh(1.1), rtol=1e-6)
    named = open_hdf5(path, classes=["QCD", "Hbb", "Hcc"], features=[f"part_{i}" for i in range(9)])
    assert named.columns[:2] == ("part_0", "part_1")
    assert named.read().labels(["Hcc", "QCD"]).tolist() == [0, 1, -1]


def test_numbers_that_are_not_finite_survive(tmp_path: Path, jets: Jets):
    odd = np.array([np.nan, np.inf, -np.inf] + [0.0] * (len(jets.particles["part_px"]) - 3), np.float32)
    jets = Jets(jets.offsets, {**jets.particles, "part_px": odd}, jets.scalars)
    write_hdf5(tmp_path / "jets.h5", jets, features=RAW)
    np.testing.assert_array_equal(open_hdf5(tmp_path / "jets.h5").read().particles["part_px"], odd)


def test_a_particle_that_would_be_padding_is_refused_and_the_old_file_stands(tmp_path: Path):
    path = tmp_path / "jets.h5"
    path.write_text("old")
    zero = {"part_px": np.zeros(2, np.float32)}
    with pytest.raises(InputError, match="a particle with all features zero would be taken for padding"):
        write_hdf5(path, Jets.from_counts(np.array([2]), zero, {}), features=["part_px"])
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["jets.h5"]


DATA = np.ones((3, 2, 4), np.float32)


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ({"jets": DATA}, "has no dataset 'data'; it has: jets"),
        ({"data": DATA[0]}, r"data has the shape \(2, 4\), expected are 3 dimensions"),
        ({"data": DATA, "pid": np.zeros(2)}, r"pid has the shape \(2,\), expected are 1 dimensions.*\(3\)"),
        ({"data": DATA, "global_": np.zeros(3)}, r"global has the shape \(3,\), expected are 2"),
        ({"data": DATA, "pid": ["a", "b", "c"]}, "pid holds object, numbers are expected"),
        ({"data": np.ones((3, 2, 7))}, "the 7 columns of data is not known, only that of 4, 5, 9.*features"),
        ({"data": DATA, "global_": np.ones((3, 2))}, "2 columns of global.*give their names as jet_features"),
    ],
)
def test_wrong_shapes_are_named(tmp_path: Path, datasets: dict, message: str):
    with pytest.raises(InputError, match=rf"wrong\.h5.* {message}"):
        open_hdf5(_write(tmp_path / "wrong.h5", **datasets))


def test_wrong_numbers_and_names_are_named(tmp_path: Path):
    data = np.ones((3, 2, 9), np.float32)
    path = _write(tmp_path / "wrong.h5", data=data, pid=np.array([0, 1, 7]))
    with pytest.raises(InputError, match=r"wrong\.h5: jet 2 has the label 7, labels are 0 to 1, and -1"):
        open_hdf5(path, classes=["a", "b"]).read()
    with pytest.raises(InputError, match=r"data has 9 columns, features names 1"):
        open_hdf5(path, features=["part_px"])
    with pytest.raises(InputError, match="'px' is not a feature"):
        open_hdf5(path, features=[*FEATURES[:8], "px"])
    with pytest.raises(InputError, match=r"no column part_pX"):
        open_hdf5(path).chunks[0].read(["part_pX"])
    data[1, 1, 4] = 30
    with pytest.raises(InputError, match=r"kind\.h5: a particle is of kind 30"):
        open_hdf5(_write(tmp_path / "kind.h5", data=data)).read()
    path = _write(tmp_path / "nan.h5", data=data[..., :4], pid=np.array([np.nan, 0, 1]))
    with pytest.raises(InputError, match=r"nan\.h5: jet 0 has the label nan"):
        open_hdf5(path).read()
    with pytest.raises(InputError, match=r"big\.h5: pid holds 1000000, which is not the number of a class"):
        open_hdf5(_write(tmp_path / "big.h5", data=data[..., :4], pid=np.array([0, 1, 1_000_000])))


@pytest.mark.parametrize("keep", [0, 50, 1000, -100])
def test_damage_is_one_clear_line(tmp_path: Path, jets: Jets, keep: int):
    path = tmp_path / "jets.h5"
    write_hdf5(path, jets)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"jets\.h5 cannot be read as HDF5") as caught:
        open_hdf5(path).read()
    assert "\n" not in str(caught.value)


def test_no_file_is_clear(tmp_path: Path):
    with pytest.raises(InputError, match="No such file"):
        open_hdf5(tmp_path / "absent.h5")


def test_features_give_back_the_columns(jets: Jets):
    rows = encode_features(jets, FEATURES)
    columns = decode_features(rows, FEATURES, jets.counts, jets.scalars)
    assert tuple(columns) == columns_of(FEATURES)
    for name, column in columns.items():
        np.testing.assert_allclose(column, jets.particles[name], rtol=2e-5, atol=2e-5, err_msg=name)


def test_plain_columns_come_back_to_the_bit(jets: Jets):
    names = ("part_px", "part_d0val", "part_energy")
    columns = decode_features(encode_features(jets, names), names, jets.counts, {})
    for name in names:
        np.testing.assert_array_equal(columns[name], jets.particles[name])


def test_each_kind_has_its_charge_and_flag():
    rows = np.arange(len(KINDS), dtype=np.float32)[:, None]
    columns = decode_features(rows, (KIND,), np.array([len(KINDS)]), {})
    assert dict(zip(KINDS, columns["part_charge"], strict=True)) == {
        -211: -1, -13: 1, -11: 1, 0: 0, 11: -1, 13: -1, 22: 0, 130: 0, 211: 1,
    }  # fmt: skip
    assert [np.array(KINDS)[columns[name]].tolist() for name in columns if name != "part_charge"] == [
        [-11, 11], [-13, 13], [-211, 211], [130], [22],
    ]  # fmt: skip
    again = encode_features(Jets.from_counts(np.array([len(KINDS)]), columns, {}), (KIND,))
    np.testing.assert_array_equal(again, rows)


def test_a_kind_that_is_none_is_named():
    for wrong in (9, -1, 2.5, np.nan):
        with pytest.raises(InputError, match=r"a particle is of kind .*, the kinds are 0 to 8"):
            decode_features(np.array([[wrong]]), (KIND,), np.array([1]), {})


def test_an_axis_that_is_not_stored_lies_along_x():
    rows = np.array([[0.5, 0.0, np.log(2.0)]])
    columns = decode_features(rows, ("part_deta", "part_dphi", "log part_pt"), np.array([1]), {})
    expected = {"part_px": 2, "part_py": 0, "part_pz": 2 * np.sinh(0.5)}
    assert {name: columns[name][0] for name in expected} == pytest.approx(expected)
    assert "part_pt" not in columns


def test_tanh_saturates_and_logarithms_of_nothing_survive():
    tanh = np.tanh(np.array([[50.0], [-50.0], [0.5]], np.float32))
    d0 = decode_features(tanh, ("tanh part_d0val",), np.array([3]), {})["part_d0val"]
    assert np.all(np.isfinite(d0))
    assert d0[2] == pytest.approx(0.5)
    assert d0[0] == -d0[1] > 8
    energy = {"part_energy": np.array([0.0, np.inf, np.nan], np.float32)}
    jets = Jets.from_counts(np.array([3]), energy, {})
    back = decode_features(encode_features(jets, ("log part_energy",)), ("log part_energy",), jets.counts, {})
    np.testing.assert_array_equal(back["part_energy"], energy["part_energy"])


def test_the_fullest_features_that_the_jets_allow_are_taken(jets: Jets):
    assert best_features(jets) == FEATURES
    assert best_features(jets.pick([*KINEMATIC[:2], "part_px", "part_py", "part_energy"])) == KINEMATIC


def test_what_is_no_feature_or_not_there_is_named(jets: Jets):
    check_names(Path("x.h5"), FEATURES)
    for wrong in ("sin part_px", "jet_pt", "log  part_px", ""):
        with pytest.raises(InputError, match=r"x\.h5: .* is not a feature"):
            check_names(Path("x.h5"), [wrong])
    with pytest.raises(InputError, match="no column part_tau"):
        encode_features(jets, ("part_tau",))
    with pytest.raises(InputError, match="no column part_isMuon"):
        encode_features(jets.pick([name for name in jets.columns if name != "part_isMuon"]), FEATURES)


def test_what_lies_in_other_files_is_refused(tmp_path: Path):
    other = _write(tmp_path / "other.h5", data=DATA)
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["data"] = h5py.ExternalLink(str(other), "data")
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout(DATA.shape, np.float64)
        layout[:] = h5py.VirtualSource(str(other), "data", DATA.shape)
        file.create_virtual_dataset("data", layout)
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file.create_dataset("data", DATA.shape, np.float32, external=[("/dev/zero", 0, DATA.nbytes)])
    for name in ("link", "virtual", "raw"):
        with pytest.raises(InputError, match=rf"{name}\.h5: data lies in another file"):
            open_hdf5(tmp_path / f"{name}.h5")
    with h5py.File(tmp_path / "group.h5", "w") as file:
        file.create_group("data")
    with pytest.raises(InputError, match=r"group\.h5: data is not an array"):
        open_hdf5(tmp_path / "group.h5")


@pytest.mark.parametrize("shape", [(10**12, 20, 4), (2000, 10**7, 4)])
def test_more_than_a_file_can_hold_is_refused_before_it_is_read(tmp_path: Path, shape: tuple[int, ...]):
    with h5py.File(tmp_path / "bomb.h5", "w") as file:  # nothing of it is stored
        file.create_dataset("data", shape, np.float32, chunks=(1, 1, 4))
    with pytest.raises(
        InputError, match=r"bomb\.h5 is damaged or made to harm: data of the shape .* would take"
    ):
        open_hdf5(tmp_path / "bomb.h5")


def test_a_heap_that_leads_nowhere_is_refused(tmp_path: Path):
    path = tmp_path / "heap.h5"
    with h5py.File(path, "w") as file:
        file["data"] = DATA
        file["data"].attrs["names"] = list(FEATURES[:4])
    assert open_hdf5(path).read().counts.sum()
    content = bytearray(path.read_bytes())
    heap = content.find(b"GCOL")
    content[heap + 16 : heap + 32] = bytes(16)  # an object of no size: the next one is itself
    path.write_bytes(content)
    with pytest.raises(InputError, match="its texts cannot be found"):
        open_hdf5(path)
