"""A manifest says what a data set holds, and any disagreement with the files is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.jets.io.manifest import MANIFEST, SPLITS, JetManifest, check_manifest, describe_shard
from yukawa.jets.io.parquet import write_parquet


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
    with pytest.raises(InputError, match=rf"manifest\.json is damaged: .*{message}") as caught:
        JetManifest.read(data_set)
    assert "\n" not in str(caught.value)


def test_no_manifest_is_clear(tmp_path: Path):
    with pytest.raises(InputError, match=r"manifest\.json cannot be read: No such file"):
        check_manifest(tmp_path)


def test_a_shard_lies_in_a_split(tmp_path: Path, jets):
    (tmp_path / "extra").mkdir()
    write_parquet(tmp_path / "extra/0.parquet", jets)
    with pytest.raises(InputError, match="does not begin with a split"):
        describe_shard(tmp_path, "extra/0.parquet", jets)
