"""Packed sequences become batches in which each text sees itself alone, and processes get equally many rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from yukawa.core.errors import require
from yukawa.training.tokenization import IGNORED


@dataclass(frozen=True)
class PackedRows:
    """Batches of shape (B, L), one packed sequence a row, with positions that begin anew at each text.

    Without an attention mask, transformers divides attention where positions begin anew. Rows keep it to L x L; one
    row of all sequences, as kernels of variable length want it, would cost B times as much in other kernels.
    Padding at the end of a row has position 0 throughout: each of its tokens is a text of its own.

    Attributes:
        pad: id of the token behind shorter rows.
    """

    pad: int

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        """Rows have `input_ids`, `seq_lengths` of their texts, and `labels` where not all is learned."""
        shape = (len(rows), max(len(row["input_ids"]) for row in rows))
        ids = torch.full(shape, self.pad)
        labels, positions = torch.full(shape, IGNORED), torch.zeros(shape, dtype=torch.long)
        for number, row in enumerate(rows):
            length = len(row["input_ids"])
            ids[number, :length] = torch.as_tensor(row["input_ids"])
            labels[number, :length] = torch.as_tensor(row.get("labels", row["input_ids"]))
            positions[number, :length] = torch.cat([torch.arange(n) for n in row["seq_lengths"]])
        labels[positions == 0] = IGNORED  # from nothing, nothing can be predicted
        return {"input_ids": ids, "labels": labels, "position_ids": positions}


def packed_collator(pad: int, attention: str) -> Any:
    """The maker of batches of packed sequences for a kind of attention, such as `sdpa`."""
    if "flash" not in attention:
        return PackedRows(pad)
    collator = require("trl.trainer.sft_trainer", "packing").DataCollatorForLanguageModeling
    return collator(pad_token_id=pad, padding_free=True)


def pad_to_world_size(rows: Any, share: int, pad: int) -> Any:
    """Rows, and so many padding rows behind them that all processes have whole batches.

    Without these the loader would give some rows twice. A padding row has no loss: no label, or two empty replies.

    Args:
        rows: a `datasets.Dataset` of sequences, or of preferences.
        share: rows that the processes take together.
        pad: id of the token in padding rows.
    """
    missing = -len(rows) % share
    if not missing:
        return rows
    padding = {
        "input_ids": [pad], "seq_lengths": [1], "labels": [IGNORED],
        "prompt_ids": [pad, pad], "chosen_ids": [], "rejected_ids": [],
    }  # fmt: skip
    datasets = require("datasets", "training")
    columns = {name: [padding[name]] * missing for name in rows.column_names}
    return datasets.concatenate_datasets([rows, datasets.Dataset.from_dict(columns, features=rows.features)])
