"""The checkpoints of a run: each one whole or not there, the last few kept, the best weights among them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from yukawa.errors import InputError, StoreError
from yukawa.files import atomic_write
from yukawa.jets.extras import require

PROGRESS, WEIGHTS, STATE, PARTIAL = "progress.json", "model.safetensors", "trainer_state.json", ".partial"
_NAME = re.compile(r"checkpoint-(\d+)")


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in `folder`, the oldest first."""
    found = [path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name)]
    return sorted((path for path in found if (path / STATE).is_file()), key=step_of)


def step_of(checkpoint: Path) -> int:
    """The number of steps made when the checkpoint was written."""
    match = _NAME.fullmatch(checkpoint.name)
    return int(match[1]) if match else 0


@contextmanager
def written_whole(folder: Path, *, first: bool) -> Iterator[Path]:
    """A folder to write a checkpoint into; what is in it when the block ends well moves to `folder` at once.

    Args:
        folder: where the checkpoints are.
        first: whether this is the process that cleans and moves.

    Raises:
        StoreError: the disk refused; the checkpoints from before stand.
    """
    partial = folder / PARTIAL
    errors = (OSError, RuntimeError, require("safetensors", "writing a checkpoint").SafetensorError)
    try:
        if first:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        yield partial
        if first:
            for written in partial.iterdir():
                _sync(written)
                shutil.rmtree(folder / written.name, ignore_errors=True)
                os.rename(written, folder / written.name)
            _sync_entry(folder)
    except errors as error:
        shutil.rmtree(partial, ignore_errors=True)
        reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise StoreError(
            f"the checkpoint in {folder} cannot be written: {reason}",
            hint="free some space and resume: the checkpoint before it is whole",
        ) from error
    if first:
        shutil.rmtree(partial, ignore_errors=True)


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


def _sync(folder: Path) -> None:
    """Bring a folder's files to the disk."""
    for path in folder.iterdir():
        _sync_entry(path)
    _sync_entry(folder)


def _sync_entry(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows cannot open folders, and renames durably by itself
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
