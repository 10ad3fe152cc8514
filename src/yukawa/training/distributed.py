"""What a recipe asks of the machine, answered before anything is loaded."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass

from yukawa.core.errors import InputError, MissingPackage
from yukawa.core.optional import require
from yukawa.training.recipe import TrainingRecipe


@dataclass(frozen=True)
class Machine:
    """Where a training runs.

    Attributes:
        gpu: whether it runs on a GPU.
        rank: of this process.
        world: number of processes.
        local_rank: of this process on its host.
    """

    gpu: bool
    rank: int = 0
    world: int = 1
    local_rank: int = 0

    @property
    def device(self) -> str:
        """As PyTorch names it."""
        return f"cuda:{self.local_rank}" if self.gpu else "cpu"


def this_machine(recipe: TrainingRecipe) -> Machine:
    """The machine, as this process and the recipe see it."""
    there = bool(require("torch", "training").cuda.is_available())
    rank, world, local = (
        int(os.environ.get(name, default))
        for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))
    )
    return Machine(there and recipe.device != "cpu", rank, world, local)


def check_machine(recipe: TrainingRecipe, machine: Machine) -> None:
    """Refuse a recipe that this machine cannot carry out.

    Raises:
        InputError: it needs a GPU, other processes or another batch; the message says what to type.
        MissingPackage: it needs DeepSpeed, which is not installed.
    """
    if not machine.gpu:
        _check_without_gpu(recipe)
    if machine.world > 1 and recipe.distributed == "none":
        raise InputError(
            f"training.distributed=none, but {machine.world} processes were started",
            hint="type: training.distributed=ddp, or start one process",
        )
    if machine.world == 1 and recipe.distributed == "fsdp2":
        raise InputError(
            "training.distributed=fsdp2 divides the model among processes, and this is a single one",
            hint="start it by torchrun --nproc-per-node N, or type: training.distributed=none",
        )
    if recipe.distributed.startswith("deepspeed") and importlib.util.find_spec("deepspeed") is None:
        raise MissingPackage(
            "deepspeed", "pip install deepspeed", purpose=f"training.distributed={recipe.distributed}"
        )
    share = machine.world * recipe.accumulation
    if recipe.batch % share:
        raise InputError(
            f"training.batch={recipe.batch} cannot be shared by {machine.world} processes in "
            f"{recipe.accumulation} passes each",
            hint=f"make it a multiple of {share}",
        )


def _check_without_gpu(recipe: TrainingRecipe) -> None:
    needs = {
        "device": (recipe.device == "cuda", "cpu"),
        "tf32": (recipe.tf32, "false"),
        "optimiser": (recipe.optimiser == "adamw-8bit", "adamw"),
        "distributed": (recipe.distributed not in ("none", "ddp"), "ddp"),
    }
    wrong = {key: instead for key, (needed, instead) in needs.items() if needed}
    if wrong:
        key, value = next(iter(wrong)), getattr(recipe, next(iter(wrong)))
        shown = str(value).lower() if isinstance(value, bool) else value
        changes = " ".join(f"training.{name}={instead}" for name, instead in wrong.items())
        if recipe.offload:
            changes += " training.offload=false"
        raise InputError(
            f"training.{key}={shown} needs a GPU, and there is none here",
            hint=f"to run without one, type: {changes}",
        )
