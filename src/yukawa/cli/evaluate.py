"""`yukawa evaluate`: compare models on test sets, by a recipe or by flags; measure what they write."""

from pathlib import Path
from typing import Annotated, Any

import typer

from yukawa.cli import evaluate_options as options
from yukawa.cli.evaluate_options import Models, OneData, with_options
from yukawa.cli.options import Debug, Json, a_recipe, its_changes
from yukawa.cli.output import note, print_json, progress_bar, say, show
from yukawa.core.errors import InputError

_REMARKS = {
    "too_short": "documents had nothing to complete",
    "prompts_cut": "prompts were cut to fit the context",
    "empty": "are empty",
    "without_logprobs": "came without log-probabilities, and have no entropy",
}
RunOut = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="The run's folder; by default runs/RECIPE.")
]


def add_to(app: typer.Typer) -> None:
    """Add these verbs to a group."""
    for verb in (perplexity, completions, semscore, entropy, report, recipe):
        app.command()(verb)


def recipe(
    recipe: Annotated[str, a_recipe("evaluation")],
    changes: Annotated[list[str] | None, its_changes("models.mine=runs/mine limit=100")] = None,
    out: RunOut = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare models as a recipe says, in a run's folder that records it; `yukawa evaluate RECIPE` does the same.

    What was measured before is not measured again, so an interrupted evaluation resumes with the same command.
    """
    from yukawa.cli.session import read_settings
    from yukawa.evaluation.recipe import EvaluationRecipe

    _evaluate(
        EvaluationRecipe.load(recipe, changes or ()),
        out or Path("runs") / Path(recipe).stem,
        read_settings().models,
        as_json,
    )


@with_options(options.loading, options.scoring, options.statistics)
def report(
    data: Annotated[
        list[str],
        typer.Argument(metavar="[NAME=]DATA...", help="Files of documents, or folders of data sets."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The report's folder.")],
    model: Models = None,
    service: options.Services = None,
    archives: Annotated[
        bool,
        typer.Option("--by-archive", help="Divide all documents into test sets by archive, such as hep-th."),
    ] = False,
    completions: Annotated[
        list[Path] | None, typer.Option("--completions", metavar="FILE", help="Completions; may be repeated.")
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option(
            "--run", metavar="[NAME=]DIR", help="A training run whose learning curve is drawn as well."
        ),
    ] = None,
    embedder: options.EmbedderName = "minilm",
    split: options.SplitName = "test",
    limit: options.Limit = None,
    loading: Any = None,
    scoring: Any = None,
    statistics: Any = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare models on test sets: tables, plots, Markdown, HTML and JSON in DIR; the first model is the base.

    What was measured before is not measured again, so an interrupted report resumes with the same command.
    """
    from yukawa.evaluation.recipe import EvaluationRecipe

    models, rows = options.find_models(model, loading), options.find_rows(service)
    options.find_measured(model, service, loading)
    chosen = EvaluationRecipe(
        models={one.name: one.place for one in models}, services=[row.name for row in rows],
        tests=options.named(data), split=split, limit=limit, by_archive=archives,
        completions=[str(path) for path in completions or ()], embedder=embedder,
        runs=options.named(run or (), "runs"), loading=loading, scoring=scoring, statistics=statistics,
    )  # fmt: skip
    _evaluate(chosen, out, {row.name: row for row in rows}, as_json)


def _evaluate(chosen: Any, out: Path, services: Any, as_json: bool) -> None:
    from yukawa.evaluation.report import evaluate

    with progress_bar("tokens") as progress:
        found = evaluate(chosen, out, services=services, progress=progress, on_message=note)
    if as_json:
        print_json({"out": str(out), **found.data})
    else:
        say(f"{out / 'report.md'} and {out / 'report.html'} are written")


@with_options(options.loading, options.scoring, options.statistics)
def perplexity(
    data: OneData,
    model: Models = None,
    service: options.Services = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Keep the losses of documents here, to resume from."),
    ] = None,
    split: options.SplitName = "test",
    limit: options.Limit = None,
    loading: Any = None,
    scoring: Any = None,
    statistics: Any = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure the perplexity of documents under one or more models, with intervals and paired differences."""
    from yukawa.evaluation.report_sections import perplexity_section
    from yukawa.evaluation.results import WORDS, perplexity_json
    from yukawa.evaluation.runner import measure

    models = options.find_measured(model, service, loading)
    tests = options.find_tests([data], split, limit)
    (test,) = tests
    with progress_bar("tokens") as progress:
        losses = measure(models, tests, scoring=scoring, cache=out, progress=progress, on_message=note)[test]
    found = perplexity_json(losses, statistics)
    notes = {name: list(row.notes) for name, row in losses.items() if row.notes}
    if as_json:
        how = {name: row.public_options for name, row in losses.items()}
        print_json({"test": test, "options": how, "notes": notes, **found})
        return
    for name, lines in notes.items():
        for line in lines:
            note(f"{name}: {line}")
    show(perplexity_section(test, found, WORDS))


@with_options(options.loading)
def completions(
    data: OneData,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="A folder for one file a model, NAME.jsonl.")
    ],
    model: Models = None,
    chat: Annotated[
        list[str] | None,
        typer.Option(
            "--chat", metavar="NAME", help="A row of yukawa.toml that is asked in words; may be repeated."
        ),
    ] = None,
    split: options.SplitName = "test",
    limit: options.Limit = None,
    new_tokens: Annotated[
        int, typer.Option("--new-tokens", metavar="N", min=1, help="Tokens of the longest completion.")
    ] = 256,
    temperature: Annotated[float, typer.Option("--temperature", min=0, help="0 is greedy.")] = 0.0,
    top_p: Annotated[
        float, typer.Option("--top-p", min=0, max=1, help="Share of the probability to sample from.")
    ] = 1.0,
    batch: Annotated[int, typer.Option("--batch", metavar="N", min=1, help="Prompts in a batch.")] = 16,
    bos: options.Bos = None,
    seed: options.Seed = 0,
    loading: Any = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Let models complete the first half of each document; an interrupted call resumes with the same command."""
    from yukawa.evaluation.completions import complete, complete_by_chat
    from yukawa.evaluation.runner import ModelSpec, check_names, slug
    from yukawa.llm import open_model

    if not model and not chat:
        raise InputError("no model was named", hint="add --model FOLDER or --chat NAME")
    models, rows = options.find_models(model, loading), options.find_rows(chat)
    everyone: list[Any] = [*models, *rows]
    check_names([one.name for one in everyone], "models", "NAME=FOLDER")
    for one in models:
        one.check()
    (documents,) = options.find_tests([data], split, limit).values()
    counts = []
    for one in everyone:
        note(one.name)
        path = out / f"{slug(one.name)}.jsonl"
        same: dict[str, Any] = {"new_tokens": new_tokens, "temperature": temperature}
        with progress_bar("completions") as same["progress"]:
            if isinstance(one, ModelSpec):
                same |= {"top_p": top_p, "seed": seed, "bos": bos, "batch": batch}
                made = complete(one.open(), documents, path, **same)
            else:
                made = complete_by_chat(open_model(one), documents, path, **same)
        counts.append(_counts(one.name, path, made, len(documents)))
    if as_json:
        print_json(counts)
        return
    for line in counts:
        remarks = [f"; {line[key]:,} {text}" for key, text in _REMARKS.items() if line[key]]
        say((line["model"], "bold"), f"  {line['completions']:,} completions in {line['file']}", *remarks)


def _counts(name: str, path: Path, rows: list[Any], documents: int) -> dict[str, Any]:
    by_service = [row for row in rows if row.tokens is None]
    return {
        "model": name, "file": str(path), "completions": len(rows), "too_short": documents - len(rows),
        "prompts_cut": sum(row.cut for row in rows), "ended": sum(row.finish == "stop" for row in rows),
        "empty": sum(not row.completion for row in rows),
        "without_logprobs": sum(row.logprobs is None for row in by_service),
    }  # fmt: skip


@with_options(options.statistics)
def semscore(
    files: options.Files,
    embedder: options.EmbedderName = "minilm",
    statistics: Any = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure how close in meaning completions are to the true continuations."""
    from yukawa.embedding import open_embedder
    from yukawa.evaluation import report_sections, semscore
    from yukawa.evaluation.completions import read_completion_files
    from yukawa.evaluation.results import semscore_json

    rows = {name: found for name, (_, found) in read_completion_files(files).items()}
    with progress_bar("texts") as progress:
        scores = semscore(rows, open_embedder(embedder), progress=progress)
    found = semscore_json(scores, statistics)
    if as_json:
        print_json(found)
        return
    pairs = found["continuation"]["differences"]
    show([report_sections.semscores(found), *(report_sections.differences(pairs) if pairs else ())])


@with_options(options.loading, options.statistics)
def entropy(
    files: options.Files,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", metavar="NAME=MODEL[+ADAPTER]", help="The model that wrote a file, for its entropies."
        ),
    ] = None,
    loading: Any = None,
    statistics: Any = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure entropy of completions, their variety and repetition, and metadata that does not belong to an abstract."""
    from yukawa.evaluation.completions import read_completion_files
    from yukawa.evaluation.report_sections import diversity_table

    written = read_completion_files(files)
    models = {one.name: one for one in options.find_models(model, loading)}
    stray = [name for name in models if name not in written]
    if stray:
        raise InputError(f"no file was written by {stray[0]!r}", hint=f"there are: {', '.join(written)}")
    found = {
        name: _diversity(how, rows, models.get(name), statistics) for name, (how, rows) in written.items()
    }
    if as_json:
        print_json(found)
    else:
        show([diversity_table(found)])


def _diversity(how: dict[str, Any], rows: list[Any], model: Any, statistics: Any) -> dict[str, Any]:
    """Variety of completions, and their entropy where their model or its service gives it."""
    from yukawa.evaluation.completion_metrics import chat_surprisals, completion_entropies, diversity
    from yukawa.evaluation.results import diversity_json, entropy_json

    texts = diversity([row.id for row in rows], [row.completion for row in rows])
    found = {"diversity": diversity_json(texts, statistics)}
    if model is not None:
        model.check_wrote(how)
        note(model.name)
        with progress_bar("tokens") as progress:
            bits = completion_entropies(model.open(), rows, bos=how.get("bos"), progress=progress)
        found["entropy"] = entropy_json(bits, statistics)
    elif any(row.logprobs for row in rows):
        found["entropy"] = entropy_json(chat_surprisals(rows), statistics)
    return found
