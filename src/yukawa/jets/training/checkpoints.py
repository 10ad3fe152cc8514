"""The checkpoints of a run: each one whole or not there, the last few kept, the best weights among them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from yukawa.core.errors import InputError, StoreError
from yukawa.core.files import atomic_write
from yukawa.core.optional import require
from yukawa.runs.checkpoints import checkpoints

PROGRESS, WEIGHTS = "progress.json", "model.safetensors"


def save_best(folder: Path, step: int, weights: Mapping[str, Tensor]) -> None:
    """Keep the weights after `step`, the best ones so far.

    Raises:
        StoreError: the disk refuses.
    """
    safetensors = require("safetensors.torch", "writing a checkpoint")
    plain = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    atomic_write(_best(folder, step), safetensors.save(plain))


def read_best(folder: Path, step: int) -> dict[str, Tensor]:
    """The weights that `save_best` kept.

    Raises:
        StoreError: they are missing or damaged.
    """
    return _read_weights(_best(folder, step))


def tidy(folder: Path, keep: int, best: int | None) -> None:
    """Remove all but the last `keep` checkpoints, and the weights that were best for none of these."""
    whole = checkpoints(folder)
    for old in whole[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    wanted = {best, *(read_progress(path).get("best_step") for path in whole[-keep:])}
    for path in folder.glob("best-*.safetensors"):
        if path not in {_best(folder, step) for step in wanted if step is not None}:
            path.unlink(missing_ok=True)


def write_progress(checkpoint: Path, progress: Mapping[str, Any]) -> None:
    """Put the state of the run beside the trainer's."""
    (checkpoint / PROGRESS).write_text(json.dumps(progress), encoding="utf-8")


def read_progress(checkpoint: Path) -> dict[str, Any]:
    """What `write_progress` wrote.

    Raises:
        StoreError: it is missing or damaged.
    """
    path = checkpoint / PROGRESS
    try:
        progress: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}", hint=f"remove {checkpoint} and resume") from None
    return progress


def check_shapes(checkpoint: Path, expected: Mapping[str, Tensor]) -> None:
    """Refuse a checkpoint of another network.

    Raises:
        InputError: a weight is missing, foreign or of another shape.
        StoreError: the weights are damaged.
    """
    found = _read_weights(checkpoint / WEIGHTS)
    odd = sorted(set(found) ^ set(expected))
    odd += [name for name in expected if name in found and found[name].shape != expected[name].shape]
    if odd:
        name = odd[0]
        here, there = (
            str(list(weights[name].shape)) if name in weights else "absent" for weights in (found, expected)
        )
        raise InputError(
            f"{checkpoint} is of another network: {name} is {here} in it and {there} in the recipe's",
            hint="resume with the run's own recipe, or begin a new run in another folder",
        )


def _best(folder: Path, step: int) -> Path:
    return folder / f"best-{step:09d}.safetensors"


def _read_weights(path: Path) -> dict[str, Tensor]:
    safetensors = require("safetensors.torch", "reading a checkpoint")
    damage = require("safetensors", "reading a checkpoint").SafetensorError
    try:
        weights: dict[str, Tensor] = safetensors.load_file(path)
    except (OSError, damage) as error:
        raise StoreError(f"{path} cannot be read: {error}", hint=f"remove {path.parent} and resume") from None
    return weights
