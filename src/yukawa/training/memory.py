"""Estimates the memory of a training on each device, from the sizes of model, batch and optimiser."""

from dataclasses import dataclass
from typing import Any

from yukawa.training.recipe import TextRecipe

# 4 bits a weight; a scale of 8 bits for 64 of them; for 256 of these one of 32 bits (arXiv:2305.14314, section 3).
_NF4 = (4 + 8 / 64 + 32 / (64 * 256)) / 8
_PROJECTIONS = ("Linear", "Conv1D")
_BYTES = {"fp32": 4, "bf16": 2}
# Bytes that a layer of a Llama keeps for each token and hidden unit, by what is trained, the weights' and the
# arithmetic's numbers: some, and some more for each time that its inner layer is as wide as the hidden one. Counted by
# tests/training/test_memory.py from what autograd keeps, attention without its matrix.
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
    layer: float = some + more * _inner_width(config) / config.hidden_size
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


def _inner_width(config: Any) -> int:
    """Of a layer's feed-forward part; four times the hidden one where a configuration is silent, as GPT-2's."""
    found: int | None = getattr(config, "intermediate_size", None)
    return found or 4 * int(config.hidden_size)
