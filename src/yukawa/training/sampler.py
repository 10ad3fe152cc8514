"""Processes share the rows so that each row counts once, however many processes there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import Sampler

from yukawa.core.optional import require
from yukawa.training.tokenization import IGNORED


class Order(Sampler[int]):  # type: ignore[misc]  # untyped there
    """The rows in an order that seed and epoch alone decide, and blank ones behind them.

    Args:
        rows: how many there are.
        filled: how many there are with the blank ones.
        seed: of the order.
    """

    def __init__(self, rows: int, filled: int, seed: int) -> None:
        self.rows, self.filled, self.seed, self.epoch = rows, filled, seed, 0

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        yield from torch.randperm(self.rows, generator=generator).tolist()
        yield from range(self.rows, self.filled)

    def __len__(self) -> int:
        return self.filled

    def set_epoch(self, epoch: int) -> None:
        """The trainer calls it before each epoch."""
        self.epoch = epoch


def filled(rows: Any, share: int, pad: int) -> Any:
    """Rows, and so many blank ones behind them that all processes have whole batches.

    Without these the loader would give some rows twice. A blank row has no loss: no label, or two empty replies.

    Args:
        rows: a `datasets.Dataset` of sequences, or of preferences.
        share: rows that the processes take together.
        pad: id of the token in blank rows.
    """
    missing = -len(rows) % share
    if not missing:
        return rows
    blank = {
        "input_ids": [pad],
        "seq_lengths": [1],
        "labels": [IGNORED],
        "prompt_ids": [pad, pad],
        "chosen_ids": [],
        "rejected_ids": [],
    }
    datasets = require("datasets", "training")
    columns = {name: [blank[name]] * missing for name in rows.column_names}
    return datasets.concatenate_datasets([rows, datasets.Dataset.from_dict(columns, features=rows.features)])
