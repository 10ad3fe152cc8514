"""What a recipe would do, before it does: parameters, steps and memory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from yukawa.jets.features.encoded import Encoded, Encoder
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.io.loader import Streaming, tensors
from yukawa.jets.training.callback import Plan
from yukawa.jets.training.recipe import Recipe, TrainingRecipe
from yukawa.jets.training.setup import build_model, open_jets, resolve

_SAMPLE = 32  # jets on which memory is measured
# fp32 copies of the weights: they, their gradient, two moments; Ranger's slow ones are a fifth.
_COPIES = {"adamw": 4, "ranger": 5}


@dataclass(frozen=True)
class Description:
    """What a recipe would do.

    Attributes:
        recipe: as resolved.
        parameters: of the network.
        train_jets: jets to train on, before the data config's selection.
        jets_per_epoch: jets that an epoch trains on.
        validation_jets: jets to validate on.
        plan: its steps.
        weights_memory: bytes of weights, gradients and the optimiser's state.
        batch_memory: bytes of what the network keeps of a batch for its gradient, measured on a few jets.
        data_memory: bytes of the encoded jets that are held at once.
    """

    recipe: Recipe
    parameters: int
    train_jets: int
    validation_jets: int
    jets_per_epoch: int
    plan: Plan
    weights_memory: int
    batch_memory: int
    data_memory: int


def describe(recipe: Recipe) -> Description:
    """What the recipe would do; the data are looked at, nothing is written.

    Raises:
        InputError: the recipe, its data config or its data are wrong.
    """
    encoder, network = build_model(recipe)
    train, validation = open_jets(recipe)
    sample = _sample(train, encoder)
    row_bytes = sum(array.nbytes for array in sample.rows.values()) / max(len(sample), 1)
    held = [len(train), len(validation)]
    if recipe.data.loading == "streaming":
        held = [min(jets, recipe.data.buffer) for jets in held]
    jets = recipe.training.jets_per_epoch or len(train)
    parameters = sum(weight.numel() for weight in network.parameters())
    plan = plan_of(recipe.training, math.ceil(jets / recipe.training.batch))
    return Description(
        recipe=resolve(recipe, network),
        parameters=parameters,
        train_jets=len(train),
        validation_jets=len(validation),
        jets_per_epoch=jets,
        plan=plan,
        weights_memory=4 * parameters * _COPIES[recipe.training.optimiser],
        batch_memory=round(kept_for_gradient(network, tensors(sample)) / max(len(sample), 1) * plan.batch),
        data_memory=round(row_bytes * sum(held)),
    )


def plan_of(recipe: TrainingRecipe, epoch: int) -> Plan:
    """When things happen in a training whose epoch has so many steps."""
    steps = recipe.steps if recipe.steps is not None else epoch * (recipe.epochs or 1)
    evaluate = min(recipe.evaluate_every or epoch, steps)
    return Plan(
        steps=steps,
        epoch=epoch,
        evaluate=evaluate,
        checkpoint=recipe.checkpoint_every or evaluate,
        log=recipe.log_every,
        batch=recipe.batch,
        best_by=recipe.best_by,
        patience=recipe.patience,
    )


def kept_for_gradient(network: nn.Module, batch: dict[str, Tensor]) -> int:
    """Bytes of all tensors that a forward pass keeps for the backward pass, weights left out."""
    weights = {weight.untyped_storage().data_ptr() for weight in network.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        logits = network(**batch)
    del logits
    return sum(kept.values())


def _sample(source: JetSource, encoder: Encoder) -> Encoded:
    """A few jets of the first piece, encoded."""
    first = Streaming(JetSource(source.columns, source.chunks[:1]), encoder, _SAMPLE, ahead=0)
    return next(first.batches(_SAMPLE, seed=0, epoch=0, shuffle=False))
