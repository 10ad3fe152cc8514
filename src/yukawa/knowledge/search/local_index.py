"""Finds passages: BM25 and vectors fused, kept in step with the ledger; one port, two places it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from yukawa.knowledge.search.segments import (
    OPEN_END,
    Part,
    bm25,
    build_part,
    load_part,
    merge_parts,
    save_part,
    term_weight,
)
from yukawa.knowledge.search.vectors import Nearest, largest
from yukawa.knowledge.store import ledger, schema

CANDIDATES = 100
# Weight of the vectors' cosine against relative BM25 in the fused score (convex combination: Bruch, Gai and
# Ingber, ACM TOIS 42 (2023) 20, find it better than reciprocal ranks); measured in benchmarks/fusion.py.
VECTOR_WEIGHT = 0.5
# A query adds up at most about this many postings: the rarest terms first, the commonest say least.
POSTINGS_BUDGET = 150_000
TAIL_ROWS = 256
MAX_PARTS = 8
# The copy on disk is renewed when this many passages, and this share of all, are not in it: for a large base
# that takes seconds.
SAVE_AFTER = 2_000
SAVE_SHARE = 0.1
_BLOCK = 20_000
_IN_LIST = 500


@dataclass(frozen=True, slots=True)
class Scored:
    """A passage with its fused score, cosine and relative BM25."""

    passage_id: int
    score: float
    similarity: float
    lexical: float


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for: `terms`, the moment, and the passages allowed (None: all).

    `embed` gives the question's vector (d,). An index calls it as late as it can, once: it takes longer than all
    else and empties the processor's caches of what the index has in hand. An index without vectors never does.
    """

    embed: Callable[[], NDArray[np.float32]]
    terms: tuple[str, ...]
    as_of: int | None
    allowed: NDArray[np.int64] | None
    k: int


class Index(Protocol):
    """The port: both indexes answer the same queries and are never behind the ledger."""

    def search(self, connection: sa.Connection, query: Query) -> list[Scored]:
        """The best passages, best first."""

    def problems(self, connection: sa.Connection) -> list[str]:
        """Where the index disagrees with the tables."""

    def save(self, connection: sa.Connection) -> None:
        """Make lasting what makes a search quick; called after a bulk load."""

    def clear(self) -> None:
        """Forget everything derived, on disk too."""


class LocalIndex:
    """Keeps all passages of an embedded base in memory, with a copy on disk for a quick start."""

    def __init__(self, folder: Path, embedder_id: int, dimensions: int) -> None:
        self._folder = folder
        self._embedder_id, self._dimensions = embedder_id, dimensions
        self._parts: list[Part] = []
        self._position, self._hash = 0, ledger.GENESIS
        self._unsaved = 0
        self._nearest = Nearest()

    def search(self, connection: sa.Connection, query: Query) -> list[Scored]:
        """See `Index.search`."""
        self._refresh(connection)
        return self.best(query)

    @property
    def head(self) -> str:
        """The hash of the last event that the index knows of."""
        return self._hash

    def best(self, query: Query) -> list[Scored]:
        """The best passages as of the last refresh, best first."""
        if not self._parts:
            return []
        weighted = self._weighted(query.terms)
        ideal = sum(idf for _, idf in weighted) * 2.2 or 1.0
        mean_length = sum(p.words for p in self._parts) / max(self._count(), 1) or 1.0
        words = [bm25(part, weighted, mean_length) for part in self._parts]
        vector = query.embed() if self._dimensions else None
        found: list[Scored] = []
        for number, (part, (lexical, touched)) in enumerate(zip(self._parts, words, strict=True)):
            lexical *= 1 / ideal
            wanted = max(CANDIDATES, query.k)
            valid = _valid(part, query)
            candidates = _best_by_words(lexical, touched[valid[touched]], wanted, len(weighted))
            if vector is not None:
                near = self._nearest.search(part.vectors, vector, valid, wanted, frozen=number == 0)
                both = np.sort(np.concatenate([candidates, near]))
                candidates = both[np.diff(both, prepend=-1) > 0]
            if len(candidates):
                found += _fused(part, candidates, lexical[candidates], vector, query.k)
        found.sort(key=lambda s: (-s.score, s.passage_id))
        return found[: query.k]

    def problems(self, connection: sa.Connection) -> list[str]:
        """See `Index.problems`: the index is read anew and compared with what it would be if built from the tables."""
        self._refresh(connection)
        fresh = LocalIndex(Path("/nonexistent"), self._embedder_id, self._dimensions)
        fresh._rebuild(connection)
        mine, theirs = self._snapshot(), fresh._snapshot()
        return [] if mine == theirs else [f"index: {len(mine ^ theirs)} passages differ from the tables"]

    def clear(self) -> None:
        """See `Index.clear`."""
        import shutil

        self._parts, self._position, self._hash = [], 0, ledger.GENESIS
        self._nearest.clear()
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def save(self, connection: sa.Connection) -> None:
        """See `Index.save`: write the copy on disk."""
        self._refresh(connection)
        if not self._parts:
            return
        self._parts = [merge_parts(self._parts)] if len(self._parts) > 1 else self._parts
        self._nearest.cover(self._parts[0].vectors)
        manifest = {"seq": self._position, "hash": self._hash, "embedder": self._embedder_id}
        save_part(self._parts[0], self._folder, manifest, self._nearest.save)
        self._unsaved = 0

    def _count(self) -> int:
        return sum(len(p) for p in self._parts)

    def _snapshot(self) -> set[tuple[int, int, int, bytes]]:
        return {
            (int(p.passage_ids[i]), int(p.valid_from[i]), int(p.valid_to[i]), p.vectors[i].tobytes())
            for p in self._parts
            for i in np.flatnonzero(p.valid_from < p.valid_to)
        }

    def _weighted(self, terms: Sequence[str]) -> list[tuple[str, float]]:
        """Terms with their idf, rarest first, as many as the budget of postings allows."""
        n = self._count()
        frequencies = sorted((sum(p.frequency(t) for p in self._parts), t) for t in set(terms))
        weighted: list[tuple[str, float]] = []
        spent = 0
        for frequency, term in frequencies:
            if weighted and spent + frequency > POSTINGS_BUDGET:
                break
            spent += frequency
            weighted.append((term, term_weight(term, n, frequency)))
        return weighted

    def _refresh(self, connection: sa.Connection) -> None:
        """Bring the arrays up to the ledger's last event."""
        if not self._parts and self._position == 0:
            self._load(connection)
        last, _, digest = ledger.head(connection)
        if digest == self._hash:
            return
        if self._position and self._hash_at(connection, self._position) != self._hash:
            self.clear()  # another ledger stands here now: a backup was put back
        since = connection.execute(
            sa.select(schema.events.c.item_id, schema.events.c.verb).where(
                schema.events.c.seq > self._position
            )
        ).all()
        changed = {row.item_id for row in since if row.verb != "teach" and row.item_id is not None}
        if not self._parts or any(row.verb == "purge" for row in since):
            self._rebuild(connection)  # after an erasure, so that no copy made from here brings a trace back
        else:
            newest = max(int(p.passage_ids[-1]) for p in self._parts if len(p)) if self._count() else 0
            self._append(connection, newest)
            self._revalidate(connection, changed)
        self._position, self._hash = last, digest
        if self._unsaved >= max(SAVE_AFTER, SAVE_SHARE * self._count()) and self._folder.parent.is_dir():
            self.save(connection)

    def _load(self, connection: sa.Connection) -> None:
        loaded = load_part(self._folder)
        if loaded is None:
            return
        part, manifest = loaded
        position = int(manifest.get("seq", -1))
        # The copy is used only if it was made from this very ledger.
        digest = self._hash_at(connection, position)
        if digest is None or digest != manifest.get("hash") or manifest.get("embedder") != self._embedder_id:
            return
        self._parts, self._position, self._hash = [part], position, digest
        self._nearest.load(self._folder, len(part))

    def _hash_at(self, connection: sa.Connection, seq: int) -> str | None:
        return connection.execute(sa.select(schema.events.c.hash).where(schema.events.c.seq == seq)).scalar()

    def _rebuild(self, connection: sa.Connection) -> None:
        self._parts = []
        self._nearest.clear()
        self._append(connection, 0)

    def _append(self, connection: sa.Connection, after: int) -> None:
        part = self._read_part(connection, after)
        if not len(part):
            return
        self._unsaved += len(part)
        # The newest few passages are one part that grows.
        if self._parts and len(self._parts[-1]) < TAIL_ROWS:
            part = merge_parts([self._parts.pop(), part])
        self._parts.append(part)
        if len(self._parts) > MAX_PARTS:
            self._parts = [self._parts[0], merge_parts(self._parts[1:])]
        if len(self._parts) > 1 and sum(len(p) for p in self._parts[1:]) > max(len(self._parts[0]), 4096):
            self._parts = [merge_parts(self._parts)]
            self._nearest.clear()

    def _read_part(self, connection: sa.Connection, after: int) -> Part:
        p, v, vec = schema.passages, schema.versions, schema.vectors
        query = (
            sa.select(
                p.c.id.label("passage_id"), p.c.version_id, v.c.item_id, v.c.valid_from, v.c.valid_to, p.c.terms, vec.c.vector
            )
            .select_from(p.join(v).outerjoin(vec, (vec.c.passage_id == p.c.id) & (vec.c.embedder_id == self._embedder_id)))
            .where(p.c.id > after)
            .order_by(p.c.id)
            .execution_options(yield_per=_BLOCK)  # rows take far more memory than the arrays made of them
        )  # fmt: skip
        blocks = [self._block(rows) for rows in connection.execute(query).partitions()]
        return merge_parts(blocks) if len(blocks) > 1 else blocks[0] if blocks else self._block([])

    def _block(self, rows: Sequence[Any]) -> Part:
        vectors = np.zeros((len(rows), self._dimensions), dtype=np.float32)
        if self._dimensions:
            for i, row in enumerate(rows):
                if row.vector is not None:
                    vectors[i] = row.vector
        return build_part([_Row(r) for r in rows], vectors)

    def _revalidate(self, connection: sa.Connection, item_ids: set[str]) -> None:
        """Take the validity of the items' versions from the tables; what is gone there is never valid again."""
        v = schema.versions
        spans: dict[int, tuple[int, int]] = {}
        wanted = list(item_ids)
        for start in range(0, len(wanted), _IN_LIST):
            query = sa.select(v.c.id, v.c.valid_from, v.c.valid_to).where(
                v.c.item_id.in_(wanted[start : start + _IN_LIST])
            )
            for row in connection.execute(query):
                spans[row.id] = (row.valid_from, OPEN_END if row.valid_to is None else row.valid_to)
        keys = np.array([item_key(item_id) for item_id in wanted], dtype=np.int64)
        for part in self._parts if wanted else ():
            of_items = part.item_keys == keys[0] if len(keys) == 1 else np.isin(part.item_keys, keys)
            for i in np.flatnonzero(of_items):
                part.set_validity(int(i), *spans.get(int(part.version_ids[i]), (0, 0)))


class _Row:
    """A database row with the item's key in place of its name."""

    __slots__ = ("item_key", "passage_id", "terms", "valid_from", "valid_to", "version_id")

    def __init__(self, row: sa.Row[tuple[object, ...]]) -> None:
        self.passage_id, self.version_id = row.passage_id, row.version_id
        self.item_key = item_key(row.item_id)
        self.valid_from, self.valid_to, self.terms = row.valid_from, row.valid_to, row.terms


def item_key(item_id: str) -> int:
    """A 64-bit number that stands for an item's id in arrays."""
    return int.from_bytes(hashlib.blake2b(item_id.encode(), digest_size=8).digest(), "big", signed=True)


def _best_by_words(
    lexical: NDArray[np.float32], touched: NDArray[np.int32], wanted: int, terms: int
) -> NDArray[np.int64]:
    """The `wanted` different rows of `touched` with the highest `lexical`, in no order.

    A row stands in `touched` once for each of its `terms`, so among this many there are enough different ones.
    """
    some = np.unique(touched[largest(lexical[touched], wanted * max(terms, 1))])
    return some[largest(lexical[some], wanted)].astype(np.int64)


def _fused(
    part: Part,
    candidates: NDArray[np.int64],
    lexical: NDArray[np.float32],
    vector: NDArray[np.float32] | None,
    k: int,
) -> list[Scored]:
    """The best `k` of `candidates` (rows of `part`) by both scores; of equals those taught first."""
    if vector is None:
        fused, similarity = lexical, np.zeros(len(candidates), dtype=np.float32)
    else:
        similarity = part.vectors[candidates] @ vector
        fused = VECTOR_WEIGHT * similarity + (1 - VECTOR_WEIGHT) * lexical
    best = np.argsort(-fused, kind="stable")[:k]
    rows = zip(part.passage_ids[candidates[best]], fused[best], similarity[best], lexical[best], strict=True)
    return [Scored(int(i), float(score), float(s), float(word)) for i, score, s, word in rows]


def _valid(part: Part, query: Query) -> NDArray[np.bool_]:
    """Which rows (n,) hold at the moment asked for and are allowed; not to be changed."""
    past = query.as_of
    valid = part.in_force if past is None else (part.valid_from <= past) & (past < part.valid_to)
    if query.allowed is not None:
        valid = valid & np.isin(part.passage_ids, query.allowed, assume_unique=True)
    return valid
