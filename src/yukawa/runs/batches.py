"""The order of the examples: what a step sees depends on the seed and the step alone, for any number of processes."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, Sampler

from yukawa.runs.distributed import Machine

TensorBatch = dict[str, Tensor]


@dataclass(kw_only=True, eq=False)
class StepDataset(IterableDataset, ABC):  # type: ignore[misc]  # untyped there
    """The batches of a whole training, one for each step, as tensors by name.

    A resumed training asks for all batches again and throws the first ones away; these cost nothing here: they
    are None.

    Attributes:
        batch: how many examples a batch has over all processes.
        steps: number of batches.
        seed: of the order of the examples.
        first: how many batches are None.
        machine: says which process this is, and of how many.
        prefetch: batches made ready in the background.
    """

    batch: int
    steps: int
    seed: int
    first: int = 0
    machine: Machine = field(default_factory=Machine)
    prefetch: int = 0

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[TensorBatch | None]:
        yield from repeat(None, min(self.first, self.steps))
        yield from islice(self.endless(), max(self.steps - self.first, 0))

    @abstractmethod
    def endless(self) -> Iterator[TensorBatch]:
        """All batches from `first` on, without an end."""

    def data_loader(self) -> Any:
        """The dataset as a trainer takes it; batches pass through unchanged."""
        # With a generator of its own it draws nothing from the global random numbers.
        return DataLoader(self, batch_size=None, collate_fn=lambda batch: batch, generator=torch.Generator())


class EpochSampler(Sampler):  # type: ignore[misc]  # untyped there
    """The rows in an order that seed and epoch alone decide, and padding rows behind them.

    Args:
        rows: number of rows.
        padded: number of rows with the padding rows.
        seed: of the order.
    """

    def __init__(self, rows: int, padded: int, seed: int) -> None:
        self.rows, self.padded, self.seed, self.epoch = rows, padded, seed, 0

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        yield from torch.randperm(self.rows, generator=generator).tolist()
        yield from range(self.rows, self.padded)

    def __len__(self) -> int:
        return self.padded

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch; the trainer calls it before each one."""
        self.epoch = epoch
