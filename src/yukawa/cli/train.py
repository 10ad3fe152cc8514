"""`yukawa train` and `yukawa merge`: a recipe becomes a run, an adapter goes into its base."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yukawa.cli.options import Debug, Json, Resume, RunFolder, a_recipe, its_changes
from yukawa.cli.output import note, print_json, say
from yukawa.cli.progress import ended, first, follow, need

if TYPE_CHECKING:
    from yukawa.training.dry_run import Description
    from yukawa.training.sweep import Variant

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
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a language model on text as a recipe says; torchrun starts it on several GPUs.

    A recipe with a table `over` is a sweep: its runs are made one after the other, each in a folder of its own.
    """
    need(*_PACKAGES, purpose="training")
    from yukawa.training.sweep import load_variants

    variants = load_variants(recipe, changes or ())
    folder = out or Path("runs") / Path(recipe).stem
    sweep = len(variants) > 1
    _check([one for one in variants if dry_run or not sweep or not _finished(folder / one.name)])
    _quiet()
    if dry_run:
        _describe(variants, as_json)
        return
    results = [_train(one, folder / one.name, resume, sweep, as_json) for one in variants]
    if first() and as_json:
        print_json(results if sweep else results[0])


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
    """Put the adapter of a run into its base: one model in safetensors, as any program loads it."""
    need("torch", "transformers", "peft", purpose="merging")
    _quiet()
    from yukawa.training.merge import merge as start

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


def _check(variants: list[Variant]) -> None:
    """Say what is missing before the libraries are imported, which takes seconds, and before the first run of many."""
    from yukawa.training.prepare import check_places

    for variant in variants:
        check_places(variant.recipe)


def _train(variant: Variant, folder: Path, resume: bool, sweep: bool, as_json: bool) -> dict[str, Any]:
    from yukawa.runs.run import RECIPE
    from yukawa.training.train import train as start

    if sweep and _finished(folder):
        if first() and not as_json:
            say(f"{folder} is finished")
        return {"folder": str(folder), "finished": True}
    begun = sweep and (folder / RECIPE).is_file()  # a sweep resumes where it stopped
    result = follow(
        f"training {variant.name}".strip(),
        lambda progress: start(variant.recipe, folder, resume or begun, progress),
    )
    for line in result.notes if first() else ():
        note(("note: ", "bold yellow"), line)
    return ended(result, as_json)


def _quiet() -> None:
    """Before the libraries are imported, at which some speak."""
    from yukawa.training.quiet import quiet

    quiet()


def _describe(variants: list[Variant], as_json: bool) -> None:
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


def _plain(found: Description) -> dict[str, Any]:
    return asdict(found) | {
        "recipe": found.recipe.plain(),
        "memory": asdict(found.memory) | {"total": found.memory.total},
    }


def _show(name: str, found: Description) -> None:
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
        + (f"; in the processor's memory {memory.host / _GIB:.2f}" if memory.host else ""),
    }
    for key, value in rows.items():
        say((f"{key:<20}", "dim"), value)
    for line in (*found.notes, *found.problems):
        note(("note: ", "bold yellow"), line)
