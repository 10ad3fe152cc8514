"""Finds duplicates: exact ones by hash, near ones by MinHash, LSH and their true Jaccard index."""

import os
import sys
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from yukawa.core.errors import InputError
from yukawa.core.files import report_write_errors
from yukawa.data.ngrams import digest, hash_sequences, hash_words, mix, split_words
from yukawa.data.rows import Document, RowFilter

SHINGLE = 5  # words; Lee et al. 2022 use 5 as well
PERMUTATIONS = 128
RECALL = 0.99  # least probability that a pair right at the threshold is compared
_BATCH = 64  # documents: their table of permuted hashes stays in the processor's cache
_IN_MEMORY = 1 << 24  # bytes of shingle sets; beyond, they go to a file
_BYTES = 4  # size of a shingle's hash
_PAD = ""  # no word is empty: a text shorter than a shingle has one shingle that a longer text cannot have
_Array32 = npt.NDArray[np.uint32]
_Array64 = npt.NDArray[np.uint64]
_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Banding:
    """How a signature is divided: texts that agree in all rows of at least one band are compared."""

    bands: int
    rows: int

    def probability(self, jaccard: float) -> float:
        """The probability that two texts of this Jaccard index are compared: 1 - (1 - J^rows)^bands.

        Source: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4.
        """
        return float(1 - (1 - jaccard**self.rows) ** self.bands)


def choose_banding(threshold: float) -> Banding:
    """The banding with the steepest curve that compares pairs at the threshold with a probability of at least `RECALL`.

    For 0.8 it has 21 bands of 6 rows: pairs with J = 0.8 are compared with probability 0.998, with J = 0.9 always
    but for 1e-7, with J = 0.5 in 28 % and with J = 0.2 in 0.1 % of the cases.

    Raises:
        InputError: the threshold is not in (0, 1].
    """
    if not 0 < threshold <= 1:
        raise InputError(f"expected a Jaccard index above 0 and up to 1 as the threshold, got {threshold:g}")
    choices = [Banding(PERMUTATIONS // rows, rows) for rows in range(1, 33)]
    fitting = [choice for choice in choices if choice.probability(threshold) >= RECALL]
    return max(fitting, key=lambda choice: choice.rows, default=choices[0])


class Shingles:
    """The sets of word shingles of texts, as sorted distinct 32-bit hashes, and their MinHash signatures.

    A hash of 32 bits takes half the memory and time of one of 64. Two of the 200 shingles of a pair of abstracts
    agree by chance once in 200,000 pairs, which changes the Jaccard index by 0.005.
    """

    def __init__(self, seed: int = 0, length: int = SHINGLE) -> None:
        self._length = length
        generator = np.random.default_rng(seed)
        # x -> a x + b modulo 2^32 with odd a is a permutation of the 32-bit numbers.
        self._factors_P1 = generator.integers(0, 2**32, (PERMUTATIONS, 1), np.uint32) | np.uint32(1)
        self._shifts_P1 = generator.integers(0, 2**32, (PERMUTATIONS, 1), np.uint32)

    def of_texts(self, texts: Iterable[list[str]]) -> tuple[_Array32, _Counts]:
        """The sets of shingles of T texts given as words, one after the other, and their ends (T,).

        The set of a text without words is empty.
        """
        padded = [words + [_PAD] * (self._length - len(words)) if words else words for words in texts]
        hashes, counts = hash_sequences(*hash_words(padded), self._length)
        owners = np.repeat(np.arange(len(counts), dtype=np.uint64), counts)
        # Text number above, shingle below: one sort does all the texts.
        tagged = (owners << np.uint64(32)) | (hashes >> np.uint64(32))
        tagged.sort()
        distinct = tagged[np.diff(tagged, prepend=~tagged[:1]) != 0]
        ends = np.searchsorted(distinct, np.arange(1, len(counts) + 1, dtype=np.uint64) << np.uint64(32))
        return distinct.astype(np.uint32), ends

    def signatures(self, sets: _Array32, ends: _Counts) -> _Array32:
        """MinHash signatures (T, PERMUTATIONS) of T sets as `of_texts` gives them, none of them empty.

        The share of equal entries of two signatures estimates the Jaccard index of the sets.
        Source: Broder, On the resemblance and containment of documents (1997).
        """
        permuted = sets * self._factors_P1  # (PERMUTATIONS, shingles)
        permuted += self._shifts_P1
        return np.minimum.reduceat(permuted, np.append(0, ends[:-1]), axis=1).T


def jaccard(a: _Array32, b: _Array32) -> float:
    """Size of the intersection over size of the union of two sorted sets; 0 for two empty ones."""
    if not len(a) or not len(b):
        return 0.0
    both = np.concatenate((a, b))
    both.sort()
    common = int(np.count_nonzero(both[1:] == both[:-1]))
    return common / (len(both) - common)


@dataclass(frozen=True, order=True)
class DuplicateGroup:
    """Documents that are duplicates of each other: the id of the one to keep and those of the others, in order."""

    kept: str
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class DuplicateCounts:
    """How many documents were read, dropped as exact and as near duplicates, and kept."""

    documents: int
    exact: int
    near: int
    kept: int


@dataclass(frozen=True)
class Duplicates:
    """What `find_duplicates` found.

    Attributes:
        groups: sorted by the id that is kept.
        counts: `exact` counts the documents with the same normalised text as another, one of each text excepted;
            `near` counts the others that are dropped.
        dropped: positions of the dropped documents.
    """

    groups: tuple[DuplicateGroup, ...]
    counts: DuplicateCounts
    dropped: frozenset[int] = field(repr=False)


class DuplicateFilter(RowFilter):
    """Keeps one document of each group of duplicates and counts the others by reason.

    Attributes:
        counts: counts of the last documents; None before any.

    Raises:
        InputError: the threshold is not in (0, 1].
    """

    def __init__(self, threshold: float | None = 0.8, seed: int = 0) -> None:
        if threshold is not None:
            choose_banding(threshold)
        self._threshold, self._seed = threshold, seed
        self.counts: DuplicateCounts | None = None
        self.dropped: dict[str, int] = {}

    def keeps(self, rows: Iterable[Document]) -> Iterator[bool]:
        """Say of each document, in order, whether it stays; all are read before the first answer."""
        found = find_duplicates(rows, self._threshold, self._seed)
        self.counts = found.counts
        reasons = {
            "of the same words as another": found.counts.exact,
            "nearly the same as another": found.counts.near,
        }
        self.dropped = {reason: count for reason, count in reasons.items() if count}
        return (position not in found.dropped for position in range(found.counts.documents))

    @property
    def settings(self) -> dict[str, Any]:
        """What decides, for the manifest."""
        if self._threshold is None:
            return {"filter": "duplicates", "about": "of texts with the same words the oldest is kept."}
        banding = choose_banding(self._threshold)
        return {
            "filter": "near duplicates",
            "about": f"of texts whose word {SHINGLE}-grams have a Jaccard index of {self._threshold:g} or more (MinHash, "
            f"{banding.bands} bands of {banding.rows} rows, pairs confirmed) the oldest is kept.",
            "jaccard": self._threshold,
            "shingle": SHINGLE,
            "permutations": PERMUTATIONS,
            "bands": banding.bands,
            "rows": banding.rows,
            "seed": self._seed,
        }


def find_duplicates(
    documents: Iterable[Document], threshold: float | None = 0.8, seed: int = 0
) -> Duplicates:
    """Groups of documents whose sets of word 5-grams have a Jaccard index of `threshold` or more.

    Exact duplicates belong to them. A group holds all documents that a chain of such pairs connects. Its oldest
    document is kept, of equally old ones the one with the smallest id; one without a date counts as youngest. The
    order of the documents does not matter. Method: Lee et al., Deduplicating training data makes language models
    better (arXiv:2107.06499), with candidate pairs of MinHash and LSH (see `choose_banding` for the probability
    that a pair is found) confirmed by their true Jaccard index.

    The documents are read once and not kept: some 0.5 kB of each stay in memory, 0.2 kB if `threshold` is None,
    which finds exact duplicates alone. Hashes of the texts' shingles go to a temporary file.

    Raises:
        InputError: the threshold is not in (0, 1].
        StoreError: the disk of temporary files refuses.
    """
    index = None if threshold is None else NearPairs(threshold, seed)
    keys: list[tuple[int, str, str]] = []
    first: dict[bytes, int] = {}
    parents: list[int] = []
    for position, document in enumerate(documents):
        words = split_words(document.text)
        # The digest of words/digest(normalise(…)), without splitting twice.
        original = first.setdefault(digest(" ".join(words) or document.text.strip()), position)
        parents.append(original)
        age = document.created.toordinal() if document.created else 10**7
        keys.append((age, document.id, sys.intern(document.source)))
        if index is not None and original == position:
            index.add(position, words)
    exact = len(parents) - len(first)
    if index is not None:
        index.join(parents)
    return _gather(parents, keys, exact)


def _gather(parents: list[int], keys: list[tuple[int, str, str]], exact: int) -> Duplicates:
    members: dict[int, list[int]] = {}
    for position, parent in enumerate(parents):
        if parent != position:
            root = find_root(parents, position)
            members.setdefault(root, [root]).append(position)
    groups: list[DuplicateGroup] = []
    dropped: set[int] = set()
    for group in members.values():
        kept, *others = sorted(group, key=lambda position: (keys[position], position))
        groups.append(DuplicateGroup(keys[kept][1], tuple(keys[other][1] for other in others)))
        dropped.update(others)
    counts = DuplicateCounts(len(parents), exact, len(dropped) - exact, len(parents) - len(dropped))
    return Duplicates(tuple(sorted(groups)), counts, frozenset(dropped))


def find_root(parents: list[int], position: int) -> int:
    """The position that represents the group of `position`; shortens the paths on the way."""
    while parents[position] != position:
        parents[position] = position = parents[parents[position]]
    return position


def join(parents: list[int], one: int, other: int) -> None:
    """Make one group of the groups of two positions."""
    roots = find_root(parents, one), find_root(parents, other)
    parents[max(roots)] = min(roots)


class NearPairs:
    """Collects shingles and band keys of texts and finds the pairs that are near duplicates.

    Raises:
        InputError: the threshold is not in (0, 1].
    """

    def __init__(self, threshold: float, seed: int = 0, length: int = SHINGLE) -> None:
        self._threshold = threshold
        self._banding = choose_banding(threshold)
        self._shingles = Shingles(seed, length)
        self._waiting: list[list[str]] = []
        self._positions = array("q")
        # Sets are read again for the few pairs that are compared: they need not stay in memory.
        self._sets = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 -- closed with this object
        self._ends = array("q", [0])
        self._keys: list[_Array64] = []

    def add(self, position: int, words: list[str]) -> None:
        """Add a text, given as words, which is known as `position`."""
        if not words:
            return  # only its exact duplicates are its duplicates
        self._positions.append(position)
        self._waiting.append(words)
        if len(self._waiting) == _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            sets, ends = self._shingles.of_texts(self._waiting)
            with report_write_errors(Path(tempfile.gettempdir())):
                self._sets.seek(0, os.SEEK_END)
                self._sets.write(sets.tobytes())
            self._ends.extend((ends + self._ends[-1]).tolist())
            self._keys.append(band_keys(self._shingles.signatures(sets, ends), self._banding))
            self._waiting.clear()

    def join(self, parents: list[int]) -> None:
        """Join the texts of every confirmed pair in the forest `parents` of `find_root`."""
        self._flush()
        for bucket in _buckets(self._keys):
            by_root: dict[int, list[int]] = {}
            for entry in bucket:
                by_root.setdefault(find_root(parents, self._positions[entry]), []).append(entry)
            self._join_parts(list(by_root.values()), parents)

    def _join_parts(self, parts: list[list[int]], parents: list[int]) -> None:
        """Join the parts of a bucket that a near pair connects; within a part nothing remains to be compared."""
        separate: list[list[int]] = []
        for part in parts:
            for other in list(separate):
                if any(self._near(a, b) for a in part for b in other):
                    join(parents, self._positions[part[0]], self._positions[other[0]])
                    separate.remove(other)
                    part = other + part
            separate.append(part)

    def _near(self, one: int, other: int) -> bool:
        return jaccard(self._set(one), self._set(other)) >= self._threshold

    def _set(self, entry: int) -> _Array32:
        start, end = self._ends[entry], self._ends[entry + 1]
        self._sets.seek(start * _BYTES)
        return np.frombuffer(self._sets.read((end - start) * _BYTES), np.uint32)


def band_keys(signatures: npt.NDArray[np.uint32], banding: Banding) -> _Array64:
    """One 64-bit key (T, bands) for the rows of every band of T signatures."""
    used = signatures[:, : banding.bands * banding.rows].astype(np.uint64)
    rows = used.reshape(len(signatures), banding.bands, banding.rows)
    weights = np.random.default_rng(1).integers(0, 2**64, banding.rows, np.uint64) | np.uint64(1)
    return mix((mix(rows) * weights).sum(axis=2, dtype=np.uint64))


def _buckets(keys: list[_Array64]) -> Iterator[list[int]]:
    """The texts (two or more) that agree in a band, band by band."""
    for number in range(keys[0].shape[1] if keys else 0):
        band = np.concatenate([part[:, number] for part in keys])
        order = np.argsort(band, kind="stable")
        ranked = band[order]
        edges = np.flatnonzero(np.diff(ranked)) + 1
        starts, ends = np.append(0, edges), np.append(edges, len(ranked))
        for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
            yield order[start:end].tolist()
