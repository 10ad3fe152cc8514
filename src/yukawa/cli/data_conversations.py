"""`yukawa data conversations` and `yukawa data check`: questions and answers as data sets, and what leaked into them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yukawa.cli.data_options import Evaluation, Language, Tokenizer, in_tokens, make_counter
from yukawa.cli.options import Debug, Json
from yukawa.cli.output import first_line, note, print_json, say

if TYPE_CHECKING:
    from yukawa.data.conversations import Reading
    from yukawa.data.decontamination import Hit
    from yukawa.data.token_counts import TokenCounter

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
    language: Language = None,
    evaluation: Evaluation = None,
    tokenizer: Tokenizer = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the split.")] = 42,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a data set of questions and answers, split so that no question stands in two splits."""
    from yukawa.data.conversation_sets import build_conversations
    from yukawa.data.filters import make_filters

    made = build_conversations(
        files, out, format=layout, shares=_shares(shares), threshold=near, source=source, licence=licence,
        drop_bad=drop_bad, seed=seed, suffix=f".{form.removeprefix('.')}",
        filters=make_filters(language=language, evaluation=evaluation or ()), counter=make_counter(tokenizer),
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
    for reason, count in made.filtered.items():
        _warn(f"{count:,} rows {reason} are left out")
    sizes = ", ".join(f"{split.rows:,} {split.name}{in_tokens(split)}" for split in made.manifest.splits)
    say(f"{out} holds {made.manifest.rows:,} {made.manifest.kind}s: {sizes}")


def check(
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="A data set's folder, or a file of rows or questions.")
    ],
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against", metavar="EVALUATION", help="A data set (its test split) or a file; may be repeated."
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="NAME", help="Of DATASET; train if left out.")
    ] = None,
    words: Annotated[int, typer.Option("--words", metavar="N", help="Words in a row that must agree.")] = 13,
    tokenizer: Tokenizer = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Hold a data set against its manifest, count its tokens, say which rows hold pieces of an evaluation set."""
    from yukawa.core.errors import InputError
    from yukawa.data.manifest import check_manifest

    if not dataset.exists():
        raise InputError(f"there is no {dataset}", hint="name a data set's folder, or a file")
    counter = make_counter(tokenizer)
    told: dict[str, Any] = {}
    if dataset.is_dir():
        manifest = check_manifest(dataset)
        told["files"] = {split.path: split.sha256 for split in manifest.splits}
        if not as_json:
            say(f"{dataset} holds {manifest.rows:,} {manifest.kind}s, as its manifest says")
    if counter is not None:
        told["tokens"] = _count(dataset, counter)
        if not as_json:
            for name, tokens in told["tokens"].items():
                say((name, "bold"), f": {tokens:,} tokens of {counter.name}")
    if against or not told:
        told |= _leaks(dataset, against or [], split, words, as_json)
    if as_json:
        print_json(told)


def _count(dataset: Path, counter: TokenCounter) -> dict[str, int]:
    """Tokens by split of a data set, or of a file by its name."""
    from yukawa.data.manifest import DatasetManifest
    from yukawa.data.readers import open_rows
    from yukawa.data.rows import texts_of

    found = {}
    names = [one.name for one in DatasetManifest.read(dataset).splits] if dataset.is_dir() else [None]
    for name in names:
        for row in open_rows(dataset, name):
            counter.add(texts_of(row))
        found[name or dataset.name] = counter.take()
    return found


def _leaks(dataset: Path, against: list[Path], split: str | None, words: int, quiet: bool) -> dict[str, Any]:
    """What of the evaluation sets stands in the rows, told unless `quiet`."""
    from itertools import chain

    from yukawa.core.errors import InputError
    from yukawa.data.decontamination import Decontamination
    from yukawa.data.readers import open_items, open_rows

    if not against:
        raise InputError(
            f"{dataset} is a file, which has no manifest to be held against",
            hint="name an evaluation set with --against, or count with --tokenizer",
        )
    rows = open_rows(dataset, (split or "train") if dataset.is_dir() else None)
    decontamination = Decontamination(chain.from_iterable(open_items(path) for path in against), words)
    for _ in decontamination.check(rows):
        pass
    counts, hits = decontamination.counts, decontamination.hits
    if not quiet:
        _show(hits)
        say(
            f"{counts.documents_hit:,} of {counts.documents:,} rows hold pieces of {counts.items_hit:,} "
            f"of {counts.items:,} evaluation items"
        )
        if counts.items_too_short:
            _warn(f"{counts.items_too_short:,} items are too short to be sought")
    return {"counts": asdict(counts), "hits": [asdict(hit) for hit in hits]}


def _shares(text: str) -> dict[str, float]:
    from yukawa.core.errors import InputError
    from yukawa.data.manifest import SPLITS

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
