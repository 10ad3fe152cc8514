"""`yukawa jets scaling`: how taggers improve with the number of training jets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yukawa.cli.options import Debug, Json, a_recipe, its_changes
from yukawa.cli.output import Interrupted, note, print_json, progress_bar, say
from yukawa.cli.progress import need
from yukawa.core.errors import InputError, ModelError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from yukawa.jets.scaling.study import StudyResult


def add_to(app: typer.Typer) -> None:
    """Add this verb to a group."""
    app.command()(scaling)


def scaling(
    recipe: Annotated[str, a_recipe("scaling")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The study's folder.")],
    changes: Annotated[list[str] | None, its_changes("sizes=[100,1000]")] = None,
    ray: Annotated[
        bool, typer.Option("--ray", help="Trainings side by side over a Ray cluster; all see the same files.")
    ] = False,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, help="Trainings side by side on this machine.")
    ] = 1,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train models on more and more jets and measure each, or go on with such a study.

    What is finished is not done again, what was interrupted continues. DIR gets one table, its means over seeds,
    and plots of every figure against the number of training jets.
    """
    packages = ("torch", "transformers", "accelerate", "pyarrow", "matplotlib")
    need(*packages, purpose="a scaling study")  # ere hours have passed
    from yukawa.core.processes import Workers
    from yukawa.core.ray import RayExecutor
    from yukawa.jets.scaling.recipe import load_study
    from yukawa.jets.scaling.study import run_study

    study = load_study(recipe, changes or ())
    if ray and workers > 1:
        raise InputError("--ray and --workers are two ways of the same", hint="give one of them")
    executor: Executor | None = None
    if ray:
        executor = RayExecutor(study.threads)
    elif workers > 1:
        executor = Workers(workers, study.threads)
    with progress_bar(f"steps of {len(list(study.cells()))} trainings") as progress:
        result = run_study(study, out, executor, progress, note)
    if as_json:
        _print(result)
    if result.interrupted:
        raise Interrupted(result.message)
    if not as_json:
        say(result.message)
    if result.failed:
        name, reason = next(iter(result.failed.items()))
        raise ModelError(
            f"{len(result.failed)} of {result.cells} trainings failed, the first is {name}: {reason}"
        )


def _print(result: StudyResult) -> None:
    print_json({
        "out": str(result.folder), "cells": result.cells, "finished": len(result.rows),
        "interrupted": result.interrupted, "failed": dict(result.failed), "table": list(result.rows),
        "summary": result.summary,
    })  # fmt: skip
