"""A backup ends with a digest of all its bytes: damage is noticed where nothing reads it, in a free page or a header, too.

A copy of a base has it as a line after the last page, which SQLite does not look at; a compressed export in the comment of an
empty second member, which gunzip passes over. A mark in the header says that it must be there, so that its loss is noticed. It
is against damage and not against people, who can make another digest.
"""

import hashlib
import os
from pathlib import Path
from typing import IO, NamedTuple

from yukawa.core.errors import StoreError, unreadable
from yukawa.core.files import open_file

_TEXT = b"\nyukawa: SHA-256 of all bytes before this line "
_MARK = b"yuk\1"
_HEADER = 100
_BLOCK = 1 << 20
_HEX = 64


class _Form(NamedTuple):
    """How a kind of file begins, where its header has the mark, what precedes the digest and what follows it."""

    magic: bytes
    mark_at: int
    begin: bytes
    end: bytes

    @property
    def size(self) -> int:
        """The length of what follows the content."""
        return len(self.begin) + _HEX + len(self.end)


_SQLITE = _Form(b"SQLite format 3\0", 60, _TEXT, b"\n")  # the mark is its user_version
# The mark is the time of the file (RFC 1952), which is not said otherwise; the second member is empty but for its comment.
_GZIP = _Form(b"\x1f\x8b", 4, b"\x1f\x8b\x08\x10\0\0\0\0\0\xff" + _TEXT, b"\n\0\x03\0" + bytes(8))
_JOURNAL = slice(18, 20)
_WRITE_AHEAD = b"\2\2"  # a file that was in use as a base since: a backup has 1 and 1, four bits from it


def seal(file: Path) -> None:
    """Let a copy of a base, or a compressed export, end with its digest."""
    with open(file, "rb+") as handle:
        form = _form(handle.read(_HEADER))
        if form is None:
            return
        handle.seek(form.mark_at)
        handle.write(_MARK)
        digest = _digest(handle, os.fstat(handle.fileno()).st_size)
        handle.write(form.begin + digest + form.end)


def check_seal(path: Path) -> None:
    """Refuse a backup that was sealed and is not as it was written.

    A copy of a base's own file, a backup made by an older version and an export compressed by others have no digest.

    Raises:
        InputError: it cannot be read. StoreError: it is damaged.
    """
    with open_file(path) as handle:
        try:
            header, whole = handle.read(_HEADER), os.fstat(handle.fileno()).st_size
            form = _form(header)
            if form is None or (form is _SQLITE and header[_JOURNAL] == _WRITE_AHEAD):
                return
            content = max(whole - form.size, 0)
            handle.seek(content)
            end = handle.read(form.size)
            marked = header[form.mark_at : form.mark_at + len(_MARK)] == _MARK
            if not marked and _TEXT not in end:
                return
            sound = end == form.begin + _digest(handle, content) + form.end
        except OSError as error:
            raise unreadable(path, error) from None
    if not sound:
        raise StoreError(
            f"{path} is damaged: its bytes are not those that were written", hint="use another backup"
        )


def _form(header: bytes) -> _Form | None:
    return next((form for form in (_SQLITE, _GZIP) if header.startswith(form.magic)), None)


def _digest(handle: IO[bytes], size: int) -> bytes:
    """SHA-256 of the first bytes of a file, which is then read up to there."""
    handle.seek(0)
    made = hashlib.sha256()
    while size and (block := handle.read(min(size, _BLOCK))):
        made.update(block)
        size -= len(block)
    return made.hexdigest().encode()
