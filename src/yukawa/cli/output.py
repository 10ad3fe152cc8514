"""What the command prints: lines for people, one JSON document for scripts, progress and errors on stderr."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

Piece = str | tuple[str, str]
_WIDTH = 80  # of reports in a terminal
# Whatever could move the cursor or recolour a terminal; tab and line feed are layout.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Interrupted(Exception):
    """A verb was stopped by Ctrl-C and says itself, as the message, how to go on."""


def say(*pieces: Piece) -> None:
    """One line on stdout; a piece is text, or (text, rich style) which a terminal shows in that style."""
    _write(sys.stdout, pieces)


def note(*pieces: Piece) -> None:
    """One line on stderr, where it disturbs no script."""
    _write(sys.stderr, pieces)


def fail(message: str) -> None:
    """The one line of an error."""
    note(("error: ", "bold red"), " ".join(message.split()))


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def show(blocks: Sequence[Any]) -> None:
    """Blocks of a report as lines that fit 80 columns."""
    from yukawa.core.reports import Bullets, Heading, Table, in_columns

    for block in blocks:
        if isinstance(block, Table):
            for line in in_columns(block, _WIDTH):
                say(line)
        elif isinstance(block, Heading):
            say((block.text, "bold"))
        else:
            for text in block.texts if isinstance(block, Bullets) else (block.text,):
                for line in textwrap.wrap(text, _WIDTH):
                    say(line)
        say()


def first_line(text: str, width: int = 100) -> str:
    """`text` on one line, cut to `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _write(stream: TextIO, pieces: tuple[Piece, ...]) -> None:
    parts = [(_CONTROL.sub("\ufffd", text), style) for text, style in map(_styled, pieces)]
    if not stream.isatty():  # nothing to colour: rich stays unloaded
        stream.write("".join(text for text, _ in parts) + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    # Text is never parsed for markup, so what was taught is shown as it was taught.
    Console(file=stream, highlight=False).print(Text.assemble(*parts), soft_wrap=True)


def _styled(piece: Piece) -> tuple[str, str]:
    return (piece, "") if isinstance(piece, str) else piece


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Gives a function of (done, total) that draws a bar with rate and remaining time on stderr.

    Nothing is shown before its first call; a total of 0 means that it is not known yet.
    """
    bar = _Bar(what)
    try:
        yield bar
    finally:
        bar.close()


class _Bar:
    def __init__(self, what: str) -> None:
        self._what = what
        self._progress: Progress | None = None
        self._started = False

    def __call__(self, done: int, total: int) -> None:
        if not self._started:
            self._started = True
            note(f"{self._what} …")
            if sys.stderr.isatty():
                self._progress = _rich_progress()
                self._progress.start()
                self._task = self._progress.add_task("", total=None)
        if self._progress is not None:
            self._progress.update(self._task, completed=done, total=total or None)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def _rich_progress() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Items per second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "")

    # The rate is averaged over half a minute: work comes in batches.
    return Progress(
        BarColumn(), MofNCompleteColumn(), Rate(), TextColumn("left"), TimeRemainingColumn(),
        console=Console(file=sys.stderr), speed_estimate_period=30,
    )  # fmt: skip
