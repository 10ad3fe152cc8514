"""A dry run says what a recipe would do: parameters, steps, tokens and memory."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, MissingPackage, require
from yukawa.llm.adapters import find_targets
from yukawa.llm.loading import empty_model
from yukawa.runs.distributed import Machine, this_machine
from yukawa.runs.schedule import TrainingPlan
from yukawa.training.prepare import check_length, check_training_machine, prepare
from yukawa.training.recipe import TextRecipe
from yukawa.training.text_task import plan_of
from yukawa.training.tokenization import RowCounts

# 4 bits a weight; a scale of 8 bits for 64 of them; for 256 of these one of 32 bits (arXiv:2305.14314, section 3).
_NF4 = (4 + 8 / 64 + 32 / (64 * 256)) / 8
_PROJECTIONS = ("Linear", "Conv1D")
_BYTES = {"fp32": 4, "bf16": 2}
# Bytes that a layer of a Llama keeps for each token and hidden unit, by what is trained, the weights' and the
# arithmetic's numbers: some, and some more for each time that its inner layer is as wide as the hidden one. Counted by
# tests/training/test_dry_run.py from what autograd keeps, attention without its matrix.
_KEPT = {
    ("full", "fp32", "fp32"): (41, 16), ("full", "fp32", "bf16"): (35, 8), ("full", "bf16", "bf16"): (25, 8),
    ("qkv", "fp32", "fp32"): (47, 12), ("qkv", "fp32", "bf16"): (32, 6), ("qkv", "bf16", "bf16"): (33, 6),
    ("all", "fp32", "fp32"): (71, 20), ("all", "fp32", "bf16"): (51, 12), ("all", "bf16", "bf16"): (52, 12),
}  # fmt: skip
_CHUNK = 1024  # tokens whose logits are there at once


@dataclass(frozen=True)
class Memory:
    """Bytes on one device.

    Attributes:
        weights: bytes of the base and of the trained parameters.
        gradients: bytes of the gradients of the trained parameters.
        optimiser: bytes of the two moments of the optimiser.
        activations: bytes kept of a forward pass for the backward pass, logits included.
        host: bytes in the memory of the processor instead.
    """

    weights: int
    gradients: int
    optimiser: int
    activations: int
    host: int = 0

    @property
    def total(self) -> int:
        """All of the device."""
        return self.weights + self.gradients + self.optimiser + self.activations


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
    plan: TrainingPlan
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
        if (
            recipe.model.resize_embeddings
            and len(prepared.tokenizer) > model.config.get_text_config().vocab_size
        ):
            model.resize_token_embeddings(len(prepared.tokenizer), mean_resizing=False)
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


def estimate_memory(recipe: TextRecipe, model: Any, trained: int, world: int) -> Memory:
    """The memory of each of `world` devices; a third more or less is usual.

    Args:
        recipe: the recipe of the training.
        model: the base, with or without its weights.
        trained: number of trained parameters.
    """
    how, full = recipe.training, recipe.adapter.kind == "full"
    weights = _weights(recipe, model) + (0 if full else 4 * trained)
    gradients = (_BYTES[recipe.dtype] if full else 4) * trained
    moments = (2 if how.optimiser == "adamw-8bit" else 2 * (_BYTES[recipe.dtype] if full else 4)) * trained
    if how.kind == "preference" and full:
        weights *= 2  # the untrained base is needed beside the trained one
    stage = {"fsdp2": 3, "deepspeed-zero3": 3, "deepspeed-zero2": 2}.get(how.distributed, 0)
    weights = round(weights / (world if stage == 3 else 1))
    gradients, moments = (round(number / (world if stage else 1)) for number in (gradients, moments))
    activations = _activations(recipe, model, world)
    if not how.offload:
        return Memory(weights, gradients, moments, activations)
    if stage == 2:
        return Memory(weights, gradients, 0, activations, moments)
    largest = max((p.numel() for p in model.parameters()), default=0) * _BYTES[recipe.dtype]
    return Memory(largest, 0, 0, activations, weights + gradients + moments)


def _weights(recipe: TextRecipe, model: Any) -> float:
    """Bytes of the base's weights; in 4 bits are those of the layers' projections."""
    size = _BYTES[recipe.dtype]
    if recipe.adapter.kind != "qlora":
        return float(size * sum(weight.numel() for weight in model.parameters()))
    head = model.get_output_embeddings()
    in_all: float = sum(
        (_NF4 if type(module).__name__ in _PROJECTIONS and module is not head else size) * weight.numel()
        for module in model.modules()
        for weight in module.parameters(recurse=False)
    )
    return in_all


def _activations(recipe: TextRecipe, model: Any, world: int) -> int:
    """Bytes that a forward pass keeps."""
    how, config = recipe.training, model.config.get_text_config()
    tokens = how.batch // world // how.accumulation * how.length * (2 if how.kind == "preference" else 1)
    units: int = tokens * config.hidden_size
    layers: int = config.num_hidden_layers
    trained = "full" if recipe.adapter.kind == "full" else recipe.adapter.targets
    some, more = _KEPT[trained, recipe.dtype, how.precision if recipe.dtype == "fp32" else "bf16"]
    # Four times the hidden width where a configuration is silent, as GPT-2's.
    inner: int = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    layer: float = some + more * inner / config.hidden_size
    # With checkpointing a layer keeps only its input, and one layer at a time everything.
    kept = _BYTES[recipe.dtype] * layers + layer if how.gradient_checkpointing else layer * layers
    logits: float = 2 * 4 * min(tokens, _CHUNK) * config.vocab_size
    return round(kept * units + logits + _rounded_weights(recipe, model))


def _rounded_weights(recipe: TextRecipe, model: Any) -> int:
    """Bytes of the copies in 16 bits of matrices in 32 bits that autocast makes and the backward pass needs."""
    if (recipe.dtype, recipe.training.precision) != ("fp32", "bf16"):
        return 0
    weights: int = sum(m.weight.numel() for m in model.modules() if type(m).__name__ in _PROJECTIONS)
    layers: int = model.config.get_text_config().num_hidden_layers
    # With checkpointing one layer at a time has them.
    return _BYTES["bf16"] * weights // (layers if recipe.training.gradient_checkpointing else 1)
