"""`yukawa train` and `yukawa merge`: a recipe becomes a run, an adapter goes into its base."""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yukawa.cli.options import Debug, Json, Ray, Resume, RunFolder, Workers, a_recipe, its_changes
from yukawa.cli.output import Interrupted, note, print_json, progress_bar, say
from yukawa.cli.progress import check_failures, ended, follow, need
from yukawa.runs.distributed import is_first_process

if TYPE_CHECKING:  # they import PyTorch
    from yukawa.runs.recipe import Variant
    from yukawa.training.dry_run import DryRun
    from yukawa.training.recipe import TextRecipe

_PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
_GIB = 2**30


def add_to(app: typer.Typer) -> None:
    """Add these verbs."""
    for verb in (train, merge):
        app.command()(verb)


def train(
    recipe: Annotated[str, a_recipe("text")],
    changes: Annotated[list[str] | None, its_changes("mixture=s3 lora.targets=qkv")] = None,
    out: RunFolder = None,
    resume: Resume = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done: parameters, steps, tokens, memory.")
    ] = False,
    workers: Workers = 1,
    ray: Ray = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a language model on text as a recipe says; torchrun starts it on several GPUs.

    A recipe with a table `over` is a sweep: each combination of its values is a run in a folder of its own. The same
    command resumes a sweep.
    """
    need(*_PACKAGES, purpose="training")
    from yukawa.training.recipe import TextRecipe

    variants = TextRecipe.variants(recipe, changes or ())
    folder = out or Path("runs") / Path(recipe).stem
    sweep = len(variants) > 1
    _check([one for one in variants if dry_run or not sweep or not _finished(folder / one.name)])
    if dry_run:
        _describe(variants, as_json)
    elif sweep:
        _sweep(variants, folder, workers, ray, as_json)
    else:
        from yukawa.training.text_task import train as start

        (variant,) = variants
        result = follow("training", lambda progress: start(variant.recipe, folder, resume, progress))
        _notes(result.notes)
        ended(result, as_json)


def merge(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run with an adapter.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of the new model; RUN/merged by default."),
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option("--dtype", help="Type of the weights, bf16 or fp32; that of the base by default."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Put the adapter of a run into its base: one model in safetensors that any program loads."""
    need("torch", "transformers", "peft", purpose="merging")
    from yukawa.training.merged_model import merge as start
    from yukawa.training.prepare import quiet

    quiet()

    merged = start(run, out, dtype)
    if as_json:
        print_json(asdict(merged) | {"folder": str(merged.folder)})
    else:
        say(f"the merged model is in {merged.folder}: {merged.parameters:,} parameters in {merged.dtype}")
        for line in merged.problems:
            note(("note: ", "bold yellow"), f"a converter to GGUF would refuse it: {line}")


def _finished(folder: Path) -> bool:
    from yukawa.runs.run import MODEL

    return (folder / MODEL).is_dir()


def _check(variants: "list[Variant[TextRecipe]]") -> None:
    """Report missing files before the libraries are imported, which takes seconds, and before the first of many runs."""
    from yukawa.training.prepare import check_places, quiet

    for variant in variants:
        check_places(variant.recipe)
    quiet()


def _sweep(
    variants: "list[Variant[TextRecipe]]", folder: Path, workers: int, ray: bool, as_json: bool
) -> None:
    from yukawa.runs.sweep import executor_of, run_all
    from yukawa.training.text_task import VariantTask, run_variant

    threads = max(one.recipe.training.threads or 1 for one in variants)
    executor = executor_of(workers, ray, threads)
    tasks = [VariantTask(one.recipe, folder / one.name) for one in variants]
    todo = [task for task in tasks if not _finished(task.folder)]
    shown = {
        task.folder: {"folder": str(task.folder), "finished": True} for task in tasks if task not in todo
    }
    failed: list[tuple[str, str]] = []
    for place in shown if not as_json else ():
        _say(f"{place} is finished")
    with (
        progress_bar(f"steps of {len(todo)} trainings") as bar,
        closing(
            run_all(run_variant, todo, executor, lambda steps: bar(steps, 0) if is_first_process() else None)
        ) as outcomes,
    ):
        for outcome in outcomes:
            place = outcome.cell.folder
            if outcome.interrupted:
                raise Interrupted(
                    f"{len(shown)} of {len(tasks)} trainings are finished and kept: to resume, type the same command"
                )
            if outcome.failed:
                failed.append((place.name, str(outcome.error)))
                continue
            shown[place] = asdict(outcome.value) | {"folder": str(place)}
            _notes(outcome.value.notes)
            if not as_json:
                _say(outcome.value.message)
    if as_json and is_first_process():
        print_json([shown[task.folder] for task in tasks if task.folder in shown])
    check_failures(failed, len(tasks))


def _say(line: str) -> None:
    if is_first_process():
        say(line)


def _notes(lines: Iterable[str]) -> None:
    for line in lines if is_first_process() else ():
        note(("note: ", "bold yellow"), line)


def _describe(variants: "list[Variant[TextRecipe]]", as_json: bool) -> None:
    from yukawa.training.dry_run import describe

    shown = []
    for variant in variants:
        found = describe(variant.recipe)
        if as_json:
            shown.append({"name": variant.name, **_plain(found)})
        else:
            _show(variant.name, found)
    if as_json:
        print_json(shown if len(shown) > 1 else shown[0])


def _plain(found: "DryRun") -> dict[str, Any]:
    return asdict(found) | {
        "recipe": found.recipe.plain(),
        "memory": asdict(found.memory) | {"total": found.memory.total},
    }


def _show(name: str, found: "DryRun") -> None:
    recipe, plan, memory = found.recipe, found.plan, found.memory
    if name:
        say((name, "bold"))
    on = f" ({recipe.adapter.kind} on {', '.join(found.targets)})" if found.targets else ""
    share = 100 * found.trained_parameters / found.parameters
    rows = {
        "base": recipe.model.base,
        "trained parameters": f"{found.trained_parameters:,} of {found.parameters:,}, {share:.3g} %{on}",
        "text": f"{found.counts.rows:,} rows, {found.counts.tokens:,} tokens, {found.counts.trained:,} with a loss",
        "sequences": f"{found.sequences:,} of at most {recipe.training.length:,} tokens; "
        f"{found.validation_sequences:,} to validate on",
        "steps": f"{plan.steps:,}; {plan.epoch:,} to an epoch",
        "tokens per step": f"{found.tokens_per_step:,.0f} with a loss",
        "memory per device": f"about {memory.total / _GIB:.2f} GiB on each of {found.world}: "
        f"weights {memory.weights / _GIB:.2f}, gradients {memory.gradients / _GIB:.2f}, "
        f"optimiser {memory.optimiser / _GIB:.2f}, activations {memory.activations / _GIB:.2f}"
        + (f"; in the memory of the processor {memory.host / _GIB:.2f}" if memory.host else ""),
    }
    for key, value in rows.items():
        say((f"{key:<20}", "dim"), value)
    for line in (*found.notes, *found.problems):
        note(("note: ", "bold yellow"), line)
