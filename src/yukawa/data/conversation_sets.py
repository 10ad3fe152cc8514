"""Makes a data set of files of questions and answers: reads, checks, splits without leaks and writes."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError
from yukawa.core.files import check_new_folder, hash_file
from yukawa.core.reports import markdown_table
from yukawa.data.conversations import ParsedFile, detect_format, read_conversations, read_preferences
from yukawa.data.dataset import write_dataset
from yukawa.data.filters import filter_lines
from yukawa.data.manifest import DatasetManifest, TokenCounter
from yukawa.data.rows import Conversation, Preference, RowFilter
from yukawa.data.splits import FRACTIONS, split_conversations


@dataclass(frozen=True)
class ConversationSet:
    """A data set that was made.

    Attributes:
        manifest: its manifest.
        parsed: the content of each file.
        repeated: number of rows with the same texts as another.
        filtered: number of rows that a filter dropped, by reason.
    """

    manifest: DatasetManifest
    parsed: tuple[ParsedFile[Any], ...]
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
    filters: Iterable[RowFilter] = (),
    suffix: str = ".parquet",
    counter: TokenCounter | None = None,
) -> ConversationSet:
    """Make a data set of conversations, or of preferences, from files that `read_conversations` describes.

    Of rows with the same texts only the first is kept. `shares` and `threshold` are those of `split_conversations`;
    `filters` are applied one after the other before the split, `counter` counts tokens for manifest and card.

    Raises:
        InputError: a file or row cannot be used, some files hold preferences and others do not, two rows have
            the same id, or the folder holds files.
        StoreError: the disk refuses; nothing is left behind.
        MissingPackage: the format is Parquet and pyarrow is not installed.
    """
    check_new_folder(Path(folder))
    paths = [Path(path) for path in files]
    kind, parsed = _read_all(paths, format, source=source, licence=licence, drop_bad=drop_bad)
    rows, repeated = _distinct(parsed)
    if not rows:
        raise InputError("no row remains: every row is bad", hint="omit --drop-bad to see the reasons")
    filters = tuple(filters)
    rows, filtered = _filtered(rows, filters)
    splits: dict[str, list[Any]] = split_conversations(rows, shares, seed, threshold=threshold)
    made = {
        "inputs": [_input(one) for one in parsed],
        "shares": dict(shares),
        "near_questions": threshold,
        "seed": seed,
        "filters": [one.settings for one in filters],
        "dropped": {"bad": sum(len(one.bad) for one in parsed), "repeated": repeated} | filtered,
    }
    manifest = write_dataset(
        folder, splits, kind, title=f"{kind.__name__}s of {', '.join(path.name for path in paths)}", made=made,
        suffix=suffix, sections=_sections(made, filters, filtered), counter=counter,
    )  # fmt: skip
    return ConversationSet(manifest, parsed, repeated, dict(filtered))


def _read_all(
    paths: Sequence[Path], format_: str | None, **given: Any
) -> tuple[Any, tuple[ParsedFile[Any], ...]]:
    """The kind of rows that all files hold, and the content of each file."""
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


def _filtered(rows: list[Any], filters: Iterable[RowFilter]) -> tuple[list[Any], Counter[str]]:
    """The rows that all filters keep, and how many others there were for each reason."""
    dropped: Counter[str] = Counter()
    for one in filters:
        rows = list(compress(rows, one.keeps(rows)))
        dropped.update(one.dropped)
    if not rows:
        raise InputError(f"no row remains: {_counted(dropped)}")
    return rows, dropped


def _counted(filtered: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in filtered.items())


def _input(one: ParsedFile[Any]) -> dict[str, Any]:
    return {
        "name": one.path.name,
        "sha256": hash_file(one.path),
        "format": one.format,
        "rows": len(one.rows),
        "bad": [asdict(bad) for bad in one.bad],
        "ignored": list(one.ignored),
    }


def _distinct(parsed: Sequence[ParsedFile[Any]]) -> tuple[list[Any], int]:
    """The rows of all files without repeated texts, and how many were omitted."""
    rows: list[Any] = []
    seen: set[str] = set()
    homes: dict[str, Path] = {}
    for one in parsed:
        for row in one.rows:
            texts = json.dumps(row.model_dump(include={"messages", "prompt", "chosen", "rejected"}))
            if texts in seen:
                continue
            if row.id in homes:
                raise InputError(
                    f"{homes[row.id]} and {one.path} both have a row with the id {row.id!r}",
                    hint="give the rows different ids, or the files different names",
                )
            seen.add(texts)
            homes[row.id] = one.path
            rows.append(row)
    return rows, sum(len(one.rows) for one in parsed) - len(rows)


def _sections(
    made: Mapping[str, Any], filters: Iterable[RowFilter], filtered: Mapping[str, int]
) -> list[tuple[str, str]]:
    read = [
        (
            f"`{one['name']}`",
            f"`{one['sha256'][:16]}…`",
            one["format"],
            f"{one['rows']:,}",
            f"{len(one['bad']):,}",
        )
        for one in made["inputs"]
    ]
    how = (
        f"Seed {made['seed']}. Rows with the same question, or with questions whose word pairs have a Jaccard index of "
        f"{made['near_questions']} or more, are in one split. Omitted for having the same texts as another: "
        f"{made['dropped']['repeated']:,} rows."
    )
    if filters := tuple(filters):
        omitted = f"* Omitted by filters: {_counted(filtered) or 'no rows'}."
        how = "\n".join([f"* {how}", *filter_lines(filters), omitted])
    return [
        ("How it was made", how),
        ("Input", markdown_table(("file", "SHA-256", "format", "rows", "bad"), read)),
    ]
