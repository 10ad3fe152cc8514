"""Combines the verbs, and turns every error into one line and an exit code."""

import contextlib
import os
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from yukawa import __version__
from yukawa.cli import (  # fmt: skip
    ask,
    check,
    data,
    demo,
    evaluate,
    generate,
    jets,
    knowledge,
    models,
    options,
    serve,
    train,
    write,
)
from yukawa.cli.options import Debug, option
from yukawa.cli.output import Interrupted, fail, note
from yukawa.core.errors import InputError, YukawaError
from yukawa.core.redaction import redacted
from yukawa.core.validation import in_our_words

INTERRUPTED = 130  # 128 + SIGINT, as shells count
BROKEN_PIPE = 1  # the code of typer, which notices first at times

app = options.new_app(
    "Ask about high-energy physics, teach, train and evaluate.",
    ask.ask, ask.chat, ask.teach, ask.search, models.models, check.check, generate.generate, train.recipes, demo.demo,
    train.train, train.merge, serve.mcp,
)  # fmt: skip
for group in (knowledge, data, evaluate, jets, serve, write):
    app.add_typer(group.app, name=group.__name__.rpartition(".")[2])


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[bool, option("--version", None, "Print the version.")] = False,
    debug: Debug = False,
) -> None:
    if version:
        sys.stdout.write(f"yukawa {__version__}\n")
        raise typer.Exit
    options.show_help(context)


def run() -> None:
    """The entry point `yukawa` of the shell."""
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a terminal without τ still shows the rest of the line
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))


def _open_streams() -> None:
    """Open what the shell has closed (`>&-`), to nowhere: else a file would get its number, and an error be written into it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # each gets the lowest number
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDONLY if mode == "r" else os.O_WRONLY)
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8"))


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0, 1 a failure, 2 the user's mistake, 130 Ctrl-C."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    try:
        _check_folder()
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader has gone; the interpreter's own flush at the end must not complain either.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last resort of every verb
        if "--debug" in own:
            note(redacted(traceback.format_exc()))
        return _explained(error)


def _check_folder() -> None:
    """Refuse to work in a folder that was removed meanwhile: no relative path means anything there.

    Raises:
        InputError: it was.
    """
    try:
        os.getcwd()
    except FileNotFoundError:
        raise InputError("the current folder does not exist any more", hint="type: cd") from None


def _run(arguments: Sequence[str]) -> int:
    try:
        code = typer.main.get_command(app).main(list(arguments), prog_name="yukawa", standalone_mode=False)
    except Interrupted as stopped:
        note(f"interrupted; {stopped}")
        return INTERRUPTED
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        note("interrupted; completed work is kept, and the same command continues")
    return code if isinstance(code, int) else 0


def _explained(error: Exception) -> int:
    """Print `error` as one line; return the exit code."""
    if isinstance(error, YukawaError):
        fail(str(error))
        return error.exit_code
    if hasattr(error, "format_message"):  # typer's own: unknown verb, unknown option, missing argument
        context = getattr(error, "ctx", None)
        reason = re.sub(r"Input should .*", lambda said: in_our_words(said[0]), error.format_message())
        fail(f"{reason} (type: {context.command_path if context else 'yukawa'} --help)")
        return int(getattr(error, "exit_code", 2))
    if isinstance(error, OSError):
        fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        return 1
    fail(f"this is a bug in Yukawa: {type(error).__name__}: {error} (--debug shows where)")
    return 1
