"""Options that several verbs share, and checks of what they are given."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from yukawa.core.errors import InputError, nearest

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
# Read by `yukawa.cli.main` before the verb runs, since it decides how the verb's errors are shown.
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="TIME", help="As the base stood then, e.g. 2026-11-21T14:30.")
]
Domain = Annotated[
    str | None, typer.Option("--domain", help="One of the eight domains, e.g. 'accelerator physics'.")
]
Kind = Annotated[str | None, typer.Option("--kind", help="statement, qa, document, correction or data.")]
Author = Annotated[str | None, typer.Option("--author", help="Only what this author taught.")]
Source = Annotated[str | None, typer.Option("--source", help="Only sources whose label holds this.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the history.")]
Model = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="A row of yukawa.toml; see `yukawa models`.")
]
Split = Annotated[
    str | None, typer.Option("--split", metavar="NAME", help="Of a data set: train, validation or test.")
]
ItemId = Annotated[str, typer.Argument(metavar="ID", help="The item's id.")]
RunFolder = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="The run's folder; runs/RECIPE if left out.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")]


def a_recipe(kind: str) -> Any:
    """The argument RECIPE, of a kind of `core.config.VERBS`."""
    return typer.Argument(
        metavar="RECIPE", help="A name that `yukawa recipes` lists, or a YAML file.",
        autocompletion=lambda incomplete: [name for name in _recipes(kind) if name.startswith(incomplete)],
    )  # fmt: skip


def _recipes(kind: str) -> list[str]:
    from yukawa.core.config import RECIPES

    return sorted(path.stem for path in (RECIPES / kind).glob("*.yaml"))


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
    if domain is not None:
        from yukawa.knowledge.domains import DOMAINS

        _one_of(domain, DOMAINS, "domain")
    if kind is not None:
        from yukawa.knowledge.records import KINDS

        _one_of(kind, KINDS, "kind of item")


def _one_of(given: str, allowed: Iterable[str], what: str) -> None:
    names = tuple(allowed)
    if given not in names:
        near = nearest(given, names)
        hint = (f"did you mean {near!r}? " if near else "") + f"allowed: {', '.join(names)}"
        raise InputError(f"{given!r} is no {what}", hint=hint)


def me() -> str:
    """The name of the person at the keyboard, for the ledger."""
    import getpass

    try:
        return os.environ.get("USER", "").strip() or getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        return "unknown"
