"""A data set is a folder of splits with manifest and card, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from yukawa import __version__
from yukawa.core.errors import InputError
from yukawa.core.files import atomic_write, new_folder
from yukawa.core.optional import require
from yukawa.data.data_card import CARD, render_card
from yukawa.data.manifest import SPLITS, DatasetManifest, RowCounter
from yukawa.data.row_files import SUFFIXES, read_rows, write_rows
from yukawa.data.rows import Row
from yukawa.data.token_counts import TokenCounter


def write_dataset(
    folder: Path,
    splits: Mapping[str, Iterable[Row]],
    kind: type[Row],
    *,
    title: str,
    made: Mapping[str, Any],
    suffix: str = ".parquet",
    versions: Mapping[str, str] | None = None,
    sections: Sequence[tuple[str, str]] = (),
    counter: TokenCounter | None = None,
) -> DatasetManifest:
    """Write splits (train, validation, test), `manifest.json` and `card.md` into a new folder.

    The same rows, made the same way, give the same bytes.

    Args:
        made: everything that decided the rows, as JSON.
        suffix: one of `yukawa.data.row_files.SUFFIXES`.
        versions: of the packages that shaped the rows, beside Yukawa's own.
        sections: headings and Markdown for the card.
        counter: of the tokens, for manifest and card.

    Raises:
        InputError: the folder holds files already, a split or the suffix is unknown, a row is of another kind.
        StoreError: the disk refuses; nothing is left behind.
        MissingPackage: Parquet is asked for and pyarrow is not installed.
    """
    unknown = [name for name in splits if name not in SPLITS]
    if unknown:
        raise InputError(f"there is no split {unknown[0]!r}", hint=f"allowed: {', '.join(SPLITS)}")
    check_suffix(suffix)
    records = []
    with new_folder(folder) as beside:
        for name in (name for name in SPLITS if name in splits):
            tally = RowCounter(counter)
            file = beside / f"{name}{suffix}"
            write_rows(file, tally.watch(splits[name]), kind)
            records.append(tally.record(name, file))
        manifest = DatasetManifest(
            kind=kind.__name__.lower(),  # type: ignore[arg-type]  # checked by the model
            title=title,
            made=dict(made),
            versions={"yukawa": __version__} | dict(versions or {}),
            tokenizer=None if counter is None else counter.name,
            splits=tuple(records),
        )
        manifest.write(beside)
        atomic_write(beside / CARD, render_card(manifest, sections))
    return manifest


def check_suffix(suffix: str) -> None:
    """Refuse what rows cannot be written as, before work is spent on it.

    Raises:
        InputError: the suffix is none of `SUFFIXES`.
        MissingPackage: it is Parquet's and pyarrow is not installed.
    """
    if suffix not in SUFFIXES:
        raise InputError(f"{suffix!r} is no suffix of row files", hint=f"allowed: {', '.join(SUFFIXES)}")
    if suffix == ".parquet":
        require("pyarrow", "writing Parquet files")


def read_split(folder: Path, split: str, kind: type[Row]) -> Iterator[Row]:
    """Give the rows of one split of a data set one by one.

    Raises:
        InputError: there is no data set, no such split, or its rows are of another kind or damaged.
    """
    manifest = DatasetManifest.read(folder)
    if manifest.kind != kind.__name__.lower():
        raise InputError(f"{folder} holds rows of the kind {manifest.kind}, not {kind.__name__.lower()}")
    yield from read_rows(Path(folder) / manifest.split(split).path, kind)
