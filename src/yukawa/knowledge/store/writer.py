"""Writes versions, passages, vectors and facts inside a transaction that the caller holds."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from yukawa.knowledge.items import NewItem
from yukawa.knowledge.store import checksums, clock, counted, facts, ledger, schema

if TYPE_CHECKING:
    from yukawa.embedding.base import Vectors

_CHUNK = 500  # bound parameters of one IN list
_NAMES = re.compile(r"[\w:.-]+")


def new_id() -> str:
    """A short random id, such as `k7xq2mzd4`."""
    return "k" + base64.b32encode(os.urandom(5)).decode().lower()


def insert_versions(
    connection: sa.Connection, new_items: Sequence[NewItem], numbers: Sequence[int], vectors: Sequence[Vectors],
    *, embedder_id: int, event: int, postings: bool,
) -> list[str]:  # fmt: skip
    """Write one new current version of each item; returns the digests for the ledger.

    Args:
        new_items: each with its `item_id`; the item's row must exist.
        numbers: version numbers.
        event: the number of the event from which they hold.
        vectors: for each item an array (passages, d).
        postings: whether the server ranks and needs the postings table.
    """
    version_id, passage_id, fact_id = (
        counted.next_number(connection, table) for table in (schema.versions, schema.passages, schema.facts)
    )
    version_rows, passage_rows, vector_rows, fact_rows, posting_rows, digests = [], [], [], [], [], []
    for item, number, matrix in zip(new_items, numbers, vectors, strict=True):
        nonce, content = os.urandom(12).hex(), item.content()
        digests.append(ledger.content_digest(content, nonce))
        del content["kind"]
        stated = facts.rows_of(version_id, item.facts)
        own_passages, own_facts = [], [row | {"id": number} for number, row in enumerate(stated, fact_id)]
        for ordinal, passage in enumerate(item.passages):
            terms = " ".join(passage.terms)
            own_passages.append({
                "id": passage_id, "version_id": version_id, "ordinal": ordinal, "text": passage.text, "terms": terms,
            })  # fmt: skip
            if matrix.shape[1]:
                vector_rows.append({
                    "passage_id": passage_id, "embedder_id": embedder_id, "vector": matrix[ordinal],
                })  # fmt: skip
            if postings:
                posting_rows += posting_rows_of(passage_id, terms)
            passage_id += 1
        passage_rows += own_passages
        fact_rows += own_facts
        version_rows.append(content | {
            "id": version_id, "item_id": item.item_id, "number": number, "content_key": item.content_key,
            "nonce": nonce, "valid_from": event, "valid_to": None,
            "checksum": checksums.of_version(version_id, own_passages, own_facts),
        })  # fmt: skip
        version_id, fact_id = version_id + 1, fact_id + len(own_facts)
    tables = (schema.versions, schema.passages, schema.facts, schema.postings)
    for table, table_rows in zip(tables, (version_rows, passage_rows, fact_rows, posting_rows), strict=True):
        if table_rows:
            connection.execute(sa.insert(table), table_rows)
    counted.insert(connection, schema.vectors, vector_rows)
    return digests


def posting_rows_of(passage_id: int, terms: str) -> list[dict[str, Any]]:
    """Rows of the postings table for one passage."""
    words = terms.split(" ") if terms else []
    return [
        {"term": t, "passage_id": passage_id, "frequency": words.count(t), "length": len(words)}
        for t in set(words)
    ]


def end_versions(connection: sa.Connection, item_ids: Iterable[str], event: int) -> None:
    """Let the current versions of `item_ids` end with the event of this number, and their conflicts with them."""
    v, c = schema.versions, schema.conflicts.c
    for chunk in chunks(list(item_ids)):
        connection.execute(
            sa.update(v).where(v.c.item_id.in_(chunk), v.c.valid_to.is_(None)).values(valid_to=event)
        )
        resolve_conflicts(connection, c.first_item.in_(chunk) | c.second_item.in_(chunk), event)


def resolve_conflicts(connection: sa.Connection, which: sa.ColumnElement[bool], event: int) -> None:
    """Let those of the open conflicts that `which` is true of end with the event of this number."""
    c = schema.conflicts
    counted.change(connection, c, which & c.c.resolved.is_(None), resolved=event)


def keep_answer(connection: sa.Connection, answer_id: str, question: str, answer: Mapping[str, Any]) -> None:
    """Write an answer given now; one that names an item which was erased while it was being found is not kept."""
    names = set(_NAMES.findall(json.dumps(answer)))
    if names.isdisjoint(ledger.erased(connection)):
        row = {"id": answer_id, "time": clock.now(), "question": question, "answer": dict(answer)}
        counted.insert(connection, schema.answers, [row])


def chunks(values: list[str]) -> Iterable[list[str]]:
    """`values` in lists short enough for one statement."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
