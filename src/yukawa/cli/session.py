"""The knowledge base as the verbs see it: settings, the open base, its items as lines for people."""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from yukawa import assistant, knowledge
from yukawa.cli.output import first_line, note, print_json, progress_bar, say
from yukawa.core.errors import InputError, SettingsError
from yukawa.core.files import check_new_folder, check_output
from yukawa.core.settings import Settings, load_settings, settings_files
from yukawa.runs import run

if TYPE_CHECKING:
    from yukawa.knowledge import documents

_SOURCES = 12  # shown below an answer
_BLAS_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def read_settings() -> Settings:
    """The settings; `threads` is set for linear algebra, which must happen before NumPy is loaded.

    Raises:
        SettingsError: an unknown key or a wrong value.
    """
    settings = load_settings()
    if settings.threads is not None:
        os.environ.update(dict.fromkeys(_BLAS_VARIABLES, str(settings.threads)))
    return settings


def own_places(out: Path) -> list[Path]:
    """Files and folders of the program that nothing is written over at `out`: base, settings, the package, runs around it."""
    from yukawa.knowledge.store import database
    from yukawa.server.tables import own_places as server_places

    settings = None
    with contextlib.suppress(SettingsError):  # of a verb that does not need them
        settings = load_settings()
    base = [*database.own_places(settings.knowledge.url), *server_places(settings.home)] if settings else []
    package = Path(__file__).parents[1]
    return [*base, *settings_files(), package, *run.own_places(out)]


def check_file(out: Path, force: bool, *inputs: Path) -> None:
    """Refuse a file that a verb must not write, before anything is read: see `core.files.check_output`.

    Raises:
        InputError: says why.
    """
    check_output(out, force=force, own=own_places(out), inputs=inputs)
    if not out.parent.is_dir():
        raise InputError(f"{out} cannot be written: its folder does not exist", hint="create the folder")


def check_folder(out: Path, *, new: bool = False) -> None:
    """Refuse a folder that a verb must not write into: a file, one of the program's, or (if it must be `new`) with files.

    Raises:
        InputError: says why.
    """
    check_new_folder(out, replace=not new, own=own_places(out))


def check_run_folder(out: Path, resume: bool) -> None:
    """As `check_folder`; where nothing is to be resumed, refuse one that holds anything.

    Raises:
        InputError: says why.
    """
    check_folder(out)
    if not resume:
        run.check_new(out)


@contextlib.contextmanager
def taught_base(settings: Settings) -> Iterator[knowledge.KnowledgeBase]:
    """The knowledge base; if it is new it is first built from the PDG's data, with a progress bar."""
    built = False
    with progress_bar("building the knowledge base from the Review of Particle Physics, once") as progress:

        def follow(done: int, whole: int) -> None:
            """Note that the base is being built, and move the progress bar."""
            nonlocal built
            built = True
            progress(done, whole)

        base = knowledge.open_base(settings, progress=follow)
    with base:
        if built and base.embedding == "none" and settings.knowledge.embedding == "auto":
            from yukawa.embedding.minilm import INSTALL

            note(
                f"it is searched by words; to search by meaning too: {INSTALL} && yukawa knowledge reindex minilm"
            )
        yield base


@contextlib.contextmanager
def plain_base(settings: Settings | None = None) -> Iterator[knowledge.KnowledgeBase]:
    """The knowledge base of `settings` (or of those that are read), which is not built if it is new."""
    from yukawa.server.forgetting import ServerTexts

    settings = settings or read_settings()
    chosen = settings.knowledge
    with knowledge.KnowledgeBase.open(
        chosen.url, embedding=chosen.embedding, reviewers=chosen.reviewers
    ) as base:
        base.store.elsewhere.append(ServerTexts(base.store, settings.home))
        yield base


def me() -> str:
    """The account of the person at the keyboard, as the system knows it and not as a variable names it."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except ImportError:  # no such list on Windows
        return getpass.getuser()
    except KeyError:  # an account without a name, as in some containers
        return "unknown"


# ---- as lines for people --------------------------------------------------------------------------


def show_plan(answer: assistant.Answer) -> None:
    """Show how the question was read: each element with the words it comes from."""
    for line in assistant.explain(answer.plan) if answer.plan else ():
        say((line, "dim"))


def show_bibtex(answer: assistant.Answer) -> None:
    """Show BibTeX entries of the papers behind an answer; what has none is said on stderr."""
    entries = assistant.bibtex(answer.results)
    say(entries) if entries else note("no paper is known behind this answer: ", first_line(answer.text))


def show_answer(answer: assistant.Answer) -> None:
    """Show the answer, its numbered sources, what speaks against it, and how to correct it."""
    say(answer.text)
    show_sources(answer)


def show_sources(answer: assistant.Answer) -> None:
    """Show all of an answer but its text."""
    if answer.sources:
        say()
    for source in answer.sources[:_SOURCES]:
        url = f"  {source.url}" if source.url else ""
        who = said(source.kind, source.author, source.trust)
        say((f"[{source.marker}] ", "bold"), source.label, url, who)
    if len(answer.sources) > _SOURCES:
        say((f"… and {len(answer.sources) - _SOURCES} more sources; --json lists all", "dim"))
    for conflict in answer.conflicts:
        say(("conflict: ", "bold yellow"), conflict.replace("; to settle it: ", "\n  to settle it: "))
    for check in answer.checks:
        if not check.passed:
            say(("check failed: ", "bold yellow"), f"{check.name}: {check.detail}")
    if answer.kind in ("small-talk", "command"):  # nothing was said that could be wrong
        return
    invitation = "know better? teach it" if answer.abstained else "correct it"
    command = f'yukawa teach --corrects {answer.id} "..."'
    say((f"answer {answer.id} by {answer.model}; {invitation}: {command}", "dim"))


def said(kind: str, author: str, trust: str) -> str:
    """Who says something and how far that is trusted: '  (statement by Li, taught)'."""
    by = "" if trust in ("built source", "anonymous") else f"{kind} by {author}, "
    return f"  ({by}{trust})"


def give_change(item: knowledge.Item, as_json: bool) -> None:
    """Print an item that was changed, as JSON or for people."""
    print_json(item.as_json()) if as_json else show_change(item)


def give_files(files: Sequence[documents.Synced], as_json: bool) -> None:
    """Print what became of each file, and how many there were of each kind; unchanged ones are only counted."""
    if as_json:
        print_json([asdict(file) for file in files])
        return
    for file in files:
        if file.status != "unchanged":
            say((f"{file.status:9} ", "bold green"), file.item_id, f"  {file.path}")
    counts = Counter(file.status for file in files)
    note(", ".join(f"{count} {status}" for status, count in counts.items()) or "no documents")


def show_change(item: knowledge.Item) -> None:
    """Show what was done to an item, and each conflict with both sides and the way to settle it."""
    say(
        (item.status, "bold green"),
        f" {item.id} version {item.version} ({item.kind} by {item.provenance.author}, {item.trust}; {item.provenance.domain})",
    )
    for conflict in item.conflicts:
        show_conflict(conflict)


def show_conflict(conflict: knowledge.Conflict) -> None:
    """Show both sides of a contradiction and how to settle it."""
    say((f"conflict {conflict.id}: ", "bold yellow"), "two items state different values of one quantity")
    for side in conflict.sides:
        say("  ", str(side))
    say((f"  to settle it: {conflict.way_out}", "dim"))


def show_line(item: knowledge.Item) -> None:
    """Show one item on one line."""
    say((item.id, "bold"), f"  {item.kind}, {item.provenance.domain}  ", first_line(item.text))


def show_item(item: knowledge.Item) -> None:
    """Show all of one version of an item."""
    p = item.provenance
    end = f" to {_time(item.valid_to)}" if item.valid_to else ""
    say((item.id, "bold"), f" version {item.version}, {item.kind}, from {_time(item.valid_from)}{end}")
    for name, value in (
        ("question", item.question), ("text", item.text), ("author", p.author), ("trust", item.trust), ("source", p.source),
        ("url", p.url), ("licence", p.licence), ("domain", p.domain),
    ):  # fmt: skip
        if value:
            say((f"  {name}: ", "dim"), value)
    for conflict in item.conflicts:
        show_conflict(conflict)


def show_event(event: knowledge.Event) -> None:
    """Show one entry of the ledger on one line."""
    version = f" version {event.version}" if event.version else ""
    say(
        (f"{_time(event.time)}  ", "dim"),
        f"{event.verb}{version} by {event.actor or '(erased)'}",
        f": {event.reason}" if event.reason else "",
    )


def _time(moment: dt.datetime | None) -> str | None:
    return moment.isoformat() if moment else None
