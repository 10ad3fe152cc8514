"""The mixed batches of texts and jets: what a step sees depends on the seed and the step alone."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from yukawa.jets.features.encoded import Encoded, join
from yukawa.jets.io.loader import run_ahead, tensors
from yukawa.jets.pretraining.sources import Sequences
from yukawa.jets.table import Array
from yukawa.jets.training.batches import DIVISOR, share
from yukawa.runs.batches import StepDataset, TensorBatch


class MixtureBatches(StepDataset):
    """The batches of a pre-training.

    How many sequences of each source a step has is drawn beforehand for all steps. Sequences of a batch are mixed, so
    that the shares of several processes are alike.

    Args:
        sources: of sequences.
        weights: how many of each source are drawn, in proportion.
        batch: sequences of a step over all processes.
        steps: batches in all.
        seed: of the draw and of the order of each source.
        first: how many batches are None.
        rank: number of this process.
        world: number of processes.
        prefetch: batches made ready in the background.
    """

    def __init__(
        self,
        sources: Sequence[Sequences],
        weights: Sequence[float],
        batch: int,
        steps: int,
        seed: int,
        *,
        first: int = 0,
        rank: int = 0,
        world: int = 1,
        prefetch: int = 0,
    ) -> None:
        super().__init__(batch, steps, first)
        self.sources, self.seed, self.prefetch = tuple(sources), seed, prefetch
        self.rank, self.world = rank, world
        shares = np.array(weights, float) / sum(weights)
        self.drawn_SK = np.random.default_rng([seed, 1]).multinomial(batch, shares, size=steps)

    def endless(self) -> Iterator[TensorBatch]:
        """All batches from `first` on."""
        batches = self._batches()
        return run_ahead(batches, self.prefetch) if self.prefetch else batches

    def _batches(self) -> Generator[TensorBatch, None, None]:
        before_K = self.drawn_SK[: self.first].sum(0).tolist()
        readers = [
            _Reader(source.from_number(first, self.seed * len(self.sources) + number))
            for number, (source, first) in enumerate(zip(self.sources, before_K, strict=True))
        ]
        for step, drawn_K in enumerate(self.drawn_SK[self.first :].tolist(), start=self.first):
            parts = [reader.take(number) for reader, number in zip(readers, drawn_K, strict=True) if number]
            order = np.random.default_rng([self.seed, 2, step]).permutation(self.batch)
            yield batch_of(*share(join(parts).take(order), self.rank, self.world))


def batch_of(encoded: Encoded, divisor: float) -> TensorBatch:
    """The tensors of some sequences, with the divisor of the sum of their losses."""
    return tensors(encoded) | {DIVISOR: torch.tensor(divisor)}


class _Reader:
    """Takes any number of sequences from an iterator that gives some at a time."""

    def __init__(self, row: Iterator[Encoded]) -> None:
        self.row = row
        self.held: Encoded | None = None
        self.place = 0

    def take(self, number: int) -> Encoded:
        """The next `number` sequences."""
        parts = []
        while number:
            if self.held is None or self.place == len(self.held):
                self.held, self.place = next(self.row), 0
            last = min(self.place + number, len(self.held))
            parts.append(_part(self.held, np.arange(self.place, last)))
            number -= last - self.place
            self.place = last
        return join(parts)


def _part(encoded: Encoded, where: Array) -> Encoded:
    return replace(encoded.take(where), weights=None)  # of jets as examples of classes, which these are not
