"""`yukawa jets pretrain`: a byte language model from a mixture of texts and jets."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from yukawa.cli.options import Debug, Json
from yukawa.cli.output import Interrupted, print_json, progress_bar, say


def add_to(app: typer.Typer) -> None:
    """Add this verb to a group."""
    app.command()(pretrain)


def pretrain(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="A YAML file, such as recipes/jets/pretraining.yaml.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder.")],
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Changes of the recipe, such as mixture.text.weight=2."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train a byte language model on text and jets together; torchrun starts it on several GPUs.

    `yukawa jets train` with a byte-model and model.start=DIR fine-tunes it; `yukawa jets evaluate DIR --data PATH`
    asks it in words.
    """
    from yukawa.jets.extras import require

    for package in ("torch", "transformers", "accelerate"):
        require(package, "pre-training")
    from yukawa.jets.pretraining.recipe import load_recipe
    from yukawa.jets.pretraining.run import pretrain as start

    chosen = load_recipe(recipe, changes or ())
    first = os.environ.get("RANK", "0") == "0"  # of the processes of torchrun one speaks for all
    with progress_bar("pre-training") as bar:
        result = start(
            chosen, out, resume, (lambda step, steps, figures: bar(step, steps)) if first else None
        )
    if first and as_json:
        print_json(asdict(result) | {"folder": str(result.folder)})
    if result.interrupted:
        raise Interrupted(result.message)
    if first and not as_json:
        say(result.message)
