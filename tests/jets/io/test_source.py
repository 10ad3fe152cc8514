"""Jets are found by path alone, whatever their format; what cannot be found is said in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.jets.io.hdf5 import write_hdf5
from yukawa.jets.io.jetclass import write_jetclass
from yukawa.jets.io.manifest import JetManifest, describe_shard
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.io.source import open_source
from yukawa.jets.io.text import write_text
from yukawa.jets.table import Jets, concatenate

WRITERS = {"parquet": write_parquet, "root": write_jetclass, "h5": write_hdf5, "json": write_text}


@pytest.fixture
def data_set(tmp_path: Path, make_jets) -> Path:
    """A simulated data set: 30 jets to train, 20 to validate, none to test."""
    shards = []
    for path, count in (("train/0.parquet", 20), ("train/1.parquet", 10), ("validation/0.parquet", 20)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        write_parquet(tmp_path / path, make_jets(count))
        shards.append(describe_shard(tmp_path, path, make_jets(count)))
    empty = {"versions": {}, "process": {}, "card": {}}
    JetManifest(**empty, seed=1, jets_per_class=1, shards=tuple(shards)).write(tmp_path)
    return tmp_path


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_of_any_format_is_found(tmp_path: Path, jets: Jets, suffix: str):
    path = tmp_path / f"jets.{suffix}"
    WRITERS[suffix](path, jets)
    for given in (path, str(path), [path]):
        assert len(open_source(given)) == len(jets)
    if suffix != "json":
        renamed = path.rename(tmp_path / "jets.dat")  # the content tells
        assert len(open_source(renamed)) == len(jets)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_folder_is_its_files_in_the_order_of_their_names(
    tmp_path: Path, make_jets, assert_same, suffix: str
):
    for name, count in (("b", 7), ("a", 5)):
        WRITERS[suffix](tmp_path / f"{name}.{suffix}", make_jets(count))
    (tmp_path / "README.md").write_text("not jets")
    (tmp_path / f".part.{suffix}").write_text("half-written")
    source = open_source(tmp_path)
    assert [path.name for path in source.paths] == [f"a.{suffix}", f"b.{suffix}"]
    assert source.read().counts.tolist() == [*make_jets(5).counts, *make_jets(7).counts]
    assert len(open_source([tmp_path / f"b.{suffix}", tmp_path])) == 19


def test_a_data_set_gives_its_splits(data_set: Path, make_jets, assert_same):
    train = concatenate([make_jets(20), make_jets(10)])
    assert_same(open_source(data_set, "train").read(), train)
    assert_same(open_source(data_set, "validation").read(), make_jets(20))
    assert_same(open_source(data_set).read(), concatenate([train, make_jets(20)]))


def test_a_split_must_be_there(data_set: Path):
    with pytest.raises(InputError, match="'valid' is no split, train, validation, test are"):
        open_source(data_set, "valid")
    with pytest.raises(InputError, match="holds no jets of the split test"):
        open_source(data_set, "test")
    with pytest.raises(InputError, match="has no splits"):
        open_source(data_set / "train", "train")
    assert len(open_source(data_set / "train")) == 30


def test_a_data_set_must_agree_with_its_manifest(data_set: Path, make_jets):
    write_parquet(data_set / "train/1.parquet", make_jets(11))
    with pytest.raises(InputError, match=r"train.1\.parquet has \d+ bytes, the manifest says"):
        open_source(data_set)
    assert len(open_source(data_set, "validation")) == 20


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
        ("jets.parquet", b"nothing of it", "is no Parquet file"),
        ("jets.root", b"nothing of it", "is no ROOT file"),
        ("jets.h5", b"nothing of it", "is no HDF5 file"),
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
