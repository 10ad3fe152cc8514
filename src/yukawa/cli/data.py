"""`yukawa data VERB`: abstracts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yukawa.cli import data_conversations
from yukawa.cli.data_options import Evaluation, Language, Tokenizer, in_tokens, make_counter
from yukawa.cli.options import Debug, Json
from yukawa.cli.output import Interrupted, note, print_json, progress_bar, say

if TYPE_CHECKING:
    from yukawa.data.abstracts import Abstracts
    from yukawa.data.arxiv import Input

_MEGABYTE = 1_000_000
_TOLD = 3  # faults of a file that are printed; the manifest has more


def add_to(app: typer.Typer) -> None:
    """Add these verbs to a group."""
    app.command()(abstracts)
    data_conversations.add_to(app)


def abstracts(
    snapshots: Annotated[
        list[Path],
        typer.Argument(
            metavar="SNAPSHOT", help="arXiv's metadata as JSON Lines, plain or gzip; one or more."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder of the data set, a new one.")],
    mixture: Annotated[
        str | None,
        typer.Option("--mixture", metavar="NAME", help="s1 … s10, or one of --table; else every archive."),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--table", metavar="FILE", help="Mixtures of one's own, a line of YAML each."),
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="Selection, cleaning and split: strict or feyntune.")
    ] = "strict",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the split and the order.")] = 42,
    near: Annotated[
        str | None,
        typer.Option(
            "--near-duplicates",
            metavar="J",
            help="Of texts as similar as this (Jaccard index of word 5-grams) keep the oldest; off: keep all. "
            "0.8 with strict, off with feyntune.",
        ),
    ] = None,
    language: Language = None,
    evaluation: Evaluation = None,
    tokenizer: Tokenizer = None,
    form: Annotated[str, typer.Option("--format", help="parquet, jsonl or jsonl.gz.")] = "parquet",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Make a data set of arXiv's abstracts: select, clean, deduplicate, filter, split, mix."""
    from yukawa.data.abstracts import build_abstracts
    from yukawa.data.filters import make_filters
    from yukawa.data.mixtures import read_mixtures
    from yukawa.data.selection import find_method

    chosen = find_method(method)
    mixtures = read_mixtures(table) if table is not None else None
    index = chosen.near_duplicates if near is None else _index(near)
    filters = make_filters(language=language, evaluation=evaluation or (), near_duplicates=index)
    counter = make_counter(tokenizer)
    try:
        with progress_bar("reading, in megabytes") as bar:
            made = build_abstracts(
                snapshots, out, mixture=mixture, method=chosen, seed=seed, table=mixtures, suffix=f".{form.removeprefix('.')}",
                filters=filters, counter=counter,
                progress=lambda done, total: bar(done // _MEGABYTE, max(1, total // _MEGABYTE)),
            )  # fmt: skip
    except KeyboardInterrupt:
        raise Interrupted("nothing was written, type the same command again") from None
    if as_json:
        print_json(_plain(made))
    else:
        _show(made)


def _index(text: str) -> float | None:
    from yukawa.core.errors import InputError

    if text == "off":
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(
            f"--near-duplicates is {text!r}, a Jaccard index above 0 and up to 1 is expected",
            hint="such as 0.8, or off",
        ) from None


def _plain(made: Abstracts) -> dict[str, Any]:
    return {
        "out": str(made.folder),
        "rows": {split.name: split.rows for split in made.manifest.splits},
        "notes": list(made.notes),
        "manifest": made.manifest.model_dump(mode="json"),
    }


def _show(made: Abstracts) -> None:
    papers = sum(one.papers for one in made.inputs)
    damaged = sum(one.damaged.count for one in made.inputs)
    without = sum(one.without_abstract.count for one in made.inputs)
    rows = [(sum(one.lines for one in made.inputs), "lines")]
    rows += [(-count, name) for count, name in ((damaged, "damaged"), (without, "without abstract")) if count]
    rows += [(papers, "papers"), *((-count, reason) for reason, count in made.dropped.items())]
    rows += [(made.manifest.rows, "kept")]
    rows += [(split.rows, f"  {split.name}{in_tokens(split)}") for split in made.manifest.splits]
    width = max(len(f"{count:,}") for count, _ in rows)
    for count, name in rows:
        say(f"{count:>{width},}  ", name if count < 0 else (name, "bold"))
    for one in made.inputs:
        _tell(one)
    for line in made.notes:
        note(("note: ", "bold yellow"), line)
    say(f"{made.folder} holds the data set; {made.folder}/card.md says how it was made")


def _tell(one: Input) -> None:
    """Say which lines of a file were of no use."""
    for kind, faults in (("damaged", one.damaged), ("without abstract", one.without_abstract)):
        if faults.count:
            first = "; ".join(faults.first[:_TOLD]) + ("; …" if faults.count > _TOLD else "")
            note(("note: ", "bold yellow"), f"{one.name}: {faults.count:,} {kind}: {first}")
