"""The everyday verbs: `yukawa ask`, `chat`, `search` and `teach`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from yukawa.cli import formatting, options, session
from yukawa.cli.options import AsOf, Debug, Domain, Json, Model
from yukawa.cli.output import fail, note, print_json, say
from yukawa.core.errors import InputError, YukawaError

_LEAVE = frozenset({"/quit", "/exit", "/q"})


def ask(
    question: Annotated[str, typer.Argument(help="A question on high-energy physics, in any notation.")],
    model: Model = None,
    as_of: AsOf = None,
    domain: Domain = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Answer a question with its sources, or say that nothing supports an answer."""
    from yukawa.assistant.assistant import model_for
    from yukawa.knowledge.items import checked_text

    settings = session.read_settings()
    # What cannot be asked is refused before a base is built for it.
    checked_text(question, "the question")
    options.checked_filters(domain)
    model_for(domain or "", settings, model)
    with session.taught_base(settings) as base:
        from yukawa.assistant import Assistant

        answer = Assistant(base, settings).ask(question, model=model, as_of=as_of, domain=domain)
    print_json(answer.as_json()) if as_json else formatting.show_answer(answer)


def chat(model: Model = None, as_json: Json = False, debug: Debug = False) -> None:
    """Answer question after question; 'and its width?' is understood.

    Leave with /quit or Ctrl-D. With --json the answers are printed as one list at the end.
    """
    settings = session.read_settings()
    if model is not None:
        from yukawa.assistant.assistant import model_for

        model_for("", settings, model)
    answers = []
    with session.taught_base(settings) as base:
        from yukawa.assistant import Assistant

        assistant = Assistant(base, settings)
        for question in _questions():
            try:
                answer = assistant.follow_up(question, model=model)
            except YukawaError as error:
                fail(str(error))
                continue
            answers.append(answer.as_json())
            if not as_json:
                formatting.show_answer(answer)
                say()
    if as_json:
        print_json(answers)


def _questions() -> Iterator[str]:
    """Lines typed or piped in, until the end, /quit or Ctrl-C."""
    interactive = sys.stdin.isatty()
    if interactive:
        import contextlib

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
    query: Annotated[str, typer.Argument(help="Words, a question, or a particle in any notation.")],
    k: Annotated[int, typer.Option("-k", metavar="N", help="Show N passages.")] = 5,
    domain: Domain = None,
    kind: options.Kind = None,
    author: options.Author = None,
    source: options.Source = None,
    as_of: AsOf = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Find passages by their words and their meaning, best first."""
    from yukawa.knowledge.items import checked_text

    settings = session.read_settings()
    checked_text(query, "the query")
    options.checked_filters(domain, kind)
    with session.taught_base(settings) as base:
        hits = base.search(query, k=k, as_of=as_of, domain=domain, kind=kind, author=author, source=source)
    if as_json:
        print_json([formatting.hit_json(hit) for hit in hits])
        return
    for hit in hits:
        say((f"{hit.score:.3f} ", "dim"), (hit.item_id, "bold"), f"  {hit.provenance.source}")
        if hit.question:
            say("      ", hit.question)
        say("      ", hit.text)
    if not hits:
        note("nothing found")


def teach(
    text: Annotated[str | None, typer.Argument(help="The statement or the answer to teach.")] = None,
    question: Annotated[
        str | None, typer.Option("--question", help="Teach TEXT as the answer to this question.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            metavar="PATH",
            help="Teach a Markdown, text or PDF file instead of TEXT; '-' reads stdin.",
        ),
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Name the source with this label.")] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Address of the source: URL, DOI or arXiv id.")
    ] = None,
    author: Annotated[
        str | None,
        typer.Option("--author", help="Name of the person who teaches; your user name by default."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", help="Licence under which the text may be passed on.")
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", help="One of the eight domains; guessed by default.")
    ] = None,
    corrects: Annotated[
        str | None,
        typer.Option("--corrects", metavar="ANSWER_ID", help="Id of the answer that TEXT corrects."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Teach a fact, an answer, a document or a correction; the next answer uses it."""
    from yukawa.knowledge.items import checked_text

    if (text is None) == (file is None):
        given = "neither a text nor a file was" if text is None else "both a text and a file were"
        raise InputError(f"{given} given", hint='type: yukawa teach "..." or yukawa teach --file PATH')
    settings = session.read_settings()
    if file is not None:
        from yukawa.knowledge.items import read_document

        text = read_document(file)
        source = source or ("standard input" if file == "-" else Path(file).name)
    # Refused before a base is opened, or made, for it.
    text = checked_text(text or "")
    options.checked_filters(domain)
    with session.plain_base(settings) as base:
        item = base.teach(
            text, question=question, source=source or "", author=author or session.me(), url=url, licence=licence,
            domain=domain, corrects=corrects,
        )  # fmt: skip
    formatting.give_change(item, as_json)
