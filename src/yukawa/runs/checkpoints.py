"""Checkpoints in a folder: each one whole or not there, whatever happens while it is written."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from yukawa.core.errors import StoreError

STATE, PARTIAL = "trainer_state.json", ".partial"
_NAME = re.compile(r"checkpoint-(\d+)")
# How PyTorch and safetensors say that a file could not grow.
_FULL = ("unexpected pos", "PytorchStreamWriter", "No space left on device")


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in `folder`, the oldest first."""
    found = [path for path in folder.glob("checkpoint-*") if _NAME.fullmatch(path.name)]
    return sorted((path for path in found if (path / STATE).is_file()), key=step_of)


def step_of(checkpoint: Path) -> int:
    """The number of steps made when the checkpoint was written."""
    match = _NAME.fullmatch(checkpoint.name)
    return int(match[1]) if match else 0


def tidy(folder: Path, keep: int) -> None:
    """Remove all but the last `keep` checkpoints."""
    for old in checkpoints(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def written_whole(
    folder: Path, *, first: bool, errors: tuple[type[Exception], ...] = (OSError, RuntimeError)
) -> Iterator[Path]:
    """A folder to write a checkpoint into; what is in it when the block ends well moves to `folder` at once.

    Args:
        folder: where the checkpoints are.
        first: whether this is the process that cleans and moves.
        errors: what the writers raise where the disk refuses.

    Raises:
        StoreError: the disk refused; the checkpoints from before stand.
    """
    partial = folder / PARTIAL
    try:
        if first:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        yield partial
        if first:
            for written in sorted(partial.iterdir()):
                _sync(written)
                shutil.rmtree(folder / written.name, ignore_errors=True)
                os.rename(written, folder / written.name)
            _sync_entry(folder)
    except errors as error:
        reason = why_unwritten(error)
        raise StoreError(
            f"the checkpoint in {folder} cannot be written: {reason}",
            hint="free some space and type the same command with --resume",
        ) from error
    finally:
        if first:
            shutil.rmtree(partial, ignore_errors=True)


def why_unwritten(error: Exception) -> str:
    """What kept a writer of weights from writing, in a few words."""
    said = str(getattr(error, "strerror", None) or error or type(error).__name__)
    if any(words in said for words in _FULL):
        return "the disk is full or a quota is used up"
    return (said or type(error).__name__).splitlines()[0]


def _sync(folder: Path) -> None:
    """Bring a folder with all that is in it to the disk."""
    for path in folder.rglob("*"):
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
