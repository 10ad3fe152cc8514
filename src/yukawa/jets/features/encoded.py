"""Encoded jets: rows of numbers packed one jet after another, with labels and weights; and what encodes them."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from yukawa.jets.features.config import DataConfig
from yukawa.jets.table import Array, Jets, offsets_of, rows_of


@dataclass(frozen=True)
class Encoded:
    """B jets whose rows (particles, or tokens) lie packed in arrays without padding.

    Attributes:
        rows: name to array of shape (N, …): all rows of the first jet, then of the second, …
        counts: int64, shape (B,): rows of each jet; they sum to N.
        labels: int64, shape (B,): index into the encoder's classes, -1 where unknown.
        weights: float32, shape (B,), or None where all jets count alike.
        truncated: number of jets that lost rows beyond the encoder's limit.
    """

    rows: Mapping[str, Array]
    counts: Array
    labels: Array
    weights: Array | None = None
    truncated: int = 0

    def __len__(self) -> int:
        return len(self.counts)

    def take(self, where: Array) -> "Encoded":
        """The jets at the positions `where`, in that order."""
        rows = rows_of(offsets_of(self.counts), where)
        return Encoded(
            {name: array.take(rows, axis=0) for name, array in self.rows.items()},
            self.counts[where],
            self.labels[where],
            None if self.weights is None else self.weights[where],
        )


def join(parts: Sequence[Encoded]) -> Encoded:
    """All jets of `parts` (at least one, from one encoder), one after another."""
    weights = [part.weights for part in parts if part.weights is not None]
    return Encoded(
        {name: np.concatenate([part.rows[name] for part in parts]) for name in parts[0].rows},
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate(weights) if weights else None,
        sum(part.truncated for part in parts),
    )


class Encoder(ABC):
    """Turns jets into a model's rows; picklable, so that workers can do it.

    Attributes:
        classes: names of the classes, in the order of the model's outputs.
        columns: names of the columns that `select` and `encode` read.
        selection_columns: names of those that `select` reads; none if it keeps all jets.
        config: the config of the encoder.
        replaced: the number of values of each variable that were not finite and have been replaced.
    """

    config: DataConfig
    replaced: Counter[str]

    classes: tuple[str, ...]
    columns: tuple[str, ...]
    selection_columns: tuple[str, ...] = ()

    def select(self, jets: Jets) -> Jets:
        """The jets that the encoder selects; all by default."""
        return jets

    @abstractmethod
    def encode(self, jets: Jets) -> Encoded:
        """Rows, labels and weights of `jets`."""
