"""`yukawa knowledge VERB` for the base as a whole: verify, reindex, backup, restore-backup, export, import, stats."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yukawa.cli.options import Debug, Json, me
from yukawa.cli.output import note, print_json, progress_bar, say
from yukawa.cli.session import plain_base, read_settings, url

if TYPE_CHECKING:
    from yukawa.knowledge import KnowledgeBase

SHOWN_PROBLEMS = 20
File = Annotated[Path, typer.Argument(metavar="FILE", help="The file.")]


def add_to(app: typer.Typer) -> None:
    """Add these verbs to a group."""
    for verb in (verify, reindex, backup, restore_backup, export, stats):
        app.command()(verb)
    app.command("import")(import_file)


def verify(as_json: Json = False, debug: Debug = False) -> None:
    """Check the ledger, every digest and the index; exit 1 if something is wrong."""
    with plain_base(read_settings()) as base:
        report = base.verify()
    if as_json:
        print_json({
            "clean": report.clean, "events": report.events, "items": report.items, "passages": report.passages,
            "problems": list(report.problems),
        })  # fmt: skip
    else:
        say(
            f"{report.events} events, {report.items} items, {report.passages} passages: ",
            "clean" if report.clean else "damaged",
        )
        for problem in report.problems[:SHOWN_PROBLEMS]:
            say(("problem: ", "bold red"), problem)
        if len(report.problems) > SHOWN_PROBLEMS:
            note((f"{len(report.problems):,} problems in all; --json shows each", "dim"))
    if not report.clean:
        raise typer.Exit(1)


def reindex(
    embedding: Annotated[
        str,
        typer.Argument(
            metavar="EMBEDDING", help="auto, minilm, hash, none, sentence-transformers:… or openai:…."
        ),
    ],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Embed everything anew; the old vectors serve until the new ones are whole."""
    with plain_base(read_settings()) as base, progress_bar(f"embedding with {embedding}") as progress:
        base.reindex(embedding, actor=me(), progress=progress)
        base.save_index()
    _done(as_json, "reindexed", embedding=embedding)


def backup(
    file: File,
    force: Annotated[bool, typer.Option("--force", help="Replace an older file.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a checked copy of the base to a file, also while it is in use."""
    with plain_base(read_settings()) as base:
        base.backup(file, force=force)
    _done(as_json, "backed up", file=str(file), bytes=file.stat().st_size)


def restore_backup(file: File, as_json: Json = False, debug: Debug = False) -> None:
    """Put a backup in place as the base; refused where a base is."""
    from yukawa.knowledge import KnowledgeBase

    settings = read_settings()
    KnowledgeBase.restore_backup(file, url(settings))
    _done(as_json, "restored", file=str(file), base=_shown_url(url(settings)))


def export(file: File, as_json: Json = False, debug: Debug = False) -> None:
    """Write the base as JSON Lines, compressed if FILE ends in .gz."""
    with plain_base(read_settings()) as base:
        count = base.export(file)
    _done(as_json, "exported", items=count, file=str(file))


def import_file(file: File, as_json: Json = False, debug: Debug = False) -> None:
    """Bring an export in: all of it into an empty base, else what is new."""
    with plain_base(read_settings()) as base:
        found = base.import_(file, actor=me())
    _done(as_json, "imported", items=found.taught, known=found.known)


def stats(as_json: Json = False, debug: Debug = False) -> None:
    """Count what the base holds."""
    with plain_base(read_settings()) as base:
        found = _stats(base)
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        shown = (
            "; ".join(f"{key} {count:,}" for key, count in value.items())
            if isinstance(value, dict)
            else value
        )
        say(
            (f"{name}: ", "dim"),
            f"{shown:,}" if isinstance(shown, int) else str(shown if shown is not None else "none"),
        )


def _stats(base: KnowledgeBase) -> dict[str, Any]:
    from yukawa.knowledge.store.database import HEAD

    items = base.list()
    return {
        "base": base.store.name, "schema": HEAD, "embedding": base.embedding, "pdg": base.get_meta("pdg"),
        "items": len(items), "unloaded": len(base.list(unloaded=True)), "conflicts": len(base.conflicts()),
        "bytes": _size(base.store.file),
        "kinds": dict(Counter(item.kind for item in items).most_common()),
        "domains": dict(Counter(item.provenance.domain for item in items).most_common()),
    }  # fmt: skip


def _size(file: Path | None) -> int | None:
    """Bytes of the base and its index on disk; None on a server."""
    if file is None:
        return None
    found = [*file.parent.glob(f"{file.name}*"), *file.with_suffix(".index").rglob("*")]
    return sum(path.stat().st_size for path in found if path.is_file())


def _shown_url(base_url: str) -> str:
    """A base's address without a password."""
    if "@" not in base_url:
        return base_url
    import sqlalchemy as sa

    return sa.make_url(base_url).render_as_string(hide_password=True)


def _done(as_json: bool, status: str, **details: Any) -> None:
    if as_json:
        print_json({"status": status, **details})
    else:
        note((status, "bold green"), "".join(f", {name} {value}" for name, value in details.items()))
