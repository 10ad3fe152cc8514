"""Files and folders that are never half-written, JSON Lines, and hashes."""

import errno
import gzip
import hashlib
import json
import os
import secrets
import shutil
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, NoReturn

from yukawa.core.errors import InputError, StoreError, unreadable

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
# How PyTorch, safetensors and SQLite say that a file could not grow.
_DISK_FULL = ("unexpected pos", "PytorchStreamWriter", "No space left on device", "disk is full")


def atomic_write(path: Path, data: bytes | str) -> None:
    """Replace the file at `path` by `data` (text as UTF-8), whole or not at all.

    The data reach the disk under another name in the same folder and are then renamed, so that a reader, a
    crash or a power cut sees the old file or the new one. A symbolic link is followed; permissions are kept.

    Raises:
        StoreError: the disk is full, read-only or otherwise refuses; the old file stands.
    """
    content = data.encode("utf-8") if isinstance(data, str) else data
    with replacement(path) as handle, report_write_errors(path):
        handle.write(content)


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write one JSON object a line, whole or not at all; gzip if the name ends in `.gz`.

    Rows are read one at a time, so they may come from a generator larger than memory. Equal rows give equal
    bytes, compressed or not.

    Returns:
        The number of rows.

    Raises:
        InputError: a row is not JSON (NaN and infinity are not); the old file stands.
        StoreError: the disk refuses; the old file stands.
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
        line = _line(row, f"row {count} for {path}")
        with report_write_errors(path):
            out.write(line)
    if packed:
        with report_write_errors(path):
            packed.close()
    return count


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
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        if stat.S_ISDIR(kind):
            raise unreadable(path, IsADirectoryError())
        raise InputError(f"{path} cannot be read: it is a pipe, a socket or a device", hint="name a file")
    return os.fdopen(descriptor, "rb")


def read_text(path: Path, largest: int = LARGEST_TEXT) -> str:
    """A file of UTF-8 text, with or without a byte order mark.

    Raises:
        InputError: as `open_file`; it has more than `largest` bytes, or is not UTF-8.
    """
    with open_file(path) as handle:
        try:
            data = handle.read(largest + 1)
        except OSError as error:
            raise unreadable(path, error) from None
    if len(data) > largest:
        raise InputError(f"{path} is larger than {largest >> 20:,} MiB", hint="name another file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise unreadable(path, error) from None


def parse_json(data: str | bytes, place: str) -> Any:
    """What a JSON text says: numbers that are finite, strings that are text, nested no deeper than Python reads.

    Raises:
        InputError: it is not such a text; the message begins with `place`.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        found = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:  # half a character, which no file and no database takes
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is not UTF-8 text (byte {error.start})") from None
    except UnicodeEncodeError:
        raise InputError(f"{place} holds half of a character (a lone surrogate)") from None
    except RecursionError:
        raise InputError(f"{place} is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{place} is not valid JSON: {error}") from None
    return found


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file one by one and skip blank lines; gzip if the name ends in `.gz`.

    Raises:
        InputError: with the first row if the file cannot be read, otherwise at the line that is not a JSON
            object; the message names file and line.
    """
    number = 0
    try:
        with open_file(path) as raw, gzip.open(raw) if _is_gzip(path) else raw as handle:
            for number, line in enumerate(handle, start=1):
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield parse_row(line, f"{path}:{number}")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"{path}:{number + 1} is truncated or damaged: not valid gzip") from None
    except OSError as error:
        raise unreadable(path, error) from None


def parse_row(line: bytes, place: str) -> dict[str, Any]:
    """The JSON object in `line`; an error message begins with `place`, such as `file:3`.

    Raises:
        InputError: the line is not UTF-8, not JSON or not an object.
    """
    row = parse_json(line, place)
    if not isinstance(row, dict):
        raise InputError(f"{place} holds {type(row).__name__}; expected a JSON object {{...}}")
    return row


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


def is_row(line: bytes) -> bool:
    """Whether a line is a whole JSON object; a row torn anywhere lacks its closing brace."""
    try:
        return bool(parse_row(line, ""))
    except InputError:
        return False


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
    """A new file that takes the place of `path` when the block ends well, and vanishes when it does not."""
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
    beside, old = (target.with_name(f".{secrets.token_hex(8)}.{end}") for end in ("part", "old"))
    try:
        with report_write_errors(folder):
            beside.mkdir(parents=True)
        with report_write_errors(folder, errors):
            yield beside
        with report_write_errors(folder):
            sync(beside)
            if target.exists():  # Windows does not rename onto a folder
                os.rename(target, old)
            os.replace(beside, target)
            sync(target.parent, deep=False)
    except BaseException:  # Ctrl-C too must leave nothing behind
        with suppress(OSError):
            old.rename(target)
        shutil.rmtree(beside, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_output(path: Path, *, force: bool = False, own: Iterable[Path] = ()) -> None:
    """Refuse to write over a file that is there, unless `force` is given, and over the program's `own` files at all.

    Raises:
        InputError: `path` is there, or is one of `own` by whatever name.
    """
    if not path.exists():
        return
    if any(file.exists() and path.samefile(file) for file in own):
        raise InputError(f"{path} belongs to Yukawa itself", hint="name another file")
    if not force:
        raise InputError(f"{path} is there already", hint="name another file, or replace it with --force")


def check_new_folder(folder: Path, *, replace: bool = False) -> None:
    """Refuse a folder that `new_folder` would refuse, before work is spent on it.

    Raises:
        InputError: it is a file, or holds files and may not be replaced.
    """
    if folder.is_dir():
        if not replace and any(folder.iterdir()):
            raise InputError(f"{folder} holds files already", hint="name a new folder")
    elif folder.exists():
        raise InputError(f"{folder} is a file", hint="name a new folder")


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
    number = errno.ENOSPC if full else getattr(error, "errno", None)
    return _REASONS.get(number or 0, (said.splitlines()[0], ""))


def _line(row: Mapping[str, Any], place: str) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{place} cannot be written as JSON: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _is_gzip(path: Path) -> bool:
    return Path(path).suffix == ".gz"
