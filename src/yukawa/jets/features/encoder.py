"""Turns jets into the inputs of a network by a data config: features, momenta and points of packed particles."""

import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from yukawa.core.errors import InputError
from yukawa.jets.features.config import ROWS, DataConfig, InputGroup
from yukawa.jets.features.expressions import Call, columns_of
from yukawa.jets.features.frames import FlatFrame, Level, PaddedFrame
from yukawa.jets.features.preprocess import passing, weight_columns, weights_of
from yukawa.jets.table import Array, Jets, class_numbers, offsets_of, rows_of


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
        """The jets at the positions `where`, shape (n,), in that order."""
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


_BLOCK = 20_000  # particles whose columns fit the processor's cache, which makes encoding twice as fast


class FeatureEncoder(Encoder):
    """Encodes jets by a data config, into the rows `features_NF`, `momenta_N4` and `points_N2`, all float32.

    Particles beyond the config's `length` are cut; `Encoded.truncated` counts the jets that lost some. Empty jets have
    no rows. Selections are not applied by `encode`, which gives one entry for each jet, but by `select`.

    Args:
        config: what to compute; it must be resolved, so that nothing is left to be computed from data.
        test: the jets are for a test: `select` uses the config's `test_time_selection`, if it has one.
        prediction: as `test`, and the jets need no labels (-1 is given where there are none) and no weights.

    Attributes:
        replaced: the number of values of each variable that were not finite and have been replaced, under
            `nonfinite: replace`.

    Raises:
        InputError: the config is not resolved.
    """

    def __init__(self, config: DataConfig, *, test: bool = False, prediction: bool = False) -> None:
        if not (config.standardised if prediction else config.resolved):
            raise InputError(
                "the data config leaves something to be computed from data",
                hint="resolve(config, source) of yukawa.jets.features.preprocess does so",
            )
        self.config = config
        self.prediction = prediction
        self.classes = config.classes
        self.selection = config.selection
        if (test or prediction) and config.test_time_selection:
            self.selection = config.test_time_selection
        self.replaced: Counter[str] = Counter()
        self._inputs = {name: config.inputs.groups[key] for key, name in ROWS.items()}
        self._mask = mask_variable(config)
        self._label_trees = [config.tree(text) for text in config.labels.expressions]
        self._label_columns = config.columns(name for tree in self._label_trees for name in columns_of(tree))
        if self.selection:
            self.selection_columns = config.columns(columns_of(config.tree(self.selection)))
        self.columns = self._columns()

    def _columns(self) -> tuple[str, ...]:
        """All columns that `encode` and `select` read."""
        config = self.config
        names = [variable.name for given in self._inputs.values() for variable in given.vars]
        names += [self._mask] if self._mask else []
        names += [config.sort_by] if config.sort_by and config.length else []
        found = {*config.columns(names), *self.selection_columns}
        if not self.prediction:
            found.update(self._label_columns, weight_columns(config))
        return tuple(sorted(found))

    def select(self, jets: Jets) -> Jets:
        """Select those of `jets` that pass the selection of the config.

        Raises:
            InputError: a column is missing, or the selection has a value for each particle.
        """
        return passing(self.config, self.selection, jets)

    def encode(self, jets: Jets) -> Encoded:
        """Rows, labels and weights of `jets`.

        Raises:
            InputError: a column is missing; a feature is NaN or infinite; a jet belongs to no class or
                to two.
        """
        frame = FlatFrame(jets, self.config.variables)
        labels = self._labels(frame)
        weights = None
        if self.config.weights is not None and not self.prediction:
            weights = weights_of(self.config, frame)
        length = self.config.length
        # With a mask there are fewer.
        most = int((jets.counts if length is None else np.minimum(jets.counts, length)).sum())
        rows = {name: np.empty((most, len(given.vars)), np.float32) for name, given in self._inputs.items()}
        counts = np.zeros(len(jets), np.int64)
        bad: Counter[str] = Counter()
        bad_jets: Counter[str] = Counter()
        used = truncated = 0
        # Blocks of whole jets that hold `_BLOCK` particles, or a few more.
        inner = np.searchsorted(jets.offsets, np.arange(_BLOCK, jets.offsets[-1], _BLOCK))
        for start, stop in pairwise(np.unique([0, *inner, len(jets)]).tolist()):
            block = _Batch(self.config, self._mask, jets[start:stop])
            for name, given in self._inputs.items():
                block.fill(given, rows[name][used : used + block.total])
            counts[start:stop] = block.counts
            truncated += block.truncated
            used += block.total
            bad.update(block.bad)
            bad_jets.update(block.bad_jets)
        if used < most:
            rows = {name: array[:used].copy() for name, array in rows.items()}
        self._report(bad, bad_jets)
        return Encoded(rows, counts, labels, weights, truncated)

    def _report(self, bad: Counter[str], bad_jets: Counter[str]) -> None:
        """Refuse or count values that are NaN or infinite; the first of each variable cause a warning."""
        said = [
            f"{name} is NaN or infinite for {particles} particles of {bad_jets[name]} jets"
            for name, particles in bad.items()
            if not self.replaced[name]
        ]
        if said and self.config.preprocess.nonfinite == "refuse":
            raise InputError(
                "; ".join(said), hint="clean the data, or set `nonfinite: replace` under preprocess"
            )
        if said:
            warnings.warn(f"{'; '.join(said)}; such values are replaced and counted", stacklevel=3)
        self.replaced.update(bad)

    def _labels(self, frame: FlatFrame) -> Array:
        """The class of each jet, int64; -1 where it is unknown, which only a prediction may be."""
        labels, jets = self.config.labels, frame.jets
        if self.prediction and not set(self._label_columns) <= set(jets.columns):
            return np.full(len(jets), -1, np.int64)
        values = [
            frame.of_jets(tree, f"the label {text}")
            for tree, text in zip(self._label_trees, labels.expressions, strict=True)
        ]
        found = _of_number(values[0], len(self.classes)) if labels.type == "custom" else class_numbers(values)
        unknown = int(np.sum(found < 0))
        if unknown and not self.prediction:
            raise InputError(
                f"{unknown} of {len(jets)} jets belong to none of the classes {', '.join(self.classes)}",
                hint="omit them by a selection, or name their class under labels",
            )
        return found


class _Batch:
    """Some jets whose inputs are being computed.

    Attributes:
        counts: how many particles of each jet stay.
        total: how many stay in all.
        truncated: how many jets lost particles.
        bad: how many values of each variable are not finite.
        bad_jets: of how many jets.
    """

    def __init__(self, config: DataConfig, mask: str | None, jets: Jets) -> None:
        self.jets = jets
        self.frame = FlatFrame(jets, config.variables)
        self.bad: Counter[str] = Counter()
        self.bad_jets: Counter[str] = Counter()
        self.ready: dict[str, Array] = {}
        self.truncated = 0
        self.keep: Array | None = None  # the numbers of the particles that stay; None: all
        self.runs: list[tuple[int, int]] = []  # of them
        self._cut(config.length, config.sort_by)
        if mask is not None:
            passes = np.broadcast_to(self._particles(mask) != 0, int(jets.offsets[-1]))
            self.keep = np.flatnonzero(passes) if self.keep is None else self.keep[passes[self.keep]]
        self.counts = jets.counts
        if self.keep is not None:
            self.counts = np.diff(np.searchsorted(self.keep, jets.offsets))
            self.runs = _runs(self.keep)
        self.total = int(self.counts.sum())

    def _cut(self, length: int | None, sort_by: str | None) -> None:
        """Keep the first `length` particles of each jet, or those greatest in `sort_by`."""
        counts, offsets = self.jets.counts, self.jets.offsets
        if length is None or not np.any(counts > length):
            return
        self.truncated = int(np.sum(counts > length))
        place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
        if sort_by is not None:
            # Other jets keep all, in whatever order.
            long = np.flatnonzero(np.repeat(counts > length, counts))
            jet = np.repeat(np.arange(len(counts)), counts)[long]
            key = np.asarray(self._particles(sort_by))[long]
            place[long[np.lexsort((-key, jet))]] = place[long]
        self.keep = np.flatnonzero(place < length)

    def _particles(self, name: str) -> Array:
        return self.frame.raised(self.frame.column(name), Level.PARTICLE)

    def fill(self, given: InputGroup, rows: Array) -> None:
        """Compute one input into `rows`, shape (total, variables)."""
        for variable, column in zip(given.vars, rows.T, strict=True):
            values = self._raw(variable.name)
            if variable.center is not None:
                # Small arrays are used again and again; a large one between would cost more than all arithmetic.
                values = np.subtract(values, np.float32(variable.center), dtype=np.float32)
                values *= np.float32(variable.scale)
                np.clip(values, np.float32(variable.low), np.float32(variable.high), out=column)
            else:
                column[...] = values
            if variable.name in self.bad:
                column[~np.isfinite(column)] = 0

    def _raw(self, name: str) -> Array:
        """A variable of the particles that stay, checked once."""
        if name not in self.ready:
            data = self._staying(np.asarray(self._particles(name)))
            if data.dtype.kind == "f":  # whole numbers and truth values are finite, and cast as they are used
                data = data.astype(np.float32, copy=False)
            self.ready[name] = data
            if data.dtype.kind == "f" and not np.isfinite(data).all():
                where = np.flatnonzero(~np.isfinite(np.broadcast_to(data, self.total)))
                jets = np.searchsorted(np.cumsum(self.counts), where, side="right")
                self.bad[name], self.bad_jets[name] = len(where), len(np.unique(jets))
        return self.ready[name]

    def _staying(self, data: Array) -> Array:
        """The values of the particles that stay."""
        if self.keep is None or not data.ndim:
            return data
        if 100 * len(self.runs) < len(self.keep):
            return np.concatenate([data[start:stop] for start, stop in self.runs])  # faster than one by one
        return data.take(self.keep)


def _runs(numbers: Array) -> list[tuple[int, int]]:
    """The runs of consecutive numbers among rising ones: the first number, and the one after the last."""
    ends = np.flatnonzero(np.diff(numbers, append=-1) != 1)
    starts = np.concatenate([[0], ends + 1])[:-1]
    return list(zip(numbers[starts].tolist(), (numbers[ends] + 1).tolist(), strict=True))


def mask_variable(config: DataConfig) -> str | None:
    """The variable that is 0 for particles to omit; None where the mask is one for each particle."""
    if config.inputs.pf_mask is None:
        return None
    (variable,) = config.inputs.pf_mask.vars
    tree = config.variables.get(variable.name)
    return None if isinstance(tree, Call) and tree.function == "ones_like" else variable.name


def _of_number(value: Array, classes: int) -> Array:
    """The class by its number; -1 where it is out of range or not whole."""
    fits = (value >= 0) & (value < classes) & (value == np.floor(value))
    return np.where(fits, value, -1).astype(np.int64)


# ---- the same for an exported network ----


def encode_padded(
    config: DataConfig, particles: Mapping[str, Any], scalars: Mapping[str, Any], mask_BP: Any
) -> dict[str, Any]:
    """The inputs of `ParticleTagger.forward_padded`, as `FeatureEncoder` computes them for packed particles.

    Nothing is refused here: features that are not finite stay so unless the config replaces them. The caller
    passes the particles that count, at most `config.length` of each jet.

    Args:
        config: what to compute.
        particles: columns of particles, each (B, P).
        scalars: columns of jets, each (B, 1).
        mask_BP: true where there is a particle.

    Returns:
        `features_BPF`, `momenta_BP4`, `points_BP2`, zero where there is no particle, and `mask_BP`.

    Raises:
        InputError: a column is missing.
    """
    frame = PaddedFrame(particles, scalars, mask_BP, config.variables)
    torch = frame.namespace
    if name := mask_variable(config):
        mask_BP = mask_BP & (frame.column(name).data != 0)
    found = {}
    for key, row in ROWS.items():
        stacked = torch.stack(_standardised(frame, config.inputs.groups[key], config), dim=-1)
        found[row.replace("_N", "_BP")] = torch.where(mask_BP[..., None], stacked, 0.0)
    return {**found, "mask_BP": mask_BP}


def _standardised(frame: PaddedFrame, given: InputGroup, config: DataConfig) -> list[Any]:
    torch = frame.namespace
    columns = []
    for variable in given.vars:
        data = torch.as_tensor(frame.column(variable.name).data).to(torch.float32)
        column = data.expand(frame.mask_BP.shape)
        if variable.center is not None:
            column = ((column - variable.center) * variable.scale).clamp(variable.low, variable.high)
        if config.preprocess.nonfinite == "replace":
            column = torch.nan_to_num(column, nan=0.0, posinf=0.0, neginf=0.0)
        columns.append(column)
    return columns
