"""The index of an embedded base: BM25 and vectors fused in this process, kept in step with the ledger."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from yukawa.knowledge.search import segments as seg
from yukawa.knowledge.search.ranking import CANDIDATES, K1, VECTOR_WEIGHT, Query, Scored, weighted_terms
from yukawa.knowledge.search.segments import IndexSegment
from yukawa.knowledge.search.vectors import Nearest, largest
from yukawa.knowledge.store import ledger, schema

TAIL_ROWS = 256
MAX_SEGMENTS = 8
# The copy on disk is renewed when this many passages, and this share of all, are not in it: for a large base
# that takes seconds.
SAVE_AFTER = 2_000
SAVE_SHARE = 0.1
_BLOCK = 20_000
_IN_LIST = 500


class LocalIndex:
    """Keeps all passages of an embedded base in memory, with a copy on disk for a quick start.

    SQLite's own full text (FTS5) is not used: its bm25() takes some 10 µs for each passage that holds any of the
    words, which is most of the base for a common one (measured in docs/benchmarks.md).
    """

    def __init__(self, file: Path | None, embedder_id: int, dimensions: int) -> None:
        self._file = file
        self._embedder_id, self._dimensions = embedder_id, dimensions
        self._segments: list[IndexSegment] = []
        self._position, self._hash = 0, ledger.GENESIS
        self._unsaved = 0
        self._nearest = Nearest()

    def search(self, connection: sa.Connection, query: Query) -> list[Scored]:
        """See `Index.search`."""
        self._refresh(connection)
        if not self._segments:
            return []
        count = self._count()
        frequencies = ((sum(s.frequency(t) for s in self._segments), t) for t in set(query.terms))
        weighted = weighted_terms(frequencies, count)
        ideal = sum(weight for _, weight in weighted) * (K1 + 1) or 1.0
        mean_length = sum(s.words for s in self._segments) / max(count, 1) or 1.0
        words = [s.bm25(weighted, mean_length) for s in self._segments]
        vector = query.embed() if self._dimensions else None
        found: list[Scored] = []
        for number, (segment, (lexical, touched)) in enumerate(zip(self._segments, words, strict=True)):
            lexical *= 1 / ideal
            wanted = max(CANDIDATES, query.k)
            valid = _valid(segment, query)
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
        """See `Index.problems`: the index is compared with what it would be if built from the tables."""
        self._refresh(connection)
        fresh = LocalIndex(None, self._embedder_id, self._dimensions)
        fresh._rebuild(connection)
        mine, theirs = self._snapshot(), fresh._snapshot()
        return [] if mine == theirs else [f"index: {len(mine ^ theirs)} passages differ from the tables"]

    def clear(self) -> None:
        """See `Index.clear`."""
        self._segments, self._position, self._hash = [], 0, ledger.GENESIS
        self._nearest.clear()
        for file in copies(self._file):
            remove_copy(file)

    def save(self, connection: sa.Connection) -> None:
        """See `Index.save`: write the copy on disk."""
        self._refresh(connection)
        if not self._segments or self._file is None:
            return
        self._segments = [seg.merge_segments(self._segments)] if len(self._segments) > 1 else self._segments
        self._nearest.cover(self._segments[0].vectors)
        manifest = {"seq": self._position, "hash": self._hash, "embedder": self._embedder_id}
        seg.save_segment(self._segments[0], self._file, manifest, self._nearest.arrays())
        self._unsaved = 0

    def _count(self) -> int:
        return sum(len(s) for s in self._segments)

    def _snapshot(self) -> set[tuple[int, int, int, bytes]]:
        return {
            (int(s.passage_ids[i]), int(s.valid_from[i]), int(s.valid_to[i]), s.vectors[i].tobytes())
            for s in self._segments
            for i in np.flatnonzero(s.valid_from < s.valid_to)
        }

    def _refresh(self, connection: sa.Connection) -> None:
        """Bring the arrays up to the ledger's last event."""
        if not self._segments and self._position == 0:
            self._load(connection)
        last, _, digest = ledger.head(connection)
        if digest == self._hash:
            return
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
        self._position, self._hash = last, digest
        enough = self._unsaved >= max(SAVE_AFTER, SAVE_SHARE * self._count())
        if enough and self._file is not None and self._file.parent.is_dir():
            self.save(connection)

    def _load(self, connection: sa.Connection) -> None:
        loaded = None if self._file is None else seg.load_segment(self._file)
        if loaded is None:
            return
        segment, manifest, more = loaded
        position = int(manifest.get("seq", -1))
        # The copy is used only if it was made from this very ledger.
        digest = self._hash_at(connection, position)
        if digest is None or digest != manifest.get("hash") or manifest.get("embedder") != self._embedder_id:
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
        p, v, vec = schema.passages, schema.versions, schema.vectors
        query = (
            sa.select(p.c.id.label("passage_id"), p.c.version_id, v.c.valid_from, v.c.valid_to, p.c.terms, vec.c.vector)
            .select_from(p.join(v).outerjoin(vec, (vec.c.passage_id == p.c.id) & (vec.c.embedder_id == self._embedder_id)))
            .where(p.c.id > after)
            .order_by(p.c.id)
            .execution_options(yield_per=_BLOCK)  # rows take far more memory than the arrays made of them
        )  # fmt: skip
        blocks = [self._block(rows) for rows in connection.execute(query).partitions()] or [self._block([])]
        return seg.merge_segments(blocks) if len(blocks) > 1 else blocks[0]

    def _block(self, rows: Sequence[Any]) -> IndexSegment:
        vectors = np.zeros((len(rows), self._dimensions), dtype=np.float32)
        for i, row in enumerate(rows) if self._dimensions else ():
            if row.vector is not None:
                vectors[i] = row.vector
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


def copies(file: Path | None) -> list[Path]:
    """The copy of an index on disk, and those that some process is just writing."""
    return [] if file is None else [*file.parent.glob(f"{file.name}"), *file.parent.glob(f"{file.name}.*")]


def remove_copy(file: Path) -> None:
    """Remove a copy; before version 0.2 it was a folder."""
    if file.is_dir():
        shutil.rmtree(file, ignore_errors=True)
    else:
        file.unlink(missing_ok=True)


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
