"""Writes versions, passages, vectors and facts inside a transaction that the caller holds."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from yukawa.knowledge.items import NewItem
from yukawa.knowledge.store import facts, ledger, schema

if TYPE_CHECKING:
    from yukawa.embedding.base import Vectors

_CHUNK = 500  # bound parameters of one IN list


def new_id() -> str:
    """A short random id, such as `k7xq2mzd4`."""
    return "k" + base64.b32encode(os.urandom(5)).decode().lower()


def insert_versions(
    connection: sa.Connection, new_items: Sequence[NewItem], numbers: Sequence[int], vectors: Sequence[Vectors],
    *, embedder_id: int, moment: int, postings: bool,
) -> list[str]:  # fmt: skip
    """Write one new current version of each item; returns the digests for the ledger.

    Args:
        new_items: each with its `item_id`; the item's row must exist.
        numbers: version numbers.
        vectors: for each item an array (passages, d).
        postings: whether the server ranks and needs the postings table.
    """
    version_id = _next(connection, schema.versions)
    passage_id = _next(connection, schema.passages)
    version_rows, passage_rows, vector_rows, fact_rows, posting_rows, digests = [], [], [], [], [], []
    for item, number, rows in zip(new_items, numbers, vectors, strict=True):
        nonce, content = os.urandom(12).hex(), item.content()
        digests.append(ledger.content_digest(content, nonce))
        del content["kind"]
        version_rows.append(content | {
            "id": version_id, "item_id": item.item_id, "number": number, "content_key": item.content_key,
            "nonce": nonce, "valid_from": moment, "valid_to": None,
        })  # fmt: skip
        for ordinal, passage in enumerate(item.passages):
            terms = " ".join(passage.terms)
            passage_rows.append({
                "id": passage_id, "version_id": version_id, "ordinal": ordinal, "text": passage.text, "terms": terms,
            })  # fmt: skip
            if rows.shape[1]:
                vector_rows.append(
                    {"passage_id": passage_id, "embedder_id": embedder_id, "vector": rows[ordinal]}
                )
            if postings:
                posting_rows += posting_rows_of(passage_id, terms)
            passage_id += 1
        fact_rows += facts.rows_of(version_id, item.facts)
        version_id += 1
    tables = (schema.versions, schema.passages, schema.vectors, schema.facts, schema.postings)
    for table, table_rows in zip(
        tables, (version_rows, passage_rows, vector_rows, fact_rows, posting_rows), strict=True
    ):
        if table_rows:
            connection.execute(sa.insert(table), table_rows)
    return digests


def posting_rows_of(passage_id: int, terms: str) -> list[dict[str, Any]]:
    """Rows of the postings table for one passage."""
    words = terms.split(" ") if terms else []
    return [
        {"term": t, "passage_id": passage_id, "frequency": words.count(t), "length": len(words)}
        for t in set(words)
    ]


def end_versions(connection: sa.Connection, item_ids: Iterable[str], moment: int) -> None:
    """Let the current versions of `item_ids` end at `moment`, and their conflicts with them."""
    v, c = schema.versions, schema.conflicts
    for chunk in chunks(list(item_ids)):
        connection.execute(
            sa.update(v).where(v.c.item_id.in_(chunk), v.c.valid_to.is_(None)).values(valid_to=moment)
        )
        touched = c.c.first_item.in_(chunk) | c.c.second_item.in_(chunk)
        connection.execute(sa.update(c).where(touched, c.c.resolved.is_(None)).values(resolved=moment))


def chunks(values: list[str]) -> Iterable[list[str]]:
    """`values` in lists short enough for one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _next(connection: sa.Connection, table: sa.Table) -> int:
    # Writers take turns, so the next number is free; erased rows' numbers must not come back to readers' indexes.
    name = f"next_{table.name}"
    row = connection.execute(sa.select(schema.meta.c.value).where(schema.meta.c.key == name)).scalar()
    highest = connection.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0
    return max(int(row or 1), highest + 1)
