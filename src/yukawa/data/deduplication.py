"""Documents that say the same twice: exact duplicates by hash, near ones by MinHash, LSH and their true Jaccard index."""

from __future__ import annotations

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
from yukawa.data.rows import Document

SHINGLE = 5  # words; Lee et al. 2022 use 5 as well
PERMUTATIONS = 128
RECALL = 0.99  # least probability that a pair right at the threshold is compared
_BATCH = 64  # documents: their table of permuted hashes stays in the processor's cache
_IN_MEMORY = 1 << 24  # bytes of shingle sets; more go to a file
_BYTES = 4  # of a shingle's hash
_PAD = ""  # no word is empty, so a text shorter than a shingle has one shingle that no longer text has
_Array32 = npt.NDArray[np.uint32]
_Array64 = npt.NDArray[np.uint64]
_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Banding:
    """How a signature is cut: texts that agree in all rows of at least one band are compared."""

    bands: int
    rows: int

    def probability(self, jaccard: float) -> float:
        """That two texts of this Jaccard index are compared: 1 - (1 - J^rows)^bands, the S-curve of LSH.

        Source: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4.
        """
        return float(1 - (1 - jaccard**self.rows) ** self.bands)


def choose_banding(threshold: float) -> Banding:
    """The steepest curve that still compares pairs at the threshold with a probability of `RECALL` or more.

    For 0.8 it has 21 bands of 6 rows: pairs with J = 0.8 are compared with probability 0.998, with 0.9
    always but for 1e-7, with 0.5 in 28 % and with 0.2 in 0.1 % of the cases.

    Raises:
        InputError: the threshold is not in (0, 1].
    """
    if not 0 < threshold <= 1:
        raise InputError(f"the threshold is {threshold:g}, a Jaccard index above 0 and up to 1 is expected")
    choices = [Banding(PERMUTATIONS // rows, rows) for rows in range(1, 33)]
    fitting = [choice for choice in choices if choice.probability(threshold) >= RECALL]
    return max(fitting, key=lambda choice: choice.rows, default=choices[0])


class Shingles:
    """The sets of word shingles of texts, as sorted distinct 32-bit hashes, and their MinHash signatures.

    A hash of 32 bits takes half the memory and time of one of 64; that two of the 200 shingles of a pair of
    abstracts agree by chance happens once in 200,000 pairs and moves its Jaccard index by 0.005.
    """

    def __init__(self, seed: int = 0, length: int = SHINGLE) -> None:
        self._length = length
        generator = np.random.default_rng(seed)
        # x -> a x + b modulo 2^32 with odd a is a permutation of the 32-bit numbers.
        self._factors_P1 = generator.integers(0, 2**32, (PERMUTATIONS, 1), np.uint32) | np.uint32(1)
        self._shifts_P1 = generator.integers(0, 2**32, (PERMUTATIONS, 1), np.uint32)

    def of_texts(self, texts: Iterable[list[str]]) -> tuple[_Array32, _Counts]:
        """The sets of shingles of T texts given as words, one after the other, and their ends (T,).

        A text without words has none.
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


@dataclass(frozen=True)
class Group:
    """Documents that are one and the same: the id of the one to keep and those of the others, in order."""

    kept: str
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class DuplicateCounts:
    """How many documents there were, were dropped as exact and as near duplicates, and are kept."""

    documents: int
    exact: int
    near: int
    kept: int


@dataclass(frozen=True)
class Duplicates:
    """What `find_duplicates` found.

    Attributes:
        groups: sorted by the id that is kept.
        counts: `exact` counts the documents whose normalised text another of the same group has, one of each
            text excepted; `near` the others that are dropped.
    """

    groups: tuple[Group, ...]
    counts: DuplicateCounts
    _dropped: dict[int, str] = field(repr=False)

    def keep(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents without duplicates, in order; they are read a second time and never held.

        Raises:
            InputError: these are not the documents that were searched, or not in that order.
        """
        count = 0
        for position, document in enumerate(documents):
            count += 1
            dropped = self._dropped.get(position)
            if dropped is None:
                yield document
            elif dropped != document.id:
                raise InputError(
                    f"document {position + 1} is {document.id!r}, it was {dropped!r} when duplicates were sought",
                    hint="give the same documents in the same order",
                )
        if count != self.counts.documents:
            raise InputError(
                f"{count} documents came, {self.counts.documents} were searched for duplicates",
                hint="give the same documents in the same order",
            )


class DuplicateFilter:
    """Keeps one document of each group of duplicates, and counts the others by reason.

    Attributes:
        counts: of the last documents; None before.

    Raises:
        InputError: the threshold is not in (0, 1].
    """

    def __init__(self, threshold: float | None = 0.8, seed: int = 0) -> None:
        if threshold is not None:
            choose_banding(threshold)
        self._threshold, self._seed = threshold, seed
        self.counts: DuplicateCounts | None = None

    def __call__(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents to keep, in order; `documents` must allow two readings and is never held."""
        found = find_duplicates(documents, self._threshold, self._seed)
        self.counts = found.counts
        return found.keep(documents)

    def keeps(self, documents: Iterable[Document]) -> Iterator[bool]:
        """Say of each document, in order, whether it stays; they are read once, to the last, before the first answer."""
        found = find_duplicates(documents, self._threshold, self._seed)
        self.counts = found.counts
        return (position not in found._dropped for position in range(found.counts.documents))

    @property
    def settings(self) -> dict[str, Any]:
        """What decided, for a manifest."""
        if self._threshold is None:
            return {"filter": "duplicates", "about": "of texts of the same words the oldest is kept."}
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

    @property
    def dropped(self) -> dict[str, int]:
        """How many documents were dropped, by reason."""
        if self.counts is None:
            return {}
        reasons = {
            "of the same words as another": self.counts.exact,
            "nearly the same as another": self.counts.near,
        }
        return {reason: count for reason, count in reasons.items() if count}


def near_duplicates(
    documents: Iterable[Document], threshold: float = 0.8, seed: int = 0
) -> tuple[Group, ...]:
    """Groups of documents whose sets of word 5-grams have a Jaccard index of `threshold` or more.

    Exact duplicates belong to them. A group holds whoever is tied to it by a chain of such pairs. Its oldest
    document is kept, of equally old ones the one with the smallest id; one without a date counts as youngest.
    The order of the documents changes nothing. Method: Lee et al., Deduplicating training data makes language
    models better (arXiv:2107.06499), with candidate pairs of MinHash and LSH (see `choose_banding` for the
    probability that a pair is found) confirmed by their true Jaccard index.

    Raises:
        InputError: the threshold is not in (0, 1].
    """
    return find_duplicates(documents, threshold, seed).groups


def find_duplicates(
    documents: Iterable[Document], threshold: float | None = 0.8, seed: int = 0
) -> Duplicates:
    """Like `near_duplicates`, with counts, and able to filter a second reading of the documents.

    The documents are read once and not held: some 0.5 kB of each stay in memory, and 0.2 kB where `threshold` is
    None, which seeks exact duplicates alone; hashes of the texts' shingles go to a temporary file.

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
    groups: list[Group] = []
    dropped: dict[int, str] = {}
    for group in members.values():
        kept, *others = sorted(group, key=lambda position: (keys[position], position))
        groups.append(Group(keys[kept][1], tuple(keys[other][1] for other in others)))
        dropped.update((other, keys[other][1]) for other in others)
    counts = DuplicateCounts(len(parents), exact, len(dropped) - exact, len(parents) - len(dropped))
    return Duplicates(tuple(sorted(groups, key=lambda group: (group.kept, group.dropped))), counts, dropped)


def find_root(parents: list[int], position: int) -> int:
    """The position that stands for the group of `position`; paths get shorter on the way."""
    while parents[position] != position:
        parents[position] = position = parents[parents[position]]
    return position


class NearPairs:
    """Shingles and band keys of texts, and the pairs among them that are near duplicates.

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
        """Take up a text, given as words, that is known as `position`."""
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
        """Join the texts of every confirmed pair in the forest `parents`, which `find_root` reads."""
        self._flush()
        for bucket in _buckets(self._keys):
            by_root: dict[int, list[int]] = {}
            for entry in bucket:
                by_root.setdefault(find_root(parents, self._positions[entry]), []).append(entry)
            self._join_parts(list(by_root.values()), parents)

    def _join_parts(self, parts: list[list[int]], parents: list[int]) -> None:
        """Join those parts of a bucket that a pair ties; within a part nothing is left to compare."""
        apart: list[list[int]] = []
        for part in parts:
            for other in list(apart):
                if any(self._near(a, b) for a in part for b in other):
                    roots = [find_root(parents, self._positions[entry]) for entry in (part[0], other[0])]
                    parents[max(roots)] = min(roots)
                    apart.remove(other)
                    part = other + part
            apart.append(part)

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
