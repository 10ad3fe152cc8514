"""Files and folders that are never half-written, JSON Lines, and hashes."""

import errno
import fnmatch
import gzip
import hashlib
import json
import os
import secrets
import shutil
import stat
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

from yukawa.core import guarded
from yukawa.core.errors import InputError, StoreError, unreadable

is_row, parse_json, parse_row = guarded.is_row, guarded.parse_json, guarded.parse_row
_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space and try again"),
    errno.EDQUOT: ("your disk quota is used up", "free some space and try again"),
    errno.EROFS: ("the file system is read-only", "choose another folder"),
    errno.EACCES: ("permission denied", "choose another folder or change its permissions"),
    errno.ENOENT: ("its folder does not exist", "create the folder"),
    errno.EISDIR: ("it is a folder", "name a file"),
}
LARGEST_TEXT = 64 << 20
"""Bytes of a file that is read as a whole: settings, recipes, cards."""
_BLOCK = 1 << 20
_KERNEL_SETTINGS = "/proc/sys/"
_SPECIAL, _KERNEL = "it is a pipe, a socket or a device", "/proc"
_PART = ".*.part"  # what a killed writer leaves
# How PyTorch, safetensors and SQLite say that a file could not grow.
_DISK_FULL = ("unexpected pos", "PytorchStreamWriter", "No space left on device", "disk is full")


def atomic_write(path: Path, data: bytes | str) -> None:
    """Replace the file at `path` by `data` (text as UTF-8), whole or not at all.

    The data reach the disk under another name in the same folder and are then renamed, so that a reader, a
    crash or a power cut sees the old file or the new one. A symbolic link is followed; permissions are kept.

    Raises:
        StoreError: the disk is full, read-only or otherwise refuses; the old file is kept.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    with replacement(path) as handle, report_write_errors(path):
        handle.write(content)


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write one JSON object per line, whole or not at all; gzip if the name ends in `.gz`.

    Rows are read one at a time, so they may come from a generator larger than memory. Equal rows give equal
    bytes, compressed or not.

    Returns:
        The number of rows.

    Raises:
        InputError: a row is not JSON (NaN and infinity are not); the old file is kept.
        StoreError: the disk refuses; the old file is kept.
    """
    with replacement(path) as handle:
        return pack_jsonl(handle, rows, path)


def pack_jsonl(handle: IO[bytes], rows: Iterable[Mapping[str, Any]], path: Path) -> int:
    """Write rows as `write_jsonl` does to an open file that is or will be at `path`; returns their number."""
    count = 0
    # No name and no time in the header: equal rows shall have equal hashes.
    packed = gzip.GzipFile("", "wb", fileobj=handle, mtime=0) if _is_gzip(path) else None
    out: IO[bytes] | gzip.GzipFile = packed or handle
    for count, row in enumerate(rows, start=1):
        line = json_line(row, f"row {count} for {path}")
        with report_write_errors(path):
            out.write(line)
    if packed:
        with report_write_errors(path):
            packed.close()
    return count


def expanded(path: str | Path) -> Path:
    """A path with `~` as the home folder; that of a user who does not exist stays as it is, and names no file."""
    return Path(os.path.expanduser(path))


def real(path: str | Path) -> Path:
    """A path without links; one that links to itself stays as it is, and whoever reads it says what is wrong."""
    return Path(os.path.realpath(path))


def open_file(path: Path) -> BufferedReader:
    """Open a regular file for reading; a pipe could block for ever and a device never end.

    Raises:
        InputError: it is missing, unreadable, a folder, a pipe or a device.
    """
    try:
        # A pipe without a writer must not be waited for before it is seen to be one.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise unreadable(path, error) from None
    except ValueError:  # a null character
        raise InputError(f"{str(path)!r} is not the name of a file") from None
    kind = os.fstat(descriptor)
    if not stat.S_ISREG(kind.st_mode) or _is_of_kernel(path, kind):
        os.close(descriptor)
        if stat.S_ISDIR(kind.st_mode):
            raise unreadable(path, IsADirectoryError())
        raise InputError(f"{path} cannot be read: {_SPECIAL}", hint="name a file")
    return os.fdopen(descriptor, "rb")


def _is_of_kernel(path: Path, kind: os.stat_result) -> bool:
    """Whether a file that says that it is empty is one of /proc, which writes what is read at that moment, without end."""
    if kind.st_size or str(path).startswith(_KERNEL_SETTINGS):  # which end
        return False
    return os.path.ismount(_KERNEL) and os.stat(_KERNEL).st_dev == kind.st_dev


def check_file(path: Path) -> None:
    """Refuse what `open_file` refuses, before a library opens the file by its name.

    Raises:
        InputError: as `open_file`.
    """
    open_file(path).close()


def read_bytes(path: Path, largest: int = LARGEST_TEXT) -> bytes:
    """A file as a whole.

    Raises:
        InputError: as `open_file`; it has more than `largest` bytes.
    """
    with open_file(path) as handle:
        return read_all(handle, path, largest)


def read_all(handle: IO[bytes], path: str | Path, largest: int = LARGEST_TEXT) -> bytes:
    """What an open file holds, or standard input, which `path` then calls so.

    Raises:
        InputError: it cannot be read, or has more than `largest` bytes.
    """
    data = bytearray()  # it grows: `read(largest)` would take as much memory first
    try:
        while block := handle.read(_BLOCK):
            data += block
            if len(data) > largest:
                raise InputError(f"{path} is larger than {largest >> 20:,} MiB", hint="name another file")
    except OSError as error:
        raise unreadable(path, error) from None
    return bytes(data)


def read_text(path: Path, largest: int = LARGEST_TEXT) -> str:
    """A file of UTF-8 text, with or without a byte order mark; line ends are line feeds.

    Raises:
        InputError: as `read_bytes`; it is not UTF-8.
    """
    try:
        text = read_bytes(path, largest).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise unreadable(path, error) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_object(path: Path, largest: int = LARGEST_TEXT) -> dict[str, Any]:
    """The object in a JSON file; see `parse_json`.

    Raises:
        InputError: as `read_text` and `parse_row`.
    """
    return parse_row(read_text(path, largest), str(path))


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file one by one and skip blank lines; gzip if the name ends in `.gz`.

    Raises:
        InputError: with the first row if the file cannot be read, otherwise at the line that is not a JSON
            object; the message names file and line.
    """
    number = 0
    try:
        with open_file(path) as raw, gzip.open(raw) if _is_gzip(path) else raw as handle:
            for number, line in enumerate(guarded.lines_of(handle.readline, str(path)), start=1):
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield parse_row(line, f"{path}:{number}")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"{path}:{number + 1} is truncated or damaged: not valid gzip") from None
    except OSError as error:
        raise unreadable(path, error) from None


def begins_with(path: Path, kind: str) -> bool:
    """Whether a file is empty or has a first row `{"kind": kind, …}`, even one torn by a crash.

    Raises:
        InputError: as `open_file`.
    """
    expected = f'{{"kind": "{kind}"'.encode()
    with open_file(path) as handle:
        return expected.startswith(handle.read(len(expected)))


def mend_jsonl(handle: IO[bytes]) -> None:
    """Repair the end of a file of JSON Lines, open in `ab+`, after a crash: a torn row goes, a whole one gets its newline."""
    if handle.seek(0, os.SEEK_END) == 0:
        return
    handle.seek(-1, os.SEEK_END)
    if handle.read(1) == b"\n":
        return
    handle.seek(0)
    content = handle.read()
    start = content.rfind(b"\n") + 1
    if is_row(content[start:]):
        handle.write(b"\n")
    else:
        handle.truncate(start)


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal.

    Raises:
        InputError: the file is missing, a folder, or unreadable.
    """
    try:
        with open_file(path) as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(path, error) from None


@contextmanager
def replacement(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` when the block ends well, and vanishes when it does not.

    Raises:
        InputError: `path` is a folder, a pipe, a socket or a device.
        StoreError: the disk refuses.
    """
    _check_kind(path)
    target = Path(os.path.realpath(path))
    beside = target.parent / f".{secrets.token_hex(8)}.part"
    with report_write_errors(path):
        handle = open(beside, "xb")  # noqa: SIM115 -- closed below, before the rename
    try:
        yield handle
        with report_write_errors(path):
            handle.flush()
            os.fsync(handle.fileno())
            handle.close()
            if target.exists():
                beside.chmod(stat.S_IMODE(target.stat().st_mode))
            os.replace(beside, target)
            sync(target.parent, deep=False)
    except BaseException:  # Ctrl-C too must leave nothing behind
        with suppress(OSError):
            handle.close()
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(
    folder: Path, *, replace: bool = False, errors: tuple[type[Exception], ...] = ()
) -> Iterator[Path]:
    """A folder beside `folder` that takes its place when the block ends well, and vanishes when it does not.

    Everything in it reaches the disk before the rename, and what was at `folder` stays until then. A symbolic
    link is followed.

    Args:
        replace: whether to replace a folder that holds files; otherwise `folder` must be new or empty.
        errors: exceptions of the block that mean that the disk refused, such as `(OSError, RuntimeError)`
            where PyTorch writes.

    Raises:
        InputError: `folder` is a file, or holds files and may not be replaced.
        StoreError: the disk refuses.
    """
    target = Path(os.path.realpath(folder))
    check_new_folder(target, replace=replace)
    beside = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with report_write_errors(folder):
            beside.mkdir(parents=True)
        with report_write_errors(folder, errors):
            yield beside
        with report_write_errors(folder):
            sync(beside)
            take_place(beside, target)
            sync(target.parent, deep=False)
    except BaseException:  # Ctrl-C too must leave nothing behind
        shutil.rmtree(beside, ignore_errors=True)
        raise


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, so that a power cut takes none of them away again."""
    missing = [path for path in (folder, *folder.parents) if not os.path.exists(path)]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync(path.parent, deep=False)


def take_place(new: Path, target: Path) -> None:
    """Put a file or a folder in the place of `target`, which may be a folder with files; it stays if that fails."""
    old = target.with_name(f".{secrets.token_hex(8)}.old")
    try:
        if target.exists():  # no system renames onto a folder that holds files
            os.rename(target, old)
        os.replace(new, target)
    except BaseException:
        with suppress(OSError):
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_output(
    path: Path, *, force: bool = False, own: Iterable[Path] = (), inputs: Iterable[Path] = ()
) -> None:
    """Refuse to write a file over one that is there, unless `force` is given.

    Args:
        path: where a file is to be written.
        force: whether it may take the place of a file.
        own: files and folders of the program, which are never written over, nor into, nor where they may come to lie.
        inputs: what is read to write the file.

    Raises:
        InputError: there is a file without `force`; `path` is one of `inputs` or `own`, by whatever name; it is a
            folder, a pipe, a socket or a device.
    """
    check_path_name(path)
    _check_not_own(path, own)
    if any(_is(path, file) for file in inputs):
        raise InputError(f"{path} is read by the same command", hint="name another file")
    if _check_kind(path) and not force:
        raise InputError(f"{path} is there already", hint="name another file, or replace it with --force")


def check_new_folder(folder: Path, *, replace: bool = False, own: Iterable[Path] = ()) -> None:
    """Refuse a folder that `new_folder` would refuse, before work is spent on it.

    Raises:
        InputError: it is a file, holds files and may not be replaced, or is or lies in one of the program's `own`.
    """
    check_path_name(folder)
    _check_not_own(folder, own)
    if os.path.isdir(folder):
        if not replace and any(folder.iterdir()):
            raise InputError(f"{folder} holds files already", hint="name a new folder")
    elif os.path.exists(folder):
        raise InputError(f"{folder} is a file", hint="name a new folder")


def check_made_folder(
    folder: Path, marks: Collection[str], made: Collection[str] = (), *, force: bool = True
) -> None:
    """Refuse a folder with anything else in it than what the same command writes there.

    Args:
        folder: where files are to be written; it may be absent or empty.
        marks: names, as patterns, of which one is there wherever the command has written anything.
        made: further names of what it writes.
        force: whether what an earlier call wrote may be replaced.

    Raises:
        InputError: it is a file, holds something else, or holds files without `force`.
    """
    check_new_folder(folder, replace=True)
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in there:
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in (*marks, *made, _PART)):
            raise InputError(f"{folder} holds {name!r}, which another command made", hint="name a new folder")
    if there and not (force and any(fnmatch.filter(there, pattern) for pattern in (*marks, _PART))):
        hint = "name a new folder" + ("" if force else ", or replace them with --force")
        raise InputError(f"{folder} holds files already", hint=hint)


def _check_not_own(path: Path, own: Iterable[Path]) -> None:
    for place in own:
        if _is(path, place) or Path(os.path.realpath(place)) in Path(os.path.realpath(path)).parents:
            raise InputError(f"{path} belongs to Yukawa itself", hint="name another place")


def _is(path: Path, other: Path) -> bool:
    """Whether two names are of one file, through links of both kinds, even if it is not there yet."""
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def check_path_name(path: str | Path) -> None:
    """Refuse what names no file on any system.

    Raises:
        InputError: it holds a null character.
    """
    if "\0" in str(path):
        raise InputError(f"{str(path)!r} is not the name of a file")


def _check_kind(path: Path) -> bool:
    """Whether there is a file that can be replaced; a folder, a pipe and a device cannot."""
    check_path_name(path)
    if str(path) == "-":
        raise InputError(
            "- is not the name of a file, and nothing is written to standard output here", hint="name a file"
        )
    try:
        kind = os.stat(path).st_mode
    except OSError:  # whoever writes will say what is wrong; a link to nothing would be replaced
        return os.path.islink(path)
    if stat.S_ISDIR(kind):
        raise InputError(f"{path} cannot be written: it is a folder", hint="name a file in it")
    if not stat.S_ISREG(kind):
        raise InputError(f"{path} cannot be written: {_SPECIAL}", hint="name a file")
    return True


def sync(path: Path, *, deep: bool = True) -> None:
    """Bring a file, or a folder with all that is in it (its entries alone unless `deep`), to the disk."""
    if path.is_dir():
        for entry in path.iterdir() if deep else ():
            sync(entry)
        if os.name == "nt":  # Windows cannot open folders, and renames durably by itself
            return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def report_write_errors(
    path: Path, errors: tuple[type[Exception], ...] = (OSError,), hint: str = ""
) -> Iterator[None]:
    """Turn `errors`, the operating system's by default, into one clear line, with a remedy of its own or `hint`.

    Raises:
        StoreError: `path` cannot be written.
    """
    try:
        yield
    except errors as error:
        reason, remedy = write_failure(error)
        raise StoreError(f"{path} cannot be written: {reason}", hint=hint or remedy) from error


def write_failure(error: Exception) -> tuple[str, str]:
    """Why a writer failed, in a few words, and what to do."""
    said = str(getattr(error, "strerror", None) or error) or type(error).__name__
    full = any(words in said for words in _DISK_FULL)
    if type(error).__module__ == "sqlite3" and not full:  # it does not say what the disk refused, nor why
        return f"the disk gave an error ({said.splitlines()[0]})", "check its space and permissions"
    number = errno.ENOSPC if full else getattr(error, "errno", None)
    return _REASONS.get(number or 0, (said.splitlines()[0], ""))


def json_line(row: Mapping[str, Any], place: str) -> bytes:
    """A row as a line of JSON that is read again.

    Raises:
        InputError: it holds NaN, an infinite number, half of a character or what JSON has no form for, or is too long.
    """
    try:
        line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{place} cannot be written as JSON: {error}") from None
    if len(line) > guarded.LONGEST_LINE:  # nor would it be read again
        raise InputError(f"{place} has more than the {guarded.LONGEST_LINE:,} bytes that a line may have")
    return line


def _is_gzip(path: Path) -> bool:
    return Path(path).suffix == ".gz"
