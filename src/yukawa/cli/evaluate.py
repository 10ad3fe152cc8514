"""`yukawa evaluate perplexity` and `yukawa evaluate report`: several models on test sets, and what parts them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yukawa.cli import evaluate_completions
from yukawa.cli.evaluate_options import (
    BatchTokens,
    Bos,
    Context,
    Device,
    Dtype,
    EmbedderName,
    Eos,
    FourBit,
    Level,
    Limit,
    Models,
    OneData,
    Resamples,
    Seed,
    Services,
    SplitName,
    Stride,
    find_completions,
    find_manner,
    find_measured,
    find_tests,
    named,
    show,
    tell,
)
from yukawa.cli.options import Debug, Json
from yukawa.cli.output import note, print_json, progress_bar, say


def add_to(app: typer.Typer) -> None:
    """Add these verbs to a group."""
    app.command("perplexity")(measure_perplexity)
    evaluate_completions.add_to(app)
    app.command("report")(write_report)


def measure_perplexity(
    data: OneData,
    model: Models = None,
    service: Services = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Keep losses of documents; go on from them.")
    ] = None,
    split: SplitName = "test",
    limit: Limit = None,
    bos: Bos = None,
    eos: Eos = True,
    context: Context = None,
    stride: Stride = None,
    dtype: Dtype = "auto",
    four_bit: FourBit = None,
    device: Device = None,
    batch_tokens: BatchTokens = None,
    level: Level = 0.95,
    resamples: Resamples = 10_000,
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Perplexity of documents under one or more models, with intervals and paired differences."""
    from yukawa.evaluation.report_sections import perplexity_chapter
    from yukawa.evaluation.results import WORDS, Statistics, perplexity_json
    from yukawa.evaluation.runner import measure

    how = Statistics(level, resamples, seed)
    subjects = find_measured(model, service, dtype, four_bit, device)
    tests = find_tests([data], split, limit)
    (test,) = tests
    manner = find_manner(bos, eos, context, stride, batch_tokens)
    with progress_bar("tokens") as progress:
        losses = measure(subjects, tests, manner=manner, keep=out, progress=progress, tell=tell)[test]
    found = perplexity_json(losses, how)
    notes = {name: list(row.notes) for name, row in losses.items() if row.notes}
    options = {name: {k: v for k, v in row.options.items() if k != "asked"} for name, row in losses.items()}
    if as_json:
        print_json({"test": test, "options": options, "notes": notes, **found})
        return
    for name, lines in notes.items():
        for line in lines:
            note(f"{name}: {line}")
    show(perplexity_chapter(test, found, WORDS))


def write_report(
    data: Annotated[
        list[str],
        typer.Argument(metavar="[NAME=]DATA...", help="Files of documents, or folders of data sets."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The report's folder.")],
    model: Models = None,
    service: Services = None,
    archives: Annotated[
        bool, typer.Option("--by-archive", help="A test set an archive, such as hep-th, of all documents.")
    ] = False,
    completions: Annotated[
        list[Path] | None, typer.Option("--completions", metavar="FILE", help="May be repeated.")
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option(
            "--run", metavar="[NAME=]DIR", help="Of training, for learning curves beside the models' own."
        ),
    ] = None,
    embedder: EmbedderName = "minilm",
    split: SplitName = "test",
    limit: Limit = None,
    bos: Bos = None,
    eos: Eos = True,
    context: Context = None,
    stride: Stride = None,
    dtype: Dtype = "auto",
    four_bit: FourBit = None,
    device: Device = None,
    batch_tokens: BatchTokens = None,
    level: Level = 0.95,
    resamples: Resamples = 10_000,
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare models on test sets: tables, plots, Markdown, HTML and JSON in DIR; the first model is the base.

    What was measured before is not measured again, so an interrupted report goes on with the same command.
    """
    from yukawa.evaluation.report import make_report
    from yukawa.evaluation.results import Statistics

    how = Statistics(level, resamples, seed)
    subjects = find_measured(model, service, dtype, four_bit, device)
    # By archive, the first documents of a file may be of one archive only: it is divided before it is cut.
    tests = find_tests(data, split, None if archives else limit)
    files = {name: path for path in completions or () for name in find_completions([path])}
    runs = {name: Path(path) for name, path in map(named, run or ())}
    with progress_bar("tokens") as progress:
        report = make_report(
            subjects, tests, out, manner=find_manner(bos, eos, context, stride, batch_tokens), archives=archives,
            limit=limit, completions=files, embedder=embedder, runs=runs, statistics=how, progress=progress, tell=tell,
        )  # fmt: skip
    if as_json:
        print_json({"out": str(out), **report.data})
    else:
        say(f"{out / 'report.md'} and {out / 'report.html'} are written")
