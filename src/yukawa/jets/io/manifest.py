"""What a simulated data set holds and how it was made: written beside its shards, checked against them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import Field, field_validator

from yukawa.core.errors import InputError
from yukawa.core.files import hash_file
from yukawa.core.manifest import (
    MANIFEST,
    SPLITS,
    FileRecord,
    Record,
    check_hash,
    check_size,
    read_record,
    write_record,
)
from yukawa.jets.columns import label_column
from yukawa.jets.io.parquet import parquet_jets
from yukawa.jets.table import Jets

__all__ = [
    "MANIFEST",
    "SPLITS",
    "JetManifest",
    "Shard",
    "check_manifest",
    "describe_shard",
    "read_manifest",
    "write_manifest",
]


class Shard(FileRecord):
    """One Parquet file of a data set.

    Attributes:
        path: relative to the data set's folder, such as `train/0000.parquet`.
        split: train, validation or test.
        jets: how many it holds.
        counts: jets of each class.
    """

    path: str
    split: Literal["train", "validation", "test"]
    jets: int = Field(ge=0)
    counts: dict[str, int]

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts or "\\" in path:
            raise ValueError("the path of a shard must lie inside the data set's folder")
        return path


class JetManifest(Record):
    """How a data set was made, and its shards; totals follow from the shards.

    Attributes:
        versions: of each package that shaped the jets (yukawa, pythia8mc, fastjet).
        process: the physics process with every setting resolved.
        card: the detector card with every setting resolved.
        seed: of all random numbers.
        jets_per_class: as asked for.
        shards: the files.
    """

    versions: dict[str, str]
    process: dict[str, Any]
    card: dict[str, Any]
    seed: int
    jets_per_class: int = Field(gt=0)
    shards: tuple[Shard, ...]

    @property
    def jets(self) -> int:
        """How many jets the data set holds."""
        return sum(shard.jets for shard in self.shards)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Jets by split and class."""
        total: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        for shard in self.shards:
            total[shard.split].update(shard.counts)
        return {split: dict(counts) for split, counts in total.items()}


def describe_shard(folder: Path, path: str, jets: Jets) -> Shard:
    """The record of the shard `path` (relative to `folder`, its first part the split), which holds `jets`.

    Raises:
        InputError: the file cannot be read, or `path` does not begin with a split.
    """
    file = folder / path
    split = PurePosixPath(path).parts[0]
    if split not in SPLITS:
        raise InputError(f"{path} lies in no split, {', '.join(SPLITS)} are")
    counts = {name: int(jets.scalars[label_column(name)].sum()) for name in jets.classes}
    return Shard(
        path=path,
        split=split,  # type: ignore[arg-type]  # one of SPLITS, as checked
        jets=len(jets),
        counts=counts,
        sha256=hash_file(file),
        size=file.stat().st_size,
    )


def write_manifest(folder: Path, manifest: JetManifest) -> None:
    """Write `manifest.json` into `folder`, as `write_record` does."""
    write_record(folder, manifest)


def read_manifest(folder: Path) -> JetManifest:
    """The manifest of the data set in `folder`, as `read_record` reads it."""
    return read_record(folder, JetManifest)


def check_manifest(folder: Path, *, full: bool = False, splits: Collection[str] = SPLITS) -> JetManifest:
    """Hold every shard of these splits against the manifest: size and number of jets; with `full`, the hash too.

    Raises:
        InputError: names the first file that is missing, differs or is not recorded, and what differs.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    for shard in manifest.shards:
        if shard.split in splits:
            _check_shard(folder / shard.path, shard, full)
    recorded = {folder / shard.path for shard in manifest.shards}
    for split in splits:
        for file in sorted((folder / split).glob("[!.]*.parquet")):
            if file not in recorded:
                raise InputError(f"{file} is not in {folder / MANIFEST}", hint=_HINT)
    return manifest


_HINT = "the data set was changed after it was made: fetch or simulate it again"


def _check_shard(file: Path, shard: Shard, full: bool) -> None:
    check_size(file, shard, _HINT)
    jets = parquet_jets(file)
    if jets != shard.jets:
        raise InputError(f"{file} holds {jets} jets, the manifest says {shard.jets}", hint=_HINT)
    if full:
        check_hash(file, shard, _HINT)
