"""What the command prints: lines for people, one JSON document for scripts, progress and errors on stderr."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

Piece = str | tuple[str, str]
_WIDTH = 80  # columns of reports in a terminal
NO_METRICS: Mapping[str, float] = MappingProxyType({})
_SECONDS_PER_LINE = 30.0  # of progress where no terminal shows a bar
# Characters that could move the cursor or recolour a terminal; tab and line feed are layout.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Interrupted(Exception):
    """A verb was stopped by Ctrl-C; the message says how to continue."""


def say(*pieces: Piece) -> None:
    """One line on stdout; a piece is text, or (text, rich style) which a terminal shows in that style."""
    _write(sys.stdout, pieces)


def note(*pieces: Piece) -> None:
    """One line on stderr, where it disturbs no script."""
    _write(sys.stderr, pieces)


def fail(message: str) -> None:
    """The one line of an error."""
    note(("error: ", "bold red"), " ".join(message.split()))


def warn(text: str) -> None:
    """A note on stderr that deserves attention."""
    note(("note: ", "bold yellow"), text)


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

    # Text is never parsed for markup: what was taught is shown unchanged.
    Console(file=stream, highlight=False).print(Text.assemble(*parts), soft_wrap=True)


def _styled(piece: Piece) -> tuple[str, str]:
    return (piece, "") if isinstance(piece, str) else piece


class Bar(Protocol):
    """What `progress_bar` gives: call it with the work done, all work (0 if unknown) and metrics, such as the loss."""

    def __call__(self, done: int, total: int, metrics: Mapping[str, float] = NO_METRICS) -> None:
        """Show the progress."""


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Bar]:
    """A bar with rate, remaining time and loss on stderr; off a terminal, a line now and then.

    Nothing is shown before its first call.
    """
    bar = (_TerminalBar if sys.stderr.isatty() else _Lines)(title)
    try:
        yield bar
    finally:
        bar.close()


class _Lines:
    """A line twice a minute, for log files."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = self._last = 0.0
        self._first = 0

    def __call__(self, done: int, total: int, metrics: Mapping[str, float] = NO_METRICS) -> None:
        now = time.monotonic()
        if not self._began:
            self._began = self._last = now
            self._first = done
            note(f"{self._title} …")
        elif now - self._last >= _SECONDS_PER_LINE:
            self._last = now
            rate = (done - self._first) / (now - self._began)
            left = f", {(total - done) / rate / 60:.0f} min left" if total and rate else ""
            of = f" of {total:,}" if total else ""
            note(
                f"{self._title}: {done:,}{of}, {rate:,.3g}/s{left}", *(f", {text}" for text in _loss(metrics))
            )

    def close(self) -> None:
        """End; a line needs nothing."""


class _TerminalBar:
    def __init__(self, title: str) -> None:
        self._title = title
        self._progress: Progress | None = None

    def __call__(self, done: int, total: int, metrics: Mapping[str, float] = NO_METRICS) -> None:
        if self._progress is None:
            note(f"{self._title} …")
            self._progress = _rich_progress()
            self._progress.start()
            self._task = self._progress.add_task("", total=None, loss="")
        self._progress.update(self._task, completed=done, total=total or None, loss="".join(_loss(metrics)))

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def _loss(metrics: Mapping[str, float]) -> list[str]:
    return [f"loss {metrics['loss']:.4g}"] if "loss" in metrics else []


def _rich_progress() -> Progress:
    from rich import progress
    from rich.console import Console
    from rich.text import Text

    class Rate(progress.ProgressColumn):
        """Items per second."""

        def render(self, task: progress.Task) -> Text:
            return Text(f"{task.speed:,.3g}/s" if task.speed else "")

    # The rate is averaged over half a minute: work comes in batches.
    return progress.Progress(
        progress.BarColumn(bar_width=24), progress.MofNCompleteColumn(), Rate(), progress.TextColumn("left"),
        progress.TimeRemainingColumn(), progress.TextColumn("{task.fields[loss]}"), console=Console(file=sys.stderr),
        speed_estimate_period=30,
    )  # fmt: skip
