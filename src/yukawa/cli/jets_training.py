"""`yukawa jets VERB` for trainings: train, pretrain, scaling."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yukawa.cli.options import Debug, Json, Ray, Resume, RunFolder, Workers, a_recipe, its_changes
from yukawa.cli.output import Interrupted, note, print_json, progress_bar, say
from yukawa.cli.progress import check_failures, ended, follow, need

if TYPE_CHECKING:  # they import PyTorch
    from yukawa.jets.scaling.study import StudyResult
    from yukawa.jets.training.recipe import JetRecipe
    from yukawa.jets.training.train import JetDryRun


def add_to(app: typer.Typer) -> None:
    """Add these verbs to a group."""
    for verb in (train, pretrain, scaling):
        app.command()(verb)


def train(
    recipe: Annotated[str, a_recipe("jets")],
    changes: Annotated[list[str] | None, its_changes("training.batch=256")] = None,
    out: RunFolder = None,
    resume: Resume = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done: jets, steps, parameters, memory.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a tagger as a recipe says; torchrun starts it on several GPUs."""
    need("torch", "transformers", "accelerate", purpose="training")
    from yukawa.jets.training.recipe import JetRecipe

    chosen = JetRecipe.load(recipe, changes or ())
    if dry_run:
        _describe(chosen, as_json)
        return
    from yukawa.jets.training.train import train as start

    folder = out or Path("runs") / Path(recipe).stem
    title = f"training {chosen.model.architecture}"
    ended(follow(title, lambda progress: start(chosen, folder, resume, progress)), as_json)


def pretrain(
    recipe: Annotated[str, a_recipe("pretraining")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the run.")],
    changes: Annotated[list[str] | None, its_changes("mixture.text.weight=2")] = None,
    resume: Resume = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a byte language model on text and jets together; torchrun starts it on several GPUs.

    `yukawa jets train` with a byte-model and model.start=DIR fine-tunes it; `yukawa jets evaluate DIR --data PATH`
    asks it in words.
    """
    need("torch", "transformers", "accelerate", purpose="pre-training")
    from yukawa.jets.pretraining.train import PretrainingRecipe
    from yukawa.jets.pretraining.train import pretrain as start

    chosen = PretrainingRecipe.load(recipe, changes or ())
    ended(follow("pre-training", lambda progress: start(chosen, out, resume, progress)), as_json)


def scaling(
    recipe: Annotated[str, a_recipe("scaling")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the study.")],
    changes: Annotated[list[str] | None, its_changes("sizes=[100,1000]")] = None,
    ray: Ray = False,
    workers: Workers = 1,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train models on more and more jets and measure each; the same command resumes a study.

    DIR gets one table, its means over seeds, and plots of every metric against the number of training jets.
    """
    packages = ("torch", "transformers", "accelerate", "pyarrow", "matplotlib")
    need(*packages, purpose="a scaling study")  # before hours have passed
    from yukawa.jets.scaling.recipe import load_study
    from yukawa.jets.scaling.study import run_study
    from yukawa.runs.sweep import executor_of

    study = load_study(recipe, changes or ())
    executor = executor_of(workers, ray, study.threads)
    with progress_bar(f"steps of {len(list(study.cells()))} trainings") as progress:
        result = run_study(study, out, executor, progress, note)
    if as_json:
        _print(result)
    if result.interrupted:
        raise Interrupted(result.message)
    if not as_json:
        say(result.message)
    check_failures(list(result.failed.items()), result.cells)


def _print(result: "StudyResult") -> None:
    print_json({
        "out": str(result.folder), "cells": result.cells, "finished": len(result.rows),
        "interrupted": result.interrupted, "failed": dict(result.failed), "table": list(result.rows),
        "summary": result.summary,
    })  # fmt: skip


def _describe(recipe: "JetRecipe", as_json: bool) -> None:
    from yukawa.jets.training.train import describe

    found = describe(recipe)
    if as_json:
        print_json(asdict(found) | {"recipe": found.recipe.plain(), "jets_per_epoch": found.jets_per_epoch})
    else:
        _show_description(found)


def _show_description(found: "JetDryRun") -> None:
    recipe, plan = found.recipe, found.plan
    memory = found.weights_memory + found.batch_memory
    lines = {
        "model": f"{recipe.model.architecture}, {found.parameters:,} parameters",
        "jets": f"{found.train_jets:,} to train on, {found.validation_jets:,} to validate on",
        "steps": f"{plan.steps:,} of {plan.batch:,} jets; an epoch is {plan.epoch:,}, a validation comes every "
        f"{plan.evaluate:,}",
        "memory": f"about {memory / 1e9:.1f} GB for network and batch in fp32, {found.data_memory / 1e9:.1f} GB for "
        "jets",
    }
    for name, line in lines.items():
        say((f"{name}: ", "dim"), line)
