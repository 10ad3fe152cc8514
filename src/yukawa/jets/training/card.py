"""The page that goes with a trained model: what it is, what it learned from, its figures, how to use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from yukawa.jets.training.conductor import Plan, Standing
from yukawa.jets.training.recipe import Recipe

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

    yukawa jets evaluate model DATA
    yukawa jets predict model JETS --out PREDICTIONS

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
    how = recipe.training
    data = {
        "jets": recipe.data.path,
        "training": f"{jets[0]:,} jets, {truncated:,} of them cut to the data config's number of particles",
        "validation": f"{jets[1]:,} jets",
        "inputs": f"data config `{recipe.data.config}`, kept in `model/`",
        "hashes": "`data.json`",
    }
    training = {
        "steps": f"{plan.steps:,} of {plan.batch:,} jets ({plan.steps / (plan.epoch or plan.steps):.4g} epochs)",
        "speed": f"{jets_per_second:,.0f} jets/s" if jets_per_second else "not measured",
        "optimiser": f"{how.optimiser}, learning rate {how.learning_rate:g}, {how.schedule}",
        "precision": how.precision,
        "seed": str(how.seed),
        "everything else": "`recipe.yaml`, `environment.json`",
    }
    reached = {
        name.replace("_", " "): f"{value:.4f}" for name, value in (standing.best_figures or {}).items()
    }
    reached |= {"step": f"{standing.best_step or 0:,}", "course": "`metrics.jsonl`, `learning-curves.png`"}
    return _PAGE.format(
        architecture=recipe.model.architecture,
        parameters=parameters,
        number=len(classes),
        classes=", ".join(classes),
        data=table(data),
        training=table(training),
        figures=table(reached),
    )


def table(rows: Mapping[str, str]) -> str:
    """A table of two columns in Markdown."""
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])
