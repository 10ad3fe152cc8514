"""Documents of text files, one after another, and their cutting into sequences of whole patches."""

from __future__ import annotations

import glob
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError
from yukawa.jets.table import Array

SUFFIXES = (".jsonl", ".jsonl.gz", ".txt")


def text_files(pattern: str) -> list[Path]:
    """The files that a path or pattern names, in the order of their names.

    Raises:
        InputError: there is none, or one is of another kind than `SUFFIXES`.
    """
    files = [Path(path) for path in sorted(glob.glob(pattern))]
    if not files:
        raise InputError(f"{pattern} names no file of text")
    odd = next((path for path in files if not path.name.endswith(SUFFIXES) or not path.is_file()), None)
    if odd is not None:
        raise InputError(f"{odd} is no file of text that is known; there are {', '.join(SUFFIXES)}")
    return files


def documents(path: Path, fields: Sequence[str]) -> Iterator[bytes]:
    """The documents of a file in UTF-8, read line by line.

    A line of JSON Lines is a document: its fields, one on a line of its own each. In a .txt file, documents are
    divided by empty lines.

    Raises:
        InputError: the file cannot be read, a line is no JSON, a field is missing, no text or empty.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as lines:
            yield from _paragraphs(lines, path) if path.suffix == ".txt" else _rows(lines, path, fields)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _rows(lines: Iterator[bytes], path: Path, fields: Sequence[str]) -> Iterator[bytes]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"{path}:{number} is no JSON: {error}") from None
        yield "\n".join(_text(row, name, f"{path}:{number}") for name in fields).encode()


def _text(row: object, name: str, where: str) -> str:
    if not isinstance(row, dict) or name not in row:
        there = f"; there are {', '.join(row)}" if isinstance(row, dict) else ""
        raise InputError(f"{where} has no field {name!r}{there}", hint="name them: fields=[NAME, …]")
    text = row[name]
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: the field {name!r} is {text!r}, some text is expected")
    return text.strip()


def _paragraphs(lines: Iterator[bytes], path: Path) -> Iterator[bytes]:
    paragraph: list[bytes] = []
    for line in lines:
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            yield _checked(b"".join(paragraph).strip(), path)
            paragraph = []
    if paragraph:
        yield _checked(b"".join(paragraph).strip(), path)


def _checked(text: bytes, path: Path) -> bytes:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason} in {text[:40]!r}") from None
    return text


@dataclass(frozen=True)
class Cutter:
    """Cuts documents into sequences [BOS, TEXT, bytes, EOS].

    A long one becomes several, of which BOS begins the first alone, and EOS ends the last alone.

    Attributes:
        patch: ids of a patch.
        window: most patches of a sequence.
    """

    patch: int
    window: int

    def pieces(self, document: bytes) -> int:
        """How many sequences a document becomes; none if it fits one patch, from which nothing is predicted."""
        if len(document) + 3 <= self.patch:
            return 0
        return -(-(len(document) + 1) // (self.patch * self.window - 2))

    def cut(self, document: bytes) -> list[bytes]:
        """The sequences of a document as int16 ids in bytes, without padding; all of nearly one length."""
        pieces = self.pieces(document)
        if not pieces:
            return []
        ids = np.empty(len(document) + 1, np.int16)
        ids[:-1] = np.frombuffer(document, np.uint8)
        ids[-1] = Mark.EOS
        bounds = [number * len(ids) // pieces for number in range(pieces + 1)]
        heads = [[Mark.BOS, Mark.TEXT], *([[Mark.TEXT]] * (pieces - 1))]
        return [
            np.array(head, np.int16).tobytes() + ids[begin:end].tobytes()
            for head, begin, end in zip(heads, bounds[:-1], bounds[1:], strict=True)
        ]

    def patches(self, sequences: Sequence[bytes]) -> tuple[Array, Array]:
        """Sequences padded to whole patches: int16 (N, P), and the patches of each (B,)."""
        counts = np.array([-(-len(ids) // (2 * self.patch)) for ids in sequences], np.int64)
        room = np.array(int(Mark.PAD), np.int16).tobytes()
        padded = [
            ids + room * (int(count) * self.patch - len(ids) // 2)
            for ids, count in zip(sequences, counts, strict=True)
        ]
        return np.frombuffer(bytearray().join(padded), np.int16).reshape(-1, self.patch), counts
