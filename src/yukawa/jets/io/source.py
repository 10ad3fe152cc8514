"""Finds and copies jets in files of any format, and keeps the manifest of a simulated data set."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from glob import glob
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import Field

from yukawa.core.errors import InputError
from yukawa.core.files import check_output, open_file
from yukawa.core.manifest import MANIFEST, SPLITS, FileRecord, Manifest, file_facts
from yukawa.jets.io.chunks import JetSource, join_sources, with_column
from yukawa.jets.io.edm4hep import holds_events, open_edm4hep
from yukawa.jets.io.hdf5 import hdf5_writer, open_hdf5
from yukawa.jets.io.jetclass import jetclass_writer, open_jetclass
from yukawa.jets.io.parquet import open_parquet, parquet_jets, parquet_writer
from yukawa.jets.io.text import open_text, text_writer
from yukawa.jets.table import SPLIT, Jets, label_column

__all__ = ["MANIFEST", "SPLITS", "JetManifest", "check_manifest", "convert", "describe_shard", "open_source"]


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


SUFFIXES = {".parquet": "Parquet", ".root": "ROOT", ".h5": "HDF5", ".hdf5": "HDF5",
            ".json": "text", ".jsonl": "text", ".txt": "text"}  # fmt: skip
_MAGIC = {b"PAR1": "Parquet", b"root": "ROOT", b"\x89HDF": "HDF5"}
_KINDS = "Parquet, ROOT, HDF5 or text lines of jets"
_WRITERS: dict[str, Callable[[Path], AbstractContextManager[Callable[[Jets], None]]]] = {
    "Parquet": parquet_writer, "ROOT": jetclass_writer, "HDF5": hdf5_writer, "text": text_writer,
}  # fmt: skip


def open_source(path: Path | str | Sequence[Path | str], split: str | None = None) -> JetSource:
    """Find the jets at `path`: a file, a folder of files, a simulated data set, or a list of these.

    A path that does not exist and holds `*`, `?` or `[` is a pattern of files. The content of a file shows its
    format: Parquet, ROOT (the JetClass layout or EDM4hep), HDF5, or text lines. `split` (train, validation or
    test) selects one part of a simulated data set; without it, all parts are read, and the column `jet_split` says of each
    jet where it belongs.

    Raises:
        InputError: there is no such file, its format is unknown, the files have different columns, or a data
            set disagrees with its manifest.
    """
    given = [path] if isinstance(path, (Path, str)) else list(path)
    sets = [split is None and (Path(one) / MANIFEST).exists() for one in given]
    files = [file for one in given for file in _files(Path(one), split)]
    if not files:
        raise InputError("no file of jets was named", hint="name files, or a folder that holds them")
    opened = [_open_file(file) for file in files]
    if all(sets):
        opened = [
            with_column(source, SPLIT, SPLITS.index(file.parent.name))
            for file, source in zip(files, opened, strict=True)
        ]
    return join_sources(opened)


def convert(
    source: JetSource,
    target: Path,
    columns: Collection[str] | None = None,
    progress: Callable[[int], None] | None = None,
    *,
    force: bool = False,
) -> int:
    """Write the jets of `source` to `target`, in the format of its suffix, whole or not at all.

    One chunk is in memory at a time. HDF5 and text hold certain columns only; Parquet and ROOT hold all.

    Args:
        columns: the columns to write; all of them by default.
        progress: called with the number of jets newly written.
        force: whether a file at `target` is replaced, unless the jets come from it.

    Returns:
        The number of jets.

    Raises:
        InputError: the suffix is unknown, there is no such column, the format needs a column that is missing, or
            a file of the source is damaged; `target` is there without `force`, or is a file of the source.
        StoreError: the disk refuses; an existing file at `target` is kept.
    """
    kind = SUFFIXES.get(target.suffix.lower())
    if kind is None:
        raise InputError(f"{target}: unknown suffix {target.suffix!r}; allowed are {', '.join(SUFFIXES)}")
    check_output(target, force=force, inputs=source.paths)
    done = 0
    with _WRITERS[kind](target) as append:
        for jets in source.read_chunks(columns):
            append(jets)
            done += len(jets)
            if progress is not None:
                progress(len(jets))
    return done


def _files(path: Path, split: str | None) -> list[Path]:
    """The files of jets that `path` means."""
    if split is not None and split not in SPLITS:
        raise InputError(f"unknown split {split!r}; allowed are {', '.join(SPLITS)}")
    if path.is_dir() and (path / MANIFEST).exists():
        return _shards(path, split)
    if split is not None:
        raise InputError(
            f"{path} has no splits: only a simulated data set, a folder with {MANIFEST}, does",
            hint="omit the split, or name the folder of the data set",
        )
    if not path.is_dir():
        matched = [] if path.exists() else sorted(Path(name) for name in glob(str(path)))
        return matched or [path]
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()
    )
    if not files:
        raise InputError(f"{path} holds no file of jets; they end in {', '.join(SUFFIXES)}")
    return files


def _shards(folder: Path, split: str | None) -> list[Path]:
    """The shards of a split of a data set, each checked against the manifest."""
    manifest = check_manifest(folder, splits=SPLITS if split is None else (split,))
    shards = [shard for shard in manifest.shards if split in (None, shard.split)]
    if not shards:
        raise InputError(f"{folder} holds no jets" + (f" of the split {split}" if split else ""))
    return [folder / shard.path for shard in shards]


def _open_file(path: Path) -> JetSource:
    """The jets of one file."""
    kind = _format(path)
    if kind == "ROOT":
        return open_edm4hep(path) if holds_events(path) else open_jetclass(path)
    return {"Parquet": open_parquet, "HDF5": open_hdf5, "text": open_text}[kind](path)


def _format(path: Path) -> str:
    """The format of a file by its first bytes, which must not contradict its suffix."""
    with open_file(path) as handle:
        head = handle.read(512)
    expected = SUFFIXES.get(path.suffix.lower())
    found = _MAGIC.get(head[:4])
    if found is None and (expected == "text" or (expected is None and head.lstrip()[:1] in (b"{", b"0"))):
        found = "text"
    if found is None:
        what = f"is not a valid {expected} file" if expected else f"is none of {_KINDS}"
        what = what if head else "is empty"
        raise InputError(f"{path} {what}", hint=f"files of jets are {_KINDS}")
    return found
