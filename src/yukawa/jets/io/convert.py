"""Copies jets from any format to any other, a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path

from yukawa.core.errors import InputError
from yukawa.jets.io.chunks import Source
from yukawa.jets.io.hdf5 import hdf5_writer
from yukawa.jets.io.jetclass import jetclass_writer
from yukawa.jets.io.parquet import parquet_writer
from yukawa.jets.io.text import text_writer
from yukawa.jets.table import Jets

Writer = Callable[[Path], AbstractContextManager[Callable[[Jets], None]]]
WRITERS: dict[str, Writer] = {
    ".parquet": parquet_writer,
    ".root": jetclass_writer,
    ".h5": hdf5_writer,
    ".hdf5": hdf5_writer,
    ".json": text_writer,
    ".jsonl": text_writer,
    ".txt": text_writer,
}


def convert(
    source: Source,
    target: Path,
    columns: Collection[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write the jets of `source` to `target`, in the format that its suffix tells, whole or not at all.

    One piece is in memory at a time. HDF5 and text hold certain columns only; Parquet and ROOT hold all.

    Args:
        columns: those to write; all where left out.
        progress: called with the number of jets newly done.

    Returns:
        The number of jets.

    Raises:
        InputError: the suffix is of no format, there is no such column, the format needs one that is not there,
            or a file of the source is damaged; what stood at `target` stands.
        StoreError: the disk refuses; what stood at `target` stands.
    """
    writer = WRITERS.get(target.suffix.lower())
    if writer is None:
        raise InputError(f"{target}: no format has the suffix {target.suffix!r}, {', '.join(WRITERS)} do")
    done = 0
    with writer(target) as append:
        for jets in source.chunks(columns):
            append(jets)
            done += len(jets)
            if progress is not None:
                progress(len(jets))
    return done
