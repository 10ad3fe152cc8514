"""`yukawa knowledge VERB` for items: build, list, show, history, update, unload, restore, purge, conflicts, resolve."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from yukawa.cli.formatting import (
    conflict_json,
    event_json,
    item_json,
    show_change,
    show_conflict,
    show_event,
    show_item,
    show_line,
)
from yukawa.cli.options import (
    AsOf,
    Author,
    Debug,
    Domain,
    ItemId,
    Json,
    Kind,
    Reason,
    Source,
    checked_filters,
    me,
)
from yukawa.cli.output import note, print_json, say
from yukawa.cli.session import plain_base, read_settings, taught_base
from yukawa.core.errors import InputError


def add_to(app: typer.Typer) -> None:
    """Add these verbs to a group."""
    for verb in (build, show, history, update, unload, restore, purge, conflicts, resolve):
        app.command()(verb)
    app.command("list")(list_items)


def build(as_json: Json = False, debug: Debug = False) -> None:
    """Build the base from the Particle Data Group's data, or finish building it."""
    with taught_base(read_settings()) as base:
        edition = base.get_meta("pdg")
    if as_json:
        print_json({"pdg": edition})
    else:
        say(f"the knowledge base holds the Review of Particle Physics, edition {edition}")


def list_items(
    domain: Domain = None,
    kind: Kind = None,
    author: Author = None,
    source: Source = None,
    unloaded: Annotated[
        bool, typer.Option("--unloaded", help="The unloaded items instead of those in force.")
    ] = False,
    as_of: AsOf = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="At most so many, newest first.")
    ] = 50,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """List items, newest first."""
    checked_filters(domain, kind)
    with plain_base(read_settings()) as base:
        items = base.list(
            domain=domain,
            kind=kind,
            author=author,
            source=source,
            unloaded=unloaded,
            as_of=as_of,
            limit=limit,
        )
    if as_json:
        print_json([item_json(item) for item in items])
        return
    for item in items:
        show_line(item)
    if not items:
        note("no such item")
    elif len(items) == limit:
        note((f"the newest {limit}; --limit N shows more", "dim"))


def show(item_id: ItemId, as_of: AsOf = None, as_json: Json = False, debug: Debug = False) -> None:
    """Show an item with its provenance and conflicts."""
    with plain_base(read_settings()) as base:
        item = base.show(item_id, as_of=as_of)
    if as_json:
        print_json(item_json(item))
    else:
        show_item(item)


def history(item_id: ItemId, as_json: Json = False, debug: Debug = False) -> None:
    """Show every version of an item, and who did what to it, when and why."""
    with plain_base(read_settings()) as base:
        versions, events = base.history(item_id)
    if as_json:
        print_json({"versions": [item_json(v) for v in versions], "events": [event_json(e) for e in events]})
        return
    for version in versions:
        show_item(version)
    for event in events:
        show_event(event)


def update(
    item_id: ItemId,
    text: Annotated[str, typer.Argument(help="The new text.")],
    reason: Reason = "",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Put a new version of an item in force."""
    with plain_base(read_settings()) as base:
        item = base.update(item_id, text, author=me(), reason=reason)
    print_json(item_json(item)) if as_json else show_change(item)


def unload(item_id: ItemId, reason: Reason = "", as_json: Json = False, debug: Debug = False) -> None:
    """Take an item out of force: no answer uses it until it is restored."""
    with plain_base(read_settings()) as base:
        item = base.unload(item_id, actor=me(), reason=reason)
    print_json(item_json(item)) if as_json else show_change(item)


def restore(item_id: ItemId, reason: Reason = "", as_json: Json = False, debug: Debug = False) -> None:
    """Put an unloaded item in force again."""
    with plain_base(read_settings()) as base:
        item = base.restore(item_id, actor=me(), reason=reason)
    print_json(item_json(item)) if as_json else show_change(item)


def purge(
    item_id: ItemId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    reason: Reason = "",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Erase an item and every trace of its content for good."""
    with plain_base(read_settings()) as base:
        base.history(item_id)  # an unknown id is refused before anyone is asked
        if not yes:
            _confirm(item_id)
        base.purge(item_id, actor=me(), reason=reason)
    if as_json:
        print_json({"id": item_id, "status": "purged"})
    else:
        say(("purged", "bold green"), f" {item_id}")


def _confirm(item_id: str) -> None:
    if not sys.stdin.isatty():
        raise InputError("purge erases for good and nobody can be asked here", hint="add --yes")
    sys.stderr.write(f"erase {item_id} for good? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise InputError(f"{item_id} was not erased: that was no yes")


def conflicts(as_json: Json = False, debug: Debug = False) -> None:
    """List contradictions that nobody has settled."""
    with plain_base(read_settings()) as base:
        found = base.conflicts()
    if as_json:
        print_json([conflict_json(conflict) for conflict in found])
        return
    for conflict in found:
        show_conflict(conflict)
    if not found:
        note("no open conflict")


def resolve(
    conflict_id: Annotated[int, typer.Argument(metavar="CONFLICT_ID", help="The conflict's number.")],
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="ID", help="Unload the other item; without it both stand.")
    ] = None,
    reason: Reason = "",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Settle a conflict."""
    with plain_base(read_settings()) as base:
        base.resolve(conflict_id, keep=keep, actor=me(), reason=reason)
    if as_json:
        print_json({"id": conflict_id, "status": "resolved", "kept": keep})
    else:
        say(
            ("resolved", "bold green"),
            f" conflict {conflict_id}: ",
            f"{keep} stands" if keep else "both stand",
        )
