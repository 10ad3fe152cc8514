"""An immutable slice of the search index: passages with their vectors and postings, as arrays."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPEN_END = np.iinfo(np.int64).max

# Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), usual values.
K1, B = 1.2, 0.6
KEY_WEIGHT = 3.0


@dataclass(slots=True)
class Part:
    """`n` passages in order of their ids.

    `valid_from`, `valid_to` (n,) say when each holds (microseconds); they alone may change, by `set_validity`, which
    keeps `in_force` (n,) in step: what holds now. `vectors` is (n, d); `words` is the sum of `lengths`.
    Postings are in compressed rows: term `t` stands in `rows[starts[t]:starts[t + 1]]`, as often as `counts`.
    """

    passage_ids: NDArray[np.int64]
    version_ids: NDArray[np.int64]
    item_keys: NDArray[np.int64]
    valid_from: NDArray[np.int64]
    valid_to: NDArray[np.int64]
    vectors: NDArray[np.float32]
    lengths: NDArray[np.float32]
    vocabulary: dict[str, int]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.float32]
    in_force: NDArray[np.bool_] = field(init=False)
    words: float = field(init=False)

    def __post_init__(self) -> None:
        self.in_force = self.valid_to == OPEN_END
        self.words = float(self.lengths.sum(dtype=np.float64))

    def __len__(self) -> int:
        return len(self.passage_ids)

    def postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Rows that hold `term`, and how often each does."""
        number = self.vocabulary.get(term)
        if number is None:
            return self.rows[:0], self.counts[:0]
        span = slice(self.starts[number], self.starts[number + 1])
        return self.rows[span], self.counts[span]

    def set_validity(self, row: int, valid_from: int, valid_to: int) -> None:
        """Say anew when the passage in `row` holds."""
        self.valid_from[row], self.valid_to[row] = valid_from, valid_to
        self.in_force[row] = valid_to == OPEN_END

    def frequency(self, term: str) -> int:
        """In how many passages `term` stands."""
        number = self.vocabulary.get(term)
        return 0 if number is None else int(self.starts[number + 1] - self.starts[number])


def build_part(rows: Sequence[Any], vectors: NDArray[np.float32]) -> Part:
    """A part from database rows with `passage_id, version_id, item_key, valid_from, valid_to, terms`."""
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
    return Part(
        passage_ids=np.array([r.passage_id for r in rows], dtype=np.int64),
        version_ids=np.array([r.version_id for r in rows], dtype=np.int64),
        item_keys=np.array([r.item_key for r in rows], dtype=np.int64),
        valid_from=np.array([r.valid_from for r in rows], dtype=np.int64),
        valid_to=np.array([OPEN_END if r.valid_to is None else r.valid_to for r in rows], dtype=np.int64),
        vectors=vectors,
        lengths=lengths,
        vocabulary=vocabulary,
        starts=np.searchsorted(terms_of, np.arange(len(vocabulary) + 1)),
        rows=rows_of.astype(np.int32),
        counts=frequency.astype(np.float32),
    )


def merge_parts(parts: Sequence[Part]) -> Part:
    """One part that holds what `parts` hold, in their order."""
    vocabulary: dict[str, int] = {}
    term_blocks, row_blocks, offset = [], [], 0
    for part in parts:
        renumber = np.empty(len(part.vocabulary), dtype=np.int64)
        for term, number in part.vocabulary.items():
            renumber[number] = vocabulary.setdefault(term, len(vocabulary))
        term_blocks.append(np.repeat(renumber, np.diff(part.starts)))
        row_blocks.append(part.rows.astype(np.int64) + offset)
        offset += len(part)
    terms_of = np.concatenate(term_blocks)
    order = np.argsort(terms_of, kind="stable")

    def joined(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])

    return Part(
        **{
            n: joined(n)
            for n in (
                "passage_ids",
                "version_ids",
                "item_keys",
                "valid_from",
                "valid_to",
                "vectors",
                "lengths",
            )
        },
        vocabulary=vocabulary,
        starts=np.searchsorted(terms_of[order], np.arange(len(vocabulary) + 1)),
        rows=np.concatenate(row_blocks)[order].astype(np.int32),
        counts=joined("counts")[order],
    )


def term_weight(term: str, passages: int, frequency: int) -> float:
    """Inverse document frequency of a term that stands in `frequency` of `passages`; claim keys count threefold.

    A claim key says that a passage states the very quantity asked for, which no likeness of words can outdo.
    """
    idf = math.log(1 + (passages - frequency + 0.5) / (frequency + 0.5))
    return KEY_WEIGHT * idf if term.startswith("=") else idf


def bm25(
    part: Part, terms: Sequence[tuple[str, float]], mean_length: float
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """BM25 scores (n,), and the rows that hold any of `terms`, each as often as it holds different ones.

    `terms` are pairs of term and inverse document frequency. The work is in proportion to the postings: rows that
    hold none of the terms are not even looked at.
    """
    scores = np.zeros(len(part), dtype=np.float32)
    touched = [part.rows[:0]]
    for term, idf in terms:
        rows, counts = part.postings(term)
        norm = part.lengths[rows]
        norm *= K1 * B / mean_length
        norm += K1 * (1 - B)
        norm += counts
        scores[rows] += (idf * (K1 + 1)) * counts / norm
        touched.append(rows)
    return scores, np.concatenate(touched)


def save_part(part: Part, folder: Path, manifest: dict[str, Any], more: Callable[[Path], None]) -> None:
    """Write `part`, and what `more` writes into the folder it is given, beside `folder` and put all in its place."""
    beside, aside = (folder.with_name(f"{folder.name}.{os.getpid()}.{end}") for end in ("new", "old"))
    shutil.rmtree(beside, ignore_errors=True)
    manifest = manifest | {"copy": os.urandom(8).hex()}  # tells one copy from the next while it is read
    try:
        beside.mkdir()
        for name in _saved():
            value = getattr(part, name)
            np.save(
                beside / f"{name}.npy",
                value.astype(np.float16) if name == "vectors" and _in_half(part) else value,
            )
        (beside / "vocabulary.txt").write_text(
            "".join(f"{term}\n" for term in part.vocabulary), encoding="utf-8"
        )
        more(beside)
        (beside / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        with contextlib.suppress(FileNotFoundError):
            folder.rename(aside)
        try:
            beside.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise  # else another process has just put its own copy there, as good as this one
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


def load_part(folder: Path) -> tuple[Part, dict[str, Any]] | None:
    """The saved part and its manifest, or None if there is none that is whole."""
    for _ in range(5):
        found = _load_copy(folder)
        # Another process may have changed the copy between two files: only one read from end to end counts.
        if found is not None and _manifest(folder) == found[1]:
            return found
    return None


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None


def _load_copy(folder: Path) -> tuple[Part, dict[str, Any]] | None:
    manifest = _manifest(folder)
    if manifest is None:
        return None
    try:
        terms = (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")[:-1]
        arrays = {
            name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
            for name in _saved()
        }
    except (OSError, ValueError):
        return None
    if len(arrays["starts"]) != len(terms) + 1:
        return None
    for name in ("valid_from", "valid_to"):
        arrays[name] = np.array(arrays[name])
    arrays["vectors"] = arrays["vectors"].astype(np.float32, copy=False)
    return Part(**arrays, vocabulary={term: i for i, term in enumerate(terms)}), manifest


def _in_half(part: Part) -> bool:
    """Whether the copy keeps vectors as the tables do: a large one is read in place and so as it is used."""
    return len(part) <= 100_000


def _saved() -> list[str]:
    """The arrays of a part that are kept on disk."""
    return [f.name for f in fields(Part) if f.init and f.name != "vocabulary"]
