"""`yukawa teach`: a statement, an answer, a document or a correction enters the knowledge base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yukawa.cli.formatting import item_json, show_change
from yukawa.cli.options import Debug, Json, checked_filters, me
from yukawa.cli.output import print_json
from yukawa.cli.session import plain_base, read_settings
from yukawa.core.errors import InputError


def teach(
    text: Annotated[str | None, typer.Argument(help="What is so.")] = None,
    question: Annotated[
        str | None, typer.Option("--question", help="The question that TEXT answers.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="PATH", help="Markdown, text or PDF instead of TEXT; '-' is stdin."),
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Label of where it stands.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="Its address: URL, DOI or arXiv id.")] = None,
    author: Annotated[
        str | None, typer.Option("--author", help="Who teaches it; your user name if not given.")
    ] = None,
    licence: Annotated[str | None, typer.Option("--licence", help="Under which it may be passed on.")] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", help="One of the eight domains; guessed if not given.")
    ] = None,
    corrects: Annotated[
        str | None, typer.Option("--corrects", metavar="ANSWER_ID", help="The answer that TEXT corrects.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Teach a fact, an answer, a document or a correction; the next answer uses it."""
    from yukawa.knowledge.items import checked_text

    if (text is None) == (file is None):
        came = "neither a text nor a file" if text is None else "both a text and a file"
        raise InputError(f"{came} came", hint='type: yukawa teach "..." or yukawa teach --file PATH')
    settings = read_settings()
    if file is not None:
        from yukawa.knowledge.documents import read_document

        text = read_document(file)
        source = source or ("standard input" if file == "-" else Path(file).name)
    # Refused before a base is opened, or made, for it.
    text = checked_text(text or "")
    checked_filters(domain)
    with plain_base(settings) as base:
        item = base.teach(
            text, question=question, source=source or "", author=author or me(), url=url, licence=licence, domain=domain,
            corrects=corrects,
        )  # fmt: skip
    if as_json:
        print_json(item_json(item))
    else:
        show_change(item)
