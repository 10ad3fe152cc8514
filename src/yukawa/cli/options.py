"""Options that several verbs share, each defined once, and the groups that verbs form."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from yukawa.core.yaml_files import RECIPES


def option(flag: str, metavar: str | None, help_text: str, *, short: str = "", **more: Any) -> Any:
    """An option for `Annotated`; `short` is its one letter, if it has one."""
    return typer.Option(flag, *filter(None, (short,)), metavar=metavar, help=help_text, **more)


def argument(metavar: str, help_text: str) -> Any:
    """An argument for `Annotated`."""
    return typer.Argument(metavar=metavar, help=help_text)


Json = Annotated[bool, option("--json", None, "Print one JSON document on stdout.")]
Debug = Annotated[bool, option("--debug", None, "Show the traceback of an error.")]
AsOf = Annotated[
    str | None, option("--as-of", "TIME", "Use the state of the base at that time, such as 2026-11-21T14:30.")
]
Domain = Annotated[
    str | None, option("--domain", None, "Domain, one of eight, such as 'accelerator physics'.")
]
Kind = Annotated[
    str | None, option("--kind", None, "Kind of item: statement, qa, document, correction or data.")
]
Author = Annotated[str | None, option("--author", None, "Only items of this author.")]
Source = Annotated[str | None, option("--source", None, "Only sources whose label contains this text.")]
Split = Annotated[str | None, option("--split", "NAME", "Split of a data set: train, validation or test.")]
RunFolder = Annotated[Path | None, option("--out", "DIR", "Folder of the run; runs/RECIPE by default.")]
Resume = Annotated[bool, option("--resume", None, "Resume from the last checkpoint.")]
Force = Annotated[bool, option("--force", None, "Replace an existing file.")]
Workers = Annotated[int, option("--workers", "N", "Number of trainings side by side on this machine.", min=1)]
Ray = Annotated[
    bool,
    option("--ray", None, "Run trainings side by side on a Ray cluster, whose machines share the files."),
]


def a_recipe(kind: str) -> Any:
    """The argument RECIPE, of a kind of `core.yaml_files.VERBS`."""

    def names(incomplete: str) -> list[str]:
        return sorted(path.stem for path in (RECIPES / kind).glob(f"{incomplete}*.yaml"))

    return typer.Argument(
        metavar="RECIPE", help="A name that `yukawa recipes` lists, or a YAML file.", autocompletion=names
    )


def its_changes(example: str) -> Any:
    """The arguments KEY=VALUE after a recipe."""
    return argument("KEY=VALUE", f"Changes to the recipe, such as {example}.")


def run_folder(out: Path | None, recipe: str) -> Path:
    """The folder of a run: `out`, or runs/RECIPE."""
    return out or Path("runs") / Path(recipe).stem


def new_app(help_text: str, *verbs: Callable[..., None], **more: Any) -> typer.Typer:
    """A group of verbs that prints its help if no verb follows: plain text of a fixed width on every terminal."""
    app = typer.Typer(
        help=help_text, rich_markup_mode=None, pretty_exceptions_enable=False, invoke_without_command=True, **more,
        context_settings={"help_option_names": ["-h", "--help"], "terminal_width": 80, "max_content_width": 80},
    )  # fmt: skip
    app.callback()(show_help)
    for verb in verbs:
        add_verb(app, verb)
    return app


def add_verb(app: typer.Typer, verb: Callable[..., None]) -> None:
    """Add a verb, called like its function, to a group; `yukawa.cli.main` itself reads its option --debug."""

    def call(given: dict[str, Any]) -> None:
        del given["debug"]
        verb(**given)

    debug = inspect.Parameter(
        "debug", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation=Debug
    )
    parameters = [*inspect.signature(verb, eval_str=True).parameters.values(), debug]
    app.command(verb.__name__.strip("_").replace("_", "-"))(_command(verb, parameters, call))


def with_options(*groups: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A verb that takes the result of each group in a parameter of the group's name; its command takes their options."""

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        """The command of `verb`, with the options of the groups in place of its parameters."""
        members = {group.__name__: list(inspect.signature(group).parameters.values()) for group in groups}
        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(verb).parameters.values():
            parameters += members.get(parameter.name, [parameter])

        def call(given: dict[str, Any]) -> None:
            for group in groups:
                given[group.__name__] = group(**{p.name: given.pop(p.name) for p in members[group.__name__]})
            verb(**given)

        return _command(verb, parameters, call)

    return decorate


def _command(
    verb: Callable[..., None], parameters: Iterable[inspect.Parameter], call: Callable[[dict[str, Any]], None]
) -> Callable[..., None]:
    """`call`, described as `verb` but with these parameters."""

    @functools.wraps(verb)
    def command(**given: Any) -> None:
        call(given)

    command.__signature__ = inspect.Signature(list(parameters))  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def show_help(context: typer.Context) -> None:
    """Print the help of a group if no verb follows."""
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")
