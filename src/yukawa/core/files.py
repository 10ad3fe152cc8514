"""Files that are never half-written: atomic writing, JSON Lines, and hashing."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import secrets
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NoReturn

from yukawa.core.errors import InputError, StoreError

_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space and try again"),
    errno.EDQUOT: ("your disk quota is used up", "free some space and try again"),
    errno.EROFS: ("the file system is read-only", "choose another folder"),
    errno.EACCES: ("permission denied", "choose another folder or change its permissions"),
    errno.ENOENT: ("its folder does not exist", "create the folder"),
    errno.EISDIR: ("it is a folder", "name a file"),
}


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

    Rows are taken one at a time, so they may come from a generator larger than memory. The same rows give the
    same bytes, compressed or not.

    Returns:
        The number of rows.

    Raises:
        InputError: a row is not JSON (NaN and infinity are not); the old file stands.
        StoreError: the disk refuses; the old file stands.
    """
    count = 0
    with replacement(path) as handle:
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


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Give the JSON objects of a file one by one, blank lines left out; gzip if the name ends in `.gz`.

    Raises:
        InputError: on the first row asked for if the file cannot be read, else at the line that is no JSON
            object; the message names file and line.
    """
    number = 0
    try:
        with gzip.open(path) if _is_gzip(path) else open(path, "rb") as handle:
            for number, line in enumerate(handle, start=1):
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield parse_row(line, f"{path}:{number}")
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"{path}:{number + 1} is cut off or damaged: not valid gzip") from None
    except OSError as error:
        raise _unreadable(path, error) from None


def parse_row(line: bytes, place: str) -> dict[str, Any]:
    """The JSON object in `line`; `place` (such as `file:3`) begins the message if there is none.

    Raises:
        InputError: the line is no UTF-8, no JSON or no object.
    """
    try:
        row = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is not UTF-8 text (byte {error.start} of the line)") from None
    except RecursionError:
        raise InputError(f"{place} is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{place} is not valid JSON: {error}") from None
    if not isinstance(row, dict):
        raise InputError(f"{place} holds {type(row).__name__}, a JSON object {{...}} is expected")
    return row


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal.

    Raises:
        InputError: the file is missing, a folder, or unreadable.
    """
    try:
        with open(path, "rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def hash_bytes(data: bytes) -> str:
    """SHA-256 of `data`, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


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
            _sync_folder(target.parent)
    except BaseException:  # Ctrl-C too must leave nothing behind
        with suppress(OSError):
            handle.close()
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk; Windows does this itself and cannot open folders."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def report_write_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says on writing into one clear line."""
    try:
        yield
    except OSError as error:
        reason, hint = _REASONS.get(error.errno or 0, (error.strerror or str(error), ""))
        raise StoreError(f"{path} cannot be written: {reason}", hint=hint) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    reason = "it is a folder" if isinstance(error, IsADirectoryError) else error.strerror or str(error)
    return InputError(f"{path} cannot be read: {reason}")


def _line(row: Mapping[str, Any], place: str) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{place} cannot be written as JSON: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _is_gzip(path: Path) -> bool:
    return Path(path).suffix == ".gz"
