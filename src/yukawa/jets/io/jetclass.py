"""Jets in ROOT trees (TTree, and RNTuple to read) as in JetClass: jagged `part_*`, flat `jet_*` and `label_*`."""

import re
import struct
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.core.errors import InputError, require
from yukawa.core.files import replacement, report_write_errors
from yukawa.jets.io.chunks import ChunkWriter, JetSource, check_lengths
from yukawa.jets.table import Array, Jets, check_columns

ENTRIES = 8192  # jets of a chunk, and of a basket that we write
_KIND = re.compile(  # such as `float`, `int32_t[]` and `std::vector<std::int8_t>`
    r"(?P<vector>(std::)?vector<)?(std::)?(u?int(8|16|32|64)_t|float|double|bool)(?(vector)>)(?P<array>\[\])?"
)
TREE, COUNTER = "tree", "nparticles"  # what we call the tree (as JetClass does) and the branch of lengths


@dataclass(frozen=True)
class RootChunk:
    """The jets of a range of entries of a tree."""

    path: Path
    count: int
    tree: str
    start: int

    def read(self, columns: Collection[str] | None = None) -> Jets:
        """The jets, with these columns or with all; see `JetChunk.read`."""
        with opened(self.path) as file:
            tree = file[self.tree]
            kinds = _branches(tree)
            if columns is not None:
                check_columns(columns, kinds, str(self.path))
            names = [name for name in kinds if columns is None or name in columns]
            stop = self.start + self.count
            arrays = {
                name: tree[name].array(entry_start=self.start, entry_stop=stop, library="ak")
                for name in names
            }
        return _jets(self.path, self.count, arrays, {name for name in names if kinds[name]})


def open_jetclass(path: Path, tree: str | None = None) -> JetSource:
    """The jets of one ROOT file; a chunk is a range of entries.

    `tree` names the tree; it may be omitted if the file has only one.

    Raises:
        InputError: the file is damaged or not a ROOT file, has no such tree, or its tree holds no numbers.
    """
    with opened(path) as file:
        name = _tree_name(path, file, tree)
        columns = tuple(_branches(file[name]))
        entries = int(file[name].num_entries)
    if not columns:
        raise InputError(f"{path}: the tree {name} has no branch of numbers")
    starts = range(0, max(entries, 1), ENTRIES)
    return JetSource(columns, tuple(RootChunk(path, min(ENTRIES, entries - at), name, at) for at in starts))


def write_jetclass(path: Path, jets: Jets) -> None:
    """Write `jets` as a ROOT file in the layout of JetClass, whole or not at all; see `jetclass_writer`."""
    with jetclass_writer(path) as append:
        append(jets)


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


def _branches(tree: Any) -> dict[str, bool]:
    """The branches of numbers: whether each is jagged; branches that only count the values of others are omitted."""
    counts = (getattr(branch, "count_branch", None) for branch in getattr(tree, "branches", ()))
    counters = {branch.name for branch in counts if branch is not None}
    found = {name: _KIND.fullmatch(kind) for name, kind in tree.typenames().items() if name not in counters}
    return {name: bool(match["vector"] or match["array"]) for name, match in found.items() if match}


def _jets(path: Path, count: int, arrays: dict[str, Any], jagged: Collection[str]) -> Jets:
    """The jets of awkward arrays, of which those in `jagged` have a value for each particle."""
    particles: dict[str, Array] = {}
    first: tuple[str, Array] | None = None
    for name in (name for name in arrays if name in jagged):
        counts, particles[name] = flat(arrays[name])
        first = first or (name, counts)
        check_lengths(path, first, (name, counts))
    scalars = {name: native(np.asarray(array)) for name, array in arrays.items() if name not in jagged}
    return Jets.from_counts(first[1] if first else np.zeros(count, np.int64), particles, scalars)


# ---- what the ROOT formats share ----


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The open ROOT file; damage is reported in one line.

    Raises:
        InputError: there is no such file, or it is not a ROOT file, is cut off or damaged.
    """
    uproot = require("uproot", "reading ROOT files")
    damage = (OSError, ValueError, LookupError, EOFError, struct.error, zlib.error, RuntimeError)
    try:
        with uproot.open(path) as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path} cannot be read: no such file") from None
    except (*damage, uproot.deserialization.DeserializationError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise InputError(
            f"{path} cannot be read as ROOT, it is of another kind, cut off or damaged: "
            f"{lines[0] if lines else type(error).__name__}",
            hint="fetch or make the file again",
        ) from None


def flat(array: Any) -> tuple[Array, Array]:
    """Counts and values of a jagged awkward array of numbers."""
    awkward = require("awkward", "reading ROOT files")
    return awkward.to_numpy(awkward.num(array)), native(awkward.to_numpy(awkward.flatten(array)))


def native(array: Array) -> Array:
    """The same numbers in this machine's byte order; ROOT stores them in the other."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)
