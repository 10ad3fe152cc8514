"""The training batches of jets: which jets a step sees depends on the seed and the step alone."""

from collections.abc import Generator, Iterator

import numpy as np
import torch

from yukawa.core.errors import InputError
from yukawa.jets.features.encoded import Encoded
from yukawa.jets.io.loader import InMemory, Loader, run_ahead, tensors
from yukawa.runs.batches import StepDataset, TensorBatch

# Beside the network's tensors a batch holds the classes, how much each jet counts, and the divisor of the sum of the
# jets' losses.
LABELS, WEIGHTS, DIVISOR = "labels", "weights", "divisor"


class JetBatches(StepDataset):
    """The batches of jets, epoch after epoch.

    Of jets in memory, each process takes its share of every batch: the batches are the same for any number of
    processes. Of streamed jets, each process reads its own, and makes its own part of a batch of them.

    Args:
        loader: gives the batches of one epoch.
        batch: jets in a batch over all processes.
        steps: batches in all.
        seed: of the order of the jets.
        first: how many batches are None.
        rank: number of this process.
        world: number of processes.
        prefetch: batches made ready in the background.
    """

    def __init__(
        self,
        loader: Loader,
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
        self.loader, self.seed = loader, seed
        self.rank, self.world, self.prefetch = rank, world, prefetch

    def endless(self) -> Iterator[TensorBatch]:
        """All batches from `first` on."""
        epoch, skip = divmod(self.first, steps_of_an_epoch(self.loader, self.batch, self.world))
        while True:
            batches = self._epoch(epoch, skip)
            # A stream runs ahead by itself.
            in_background = self.prefetch and shares_batches(self.loader)
            yield from run_ahead(batches, self.prefetch) if in_background else batches
            epoch, skip = epoch + 1, 0

    def _epoch(self, epoch: int, skip: int) -> Generator[TensorBatch, None, None]:
        if not shares_batches(self.loader):
            for encoded in self.loader.batches(
                self.batch // self.world,
                seed=self.seed,
                epoch=epoch,
                shuffle=True,
                skip=skip,
                rank=self.rank,
                world=self.world,
            ):
                yield labelled(encoded)
            return
        for encoded in self.loader.batches(self.batch, seed=self.seed, epoch=epoch, shuffle=True, skip=skip):
            yield labelled(*share(encoded, self.rank, self.world))


def shares_batches(loader: Loader) -> bool:
    """Whether the processes share each batch; else each makes its own part."""
    return isinstance(loader, InMemory)


def steps_of_an_epoch(loader: Loader, batch: int, world: int) -> int:
    """How many steps an epoch has with `batch` jets over `world` processes."""
    return loader.steps(batch) if shares_batches(loader) else loader.steps(batch // world, world)


def share(encoded: Encoded, rank: int, world: int) -> tuple[Encoded, float]:
    """The jets of a batch that one process takes, and the divisor of the sum of their losses.

    Divided so, the mean over processes is the mean over jets, also where the shares are not equal.
    """
    jets = len(encoded)
    if world == 1 or jets < world:  # too few to share: all processes do the same
        return encoded, weight_of(encoded)
    return encoded.take(np.arange(rank * jets // world, (rank + 1) * jets // world)), weight_of(
        encoded
    ) / world


def weight_of(encoded: Encoded) -> float:
    """The sum of the jets' weights."""
    return float(len(encoded) if encoded.weights is None else encoded.weights.sum(dtype=np.float64))


def labelled(encoded: Encoded, divisor: float | None = None) -> TensorBatch:
    """The tensors of a batch with `labels` (B,), `weights` (B,) where jets do not count alike, and `divisor`.

    Raises:
        InputError: a jet has no label.
    """
    unknown = int((encoded.labels < 0).sum())
    if unknown:
        raise InputError(
            f"{unknown} of {len(encoded)} jets in a batch are of none of the classes that are trained",
            hint="exclude them by the selection of the data config",
        )
    divisor = weight_of(encoded) if divisor is None else divisor
    batch: TensorBatch = tensors(encoded) | {
        LABELS: torch.from_numpy(encoded.labels),
        DIVISOR: torch.tensor(max(divisor, 1e-6)),
    }
    if encoded.weights is not None:
        batch[WEIGHTS] = torch.from_numpy(encoded.weights)
    return batch
