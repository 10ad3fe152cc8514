"""The page that goes with a trained model: what it is, what it learned from, its figures, how to use it."""

from __future__ import annotations

from collections.abc import Sequence

from yukawa.core.reports import facts
from yukawa.jets.training.callback import Plan, Standing
from yukawa.jets.training.recipe import Recipe, TrainingRecipe

_PAGE = """# {architecture}

A jet tagger with {parameters:,} parameters, trained with Yukawa. It gives each jet a probability for each of
{number} classes: {classes}.

## Data

{data}

## Training

{training}

## Figures

On the validation jets, by which these weights were chosen; measure the model on test jets before you quote it.

{figures}

## Use

    yukawa jets evaluate model --data DATA
    yukawa jets predict model --data JETS --out PREDICTIONS

Its probabilities are right for jets made like its training jets; other simulation, detector or energy needs its
own check.
"""


def card(
    recipe: Recipe,
    plan: Plan,
    standing: Standing,
    *,
    parameters: int,
    classes: Sequence[str],
    jets: tuple[int, int],
    truncated: int,
    jets_per_second: float | None,
) -> str:
    """The card in Markdown.

    Args:
        recipe: as resolved.
        plan: its steps.
        standing: the best validation.
        parameters: of the network.
        classes: in the order of its outputs.
        jets: numbers of training and of validation jets.
        truncated: how many training jets lost particles beyond the data config's limit.
        jets_per_second: of the training, if known.
    """
    data = {
        "jets": recipe.data.path,
        "training": f"{jets[0]:,} jets, {truncated:,} of them cut to as many particles as the model takes",
        "validation": f"{jets[1]:,} jets",
        "inputs": f"data config `{recipe.data.config}`, kept in `model/`",
        "hashes": "`data.json`",
    }
    return _PAGE.format(
        architecture=recipe.model.architecture,
        parameters=parameters,
        number=len(classes),
        classes=", ".join(classes),
        data=facts(data),
        training=how_trained(recipe.training, plan, jets_per_second),
        figures=reached(standing),
    )


def how_trained(how: TrainingRecipe, plan: Plan, speed: float | None) -> str:
    """The table of a training; its speed is in what a batch consists of, per second."""
    epochs = f" ({plan.steps / plan.epoch:.4g} epochs)" if plan.epoch else ""
    training = {
        "steps": f"{plan.steps:,} of {plan.batch:,} {plan.unit}{epochs}",
        "speed": f"{speed:,.0f} {plan.unit}/s" if speed else "not measured",
        "optimiser": f"{how.optimiser}, learning rate {how.learning_rate:g}, {how.schedule}",
        "precision": how.precision,
        "seed": how.seed,
        "everything else": "`recipe.yaml`, `environment.json`",
    }
    return facts(training)


def reached(standing: Standing) -> str:
    """The table of the best validation."""
    figures = {
        name.replace("_", " "): f"{value:.4f}" for name, value in (standing.best_figures or {}).items()
    }
    course = "`metrics.jsonl`, `learning-curves.png`"
    return facts(figures | {"step": f"{standing.best_step or 0:,}", "course": course})
