"""Jets in the ROOT layout of JetClass come back to the bit, and the field's own loader reads them."""

from __future__ import annotations

import pickle
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.io.jetclass import (
    ENTRIES,
    flat,
    jetclass_writer,
    native,
    open_jetclass,
    opened,
)
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.table import Jets, concatenate


def write_jetclass(path: Path, jets: Jets) -> None:
    with jetclass_writer(path) as append:
        append(jets)


@settings(max_examples=12)
@given(counts=st.lists(st.integers(0, 4), max_size=10), seed=st.integers(0, 9))
def test_jets_of_any_lengths_come_back(
    tmp_path_factory: pytest.TempPathFactory, make_jets, assert_same, counts, seed
):
    jets = make_jets(counts=np.array(counts, int), seed=seed)
    path = tmp_path_factory.mktemp("root") / "jets.root"
    write_jetclass(path, jets)
    source = open_jetclass(path)
    assert len(source) == len(jets)
    assert_same(source.read(), jets)


def test_numbers_that_are_not_finite_survive(tmp_path: Path, jets: Jets, assert_same):
    px = jets.particles["part_px"].copy()
    px[:3] = [np.nan, np.inf, -np.inf]
    odd = Jets(jets.offsets, {**jets.particles, "part_px": px}, {**jets.scalars, "jet_pt": px[: len(jets)]})
    write_jetclass(tmp_path / "jets.root", odd)
    assert_same(open_jetclass(tmp_path / "jets.root").read(), odd)


def test_pieces_are_ranges_of_entries(tmp_path: Path, make_jets, assert_same):
    jets = make_jets(counts=np.arange(ENTRIES + 10) % 3)
    with jetclass_writer(tmp_path / "jets.root") as append:
        for start in range(0, len(jets), 3000):
            append(jets[start : start + 3000])
    source = open_jetclass(tmp_path / "jets.root")
    assert [chunk.count for chunk in source.chunks] == [ENTRIES, 10]
    columns = ["part_charge", "part_px", "jet_event", "label_b"]
    second = pickle.loads(pickle.dumps(source.chunks[1]))  # noqa: S301 -- our own
    assert_same(second.read(columns), jets[ENTRIES:].pick(columns))
    assert_same(source.read(columns), jets.pick(columns))


def test_jets_without_particle_columns_or_without_jets(tmp_path: Path, jets: Jets, assert_same):
    write_jetclass(tmp_path / "none.root", jets[:0])
    assert_same(open_jetclass(tmp_path / "none.root").read(), jets[:0])
    flat = jets.pick(["jet_pt", "label_b"])
    write_jetclass(tmp_path / "flat.root", flat)
    assert (
        open_jetclass(tmp_path / "flat.root").read().scalars["jet_pt"].tolist()
        == flat.scalars["jet_pt"].tolist()
    )


def _tree(path: Path, kind: str, **trees: dict) -> None:
    """Write a file with these trees as TTree or RNTuple."""
    with uproot.recreate(path) as file:
        for name, columns in trees.items():
            if kind == "RNTuple":
                file[name] = columns
                continue
            types = {
                key: column.type.content if isinstance(column, ak.Array) else (column.dtype, column.shape[1:])
                for key, column in columns.items()
            }
            file.mktree(name, types).extend(columns)
        file["text"] = "not a tree"


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_files_of_other_writers_are_read(tmp_path: Path, kind: str):
    columns = {
        "part_px": ak.Array([[1.0, 2.0], [], [3.0]]),
        "part_id": ak.Array([[1, 2], [], [3]]),
        "label_QCD": np.array([1, 0, 1], np.float32),
        "jet_matrix": np.zeros((3, 2)),
    }
    _tree(tmp_path / "other.root", kind, Events=columns)
    source = open_jetclass(tmp_path / "other.root")
    assert set(source.columns) == {"part_px", "part_id", "label_QCD"}
    jets = source.read()
    assert jets.counts.tolist() == [2, 0, 1]
    assert jets.particles["part_id"].tolist() == [1, 2, 3]
    assert jets.labels(["QCD"]).tolist() == [0, -1, 0]


def test_of_several_trees_one_is_named(tmp_path: Path):
    _tree(
        tmp_path / "two.root", "TTree", one={"jet_pt": np.array([1.0])}, two={"jet_pt": np.array([1.0, 2.0])}
    )
    with pytest.raises(InputError, match=r"two\.root has several trees; it has: one, two"):
        open_jetclass(tmp_path / "two.root")
    with pytest.raises(InputError, match=r"two\.root has no tree 'tow'; it has: one, two"):
        open_jetclass(tmp_path / "two.root", tree="tow")
    source = open_jetclass(tmp_path / "two.root", tree="two")
    assert source.read().scalars["jet_pt"].tolist() == [1, 2]


def test_a_missing_branch_is_named_with_its_neighbour(tmp_path: Path, jets: Jets):
    write_jetclass(tmp_path / "jets.root", jets)
    source = open_jetclass(tmp_path / "jets.root")
    for read in (source.read, source.chunks[0].read):
        with pytest.raises(InputError, match=r"jets\.root: no column part_d0value .*near it: part_d0val"):
            read(["part_px", "part_d0value"])


def test_missing_labels_are_named(tmp_path: Path, jets: Jets):
    write_jetclass(tmp_path / "jets.root", jets.pick(["part_px", "jet_pt"]))
    with pytest.raises(InputError, match="no label column for b, g; they have: none"):
        open_jetclass(tmp_path / "jets.root").read().labels(["b", "g"])


def test_particles_of_two_kinds_are_not_mixed(tmp_path: Path):
    columns = {"part_px": ak.Array([[1.0], [2.0]]), "sv_px": ak.Array([[1.0], []])}
    _tree(tmp_path / "two.root", "TTree", tree=columns)
    source = open_jetclass(tmp_path / "two.root")
    assert source.read(["sv_px"]).counts.tolist() == [1, 0]
    with pytest.raises(InputError, match="part_px and sv_px differ in length"):
        source.read(["part_px", "sv_px"])


def test_no_tree_and_no_numbers_are_clear(tmp_path: Path):
    _tree(tmp_path / "none.root", "TTree")
    with pytest.raises(InputError, match="has no tree"):
        open_jetclass(tmp_path / "none.root")
    _tree(tmp_path / "matrix.root", "TTree", tree={"matrix": np.zeros((3, 2))})
    with pytest.raises(InputError, match="no branch of numbers"):
        open_jetclass(tmp_path / "matrix.root")


def test_later_jets_of_other_columns_are_refused_and_the_old_file_stands(tmp_path: Path, jets: Jets, feed):
    path = tmp_path / "jets.root"
    path.write_text("old")
    big = concatenate([jets] * (ENTRIES // len(jets) + 1))[:ENTRIES]
    with (
        pytest.raises(InputError, match="part_py was float32 in the first jets and is not there"),
        jetclass_writer(path) as append,
    ):
        feed(append, big, big.pick(["part_px"]))
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["jets.root"]


@pytest.mark.parametrize("suffix", ["root", "parquet"])
def test_weaver_reads_what_we_write(tmp_path: Path, jets: Jets, suffix: str):
    dataset = pytest.importorskip("weaver.utils.dataset", reason="needs weaver-core, the reference loader")
    path = tmp_path / f"jets.{suffix}"
    (write_jetclass if suffix == "root" else write_parquet)(path, jets)
    config = tmp_path / "data.yaml"
    labels = [f"label_{name}" for name in jets.classes]
    config.write_text(f"""
selection: jet_nparticles > 0
new_variables: {{mask: ak.ones_like(part_energy)}}
preprocess: {{method: manual}}
inputs:
  features: {{length: 16, pad_mode: constant, vars: [part_energy, part_charge, part_isPhoton, part_d0val]}}
  mask: {{length: 16, pad_mode: constant, vars: [mask]}}
labels: {{type: simple, value: [{", ".join(labels)}]}}
observers: [jet_pt]
""")
    options = {"for_training": False, "fetch_by_files": True, "fetch_step": 1, "async_load": False}
    rows = list(dataset.SimpleIterDataset({"_": [str(path)]}, str(config), **options))
    expected = jets[(jets.counts > 0) & (jets.labels(jets.classes) >= 0)]
    rows = [
        row for row, kept in zip(rows, jets[jets.counts > 0].labels(jets.classes) >= 0, strict=True) if kept
    ]
    assert [int(label["_label_"]) for _, label, _ in rows] == expected.labels(jets.classes).tolist()
    for at, (inputs, _, observed) in enumerate(rows):
        jet = expected[at : at + 1]
        assert inputs["mask"].sum() == len(jet.particles["part_px"])
        for row, name in enumerate(("part_energy", "part_charge", "part_isPhoton", "part_d0val")):
            np.testing.assert_array_equal(inputs["features"][row, : jet.counts[0]], jet.particles[name])
        assert observed["jet_pt"] == jet.scalars["jet_pt"][0]


def test_we_read_what_weaver_converts(tmp_path: Path, jets: Jets):
    converter = pytest.importorskip("weaver.utils.convert_to_parquet", reason="needs weaver-core")
    assert converter  # it writes with awkward's to_parquet, as below
    write_jetclass(tmp_path / "jets.root", jets)
    with uproot.open(tmp_path / "jets.root") as file:
        ak.to_parquet(file["tree"].arrays(), tmp_path / "jets.parquet", compression="zstd", row_group_size=20)
    from yukawa.jets.io.parquet import open_parquet

    source = open_parquet(tmp_path / "jets.parquet")
    assert [chunk.count for chunk in source.chunks] == [20, 20, 10]
    read = source.read()
    for name in ("part_px", "part_charge", "part_isMuon"):
        np.testing.assert_array_equal(read.particles[name], jets.particles[name])
    assert read.labels(jets.classes).tolist() == jets.labels(jets.classes).tolist()


def test_jagged_arrays_become_flat():
    counts, values = flat(ak.Array([[1.5, 2.5], [], [3.5]]))
    assert counts.tolist() == [2, 0, 1]
    assert values.tolist() == [1.5, 2.5, 3.5]


def test_numbers_take_the_byte_order_of_the_machine():
    big = np.array([1.5, -2.5], ">f4")
    assert native(big).dtype == np.dtype("f4")
    assert native(big).tolist() == [1.5, -2.5]


@pytest.mark.parametrize("keep", [4, 60, 300, 2000, -300])
def test_damage_is_one_clear_line(tmp_path: Path, make_jets, keep: int):
    path = tmp_path / "jets.root"
    write_jetclass(path, make_jets(200))
    path.write_bytes(path.read_bytes()[:keep])
    with (
        pytest.raises(InputError, match=r"jets\.root cannot be read as ROOT") as caught,
        opened(path) as file,
    ):
        file["tree"].arrays()
    assert "\n" not in str(caught.value)


def test_other_content_and_no_file_are_clear(tmp_path: Path):
    (tmp_path / "a.root").write_text("not ROOT at all" * 100)
    with pytest.raises(InputError, match=r"a\.root cannot be read as ROOT"), opened(tmp_path / "a.root"):
        pass
    with pytest.raises(InputError, match="No such file"), opened(tmp_path / "b.root"):
        pass
