"""Checkpoints of a run: each one whole or not there, the last few kept, the best weights among them."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yukawa.core import files
from yukawa.core.errors import InputError, StoreError, require

STATE, PROGRESS, WEIGHTS, PARTIAL = "trainer_state.json", "progress.json", "model.safetensors", ".partial"
_HINT = "free some space and type the same command with --resume"
_NAME = re.compile(r"checkpoint-(\d+)")


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in `folder`, the oldest first."""
    found = [path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name)]
    return sorted((path for path in found if (path / STATE).is_file()), key=step_of)


def last_checkpoint(folder: Path) -> Path | None:
    """The checkpoint from which a run resumes."""
    return next(reversed(checkpoints(folder)), None)


def step_of(checkpoint: Path | None) -> int:
    """The number of steps made when the checkpoint was written; 0 without one."""
    match = _NAME.fullmatch(checkpoint.name) if checkpoint else None
    return int(match[1]) if match else 0


def tidy(folder: Path, keep: int, best: int | None = None) -> None:
    """Remove all but the last `keep` checkpoints, and the weights that were best for none of these.

    Args:
        best: the step of the best weights now.
    """
    whole = checkpoints(folder)
    for old in whole[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    kept = list(folder.glob("best-*.safetensors"))
    if kept:
        steps = {best, *(read_progress(path).get("best_step") for path in whole[-keep:])}
        wanted = {_best(folder, step) for step in steps if step is not None}
        for path in set(kept) - wanted:
            path.unlink(missing_ok=True)


@contextmanager
def written_whole(folder: Path, *, first: bool) -> Iterator[Path]:
    """A folder to write a checkpoint or a model into; its content moves to `folder` at once when the block ends well.

    Args:
        folder: where the checkpoints, or the model, are.
        first: whether this is the process that cleans and moves.

    Raises:
        StoreError: the disk refused; the earlier checkpoints are kept.
    """
    partial = folder / PARTIAL
    try:
        with files.report_write_errors(folder, write_errors(), _HINT):
            if first:
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(parents=True)
            yield partial
            if first:
                for written in sorted(partial.iterdir()):
                    files.sync(written)
                    files.take_place(written, folder / written.name)
                files.sync(folder, deep=False)
    finally:
        if first:
            shutil.rmtree(partial, ignore_errors=True)


def write_errors() -> tuple[type[Exception], ...]:
    """What the writers of weights raise where the disk refuses: the system's, PyTorch's and safetensors' errors."""
    return OSError, RuntimeError, require("safetensors", "saving a model").SafetensorError


def write_progress(checkpoint: Path, progress: Mapping[str, Any]) -> None:
    """Write how far the run has come beside the trainer's own state."""
    (checkpoint / PROGRESS).write_text(json.dumps(progress), encoding="utf-8")


def read_progress(checkpoint: Path) -> dict[str, Any]:
    """Read what `write_progress` wrote.

    Raises:
        StoreError: it is missing or damaged.
    """
    path = checkpoint / PROGRESS
    try:
        return files.read_object(path)
    except InputError as error:
        raise StoreError(error.message, hint=f"remove {checkpoint} and resume") from None


def save_best(folder: Path, step: int, weights: Mapping[str, Any]) -> None:
    """Keep the weights after `step`, the best ones so far.

    Raises:
        StoreError: the disk refuses.
    """
    safetensors = require("safetensors.torch", "writing a checkpoint")
    plain = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    files.atomic_write(_best(folder, step), safetensors.save(plain))


def read_best(folder: Path, step: int) -> dict[str, Any]:
    """Read the weights that `save_best` kept.

    Raises:
        StoreError: they are missing or damaged.
    """
    return _read_weights(_best(folder, step))


def check_shapes(checkpoint: Path, expected: Mapping[str, Any]) -> None:
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


def _read_weights(path: Path) -> dict[str, Any]:
    safetensors = require("safetensors.torch", "reading a checkpoint")
    damage = require("safetensors", "reading a checkpoint").SafetensorError
    try:
        files.check_file(path)
        weights: dict[str, Any] = safetensors.load_file(path)
    except (InputError, OSError, damage) as error:
        raise StoreError(f"{path} cannot be read: {error}", hint=f"remove {path.parent} and resume") from None
    return weights
