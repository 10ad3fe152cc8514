"""The index of an embedded base: BM25 and vectors fused in this process, kept in step with the ledger."""

import contextlib
import functools
import importlib.util
import logging
import math
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import lazy_loader
import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from yukawa.core.processes import usable_cores
from yukawa.knowledge.search import segments as seg
from yukawa.knowledge.search.ranking import CANDIDATES, K1, VECTOR_WEIGHT, Query, Scored, weighted_terms
from yukawa.knowledge.search.segments import IndexSegment
from yukawa.knowledge.store import ledger, schema
from yukawa.knowledge.store.checksums import of_vector
from yukawa.knowledge.store.database import HEAD, damaged
from yukawa.knowledge.store.places import Scratch, remove

faiss = lazy_loader.load("faiss")  # optional
log = logging.getLogger(__name__)

# Measured in benchmarks/search.py: the product over 100,000 x 384 takes 4 to 8 ms on two cores.
EXACT_UP_TO = 125_000
TARGET_RECALL = 0.99
_BLOCK = 65_536
_PIECE, _ALONE = 2_048, 4_096


class Nearest:
    """Searches a segment's vectors; the frozen first segment may have an approximate index."""

    def __init__(self) -> None:
        self._faiss: Any = None
        self._lock = threading.Lock()  # an index of FAISS cannot be searched while it grows

    def cover(self, vectors: NDArray[np.float32]) -> None:
        """Prepare the search of `vectors` (n, d): by FAISS, where they are many and it is installed.

        An index of at least half of them is continued with the rows it lacks; what it has must be the first rows.
        """
        with self._lock:
            self._cover(vectors)

    def _cover(self, vectors: NDArray[np.float32]) -> None:
        if len(vectors) <= EXACT_UP_TO or vectors.shape[1] == 0 or not _installed():
            self._faiss = None
            return
        if self._faiss is None or not len(vectors) <= 2 * self._faiss.ntotal <= 2 * len(vectors):
            self._faiss = _trained(vectors)
        for start in range(self._faiss.ntotal, len(vectors), _BLOCK):
            self._faiss.add(np.ascontiguousarray(vectors[start : start + _BLOCK]))
        if self._faiss.nprobe == 1:  # as made
            self._faiss.nprobe = _probes(self._faiss, vectors)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `cover` made, as bytes (n,) to be saved; empty if the search is exact."""
        if self._faiss is None:
            return {}
        return {"faiss": faiss.serialize_index(self._faiss)}

    def load(self, arrays: dict[str, NDArray[Any]], count: int) -> None:
        """Take what `arrays` gave if it holds `count` rows; else the search stays exact until it is covered anew."""
        self._faiss = None
        if "faiss" in arrays and _installed():
            index = faiss.deserialize_index(np.array(arrays["faiss"]))
            self._faiss = index if index.ntotal == count else None

    def clear(self) -> None:
        """Forget what `cover` made."""
        self._faiss = None

    def search(
        self, vectors: NDArray[np.float32], query: NDArray[np.float32], valid: NDArray[np.bool_], k: int, *, frozen: bool,
    ) -> NDArray[np.int64]:  # fmt: skip
        """Rows of the `k` valid vectors nearest to `query` (d,), in no order; fewer where fewer are valid."""
        if frozen and self._faiss is not None:
            # Rows no longer valid are skipped: ask for more until enough are left.
            for wanted in (2 * k, 20 * k):
                rows = self._approximate(len(vectors), query, wanted)
                rows = rows[valid[rows]]
                if len(rows) >= k:
                    return np.asarray(rows[:k], dtype=np.int64)
        count = int(np.count_nonzero(valid))
        if count < len(vectors) // 4:  # then gathering costs less than the products it saves
            rows = np.flatnonzero(valid)
            return rows[largest(vectors[rows] @ query, k)]
        scores = _product(vectors, query)
        if count < len(vectors):
            scores[~valid] = -np.inf
        return largest(scores, min(k, count))

    def _approximate(self, count: int, query: NDArray[np.float32], wanted: int) -> NDArray[np.int64]:
        """Rows near to `query`, nearest first; none where the index is not of `count` rows."""
        with self._lock:
            if self._faiss is None or self._faiss.ntotal != count:
                return np.empty(0, dtype=np.int64)
            rows: NDArray[np.int64] = self._faiss.search(query[None], wanted)[1][0]
        return rows[rows >= 0]


def _product(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    """`vectors @ query`, piece by piece from one thread for each core.

    Row by row at the pace of memory; the product with `@` takes twice as long (measured with OpenBLAS), and its threads
    wait for each other in a loop, which on a busy machine costs twice as much again.
    """
    scores = np.empty(len(vectors), dtype=np.float32)
    starts = iter(range(0, len(vectors), _PIECE))

    def work() -> None:
        for start in starts:  # one iterator for all: whoever is free takes the next piece
            piece = slice(start, start + _PIECE)
            np.vecdot(vectors[piece], query, out=scores[piece])

    others = [] if len(vectors) <= _ALONE else [_helpers().submit(work) for _ in range(usable_cores() - 1)]
    work()
    for other in others:
        if not other.cancel():  # one that did not wake in time has nothing left to do
            other.result()
    return scores


@functools.cache
def _helpers() -> ThreadPoolExecutor:
    """Threads that wait for a product; starting them anew would take as long as a small product."""
    return ThreadPoolExecutor(max(usable_cores() - 1, 1), thread_name_prefix="product")


def largest(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """The positions (k,) of the `k` largest of the scores (n,), in no order."""
    if k >= len(scores):
        return np.arange(len(scores))
    if k <= 0:
        return np.arange(0)
    return np.asarray(np.argpartition(scores, len(scores) - k)[-k:], dtype=np.int64)


def _installed() -> bool:
    return importlib.util.find_spec("faiss") is not None


def _trained(vectors: NDArray[np.float32]) -> Any:
    """An empty index with cells for `vectors`.

    It keeps one byte a number, since the caller computes the exact cosines of the candidates.
    """
    cells = int(2 * np.sqrt(len(vectors)))
    index = faiss.index_factory(vectors.shape[1], f"IVF{cells},SQ8", faiss.METRIC_INNER_PRODUCT)
    index.cp.niter = 10
    sample = np.random.default_rng(0).choice(len(vectors), min(len(vectors), 40 * cells), replace=False)
    index.train(np.ascontiguousarray(vectors[np.sort(sample)]))
    return index


def _probes(index: Any, vectors: NDArray[np.float32]) -> int:
    """The fewest cells to visit for the target recall@10, measured on the base's own vectors, moved far.

    No fixed share of the cells serves every size: 1/16 gives 0.974 at 150,000 and more time than needed beyond.

    Questions lie farther from passages than passages from each other, so the nearest of a question are spread over
    more cells. Vectors moved by 1.5 need as many cells as real questions do (benchmarks/search.py: within 0.002 of
    each other from 0.98 to 0.996); vectors moved by 0.3 would need a third of them.
    """
    generator = np.random.default_rng(1)
    asked = np.array(vectors[generator.integers(len(vectors), size=500)])
    asked += generator.normal(0, 1.5 / np.sqrt(asked.shape[1]), asked.shape).astype(np.float32)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    truth = _exact(vectors, asked, 10)
    cells = int(index.nlist)
    probes = 8
    while probes < cells:
        index.nprobe = probes
        found = index.search(asked, 100)[1]
        if np.mean([np.isin(t, f).mean() for t, f in zip(truth, found, strict=True)]) >= TARGET_RECALL:
            break
        probes = math.ceil(1.2 * probes)
    return min(probes, cells)


def _exact(vectors: NDArray[np.float32], asked: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Rows (m, k) of the `k` nearest to each of `asked` (m, d), a block of `vectors` at a time."""
    rows, scores = [], []
    for start in range(0, len(vectors), _BLOCK):
        block = asked @ vectors[start : start + _BLOCK].T
        best = np.argpartition(block, -min(k, block.shape[1]))[:, -k:]
        rows.append(best + start)
        scores.append(np.take_along_axis(block, best, axis=1))
    best = np.argpartition(np.concatenate(scores, axis=1), -k)[:, -k:]
    return np.take_along_axis(np.concatenate(rows, axis=1), best, axis=1)


TAIL_ROWS = 256
MAX_SEGMENTS = 8
# The copy on disk is renewed when this many passages, and this share of all, are not in it: for a large base
# that takes seconds.
SAVE_AFTER = 2_000
SAVE_SHARE = 0.1
_ROWS_AT_ONCE = 20_000
_REMEMBERED = 1_000  # states of the ledger through which the index has passed
_IN_LIST = 500


class LocalIndex:
    """Keeps all passages of an embedded base in memory, with a copy on disk for a quick start.

    SQLite's own full text (FTS5) is not used: its bm25() takes some 10 µs for each passage that holds any of the
    words, which is most of the base for a common one (measured in docs/benchmarks.md).
    """

    def __init__(self, file: Path | None, scratch: Scratch | None, embedder_id: int, dimensions: int) -> None:
        self._file, self._scratch = file, scratch
        self._embedder_id, self._dimensions = embedder_id, dimensions
        self._segments: list[IndexSegment] = []
        self._position, self._hash = 0, ledger.GENESIS
        self._unsaved = 0
        self._nearest = Nearest()
        self._lock = threading.RLock()
        self._passed: dict[int, str] = {}  # hashes of the ledger by number, oldest first

    def search(self, connection: sa.Connection, query: Query) -> list[Scored]:
        """See `Index.search`; threads whose views are of different moments may call it at once."""
        with self._lock:
            behind = self._refresh(connection)
            if behind is not None and query.as_of is None:
                query = replace(query, as_of=behind)
            segments = list(self._segments)  # whose validity alone another thread may change
            validity = [np.array(_valid(segment, query)) for segment in segments]
        if not segments:
            return []
        count = sum(map(len, segments))
        frequencies = ((sum(s.frequency(t) for s in segments), t) for t in set(query.terms))
        weighted = weighted_terms(frequencies, count)
        ideal = sum(weight for _, weight in weighted) * (K1 + 1) or 1.0
        mean_length = sum(s.words for s in segments) / max(count, 1) or 1.0
        words = [s.bm25(weighted, mean_length) for s in segments]
        vector = query.embed() if self._dimensions else None
        found: list[Scored] = []
        for number, (segment, valid, found_words) in enumerate(zip(segments, validity, words, strict=True)):
            lexical, touched = found_words
            lexical *= 1 / ideal
            wanted = max(CANDIDATES, query.k)
            candidates = _best_by_words(lexical, touched[valid[touched]], wanted, len(weighted))
            if vector is not None:
                near = self._nearest.search(segment.vectors, vector, valid, wanted, frozen=number == 0)
                both = np.sort(np.concatenate([candidates, near]))
                candidates = both[np.diff(both, prepend=-1) > 0]
            if len(candidates):
                found += _fused(segment, candidates, lexical[candidates], vector, query.k)
        found.sort(key=lambda s: (-s.score, s.passage_id))
        return found[: query.k]

    def problems(self, connection: sa.Connection) -> list[str]:
        """See `Index.problems`: the index is compared with the passages, versions and checksums of vectors in the tables."""
        with self._lock:
            if self._refresh(connection) is not None:
                return []  # another thread writes: the index is ahead of this view
            mine = {row for s in self._segments for row in _rows(s, self._checksums(s))}
        rows = connection.execute(self._query(schema.vectors.c.checksum, 0)).partitions()
        theirs = {
            one
            for block in rows
            for one in _rows(
                seg.build_segment(block, np.empty((len(block), 0), np.float32)),
                [row.embedded for row in block],
            )
        }
        return [] if mine == theirs else [f"index: {len(mine ^ theirs)} passages differ from the tables"]

    def clear(self) -> None:
        """See `Index.clear`."""
        with self._lock:
            self._segments, self._position, self._hash = [], 0, ledger.GENESIS
            self._passed.clear()
            self._nearest.clear()
            if self._file is not None:
                remove(self._file)

    def save(self, connection: sa.Connection) -> None:
        """See `Index.save`: write the copy on disk."""
        with self._lock:
            if self._refresh(connection) is None and self._segments and self._file and self._scratch:
                self._save(self._file, self._scratch)

    def _save(self, file: Path, scratch: Scratch) -> None:
        self._segments = [seg.merge_segments(self._segments)] if len(self._segments) > 1 else self._segments
        self._nearest.cover(self._segments[0].vectors)
        manifest = {"schema": HEAD, "seq": self._position, "hash": self._hash, "embedder": self._embedder_id}
        with scratch.file() as beside:
            seg.save_segment(self._segments[0], beside, manifest, self._nearest.arrays())
            with contextlib.suppress(FileNotFoundError):  # an erasure has just removed what was half-written
                if file.is_dir():  # as versions before 0.2 kept it
                    remove(file)
                os.replace(beside, file)
        self._unsaved = 0

    def _count(self) -> int:
        return sum(len(s) for s in self._segments)

    def _checksums(self, segment: IndexSegment) -> list[int | None]:
        """What the checksum of each passage's vector (n,) should be in its table."""
        if not self._dimensions:
            return [None] * len(segment)
        return [
            of_vector(int(passage_id), self._embedder_id, vector, on_server=False)
            for passage_id, vector in zip(segment.passage_ids, segment.vectors, strict=True)
        ]

    def _refresh(self, connection: sa.Connection) -> int | None:
        """Bring the arrays up to the ledger's last event; where another thread has gone beyond it, its number."""
        if not self._segments and self._position == 0:
            self._load(connection)
        last, _, digest = ledger.head(connection)
        if digest == self._hash:
            return None
        if self._passed.get(last) == digest:  # this view began before the newest event
            return last
        self._follow(connection, last, digest)
        return None

    def _follow(self, connection: sa.Connection, last: int, digest: str) -> None:
        if self._position and self._hash_at(connection, self._position) != self._hash:
            self.clear()  # another ledger is here now: a backup was put back
        e = schema.events.c
        since = connection.execute(sa.select(e.item_id, e.verb).where(e.seq > self._position)).all()
        changed = {row.item_id for row in since if row.verb != "teach" and row.item_id is not None}
        if not self._segments or any(row.verb == "purge" for row in since):
            self._rebuild(
                connection
            )  # after an erasure, so that no copy made from here brings a fragment back
        else:
            newest = max(int(s.passage_ids[-1]) for s in self._segments if len(s)) if self._count() else 0
            self._append(connection, newest)
            self._revalidate(connection, changed)
        if self._position:
            self._passed[self._position] = self._hash
        while len(self._passed) > _REMEMBERED:
            del self._passed[next(iter(self._passed))]
        self._position, self._hash = last, digest
        enough = self._unsaved >= max(SAVE_AFTER, SAVE_SHARE * self._count())
        if enough:
            self._save_if_possible(connection)

    def _save_if_possible(self, connection: sa.Connection) -> None:
        """Renew the copy; a disk that is full or read-only costs the next start some time and this search nothing."""
        try:
            self.save(connection)
        except OSError as error:
            self._unsaved = 0
            log.info("the copy of the search index is not kept: %s", error)

    def _load(self, connection: sa.Connection) -> None:
        loaded = None if self._file is None else seg.load_segment(self._file)
        if loaded is None:
            return
        segment, manifest, more = loaded
        position = int(manifest.get("seq", -1))
        # The copy is used only if it was made from the same ledger, as this schema has it.
        digest = self._hash_at(connection, position)
        made = {"schema": HEAD, "seq": position, "hash": digest, "embedder": self._embedder_id}
        if digest is None or manifest != made:
            return
        self._segments, self._position, self._hash = [segment], position, digest
        self._nearest.load(more, len(segment))

    def _hash_at(self, connection: sa.Connection, seq: int) -> str | None:
        return connection.execute(sa.select(schema.events.c.hash).where(schema.events.c.seq == seq)).scalar()

    def _rebuild(self, connection: sa.Connection) -> None:
        self._segments = []
        self._nearest.clear()
        self._append(connection, 0)

    def _append(self, connection: sa.Connection, after: int) -> None:
        segment = self._read_segment(connection, after)
        if not len(segment):
            return
        self._unsaved += len(segment)
        # The newest few passages are one segment that grows.
        if self._segments and len(self._segments[-1]) < TAIL_ROWS:
            segment = seg.merge_segments([self._segments.pop(), segment])
        self._segments.append(segment)
        if len(self._segments) > MAX_SEGMENTS:
            self._segments = [self._segments[0], seg.merge_segments(self._segments[1:])]
        first, *others = self._segments
        if sum(map(len, others)) > max(len(first), 4096):
            self._segments = [seg.merge_segments(self._segments)]
            self._nearest.clear()

    def _read_segment(self, connection: sa.Connection, after: int) -> IndexSegment:
        rows = connection.execute(self._query(schema.vectors.c.vector, after)).partitions()
        blocks = [self._block(block) for block in rows] or [self._block([])]
        return seg.merge_segments(blocks) if len(blocks) > 1 else blocks[0]

    def _query(self, embedded: sa.Column[Any], after: int) -> sa.Select[Any]:
        """Passages beyond the id `after` with a column of their vectors, as `embedded`."""
        p, v, vec = schema.passages, schema.versions, schema.vectors
        return (
            sa.select(
                p.c.id.label("passage_id"), p.c.version_id, v.c.valid_from, v.c.valid_to, p.c.terms, embedded.label("embedded"),
            )
            .select_from(p.join(v).outerjoin(vec, (vec.c.passage_id == p.c.id) & (vec.c.embedder_id == self._embedder_id)))
            .where(p.c.id > after)
            .order_by(p.c.id)
            .execution_options(yield_per=_ROWS_AT_ONCE)  # rows take far more memory than the arrays made of them
        )  # fmt: skip

    def _block(self, rows: Sequence[Any]) -> IndexSegment:
        if not all(isinstance(row.terms, str) for row in rows):
            raise damaged("the terms of a passage are of another type")
        vectors = np.zeros((len(rows), self._dimensions), dtype=np.float32)
        for i, row in enumerate(rows) if self._dimensions else ():
            if row.embedded is not None:
                vectors[i] = row.embedded
        return seg.build_segment(rows, vectors)

    def _revalidate(self, connection: sa.Connection, item_ids: set[str]) -> None:
        """Take the validity of the items' versions from the tables."""
        v, wanted = schema.versions.c, list(item_ids)
        for start in range(0, len(wanted), _IN_LIST):
            of_these = v.item_id.in_(wanted[start : start + _IN_LIST])
            for row in connection.execute(sa.select(v.id, v.valid_from, v.valid_to).where(of_these)):
                for segment in self._segments:
                    valid_to = seg.OPEN_END if row.valid_to is None else row.valid_to
                    segment.set_validity(row.id, row.valid_from, valid_to)


def _rows(segment: IndexSegment, checksums: Sequence[int | None]) -> Iterator[tuple[int | None, ...]]:
    """What a segment says of each passage that ever held, in numbers."""
    terms = segment.fingerprints()
    columns = (segment.passage_ids, segment.version_ids, segment.valid_from, segment.valid_to, terms)
    for i in map(int, np.flatnonzero(segment.valid_from < segment.valid_to)):
        yield (*(int(column[i]) for column in columns), checksums[i])


def _best_by_words(
    lexical: NDArray[np.float32], touched: NDArray[np.int32], wanted: int, terms: int
) -> NDArray[np.int64]:
    """The `wanted` different rows of `touched` with the highest `lexical`, in no order.

    A row occurs in `touched` once for each of its `terms`, so among this many there are enough different ones.
    """
    some = np.unique(touched[largest(lexical[touched], wanted * max(terms, 1))])
    return some[largest(lexical[some], wanted)].astype(np.int64)


def _fused(
    segment: IndexSegment, candidates: NDArray[np.int64], lexical: NDArray[np.float32],
    vector: NDArray[np.float32] | None, k: int,
) -> list[Scored]:  # fmt: skip
    """The best `k` of `candidates` (rows of `segment`) by both scores; of equals those taught first."""
    if vector is None:
        fused, similarity = lexical, np.zeros(len(candidates), dtype=np.float32)
    else:
        similarity = segment.vectors[candidates] @ vector
        fused = VECTOR_WEIGHT * similarity + (1 - VECTOR_WEIGHT) * lexical
    best = np.argsort(-fused, kind="stable")[:k]
    rows = zip(
        segment.passage_ids[candidates[best]], fused[best], similarity[best], lexical[best], strict=True
    )
    return [Scored(int(i), float(score), float(s), float(word)) for i, score, s, word in rows]


def _valid(segment: IndexSegment, query: Query) -> NDArray[np.bool_]:
    """Which rows (n,) hold at the moment of the query and are allowed; not to be changed."""
    past = query.as_of
    valid = segment.current if past is None else (segment.valid_from <= past) & (past < segment.valid_to)
    if query.allowed is not None:
        valid = valid & np.isin(segment.passage_ids, query.allowed, assume_unique=True)
    return valid
