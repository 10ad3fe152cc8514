"""An immutable slice of the search index: passages with their vectors and postings, as arrays, and its copy on disk."""

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yukawa.knowledge.search.ranking import K1, B

OPEN_END = np.iinfo(np.int64).max
_ALIGNED = 64
_BEFORE = 16  # bytes: the length of the header and its checksum
# Read in place and only as far as needed, so that their checksums are not looked at: `verify` compares them with the tables.
_LARGE = ("vectors", "faiss")
# A larger copy keeps its vectors as they are used, so that they are read in place and only as far as needed.
_HALF_PRECISION_UP_TO = 100_000


@dataclass(slots=True)
class IndexSegment:
    """`n` passages in order of their ids.

    `valid_from`, `valid_to` (n,) say from and until which event each holds; they alone may change, by `set_validity`, which
    keeps `current` (n,) in step: which ones hold now. `vectors` is (n, d); `words` is the sum of `lengths`.
    Postings are in compressed rows: term `t` occurs in `rows[starts[t]:starts[t + 1]]`, as often as `counts`.
    """

    passage_ids: NDArray[np.int64]
    version_ids: NDArray[np.int64]
    valid_from: NDArray[np.int64]
    valid_to: NDArray[np.int64]
    vectors: NDArray[np.float32]
    lengths: NDArray[np.float32]
    vocabulary: dict[str, int]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.float32]
    current: NDArray[np.bool_] = field(init=False)
    words: float = field(init=False)

    def __post_init__(self) -> None:
        self.current = self.valid_to == OPEN_END
        self.words = float(self.lengths.sum(dtype=np.float64))

    def __len__(self) -> int:
        return len(self.passage_ids)

    def frequency(self, term: str) -> int:
        """The number of passages that hold `term`."""
        return len(self.postings(term)[0])

    def postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The rows (n,) that hold `term`, and how often each does (n,)."""
        number = self.vocabulary.get(term)
        span = slice(0, 0) if number is None else slice(self.starts[number], self.starts[number + 1])
        return self.rows[span], self.counts[span]

    def set_validity(self, version_id: int, valid_from: int, valid_to: int) -> None:
        """Change when the passages of a version hold."""
        # Ids of versions rise with those of passages.
        rows = slice(*np.searchsorted(self.version_ids, [version_id, version_id + 1]))
        self.valid_from[rows], self.valid_to[rows] = valid_from, valid_to
        self.current[rows] = valid_to == OPEN_END

    def fingerprints(self) -> NDArray[np.uint64]:
        """A number (n,) for each passage that depends on its terms, on how often each occurs, and on its length."""
        names = np.array([zlib.crc32(term.encode()) for term in self.vocabulary], dtype=np.uint64)
        terms = np.repeat(names, np.diff(self.starts))
        found = self.lengths.astype(np.uint64)
        np.add.at(found, self.rows, (terms + np.uint64(1)) * self.counts.astype(np.uint64))
        return found

    def bm25(
        self, terms: Sequence[tuple[str, float]], mean_length: float
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """BM25 scores (n,), and the rows that hold any of `terms`, each as often as it holds different ones.

        `terms` are pairs of term and weight. The work is in proportion to the postings: rows that hold none of the
        terms are not even looked at.
        """
        scores = np.zeros(len(self), dtype=np.float32)
        touched = [self.rows[:0]]
        for term, weight in terms:
            rows, counts = self.postings(term)
            norm = self.lengths[rows]
            norm *= K1 * B / mean_length
            norm += K1 * (1 - B)
            norm += counts
            scores[rows] += (weight * (K1 + 1)) * counts / norm
            touched.append(rows)
        return scores, np.concatenate(touched)


def build_segment(rows: Sequence[Any], vectors: NDArray[np.float32]) -> IndexSegment:
    """Make a segment of database rows with `passage_id, version_id, valid_from, valid_to, terms` and vectors (rows, d)."""
    vocabulary: dict[str, int] = {}
    numbers: list[int] = []
    lengths = np.empty(len(rows), dtype=np.float32)
    for i, row in enumerate(rows):
        terms = row.terms.split(" ") if row.terms else []
        lengths[i] = len(terms)
        numbers += [vocabulary.setdefault(term, len(vocabulary)) for term in terms]
    owner = np.repeat(np.arange(len(rows), dtype=np.int64), lengths.astype(np.int64))
    # One sort of (term, row) pairs gives both the grouping and, by counting equal pairs, the frequencies.
    pairs, frequency = np.unique(
        np.array(numbers, dtype=np.int64) * max(len(rows), 1) + owner, return_counts=True
    )
    terms_of, rows_of = np.divmod(pairs, max(len(rows), 1))
    return IndexSegment(
        passage_ids=np.array([r.passage_id for r in rows], dtype=np.int64),
        version_ids=np.array([r.version_id for r in rows], dtype=np.int64),
        valid_from=np.array([r.valid_from for r in rows], dtype=np.int64),
        valid_to=np.array([OPEN_END if r.valid_to is None else r.valid_to for r in rows], dtype=np.int64),
        vectors=vectors,
        lengths=lengths,
        vocabulary=vocabulary,
        starts=np.searchsorted(terms_of, np.arange(len(vocabulary) + 1)),
        rows=rows_of.astype(np.int32),
        counts=frequency.astype(np.float32),
    )


def merge_segments(segments: Sequence[IndexSegment]) -> IndexSegment:
    """One segment that holds what `segments` hold, in their order."""
    vocabulary: dict[str, int] = {}
    term_blocks, row_blocks, offset = [], [], 0
    for segment in segments:
        renumber = np.empty(len(segment.vocabulary), dtype=np.int64)
        for term, number in segment.vocabulary.items():
            renumber[number] = vocabulary.setdefault(term, len(vocabulary))
        term_blocks.append(np.repeat(renumber, np.diff(segment.starts)))
        row_blocks.append(segment.rows.astype(np.int64) + offset)
        offset += len(segment)
    terms_of = np.concatenate(term_blocks)
    order = np.argsort(terms_of, kind="stable")
    by_row = ("passage_ids", "version_ids", "valid_from", "valid_to", "vectors", "lengths", "counts")
    joined = {name: np.concatenate([getattr(segment, name) for segment in segments]) for name in by_row}
    return IndexSegment(
        **joined | {"counts": joined["counts"][order]},
        vocabulary=vocabulary,
        starts=np.searchsorted(terms_of[order], np.arange(len(vocabulary) + 1)),
        rows=np.concatenate(row_blocks)[order].astype(np.int32),
    )


# ---- the copy on disk: one file, a JSON header and then the arrays, so that it is replaced and read as a whole ----


def save_segment(
    segment: IndexSegment, file: Path, manifest: Mapping[str, Any], more: Mapping[str, NDArray[Any]]
) -> None:
    """Write a copy of `segment` with its `manifest` and `more` arrays to a new `file`."""
    arrays: dict[str, NDArray[Any]] = {name: getattr(segment, name) for name in _saved()}
    if len(segment) <= _HALF_PRECISION_UP_TO:
        arrays["vectors"] = segment.vectors.astype(np.float16)
    arrays["vocabulary"] = np.frombuffer("\n".join(segment.vocabulary).encode(), dtype=np.uint8)
    arrays |= more
    described, offset = {}, 0
    for name, array in arrays.items():
        described[name] = (array.dtype.str, array.shape, offset, _crc(array))
        offset += -(-array.nbytes // _ALIGNED) * _ALIGNED
    header = json.dumps({"manifest": dict(manifest), "arrays": described}).encode()
    header += b" " * (-(len(header) + _BEFORE) % _ALIGNED)
    with open(file, "wb") as handle:
        handle.write(len(header).to_bytes(8, "little") + zlib.crc32(header).to_bytes(8, "little") + header)
        for array in arrays.values():
            handle.write(np.ascontiguousarray(array).data)
            handle.write(b"\0" * (-array.nbytes % _ALIGNED))
        handle.flush()
        os.fsync(handle.fileno())  # vectors are not compared with their checksum when they are read in place


def load_segment(file: Path) -> tuple[IndexSegment, dict[str, Any], dict[str, NDArray[Any]]] | None:
    """The saved segment, its manifest and the further arrays, read in place; None if there is no whole copy."""
    try:
        data = np.memmap(file, dtype=np.uint8, mode="r")
        length, checksum = (int(number) for number in data[:_BEFORE].view("<u8"))
        start = _BEFORE + length
        written = data[_BEFORE:start].tobytes()
        if zlib.crc32(written) != checksum:
            return None
        header = json.loads(written)
        arrays: dict[str, Any] = {}
        for name, (dtype, shape, offset, checksum) in header["arrays"].items():
            end = start + offset + int(np.prod(shape)) * np.dtype(dtype).itemsize
            arrays[name] = np.asarray(data[start + offset : end]).view(dtype).reshape(shape)
            if name not in _LARGE and _crc(arrays[name]) != checksum:
                return None
        terms = arrays.pop("vocabulary").tobytes().decode().split("\n")
        own = {name: arrays.pop(name) for name in _saved()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
        return None  # whatever a damaged file says of itself
    for name in ("valid_from", "valid_to"):
        own[name] = np.array(own[name])
    own["vectors"] = own["vectors"].astype(np.float32, copy=False)
    vocabulary = {term: i for i, term in enumerate(terms[: len(own["starts"]) - 1])}
    return IndexSegment(**own, vocabulary=vocabulary), header["manifest"], arrays


def _crc(array: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(array).data.cast("B")) if array.size else 0


def _saved() -> list[str]:
    """The fields of a segment that are arrays on disk."""
    return [f.name for f in fields(IndexSegment) if f.init and f.name != "vocabulary"]
