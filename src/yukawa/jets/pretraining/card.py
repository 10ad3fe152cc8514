"""The page that goes with a pre-trained model: what it is, what it read, its figures, how to use it."""

from __future__ import annotations

from collections.abc import Mapping

from yukawa.core.reports import facts
from yukawa.jets.pretraining.recipe import Recipe
from yukawa.jets.training.callback import Plan, Standing
from yukawa.jets.training.card import how_trained, reached

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
    known: Mapping[str, str],
    sequences_per_second: float | None,
) -> str:
    """The card in Markdown.

    Args:
        recipe: as resolved.
        plan: its steps.
        standing: the best validation.
        run: name of the run's folder.
        parameters: of the network.
        known: what there is of each source.
        sequences_per_second: of the training, if known.
    """
    whole = sum(source.weight for source in recipe.mixture.values())
    mixture = {
        name: f"{source.kind}, {source.weight / whole:.0%} of the sequences, from {source.path}: {known[name]}"
        for name, source in recipe.mixture.items()
    }
    mixture |= {"inputs": f"data config `{recipe.config}`, kept in `model/`", "hashes": "`data.json`"}
    return _PAGE.format(
        architecture=recipe.model.architecture,
        parameters=parameters,
        mixture=facts(mixture),
        training=how_trained(recipe.training, plan, sequences_per_second),
        figures=reached(standing),
        run=run,
    )
