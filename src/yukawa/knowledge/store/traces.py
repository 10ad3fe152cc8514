"""What was made from an item before it was erased: files of runs and data sets with its text, and runs that were trained on them.

An erasure names them and touches none of them: they are their owner's, and a network does not forget one item. The base notes
which folders took text from it; those, and further ones that are given, are searched for the text and for the item's id.
"""

import contextlib
import gzip
import json
import re
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from yukawa.core.errors import InputError, YukawaError
from yukawa.core.files import open_file, parse_json, real
from yukawa.knowledge.store import counted, erasure
from yukawa.knowledge.store.database import Store
from yukawa.knowledge.store.schema import TAKEN
from yukawa.runs.run import DATA, Run

# Weights, arrays and pictures hold no text that could be found; rows of a Parquet file are compressed.
_SUFFIXES = frozenset(
    f".{name}" for name in "json jsonl md txt yaml yml csv tsv html tex log dec gz db db-wal sqlite".split()
)
_BLOCK = 4 << 20


class Traces(NamedTuple):
    """What is left of an erased item outside its base.

    Attributes:
        files: files with some of its text, or with its id.
        trained: runs that began with one of these, or with a file beside it.
        unsearched: files for which there was no time.
    """

    files: tuple[Path, ...] = ()
    trained: tuple[Path, ...] = ()
    unsearched: int = 0

    def lines(self) -> list[str]:
        """What to say of each, and what can be done."""
        return [
            *(f"{file} still holds text of it: delete it, or make it anew" for file in self.files),
            *(f"{run} was trained on it: its model may repeat it; train it anew" for run in self.trained),
            *([f"{self.unsearched:,} more files could not be searched in time"] if self.unsearched else []),
        ]

    def as_json(self) -> dict[str, Any]:
        """What programs get."""
        names = {name: [str(path) for path in getattr(self, name)] for name in ("files", "trained")}
        return names | {"unsearched": self.unsearched}


class Tracer:
    """Finds traces of an item that is about to be erased; its text is known in memory only.

    Args:
        store: of the base that still holds the item, or held it.
        item_id: of the item.
    """

    def __init__(self, store: Store, item_id: str) -> None:
        self._store = store
        self._named = re.compile(rb"(?<!\w)" + re.escape(item_id).encode() + rb"(?!\w)")
        with store.read() as connection:
            self._fragments = erasure.Fragments(erasure.texts_of(connection, item_id))

    def find(self, folders: Iterable[Path] = (), seconds: float = float("inf")) -> Traces:
        """What is left in folders that took text from the base, and in those that are given; to be called after the erasure.

        What another item says too does not count. After so many seconds nothing more is read.
        """
        ends = time.monotonic() + seconds
        with self._store.read() as connection:
            own = real(
                self._store.file or "/"
            )  # a note that somebody put there does not lead through the whole disk
            took = (folder for folder in noted(connection) if not own.is_relative_to(folder))
            wanted = {real(folder) for folder in (*folders, *took)}
            live = self._fragments.found_in(erasure.live_text(connection))
        outer = [folder for folder in wanted if wanted.isdisjoint(folder.parents)]
        found, unsearched = [], 0
        for file in sorted(file for folder in outer for file in _files(folder)):
            holds = self._holds(file, live, ends)
            unsearched += holds is None
            if holds:
                found.append(file)
        trained = _trained(outer, {file.parent for file in found})
        return Traces(tuple(found), tuple(sorted(trained)), unsearched)

    def _holds(self, file: Path, live: set[bytes], ends: float) -> bool | None:
        """Whether a file holds some of the text; None where the time has ended before: a packed one may be endless."""
        blocks = _blocks(file)
        while time.monotonic() <= ends:
            block = next(blocks, None)
            if block is None:
                return False
            if self._named.search(block) or self._fragments.found_in([block]) - live:
                return True
        return None


def note(store: Store, folder: Path) -> None:
    """Note in a base that text of it is written into a folder; folders that are gone are no longer noted."""
    if store.readonly:
        return
    with store.read() as connection:
        before = noted(connection)
    if real(folder) in before:
        return
    with store.write() as connection:
        kept = {str(real(folder)), *(str(one) for one in noted(connection) if one.exists())}
        counted.write_note(connection, TAKEN, json.dumps(sorted(kept)))


def noted(connection: sa.Connection) -> list[Path]:
    """The folders that took text from the base."""
    value = counted.note(connection, TAKEN)
    with contextlib.suppress(InputError):  # damaged: it is written anew
        found = parse_json(value, "the note of folders") if value is not None else []
        return [Path(one) for one in found if isinstance(one, str)] if isinstance(found, list) else []
    return []


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file())


def _blocks(file: Path) -> Iterator[bytes]:
    """The bytes of a file, unpacked, in blocks that overlap by the longest fragment; none of one that cannot be read."""
    with (
        contextlib.suppress(YukawaError, OSError, EOFError, zlib.error),
        open_file(file) as raw,
        gzip.open(raw) if file.suffix == ".gz" else raw as handle,
    ):
        end = b""
        while block := handle.read(_BLOCK):
            yield end + block
            end = block[-erasure.LENGTH :]


def _trained(folders: Iterable[Path], holding: set[Path]) -> Iterator[Path]:
    """The runs in these folders that began with a file in one of those that hold something."""
    for folder in folders:
        for path in folder.rglob(DATA):
            with contextlib.suppress(YukawaError):
                if any(real(name).parent in holding for name, _ in Run(path.parent, {}).inputs()):
                    yield path.parent
