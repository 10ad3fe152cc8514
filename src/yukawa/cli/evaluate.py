"""`yukawa evaluate VERB`: perplexity, completions and what they are like, and a report on several models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yukawa.cli.options import Debug, Json
from yukawa.cli.output import note, print_json, progress_bar, say
from yukawa.errors import InputError

if TYPE_CHECKING:
    from yukawa.corpus.rows import Document
    from yukawa.evaluation.measuring import Manner, Subject

Data = Annotated[
    list[str], typer.Argument(metavar="[NAME=]DATA...", help="Files of documents, or folders of data sets.")
]
OneData = Annotated[str, typer.Argument(metavar="DATA", help="A file of documents, or a data set's folder.")]
Models = Annotated[
    list[str],
    typer.Option(
        "--model", metavar="[NAME=]MODEL[+ADAPTER]", help="Folder or hub name; repeat it for several."
    ),
]
SplitName = Annotated[str, typer.Option("--split", metavar="NAME", help="Of a data set's folder.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Only the first N documents of each test set."),
]
Bos = Annotated[
    bool | None, typer.Option("--bos/--no-bos", help="Begin texts with BOS; left out: as the tokenizer does.")
]
Eos = Annotated[
    bool, typer.Option("--eos/--no-eos", help="Score EOS at the end, as it is trained (FeynTune: --no-eos).")
]
Context = Annotated[
    int | None,
    typer.Option("--context", metavar="N", min=1, help="Longest window in tokens; the model's own."),
]
Stride = Annotated[
    int | None,
    typer.Option("--stride", metavar="N", min=1, help="Step of windows in longer texts; half a window."),
]
Dtype = Annotated[str, typer.Option("--dtype", help="auto (as saved), float32, bfloat16 or float16.")]
FourBit = Annotated[bool, typer.Option("--4bit", help="Load weights in four bits, as QLoRA trains.")]
Device = Annotated[str | None, typer.Option("--device", help="Such as cuda:0 or cpu.")]
BatchTokens = Annotated[
    int | None, typer.Option("--batch-tokens", metavar="N", min=1, help="Tokens of a batch.")
]
Resamples = Annotated[int, typer.Option("--resamples", metavar="N", min=1, help="Of the bootstrap.")]
Level = Annotated[float, typer.Option("--level", help="Of the intervals.")]
Seed = Annotated[int, typer.Option("--seed", metavar="S", help="Of all random numbers.")]
EmbedderName = Annotated[str, typer.Option("--embedder", help="For example minilm, hash.")]


def add_to(app: typer.Typer) -> None:
    """Add these verbs to a group."""
    app.command("perplexity")(measure_perplexity)
    app.command("completions")(make_completions)
    app.command("semscore")(measure_semscore)
    app.command("entropy")(measure_entropy)
    app.command("report")(write_report)


def measure_perplexity(
    data: OneData,
    model: Models,
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
    four_bit: FourBit = False,
    device: Device = None,
    batch_tokens: BatchTokens = None,
    level: Level = 0.95,
    resamples: Resamples = 10_000,
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Perplexity of documents under one or more models, with intervals and paired differences."""
    from yukawa.evaluation.chapters import perplexity_chapter
    from yukawa.evaluation.measuring import measure
    from yukawa.evaluation.report import WORDS, Statistics, perplexity_json

    how = Statistics(level, resamples, seed)
    subjects = _subjects(model, dtype, four_bit, device)
    tests = _tests([data], split, limit)
    (test,) = tests
    manner = _manner(bos, eos, context, stride, batch_tokens)
    with progress_bar("tokens") as progress:
        losses = measure(subjects, tests, manner=manner, keep=out, progress=progress, tell=_tell)[test]
    found = perplexity_json(losses, how)
    notes = {name: list(row.notes) for name, row in losses.items() if row.notes}
    options = {name: {k: v for k, v in row.options.items() if k != "asked"} for name, row in losses.items()}
    if as_json:
        print_json({"test": test, "options": options, "notes": notes, **found})
        return
    for name, lines in notes.items():
        for line in lines:
            note(f"{name}: {line}")
    _show(perplexity_chapter(test, found, WORDS))


def make_completions(
    data: OneData,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="For one file a model, NAME.jsonl.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="[NAME=]MODEL[+ADAPTER]", help="Folder or hub name; may be repeated."
        ),
    ] = None,
    chat: Annotated[
        list[str] | None,
        typer.Option("--chat", metavar="NAME", help="A row of yukawa.toml, asked in words; may be repeated."),
    ] = None,
    split: SplitName = "test",
    limit: Limit = None,
    new_tokens: Annotated[
        int, typer.Option("--new-tokens", metavar="N", min=1, help="Longest completion.")
    ] = 256,
    temperature: Annotated[float, typer.Option("--temperature", min=0, help="0 is greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option("--top-p", min=0, max=1, help="Share sampled from.")] = 1.0,
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Prompts at a time.")] = 16,
    bos: Bos = None,
    dtype: Dtype = "auto",
    four_bit: FourBit = False,
    device: Device = None,
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Let models complete the first half of each document; what is interrupted goes on with the same command."""
    from yukawa.chat import open_model
    from yukawa.cli.opening import read_settings
    from yukawa.evaluation.completions import complete, complete_by_chat
    from yukawa.evaluation.measuring import slug

    if not model and not chat:
        raise InputError("no model was named", hint="add --model FOLDER or --chat NAME")
    subjects = _subjects(model or [], dtype, four_bit, device)
    settings = read_settings() if chat else None
    rows = [] if settings is None else [_chat_settings(settings, name) for name in chat or ()]
    documents = next(iter(_tests([data], split, limit).values()))
    made: list[dict[str, Any]] = []
    for subject in subjects:
        path = out / f"{slug(subject.name)}.jsonl"
        _tell(subject.name)
        with progress_bar("completions") as progress:
            found = complete(
                subject.open(), documents, path, new_tokens=new_tokens, temperature=temperature, top_p=top_p,
                seed=seed, bos=bos, batch=batch, progress=progress,
            )  # fmt: skip
        made.append(_completion_counts(subject.name, path, found, len(documents)))
    for row in rows:
        path = out / f"{slug(row.name)}.jsonl"
        _tell(row.name)
        with progress_bar("completions") as progress:
            found = complete_by_chat(
                open_model(row), documents, path, new_tokens=new_tokens, temperature=temperature, progress=progress
            )  # fmt: skip
        made.append(_completion_counts(row.name, path, found, len(documents)))
    if as_json:
        print_json(made)
        return
    for line in made:
        say(
            (line["model"], "bold"),
            f"  {line['completions']:,} completions in {line['file']}",
            *_remarks(line),
        )


def measure_semscore(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Made by `yukawa evaluate completions`.")
    ],
    embedder: EmbedderName = "minilm",
    level: Level = 0.95,
    resamples: Resamples = 10_000,
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """How near in meaning completions are to the true continuations."""
    from yukawa.embedding import open_embedder
    from yukawa.evaluation.chapters import differences, with_interval
    from yukawa.evaluation.pages import Table
    from yukawa.evaluation.report import Statistics, semscore_json
    from yukawa.evaluation.semscore import semscore

    how = Statistics(level, resamples, seed)
    rows = {name: found for name, (_, found) in _completion_files(files).items()}
    with progress_bar("texts") as progress:
        scores = semscore(rows, open_embedder(embedder), progress=progress)
    found = semscore_json(scores, how)
    if as_json:
        print_json(found)
        return
    forms = ("continuation", "whole")
    cells = [
        [n, *(with_interval(found[f]["estimates"][n]) for f in forms), str(found["empty"][n])] for n in rows
    ]
    _show([Table(["model", "SemScore of the continuation", "of the whole abstract", "empty"], cells)])
    if found["continuation"]["differences"]:
        _show([differences(found["continuation"]["differences"])])


def measure_entropy(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Made by `yukawa evaluate completions`.")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="NAME=MODEL[+ADAPTER]", help="What wrote a file, for its token entropies."
        ),
    ] = None,
    dtype: Dtype = "auto",
    four_bit: FourBit = False,
    device: Device = None,
    level: Level = 0.95,
    resamples: Resamples = 10_000,
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Entropy of completions against length, their variety and repetition, and metadata that is no abstract."""
    from yukawa.evaluation.chapters import probability, with_interval
    from yukawa.evaluation.entropy import chat_surprisals, completion_entropies, textures
    from yukawa.evaluation.pages import Table
    from yukawa.evaluation.report import Statistics, entropy_json, texture_json

    how = Statistics(level, resamples, seed)
    written = _completion_files(files)
    subjects = {subject.name: subject for subject in _subjects(model or [], dtype, four_bit, device)}
    stray = [name for name in subjects if name not in written]
    if stray:
        raise InputError(f"no file was written by {stray[0]!r}", hint=f"there are: {', '.join(written)}")
    found: dict[str, dict[str, Any]] = {}
    for name, (options, rows) in written.items():
        found[name] = {
            "texture": texture_json(textures([r.id for r in rows], [r.completion for r in rows]), how)
        }
        if name in subjects:
            _tell(name)
            with progress_bar("tokens") as progress:
                bits = completion_entropies(
                    subjects[name].open(), rows, bos=options.get("bos"), progress=progress
                )
            found[name]["entropy"] = entropy_json(bits, how)
        elif any(row.logprobs for row in rows):
            found[name]["entropy"] = entropy_json(chat_surprisals(rows), how)
    if as_json:
        print_json(found)
        return
    figures = ("words", "word_entropy", "distinct_2", "longest_repeat")
    cells = [
        [name, with_interval(row["entropy"]["bits_per_token"]) if "entropy" in row else "–",
         *(with_interval(row["texture"][figure]) for figure in figures),
         probability(row["texture"]["artefacts"]["any"]["share"])]
        for name, row in found.items()
    ]  # fmt: skip
    head = [
        "model",
        "bits per token",
        *(figure.replace("_", " ") for figure in figures),
        "share with artefacts",
    ]
    _show([Table(head, cells)])


def write_report(
    data: Data,
    model: Models,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The report's folder.")],
    archives: Annotated[
        bool, typer.Option("--by-archive", help="A test set an archive, such as hep-th, of all documents.")
    ] = False,
    completions: Annotated[
        list[Path] | None, typer.Option("--completions", metavar="FILE", help="May be repeated.")
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option("--run", metavar="[NAME=]DIR", help="Of training, for learning curves."),
    ] = None,
    embedder: EmbedderName = "minilm",
    split: SplitName = "test",
    limit: Limit = None,
    bos: Bos = None,
    eos: Eos = True,
    context: Context = None,
    stride: Stride = None,
    dtype: Dtype = "auto",
    four_bit: FourBit = False,
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
    from yukawa.evaluation.report import Statistics, make_report

    how = Statistics(level, resamples, seed)
    subjects = _subjects(model, dtype, four_bit, device)
    tests = _tests(data, split, limit)
    files = {name: path for path in completions or () for name in _completion_files([path])}
    runs = dict(_named(text) for text in run or ())
    with progress_bar("tokens") as progress:
        report = make_report(
            subjects, tests, out, manner=_manner(bos, eos, context, stride, batch_tokens), archives=archives,
            completions=files, embedder=embedder, runs={name: Path(path) for name, path in runs.items()},
            statistics=how, progress=progress, tell=_tell,
        )  # fmt: skip
    if as_json:
        print_json({"out": str(out), **report.data})
    else:
        say(f"{out / 'report.md'} and {out / 'report.html'} are written")


def _subjects(models: list[str], dtype: str, four_bit: bool, device: str | None) -> list[Subject]:
    from yukawa.evaluation.measuring import Subject

    found = [Subject.parse(text, dtype=dtype, load_in_4bit=four_bit, device=device) for text in models]
    names = [subject.name for subject in found]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise InputError(f"two models are called {double!r}", hint="name them apart: NAME=FOLDER")
    return found


def _tests(data: list[str], split: str, limit: int | None) -> dict[str, list[Document]]:
    from yukawa.evaluation.texts import read_documents

    found: dict[str, list[Document]] = {}
    for text in data:
        name, path = _named(text)
        if name in found:
            raise InputError(f"two test sets are called {name!r}", hint="name them apart: NAME=PATH")
        found[name] = read_documents(Path(path), split=split, limit=limit)
    return found


def _named(text: str) -> tuple[str, str]:
    """Name and path of `[NAME=]PATH`."""
    name, equals, path = text.partition("=")
    if not equals:
        return Path(text).name.partition(".")[0] or text, text
    if not name or not path:
        raise InputError(f"{text!r} is no NAME=PATH")
    return name, path


def _manner(
    bos: bool | None, eos: bool, context: int | None, stride: int | None, batch_tokens: int | None
) -> Manner:
    from yukawa.evaluation.measuring import Manner

    return Manner(bos, eos, context, stride, batch_tokens)


def _chat_settings(settings: Any, name: str) -> Any:
    if name not in settings.models:
        raise InputError(
            f"yukawa.toml has no model {name!r}", hint=f"there are: {', '.join(settings.models)}"
        )
    return settings.models[name]


def _completion_files(files: list[Path]) -> dict[str, tuple[dict[str, Any], list[Any]]]:
    from yukawa.evaluation.completions import read_completions

    found: dict[str, tuple[dict[str, Any], list[Any]]] = {}
    for path in files:
        name, options, rows = read_completions(path)
        if name in found:
            raise InputError(f"two files hold completions by {name!r}", hint="give each model another name")
        found[name] = (options, rows)
    return found


def _completion_counts(name: str, path: Path, rows: list[Any], documents: int) -> dict[str, Any]:
    return {
        "model": name, "file": str(path), "completions": len(rows), "too_short": documents - len(rows),
        "prompts_cut": sum(row.cut for row in rows), "ended": sum(row.finish == "stop" for row in rows),
        "empty": sum(not row.completion for row in rows),
    }  # fmt: skip


def _remarks(line: dict[str, Any]) -> list[str]:
    words = {
        "too_short": "documents had nothing to complete",
        "prompts_cut": "prompts were cut to fit the context",
        "empty": "are empty",
    }
    return [f"; {line[key]:,} {text}" for key, text in words.items() if line[key]]


def _tell(line: str) -> None:
    note(line)


def _show(blocks: list[Any]) -> None:
    """Headings, sentences and tables as lines."""
    from yukawa.evaluation.pages import Heading, Table

    for block in blocks:
        if isinstance(block, Table):
            widths = [max(map(len, column)) for column in zip(block.head, *block.rows, strict=True)]
            for row in (block.head, *block.rows):
                say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        else:
            say((block.text, "bold") if isinstance(block, Heading) else block.text)
        say()
