"""Jets are found by path alone, whatever their format; what cannot be found is said in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.io.hdf5 import hdf5_writer
from yukawa.jets.io.jetclass import jetclass_writer
from yukawa.jets.io.parquet import ROW_GROUP, open_parquet, parquet_writer, write_parquet
from yukawa.jets.io.source import (
    MANIFEST,
    SPLITS,
    JetManifest,
    check_manifest,
    convert,
    describe_shard,
    open_source,
)
from yukawa.jets.io.text import text_writer
from yukawa.jets.table import JET_ORIGIN, Jets, concatenate


@pytest.fixture
def data_set(tmp_path: Path, make_jets) -> Path:
    """A data set of four shards and its manifest."""
    shards = []
    for seed, path in enumerate(
        ("train/0.parquet", "train/1.parquet", "validation/0.parquet", "test/0.parquet")
    ):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        jets = make_jets(30, seed)
        write_parquet(tmp_path / path, jets)
        shards.append(describe_shard(tmp_path, path, jets))
    versions = {"yukawa": "0", "pythia8mc": "8.317.2", "fastjet": "3.4"}
    process = {"name": "nunuH", "settings": ["Beams:eCM = 240."]}
    manifest = JetManifest(
        versions=versions,
        process=process,
        card={"field": 3.0},
        seed=1,
        jets_per_class=11,
        shards=tuple(shards),
    )
    manifest.write(tmp_path)
    return tmp_path


def test_what_is_written_is_read(data_set: Path):
    manifest = JetManifest.read(data_set)
    manifest.write(data_set)
    assert JetManifest.read(data_set) == manifest
    assert check_manifest(data_set) == check_manifest(data_set, full=True) == manifest


def test_totals_follow_from_the_shards(data_set: Path, make_jets):
    manifest = JetManifest.read(data_set)
    assert manifest.jets == 120
    jets = [make_jets(30, seed) for seed in range(4)]
    assert manifest.counts["test"]["g"] == jets[3].scalars["label_g"].sum()
    assert manifest.counts["train"]["b"] == sum(part.scalars["label_b"].sum() for part in jets[:2])
    assert list(manifest.counts) == list(SPLITS)
    stored = json.loads((data_set / MANIFEST).read_text())
    assert set(stored) == {"versions", "process", "card", "seed", "jets_per_class", "shards"}


def test_a_missing_shard_is_named(data_set: Path):
    (data_set / "validation/0.parquet").unlink()
    with pytest.raises(InputError, match=r"validation.0\.parquet, which the manifest lists.*No such file"):
        check_manifest(data_set)
    check_manifest(data_set, splits=["train", "test"])


def test_another_size_is_named(data_set: Path):
    with open(data_set / "train/1.parquet", "ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match=r"train.1\.parquet has \d+ bytes, the manifest says \d+"):
        check_manifest(data_set)


def test_another_number_of_jets_is_named(data_set: Path):
    text = (data_set / MANIFEST).read_text()
    (data_set / MANIFEST).write_text(text.replace('"jets": 30', '"jets": 31', 1))
    with pytest.raises(InputError, match=r"train.0\.parquet holds 30 jets, the manifest says 31"):
        check_manifest(data_set)


def test_one_changed_byte_is_found_by_the_full_check(data_set: Path):
    path = data_set / "test/0.parquet"
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    check_manifest(data_set)
    with pytest.raises(InputError, match=r"test.0\.parquet has another SHA-256"):
        check_manifest(data_set, full=True)


def test_a_file_that_is_not_recorded_is_named(data_set: Path):
    (data_set / "train/2.parquet").write_bytes((data_set / "train/1.parquet").read_bytes())
    with pytest.raises(InputError, match=r"train.2\.parquet is not in .*manifest\.json"):
        check_manifest(data_set)
    (data_set / "train/2.parquet").rename(data_set / "train/.2.parquet")  # half-written files are hidden
    check_manifest(data_set)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"seed": 1', '"seed": "one"', "seed"),
        ('"seed": 1', '"seed": 1, "colour": 2', "colour"),
        ('"train/0.parquet"', '"../0.parquet"', "shards.0.path.*inside"),
        ('"train/0.parquet"', '"/0.parquet"', "shards.0.path.*inside"),
        ('"split": "test"', '"split": "other"', "shards.3.split"),
        ('"jets_per_class": 11', '"jets_per_class": 0', "jets_per_class"),
        ("{", "[", "JSON"),
    ],
)
def test_a_damaged_manifest_is_one_clear_line(data_set: Path, old: str, new: str, message: str):
    path = data_set / MANIFEST
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=rf"manifest\.json is (damaged: .*|not valid ){message}") as caught:
        JetManifest.read(data_set)
    assert "\n" not in str(caught.value)


def test_no_manifest_is_clear(tmp_path: Path):
    with pytest.raises(InputError, match=r"is not a data set: manifest\.json is missing"):
        check_manifest(tmp_path)


def test_a_shard_lies_in_a_split(tmp_path: Path, jets):
    (tmp_path / "extra").mkdir()
    write_parquet(tmp_path / "extra/0.parquet", jets)
    with pytest.raises(InputError, match="does not begin with a split"):
        describe_shard(tmp_path, "extra/0.parquet", jets)


def write_jetclass(path: Path, jets: Jets) -> None:
    with jetclass_writer(path) as append:
        append(jets)


def write_hdf5(path: Path, jets: Jets, features: Sequence[str] | None = None) -> None:
    with hdf5_writer(path, features=features) as append:
        append(jets)


def write_text(path: Path, jets: Jets, classes: Sequence[str] = JET_ORIGIN) -> None:
    with text_writer(path, classes) as append:
        append(jets)


WRITE = {"parquet": write_parquet, "root": write_jetclass, "h5": write_hdf5, "json": write_text}


@pytest.fixture
def two_splits(tmp_path: Path, make_jets) -> Path:
    """A simulated data set: 30 jets to train, 20 to validate, none to test."""
    shards = []
    for path, count in (("train/0.parquet", 20), ("train/1.parquet", 10), ("validation/0.parquet", 20)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        write_parquet(tmp_path / path, make_jets(count))
        shards.append(describe_shard(tmp_path, path, make_jets(count)))
    empty = {"versions": {}, "process": {}, "card": {}}
    JetManifest(**empty, seed=1, jets_per_class=1, shards=tuple(shards)).write(tmp_path)
    return tmp_path


@pytest.mark.parametrize("suffix", WRITE)
def test_a_file_of_any_format_is_found(tmp_path: Path, jets: Jets, suffix: str):
    path = tmp_path / f"jets.{suffix}"
    WRITE[suffix](path, jets)
    for given in (path, str(path), [path]):
        assert len(open_source(given)) == len(jets)
    if suffix != "json":
        renamed = path.rename(tmp_path / "jets.dat")  # the content tells
        assert len(open_source(renamed)) == len(jets)


@pytest.mark.parametrize("suffix", WRITE)
def test_a_folder_is_its_files_in_the_order_of_their_names(
    tmp_path: Path, make_jets, assert_same, suffix: str
):
    for name, count in (("b", 7), ("a", 5)):
        WRITE[suffix](tmp_path / f"{name}.{suffix}", make_jets(count))
    (tmp_path / "README.md").write_text("not jets")
    (tmp_path / f".part.{suffix}").write_text("half-written")
    source = open_source(tmp_path)
    assert [path.name for path in source.paths] == [f"a.{suffix}", f"b.{suffix}"]
    assert source.read().counts.tolist() == [*make_jets(5).counts, *make_jets(7).counts]
    assert len(open_source([tmp_path / f"b.{suffix}", tmp_path])) == 19


def test_a_two_splits_gives_its_splits(two_splits: Path, make_jets, assert_same):
    train = concatenate([make_jets(20), make_jets(10)])
    assert_same(open_source(two_splits, "train").read(), train)
    assert_same(open_source(two_splits, "validation").read(), make_jets(20))
    whole = open_source(two_splits).read()
    assert whole.scalars["jet_split"].tolist() == 30 * [0] + 20 * [1]
    assert_same(
        whole.pick([name for name in whole.columns if name != "jet_split"]),
        concatenate([train, make_jets(20)]),
    )
    assert open_source(two_splits).read(["jet_split"]).columns == ("jet_split",)


def test_a_split_must_be_there(two_splits: Path):
    with pytest.raises(InputError, match="unknown split 'valid'; allowed are train, validation, test"):
        open_source(two_splits, "valid")
    with pytest.raises(InputError, match="holds no jets of the split test"):
        open_source(two_splits, "test")
    with pytest.raises(InputError, match="has no splits"):
        open_source(two_splits / "train", "train")
    assert len(open_source(two_splits / "train")) == 30


def test_a_two_splits_must_agree_with_its_manifest(two_splits: Path, make_jets):
    write_parquet(two_splits / "train/1.parquet", make_jets(11))
    with pytest.raises(InputError, match=r"train.1\.parquet has \d+ bytes, the manifest says"):
        open_source(two_splits)
    assert len(open_source(two_splits, "validation")) == 20


def test_files_of_mixed_columns_are_refused(tmp_path: Path, jets: Jets):
    write_parquet(tmp_path / "a.parquet", jets)
    write_jetclass(tmp_path / "b.root", jets)
    assert len(open_source(tmp_path)) == 2 * len(jets)  # formats may mix, columns may not
    write_parquet(tmp_path / "c.parquet", jets.pick(["part_px", "jet_pt"]))
    with pytest.raises(
        InputError, match=r"c\.parquet and .*a\.parquet do not hold the same columns.*part_py"
    ):
        open_source(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("jets.parquet", b"root and more", "cannot be read as ROOT"),
        ("jets.parquet", b"nothing of it", "is not a valid Parquet file"),
        ("jets.root", b"nothing of it", "is not a valid ROOT file"),
        ("jets.h5", b"nothing of it", "is not a valid HDF5 file"),
        ("jets.dat", b"nothing of it", "is none of Parquet, ROOT, HDF5 or text"),
        ("jets.root", b"", "is empty"),
        ("jets.json", b"nothing of it", "particle 0 is damaged"),
    ],
)
def test_what_is_no_file_of_jets_is_said(tmp_path: Path, name: str, content: bytes, message: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}.* {message}") as caught:
        open_source(tmp_path / name).read()
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_said(tmp_path: Path):
    with pytest.raises(InputError, match="No such file"):
        open_source(tmp_path / "absent.parquet")
    with pytest.raises(InputError, match=r"holds no file of jets; they end in \.parquet, \.root"):
        open_source(tmp_path)
    with pytest.raises(InputError, match="no file of jets was named"):
        open_source([])


def test_no_heavy_package_is_imported_before_it_is_needed():
    code = (
        "import sys, yukawa.jets.io; "
        "print({'pyarrow', 'uproot', 'awkward', 'h5py', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


SUFFIXES = (".parquet", ".root", ".h5", ".jsonl")


@pytest.mark.parametrize("first", SUFFIXES)
@pytest.mark.parametrize("second", SUFFIXES)
def test_any_format_becomes_any_other(tmp_path: Path, jets: Jets, first: str, second: str):
    write_parquet(tmp_path / "origin.parquet", jets)
    convert(open_source(tmp_path / "origin.parquet"), tmp_path / f"first{first}")
    source = open_source(tmp_path / f"first{first}")
    if (first, second) == (".h5", ".jsonl"):  # the usual HDF5 features tell no kaons from pions
        with pytest.raises(InputError, match="no column part_isChargedKaon"):
            convert(source, tmp_path / "second.jsonl")
        return
    done = convert(source, tmp_path / f"second{second}")
    read = open_source(tmp_path / f"second{second}").read()
    assert done == len(read) == len(jets)
    np.testing.assert_array_equal(read.counts, jets.counts)
    some = jets.counts > 0
    assert read.labels(jets.classes).tolist() == jets.labels(jets.classes).tolist()
    np.testing.assert_allclose(read.scalars["jet_energy"][some], jets.scalars["jet_energy"][some], rtol=1e-5)
    for name in ("part_px", "part_pz", "part_energy", "part_d0err"):
        np.testing.assert_allclose(read.particles[name], jets.particles[name], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(read.particles["part_charge"], jets.particles["part_charge"])


def test_parquet_and_root_keep_every_bit(tmp_path: Path, jets: Jets, assert_same):
    write_parquet(tmp_path / "a.parquet", jets)
    convert(open_source(tmp_path / "a.parquet"), tmp_path / "b.root")
    convert(open_source(tmp_path / "b.root"), tmp_path / "c.parquet")
    assert_same(open_source(tmp_path / "c.parquet").read(), jets)


def test_columns_are_chosen_and_progress_is_told(tmp_path: Path, make_jets):
    jets = make_jets(counts=np.ones(ROW_GROUP + 5, int))
    write_parquet(tmp_path / "a.parquet", jets)
    told: list[int] = []
    convert(open_source(tmp_path / "a.parquet"), tmp_path / "b.root", ["jet_pt", "part_px"], told.append)
    assert told == [ROW_GROUP, 5]
    assert set(open_source(tmp_path / "b.root").columns) == {"jet_pt", "part_px"}


def test_memory_stays_flat(tmp_path: Path, make_jets):
    jets = make_jets(counts=np.full(ROW_GROUP, 2)).pick(["part_px", "part_py", "jet_pt"])

    def peak(groups: int) -> int:
        with parquet_writer(tmp_path / f"{groups}.parquet") as append:
            for _ in range(groups):
                append(jets)
        source = open_parquet(tmp_path / f"{groups}.parquet")
        tracemalloc.start()
        convert(source, tmp_path / "out.root", force=True)
        _, high = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return high

    peak(2)  # what is loaded once
    assert peak(20) < 1.3 * peak(2) + 200_000


def test_a_file_is_replaced_by_force_alone_and_a_source_never(tmp_path: Path, jets: Jets, assert_same):
    source, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    write_parquet(source, jets)
    os.link(source, target)
    for force, reason in ((False, "is read by the same command"), (True, "is read by the same command")):
        with pytest.raises(InputError, match=reason):
            convert(open_source(source), target, force=force)
    target.unlink()
    target.write_text("old")
    with pytest.raises(InputError, match="is there already"):
        convert(open_source(source), target)
    assert target.read_text() == "old"
    convert(open_source(source), target, ["part_px", "jet_pt"], force=True)
    assert_same(open_source(target).read(), jets.pick(["part_px", "jet_pt"]))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_failure_leaves_what_stood_there(tmp_path: Path, make_jets, suffix: str):
    jets = make_jets(count=ROW_GROUP + 100)
    write_parquet(tmp_path / "a.parquet", jets)
    (tmp_path / f"b{suffix}").write_text("old")
    source = open_source(tmp_path / "a.parquet")
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.parquet cannot be read as Parquet"):
        convert(source, tmp_path / f"b{suffix}", force=True)
    assert (tmp_path / f"b{suffix}").read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.parquet", f"b{suffix}"]


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, jets: Jets):
    write_parquet(tmp_path / "a.parquet", jets)

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    for suffix in SUFFIXES:
        with pytest.raises(KeyboardInterrupt):
            convert(open_source(tmp_path / "a.parquet"), tmp_path / f"b{suffix}", progress=interrupt)
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]


def test_an_unknown_suffix_is_named(tmp_path: Path, jets: Jets):
    write_parquet(tmp_path / "a.parquet", jets)
    with pytest.raises(InputError, match=r"unknown suffix '\.csv'; allowed are \.parquet, \.root"):
        convert(open_source(tmp_path / "a.parquet"), tmp_path / "b.csv")
    with pytest.raises(InputError, match="no column part_pX"):
        convert(open_source(tmp_path / "a.parquet"), tmp_path / "b.root", ["part_pX"])
