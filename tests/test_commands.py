"""Every line `yukawa ...` that we write anywhere is one that the command line takes."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from yukawa.cli.main import app
from yukawa.core.yaml_files import RECIPES, VERBS

ROOT = Path(__file__).parent.parent
PLACES = (
    "*.md",
    "docs/**/*.md",
    "docs/**/*.ipynb",
    "benchmarks/**/*.md",
    "benchmarks/**/*.j2",
    ".github/**/*.md",
    "Makefile",
)
PAGES = sorted(page for place in PLACES for page in ROOT.glob(place))
CODE = sorted(ROOT.glob("src/**/*.py"))

# `yukawa ...` between backticks, or from the beginning of a line or a colon to its end; one line may go on with "\".
INLINE = re.compile(r"`((?:[A-Z]\w*=\S+ )?yukawa (?:[^`\n]|\n(?!\n))+)`")
AFTER = re.compile(
    r"(?:^[ \t>]*(?:\$ )?|^#.*?   |: |&& |--no-python |^ *[\w./-]+/bin/)yukawa ((?:\\\n|[^`\n])+)",
    re.MULTILINE,
)
# What ends a command: a comment, an explanation after two blanks, a pipe, another command.
END = re.compile(r"\s#|(?<=\S)(?<!\\) {2,}|\s[|>]|\s?&&|;\s|\s2>|\sor yukawa ")
ALONE = {"serve"}  # groups that do something without a verb
HEADS = {"completions", "losses"}  # `yukawa losses` begins such a file
ROOT_COMMAND = typer.main.get_command(app)


def commands(text: str) -> Iterator[tuple[str, bool]]:
    """Each command in `text`, without `yukawa`, and whether it is by itself, not within a sentence."""
    for match in INLINE.finditer(text):
        yield re.sub(r"\s+", " ", match[1]).partition("yukawa ")[2], False
    for match in AFTER.finditer(re.sub(r"`[^`\n]*`", "``", text)):
        yield re.sub(r"\s*\\\n\s*", " ", match[1]), True


def strings(source: str) -> Iterator[str]:
    """The texts of a Python file, X for each value that is put in."""
    tree = ast.parse(source)
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def mistake(command: str, *, whole: bool) -> str:
    """What is wrong with `command`; empty if nothing is."""
    command = END.split(command)[0]
    command = re.sub(r"[\[\]](?!\d)", " ", command) if "=[" not in command else command
    try:
        words = shlex.split(command)
    except ValueError as error:
        return str(error)
    if words and not whole:
        words[-1] = words[-1].rstrip(".,;:)")
    words = [word for word in words if word not in ("...", "…", "")]
    if "VERB" in words or command in HEADS or words[:1] == ["X"]:  # X: a verb that is put in
        return ""
    found = ROOT_COMMAND
    context = found.context_class(found, info_name="yukawa")
    while hasattr(found, "commands") and words and not words[0].startswith("-"):
        try:
            name, below, words = found.resolve_command(context, words)
        except Exception as error:  # noqa: BLE001 - see `arguments`
            return _said(error)
        found, context = below, below.context_class(below, info_name=name, parent=context)
    if "--help" in words or "-h" in words:
        return ""
    mention = not whole and not any(word for word in words if not word.startswith("-"))
    return arguments(found, context, words, mention=mention)


def arguments(command: Any, context: Any, words: list[str], *, mention: bool) -> str:
    """What is wrong with the `words` after a verb; what is only mentioned need not be complete."""
    parser = command.make_parser(context)
    try:
        given, rest, _ = parser.parse_args(list(words))
    except Exception as error:  # noqa: BLE001 - typer has a click of its own, whose errors it does not export
        return _said(error)
    if rest:
        return f"{context.command_path} takes no {rest[0]!r}"
    if mention:
        return ""
    if hasattr(command, "commands"):
        return "" if words or command.name in ALONE else f"{context.command_path} needs a verb"
    for parameter in command.params:
        value = given.get(parameter.name)
        lacks = value is None or value == () or not isinstance(value, (str, bool, int, list, tuple))
        if parameter.required and lacks:
            return f"{context.command_path} needs {parameter.metavar or parameter.name}"
        if (
            parameter.metavar == "MODEL"
            and isinstance(value, (list, tuple))
            and {"DATA", "JETS"} & set(value)
        ):
            return f"{context.command_path} takes no data among its models"
    return recipe(context, given)


def _said(error: Exception) -> str:
    return str(error.format_message()) if hasattr(error, "format_message") else repr(error)


def recipe(context: Any, given: dict[str, object]) -> str:
    """Whether the recipe is one that is shipped; its own may be named in capitals, or by a file."""
    kinds = {verb: kind for kind, verb in VERBS.items()}
    kind = kinds.get(context.command_path.removeprefix("yukawa ").removesuffix(" recipe"))
    name = str(given.get("recipe", ""))
    if kind is None or name.isupper() or name.endswith(".yaml"):
        return ""
    return "" if (RECIPES / kind / f"{name}.yaml").is_file() else f"there is no recipe {name!r}"


def wrong(texts: Iterator[str]) -> list[str]:
    """The commands in `texts` that are wrong, and why."""
    found = ((command, mistake(command, whole=whole)) for text in texts for command, whole in commands(text))
    return [f"yukawa {command.strip()}: {reason}" for command, reason in found if reason]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":  # `!yukawa ...` is a command
        cells = json.loads(text)["cells"]
        text = re.sub(r"!(?=yukawa )", "", "\n".join("".join(cell["source"]) for cell in cells))
    if page.name == "cli.md":  # the texts of --help, which begin with what click makes
        text = re.sub(r"^ *Usage:.*", "", text, flags=re.MULTILINE)
    assert not wrong(iter([text]))


def test_the_commands_of_code() -> None:
    assert not wrong(text for path in CODE for text in strings(path.read_text(encoding="utf-8")))


def test_the_commands_of_recipes() -> None:
    texts = (path.read_text(encoding="utf-8") for path in RECIPES.glob("*/*.yaml"))
    comments = (re.sub(r"^# ?", "", text, flags=re.MULTILINE) for text in texts)
    assert not wrong(comments)


def test_commands_are_found_where_they_stand() -> None:
    text = 'See `yukawa ask\n"x"`:\n$ yukawa train smoke \\\n  a.b=c   # why\ntype: yukawa models\nthe yukawa data'
    assert list(commands(text)) == [('ask "x"', False), ("train smoke a.b=c   # why", True), ("models", True)]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("evaluate perplexity RUN --data", "No such option"),
        ("evaluate completions DATA --chat", "requires an argument"),
        ("jets evaluate model DATA", "takes no data"),
        ("jets predict model JETS --out X", "takes no 'JETS'"),
        ("jets evaluat RUN", "No such command 'evaluat'"),
        ("train smoke --wrong", "No such option"),
        ("train smok", "there is no recipe 'smok'"),
        ("train", "needs RECIPE"),
        ("train RECIPE key=value --out DIR", ""),
        ("jets scaling scaling sizes=[100,1000] --out DIR | tee log", ""),
        ("knowledge resolve ID [--keep ID]", ""),
    ],
)
def test_what_is_wrong_is_seen(command: str, reason: str) -> None:
    found = mistake(command, whole=True)
    assert (reason in found) if reason else not found
