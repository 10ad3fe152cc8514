"""`yukawa jets pretrain`: a byte language model from a mixture of texts and jets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yukawa.cli.options import Debug, Json, Resume, a_recipe, its_changes
from yukawa.cli.output import print_json
from yukawa.cli.progress import ended, first, follow, need


def add_to(app: typer.Typer) -> None:
    """Add this verb to a group."""
    app.command()(pretrain)


def pretrain(
    recipe: Annotated[str, a_recipe("pretraining")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The run's folder.")],
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
    from yukawa.jets.pretraining.recipe import load_recipe
    from yukawa.jets.pretraining.train import pretrain as start

    chosen = load_recipe(recipe, changes or ())
    shown = ended(follow("pre-training", lambda progress: start(chosen, out, resume, progress)), as_json)
    if first() and as_json:
        print_json(shown)
