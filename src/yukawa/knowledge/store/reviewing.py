"""Second opinions: a reviewer agrees to what another person taught or takes that back, and contradictions are settled."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from yukawa.core.errors import InputError, NotFound
from yukawa.knowledge.items import NewItem
from yukawa.knowledge.records import Item
from yukawa.knowledge.store import contradictions, ledger, reader, schema, writer
from yukawa.knowledge.texts import check_legible
from yukawa.knowledge.trust import check_claims, check_kind, check_reviewer, outranks

_WRITING = ("teach", "update", "restore")


def review(
    connection: sa.Connection, item_id: str, *, agree: bool, actor: str, reason: str, reviewers: Collection[str]
) -> None:  # fmt: skip
    """Note that `actor` agrees to the current version of an item, or takes a review back (see `KnowledgeBase.review`)."""
    item = reader.shown(connection, item_id)
    if item.kind == "data" or not item.current:
        state = "a source's own" if item.kind == "data" else "unloaded"
        raise InputError(f"item {item_id} is {state}: there is nothing to review")
    if agree:
        own = {item.provenance.author, *_writers(connection, item)}
        check_reviewer(actor, reviewers, f"review item {item_id}", own)
    else:
        check_reviewer(actor, reviewers, f"take back the review of item {item_id}")
        if item.trust != "reviewed":
            raise InputError(f"item {item_id} is not reviewed")
    event = ledger.next_event(connection)
    entries = [ledger.Entry("review" if agree else "retract", item_id, item.version)]
    ledger.append(connection, entries, actor=actor, reason=reason)
    if not agree:  # what a reviewer had settled in its favour is open again
        contradictions.open_conflicts(connection, [reader.last_stored(connection, item_id)], event)


def _writers(connection: sa.Connection, item: Item) -> set[str]:
    """Who typed the current version of an item in, whatever author they gave."""
    events = reader.events_of(connection, item.id)
    return {event.actor for event in events if event.verb in _WRITING and event.version == item.version}


def resolve(
    connection: sa.Connection, conflict_id: int, *, keep: str | None, actor: str, reason: str, reviewers: Collection[str]
) -> None:  # fmt: skip
    """Settle an open conflict (see `KnowledgeBase.resolve`)."""
    conflict = next((c for c in reader.open_conflicts(connection) if c.id == conflict_id), None)
    if conflict is None:
        raise NotFound(f"there is no open conflict {conflict_id}", hint="type: yukawa knowledge conflicts")
    if keep is not None and keep not in conflict.item_ids:
        raise InputError(
            f"{keep} is not in conflict {conflict_id}", hint=f"keep one of {', '.join(conflict.item_ids)}"
        )
    sides = {item_id: reader.shown(connection, item_id) for item_id in conflict.item_ids}
    losers = [item for item_id, item in sides.items() if keep is not None and item_id != keep]
    _check_settlement(conflict_id, [*sides.values()], sides.get(keep or ""), losers, actor, reviewers)
    withdrawn = [item.id for item in losers if item.kind != "data"]  # a source goes on stating what it states
    event = ledger.next_event(connection)
    writer.resolve_conflicts(connection, schema.conflicts.c.id == conflict_id, event)
    writer.end_versions(connection, withdrawn, event)
    entries = [ledger.Entry("resolve", i) for i in conflict.item_ids]
    entries += [ledger.Entry("unload", item_id, sides[item_id].version) for item_id in withdrawn]
    ledger.append(connection, entries, actor=actor, reason=reason)


def _check_settlement(
    conflict_id: int, sides: Sequence[Item], kept: Item | None, losers: Sequence[Item], actor: str, reviewers: Collection[str]
) -> None:  # fmt: skip
    """Anybody may give way to what is trusted more; everything else about data or reviewed items is a reviewer's."""
    if kept is None:
        if any(item.trust in ("built source", "reviewed") for item in sides):
            check_reviewer(actor, reviewers, f"keep both sides of conflict {conflict_id}")
        return
    if all(outranks(kept.trust, item.trust) or not outranks(item.trust, "reviewed") for item in losers):
        return
    check_reviewer(actor, reviewers, f"let item {kept.id} prevail", {kept.provenance.author})
    if kept.trust != "reviewed":
        raise InputError(
            f"item {kept.id} is {kept.trust}: it cannot prevail over what is trusted more",
            hint=f"type: yukawa knowledge review {kept.id}",
        )


def check_change(item: Item) -> None:
    """Refuse to let a person change an item that is unloaded or a source's own.

    Raises:
        InputError: it is.
    """
    if not item.current:
        raise InputError(f"item {item.id} is unloaded", hint=f"type: yukawa knowledge restore {item.id}")
    if item.kind == "data":
        author = item.provenance.author
        raise InputError(f"item {item.id} is what {author} states", hint="teach what you consider right")


def check_removal(item: Item, actor: str, reviewers: Collection[str]) -> None:
    """Refuse to let anybody but a reviewer withdraw or erase what a source states.

    Raises:
        InputError: `actor` may not.
    """
    if item.kind == "data":
        check_reviewer(actor, reviewers, f"remove item {item.id}, which {item.provenance.author} states")


def check_peoples(new_items: Sequence[NewItem]) -> None:
    """Refuse what only a built source may write or say of itself, and what looks like something else than it is.

    Raises:
        InputError: kind, label or address of one are those of a built source, or a text holds invisible or look-alike
            characters.
    """
    for new in new_items:
        check_kind(new.kind, new.item_id)
        check_claims(new.provenance.source, new.provenance.url)
        if new.kind != "document":  # those are extracted by programs, and lose what is not seen
            check_legible(new.text)
            check_legible(new.question or "", "the question")
