"""Text is shown as it is, on files, pipes and terminals."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from yukawa.cli import output
from yukawa.cli.output import Interrupted, check_failures, ended, follow, need
from yukawa.core.errors import MissingPackage, ModelError
from yukawa.core.reports import Bullets, Heading, Paragraph, Table
from yukawa.runs.task import TrainResult


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
    assert plain(shown("a\u2028b\u202ec\udcffd")) == "a\ufffdb\ufffdc\ufffdd\n"


def test_styles_reach_terminals_only(shown):
    stream = shown(("loud", "bold"))
    assert ("\x1b[1m" in stream.getvalue()) == stream.isatty()


def test_json_is_one_document_in_plain_unicode(capsys):
    value = {"a": ["τ", 1, None], "b": "[red]"}
    output.print_json(value)
    out = capsys.readouterr().out
    assert json.loads(out) == value
    assert "τ" in out
    hidden = {"a\x1b": "b\x9bc\u2028d\u202ee\udcfff\u200b"}
    output.print_json(hidden)
    out = capsys.readouterr().out
    assert json.loads(out) == hidden
    assert all(c == "\n" or c.isprintable() for c in out)


def test_an_error_is_one_line_on_stderr(capsys):
    output.fail("first\nsecond")
    assert capsys.readouterr() == ("", "error: first second\n")
    output.fail(f"there is no {'x' * 10_000} (type: yukawa --help)")
    _, err = capsys.readouterr()
    assert err.startswith("error: there is no xxx")
    assert " … x" in err
    assert err.endswith("x (type: yukawa --help)\n")
    assert len(err) < 2100


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


def test_what_precedes_the_first_work_is_not_in_the_rate(capsys, monkeypatch):
    clock = iter([0.0, 64.0, 96.0, 128.0, 160.0, 192.0])
    monkeypatch.setattr(output.time, "monotonic", lambda: next(clock))
    with output.progress_bar("building") as progress:
        for done in (0, 1000, 3000, 5000, 5320, 5640):
            progress(done, 15_000)
    assert capsys.readouterr().err.splitlines() == [
        "building …",
        "building: 1,000 of 15,000",
        "building: 3,000 of 15,000, 62.5/s, 3 min left",
        "building: 5,000 of 15,000, 62.5/s, 3 min left",
        "building: 5,320 of 15,000, 45/s, 4 min left",
        "building: 5,640 of 15,000, 27.5/s, 6 min left",  # of the last three lines
    ]


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


def test_facts_are_wrapped_beside_their_names(capsys):
    output.facts({"a": "one", "long name": "word " * 20})
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["a          one", "long name  " + " ".join(["word"] * 14)]
    assert lines[2] == " " * 11 + " ".join(["word"] * 6)
    output.facts({})


def result(interrupted=False):
    return TrainResult(Path("here"), 4, 9, seconds=1.0, interrupted=interrupted, asked=interrupted, loss=0.5)


def test_the_end_is_said_once_in_words_or_left_to_json(capsys):
    shown = {
        "folder": "here", "steps": 4, "planned": 9, "seconds": 1.0, "interrupted": False, "asked": False,
        "loss": 0.5,
    }  # fmt: skip
    ended(result(), as_json=False)
    assert capsys.readouterr().out == "the model is in here/model: loss 0.5000 after 4 steps\n"
    ended(result(), as_json=True)
    assert json.loads(capsys.readouterr().out) == shown


def test_an_interruption_ends_the_verb_and_json_comes_first(capsys):
    for as_json in (True, False):
        with pytest.raises(Interrupted, match=r"stopped after step 4 of 9; .* --resume"):
            ended(result(interrupted=True), as_json)
        out = capsys.readouterr().out
        assert json.loads(out)["interrupted"] is True if as_json else out == ""


def test_of_several_processes_the_first_one_speaks(capsys, monkeypatch):
    def start(progress):
        if progress:
            progress(1, 2, {"loss": 2.5})
        return progress is not None

    assert follow("training", start)
    monkeypatch.setenv("RANK", "1")
    assert not follow("training", start)
    ended(result(), as_json=False)
    output.warn("once")
    with pytest.raises(Interrupted):
        ended(result(interrupted=True), as_json=True)
    assert capsys.readouterr() == ("", "training …\n")


def test_a_missing_package_is_named_before_anything_is_done():
    need("json", purpose="training")
    with pytest.raises(MissingPackage, match="no_such_package"):
        need("json", "no_such_package", purpose="training")


def test_failures_of_a_sweep_end_the_verb():
    check_failures([], 2)
    with pytest.raises(ModelError, match=r"1 of 2 trainings failed, the first is net: the loss is nan"):
        check_failures([("net", "the loss is nan")], 2)
