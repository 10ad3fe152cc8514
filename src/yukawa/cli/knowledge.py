"""`yukawa knowledge VERB`: verbs on single items, and on the base as a whole."""

from __future__ import annotations  # an annotation that is evaluated would load what it names

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from yukawa import knowledge
from yukawa.cli import options, session
from yukawa.cli.options import AsOf, Json, argument, option
from yukawa.cli.output import facts, give, note, print_json, progress_bar, say, warn
from yukawa.cli.session import plain_base
from yukawa.core.addresses import shown_address
from yukawa.core.errors import InputError

_SHOWN = 20  # problems for people; --json gives all
ItemId = Annotated[str, argument("ID", "Id of the item.")]
Reason = Annotated[str, option("--reason", None, "Reason, for the history.")]
File = Annotated[Path, argument("FILE", "Path of the file.")]


# ---- items ----------------------------------------------------------------------------------------


def build(as_json: Json = False) -> None:
    """Build the base from the data of the PDG, or complete it."""
    with session.taught_base(session.read_settings()) as base:
        edition = base.get_meta("pdg")
    give(
        as_json, {"pdg": edition},
        f"the knowledge base holds the Review of Particle Physics, edition {edition}",
    )  # fmt: skip


def list_(
    domain: options.Domain = None,
    kind: options.Kind = None,
    author: options.Author = None,
    source: options.Source = None,
    unloaded: Annotated[
        bool, option("--unloaded", None, "List the unloaded items instead of the current ones.")
    ] = False,
    as_of: AsOf = None,
    limit: Annotated[int, option("--limit", "N", "List at most N items, newest first.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """List items, newest first."""
    knowledge.check_filters(domain, kind)
    with plain_base() as base:
        items = base.list(
            domain=domain, kind=kind, author=author, source=source, unloaded=unloaded, as_of=as_of, limit=limit
        )  # fmt: skip
    if as_json:
        print_json([item.as_json() for item in items])
        return
    for item in items:
        session.show_line(item)
    if not items:
        note("no such item")
    elif len(items) == limit:
        note((f"the newest {limit}; --limit N shows more", "dim"))


def show(item_id: ItemId, as_of: AsOf = None, as_json: Json = False) -> None:
    """Show an item with its provenance and conflicts."""
    with plain_base() as base:
        item = base.show(item_id, as_of=as_of)
    print_json(item.as_json()) if as_json else session.show_item(item)


def history(item_id: ItemId, as_json: Json = False) -> None:
    """Show every version of an item, and who changed it when."""
    with plain_base() as base:
        versions, events = base.history(item_id)
    if as_json:
        shown = {"versions": [v.as_json() for v in versions]}
        print_json(shown | {"events": [e.as_json() for e in events]})
        return
    for version in versions:
        session.show_item(version)
    for event in events:
        session.show_event(event)


def update(
    item_id: ItemId,
    text: Annotated[str, argument("TEXT", "The new text.")],
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Replace an item by a new version."""
    with plain_base() as base:
        session.give_change(base.update(item_id, text, author=session.me(), reason=reason), as_json)


def unload(item_id: ItemId, reason: Reason = "", as_json: Json = False) -> None:
    """Withdraw an item: no answer uses it until it is restored."""
    with plain_base() as base:
        session.give_change(base.unload(item_id, actor=session.me(), reason=reason), as_json)


def review(
    item_id: ItemId,
    retract: Annotated[bool, option("--retract", None, "Withdraw an earlier review.")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Confirm an item that another person taught. Reviewers are named in yukawa.toml."""
    with plain_base() as base:
        reviewed = base.review(item_id, agree=not retract, actor=session.me(), reason=reason)
        session.give_change(reviewed, as_json)


def restore(item_id: ItemId, reason: Reason = "", as_json: Json = False) -> None:
    """Make an unloaded item current again."""
    with plain_base() as base:
        session.give_change(base.restore(item_id, actor=session.me(), reason=reason), as_json)


def purge(
    item_id: ItemId,
    yes: Annotated[bool, option("--yes", None, "Do not ask for confirmation.")] = False,
    search: Annotated[
        list[Path] | None,
        option(
            "--search",
            "DIR",
            "Folder in which to look for runs and data sets that contain the text; runs and sets by default.",
        ),
    ] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Erase an item and every trace of its content for good."""
    from yukawa.knowledge.store.traces import Tracer

    folders = [Path("runs"), Path("sets")] if search is None else search
    with plain_base() as base:
        base.history(item_id)  # an unknown id is refused before anyone is asked
        if not yes:
            _confirm(item_id)
        tracer = Tracer(base.store, item_id)
        base.purge(item_id, actor=session.me(), reason=reason)
        left = tracer.find(folders)
    give(
        as_json, {"id": item_id, "status": "purged"} | left.as_json(), ("purged", "bold green"), f" {item_id}"
    )
    for line in left.lines():
        warn(line)


def _confirm(item_id: str) -> None:
    if not sys.stdin.isatty():
        raise InputError(
            "purge erases for good, and there is no terminal in which to confirm it", hint="add --yes"
        )
    sys.stderr.write(f"erase {item_id} for good? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise InputError(f"{item_id} was not erased, since that was not confirmed")


def conflicts(as_json: Json = False) -> None:
    """List contradictions that nobody has settled."""
    with plain_base() as base:
        found = base.conflicts()
    if as_json:
        print_json([conflict.as_json() for conflict in found])
        return
    for conflict in found:
        session.show_conflict(conflict)
    if not found:
        note("no open conflict")


def resolve(
    conflict_id: Annotated[int, argument("CONFLICT_ID", "The number of the conflict.")],
    keep: Annotated[
        str | None,
        option(
            "--keep",
            "ID",
            "Keep this item and unload the other, unless that is a source's data; by default both are kept.",
        ),
    ] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Settle a conflict."""
    with plain_base() as base:
        base.resolve(conflict_id, keep=keep, actor=session.me(), reason=reason)
    kept = f"{keep} is kept" if keep else "both are kept"
    give(
        as_json, {"id": conflict_id, "status": "resolved", "kept": keep},
        ("resolved", "bold green"), f" conflict {conflict_id}: {kept}",
    )  # fmt: skip


# ---- the base as a whole --------------------------------------------------------------------------


def verify(as_json: Json = False) -> None:
    """Check the ledger, what is derived from it, and the index. Exit with 1 if something is wrong."""
    with plain_base() as base:
        report = base.verify()
    if as_json:
        print_json({
            "clean": report.clean, "events": report.events, "items": report.items, "passages": report.passages,
            "problems": list(report.problems), "notes": list(report.notes),
        })  # fmt: skip
    else:
        state = "clean" if report.clean else "damaged"
        say(f"{report.events} events, {report.items} items, {report.passages} passages: {state}")
        for problem in report.problems[:_SHOWN]:
            say(("problem: ", "bold red"), problem)
        if len(report.problems) > _SHOWN:
            note((f"{len(report.problems):,} problems in all; --json shows each", "dim"))
        for line in report.notes[:_SHOWN]:
            note((line, "dim"))
    if not report.clean:
        raise typer.Exit(1)


def reindex(
    embedding: Annotated[
        str,
        argument("EMBEDDING", "Embedding: auto, minilm, hash, none, sentence-transformers:… or openai:…."),
    ],
    as_json: Json = False,
) -> None:
    """Compute all embeddings again. The old ones are used until the new ones are complete."""
    with plain_base() as base, progress_bar(f"embedding with {embedding}") as progress:
        base.reindex(embedding, actor=session.me(), progress=progress)
        base.save_index()
    _done(as_json, "reindexed", embedding=embedding)


def backup(file: File, force: options.Force = False, as_json: Json = False) -> None:
    """Write a checked copy of the base, even while it is in use."""
    session.check_file(file, force)
    with plain_base() as base:
        base.backup(file, force=force)
    _done(as_json, "backed up", file=str(file), bytes=file.stat().st_size)


def restore_backup(file: File, as_json: Json = False) -> None:
    """Restore a backup as the base. An existing base is never replaced."""
    address = session.read_settings().knowledge.url
    knowledge.KnowledgeBase.restore_backup(file, address)
    if "://" in address:
        address = shown_address(address)
    _done(as_json, "restored", file=str(file), base=address)


def export(file: File, force: options.Force = False, as_json: Json = False) -> None:
    """Write the base as JSON Lines. They are compressed if FILE ends in .gz."""
    session.check_file(file, force)
    with plain_base() as base:
        count = base.export(file, force=force)
    _done(as_json, "exported", items=count, file=str(file))


def import_(file: File, as_json: Json = False) -> None:
    """Import an export. A base with content takes only what is new to it."""
    with plain_base() as base:
        found = base.import_(file, actor=session.me())
    _done(as_json, "imported", items=found.taught, known=found.known)


def stats(as_json: Json = False) -> None:
    """Count what the base holds."""
    with plain_base() as base:
        found = _stats(base)
    if as_json:
        print_json(found)
        return
    facts({
        name: "; ".join(f"{key} {count:,}" for key, count in value.items()) if isinstance(value, dict)
        else f"{value:,}" if isinstance(value, int)
        else str("none" if value is None else value)
        for name, value in found.items()
    })  # fmt: skip


def _stats(base: knowledge.KnowledgeBase) -> dict[str, Any]:
    from yukawa.knowledge.store import ledger
    from yukawa.knowledge.store.database import HEAD

    with base.store.read() as connection:
        unfinished = ledger.unfinished(connection)
    items, file = base.list(), base.store.file
    # The bytes on disk, of the index too; a server does not say.
    files = file.parent.glob(f"{file.stem}.*") if file else ()
    size = sum(path.stat().st_size for path in files if path.is_file()) if file else None
    return {
        "base": base.store.name, "schema": HEAD, "embedding": base.embedding, "pdg": base.get_meta("pdg"),
        "items": len(items), "unloaded": len(base.list(unloaded=True)), "conflicts": len(base.conflicts()),
        "erasing": len(unfinished), "bytes": size,
        "kinds": dict(Counter(item.kind for item in items).most_common()),
        "domains": dict(Counter(item.provenance.domain for item in items).most_common()),
    }  # fmt: skip


def _done(as_json: bool, status: str, **details: Any) -> None:
    if as_json:
        print_json({"status": status, **details})
    else:
        note((status, "bold green"), "".join(f", {name} {value}" for name, value in details.items()))


app = options.new_app(
    "Manage the knowledge base.", build, show, history, update, unload, restore, review, purge, conflicts, resolve,
    verify, reindex, backup, restore_backup, export, stats, list_, import_,
)  # fmt: skip
