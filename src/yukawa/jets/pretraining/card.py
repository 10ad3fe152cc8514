"""The page that goes with a pre-trained model: what it is, what it read, its figures, how to use it."""

from __future__ import annotations

from collections.abc import Mapping

from yukawa.jets.pretraining.recipe import Recipe
from yukawa.jets.training.card import table
from yukawa.jets.training.conductor import Plan, Standing

_PAGE = """# {architecture}

A byte language model with {parameters:,} parameters, trained with Yukawa on a mixture of sequences. It predicts the
next patch of bytes.

## Mixture

All sequences of a batch count alike in the loss. Of questions the answers alone are learned.

{mixture}

## Training

{training}

## Figures

Of the validation sequences, by which these weights were chosen. `loss` is nats per predicted id; bits per byte count
all that is predicted, over the ids that are no padding; the accuracy of questions is that of the likeliest answer.

{figures}

## Use

    yukawa jets train RECIPE model.start={run} --out TAGGER
    yukawa jets evaluate {run} --data DATA
    yukawa jets predict {run} --data JETS --out PREDICTIONS

The first trains a byte model that begins with this one's embedding and decoder; the others ask for the origin of jets
in words.
"""


def card(
    recipe: Recipe,
    plan: Plan,
    standing: Standing,
    *,
    run: str,
    parameters: int,
    facts: Mapping[str, str],
    sequences_per_second: float | None,
) -> str:
    """The card in Markdown.

    Args:
        recipe: as resolved.
        plan: its steps.
        standing: the best validation.
        run: name of the run's folder.
        parameters: of the network.
        facts: what there is of each source.
        sequences_per_second: of the training, if known.
    """
    how = recipe.training
    whole = sum(source.weight for source in recipe.mixture.values())
    mixture = {
        name: f"{source.kind}, {source.weight / whole:.0%} of the sequences, from {source.path}: {facts[name]}"
        for name, source in recipe.mixture.items()
    }
    mixture |= {"inputs": f"data config `{recipe.config}`, kept in `model/`", "hashes": "`data.json`"}
    training = {
        "steps": f"{plan.steps:,} of {plan.batch:,} sequences",
        "speed": f"{sequences_per_second:,.0f} sequences/s" if sequences_per_second else "not measured",
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
        mixture=table(mixture),
        training=table(training),
        figures=table(reached),
        run=run,
    )
