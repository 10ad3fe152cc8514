"""Options that several verbs share, and checks of what they are given."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from yukawa.core.errors import unknown_name

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
# Read by `yukawa.cli.main` before the verb runs, since it decides how the verb's errors are shown.
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="TIME", help="Use the base as it was at this time, e.g. 2026-11-21T14:30."
    ),
]
Domain = Annotated[
    str | None, typer.Option("--domain", help="One of the eight domains, e.g. 'accelerator physics'.")
]
Kind = Annotated[
    str | None, typer.Option("--kind", help="Kind of item: statement, qa, document, correction or data.")
]
Author = Annotated[str | None, typer.Option("--author", help="Use only items that this author taught.")]
Source = Annotated[str | None, typer.Option("--source", help="Use only sources whose label contains this.")]
Reason = Annotated[str, typer.Option("--reason", help="Reason of the change, kept in the history.")]
Model = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="Name of a row of yukawa.toml; see `yukawa models`."),
]
Split = Annotated[
    str | None,
    typer.Option("--split", metavar="NAME", help="Split of a data set: train, validation or test."),
]
ItemId = Annotated[str, typer.Argument(metavar="ID", help="The item's id.")]
RunFolder = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="The run's folder; runs/RECIPE by default.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Resume from the last checkpoint.")]


def a_recipe(example: str) -> Any:
    """The argument RECIPE; `example` is shown in its help."""
    return typer.Argument(metavar="RECIPE", help=f"A YAML file, such as {example}.")


def its_changes(example: str) -> Any:
    """The arguments KEY=VALUE after a recipe."""
    return typer.Argument(metavar="KEY=VALUE", help=f"Changes of the recipe, such as {example}.")


def new_app(help_text: str, **more: Any) -> typer.Typer:
    """A group of verbs; help is plain text of a fixed width, the same on every terminal."""
    app = typer.Typer(
        help=help_text, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
        invoke_without_command=True, **more,
        context_settings={"help_option_names": ["-h", "--help"], "terminal_width": 100, "max_content_width": 100},
    )  # fmt: skip
    return app


def checked_filters(domain: str | None = None, kind: str | None = None) -> None:
    """Refuse a domain or kind that no item can have.

    Raises:
        InputError: with the nearest allowed name.
    """
    from yukawa.knowledge.domains import DOMAINS
    from yukawa.knowledge.records import KINDS

    if domain is not None and domain not in DOMAINS:
        raise unknown_name("domain", domain, DOMAINS)
    if kind is not None and kind not in KINDS:
        raise unknown_name("kind of item", kind, KINDS)
