"""Text is shown as it is, on files, pipes and terminals."""

from __future__ import annotations

import io
import json
import re

import pytest

from yukawa.cli import output
from yukawa.core.reports import Bullets, Heading, Paragraph, Table


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(params=[io.StringIO, Terminal])
def shown(request, monkeypatch):
    """Says something on a pipe or a terminal, and gives back what arrived there."""

    def say(*pieces):
        stream = request.param()
        monkeypatch.setattr("sys.stdout", stream)
        output.say(*pieces)
        return stream

    monkeypatch.setenv("TERM", "xterm")
    return say


def plain(stream):
    return re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())


@pytest.mark.parametrize(
    "text",
    [
        "[red]x[/red]",
        "[/]",
        "[link=https://a.b]c[/link]",
        ":smile: <b>b</b>",
        "'); DROP TABLE items;--",
        "τ → μ γ",
        "x" * 300,
        r"\[a\]",
    ],
)
def test_nothing_is_read_as_markup(shown, text):
    assert plain(shown((text, "bold"), " and ", text)) == f"{text} and {text}\n"


def test_a_text_cannot_steer_the_terminal(shown):
    assert plain(shown("a\x1b[2Jb\x9b1mc\x07d\re\nf")) == "a\ufffd[2Jb\ufffd1mc\ufffdd\ufffde\nf\n"


def test_styles_reach_terminals_only(shown):
    stream = shown(("loud", "bold"))
    assert ("\x1b[1m" in stream.getvalue()) == stream.isatty()


def test_json_is_one_document_in_plain_unicode(capsys):
    value = {"a": ["τ", 1, None], "b": "[red]"}
    output.print_json(value)
    out = capsys.readouterr().out
    assert json.loads(out) == value
    assert "τ" in out


def test_an_error_is_one_line_on_stderr(capsys):
    output.fail("first\nsecond")
    assert capsys.readouterr() == ("", "error: first second\n")


def test_first_line_cuts_at_its_width():
    assert output.first_line("a\n  b") == "a b"
    assert output.first_line("x" * 200, 10) == "x" * 9 + "…"


def test_progress_is_silent_until_used_and_never_on_stdout(capsys):
    with output.progress_bar("working"):
        pass
    assert capsys.readouterr() == ("", "")
    with output.progress_bar("working") as progress:
        progress(0, 0)
        progress(5, 10)
    assert capsys.readouterr() == ("", "working …\n")


def test_a_log_gets_a_line_now_and_then_with_rate_and_loss(capsys, monkeypatch):
    clock = iter([10.0, 20.0, 45.0, 50.0, 110.0])
    monkeypatch.setattr(output.time, "monotonic", lambda: next(clock))
    with output.progress_bar("training") as progress:
        for done in (0, 10, 35, 40, 100):
            progress(done, 1000, {"loss": 2.5})
    assert capsys.readouterr().err == (
        "training …\ntraining: 35 of 1,000, 1/s, 16 min left, loss 2.5\n"
        "training: 100 of 1,000, 1/s, 15 min left, loss 2.5\n"
    )


def test_a_terminal_sees_count_rate_and_remaining_time(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    with output.progress_bar("working") as progress:
        progress(0, 0)
        progress(2, 8)
        progress(8, 8, {"loss": 2.5})
    shown = plain(stream)
    assert "working" in shown
    assert "8/8" in shown
    assert "/s" in shown
    assert "loss 2.5" in shown
    assert "0:00:00" in shown


def test_blocks_are_lines(capsys):
    output.show([Heading("Title"), Paragraph("Said."), Table(["a", "long"], [["wide cell", "1"]])])
    assert capsys.readouterr().out == "Title\n\nSaid.\n\na          long\nwide cell  1\n\n"
    output.show([Paragraph("word " * 40), Bullets(["one", "two"]), Table(["x" * 50, "y" * 50], [])])
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= 102
    assert {"one", "two"} <= set(shown)
