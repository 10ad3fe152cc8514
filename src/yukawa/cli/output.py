"""What the verbs print: lines for people, one JSON document for scripts, progress and errors on stderr."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import textwrap
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol, TextIO, TypeVar

from yukawa.core.errors import ModelError, check_installed
from yukawa.core.redaction import redacted, redacted_values
from yukawa.runs.distributed import is_first_process

if TYPE_CHECKING:  # they are slow to import
    from rich.progress import Progress

    from yukawa.runs import callback, task

Piece = str | tuple[str, str]
_LONGEST_ERROR = 2000  # characters
_WIDTH = 80  # columns of reports in a terminal
ResultT = TypeVar("ResultT", bound="task.TrainResult")
_SECONDS_PER_LINE = 30.0  # of progress where no terminal shows a bar
# Characters that could move the cursor, recolour a terminal or turn the order of a line; tab and line feed are layout.
_HIDDEN = "\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff"
_CONTROL, _IN_JSON = re.compile(f"[\x00-\x08\x0b-\x1f{_HIDDEN}]"), re.compile(f"[{_HIDDEN}]")


class Interrupted(Exception):
    """A verb was stopped by Ctrl-C; the message says how to continue."""


def say(*pieces: Piece) -> None:
    """One line on stdout; a piece is text, or (text, rich style) which a terminal shows in that style.

    Of several processes of a training, the first one alone says, warns and prints.
    """
    if is_first_process():
        _write(sys.stdout, pieces)


def say_on(text: str) -> None:
    """Words on stdout that continue the line, shown at once."""
    sys.stdout.write(_CONTROL.sub("\ufffd", text))
    sys.stdout.flush()


def note(*pieces: Piece) -> None:
    """One line on stderr, where it disturbs no script."""
    _write(sys.stderr, pieces)


def fail(message: str) -> None:
    """The one line of an error; of a very long one, as where a whole text was given for a name, its beginning and its end."""
    line = redacted(" ".join(message.split()))
    if len(line) > _LONGEST_ERROR:
        line = f"{line[: _LONGEST_ERROR // 2]} … {line[-_LONGEST_ERROR // 2 :]}"
    note(("error: ", "bold red"), line)


def warn(text: str) -> None:
    """A note on stderr that deserves attention."""
    if is_first_process():
        note(("note: ", "bold yellow"), text)


def give(as_json: bool, document: Any, *pieces: Piece) -> None:
    """The result of a verb: a JSON document for scripts, or one line for people."""
    print_json(document) if as_json else say(*pieces)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    if is_first_process():
        written = json.dumps(redacted_values(value), ensure_ascii=False, indent=2)
        sys.stdout.write(_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", written) + "\n")


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


def facts(rows: Mapping[str, str], columns: int = _WIDTH) -> None:
    """Values by name, one below the other; what is longer than this many columns is wrapped beside its name."""
    width = max(map(len, rows), default=0) + 2
    for name, value in rows.items():
        for number, line in enumerate(
            textwrap.wrap(value, columns - width, break_on_hyphens=False, break_long_words=False) or [""]
        ):
            say((("" if number else name).ljust(width), "dim"), line)


def first_line(text: str, width: int = 100) -> str:
    """`text` on one line, cut to `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _write(stream: TextIO, pieces: tuple[Piece, ...]) -> None:
    parts = [(_CONTROL.sub("\ufffd", redacted(text)), style) for text, style in map(_styled, pieces)]
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
    """What `progress_bar` gives: call it with the work done, all work (0 if unknown) and metrics."""

    def __call__(self, done: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
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
    """A line twice a minute, for log files; its rate is that of the last lines, without what precedes the first work."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._last = 0.0
        self._first: int | None = None
        self._marks: deque[tuple[float, int]] = deque(maxlen=3)  # time and work done

    def __call__(self, done: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._last, self._first = now, done
            note(f"{self._title} …")
            return
        if not self._marks and done > self._first:
            self._marks.append((now, done))
        if now - self._last >= _SECONDS_PER_LINE:
            self._last = now
            of = f" of {total:,}" if total else ""
            pieces = [f"{self._title}: {done:,}{of}", *self._rate(now, done, total), *_loss(metrics)]
            note(", ".join(pieces))

    def _rate(self, now: float, done: int, total: int) -> Iterator[str]:
        """The rate and the remaining time, once they are known."""
        began, before = self._marks[0] if self._marks else (now, done)
        if done > before:
            rate = (done - before) / (now - began)
            yield f"{rate:,.3g}/s"
            if total:
                yield f"{(total - done) / rate / 60:.0f} min left"
        if self._marks and now > self._marks[-1][0]:
            self._marks.append((now, done))

    def close(self) -> None:
        """End; a line needs nothing."""


class _TerminalBar:
    def __init__(self, title: str) -> None:
        self._title = title
        self._progress: Progress | None = None

    def __call__(self, done: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        if self._progress is None:
            note(f"{self._title} …")
            self._progress = _rich_progress()
            self._progress.start()
            self._task = self._progress.add_task("", total=None, loss="")
        self._progress.update(self._task, completed=done, total=total or None, loss="".join(_loss(metrics)))

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def _loss(metrics: Mapping[str, float] | None) -> list[str]:
    return [f"loss {metrics['loss']:.4g}"] if metrics and "loss" in metrics else []


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


# ---- trainings ------------------------------------------------------------------------------------


def need(*packages: str, purpose: str, extra: str = "") -> None:
    """Report a missing package, and the `extra` that brings it, before anything else is done."""
    for package in packages:
        check_installed(package, purpose, extra)


def follow(title: str, start: Callable[[callback.TrainingProgress | None], ResultT]) -> ResultT:
    """Show the steps, the rate and the loss of the training that `start` begins, in the first of its processes."""
    with progress_bar(title) as bar:
        return start(bar if is_first_process() else None)


def ended(result: task.TrainResult, as_json: bool) -> None:
    """Say how a training ended, in words or as JSON.

    Raises:
        Interrupted: the training was stopped.
    """
    shown = asdict(result) | {"folder": str(result.folder)}
    if as_json:
        print_json(shown)
    if result.interrupted:
        raise Interrupted(result.message)
    if not as_json:
        say(result.message)


def check_failures(failed: Sequence[tuple[str, str]], trainings: int) -> None:
    """End a sweep of which some trainings failed.

    Raises:
        ModelError: names the first of them.
    """
    if failed:
        name, reason = failed[0]
        raise ModelError(f"{len(failed)} of {trainings} trainings failed, the first is {name}: {reason}")
