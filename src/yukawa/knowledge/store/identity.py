"""Whether the files of an embedded base are ours, whole, and still those that were opened.

SQLite holds its files by their descriptors: it goes on writing into a file that somebody has deleted or replaced, and does
not look at the length of its log again. Whoever looks into them from the same process must not close what he opened: POSIX
drops all locks of a process on a file when any of its descriptors for it is closed
(https://www.sqlite.org/howtocorrupt.html, section 2.2). Offsets are of the SQLite file format (https://www.sqlite.org/fileformat2.html) and
of the WAL index (https://www.sqlite.org/walformat.html).
"""

import os
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, ClassVar, NamedTuple

from yukawa.core.errors import StoreError

APPLICATION = 0x59756B61  # "Yuka": marks our files (SQLite's application_id)
_MAGIC = b"SQLite format 3\0"
_HEADER = 100
_FRAME = 24  # bytes of a log's frame before its page
_LOG_HEADER = 32
_INDEX = 136
_INDEX_VERSION = 3007000
_CHECKPOINT = 1.0  # seconds
_GONE = "open the base again and see what it holds, or restore a backup"


class Files(NamedTuple):
    """Device and number of a base's file, of its log and of the log's index (shared memory); None for one that is not there."""

    database: tuple[int, int] | None
    log: tuple[int, int] | None
    shared: tuple[int, int] | None

    @classmethod
    def of(cls, file: Path) -> "Files":
        """The files as they are now."""
        return cls(*(_identity(f"{file}{suffix}") for suffix in ("", "-wal", "-shm")))


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


class OpenFiles:
    """Reads files that SQLite has open, by descriptors shared by all of this process and closed when nobody needs them."""

    _lock: ClassVar[threading.RLock] = threading.RLock()
    _shared: ClassVar[dict[tuple[int, int], tuple[IO[bytes], int]]] = {}

    def __init__(self) -> None:
        self._mine: set[tuple[int, int]] = set()

    def read(self, path: str | Path, start: int, size: int) -> bytes:
        """Up to `size` bytes from `start`; none if there is no such file."""
        with self._lock:
            handle = self._handle(str(path))
            if handle is None:
                return b""
            handle.seek(start)
            return handle.read(size)

    def blocks(self, path: Path, size: int, overlap: int) -> Iterator[bytes]:
        """All bytes of a file in blocks of `size` that overlap; nothing if there is no such file."""
        start = 0
        while len(block := self.read(path, start, size)) > (overlap if start else 0):
            yield block
            start += len(block) - overlap if len(block) == size else len(block)

    def _handle(self, path: str) -> IO[bytes] | None:
        key = _identity(path)
        if key is None:
            return None
        if key not in self._mine:
            handle, users = self._shared.get(key) or (open(path, "rb", buffering=0), 0)  # noqa: SIM115 -- see above
            self._shared[key] = handle, users + 1
            self._mine.add(key)
        return self._shared[key][0]

    def close(self) -> None:
        """Give the descriptors back; call it when no connection of this process to the files is open."""
        with self._lock:
            for key in self._mine:
                handle, users = self._shared.pop(key)
                if users > 1:
                    self._shared[key] = handle, users - 1
                else:
                    handle.close()
            self._mine.clear()


class _LogIndex(NamedTuple):
    """What the head of the log's index says: the log's frames and salts, how many frames are written back, or are about to be."""

    frames: int
    salts: bytes
    written: int
    attempted: int

    @classmethod
    def of(cls, file: Path, open_files: OpenFiles) -> "_LogIndex":
        """That of a base's file; zeros if there is none."""
        head = open_files.read(f"{file}-shm", 0, _INDEX)
        little = head.startswith(_INDEX_VERSION.to_bytes(4, "little"))  # in the order of the machine
        frames, written, attempted = (
            int.from_bytes(head[at : at + 4], "little" if little else "big") for at in (16, 96, 128)
        )
        return cls(frames, head[32:40], written, attempted)


def check_header(file: Path, open_files: OpenFiles) -> None:
    """Refuse a file that is not a base of ours, before anything is written to it.

    Raises:
        StoreError: it is empty, too short, not a database, or another program's.
    """
    header = open_files.read(file, 0, _HEADER)
    if len(header) < _HEADER:
        raise StoreError(
            f"the knowledge base {file} is damaged: it has {len(header)} bytes",
            hint="restore a backup; to begin a new base, move this file away",
        )
    marked = int.from_bytes(header[68:72], "big")
    if not header.startswith(_MAGIC) or marked not in (0, APPLICATION):  # 0: made before schema 0004
        what = "another program's database" if header.startswith(_MAGIC) else "not a database"
        raise StoreError(
            f"{file} is not a knowledge base but {what}", hint="name another folder or restore a backup"
        )


def check_log_has_base(file: Path) -> None:
    """Refuse to begin a new base where the log or the journal of a lost one lies: SQLite would read it into the new file.

    Raises:
        StoreError: there is such a log.
    """
    for log in (Path(f"{file}-wal"), Path(f"{file}-journal")):
        if log.exists() and log.stat().st_size and not file.exists():
            raise StoreError(
                f"the knowledge base {file} is gone, its log {log.name} is still there",
                hint="put the file back, or move the log away to begin a new base",
            )


class Watch:
    """The files of one connection: those that it opened, and what they said when it last looked.

    A program that writes into the file of a base (`cp` over it) leaves its name, number and often its length. SQLite alone
    writes there, and says before in the log's index how far it has come; what was written without that, another wrote.
    """

    def __init__(self, file: Path, open_files: OpenFiles) -> None:
        self.opened = Files.of(file)
        self._file, self._open_files = file, open_files
        self._last = self._look()

    def _look(self) -> tuple[int, _LogIndex]:
        """When the file was last written, and then what the log's index says."""
        try:
            written = os.stat(self._file).st_mtime_ns
        except FileNotFoundError:
            written = 0
        return written, _LogIndex.of(self._file, self._open_files)

    def is_superseded(self) -> bool:
        """Whether another file now has the name of the one that was opened."""
        here = _identity(str(self._file))
        return here is not None and here != self.opened.database

    def check(self) -> None:
        """Refuse to write, or to say that something was written, if the files are not those that were opened.

        Raises:
            StoreError: one was deleted, replaced, cut short or written over.
        """
        _check_same(self._file, self.opened)
        (before, said), (now, says) = self._last, self._look()
        settled = said.written == said.attempted  # no writing back was on its way
        if now != before and settled and says._replace(frames=said.frames) == said:
            raise StoreError(f"{self._file} was written over while the knowledge base was open", hint=_GONE)
        _check_whole(self._file, self._open_files)
        self._last = now, says


def lost_changes(file: Path, open_files: OpenFiles) -> int:
    """How many changes the log holds behind the place to which SQLite reads it, once it has been read.

    SQLite takes what precedes the first frame whose checksum is wrong, and says nothing. One change behind it may be one that
    was never finished; where there are two, the first was on the disk before the second began, and was damaged since.
    """
    patience = time.monotonic() + _CHECKPOINT
    # Another process may be about to say that it has written.
    while (lost := _behind(file, open_files)) == 1 and time.monotonic() < patience:
        time.sleep(0.01)
    return lost


def loss(changes: int) -> str:
    """What to say of changes that the log holds and SQLite cannot read."""
    if changes == 1:
        return "log: its last change is not whole: it was being written when its process ended, or the log is damaged"
    return f"log: {changes} changes in it cannot be read, since it is damaged before them: the base is as it was before"


class _Frame(NamedTuple):
    """A frame of a log: where it begins, of which page it is, and, if it ends a change, how many pages the file then has."""

    at: int
    page: int
    length: int


def _behind(file: Path, open_files: OpenFiles) -> int:
    """The changes in the log behind the frames that its index knows, as far as the file does not hold them.

    What lies behind the last of them was never finished, or is of a time before it. A log is begun anew over one that was
    written back. Where power fails before the first new frame, the old ones are still there, behind a head that is new, or
    torn: what they say is in the file, and nothing is lost.
    """
    log, taken = f"{file}-wal", _LogIndex.of(file, open_files).frames
    size = _page(open_files.read(file, 0, _HEADER))
    frames = list(_frames(log, open_files, taken, size))
    found, until = 0, 0
    for number, frame in enumerate(frames, start=1):
        if frame.length:
            found, until = found + 1, number
            # A change is begun when the one before it is on the disk.
            if number < len(frames) and not _follows(log, open_files, frames[number].at, size):
                break
    if not found or taken:  # frames that are read would hide what the file holds
        return found
    newest = {
        frame.page: frame.at + _FRAME for frame in frames[:until] if frame.page <= frames[until - 1].length
    }
    held = all(
        open_files.read(log, at, size) == open_files.read(file, (page - 1) * size, size)
        for page, at in newest.items()
    )
    return 0 if held else found


def _frames(log: str, open_files: OpenFiles, taken: int, size: int) -> Iterator[_Frame]:
    """The frames behind those that were taken which are of this log and not of one before it."""
    salts = {open_files.read(log, 16, 8)}
    if not taken:  # the head of the log itself may be damaged
        salts.add(open_files.read(log, _LOG_HEADER + 8, 8))
    at = _LOG_HEADER + taken * (_FRAME + size)
    while len(head := open_files.read(log, at, _FRAME)) == _FRAME:
        page, length = (int.from_bytes(head[start : start + 4], "big") for start in (0, 4))
        if page and head[8:16] in salts:  # without a number they are zeros, as a power cut leaves them
            yield _Frame(at, page, length)
        at += _FRAME + size


def _follows(log: str, open_files: OpenFiles, at: int, size: int) -> bool:
    """Whether the frame there was written after the one before it, of which either the content or the checksum may be damaged."""
    before = at - _FRAME - size
    first = before - _FRAME - size if before > _LOG_HEADER else _LOG_HEADER - _FRAME
    made, stored, older = (open_files.read(log, place + 16, 8) for place in (at, before, first))
    frames = [
        open_files.read(log, place, 8) + open_files.read(log, place + _FRAME, size) for place in (before, at)
    ]
    return any(
        made in (_checksum(frames[1], seed, order) for seed in (stored, _checksum(frames[0], older, order)))
        for order in "<>"  # the head of the log says which, and may be damaged
    )


def _checksum(frame: bytes, seed: bytes, order: str) -> bytes:
    """The checksum of a frame, which follows one with the checksum `seed`."""
    first, second = struct.unpack(">2I", seed)
    words = struct.unpack(f"{order}{len(frame) // 4}I", frame)
    for one, two in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return struct.pack(">2I", first, second)


def _page(header: bytes) -> int:
    """The length of a database's pages, from its header."""
    page = int.from_bytes(header[16:18], "big")
    return 65536 if page == 1 else page


def _check_same(file: Path, opened: Files) -> None:
    for suffix, was, here in zip(("", "-wal", "-shm"), opened, Files.of(file), strict=True):
        if was is not None and was != here:
            what = "deleted" if here is None else "replaced"
            raise StoreError(f"{file}{suffix} was {what} while the knowledge base was open", hint=_GONE)


def _check_whole(file: Path, open_files: OpenFiles) -> None:
    patience = time.monotonic() + _CHECKPOINT
    # Another process may be writing the log into the file, its first page first, or a new log.
    while (harm := _harm(file, open_files)) and time.monotonic() < patience:
        time.sleep(0.01)
    if harm:
        raise StoreError(f"{harm} while the knowledge base was open", hint=_GONE)


def _harm(file: Path, open_files: OpenFiles) -> str:
    """The file that is shorter than the database or the log's index says, or a log that is not the index's; or ''."""
    header, index = open_files.read(file, 0, _HEADER), _LogIndex.of(file, open_files)
    page = _page(header)
    # A checkpoint that readers hold up leaves pages out whose newest version lies behind it: then the file may be short.
    settled = index.attempted == 0 or index.written == index.frames
    counted = header[24:28] == header[92:96]  # else the count of pages is not kept there
    if len(header) < _HEADER or (
        settled and counted and os.path.getsize(file) < page * int.from_bytes(header[28:32], "big")
    ):
        return f"{file} was cut short"
    try:
        size = os.path.getsize(f"{file}-wal")
    except FileNotFoundError:  # nobody writes
        return ""
    if not index.frames:
        return ""
    last = _LOG_HEADER + (index.frames - 1) * (_FRAME + page)
    if size < last + _FRAME + page:
        return f"{file}-wal was cut short"
    begins, ends = (open_files.read(f"{file}-wal", at, 8) for at in (16, last + 8))
    return "" if begins == ends == index.salts else f"{file}-wal was written over"
