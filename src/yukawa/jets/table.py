"""Jets in memory: their columns, named as in JetClass, and the flat arrays that hold them."""

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from yukawa.core.errors import InputError, nearest

PARTICLE, JET, LABEL = "part_", "jet_", "label_"
SPLIT = "jet_split"  # 0 train, 1 validation, 2 test: the place in `yukawa.core.manifest.SPLITS`

# The order of the published matrices (arXiv:2310.03440). Codes in the field number these classes
# differently, so files and checkpoints carry names, never numbers.
JET_ORIGIN = ("b", "bbar", "c", "cbar", "s", "sbar", "u", "ubar", "d", "dbar", "g")

PDG_ID = {"d": 1, "u": 2, "s": 3, "c": 4, "b": 5, "g": 21}
PDG_ID |= {f"{quark}bar": -PDG_ID[quark] for quark in "duscb"}


@dataclass(frozen=True)
class Column:
    """One column: its name, NumPy type, unit ("" where it has none) and meaning."""

    name: str
    dtype: str
    unit: str
    meaning: str


with (Path(__file__).parent / "columns.csv").open(encoding="utf-8", newline="") as _rows:
    _COLUMNS = tuple(Column(**row) for row in csv.DictReader(_rows))
PARTICLE_COLUMNS = tuple(column for column in _COLUMNS if column.name.startswith(PARTICLE))
JET_COLUMNS = tuple(column for column in _COLUMNS if column.name.startswith(JET))


def label_column(name: str) -> str:
    """The column that says whether a jet is of class `name`, such as `label_b`."""
    return LABEL + name


def check_columns(wanted: Collection[str], there: Collection[str], place: str) -> None:
    """Refuse columns that `place` (a file, or "the jets") does not have.

    Raises:
        InputError: names the columns that are missing, and those nearest to them in spelling.
    """
    missing = [name for name in wanted if name not in there]
    if missing:
        near = sorted({match for name in missing if (match := nearest(name, there))})
        hint = f"near it: {', '.join(near)}" if near else f"it has: {', '.join(there) or 'none'}"
        raise InputError(f"{place}: no column {', '.join(missing)}", hint=hint)


def conjugate(name: str) -> str:
    """The class of the antiparticle: `b` and `bbar` are each other's, `g` and unknown names are their own."""
    other = name.removesuffix("bar") if name.endswith("bar") else f"{name}bar"
    return other if name in PDG_ID and other in PDG_ID else name


def flavours(classes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The (quark, antiquark) pairs of which both are in `classes`, in its order."""
    return tuple((name, f"{name}bar") for name in classes if f"{name}bar" in classes)


Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Jets:
    """B jets with N particles in all.

    Attributes:
        offsets: int64, shape (B + 1,); the particles of jet i are offsets[i] to offsets[i + 1].
        particles: name to array of shape (N,), such as `part_px`.
        scalars: name to array of shape (B,), such as `jet_pt` and the truth values `label_b`.

    Raises:
        InputError: lengths disagree, or offsets do not rise from 0.
    """

    offsets: Array
    particles: Mapping[str, Array]
    scalars: Mapping[str, Array]

    def __post_init__(self) -> None:
        offsets = self.offsets
        if offsets.ndim != 1 or len(offsets) == 0 or offsets[0] != 0 or np.any(np.diff(offsets) < 0):
            raise InputError("the particle offsets of jets must begin at 0 and never fall")
        for name, column, length in [
            *((name, column, offsets[-1]) for name, column in self.particles.items()),
            *((name, column, len(offsets) - 1) for name, column in self.scalars.items()),
        ]:
            if len(column) != length:
                raise InputError(f"the column {name} has {len(column)} values, {length} are expected")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @classmethod
    def from_counts(
        cls, counts: Array, particles: Mapping[str, Array], scalars: Mapping[str, Array]
    ) -> "Jets":
        """Jets from the number of particles of each, shape (B,)."""
        return cls(offsets_of(counts), particles, scalars)

    @cached_property
    def counts(self) -> Array:
        """The number of particles of each jet, shape (B,)."""
        return np.diff(self.offsets)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns."""
        return (*self.particles, *self.scalars)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of which there is a `label_` column, in the columns' order."""
        return tuple(name.removeprefix(LABEL) for name in self.scalars if name.startswith(LABEL))

    def labels(self, classes: Sequence[str]) -> Array:
        """The index into `classes` of each jet's class, int64, shape (B,); -1 for jets of other classes.

        Raises:
            InputError: a class has no column, or a jet is of two classes.
        """
        missing = [name for name in classes if label_column(name) not in self.scalars]
        if missing:
            raise InputError(
                f"the jets have no label column for {', '.join(missing)}; they have: {', '.join(self.classes) or 'none'}"
            )
        if not classes:
            return np.full(len(self), -1)
        return class_numbers([self.scalars[label_column(name)] for name in classes])

    def __getitem__(self, index: slice | Array) -> "Jets":
        """The jets of a slice (a view where its step is 1), of an array of positions, or of a mask."""
        if isinstance(index, slice) and index.step in (None, 1):
            start, stop, _ = index.indices(len(self))
            stop = max(start, stop)
            first, last = self.offsets[start], self.offsets[stop]
            return Jets(
                self.offsets[start : stop + 1] - first,
                {name: column[first:last] for name, column in self.particles.items()},
                {name: column[start:stop] for name, column in self.scalars.items()},
            )
        where = np.arange(len(self))[index]
        rows = rows_of(self.offsets, where)
        return Jets(
            offsets_of(self.counts[where]),
            {name: column.take(rows) for name, column in self.particles.items()},
            {name: column.take(where) for name, column in self.scalars.items()},
        )

    def pick(self, columns: Iterable[str]) -> "Jets":
        """The same jets with these columns only.

        Raises:
            InputError: a column is not there.
        """
        wanted = dict.fromkeys(columns)
        check_columns(wanted, self.columns, "the jets")
        return Jets(
            self.offsets,
            {name: column for name, column in self.particles.items() if name in wanted},
            {name: column for name, column in self.scalars.items() if name in wanted},
        )


def class_numbers(truths: Sequence[Array]) -> Array:
    """The number of the only class that is true (not 0) of each jet, int64, shape (B,); -1 where none is.

    Args:
        truths: for each class whether the jets are of it, each (B,).

    Raises:
        InputError: a jet is of two classes.
    """
    truth_BC = np.stack(truths, axis=1) != 0
    several = int(np.sum(truth_BC.sum(axis=1) > 1))
    if several:
        raise InputError(f"{several} jets belong to two classes at once")
    return np.where(truth_BC.any(axis=1), truth_BC.argmax(axis=1), -1)


def concatenate(parts: Sequence[Jets]) -> Jets:
    """All jets of `parts`, which have the same columns, one after another.

    Raises:
        InputError: there are no parts, or their columns differ.
    """
    if not parts:
        raise InputError("there are no jets to concatenate")
    first = parts[0]
    for part in parts[1:]:
        if set(part.columns) != set(first.columns):
            odd = sorted(set(part.columns) ^ set(first.columns))
            raise InputError(f"jets with different columns cannot be concatenated: {', '.join(odd)}")
    return Jets(
        offsets_of(np.concatenate([part.counts for part in parts])),
        {name: np.concatenate([part.particles[name] for part in parts]) for name in first.particles},
        {name: np.concatenate([part.scalars[name] for part in parts]) for name in first.scalars},
    )


def offsets_of(counts: Array) -> Array:
    """Where each of `counts` consecutive groups begins, and the end: int64, shape (B + 1,)."""
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def rows_of(offsets: Array, where: Array) -> Array:
    """The row numbers (n,), int64, of the groups at the positions `where`, group after group."""
    counts = np.diff(offsets)[where]
    starts = offsets_of(counts)
    return np.arange(starts[-1]) + np.repeat(offsets[:-1][where] - starts[:-1], counts)
