"""A data set is a folder of splits with manifest and card, written whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yukawa import __version__
from yukawa.core.errors import InputError
from yukawa.core.files import atomic_write, report_write_errors
from yukawa.core.optional import require
from yukawa.data.data_card import CARD, render_card
from yukawa.data.manifest import SPLITS, Manifest, Tally, read_manifest, write_manifest
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
) -> Manifest:
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
            tally = Tally(counter)
            file = beside / f"{name}{suffix}"
            write_rows(file, tally.watch(splits[name]), kind)
            records.append(tally.split(name, file))
        manifest = Manifest(
            kind=kind.__name__.lower(),  # type: ignore[arg-type]  # checked by the model
            title=title,
            made=dict(made),
            versions={"yukawa": __version__} | dict(versions or {}),
            tokenizer=None if counter is None else counter.name,
            splits=tuple(records),
        )
        write_manifest(beside, manifest)
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
    manifest = read_manifest(folder)
    if manifest.kind != kind.__name__.lower():
        raise InputError(f"{folder} holds rows of the kind {manifest.kind}, not {kind.__name__.lower()}")
    yield from read_rows(Path(folder) / manifest.split(split).path, kind)


def check_new(folder: Path) -> None:
    """Refuse a folder that a data set cannot become, before work is spent on it.

    Raises:
        InputError: it holds files already, or a file has its name.
    """
    if folder.is_dir():
        if any(folder.iterdir()):
            raise InputError(f"{folder} holds files already", hint="name a new folder")
    elif folder.exists():
        raise InputError(f"{folder} is a file", hint="name a new folder")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` that takes its place when the block ends well, and vanishes when it does not.

    Raises:
        InputError: `folder` holds files already.
        StoreError: the disk refuses.
    """
    target = Path(os.path.realpath(folder))
    check_new(target)
    beside = target.parent / f".{secrets.token_hex(8)}.part"
    with report_write_errors(folder):
        beside.mkdir(parents=True)
    try:
        yield beside
        with report_write_errors(folder):
            if target.is_dir():
                target.rmdir()  # it is empty, and Windows renames onto no folder
            os.replace(beside, target)
    except BaseException:  # Ctrl-C too must leave nothing behind
        shutil.rmtree(beside, ignore_errors=True)
        raise
