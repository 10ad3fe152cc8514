"""Where text of a base lies outside its tables: every file of ours, known by one registry and found again after a crash.

Whoever writes such text anywhere registers the place, so that an erasure can look there (see `erasure`).
"""

import contextlib
import getpass
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from yukawa.core.files import sync

if sys.platform != "win32":
    import fcntl

BESIDE = ("", "-wal", "-shm", "-journal")
"""What SQLite adds to the name of a database for files of its own."""
_NOTE, _NEW, _BASE = ".note", ".new", ".sqlite"
_MINUTE = 60.0
_LENGTH = 16


class Elsewhere(Protocol):
    """A place with text of a base that another part of the program keeps, and rids of erased items by itself."""

    def files(self) -> list[Path]:
        """Its files, of which not all need be there."""

    def texts(self) -> Iterator[str]:
        """All that it says now."""

    def forget(self) -> None:
        """Let what belongs to erased items go, out of the files too.

        Raises:
            StoreError: it cannot be done now.
        """

    def problems(self) -> Iterator[str]:
        """What has not gone yet, a line each."""


class Base(Protocol):
    """What a place needs to know of a base."""

    scratch: "Scratch"
    elsewhere: "list[Elsewhere]"

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None on a server."""

    @property
    def index_file(self) -> Path | None:
        """Where the copy of the search index lies, or None on a server."""


class Scratch:
    """Files that hold text for a while: in one folder, or noted there where they must lie elsewhere.

    A note is locked as long as the process that uses its files lives; `sweep` removes what the dead have left.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, file: Path | None, name: str) -> "Scratch":
        """The scratch folder beside a base's file, or in the user's temporary folder for a server's base called `name`."""
        if file is not None:
            return cls(file.with_suffix(".scratch"))
        return cls(
            Path(tempfile.gettempdir())
            / f"yukawa-{getpass.getuser()}-{sha256(name.encode()).hexdigest()[:12]}"
        )

    @contextlib.contextmanager
    def file(self) -> Iterator[Path]:
        """The name of a new file in the folder; what is there is removed at the end, or by an erasure before."""
        with self._noted(lambda name: self.folder / name) as path:
            yield path

    @contextlib.contextmanager
    def database(self) -> Iterator[Path]:
        """The name of a new database in the folder, which an erasure does not take away: SQLite opens its files by name again."""
        with self._noted(lambda name: self.folder / f"{name}{_BASE}") as path:
            yield path

    @contextlib.contextmanager
    def beside(self, target: Path) -> Iterator[Path]:
        """The name of a new file in the folder of `target`, to take its place; what is still there is removed at the end."""
        with self._noted(lambda name: target.absolute().with_name(_part(name)), lasting=True) as path:
            yield path

    @contextlib.contextmanager
    def _noted(self, place: Callable[[str], Path], *, lasting: bool = False) -> Iterator[Path]:
        """A name, and a note of it; a `lasting` one is on the disk before the file, so that a power cut leaves none unknown."""
        name = secrets.token_hex(_LENGTH // 2)
        path, note = place(name), self.folder / f"{name}{_NOTE}"
        with self._new(note.with_suffix(_NEW)) as handle:
            _lock(handle)
            json.dump(str(path), handle)
            handle.flush()
            if lasting:
                os.fsync(handle.fileno())
            os.rename(handle.name, note)  # nobody sees a note that is not locked, or torn
            for folder in (self.folder, self.folder.parent) if lasting else ():
                sync(folder, deep=False)
            try:
                yield path
            finally:
                self._remove_all(name, path)
                note.unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self.folder.rmdir()  # unless others use it

    def _new(self, note: Path) -> IO[str]:
        while True:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                return open(note, "x", encoding="utf-8")
            except FileNotFoundError:  # another process has just removed the folder, which it found empty
                continue

    def sweep(self) -> None:
        """Remove the files of processes that have died."""
        for note, path in self._notes():
            with contextlib.suppress(OSError), open(note, "r+", encoding="utf-8") as handle:
                if _lock(handle):
                    self._remove_all(note.stem, path)
                    note.unlink(missing_ok=True)
        for file in self._others():  # notes come before what they are about, and go after it
            if not (self.folder / f"{file.name[:_LENGTH]}{_NOTE}").exists():
                remove(file)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def discard(self) -> None:
        """Remove files that lie in the folder, whoever uses them, but no databases: nobody needs a name for what he has open."""
        for file in self._others():
            if len(file.name) == _LENGTH:
                remove(file)

    def _others(self) -> list[Path]:
        """What lies in the folder besides notes; a note that nobody finished within a minute belongs to it."""
        try:
            there = list(self.folder.iterdir())
        except OSError:  # another process has just removed the folder
            return []
        return [f for f in there if f.suffix != _NOTE and (f.suffix != _NEW or _age(f) > _MINUTE)]

    def _remove_all(self, name: str, path: Path) -> None:
        if remove(path) and path.parent != self.folder:
            sync(path.parent, deep=False)  # before its note goes
        for file in self._others():
            if file.name.startswith(name):  # what a base kept there has made for itself
                remove(file)

    def files(self) -> list[Path]:
        """Every file in use, with what SQLite adds."""
        return [beside for _, path in self._notes() for beside in with_companions(path) if beside.exists()]

    def _notes(self) -> Iterator[tuple[Path, Path]]:
        try:
            notes = sorted(file for file in self.folder.iterdir() if file.suffix == _NOTE)
        except OSError:
            return
        for note in notes:
            try:
                path = Path(json.loads(note.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError):  # just being removed, or damaged
                path = self.folder / note.stem
            # Nobody else's note may name a file that is not such a one.
            if path.name not in (note.stem, _part(note.stem), f"{note.stem}{_BASE}"):
                path = self.folder / note.stem
            yield note, path


def _part(name: str) -> str:
    return f".{name}.part"


class TextPlace(NamedTuple):
    """A kind of place with text of items: what it is, and its files for a base."""

    what: str
    files: Callable[[Base], list[Path]]


def _database(base: Base) -> list[Path]:
    return [] if base.file is None else with_companions(base.file)


def _index(base: Base) -> list[Path]:
    """The copy, and what versions before 0.3 had beside it while they wrote it."""
    file = base.index_file
    return [] if file is None else [*file.parent.glob(file.name), *file.parent.glob(f"{file.name}.*")]


PLACES = [
    TextPlace("database", _database),
    TextPlace("copy of the search index", _index),
    TextPlace("scratch file, or copy in progress", lambda base: base.scratch.files()),
    TextPlace("elsewhere", lambda base: [file for place in base.elsewhere for file in place.files()]),
]
"""Where text of items lies; a part of the program that writes it elsewhere adds its place here."""


def files(base: Base) -> list[Path]:
    """Every file of ours that holds text of the base, if it is there."""
    return [path for place in PLACES for path in place.files(base) if path.is_file()]


def remove_copies(base: Base) -> None:
    """Remove what can be made anew from the tables, and what the dead have left."""
    base.scratch.sweep()
    base.scratch.discard()
    for copy in _index(base):
        remove(copy)
    if base.file is not None:  # what a power cut brings back was not removed
        for folder in filter(Path.is_dir, (base.scratch.folder, base.file.parent)):
            sync(folder, deep=False)


def with_companions(path: Path) -> list[Path]:
    """The name of a database with those of the files that SQLite may have beside it."""
    return [path.with_name(path.name + suffix) for suffix in BESIDE]


def remove(path: Path) -> bool:
    """Remove a file with what SQLite adds, or a folder (before version 0.2 the copy of the index was one), as far as it can be.

    Returns:
        Whether anything was there.
    """
    there = [file for file in with_companions(path) if os.path.lexists(file)]
    for file in there:
        if file.is_dir():
            shutil.rmtree(file, ignore_errors=True)
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
    return bool(there)


def _age(file: Path) -> float:
    """Seconds since a file was changed; 0 if it is gone."""
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return 0.0


def _lock(handle: IO[str]) -> bool:
    """Lock an open file for as long as it is open; False if another process has it locked."""
    if (
        sys.platform != "win32"
    ):  # an open file cannot be removed there, which says as well that its owner lives
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True
