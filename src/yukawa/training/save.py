"""The trained model or adapter in its folder, with its tokenizer: all of it or nothing."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from yukawa.core.errors import StoreError
from yukawa.core.files import atomic_write
from yukawa.core.optional import require
from yukawa.llm.folders import ADAPTER_CONFIG, CONFIG
from yukawa.runs.checkpoints import why_unwritten
from yukawa.training.export import write_for_older_readers, write_tokenizer
from yukawa.training.prepare import Prepared
from yukawa.training.tiny_model import GENERATED


def save_result(trainer: Any, prepared: Prepared, folder: Path) -> None:
    """Write model or adapter as safetensors, and the tokenizer with the template that training used.

    All processes call it, since each may hold a part of the weights.

    Raises:
        StoreError: the disk refuses; nothing half-written is left, and the last checkpoint stands.
    """
    beside, first = folder.with_name(f".{folder.name}.part"), bool(trainer.args.should_save)
    damaged = require("safetensors", "saving a model").SafetensorError
    try:
        if first:
            shutil.rmtree(beside, ignore_errors=True)
        trainer.accelerator.wait_for_everyone()
        trainer.save_model(str(beside))
        if first:
            write_tokenizer(prepared.tokenizer, prepared.base, beside)
            if (beside / CONFIG).is_file():
                write_for_older_readers(beside)
            _name_base(beside, prepared)
            for name in ("training_args.bin", "README.md"):  # a pickle, and a card that is not ours
                (beside / name).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(beside, folder)
    except (OSError, RuntimeError, damaged) as error:
        if first:
            shutil.rmtree(beside, ignore_errors=True)
        raise StoreError(
            f"the model cannot be written to {folder}: {why_unwritten(error)}",
            hint="free some space and type the same command with --resume",
        ) from error


def _name_base(folder: Path, prepared: Prepared) -> None:
    """An adapter says which base it belongs to: its name on the hub, or where it lies."""
    path = folder / ADAPTER_CONFIG
    if not path.exists():
        return
    config = json.loads(path.read_text("utf-8"))
    name = prepared.recipe.model.base
    on_hub = not name.startswith(GENERATED) and not Path(name).expanduser().is_dir()
    config["base_model_name_or_path"] = name if on_hub else str(prepared.base.resolve())
    atomic_write(path, json.dumps(config, indent=2) + "\n")
