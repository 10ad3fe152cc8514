"""The processes of one training, as torchrun starts them, and what a recipe needs of the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yukawa.core.errors import InputError, require

if TYPE_CHECKING:
    from yukawa.runs.recipe import RunSettings


@dataclass(frozen=True)
class Machine:
    """Where a training runs.

    Attributes:
        gpu: whether it runs on a GPU.
        rank: number of this process.
        world: number of processes.
        local_rank: number of this process on its host.
    """

    gpu: bool = False
    rank: int = 0
    world: int = 1
    local_rank: int = 0

    @property
    def device(self) -> str:
        """The device of this process, as PyTorch names it."""
        return f"cuda:{self.local_rank}" if self.gpu else "cpu"

    @property
    def bf16(self) -> bool:
        """Whether it computes in bf16 by itself: processors do, and GPUs since Ampere."""
        return not self.gpu or bool(
            require("torch", "training").cuda.is_bf16_supported(including_emulation=False)
        )

    @property
    def first(self) -> bool:
        """Whether this process writes files and messages for all."""
        return self.rank == 0


def is_first_process() -> bool:
    """Whether this process writes files and messages for all; it costs no import of PyTorch."""
    return os.environ.get("RANK", "0") == "0"


def number_of_processes() -> int:
    """How many processes torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def started_by_torchrun() -> bool:
    """Whether torchrun, or a program like it, started this process, alone or with others."""
    return "WORLD_SIZE" in os.environ


def this_machine(settings: RunSettings) -> Machine:
    """The machine, as this process and the settings see it."""
    gpu = settings.device != "cpu" and bool(require("torch", "training").cuda.is_available())
    rank, local = (int(os.environ.get(name, "0")) for name in ("RANK", "LOCAL_RANK"))
    return Machine(gpu, rank, number_of_processes(), local)


def check_machine(
    settings: RunSettings,
    machine: Machine,
    needs: Mapping[str, tuple[bool, str]] | None = None,
    accumulation: int = 1,
) -> None:
    """Refuse settings that this machine cannot carry out.

    Args:
        needs: settings of one kind of training that may need a GPU: whether they do, and what to set instead.
        accumulation: passes into which each process divides its share of a batch.

    Raises:
        InputError: a setting needs a GPU, or the batch cannot be shared; the message says what to type.
    """
    if not machine.gpu:
        needed = {"device": (settings.device == "cuda", "cpu"), **(needs or {})}
        needed["precision"] = (settings.precision == "fp16", "bf16")
        changes = {key: instead for key, (wanted, instead) in needed.items() if wanted}
        if changes:
            key, value = next(iter(changes)), getattr(settings, next(iter(changes)))
            shown = str(value).lower() if isinstance(value, bool) else value
            raise InputError(
                f"training.{key}={shown} needs a GPU, and there is none here",
                hint="to run without one, type: " + " ".join(f"training.{k}={v}" for k, v in changes.items()),
            )
    share = machine.world * accumulation
    if settings.batch % share:
        passes = f" in {accumulation} passes each" if accumulation > 1 else ""
        raise InputError(
            f"training.batch={settings.batch} cannot be shared by {machine.world} processes{passes}",
            hint=f"make training.batch a multiple of {share}",
        )


def first_process_first(machine: Machine) -> AbstractContextManager[None]:
    """Let one process of each host run this block and finish it before the others begin."""
    options = {} if machine.gpu else {"cpu": True, **({"backend": "gloo"} if machine.world > 1 else {})}
    state = require("accelerate", "training").PartialState(**options)
    first: AbstractContextManager[None] = state.local_main_process_first()
    return first
