"""Makes a data set of files of questions and answers: reads, checks, splits without leaks and writes."""

import json
import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, check_name
from yukawa.core.files import check_new_folder, hash_file
from yukawa.core.manifest import SPLITS
from yukawa.core.reports import markdown_table
from yukawa.data.conversations import ParsedFile, Talk, detect_format, read_conversations, read_preferences
from yukawa.data.dataset import DatasetManifest, TokenCounter, write_dataset
from yukawa.data.deduplication import NearPairs, find_root, join
from yukawa.data.filters import filter_lines
from yukawa.data.ngrams import normalise, split_words
from yukawa.data.rows import Conversation, Preference, RowFilter

FRACTIONS: Mapping[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}
SHORTEST = 4  # words of a later question that connects conversations: "and why?" does not
_SHINGLE = 2  # words: questions are short


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
    repairs: Sequence[str] = (),
    seed: int = 42,
    filters: Iterable[RowFilter] = (),
    suffix: str = ".parquet",
    counter: TokenCounter | None = None,
) -> ConversationSet:
    """Make a data set of conversations, or of preferences, from files that `read_conversations` describes.

    Of rows with the same texts only the first is kept. `shares` and `threshold` are those of `split_conversations`;
    `filters` are applied one after the other before the split, `counter` counts tokens for manifest and card;
    `repairs` are those of `read_conversations`.

    Raises:
        InputError: a file or row cannot be used, some files hold preferences and others do not, two rows have
            the same id, or the folder holds files.
        StoreError: the disk refuses; nothing is left behind.
        MissingPackage: the format is Parquet and pyarrow is not installed.
    """
    check_new_folder(Path(folder))
    paths = [Path(path) for path in files]
    kind, parsed = _read_all(
        paths, format, source=source, licence=licence, drop_bad=drop_bad, repairs=repairs
    )
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
        if given.pop("repairs"):
            raise InputError("preferences are not repaired", hint="omit --repair")
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
        "repaired": dict(one.repaired),
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
    """The sections of the card: how the data set was made, and its input files."""
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
    for one in made["inputs"]:
        if one["repaired"]:
            how += f" Repaired in `{one['name']}`: {_counted(one['repaired'])}."
    if filters := tuple(filters):
        omitted = f"* Omitted by filters: {_counted(filtered) or 'no rows'}."
        how = "\n".join([f"* {how}", *filter_lines(filters), omitted])
    return [
        ("How it was made", how),
        ("Input", markdown_table(("file", "SHA-256", "format", "rows", "bad"), read)),
    ]


def questions(row: Conversation | Preference) -> list[str]:
    """The normalised questions that must not be in two splits: the first, and later ones of four words or more."""
    messages = row.messages if isinstance(row, Conversation) else row.prompt
    first, *later = [normalise(message.content) for message in messages if message.role == "user"] or [""]
    return [first, *(question for question in later if len(question.split()) >= SHORTEST)]


def split_conversations(
    rows: Sequence[Talk],
    fractions: Mapping[str, float] = FRACTIONS,
    seed: int = 0,
    *,
    threshold: float | None = 0.8,
) -> dict[str, list[Talk]]:
    """Split conversations or preferences by their questions; rows keep their order.

    Rows that share a question (case, spacing and punctuation aside), or have two whose sets of word pairs have
    a Jaccard index of `threshold` or more, form a group, and so do rows that others connect. Groups are drawn at
    random, each into the split that lacks most rows. The splits depend on rows and seed, not on the order of the
    rows, and the size of each differs from its share by at most the largest group.

    Args:
        fractions: share of each of train, validation and test; they add up to 1.
        threshold: None joins only rows with the same questions.

    Raises:
        InputError: a fraction is negative, they do not add up to 1, or a split or threshold is not allowed.
    """
    _check(fractions)
    return split_groups(rows, _groups(rows, threshold), fractions, seed)


def split_groups(
    rows: Sequence[Talk], groups: Sequence[Sequence[int]], fractions: Mapping[str, float], seed: int
) -> dict[str, list[Talk]]:
    """Split rows so that each group of positions is in one split; the order of the groups decides with the seed."""
    drawn = list(groups)
    random.Random(seed).shuffle(drawn)  # noqa: S311 -- no secret
    lacking = {name: share * len(rows) for name, share in fractions.items()}
    home: dict[int, str] = {}
    for group in drawn:
        # A split with a share of 0 remains empty.
        name = max((name for name in fractions if fractions[name] > 0), key=lambda name: lacking[name])
        lacking[name] -= len(group)
        home.update(dict.fromkeys(group, name))
    splits: dict[str, list[Talk]] = {name: [] for name in fractions}
    for position, row in enumerate(rows):
        splits[home[position]].append(row)
    return splits


def _groups(rows: Sequence[Talk], threshold: float | None) -> list[list[int]]:
    """Positions of the rows that belong together, in an order that does not depend on the rows'."""
    asked = [questions(row) for row in rows]
    distinct = {question: place for place, question in enumerate(sorted({q for row in asked for q in row}))}
    parents = list(range(len(distinct)))
    if threshold is not None:
        pairs = NearPairs(threshold, length=_SHINGLE)
        for question, place in distinct.items():
            pairs.add(place, split_words(question))
        pairs.join(parents)
    for first, *later in asked:
        for question in later:
            join(parents, distinct[first], distinct[question])
    groups: dict[int, list[int]] = {}
    for position, row in enumerate(asked):
        groups.setdefault(find_root(parents, distinct[row[0]]), []).append(position)
    return [groups[root] for root in sorted(groups)]


def _check(fractions: Mapping[str, float]) -> None:
    for name, share in fractions.items():
        check_name("split", name, SPLITS)
        if not 0 <= share <= 1:
            raise InputError(f"expected a share of {name} from 0 to 1, got {share:g}")
    if not math.isclose(sum(fractions.values()), 1, abs_tol=1e-9):
        raise InputError(f"the shares add up to {sum(fractions.values()):g}, not to 1")
