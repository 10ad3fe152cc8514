"""What a program does to its disk, one operation after the other, and the disks that a power cut may leave of it.

`faults_disk.c` watches the calls of the program to the C library: it writes down every write, truncation, sync, new file, link,
renaming and removal under a folder, and can kill the program or fill the disk at any of them. It needs Linux and gcc.

A power cut keeps what was synced. Of what was written or cut off since a file was last synced any part may be lost, and one
write may be torn; of what became of names since their folder was last synced, the last ones may be lost. That is what POSIX
promises; a journalled file system keeps more. SQLite's index of its log (-shm) is never read after a start and is omitted.
"""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
SAID = "said"  # a file in the folder to which the program writes what it acknowledges
_SECTOR = 512


@cache
def shim(where: Path) -> Path:
    """The library to preload, compiled in the folder `where`."""
    library = where / "faults_disk.so"
    source = HERE / "faults_disk.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


def available() -> str:
    """Why programs cannot be watched here, or ''."""
    if not Path("/proc/self/fd").exists():
        return "only on Linux"
    return "" if shutil.which("gcc") else "gcc is not installed"


def watched(folder: Path, library: Path, log: Path | None = None, **settings: int) -> dict[str, str]:
    """The environment of a program that is watched: `kill`, `full` and `copies` as in faults_disk.c."""
    more = {f"FAULTS_{name.upper()}": str(value) for name, value in settings.items()}
    if log is not None:
        more["FAULTS_LOG"] = str(log)
    return {**os.environ, "LD_PRELOAD": str(library), "FAULTS_ROOT": str(folder), **more}


def watch_this_program(folder: Path) -> None:
    """Start this program again with its processes watched below `folder`, unless they are."""
    if "FAULTS_ROOT" not in os.environ:
        folder.mkdir(parents=True, exist_ok=True)
        os.execve(sys.executable, [sys.executable, *sys.argv], watched(folder, shim(folder.parent)))


def in_child(do: Callable[[], object], kill: int = 0, full: int = 0, copies: int = 0, after: float = 0.0) -> tuple[str, int]:  # fmt: skip
    """What `do` returns or the error that it raises, as text, in a process that forks from this watched one.

    Args:
        kill: the operation at which it is killed; `full` and `copies` as in faults_disk.c.
        after: the seconds after which it is killed, if it still lives.

    Returns:
        The text, or '' if it was killed, and the number of its operations.
    """
    reading, writing = os.pipe()
    library = ctypes.CDLL(None)
    child = os.fork()
    if child == 0:
        try:
            library.faults_set(ctypes.c_long(kill), ctypes.c_long(full), ctypes.c_long(copies))
            try:
                said = str(do())
            except Exception as error:  # noqa: BLE001 - whatever it is must be seen
                said = f"{type(error).__name__}: {error}"
            os.write(writing, f"{library.faults_number()}\n{said}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    if after:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading) as lines:
        number, _, said = lines.read().partition("\n")
    os.waitpid(child, 0)
    return said, int(number or 0)


@dataclass(frozen=True, slots=True)
class Operation:
    """One of W(rite), T(runcate), S(ync), D (sync of a folder), C(reate), L(ink), R(ename), U(nlink), M(kdir), X (rmdir)."""

    verb: str
    number: int = 0  # of the file or folder (inode)
    at: int = 0
    data: bytes = b""
    names: tuple[str, ...] = ()


def parse(log: Path) -> list[Operation]:
    """The operations in a log."""
    rest, found, start = log.read_bytes(), [], 0
    again: Counter[int] = Counter()  # numbers are given again when a file is gone

    def known(number: str) -> int:
        return int(number) + (again[int(number)] << 64)

    while start < len(rest):
        end = rest.index(b"\n", start)
        verb, *words = rest[start:end].decode().split("\t")
        start = end + 1
        if verb == "W":
            length = int(words[2])
            found.append(Operation(verb, known(words[0]), int(words[1]), rest[start : start + length]))
            start += length
        elif verb in "TSD":
            found.append(Operation(verb, known(words[0]), int(words[1]) if verb == "T" else 0))
        elif verb in "CM":
            again[int(words[0])] += 1
            found.append(Operation(verb, known(words[0]), names=(words[1],)))
        else:
            found.append(Operation(verb, names=tuple(words)))
    return found


@dataclass
class Disk:
    """Folders and files by name with the numbers they have, and what the files hold."""

    root: str
    names: dict[str, int] = field(default_factory=dict)
    files: dict[int, bytes] = field(default_factory=dict)  # by number; folders have none

    @classmethod
    def of(cls, root: Path) -> Disk:
        """What lies under `root` now."""
        disk = cls(str(root))
        for path in [root, *root.rglob("*")]:
            number = path.stat().st_ino
            disk.names[str(path)] = number
            if path.is_file():
                disk.files[number] = path.read_bytes()
        return disk

    def after(self, operations: Sequence[Operation]) -> Disk:
        """What becomes of it."""
        disk = Disk(self.root, dict(self.names), dict(self.files))
        for operation in operations:
            disk._apply(operation)
        return disk

    def _apply(self, done: Operation) -> None:
        old = self.files.get(done.number, b"")
        match done.verb:
            case "W":
                self.files[done.number] = (
                    old[: done.at].ljust(done.at, b"\0") + done.data + old[done.at + len(done.data) :]
                )
            case "T":
                self.files[done.number] = old[: done.at].ljust(done.at, b"\0")
            case "C":
                self.names[done.names[0]] = done.number
                self.files[done.number] = b""
            case "M":
                self.names[done.names[0]] = done.number
            case "L" | "R" if done.names[0] in self.names:  # else lost
                self.names[done.names[1]] = self.names[done.names[0]]
                if done.verb == "R":
                    self.names.pop(done.names[0])
            case "U" | "X":
                self.names.pop(done.names[0], None)

    def content(self) -> dict[str, bytes]:
        """The files by their names below the root."""
        return {
            os.path.relpath(name, self.root): self.files[number]
            for name, number in self.names.items()
            if number in self.files and self._reached(name) and not name.endswith(("-shm", f"/{SAID}"))
        }

    def _reached(self, name: str) -> bool:
        """Whether all folders above are there."""
        above = os.path.dirname(name)
        return name == self.root or (above in self.names and self._reached(above))


def write(content: Mapping[str, bytes], folder: Path) -> None:
    """Let `folder` hold these files and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        os.utime(folder / name, (0, 0))  # the machine starts again some time later


def acknowledged(operations: Sequence[Operation], said: int) -> int:
    """How many lines were written to the file with the number `said`."""
    return sum(one.data.count(b"\n") for one in operations if one.verb == "W" and one.number == said)


def cuts(before: Disk, operations: Sequence[Operation], seed: int, draws: int) -> Iterator[tuple[int, dict[str, bytes]]]:  # fmt: skip
    """Disks that a power cut after each number of operations may leave, each with that number.

    For each: nothing lost, all lost that may be, the last write torn, and `draws` of other choices, each write lost or
    kept alone or by lot.
    """
    generator = random.Random(seed)
    for count in range(len(operations) + 1):
        done = operations[:count]
        loose, names = _unsynced(before, done)
        seen: set[tuple[frozenset[int], int, int]] = set()
        for lost, kept_names, torn in _choices(generator, loose, len(names), draws):
            key = (lost, kept_names, torn)
            if key in seen:
                continue
            seen.add(key)
            gone = lost | set(names[kept_names:])
            yield count, before.after(list(_left(done, gone, torn))).content()


def _choices(
    generator: random.Random, loose: Sequence[int], names: int, draws: int
) -> Iterator[tuple[frozenset[int], int, int]]:
    """What is lost of the loose writes, how many of the loose changes of names are kept, and which write is torn (or -1)."""
    everything = frozenset(loose)
    yield frozenset(), names, -1
    yield everything, names, -1
    yield everything, 0, -1
    yield frozenset(), 0, -1
    if loose:
        yield frozenset(), names, loose[-1]
        yield everything - {loose[-1]}, names, loose[-1]
    for _ in range(draws):
        kept_names = generator.choice((names, names, generator.randint(0, names)))
        way = generator.randrange(4) if loose else 3
        one = frozenset({generator.choice(loose)}) if loose else frozenset()
        some = frozenset(at for at in loose if generator.random() < 0.5)
        lost = (one, everything - one, some, some)[way]
        left = sorted(everything - lost)
        yield lost, kept_names, generator.choice(left) if left and generator.random() < 0.3 else -1


def _unsynced(before: Disk, done: Sequence[Operation]) -> tuple[list[int], list[int]]:
    """Places of writes and truncations, and of changes of names, that no sync has followed."""
    loose: list[int] = []
    names: list[int] = []
    disk = Disk(before.root, dict(before.names), {})
    for at, one in enumerate(done):
        if one.verb in "WT":
            loose.append(at)
        elif one.verb == "S":
            loose = [i for i in loose if done[i].number != one.number]
        elif one.verb == "D":
            names = [i for i in names if not _in_folder(disk, done[i], one.number)]
        else:
            names.append(at)
        if one.verb in "CM":
            disk.names[one.names[0]] = one.number
    return loose, names


def _in_folder(disk: Disk, one: Operation, folder: int) -> bool:
    return disk.names.get(os.path.dirname(one.names[-1])) == folder


def _left(done: Sequence[Operation], gone: frozenset[int] | set[int], torn: int) -> Iterator[Operation]:
    """The operations that reached the disk; a torn write ends in its middle, at a sector if it is longer than one."""
    for at, one in enumerate(done):
        if at in gone:
            continue
        if at == torn and one.verb == "W":
            half = len(one.data) // 2
            half -= half % _SECTOR if half > _SECTOR else 0
            yield Operation("W", one.number, one.at, one.data[:half])
        else:
            yield one
