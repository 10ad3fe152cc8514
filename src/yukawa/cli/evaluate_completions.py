"""`yukawa evaluate completions`, `semscore` and `entropy`: what models write, how near to the truth, and how sure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from yukawa.cli.evaluate_options import (
    Bos,
    Device,
    Dtype,
    EmbedderName,
    Files,
    FourBit,
    Level,
    Limit,
    Models,
    OneData,
    Resamples,
    Seed,
    SplitName,
    find_completions,
    find_rows,
    find_subjects,
    find_tests,
    show,
    tell,
)
from yukawa.cli.options import Debug, Json
from yukawa.cli.output import print_json, progress_bar, say
from yukawa.core.errors import InputError

_REMARKS = {
    "too_short": "documents had nothing to complete",
    "prompts_cut": "prompts were cut to fit the context",
    "empty": "are empty",
    "without_logprobs": "came without log-probabilities, and have no entropy",
}
_FIGURES = ("words", "word_entropy", "distinct_2", "longest_repeat")


def add_to(app: typer.Typer) -> None:
    """Add these verbs to a group."""
    app.command("completions")(make_completions)
    app.command("semscore")(measure_semscore)
    app.command("entropy")(measure_entropy)


def make_completions(
    data: OneData,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="For one file a model, NAME.jsonl.")],
    model: Models = None,
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
    four_bit: FourBit = None,
    device: Device = None,
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Let models complete the first half of each document; what is interrupted goes on with the same command."""
    from yukawa.evaluation.completions import complete, complete_by_chat
    from yukawa.evaluation.runner import check_names, slug
    from yukawa.llm import open_model

    if not model and not chat:
        raise InputError("no model was named", hint="add --model FOLDER or --chat NAME")
    subjects = find_subjects(model or (), dtype, four_bit, device)
    rows = find_rows(chat)
    names = [subject.name for subject in subjects] + [row.name for row in rows]
    check_names(names, "models", "NAME=FOLDER")
    for subject in subjects:
        subject.check()
    (documents,) = find_tests([data], split, limit).values()
    same: dict[str, Any] = {"new_tokens": new_tokens, "temperature": temperature}

    def by_model(subject: Any, path: Path, progress: Any) -> list[Any]:
        more = {**same, "top_p": top_p, "seed": seed, "bos": bos, "batch": batch}
        return complete(subject.open(), documents, path, **more, progress=progress)

    def by_chat(row: Any, path: Path, progress: Any) -> list[Any]:
        return complete_by_chat(open_model(row), documents, path, **same, progress=progress)

    def made() -> Iterator[dict[str, Any]]:
        """Write the file of one model after the other, and give the counts of each."""
        jobs: list[tuple[Any, Callable[..., list[Any]]]] = [(subject, by_model) for subject in subjects]
        for job, write in jobs + [(row, by_chat) for row in rows]:
            path = out / f"{slug(job.name)}.jsonl"
            tell(job.name)
            with progress_bar("completions") as progress:
                found = write(job, path, progress)
            yield _counts(job.name, path, found, len(documents))

    _show_counts(list(made()), as_json)


def measure_semscore(
    files: Files,
    embedder: EmbedderName = "minilm",
    level: Level = 0.95,
    resamples: Resamples = 10_000,
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """How near in meaning completions are to the true continuations."""
    from yukawa.embedding import open_embedder
    from yukawa.evaluation.report_sections import differences, semscores
    from yukawa.evaluation.results import Statistics, semscore_json
    from yukawa.evaluation.semscore import semscore

    how = Statistics(level, resamples, seed)
    rows = {name: found for name, (_, found) in find_completions(files).items()}
    with progress_bar("texts") as progress:
        scores = semscore(rows, open_embedder(embedder), progress=progress)
    found = semscore_json(scores, how)
    if as_json:
        print_json(found)
        return
    show([semscores(found)])
    if found["continuation"]["differences"]:
        show(differences(found["continuation"]["differences"]))


def measure_entropy(
    files: Files,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="NAME=MODEL[+ADAPTER]", help="What wrote a file, for its token entropies."
        ),
    ] = None,
    dtype: Dtype = "auto",
    four_bit: FourBit = None,
    device: Device = None,
    level: Level = 0.95,
    resamples: Resamples = 10_000,
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Entropy of completions against length, their variety and repetition, and metadata that is no abstract."""
    from yukawa.evaluation.results import Statistics

    how = Statistics(level, resamples, seed)
    written = find_completions(files)
    subjects = {subject.name: subject for subject in find_subjects(model or (), dtype, four_bit, device)}
    stray = [name for name in subjects if name not in written]
    if stray:
        raise InputError(f"no file was written by {stray[0]!r}", hint=f"there are: {', '.join(written)}")
    found = {
        name: _looks(options, rows, subjects.get(name), how) for name, (options, rows) in written.items()
    }
    if as_json:
        print_json(found)
    else:
        _show_looks(found)


def _looks(options: dict[str, Any], rows: list[Any], subject: Any, how: Any) -> dict[str, Any]:
    """Variety of completions, and their entropy where their model or its service tells it."""
    from yukawa.evaluation.entropy import chat_surprisals, completion_entropies, textures
    from yukawa.evaluation.results import entropy_json, texture_json

    found = {"texture": texture_json(textures([r.id for r in rows], [r.completion for r in rows]), how)}
    if subject is not None:
        subject.check_wrote(options)
        tell(subject.name)
        with progress_bar("tokens") as progress:
            bits = completion_entropies(subject.open(), rows, bos=options.get("bos"), progress=progress)
        found["entropy"] = entropy_json(bits, how)
    elif any(row.logprobs for row in rows):
        found["entropy"] = entropy_json(chat_surprisals(rows), how)
    return found


def _show_looks(found: dict[str, dict[str, Any]]) -> None:
    from yukawa.core.reports import Table
    from yukawa.evaluation.report_sections import share, with_interval

    cells = [
        [name, with_interval(row["entropy"]["bits_per_token"]) if "entropy" in row else "–",
         *(with_interval(row["texture"][figure]) for figure in _FIGURES),
         share(row["texture"]["artefacts"]["any"])]
        for name, row in found.items()
    ]  # fmt: skip
    figures = (figure.replace("_", " ") for figure in _FIGURES)
    show([Table(["model", "bits per token", *figures, "% with artefacts"], cells)])


def _counts(name: str, path: Path, rows: list[Any], documents: int) -> dict[str, Any]:
    by_service = [row for row in rows if row.tokens is None]
    return {
        "model": name, "file": str(path), "completions": len(rows), "too_short": documents - len(rows),
        "prompts_cut": sum(row.cut for row in rows), "ended": sum(row.finish == "stop" for row in rows),
        "empty": sum(not row.completion for row in rows),
        "without_logprobs": sum(row.logprobs is None for row in by_service),
    }  # fmt: skip


def _show_counts(made: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    for line in made:
        remarks = [f"; {line[key]:,} {text}" for key, text in _REMARKS.items() if line[key]]
        say((line["model"], "bold"), f"  {line['completions']:,} completions in {line['file']}", *remarks)
