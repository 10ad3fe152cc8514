"""The memory that a training takes on each device, estimated from the sizes of model, batch and optimiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yukawa.training.recipe import Recipe

# 4 bits a weight; a scale of 8 bits for 64 of them; for 256 of these one of 32 bits (arXiv:2305.14314, section 3).
_NF4 = (4 + 8 / 64 + 32 / (64 * 256)) / 8
_BYTES = {"fp32": 4, "bf16": 2}
# Of 16-bit activations, a layer keeps 34 bytes for each token and hidden unit, attention's matrix left out
# (arXiv:2205.05198, equation 2); where activations are computed anew only its input of 2 bytes stays.
_KEPT, _INPUT = 34, 2
_CHUNK = 1024  # tokens whose logits are there at once


@dataclass(frozen=True)
class Memory:
    """Bytes on one device.

    Attributes:
        weights: of the base and of what is trained.
        gradients: of what is trained.
        optimiser: its two moments.
        activations: kept of a forward pass for the backward pass, logits among them.
        host: bytes that lie in the processor's memory instead.
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


def estimate_memory(recipe: Recipe, model: Any, trained: int, world: int) -> Memory:
    """The memory of each of `world` devices; a third more or less is usual.

    Args:
        recipe: how it is trained.
        model: the base, be it without weights.
        trained: numbers that are trained.
    """
    how, full = recipe.training, recipe.adapter.kind == "full"
    weights = _weights(recipe, model) + (0 if full else 4 * trained)
    gradients = (_BYTES[recipe.dtype] if full else 4) * trained
    moments = (2 if how.optimiser == "adamw-8bit" else 2 * (_BYTES[recipe.dtype] if full else 4)) * trained
    if how.kind == "preference" and full:
        weights *= 2  # the base stays beside what is trained
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


def _weights(recipe: Recipe, model: Any) -> float:
    """Bytes of the base's weights; in 4 bits are those of the layers' projections."""
    size = _BYTES[recipe.dtype]
    if recipe.adapter.kind != "qlora":
        return float(size * sum(weight.numel() for weight in model.parameters()))
    head = model.get_output_embeddings()
    in_all: float = sum(
        (_NF4 if type(module).__name__ in ("Linear", "Conv1D") and module is not head else size)
        * weight.numel()
        for module in model.modules()
        for weight in module.parameters(recurse=False)
    )
    return in_all


def _activations(recipe: Recipe, model: Any, world: int) -> int:
    """Bytes of what a forward pass keeps."""
    how, config = recipe.training, model.config.get_text_config()
    tokens = how.batch // world // how.accumulation * how.length * (2 if how.kind == "preference" else 1)
    wide = _BYTES[how.precision] / 2
    unit: float = tokens * config.hidden_size * wide
    layers: int = config.num_hidden_layers
    kept = _INPUT * unit * layers + _KEPT * unit if how.gradient_checkpointing else _KEPT * unit * layers
    logits: float = 2 * 4 * min(tokens, _CHUNK) * config.vocab_size
    return round(kept + logits)
