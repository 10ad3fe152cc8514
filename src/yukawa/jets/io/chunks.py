"""Jets in files: a source knows its columns and the chunks in which it can be read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.core.errors import InputError, YukawaError
from yukawa.core.files import check_file
from yukawa.jets.table import Array, Jets, check_columns, concatenate


@dataclass(frozen=True)
class JetChunk(ABC):
    """Some consecutive jets of one file, cheap to hold and to send to another process.

    Attributes:
        path: the file.
        count: the number of jets.
        columns: the names of the columns, in the order of the file.
    """

    path: Path
    count: int
    columns: tuple[str, ...]

    def read(self, columns: Collection[str] | None = None) -> Jets:
        """The jets, with these columns or with all, each of the type that it has in the file.

        Raises:
            InputError: the file is damaged, has no such column, or its columns do not fit each other.
        """
        if columns is None:
            return self._read(self.columns)
        check_columns(columns, self.columns, str(self.path))
        return self._read(tuple(name for name in self.columns if name in columns))

    @abstractmethod
    def _read(self, columns: tuple[str, ...]) -> Jets:
        """The jets with `columns`, which the file has."""


@dataclass(frozen=True)
class JetSource:
    """Jets in one or more files, all with the same columns.

    Attributes:
        columns: the names of the columns, in the order of the first file.
        chunks: what can be read at once, in the order of the files.
    """

    columns: tuple[str, ...]
    chunks: tuple[JetChunk, ...]

    def __len__(self) -> int:
        return sum(chunk.count for chunk in self.chunks)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in order."""
        return tuple(dict.fromkeys(chunk.path for chunk in self.chunks))

    def read_chunks(self, columns: Collection[str] | None = None) -> Iterator[Jets]:
        """The jets chunk by chunk, with these columns or with all; one chunk is in memory at a time.

        Raises:
            InputError: there is no such column, or a file is damaged.
        """
        for chunk in self.chunks:
            yield chunk.read(columns)

    def read(self, columns: Collection[str] | None = None) -> Jets:
        """All jets at once, with these columns or with all.

        Raises:
            InputError: there is no such column, or a file is damaged.
        """
        return concatenate(list(self.read_chunks(columns)))


@dataclass(frozen=True)
class _ChunkWithColumn(JetChunk):
    """A chunk, and a whole number that all its jets have as a further column, the last one."""

    inner: JetChunk
    value: int

    def _read(self, columns: tuple[str, ...]) -> Jets:
        name = self.columns[-1]
        jets = self.inner.read([column for column in columns if column != name])
        if name not in columns:
            return jets
        return Jets(
            jets.offsets, jets.particles, {**jets.scalars, name: np.full(len(jets), self.value, np.int8)}
        )


def with_column(source: JetSource, name: str, value: int) -> JetSource:
    """The jets with a further column, in which all have the same small whole number."""
    if name in source.columns:
        return source
    columns = (*source.columns, name)
    chunks = (_ChunkWithColumn(chunk.path, chunk.count, columns, chunk, value) for chunk in source.chunks)
    return JetSource(columns, tuple(chunks))


def join_sources(sources: Sequence[JetSource]) -> JetSource:
    """The jets of all `sources` (at least one), one after another.

    Raises:
        InputError: their columns differ; the message names the first file that does and the columns.
    """
    first = sources[0]
    for source in sources[1:]:
        odd = [
            name
            for name in (*source.columns, *first.columns)
            if (name in source.columns) != (name in first.columns)
        ]
        if odd:
            raise InputError(
                f"{source.chunks[0].path} and {first.chunks[0].path} do not hold the same columns: "
                f"only one of them has {', '.join(odd)}",
                hint="open them one by one, or convert them to the columns that they share",
            )
    return JetSource(first.columns, tuple(chunk for source in sources for chunk in source.chunks))


@contextmanager
def report_damage(path: Path, kind: str, errors: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn the `errors` that a library raises for a file of `kind` (such as ROOT) into one clear line.

    Whatever else a library raises in its own code counts as well: parsers of binary formats fail on damage in more
    ways than they document. An error in our code does not.

    Raises:
        InputError: there is no such file, it is a pipe or a device, or it is of another kind, cut off or damaged.
    """
    check_file(path)
    try:
        yield
    except Exception as error:
        if isinstance(error, YukawaError) or not (isinstance(error, errors) or _by_library(error)):
            raise
        reason = str(error).strip() or type(error).__name__
        raise InputError(
            f"{path} cannot be read as {kind}, it is of another kind, cut off or damaged: "
            f"{reason.splitlines()[0].strip()}",
            hint="fetch or make the file again",
        ) from None


_LARGEST_CHUNK = 1 << 28  # bytes in memory at once; ours have some MB
_MOST_PACKED = 10_000  # times; no compressor reaches it


def check_declared(path: Path, what: str, at_once: int, whole: int) -> None:
    """Refuse a file that says it holds more than its bytes can stand for, or more at once than is reasonable.

    Args:
        path: the file.
        what: what says so.
        at_once: bytes that would be read at once.
        whole: bytes in all.

    Raises:
        InputError: they are too many.
    """
    if (
        whole < 0
        or at_once > _LARGEST_CHUNK
        or whole > max(_LARGEST_CHUNK, _MOST_PACKED * path.stat().st_size)
    ):
        size = max(at_once, whole) >> 20
        raise InputError(
            f"{path} is damaged or made to harm: {what} would take {size:,} MiB",
            hint="fetch or make it again",
        )


def _by_library(error: Exception) -> bool:
    """Whether an error was raised in another package's code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and not str(trace.tb_frame.f_globals["__name__"]).startswith("yukawa.")


def check_lengths(path: Path, first: tuple[str, Array], other: tuple[str, Array]) -> None:
    """Refuse two particle columns that differ in the lengths (jets,) or offsets (jets + 1,) of their jets.

    Raises:
        InputError: they differ; names both columns.
    """
    if not np.array_equal(first[1], other[1]):
        raise InputError(
            f"{path}: {first[0]} and {other[0]} differ in length within a jet, so they are not of the same particles",
            hint="request columns of one kind of particle",
        )


class ChunkWriter:
    """Passes the jets for a file to `write` in chunks of `size`, whatever the chunks in which they come."""

    def __init__(self, path: Path, size: int, write: Callable[[Jets], None]) -> None:
        self._path, self._size, self._write = path, size, write
        self._kinds: dict[str, np.dtype[Any]] = {}
        self._waiting: list[Jets] = []
        self._begun = False

    def append(self, jets: Jets) -> None:
        """Take jets, and write them when there are enough.

        Raises:
            InputError: they do not have the columns, of the same types, that the first jets had.
        """
        kinds = {name: column.dtype for name, column in (*jets.particles.items(), *jets.scalars.items())}
        self._kinds = self._kinds or kinds
        for name in (*self._kinds, *kinds):
            first, now = self._kinds.get(name, "not there"), kinds.get(name, "not there")
            if first != now:
                raise InputError(
                    f"{self._path}: {name} was {first} in the first jets and is {now} in later ones"
                )
        self._waiting.append(jets)
        have = sum(map(len, self._waiting))
        if have >= self._size:
            self._flush(have // self._size * self._size)

    def close(self) -> None:
        """Write the rest; a file without jets still gets its columns.

        Raises:
            InputError: nothing was appended, so that there are no columns.
        """
        left = sum(map(len, self._waiting))
        if left or not self._begun:
            self._flush(left)

    def _flush(self, count: int) -> None:
        jets = self._waiting[0] if len(self._waiting) == 1 else concatenate(self._waiting)
        for start in range(0, max(count, 1), self._size):
            self._write(jets[start : min(start + self._size, count)])
        self._waiting = [jets[count:]]
        self._begun = True
