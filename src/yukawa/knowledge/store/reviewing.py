"""Second opinions: a person agrees to what another taught, or settles a contradiction."""

import sqlalchemy as sa

from yukawa.core.errors import InputError, NotFound
from yukawa.knowledge.records import Item
from yukawa.knowledge.store import ledger, reader, schema, writer
from yukawa.knowledge.trust import NOBODY


def review(connection: sa.Connection, item_id: str, *, actor: str, reason: str) -> None:
    """Note that `actor` agrees to the current version of an item (see `KnowledgeBase.review`)."""
    item = reader.shown(connection, item_id)
    if item.kind == "data" or not item.current:
        state = "a source's own" if item.kind == "data" else "unloaded"
        raise InputError(f"item {item_id} is {state}: there is nothing to review")
    _check_reviewer(actor, item)
    entries = [ledger.Entry("review", item_id, item.version)]
    ledger.append(connection, entries, actor=actor, reason=reason, moment=ledger.next_moment(connection))


def resolve(
    connection: sa.Connection, conflict_id: int, *, keep: str | None, actor: str, reason: str
) -> None:
    """Settle an open conflict (see `KnowledgeBase.resolve`)."""
    conflict = next((c for c in reader.open_conflicts(connection) if c.id == conflict_id), None)
    if conflict is None:
        raise NotFound(f"there is no open conflict {conflict_id}", hint="type: yukawa knowledge conflicts")
    if keep is not None and keep not in conflict.item_ids:
        raise InputError(
            f"{keep} is not in conflict {conflict_id}", hint=f"keep one of {', '.join(conflict.item_ids)}"
        )
    losers = [i for i in conflict.item_ids if keep is not None and i != keep]
    kept = reader.shown(connection, keep) if keep is not None else None
    if kept and kept.kind != "data" and any(reader.shown(connection, i).kind == "data" for i in losers):
        _check_reviewer(actor, kept)
    now, c = ledger.next_moment(connection), schema.conflicts
    connection.execute(sa.update(c).where(c.c.id == conflict_id).values(resolved=now))
    writer.end_versions(connection, losers, now)
    entries = [ledger.Entry("resolve", i) for i in conflict.item_ids] + [
        ledger.Entry("unload", i) for i in losers
    ]
    ledger.append(connection, entries, actor=actor, reason=reason, moment=now)


def check_change(item: Item) -> None:
    """Refuse to let a person change an item that is unloaded or a source's own.

    Raises:
        InputError: it is.
    """
    if not item.current:
        raise InputError(f"item {item.id} is unloaded", hint=f"type: yukawa knowledge restore {item.id}")
    if item.kind == "data":
        author = item.provenance.author
        raise InputError(f"item {item.id} is what {author} states", hint="teach what you hold to be right")


def _check_reviewer(actor: str, item: Item) -> None:
    if actor in NOBODY or actor == item.provenance.author:
        raise InputError(
            f"{actor or 'nobody'} cannot review item {item.id}, which {item.provenance.author} taught",
            hint="let another person do it, who gives their name",
        )
