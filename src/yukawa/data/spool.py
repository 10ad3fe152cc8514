"""Documents that may not fit into memory: kept in an unnamed file, found by position, split by their hashes."""

import hashlib
import math
import os
import tempfile
import zlib
from array import array
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import IO, Self

import msgspec
import numpy as np
import numpy.typing as npt

from yukawa.core.files import report_write_errors
from yukawa.core.manifest import SPLITS
from yukawa.data.ngrams import mix, split_words
from yukawa.data.rows import Document

Places = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
_FIELDS = tuple(Document.model_fields)
_values = attrgetter(*_FIELDS)
_encode, _decode = msgspec.msgpack.encode, msgspec.msgpack.decode
_BUFFER = 1 << 18  # bytes
_UNDATED = 10**7  # later than any day


class DocumentSpool:
    """Documents on the disk; some 60 bytes of each stay in memory.

    Args:
        folder: the unnamed file lies on its disk; the system removes it with the process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with report_write_errors(folder):
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._waiting = bytearray()
        self._ends = array("q", [0])
        self._texts, self._ids = bytearray(), bytearray()
        self._days, self._categories, self._sums = array("i"), array("i"), array("I")
        self._codes: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._days)

    def add(self, document: Document) -> None:
        """Add a document.

        Raises:
            StoreError: the disk refuses.
        """
        line = _encode(_values(document))
        self._waiting += line
        if len(self._waiting) > _BUFFER:
            self._flush()
        self._ends.append(self._ends[-1] + len(line))
        self._texts += letters_digest(document.text)
        self._ids += _digest(document.id.encode())
        self._days.append(document.created.toordinal() if document.created else _UNDATED)
        self._sums.append(zlib.crc32(line))
        primary = document.categories[0] if document.categories else ""
        self._categories.append(self._codes.setdefault(primary, len(self._codes)))

    def read(self, places: Iterable[int]) -> Iterator[Document]:
        """Yield the documents at these places, in this order."""
        self._flush()
        for place in places:
            start, end = self._ends[place], self._ends[place + 1]
            self._file.seek(start)
            yield Document(**dict(zip(_FIELDS, _decode(self._file.read(end - start)), strict=True)))

    def _flush(self) -> None:
        with report_write_errors(self._folder):
            self._file.seek(0, os.SEEK_END)
            self._file.write(self._waiting)
            self._file.flush()
        self._waiting.clear()

    @property
    def texts(self) -> Hashes:
        """Hashes of the documents' letters and digits: 128 bits as two numbers."""
        return np.frombuffer(bytes(self._texts), "<u8").reshape(-1, 2).astype(np.uint64)

    @property
    def ids(self) -> Hashes:
        """Hashes of the documents' ids."""
        return np.frombuffer(bytes(self._ids), "<u8").reshape(-1, 2).astype(np.uint64)

    @property
    def days(self) -> Places:
        """Dates of the documents as ordinal days; those without a date come last."""
        return np.array(self._days, np.int64)

    @property
    def categories(self) -> Places:
        """Positions of the documents' primary categories in `names`."""
        return np.array(self._categories, np.int64)

    @property
    def sums(self) -> Places:
        """Checksums of whole documents."""
        return np.array(self._sums, np.int64)

    @property
    def names(self) -> tuple[str, ...]:
        """The primary categories that occur; '' for documents without one."""
        return tuple(self._codes)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def letters_digest(text: str) -> bytes:
    """A hash of 128 bits of the letters and digits of a text in order, without case, spaces and punctuation.

    These are the characters of `ngrams.normalise`; in ASCII, which most abstracts are, they are found much faster.
    """
    letters = text.encode().translate(_LOWER, _NO_LETTERS) if text.isascii() else b""
    return _digest(letters or ("".join(split_words(text)) or text.strip()).encode())


_LOWER = bytes(range(256)).lower()
_NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalnum())


def distinct(spool: DocumentSpool, drop_repeats: bool) -> tuple[Places, int, int]:
    """Places of documents of which no two have the same id or, with `drop_repeats`, the same words.

    Of the same words the oldest document is kept, of the same id the one with the smallest hash: the choice does
    not depend on the order in the spool.

    Returns:
        The places in order of the spool, and how many were dropped for their id and for their words.
    """
    texts, ids, days = spool.texts, spool.ids, spool.days
    places = np.arange(len(spool))
    by_id = np.lexsort((spool.sums, days, *texts.T, *ids.T))
    kept = by_id[_first(ids[by_id])]
    repeated_ids = len(places) - len(kept)
    if not drop_repeats:
        return np.sort(kept), repeated_ids, 0
    by_text = kept[np.lexsort((*ids[kept].T, days[kept], *texts[kept].T))]
    unique = by_text[_first(texts[by_text])]
    return np.sort(unique), repeated_ids, len(kept) - len(unique)


def _first(hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Where a sorted hash differs from the one before."""
    new = np.ones(len(hashes), bool)
    new[1:] = (hashes[1:] != hashes[:-1]).any(1)
    return new


_BOUNDS = (0.70, 0.85)  # shares of the hashes where train and validation end


def order_keys(texts: Hashes, seed: int) -> Hashes:
    """A number for each text (hashed in 128 bits), spread evenly, by which the texts are shuffled."""
    salt = mix(np.array([seed % 2**64], np.uint64))
    return mix(texts[:, 0] ^ salt)


def shuffled(keys: Hashes, ids: Hashes) -> Places:
    """The rank of each document in order of its key; documents of one key are ordered by their ids."""
    ranks = np.empty(len(keys), np.int64)
    ranks[np.lexsort((*ids.T, keys))] = np.arange(len(keys))
    return ranks


def exact_splits(keys: Hashes, groups: Places) -> Places:
    """The split of each document; each group is divided into exact sizes in order of its keys.

    Documents of one key follow the first of them, through all groups, so that a set may differ from
    `exact_sizes` by the number of such twins.
    """
    splits = np.empty(len(keys), np.int64)
    order = np.lexsort((keys, groups))
    start = 0
    for size in np.unique(groups, return_counts=True)[1].tolist():
        splits[order[start : start + size]] = np.repeat(np.arange(len(SPLITS)), exact_sizes(size))
        start += size
    _, first, inverse = np.unique(keys[order], return_index=True, return_inverse=True)
    splits[order] = splits[order][first][inverse]
    return splits


def exact_sizes(count: int) -> tuple[int, int, int]:
    """How many of `count` documents go into train, validation and test.

    These are the sizes of scikit-learn's `train_test_split` called twice, and FeynTune's: ceil(0.3 n) are held
    out, and the larger half of these is the test set.
    """
    held = math.ceil(3 * count / 10)
    test = math.ceil(held / 2)
    return count - held, held - test, test


def stable_splits(keys: Hashes) -> Places:
    """The split of each document by its key alone, whatever the others are: 70/15/15 on average."""
    bounds = np.array([int(bound * 2**64) for bound in _BOUNDS], np.uint64)
    found: npt.NDArray[np.int64] = np.searchsorted(bounds, keys, side="right")
    return found
