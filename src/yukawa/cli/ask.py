"""The everyday verbs: `yukawa ask`, `chat`, `search`, `teach` and `models`."""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit, urlunsplit

import typer

from yukawa import assistant, knowledge
from yukawa.cli import options, session
from yukawa.cli.options import AsOf, Domain, Json, argument, option
from yukawa.cli.output import fail, note, print_json, say
from yukawa.core.errors import InputError, YukawaError
from yukawa.core.settings import ModelSettings

Model = Annotated[str | None, option("--model", "NAME", "A row of yukawa.toml; see `yukawa models`.")]
_LEAVE = frozenset({"/quit", "/exit", "/q"})


def ask(
    question: Annotated[str, argument(None, "A question on high-energy physics, in any notation.")],
    model: Model = None,
    as_of: AsOf = None,
    domain: Domain = None,
    as_json: Json = False,
) -> None:
    """Answer a question with its sources, or say that none is known."""
    settings = session.read_settings()
    # What cannot be asked is refused before a base is built for it.
    knowledge.checked_text(question, "the question")
    knowledge.check_filters(domain)
    assistant.model_for(domain or "", settings, model)
    with session.taught_base(settings) as base:
        answer = assistant.Assistant(base, settings).ask(question, model=model, as_of=as_of, domain=domain)
    print_json(answer.as_json()) if as_json else session.show_answer(answer)


def chat(model: Model = None, as_json: Json = False) -> None:
    """Answer question after question; 'and its width?' is understood.

    Leave with /quit or Ctrl-D. With --json the answers are printed as one list at the end.
    """
    settings = session.read_settings()
    assistant.model_for("", settings, model)
    answers = []
    with session.taught_base(settings) as base:
        conversation = assistant.Assistant(base, settings)
        for question in _questions():
            try:
                answer = conversation.follow_up(question, model=model)
            except YukawaError as error:
                fail(str(error))
                continue
            answers.append(answer.as_json())
            if not as_json:
                session.show_answer(answer)
                say()
    if as_json:
        print_json(answers)


def _questions() -> Iterator[str]:
    """Lines typed or piped in, until the end, /quit or Ctrl-C."""
    interactive = sys.stdin.isatty()
    if interactive:
        with contextlib.suppress(ImportError):  # gives line editing where the platform has it
            import readline  # noqa: F401
        note(("Ask; /quit or Ctrl-D leaves.", "dim"))
    while True:
        if interactive:
            sys.stderr.write("> ")
            sys.stderr.flush()
        try:
            line = input().strip()
        except (EOFError, KeyboardInterrupt):
            if interactive:
                sys.stderr.write("\n")
            return
        if line in _LEAVE:
            return
        if line:
            yield line


def search(
    query: Annotated[str, argument(None, "Words, a question, or a particle in any notation.")],
    k: Annotated[int, option("-k", "N", "Show N passages.")] = 5,
    domain: Domain = None,
    kind: options.Kind = None,
    author: options.Author = None,
    source: options.Source = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Find passages by their words and their meaning, best first."""
    settings = session.read_settings()
    knowledge.checked_text(query, "the query")
    knowledge.check_filters(domain, kind)
    with session.taught_base(settings) as base:
        hits = base.search(query, k=k, as_of=as_of, domain=domain, kind=kind, author=author, source=source)
    if as_json:
        print_json([session.hit_json(hit) for hit in hits])
        return
    for hit in hits:
        say((f"{hit.score:.3f} ", "dim"), (hit.item_id, "bold"), f"  {hit.provenance.source}")
        if hit.question:
            say("      ", hit.question)
        say("      ", hit.text)
    if not hits:
        note("nothing found")


def teach(
    text: Annotated[str | None, argument(None, "The statement or the answer to teach.")] = None,
    question: Annotated[
        str | None, option("--question", None, "Teach TEXT as the answer to this question.")
    ] = None,
    file: Annotated[
        str | None, option("--file", "PATH", "Teach a Markdown, text or PDF file instead; '-' reads stdin.")
    ] = None,
    source: Annotated[str | None, option("--source", None, "Name the source with this label.")] = None,
    url: Annotated[str | None, option("--url", None, "Address of the source: URL, DOI or arXiv id.")] = None,
    author: Annotated[
        str | None, option("--author", None, "Name of the person who teaches; your user name by default.")
    ] = None,
    licence: Annotated[
        str | None, option("--licence", None, "Licence under which the text may be passed on.")
    ] = None,
    domain: Annotated[
        str | None, option("--domain", None, "One of the eight domains; guessed by default.")
    ] = None,
    corrects: Annotated[
        str | None, option("--corrects", "ANSWER_ID", "Id of the answer that TEXT corrects.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Teach a fact, an answer, a document or a correction. The next answer uses it."""
    if (text is None) == (file is None):
        given = "neither a text nor a file was" if text is None else "both a text and a file were"
        raise InputError(f"{given} given", hint='type: yukawa teach "..." or yukawa teach --file PATH')
    settings = session.read_settings()
    if file is not None:
        text = knowledge.read_document(file)
        source = source or ("standard input" if file == "-" else Path(file).name)
    # Refused before a base is opened, or made, for it.
    text = knowledge.checked_text(text or "")
    knowledge.check_filters(domain)
    with session.plain_base(settings) as base:
        item = base.teach(
            text, question=question, source=source or "", author=author or session.me(), url=url, licence=licence,
            domain=domain, corrects=corrects,
        )  # fmt: skip
    session.give_change(item, as_json)


def models(
    check: Annotated[
        bool, option("--check", None, "Ask each model for its abilities; exit with 1 if one fails.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the models of yukawa.toml, and whether their keys are set."""
    settings = session.read_settings()
    rows = [_model_json(row, default=name == settings.default_model) for name, row in settings.models.items()]
    if check:
        for row, model in zip(rows, settings.models.values(), strict=True):
            row["check"] = _checked(model)
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            _show_model(row)
    if any("error" in row.get("check", {}) for row in rows):
        raise typer.Exit(1)


def _model_json(model: ModelSettings, *, default: bool) -> dict[str, Any]:
    variable = model.key_variable
    return {
        "name": model.name, "default": default, "backend": model.backend, "model": model.model, "base_url": _bare(model.base_url),
        "level": model.level, "domains": list(model.domains), "key_variable": variable,
        "key_set": bool(os.environ.get(variable)) if variable else None,
    }  # fmt: skip


def _bare(url: str | None) -> str | None:
    """`url` without user and password, which some write into it."""
    if url is None or "@" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))


def _checked(model: ModelSettings) -> dict[str, Any]:
    from yukawa.llm import SyncChat, open_model

    try:
        with contextlib.closing(SyncChat(open_model(model))) as chat:
            return asdict(chat.capabilities())
    except YukawaError as error:
        return {"error": str(error)}


def _show_model(row: dict[str, Any]) -> None:
    say((row["name"], "bold"), (" (default)", "green") if row["default"] else "", f"  {row['backend']}")
    for name in ("model", "base_url", "level", "domains"):
        if row[name]:
            say((f"  {name}: ", "dim"), row[name] if name != "domains" else ", ".join(row[name]))
    if row["key_variable"]:
        say(
            ("  key: ", "dim"),
            row["key_variable"],
            " is set" if row["key_set"] else (" is not set", "yellow"),
        )
    if "check" in row:
        found = row["check"]
        if "error" in found:
            say(("  failed: ", "bold red"), found["error"])
        else:
            can = [name.replace("_", " ") for name, value in found.items() if value is True]
            say(
                ("  reachable: ", "bold green"),
                ", ".join(can) or "plain chat",
                f"; context {found['context_length'] or 'unknown'}",
            )
