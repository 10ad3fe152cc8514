"""Writes versions, passages, vectors and claims inside a transaction that the caller holds."""

import base64
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from yukawa.knowledge.items import Claim, NewItem
from yukawa.knowledge.parsing import Quantity
from yukawa.knowledge.store import ledger, schema
from yukawa.knowledge.texts import normalised

_CHUNK = 500  # bound parameters of one IN list


def new_id() -> str:
    """A short random id, such as `k7xq2mzd4`."""
    return "k" + base64.b32encode(os.urandom(5)).decode().lower()


def insert_versions(
    connection: sa.Connection, new_items: Sequence[NewItem], numbers: Sequence[int], vectors: Sequence[NDArray[np.float32]],
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
    version_rows, passage_rows, vector_rows, claim_rows, posting_rows, digests = [], [], [], [], [], []
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
        claim_rows += [_claim_row(version_id, claim) for claim in item.claims]
        version_id += 1
    tables = (schema.versions, schema.passages, schema.vectors, schema.claims, schema.postings)
    for table, table_rows in zip(
        tables, (version_rows, passage_rows, vector_rows, claim_rows, posting_rows), strict=True
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


def open_conflicts(connection: sa.Connection, new_items: Sequence[NewItem], moment: int) -> None:
    """Write down every contradiction between a new item's claims and current claims of other items.

    Items of one data source are not compared with each other: the source itself lists them side by side.
    """
    data = [new for new in new_items if new.kind == "data"]
    for item in new_items:
        if item.kind != "data" and item.claims:
            standing = _current_claims(connection, [claim.key for claim in item.claims], include_data=True)
            _compare(connection, item, standing, moment)
    taught = _current_claims(connection, None, include_data=False) if data else ()
    for item in data if taught else ():
        _compare(connection, item, taught, moment)


def _compare(connection: sa.Connection, item: NewItem, standing: Sequence[sa.Row[Any]], moment: int) -> None:
    superseded = set(item.attributes.get("supersedes", ()))
    against: dict[str, tuple[str, bool]] = {}
    for claim in item.claims:
        for row in standing:
            if row.key == claim.key and row.item_id != item.item_id and row.item_id not in superseded:
                agrees = not _contradict(claim, item.text, row)
                # One claim of the other item that agrees clears it: a fact for all charges has several keys.
                against[row.item_id] = (claim.key, against.get(row.item_id, ("", False))[1] or agrees)
    rows: list[dict[str, Any]] = [
        {"key": key, "first_item": other, "second_item": item.item_id, "opened": moment, "resolved": None}
        for other, (key, agrees) in against.items()
        if not agrees
    ]
    data = [r for r in rows if r["first_item"].startswith("pdg:")]
    if data and len(data) < sum(1 for other in against if other.startswith("pdg:")):
        # Of several values the source lists for one quantity, one agrees: nothing is contradicted.
        rows = [r for r in rows if r not in data]
    if rows:
        connection.execute(sa.insert(schema.conflicts), rows)


def _contradict(claim: Claim, text: str, row: sa.Row[Any]) -> bool:
    stored = stored_quantity(row)
    if claim.quantity is None and stored is None:
        return normalised(text).casefold() != normalised(row.text).casefold()
    return claim.quantity is not None and stored is not None and claim.quantity.contradicts(stored)


def _current_claims(
    connection: sa.Connection, keys: Sequence[str] | None, *, include_data: bool
) -> Sequence[sa.Row[Any]]:
    c, v, i = schema.claims, schema.versions, schema.items
    query = (
        sa.select(*(column for column in c.c if column.name != "id"), v.c.item_id, v.c.text)
        .select_from(c.join(v).join(i))
        .where(v.c.valid_to.is_(None))
    )
    if keys is not None:
        query = query.where(c.c.key.in_(list(keys)[:_CHUNK]))
    if not include_data:
        query = query.where(i.c.kind != "data")
    return list(connection.execute(query))


def _claim_row(version_id: int, claim: Claim) -> dict[str, Any]:
    q = claim.quantity
    return {
        "version_id": version_id, "key": claim.key, "value": q.value if q else None, "unit": q.unit if q else "",
        "error_plus": q.error_plus if q else None, "error_minus": q.error_minus if q else None,
        "bound": q.bound if q else None, "resolution": q.resolution if q else None,
    }  # fmt: skip


def stored_quantity(claim: sa.Row[Any]) -> Quantity | None:
    """The value of a row of the claims table."""
    if claim.value is None:
        return None
    c = claim
    return Quantity(c.value, c.error_plus, c.error_minus, c.unit, c.bound, c.resolution or 0.0, 0, 0)


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
