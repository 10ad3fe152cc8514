"""A dry run says what a recipe would do: parameters, steps, tokens and memory."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, MissingPackage, require
from yukawa.llm.adapters import find_targets
from yukawa.llm.loading import empty_model
from yukawa.runs.callback import Plan
from yukawa.runs.distributed import Machine, this_machine
from yukawa.training.memory import Memory, estimate_memory
from yukawa.training.prepare import check_length, check_training_machine, prepare
from yukawa.training.recipe import TextRecipe
from yukawa.training.text_task import plan_of
from yukawa.training.tokenization import RowCounts


@dataclass(frozen=True)
class DryRun:
    """What a recipe would do.

    Attributes:
        recipe: as resolved.
        trained_parameters, parameters: numbers of parameters that would be trained, and of all.
        targets: the projections with an adapter; empty where all weights are trained.
        counts: of the training rows.
        sequences: of the training.
        validation_sequences: of the validation.
        plan: its steps.
        tokens_per_step: with a loss, on average.
        world: processes (with a GPU each, if there are any).
        memory: of each device, estimated.
        problems: why it could not run on this machine.
        notes: what a person must know about the text.
    """

    recipe: TextRecipe
    trained_parameters: int
    parameters: int
    targets: tuple[str, ...]
    counts: RowCounts
    sequences: int
    validation_sequences: int
    plan: Plan
    tokens_per_step: float
    world: int
    memory: Memory
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def describe(recipe: TextRecipe) -> DryRun:
    """Say what the recipe would do; base and text are looked at, no weights are read and nothing is kept.

    A recipe for a GPU can be described on a machine that has none.

    Raises:
        InputError: the recipe, its base or its data are wrong.
        ModelError: the base cannot be downloaded.
    """
    machine = this_machine(recipe.training)
    with tempfile.TemporaryDirectory() as scratch:
        prepared = prepare(recipe, Path(scratch), weights=False)
        model = empty_model(prepared.base)
    check_length(recipe, model)
    parameters = sum(weight.numel() for weight in model.parameters())
    trained, targets = parameters, tuple[str, ...]()
    if recipe.adapter.kind != "full":
        targets = tuple(find_targets(model, recipe.adapter.targets))
        trained = adapter_parameters(model, targets, recipe.adapter.rank)
    plan = plan_of(prepared, machine.world)
    counts = prepared.train.counts
    return DryRun(
        recipe=recipe,
        trained_parameters=trained,
        parameters=parameters + (trained if targets else 0),
        targets=targets,
        counts=counts,
        sequences=len(prepared.train.rows),
        validation_sequences=len(prepared.validation.rows) if prepared.validation else 0,
        plan=plan,
        tokens_per_step=counts.trained / (plan.epoch or plan.steps),
        world=machine.world,
        memory=estimate_memory(recipe, model, trained, machine.world),
        problems=_problems(recipe, machine),
        notes=prepared.notes,
    )


def adapter_parameters(model: Any, targets: tuple[str, ...], rank: int) -> int:
    """Parameters of LoRA on these projections: rank x (inputs + outputs) of each."""
    return sum(
        rank * sum(module.weight.shape)
        for name, module in model.named_modules()
        if name.rpartition(".")[2] in targets and hasattr(module, "weight")
    )


def _problems(recipe: TextRecipe, machine: Machine) -> tuple[str, ...]:
    try:
        check_training_machine(recipe.training, machine)
        if recipe.adapter.kind == "qlora":
            require("bitsandbytes", "training beside weights in 4 bits")
    except (InputError, MissingPackage) as error:
        return (str(error),)
    return ()
