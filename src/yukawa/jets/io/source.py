"""Finds the jets at a path, whatever their format."""

from __future__ import annotations

from collections.abc import Sequence
from glob import glob
from pathlib import Path

from yukawa.core.errors import InputError
from yukawa.jets.io.chunks import Piece, Source, join_sources
from yukawa.jets.io.edm4hep import holds_events, open_edm4hep
from yukawa.jets.io.hdf5 import open_hdf5
from yukawa.jets.io.jetclass import open_jetclass
from yukawa.jets.io.manifest import MANIFEST, SPLITS, check_manifest
from yukawa.jets.io.parquet import open_parquet
from yukawa.jets.io.text import open_text

__all__ = ["Piece", "Source", "join_sources", "open_source"]

SUFFIXES = {
    ".parquet": "parquet",
    ".root": "root",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".json": "text",
    ".jsonl": "text",
    ".txt": "text",
}
_MAGIC = {b"PAR1": "parquet", b"root": "root", b"\x89HDF": "hdf5"}


def open_source(path: Path | str | Sequence[Path | str], split: str | None = None) -> Source:
    """Find the jets at `path`: a file, a folder of files, a simulated data set, or a list of these.

    What does not exist and holds `*`, `?` or `[` is a pattern of files.
    The format shows in the content: Parquet, ROOT (the JetClass layout or EDM4hep), HDF5, or text lines.
    `split` (train, validation or test) takes one part of a simulated data set; without it, all parts.

    Raises:
        InputError: nothing is there, the format is unknown, the files have different columns, or a data set
            disagrees with its manifest.
    """
    given = [path] if isinstance(path, (Path, str)) else list(path)
    files = [file for one in given for file in _files(Path(one), split)]
    if not files:
        raise InputError("no file of jets was named", hint="name files, or a folder that holds them")
    return join_sources([_open_file(file) for file in files])


def _files(path: Path, split: str | None) -> list[Path]:
    """The files of jets that `path` stands for."""
    if split is not None and split not in SPLITS:
        raise InputError(f"{split!r} is no split, {', '.join(SPLITS)} are")
    if path.is_dir() and (path / MANIFEST).exists():
        return _shards(path, split)
    if split is not None:
        raise InputError(
            f"{path} has no splits: only a simulated data set, a folder with {MANIFEST}, does",
            hint="leave the split out, or name the folder of the data set",
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
    """The shards of a split of a data set, each there as recorded."""
    manifest = check_manifest(folder, splits=SPLITS if split is None else (split,))
    shards = [shard for shard in manifest.shards if split in (None, shard.split)]
    if not shards:
        raise InputError(f"{folder} holds no jets" + (f" of the split {split}" if split else ""))
    return [folder / shard.path for shard in shards]


def _open_file(path: Path) -> Source:
    """A source of the one file, read as its first bytes say."""
    kind = _format(path)
    if kind == "root":
        return open_edm4hep(path) if holds_events(path) else open_jetclass(path)
    return {"parquet": open_parquet, "hdf5": open_hdf5, "text": open_text}[kind](path)


def _format(path: Path) -> str:
    """The format of a file by its first bytes, which must not contradict its suffix."""
    try:
        with open(path, "rb") as handle:
            head = handle.read(512)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    expected = SUFFIXES.get(path.suffix.lower())
    found = _MAGIC.get(head[:4])
    if found is None and (expected == "text" or (expected is None and head.lstrip()[:1] in (b"{", b"0"))):
        found = "text"
    if found is None:
        kinds = "Parquet, ROOT, HDF5 or text lines of jets"
        name = {"parquet": "Parquet", "root": "ROOT", "hdf5": "HDF5"}.get(expected or "", "")
        what = "is empty" if not head else f"is no {name} file" if name else f"is none of {kinds}"
        raise InputError(f"{path} {what}", hint=f"files of jets are {kinds}")
    return found
