"""Makes a data set of files of questions and answers: read, checked, split without leaks, written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError
from yukawa.core.files import check_new_folder, hash_file
from yukawa.data.conversation_splits import FRACTIONS, split_conversations
from yukawa.data.conversations import Reading, detect_format, read_conversations, read_preferences
from yukawa.data.dataset import write_dataset
from yukawa.data.filters import Filter, told
from yukawa.data.manifest import DatasetManifest
from yukawa.data.rows import Conversation, Preference
from yukawa.data.token_counts import TokenCounter


@dataclass(frozen=True)
class ConversationSet:
    """A data set that was made.

    Attributes:
        manifest: as written.
        readings: what each file held.
        repeated: how many rows had the texts of another.
        filtered: rows that a filter dropped, by reason.
    """

    manifest: DatasetManifest
    readings: tuple[Reading[Any], ...]
    repeated: int
    filtered: dict[str, int]


def build_conversations(
    files: Sequence[Path],
    folder: Path,
    *,
    format: str | None = None,  # noqa: A002 -- as in read_conversations
    shares: Mapping[str, float] = FRACTIONS,
    threshold: float | None = 0.8,
    source: str | None = None,
    licence: str | None = None,
    drop_bad: bool = False,
    seed: int = 42,
    filters: Iterable[Filter] = (),
    suffix: str = ".parquet",
    counter: TokenCounter | None = None,
) -> ConversationSet:
    """Make a data set of conversations, or of preferences, from files that `read_conversations` describes.

    Rows of the same texts are taken once. `shares` and `threshold` are those of `split_conversations`; `filters`
    are applied one after the other before the split, `counter` counts tokens for manifest and card.

    Raises:
        InputError: a file or row cannot be used, some files hold preferences and others do not, two rows have
            the same id, or the folder holds files.
        StoreError: the disk refuses; nothing is left behind.
        MissingPackage: Parquet is asked for and pyarrow is not installed.
    """
    check_new_folder(Path(folder))
    paths = [Path(path) for path in files]
    kind, readings = _read_all(paths, format, source=source, licence=licence, drop_bad=drop_bad)
    rows, repeated = _distinct(readings)
    if not rows:
        raise InputError("nothing is left: every row is bad", hint="leave out --drop-bad to see the reasons")
    filters = tuple(filters)
    rows, filtered = _filtered(rows, filters)
    splits: dict[str, list[Any]] = split_conversations(rows, shares, seed, threshold=threshold)
    made = {
        "inputs": [_input(reading) for reading in readings],
        "shares": dict(shares),
        "near_questions": threshold,
        "seed": seed,
        "filters": [one.settings for one in filters],
        "dropped": {"bad": sum(len(reading.bad) for reading in readings), "repeated": repeated} | filtered,
    }
    manifest = write_dataset(
        folder, splits, kind, title=f"{kind.__name__}s of {', '.join(path.name for path in paths)}", made=made,
        suffix=suffix, sections=_sections(made, filters, filtered), counter=counter,
    )  # fmt: skip
    return ConversationSet(manifest, readings, repeated, dict(filtered))


def _read_all(
    paths: Sequence[Path], format_: str | None, **given: Any
) -> tuple[Any, tuple[Reading[Any], ...]]:
    """The kind of rows that all files hold, and what each of them held."""
    formats = [format_ or detect_format(path) for path in paths]
    preferences = {name == "preference" for name in formats}
    if len(preferences) > 1:
        raise InputError(
            "some files hold preferences and others conversations", hint="make a data set of each"
        )
    if preferences == {True}:
        return Preference, tuple(read_preferences(path, **given) for path in paths)
    named = zip(paths, formats, strict=True)
    return Conversation, tuple(read_conversations(path, format=name, **given) for path, name in named)


def _filtered(rows: list[Any], filters: Iterable[Filter]) -> tuple[list[Any], Counter[str]]:
    """The rows that all filters keep, and how many others there were for each reason."""
    dropped: Counter[str] = Counter()
    for one in filters:
        rows = list(compress(rows, one.keeps(rows)))
        dropped.update(one.dropped)
    if not rows:
        raise InputError(f"nothing is left: {_counted(dropped)}")
    return rows, dropped


def _counted(filtered: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in filtered.items())


def _input(reading: Reading[Any]) -> dict[str, Any]:
    return {
        "name": reading.path.name,
        "sha256": hash_file(reading.path),
        "format": reading.format,
        "rows": len(reading.rows),
        "bad": [asdict(bad) for bad in reading.bad],
        "ignored": list(reading.ignored),
    }


def _distinct(readings: Sequence[Reading[Any]]) -> tuple[list[Any], int]:
    """The rows of all files, those of the same texts once, and how many were left out."""
    rows: list[Any] = []
    seen: set[str] = set()
    homes: dict[str, Path] = {}
    for reading in readings:
        for row in reading.rows:
            texts = json.dumps(row.model_dump(include={"messages", "prompt", "chosen", "rejected"}))
            if texts in seen:
                continue
            if row.id in homes:
                raise InputError(
                    f"{homes[row.id]} and {reading.path} both have a row with the id {row.id!r}",
                    hint="give rows ids of their own, or the files different names",
                )
            seen.add(texts)
            homes[row.id] = reading.path
            rows.append(row)
    return rows, sum(len(reading.rows) for reading in readings) - len(rows)


def _sections(
    made: Mapping[str, Any], filters: Iterable[Filter], filtered: Mapping[str, int]
) -> list[tuple[str, str]]:
    read = ["| file | SHA-256 | format | rows | bad |", "|---|---|---|---|---|"]
    read += [
        f"| `{one['name']}` | `{one['sha256'][:16]}…` | {one['format']} | {one['rows']:,} | {len(one['bad']):,} |"
        for one in made["inputs"]
    ]
    how = (
        f"Seed {made['seed']}. Rows with the same question, or with questions whose word pairs have a Jaccard index of "
        f"{made['near_questions']} or more, are in one split. Rows with the same texts: {made['dropped']['repeated']:,} "
        "left out."
    )
    if filters := tuple(filters):
        how = "\n".join(
            [f"* {how}", *told(filters), f"* Left out by filters: {_counted(filtered) or 'nothing'}."]
        )
    return [("How it was made", how), ("Read", "\n".join(read))]
