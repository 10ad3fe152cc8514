"""Makes drafts of versions as they stand in the tables, to teach them again or elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from yukawa.knowledge.items import Claim, Draft, Passage, meaning
from yukawa.knowledge.parsing import Quantity
from yukawa.knowledge.records import Provenance
from yukawa.knowledge.store import schema


def stored_drafts(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> Iterator[Draft]:
    """The versions in `rows` (columns of versions, and `kind`) as they were taught.

    Passages, terms and claims are those stored: a source's data give more than can be read from their text.
    """
    p, c, ids = schema.passages, schema.claims, [row["id"] for row in rows]
    passages, claims = (
        _grouped(connection, sa.select(t).where(t.c.version_id.in_(ids)).order_by(t.c.version_id, t.c.id))
        for t in (p, c)
    )
    for row in rows:
        about = (row["question"], row["kind"], row["attributes"])
        yield Draft(
            row["kind"], row["text"], row["question"],
            Provenance(row["author"], row["source"], row["url"], row["licence"], row["domain"]),
            tuple(
                Passage(piece.text, meaning(piece.text, *about), tuple(piece.terms.split(" ") if piece.terms else ()))
                for piece in passages.get(row["id"], ())
            ),
            tuple(Claim(claim.key, _quantity(claim)) for claim in claims.get(row["id"], ())),
            row["attributes"], row["item_id"],
        )  # fmt: skip


def last_draft(connection: sa.Connection, item_id: str) -> Draft:
    """The newest version of an item, which must exist."""
    v = schema.versions
    query = sa.select(v, schema.items.c.kind).join_from(v, schema.items).where(v.c.item_id == item_id)
    rows = connection.execute(query.order_by(v.c.number.desc()).limit(1)).mappings().all()
    return next(stored_drafts(connection, rows))


def _grouped(connection: sa.Connection, query: sa.Select[Any]) -> dict[int, list[Any]]:
    rows = connection.execute(query).all()
    return {key: list(group) for key, group in itertools.groupby(rows, key=lambda row: int(row.version_id))}


def _quantity(claim: sa.Row[Any]) -> Quantity | None:
    if claim.value is None:
        return None
    return Quantity(
        claim.value,
        claim.error_plus,
        claim.error_minus,
        claim.unit,
        claim.bound,
        claim.resolution or 0.0,
        0,
        0,
    )
