"""A dry run says what a recipe would do: parameters, steps, tokens and memory."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, MissingPackage, Problems
from yukawa.core.files import read_object
from yukawa.core.reports import write_json
from yukawa.data import read_rows
from yukawa.llm.adapters import find_targets
from yukawa.llm.folders import CONFIG, fetch_model
from yukawa.llm.loading import empty_model
from yukawa.runs.distributed import this_machine
from yukawa.runs.schedule import TrainingPlan
from yukawa.training.packing import ROW_TYPES, find_files
from yukawa.training.prepare import Prepared, check_base, check_length, check_text, machine_checks, prepare
from yukawa.training.recipe import TextRecipe
from yukawa.training.text_task import plan_of
from yukawa.training.tiny_model import GENERATED
from yukawa.training.tokenization import RowCounts

# The configurations of the bases of the shipped recipes, as far as sizes follow from them.
KNOWN_BASES = read_object(Path(__file__).with_name("bases.json"))
# 4 bits a weight; a scale of 8 bits for 64 of them; for 256 of these one of 32 bits (arXiv:2305.14314, section 3).
_NF4 = (4 + 8 / 64 + 32 / (64 * 256)) / 8
_PROJECTIONS = ("Linear", "Conv1D")
_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
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
    """What a recipe would do; what cannot be known on this machine is None, and `problems` says why.

    Attributes:
        recipe: as resolved.
        trained_parameters, parameters: numbers of parameters that would be trained, and of all.
        targets: the projections with an adapter; empty where all weights are trained.
        rows: of the training text.
        counts: of the training rows as tokens.
        sequences: of the training.
        validation_sequences: of the validation.
        plan: its steps.
        tokens_per_step: with a loss, on average; None where the model writes them itself (GRPO).
        world: processes (with a GPU each, if there are any).
        memory: of each device, estimated.
        problems: everything that keeps it from running here, a line each.
        notes: what a person must know about base and text.
    """

    recipe: TextRecipe
    trained_parameters: int | None
    parameters: int | None
    targets: tuple[str, ...]
    rows: int | None
    counts: RowCounts | None
    sequences: int | None
    validation_sequences: int | None
    plan: TrainingPlan | None
    tokens_per_step: float | None
    world: int
    memory: Memory | None
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def describe(recipe: TextRecipe) -> DryRun:
    """Say what the recipe would do; base and text are looked at, no weights are read and nothing is kept.

    Machine, base and text are described each by itself: a recipe for GPUs, of a base that is not here or of text that is
    still to be made says what can be known, and lists all that is missing. The sizes of the bases of the shipped recipes
    are known without them.
    """
    machine, problems = this_machine(recipe.training), Problems()
    recipe = recipe.with_precision(bf16=machine.bf16)
    for check in machine_checks(recipe, machine):
        problems.attempt(check)
    with tempfile.TemporaryDirectory() as scratch:
        places = [problems.attempt(lambda: check_text(recipe)), problems.attempt(lambda: check_base(recipe))]
        whole = all(place is not None for place in places)
        prepared = problems.attempt(lambda: prepare(recipe, Path(scratch), weights=False)) if whole else None
        model, notes = _base_model(recipe, prepared, Path(scratch), problems)
    trained, parameters, targets = _parameters(recipe, model, problems)
    if model is not None:
        problems.attempt(lambda: check_length(recipe, model))
    plan = None if prepared is None else problems.attempt(lambda: plan_of(prepared, machine.world))
    counts = prepared.train.counts if prepared else None
    epoch = plan and (plan.epoch or plan.steps)
    return DryRun(
        recipe=recipe,
        trained_parameters=trained,
        parameters=parameters,
        targets=targets,
        rows=counts.rows if counts else _rows(recipe),
        counts=counts,
        sequences=len(prepared.train.rows) if prepared else None,
        validation_sequences=(len(prepared.validation.rows) if prepared.validation else 0)
        if prepared
        else None,
        plan=plan,
        tokens_per_step=counts.trained / epoch if counts and counts.trained and epoch else None,
        world=machine.world,
        memory=None if trained is None else estimate_memory(recipe, model, trained, machine.world),
        problems=problems.lines,
        notes=(*notes, *(prepared.notes if prepared else ())),
    )


def _base_model(
    recipe: TextRecipe, prepared: Prepared | None, scratch: Path, problems: Problems
) -> tuple[Any, tuple[str, ...]]:
    """The base without weights, or None; and a note where its sizes are known without it."""
    if prepared is not None:
        model = empty_model(prepared.base)
        tokens = len(prepared.tokenizer)
        if recipe.model.resize_embeddings and tokens > model.config.get_text_config().vocab_size:
            model.resize_token_embeddings(tokens, mean_resizing=False)
        return model, ()
    name = recipe.model.base
    if name.startswith(GENERATED):
        return None, ()  # its vocabulary is made from the text
    if name not in KNOWN_BASES or Path(name).exists():
        folder = problems.attempt(lambda: fetch_model(name, weights=False))
        return (None if folder is None else problems.attempt(lambda: empty_model(folder))), ()
    write_json(scratch / CONFIG, KNOWN_BASES[name])
    return empty_model(scratch), (f"{name} is not on this machine: its sizes are those that Yukawa knows",)


def _parameters(
    recipe: TextRecipe, model: Any, problems: Problems
) -> tuple[int | None, int | None, tuple[str, ...]]:
    """Numbers of parameters, trained and all, and the projections with an adapter."""
    if model is None:
        return None, None, ()
    whole = sum(weight.numel() for weight in model.parameters())
    if recipe.adapter.kind == "full":
        return whole, whole, ()
    targets = problems.attempt(lambda: find_targets(model, recipe.adapter.targets))
    if targets is None:
        return None, whole, ()
    trained = adapter_parameters(model, tuple(targets), recipe.adapter.rank, dora=recipe.adapter.dora)
    return trained, whole + trained, tuple(targets)


def _rows(recipe: TextRecipe) -> int | None:
    """The number of training rows, where the text can be read without its base."""
    try:
        files = find_files(recipe)
        return sum(1 for _ in read_rows(files.train, ROW_TYPES[recipe.row_kind]))
    except (InputError, MissingPackage):
        return None


def adapter_parameters(model: Any, targets: tuple[str, ...], rank: int, *, dora: bool = False) -> int:
    """Parameters of LoRA on these projections: rank x (inputs + outputs) of each; DoRA has a length for each output."""
    return sum(
        rank * sum(module.weight.shape) + dora * module.weight.shape[0]
        for name, module in model.named_modules()
        if name.rpartition(".")[2] in targets and hasattr(module, "weight")
    )


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
    if full and (how.kind == "grpo" or (how.kind == "preference" and how.preference_loss != "orpo")):
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
    trained = "full" if recipe.adapter.kind == "full" else "qkv" if recipe.adapter.targets == "qkv" else "all"
    whole = recipe.dtype == "fp32"  # beside it counts whether the arithmetic is too; 16 bits are 16 bits
    arithmetic = "fp32" if whole and how.precision == "fp32" else "bf16"
    some, more = _KEPT[trained, "fp32" if whole else "bf16", arithmetic]
    # Four times the hidden width where a configuration is silent, as GPT-2's.
    inner: int = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    layer: float = some + more * inner / config.hidden_size
    # With checkpointing a layer keeps only its input, and one layer at a time everything.
    kept = _BYTES[recipe.dtype] * layers + layer if how.gradient_checkpointing else layer * layers
    logits: float = 2 * 4 * min(tokens, _CHUNK) * config.vocab_size
    return round(kept * units + logits + _rounded_weights(recipe, model))


def _rounded_weights(recipe: TextRecipe, model: Any) -> int:
    """Bytes of the copies in 16 bits of matrices in 32 bits that autocast makes and the backward pass needs."""
    if recipe.dtype != "fp32" or recipe.training.precision == "fp32":
        return 0
    weights: int = sum(m.weight.numel() for m in model.modules() if type(m).__name__ in _PROJECTIONS)
    layers: int = model.config.get_text_config().num_hidden_layers
    # With checkpointing one layer at a time has them.
    return _BYTES["bf16"] * weights // (layers if recipe.training.gradient_checkpointing else 1)
