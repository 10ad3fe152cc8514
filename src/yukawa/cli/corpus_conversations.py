"""`yukawa corpus conversations` and `yukawa corpus check`: questions and answers as data sets, and what leaked into them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yukawa.cli.options import Debug, Json
from yukawa.cli.output import first_line, note, print_json, say

if TYPE_CHECKING:
    from yukawa.corpus.conversations import Reading
    from yukawa.corpus.decontamination import Hit

_SHOWN = 20  # hits and bad rows for people; --json gives all


def add_to(app: typer.Typer) -> None:
    """Add these verbs to a group."""
    for verb in (conversations, check):
        app.command()(verb)


def conversations(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="JSON or JSON Lines, plain or gzip; one or more.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder of the data set, a new one.")],
    layout: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="NAME", help="qa, alpaca, sharegpt, messages, preference; found if left out."
        ),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="parquet, jsonl or jsonl.gz.")] = "parquet",
    shares: Annotated[
        str, typer.Option("--split", metavar="SHARES", help="Of train, validation and test.")
    ] = "80/10/10",
    near: Annotated[
        float,
        typer.Option(
            "--near", metavar="J", help="Questions as similar as this stay in one split; 1: equal ones."
        ),
    ] = 0.8,
    source: Annotated[str | None, typer.Option("--source", help="Of rows that name none.")] = None,
    licence: Annotated[str | None, typer.Option("--licence", help="Of rows that name none.")] = None,
    drop_bad: Annotated[bool, typer.Option("--drop-bad", help="Leave bad rows out, and say which.")] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the split.")] = 42,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a data set of questions and answers, split so that no question stands in two splits."""
    from yukawa.corpus.conversation_sets import build_conversations

    made = build_conversations(
        files, out, format=layout, shares=_shares(shares), threshold=near, source=source, licence=licence,
        drop_bad=drop_bad, seed=seed, suffix=f".{form}",
    )  # fmt: skip
    if as_json:
        print_json(
            {
                "out": str(out),
                "rows": {split.name: split.rows for split in made.manifest.splits},
                "files": [_plain(reading) for reading in made.readings],
                "manifest": made.manifest.model_dump(mode="json"),
            }
        )
        return
    for reading in made.readings:
        _tell(reading)
    if made.repeated:
        _warn(f"{made.repeated:,} rows have the texts of another, and are left out")
    sizes = ", ".join(f"{split.rows:,} {split.name}" for split in made.manifest.splits)
    say(f"{out} holds {made.manifest.rows:,} {made.manifest.kind}s: {sizes}")


def check(
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="A data set's folder, or a file of rows or questions.")
    ],
    against: Annotated[
        list[Path],
        typer.Option(
            "--against", metavar="EVALUATION", help="A data set (its test split) or a file; may be repeated."
        ),
    ],
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Of DATASET; train if left out.")
    ] = None,
    words: Annotated[int, typer.Option("--words", metavar="N", help="Words in a row that must agree.")] = 13,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say which rows of a training set hold pieces of an evaluation set."""
    from itertools import chain

    from yukawa.corpus.decontamination import Decontamination
    from yukawa.corpus.opening import open_items, open_rows

    rows = open_rows(dataset, (split or "train") if dataset.is_dir() else None)
    decontamination = Decontamination(chain.from_iterable(open_items(path) for path in against), words)
    for _ in decontamination.check(rows):
        pass
    counts = decontamination.counts
    if as_json:
        print_json({"counts": asdict(counts), "hits": [asdict(hit) for hit in decontamination.hits]})
        return
    _show(decontamination.hits)
    say(
        f"{counts.documents_hit:,} of {counts.documents:,} rows hold pieces of {counts.items_hit:,} "
        f"of {counts.items:,} evaluation items"
    )
    if counts.items_too_short:
        _warn(f"{counts.items_too_short:,} items are too short to be sought")


def _shares(text: str) -> dict[str, float]:
    from yukawa.corpus.manifest import SPLITS
    from yukawa.errors import InputError

    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        parts = []
    total = sum(parts)
    if len(parts) != len(SPLITS) or not total > 0 or min(parts) < 0:
        raise InputError(f"--split is {text!r}, three shares are expected", hint="such as 80/10/10")
    return {name: part / total for name, part in zip(SPLITS, parts, strict=True)}


def _plain(reading: Reading[Any]) -> dict[str, Any]:
    return {
        "path": str(reading.path),
        "format": reading.format,
        "rows": len(reading.rows),
        "bad": [asdict(bad) for bad in reading.bad],
        "ignored": list(reading.ignored),
    }


def _tell(reading: Reading[Any]) -> None:
    say((f"{reading.path}", "bold"), f": {len(reading.rows):,} rows of the format {reading.format}")
    if reading.ignored:
        _warn(f"fields not read: {', '.join(reading.ignored)}")
    for bad in reading.bad[:_SHOWN]:
        _warn(f"row {bad.number} dropped: {bad.reason}")
    if len(reading.bad) > _SHOWN:
        _warn(f"and {len(reading.bad) - _SHOWN:,} more rows dropped")


def _show(hits: list[Hit]) -> None:
    for hit in hits[:_SHOWN]:
        say((hit.document, "bold"), f" holds {hit.words} words of {hit.item}: {first_line(hit.text)}")
    if len(hits) > _SHOWN:
        say(f"and {len(hits) - _SHOWN:,} more; --json shows all")


def _warn(text: str) -> None:
    note(("note: ", "bold yellow"), text)
