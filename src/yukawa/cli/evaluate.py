"""`yukawa evaluate`: compare models on test sets, by a recipe or by flags; measure what they write."""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from typer.core import TyperGroup

from yukawa import embedding, evaluation
from yukawa.cli import judging, options
from yukawa.cli.measuring import (
    Bos,
    EmbedderName,
    Files,
    Limit,
    Models,
    OneData,
    Seed,
    Services,
    SplitName,
    find_models,
    loading,
    make_recipe,
    named,
    scoring,
    statistics,
)  # fmt: skip
from yukawa.cli.options import Json, argument, option, with_options
from yukawa.cli.output import facts, give, note, print_json, progress_bar, say, show, warn
from yukawa.cli.session import check_folder, read_settings
from yukawa.core.errors import InputError, check_installed, nearest
from yukawa.core.yaml_files import RECIPES

_REMARKS = {
    "too_short": "documents had nothing to complete",
    "prompts_cut": "prompts were cut to fit the context",
    "empty": "are empty",
    "without_logprobs": "came without log-probabilities, and have no entropy",
}

# ---- verbs ----------------------------------------------------------------------------------------


def recipe(
    recipe: Annotated[str, options.a_recipe("evaluation")],
    changes: Annotated[list[str] | None, options.its_changes("models.mine=runs/mine limit=100")] = None,
    out: options.RunFolder = None,
    dry_run: Annotated[
        bool, option("--dry-run", None, "Show what would be measured: parameters of models, documents.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare models as a recipe says. The folder of the run records it; `yukawa evaluate RECIPE` does the same.

    What was measured before is not measured again, so an interrupted evaluation resumes with the same command.
    """
    _check_known(
        recipe, [command.callback.__name__ for command in app.registered_commands if command.callback]
    )
    folder = options.run_folder(out, recipe)
    chosen = evaluation.EvaluationRecipe.load(recipe, changes or ())
    if dry_run:
        _describe(chosen, as_json)
        return
    check_folder(folder)
    _evaluate(chosen, folder, as_json)


@with_options(loading, scoring, statistics)
def report(
    data: Annotated[list[str], argument("[NAME=]DATA...", "Files of documents, or folders of data sets.")],
    out: Annotated[Path, option("--out", "DIR", "The folder of the report.")],
    model: Models = None,
    service: Services = None,
    archives: Annotated[
        bool, option("--by-archive", None, "Divide all documents into test sets by archive, such as hep-th.")
    ] = False,
    completions: Annotated[
        list[Path] | None, option("--completions", "FILE", "Completions; may be repeated.")
    ] = None,
    run: Annotated[
        list[str] | None,
        option("--run", "[NAME=]DIR", "A training run whose learning curve is drawn as well."),
    ] = None,
    embedder: EmbedderName = "minilm",
    split: SplitName = "test",
    limit: Limit = None,
    loading: Any = None,
    scoring: Any = None,
    statistics: Any = None,
    as_json: Json = False,
) -> None:
    """Compare models on test sets, in a report with tables and plots.

    The report is Markdown, HTML and JSON in DIR; the first model is the base. What was measured before is not
    measured again, so an interrupted report resumes with the same command.
    """
    check_folder(out)
    chosen = make_recipe(
        data, model, service, loading, split=split, limit=limit, by_archive=archives,
        completions=[str(path) for path in completions or ()], embedder=embedder, runs=named(run or (), "runs"),
        scoring=scoring, statistics=statistics,
    )  # fmt: skip
    _evaluate(chosen, out, as_json)


def _describe(chosen: "evaluation.EvaluationRecipe", as_json: bool) -> None:
    found = evaluation.describe(chosen, read_settings().models)
    if as_json:
        print_json(asdict(found) | {"recipe": chosen.plain()})
        return
    sizes = {f"model {name}": _number(size, "parameters") for name, size in found.parameters.items()}
    facts(sizes | {f"test {name}": _number(size, "documents") for name, size in found.documents.items()})
    for line in found.problems:
        warn(line)


def _number(size: int | None, unit: str) -> str:
    return f"{unit} unknown" if size is None else f"{size:,} {unit}"


def _evaluate(chosen: "evaluation.EvaluationRecipe", out: Path, as_json: bool) -> None:
    rows = read_settings().models
    with progress_bar("tokens") as progress:
        found = evaluation.evaluate(chosen, out, services=rows, progress=progress, on_message=note)
    written = f"{out / 'report.md'} and {out / 'report.html'} are written"
    give(as_json, {"out": str(out), **found.data}, written)


@with_options(loading, scoring, statistics)
def perplexity(
    data: OneData,
    model: Models = None,
    service: Services = None,
    out: Annotated[
        Path | None,
        option("--out", "DIR", "Folder for the losses of documents, from which the command resumes."),
    ] = None,
    split: SplitName = "test",
    limit: Limit = None,
    loading: Any = None,
    scoring: Any = None,
    statistics: Any = None,
    as_json: Json = False,
) -> None:
    """Measure the perplexity of documents under models. The output has intervals and paired differences."""
    if out is not None:
        check_folder(out)
    chosen = make_recipe([data], model, service, loading, split=split, limit=limit)
    models = evaluation.report.find_models(chosen, read_settings().models)
    tests = evaluation.report.read_tests(chosen)
    (test,) = tests
    with progress_bar("tokens") as progress:
        losses = evaluation.runner.measure(
            models, tests, scoring=scoring, cache=out, progress=progress, on_message=note
        )[test]
    found = evaluation.results.perplexity_json(losses, statistics)
    notes = {name: list(row.notes) for name, row in losses.items() if row.notes}
    if as_json:
        how = {name: row.public_options for name, row in losses.items()}
        print_json({"test": test, "options": how, "notes": notes, **found})
        return
    for name, lines in notes.items():
        for line in lines:
            note(f"{name}: {line}")
    show(evaluation.results.perplexity_section(test, found))


@with_options(loading)
def completions(
    data: OneData,
    out: Annotated[Path, option("--out", "DIR", "Folder of the completions, NAME.jsonl for each model.")],
    model: Models = None,
    chat: Annotated[
        list[str] | None,
        option("--chat", "NAME", "Row of yukawa.toml whose model is asked in words; may be repeated."),
    ] = None,
    split: SplitName = "test",
    limit: Limit = None,
    new_tokens: Annotated[
        int, option("--new-tokens", "N", "Largest number of tokens in a completion.", min=1)
    ] = 256,
    least_tokens: Annotated[
        int, option("--least-tokens", "N", "Do not let a completion end before N tokens.", min=0)
    ] = 0,
    temperature: Annotated[
        float, option("--temperature", None, "Temperature of sampling; 0 is greedy.", min=0)
    ] = 0.0,
    top_p: Annotated[
        float, option("--top-p", None, "Share of the probability to sample from.", min=0, max=1)
    ] = 1.0,
    batch: Annotated[int, option("--batch", "N", "Number of prompts in a batch.", min=1)] = 16,
    bos: Bos = None,
    seed: Seed = 0,
    loading: Any = None,
    as_json: Json = False,
) -> None:
    """Let models complete the first half of each document. The same command resumes an interrupted call."""
    from yukawa.llm import open_model

    check_folder(out)
    models, rows = _writers(model, chat, loading)
    everyone: list[Any] = [*models, *rows]
    documents = evaluation.runner.read_documents(Path(data), split=split, limit=limit)
    counts = []
    for one in everyone:
        note(one.name)
        path = out / f"{evaluation.runner.slug(one.name)}.jsonl"
        same: dict[str, Any] = {"new_tokens": new_tokens, "temperature": temperature}
        with progress_bar("completions") as same["progress"]:
            if isinstance(one, evaluation.ModelSpec):
                same |= {
                    "top_p": top_p,
                    "seed": seed,
                    "bos": bos,
                    "batch": batch,
                    "least_tokens": least_tokens,
                }
                made = evaluation.complete(one.open(), documents, path, **same)
            else:
                made = evaluation.complete_by_chat(open_model(one), documents, path, **same)
        counts.append(_counts(one.name, path, made, len(documents)))
    if as_json:
        print_json(counts)
    for line in () if as_json else counts:
        _say_counts(line)


def _writers(model: list[str] | None, chat: list[str] | None, how: Any) -> tuple[list[Any], list[Any]]:
    """The models that are opened here, and the rows of those that are asked in words."""
    from yukawa.llm.folders import check_places

    if not model and not chat:
        raise InputError("no model was named", hint="add --model FOLDER or --chat NAME")
    models = find_models(model, how)
    rows = evaluation.report.find_rows(chat or (), read_settings().models)
    names = [one.name for one in models] + [row.name for row in rows]
    evaluation.runner.check_names(names, "models", "NAME=FOLDER")
    for one in models:
        check_places(one.source, one.adapter)
    return models, rows


def _say_counts(line: dict[str, Any]) -> None:
    """How many completions are in a file, and what a person must know of them."""
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


@with_options(statistics)
def semscore(
    files: Files,
    embedder: EmbedderName = "minilm",
    statistics: Any = None,
    as_json: Json = False,
) -> None:
    """Measure how close completions are in meaning to the originals."""
    rows = {name: found for name, (_, found) in evaluation.completions.read_completion_files(files).items()}
    with progress_bar("texts") as progress:
        scores = evaluation.semscore(rows, embedding.open_embedder(embedder), progress=progress)
    found = evaluation.results.semscore_json(scores, statistics)
    if as_json:
        print_json(found)
        return
    pairs, sections = found["continuation"]["differences"], evaluation.results
    show([sections.semscores(found), *(sections.differences(pairs) if pairs else ())])


@with_options(loading, statistics)
def entropy(
    files: Files,
    model: Annotated[
        list[str] | None,
        option("--model", "NAME=MODEL[+ADAPTER]", "The model that wrote a file, for its entropies."),
    ] = None,
    window: Annotated[
        int | None,
        option("--window", "N", "Also measure along completions, in windows of N words and tokens.", min=4),
    ] = None,
    loading: Any = None,
    statistics: Any = None,
    as_json: Json = False,
) -> None:
    """Measure entropy, variety and repetition of completions. Metadata such as page counts are included."""
    written = evaluation.completions.read_completion_files(files)
    models = {one.name: one for one in find_models(model, loading)}
    stray = [name for name in models if name not in written]
    if stray:
        raise InputError(f"no file was written by {stray[0]!r}", hint=f"there are: {', '.join(written)}")
    found = {
        name: _diversity(how, rows, models.get(name), window, statistics)
        for name, (how, rows) in written.items()
    }
    if as_json:
        print_json(found)
        return
    show([evaluation.results.diversity_table(found)])
    if window is not None:
        show(evaluation.windows.windows_section({name: row["windows"] for name, row in found.items()}))


def code(
    models: Annotated[
        list[str],
        argument("MODEL...", "Rows of yukawa.toml, each compared with 'grammar', which needs no model."),
    ],
    limit: Annotated[int | None, option("--limit", "N", "Write only the first N cards.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Measure how well models write decay cards.

    It counts the cards that parse, pass the check, contain the decay chain and generate events.

    Each model writes the cards itself, and also turns the sentences into plans from which code makes the cards. Both are
    compared with the grammar, card by card.
    """
    import contextlib

    from yukawa.generators import evaluating
    from yukawa.llm import SyncChat, open_model

    tasks = [task for task in evaluating.code_tasks() if task.steps][:limit]
    rows = read_settings().models
    named = evaluation.report.find_rows([name for name in models if name != "grammar"], rows)
    with contextlib.ExitStack() as stack, progress_bar("cards") as progress:
        writers: dict[str, evaluating.Writer] = {"grammar": evaluating.grammar}
        for row in named:
            chat = stack.enter_context(SyncChat(open_model(row)))
            writers |= {
                row.name: evaluating.card_writer(chat),
                f"{row.name}, plan": evaluating.plan_writer(chat),
            }
        found = evaluating.evaluate_code(writers, tasks, progress)
    if as_json:
        print_json(found)
        return
    show(evaluation.results.code_section(found))


def _diversity(
    how: dict[str, Any], rows: list[Any], model: Any, window: int | None, statistics: Any
) -> dict[str, Any]:
    """Variety of completions, and their entropy where their model or its service gives it."""
    metrics, results, bits = evaluation.completion_metrics, evaluation.results, None
    texts = metrics.diversity([row.id for row in rows], [row.completion for row in rows])
    found: dict[str, Any] = {"diversity": results.diversity_json(texts, statistics)}
    if model is not None:
        model.check_wrote(how)
        note(model.name)
        with progress_bar("tokens") as progress:
            bits = metrics.completion_entropies(model.open(), rows, bos=how.get("bos"), progress=progress)
    elif any(row.logprobs for row in rows):
        bits = metrics.chat_surprisals(rows)
    if bits is not None:
        found["entropy"] = results.entropy_json(bits, statistics)
    if window is not None:
        pieces = evaluation.windows.windows_of(rows, window, bits)
        found["windows"] = evaluation.windows.windows_json(pieces, window, statistics)
    return found


@with_options(loading, statistics)
def questions(
    sets: Annotated[
        list[str],
        argument(
            "SET...",
            "Shipped sets (pdg, derivations, general), files of questions with answers (JSON Lines or JSON), or lm-eval:TASK.",
        ),
    ],
    model: Models = None,
    against: Annotated[
        list[Path] | None,
        option(
            "--against",
            "DATA",
            "Training text; questions on the PDG that it answers are skipped. May be repeated.",
        ),
    ] = None,
    task_folder: Annotated[
        str | None, option("--tasks", "DIR", "YAML files with tasks of your own for lm-evaluation-harness.")
    ] = None,
    limit: Annotated[int | None, option("--limit", "N", "Ask only the first N of each set.", min=1)] = None,
    loading: Any = None,
    statistics: Any = None,
    as_json: Json = False,
) -> None:
    """Measure what models know by questions with answers.

    It gives the shares of right answers with intervals and paired differences.

    A choice is answered by likelihood; a number, a text or an expression by the model's own words.
    """
    models = find_models(model, loading)
    if not models:
        raise InputError("no model was named", hint="add --model FOLDER")
    if any(name.startswith(evaluation.harness.PREFIX) for name in sets):
        check_installed("lm_eval", "tasks of lm-evaluation-harness")
    taught = evaluation.question_sets.claims_of(_training_rows(against)) if against else set()
    prefix = evaluation.harness.PREFIX
    tasks = [name.removeprefix(prefix) for name in dict.fromkeys(sets) if name.startswith(prefix)]
    asked = {
        name: evaluation.question_sets.question_set(name, without=taught)[:limit]
        for name in dict.fromkeys(sets)
        if not name.startswith(prefix)
    }
    answers: dict[str, dict[str, Any]] = {name: {} for name in (*asked, *tasks)}
    for one in models:
        note(one.name)
        opened = one.open()
        for name, rows in asked.items():
            with progress_bar("questions") as progress:
                answers[name][one.name] = evaluation.questions.ask(opened, rows, progress=progress)
        for name in tasks:
            answers[name][one.name] = evaluation.harness.run_task(
                opened, name, limit=limit, folder=task_folder
            )
    _give_answers(
        {name: answers[name] for name in asked}, {name: answers[name] for name in tasks}, statistics, as_json
    )


def _give_answers(asked: dict[str, Any], tasks: dict[str, Any], statistics: Any, as_json: bool) -> None:
    """Show what models reached in sets of questions and in tasks of the harness, by their names."""
    found = {name: evaluation.questions.answers_json(rows, statistics) for name, rows in asked.items()}
    scored = {name: evaluation.harness.task_json(rows, statistics) for name, rows in tasks.items()}
    if as_json:
        print_json(found | {evaluation.harness.PREFIX + name: data for name, data in scored.items()})
        return
    for name, data in found.items():
        show(evaluation.questions.answers_section(name, data))
    for name, data in scored.items():
        show(evaluation.harness.task_section(name, data))


def _training_rows(places: Iterable[Path]) -> Iterable[Any]:
    """The rows of training files, and of data sets that split."""
    from yukawa.data.dataset import open_rows

    for place in places:
        yield from open_rows(place, "train" if place.is_dir() else None)


def _check_known(word: str, verbs: Collection[str]) -> None:
    """Refuse a word that is neither a recipe nor a file; verbs are named too, since it may be meant as one.

    Raises:
        InputError: names the nearest and lists all.
    """
    recipes = sorted(path.stem for path in (RECIPES / "evaluation").glob("*.yaml"))
    if word in recipes or Path(word).suffix or Path(word).exists():
        return
    near = nearest(word, [*verbs, *recipes])
    meant = f"did you mean {near}? " if near else ""
    raise InputError(
        f"there is no command or recipe {word!r}",
        hint=f"{meant}commands: {', '.join(verbs)}; recipes: {', '.join(recipes)}, or a YAML file",
    )


class RecipeGroup(TyperGroup):
    """A group of verbs whose first word may be a recipe instead: it then does what its verb `recipe` does."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The verb that the first word names, and the words for it."""
        word = args[0]
        if word in self.commands or word.startswith("-"):
            return super().resolve_command(ctx, args)
        if nearest(word, self.commands):
            _check_known(word, self.commands)
        return "recipe", self.commands["recipe"], args


app = options.new_app(
    "Evaluate language models on physics texts and compare them.", perplexity, completions, semscore, entropy, questions,
    report, code, recipe, judging.answers, judging.ranking, judging.scores, judging.power, cls=RecipeGroup,
)  # fmt: skip
