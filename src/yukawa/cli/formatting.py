"""Items, hits, conflicts and events as JSON objects and as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yukawa.cli.output import first_line, print_json, say

if TYPE_CHECKING:
    import datetime as dt

    from yukawa.assistant import Answer
    from yukawa.knowledge import Conflict, Event, Hit, Item, Provenance


def item_json(item: Item) -> dict[str, Any]:
    """One version of an item, as printed with --json."""
    return {
        "id": item.id, "kind": item.kind, "version": item.version, "text": item.text, "question": item.question,
        **_provenance(item.provenance), "attributes": dict(item.attributes), "valid_from": _time(item.valid_from),
        "valid_to": _time(item.valid_to), "status": item.status, "conflicts": [conflict_json(c) for c in item.conflicts],
    }  # fmt: skip


def hit_json(hit: Hit) -> dict[str, Any]:
    """One passage found."""
    return {
        "id": hit.item_id, "text": hit.text, "score": round(hit.score, 4), "similarity": round(hit.similarity, 4),
        "lexical": round(hit.lexical, 4), "kind": hit.kind, "question": hit.question, "version": hit.version,
        **_provenance(hit.provenance),
    }  # fmt: skip


def conflict_json(conflict: Conflict) -> dict[str, Any]:
    """One contradiction with both its sides."""
    sides = zip(conflict.item_ids, conflict.texts, conflict.sources, strict=True)
    return {
        "id": conflict.id, "key": conflict.key, "opened": _time(conflict.opened), "resolved": _time(conflict.resolved),
        "items": [{"id": i, "text": text, "source": source} for i, text, source in sides],
    }  # fmt: skip


def event_json(event: Event) -> dict[str, Any]:
    """One entry of the ledger."""
    return {
        "seq": event.seq, "time": _time(event.time), "actor": event.actor, "verb": event.verb, "id": event.item_id,
        "version": event.version, "reason": event.reason, "hash": event.hash,
    }  # fmt: skip


def show_answer(answer: Answer) -> None:
    """Show the answer, its numbered sources, what speaks against it, and how to correct it."""
    say(answer.text)
    if answer.sources:
        say()
    for source in answer.sources:
        say((f"[{source.marker}] ", "bold"), source.label, f"  {source.url}" if source.url else "")
    for conflict in answer.conflicts:
        say(("conflict: ", "bold yellow"), conflict)
    for check in answer.checks:
        if not check.passed:
            say(("check failed: ", "bold yellow"), f"{check.name}: {check.detail}")
    invitation = "know better? teach it" if answer.abstained else "correct it"
    command = f'yukawa teach --corrects {answer.id} "..."'
    say((f"answer {answer.id} by {answer.model}; {invitation}: {command}", "dim"))


def give_change(item: Item, as_json: bool) -> None:
    """Print an item that was changed, as JSON or for people."""
    print_json(item_json(item)) if as_json else show_change(item)


def show_change(item: Item) -> None:
    """Show what was done to an item, and each conflict with both sides and the way to settle it."""
    say(
        (item.status, "bold green"),
        f" {item.id} version {item.version} ({item.kind}, {item.provenance.domain})",
    )
    for conflict in item.conflicts:
        show_conflict(conflict)


def show_conflict(conflict: Conflict) -> None:
    """Show both sides of a contradiction and how to settle it."""
    say((f"conflict {conflict.id}: ", "bold yellow"), "two items claim different values of one quantity")
    for item_id, text, source in zip(conflict.item_ids, conflict.texts, conflict.sources, strict=True):
        say((f"  {item_id} ", "bold"), first_line(text, 200), f"  (source: {source})")
    say((f"  settle it: yukawa knowledge resolve {conflict.id} [--keep ID]", "dim"))


def show_line(item: Item) -> None:
    """Show one item on one line."""
    say((item.id, "bold"), f"  {item.kind}, {item.provenance.domain}  ", first_line(item.text))


def show_item(item: Item) -> None:
    """Show all of one version of an item."""
    p = item.provenance
    end = f" to {_time(item.valid_to)}" if item.valid_to else ""
    say((item.id, "bold"), f" version {item.version}, {item.kind}, from {_time(item.valid_from)}{end}")
    for name, value in (
        ("question", item.question), ("text", item.text), ("author", p.author), ("source", p.source), ("url", p.url),
        ("licence", p.licence), ("domain", p.domain),
    ):  # fmt: skip
        if value:
            say((f"  {name}: ", "dim"), value)
    for conflict in item.conflicts:
        show_conflict(conflict)


def show_event(event: Event) -> None:
    """Show one entry of the ledger on one line."""
    version = f" version {event.version}" if event.version else ""
    say(
        (f"{_time(event.time)}  ", "dim"),
        f"{event.verb}{version} by {event.actor}",
        f": {event.reason}" if event.reason else "",
    )


def _provenance(p: Provenance) -> dict[str, Any]:
    return {"author": p.author, "source": p.source, "url": p.url, "licence": p.licence, "domain": p.domain}


def _time(moment: dt.datetime | None) -> str | None:
    return moment.isoformat() if moment else None
