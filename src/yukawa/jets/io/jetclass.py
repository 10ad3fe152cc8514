"""Jets in ROOT trees (TTree, and RNTuple to read) as in JetClass: jagged `part_*`, flat `jet_*` and `label_*`."""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.core.errors import InputError, require
from yukawa.core.files import replacement, report_write_errors
from yukawa.jets.io.chunks import (
    ChunkWriter,
    JetChunk,
    JetSource,
    check_declared,
    check_lengths,
    report_damage,
)
from yukawa.jets.table import Array, Jets

ENTRIES = 8192  # jets of a chunk, and of a basket that we write
_KIND = re.compile(  # such as `float`, `int32_t[]` and `std::vector<std::int8_t>`
    r"(?P<vector>(std::)?vector<)?(std::)?(u?int(8|16|32|64)_t|float|double|bool)(?(vector)>)(\[\])?"
)
TREE, COUNTER = "tree", "nparticles"  # what we call the tree (as JetClass does) and the branch of lengths


@dataclass(frozen=True)
class RootChunk(JetChunk):
    """The jets of a range of entries of a tree."""

    tree: str
    start: int

    def _read(self, columns: tuple[str, ...]) -> Jets:
        where = {"entry_start": self.start, "entry_stop": self.start + self.count}
        with opened(self.path) as file:
            tree = file[self.tree]
            arrays = {name: tree[name].array(**where, library="ak") for name in columns}
        return _jets(self.path, self.count, arrays)


def open_jetclass(path: Path, tree: str | None = None) -> JetSource:
    """The jets of one ROOT file; a chunk is a range of entries.

    `tree` names the tree; it may be omitted if the file has only one.

    Raises:
        InputError: the file is damaged or not a ROOT file, has no such tree, or its tree holds no numbers.
    """
    with opened(path) as file:
        name = _tree_name(path, file, tree)
        columns = _columns(file[name])
        entries = int(file[name].num_entries)
    if not columns:
        raise InputError(f"{path}: the tree {name} has no branch of numbers")
    check_declared(path, f"a tree of {entries:,} entries", 0, entries * len(columns))  # of a byte at least
    starts = range(0, max(entries, 1), ENTRIES)
    chunks = (RootChunk(path, min(ENTRIES, entries - at), columns, name, at) for at in starts)
    return JetSource(columns, tuple(chunks))


@contextmanager
def jetclass_writer(path: Path) -> Iterator[Callable[[Jets], None]]:
    """A function that appends jets to a new ROOT file, which is put at `path` when the block ends without an error.

    Raises:
        InputError: jets of other columns than the first are appended, or none are.
        StoreError: the disk refuses; an existing file is kept.
    """
    uproot = require("uproot", "writing ROOT files")
    with replacement(path) as handle, report_write_errors(path), uproot.recreate(handle.name) as file:

        def write(jets: Jets) -> None:
            """Append jets to the tree; the first ones give its columns."""
            records = _records(jets)
            if TREE not in file:
                file.mktree(
                    TREE,
                    {n: x.dtype if isinstance(x, np.ndarray) else x.type.content for n, x in records.items()},
                    counter_name=lambda _: COUNTER,
                    field_name=lambda _, inner: inner,
                )
            if len(jets):
                file[TREE].extend(records)

        writer = ChunkWriter(path, ENTRIES, write)
        yield writer.append
        writer.close()


def _records(jets: Jets) -> dict[str, Any]:
    """The columns as uproot writes them: all particle columns in one jagged record, sharing its lengths."""
    awkward = require("awkward", "writing ROOT files")
    contents = awkward.contents
    columns: dict[str, Any] = dict(jets.scalars)
    if jets.particles:
        record = contents.RecordArray(
            [contents.NumpyArray(np.ascontiguousarray(column)) for column in jets.particles.values()],
            list(jets.particles),
        )
        offsets = awkward.index.Index64(jets.offsets.astype(np.int64, copy=False))
        columns = {"part": awkward.Array(contents.ListOffsetArray(offsets, record)), **columns}
    return columns


def _tree_name(path: Path, file: Any, tree: str | None) -> str:
    """The name of the tree to read."""
    trees = list(dict.fromkeys(file.keys(cycle=False, filter_classname=("TTree", "ROOT::RNTuple"))))
    if tree is not None and tree in trees:
        return tree
    if tree is None and len(trees) == 1:
        return str(trees[0])
    if not trees:
        raise InputError(f"{path} has no tree")
    missing = f"no tree {tree!r}" if tree is not None else "several trees"
    raise InputError(f"{path} has {missing}; it has: {', '.join(trees)}", hint="name one of them")


def _columns(tree: Any) -> tuple[str, ...]:
    """The branches of numbers, without those that only count the values of others."""
    counts = (getattr(branch, "count_branch", None) for branch in getattr(tree, "branches", ()))
    counters = {branch.name for branch in counts if branch is not None}
    return tuple(
        name for name, kind in tree.typenames().items() if name not in counters and _KIND.fullmatch(kind)
    )


def _jets(path: Path, count: int, arrays: dict[str, Any]) -> Jets:
    """The jets of awkward arrays, of which the jagged ones have a value for each particle."""
    particles: dict[str, Array] = {}
    scalars: dict[str, Array] = {}
    first: tuple[str, Array] | None = None
    for name, array in arrays.items():
        if array.ndim == 1:
            scalars[name] = native(np.asarray(array))
            continue
        counts, particles[name] = flat(array)
        first = first or (name, counts)
        check_lengths(path, first, (name, counts))
    return Jets.from_counts(first[1] if first else np.zeros(count, np.int64), particles, scalars)


# ---- what the ROOT formats share ----


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The open ROOT file; see `report_damage`."""
    uproot = require("uproot", "reading ROOT files")
    damage = (OSError, ValueError, LookupError, EOFError, struct.error, zlib.error, RuntimeError)
    reported = report_damage(path, "ROOT", (*damage, uproot.deserialization.DeserializationError))
    with reported, uproot.open(path) as file:
        yield file


def flat(array: Any) -> tuple[Array, Array]:
    """The counts (jets,) and the values (particles,) of a jagged awkward array of numbers."""
    awkward = require("awkward", "reading ROOT files")
    return awkward.to_numpy(awkward.num(array)), native(awkward.to_numpy(awkward.flatten(array)))


def native(array: Array) -> Array:
    """The same numbers in this machine's byte order; ROOT stores them in the other."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)
