"""What a simulated data set holds and how it was made: written beside its shards, compared with them later."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import Field

from yukawa.core.errors import InputError
from yukawa.core.manifest import MANIFEST, SPLITS, FileRecord, Manifest, file_facts
from yukawa.jets.columns import label_column
from yukawa.jets.io.parquet import parquet_jets
from yukawa.jets.table import Jets

__all__ = ["MANIFEST", "SPLITS", "JetManifest", "Shard", "check_manifest", "describe_shard"]


class Shard(FileRecord):
    """One Parquet file of a data set.

    Attributes:
        split: train, validation or test.
        jets: how many it holds.
        counts: jets of each class.
    """

    split: Literal["train", "validation", "test"]
    jets: int = Field(ge=0)
    counts: dict[str, int]


class JetManifest(Manifest):
    """How a data set was made, and its shards; totals follow from the shards.

    Attributes:
        versions: of each package that shaped the jets (yukawa, pythia8mc, fastjet).
        process: the physics process with every setting resolved.
        card: the detector card with every setting resolved.
        seed: seed of the random numbers.
        jets_per_class: how many jets of each class were requested.
        shards: the files.
    """

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
    split = PurePosixPath(path).parts[0]
    if split not in SPLITS:
        raise InputError(f"{path} does not begin with a split ({', '.join(SPLITS)})")
    counts = {name: int(jets.scalars[label_column(name)].sum()) for name in jets.classes}
    return Shard(split=split, jets=len(jets), counts=counts, **file_facts(folder, path))  # type: ignore[arg-type]


def check_manifest(folder: Path, *, full: bool = False, splits: Collection[str] = SPLITS) -> JetManifest:
    """Compare the shards of these splits with the manifest: size and number of jets; with `full`, the hash too.

    Raises:
        InputError: names the first file that is missing, differs or is not recorded, and what differs.
    """
    folder = Path(folder)
    manifest = JetManifest.read(folder)
    for shard in manifest.shards:
        if shard.split in splits:
            _check_shard(folder, shard, full)
    recorded = {folder / shard.path for shard in manifest.shards}
    for split in splits:
        for file in sorted((folder / split).glob("[!.]*.parquet")):
            if file not in recorded:
                raise InputError(f"{file} is not in {folder / MANIFEST}", hint=_HINT)
    return manifest


_HINT = "the data set was changed after it was made: simulate or fetch it again"


def _check_shard(folder: Path, shard: Shard, full: bool) -> None:
    shard.check_size(folder)
    jets = parquet_jets(folder / shard.path)
    if jets != shard.jets:
        raise InputError(
            f"{folder / shard.path} holds {jets} jets, the manifest says {shard.jets}", hint=_HINT
        )
    if full:
        shard.check_hash(folder)
