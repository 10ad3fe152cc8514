"""Options that several verbs share, and checks of what they are given."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from yukawa.core.errors import unknown_name


def option(flag: str, metavar: str | None, help_text: str) -> Any:
    """An option for `Annotated`."""
    return typer.Option(flag, metavar=metavar, help=help_text)


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
# Read by `yukawa.cli.main` before the verb runs, since it decides how the verb's errors are shown.
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
AsOf = Annotated[
    str | None, option("--as-of", "TIME", "The state of the base at that time, e.g. 2026-11-21T14:30.")
]
Domain = Annotated[
    str | None, option("--domain", None, "One of the eight domains, e.g. 'accelerator physics'.")
]
Kind = Annotated[str | None, option("--kind", None, "statement, qa, document, correction or data.")]
Author = Annotated[str | None, option("--author", None, "Only items of this author.")]
Source = Annotated[str | None, option("--source", None, "Only sources whose label contains this text.")]
Reason = Annotated[str, option("--reason", None, "Reason, for the history.")]
Model = Annotated[str | None, option("--model", "NAME", "A row of yukawa.toml; see `yukawa models`.")]
Split = Annotated[str | None, option("--split", "NAME", "Split of a data set: train, validation or test.")]
ItemId = Annotated[str, typer.Argument(metavar="ID", help="Id of the item.")]
RunFolder = Annotated[Path | None, option("--out", "DIR", "Folder of the run; runs/RECIPE by default.")]
Resume = Annotated[bool, option("--resume", None, "Resume from the last checkpoint.")]
Workers = Annotated[
    int,
    typer.Option("--workers", metavar="N", min=1, help="Number of trainings side by side on this machine."),
]
Ray = Annotated[
    bool,
    option("--ray", None, "Run trainings side by side on a Ray cluster, whose machines share the files."),
]


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
    return typer.Argument(metavar="KEY=VALUE", help=f"Changes to the recipe, such as {example}.")


def new_app(help_text: str, **more: Any) -> typer.Typer:
    """A group of verbs that prints its help if no verb follows: plain text of a fixed width on every terminal."""
    app = typer.Typer(
        help=help_text, rich_markup_mode=None, pretty_exceptions_enable=False, invoke_without_command=True, **more,
        context_settings={"help_option_names": ["-h", "--help"], "terminal_width": 100, "max_content_width": 100},
    )  # fmt: skip
    app.callback()(show_help)
    return app


def show_help(context: typer.Context) -> None:
    """Print the help of a group if no verb follows."""
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


def checked_filters(domain: str | None = None, kind: str | None = None) -> None:
    """Refuse an unknown domain or kind of items.

    Raises:
        InputError: names the nearest.
    """
    if domain is not None:
        from yukawa.knowledge.records import DOMAINS

        if domain not in DOMAINS:
            raise unknown_name("domain", domain, DOMAINS)
    if kind is not None:
        from yukawa.knowledge.records import KINDS

        if kind not in KINDS:
            raise unknown_name("kind of item", kind, KINDS)
