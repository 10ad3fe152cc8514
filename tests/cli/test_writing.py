"""`--raw` from the outside: the model's words as they come, and that nothing checks them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from yukawa.cli.writing import Draft

WARNING = "s without the knowledge base: nothing here is checked against a source"


@pytest.fixture
def scripted(home):
    def replies(*lines: str) -> None:
        Path("replies.txt").write_text("\n".join(lines))
        Path("yukawa.toml").write_text('[models.s]\nbackend = "scripted"\nreplies = "replies.txt"\n')

    return replies


def test_a_raw_answer_says_that_it_is_one(yukawa, scripted):
    scripted("Spin 2, surely.")
    lines = yukawa("ask", "--raw", "--model", "s", "Spin of the W?").out.splitlines()
    assert lines[:2] == [WARNING, "Spin 2, surely."]
    assert lines[2].startswith("by s in ")
    found = yukawa("ask", "--raw", "--model", "s", "Spin of the W?", "--json").json
    assert (found["raw"], found["checked"], found["warning"]) == (True, False, WARNING)


def test_a_raw_conversation_survives_a_failure(yukawa, scripted, monkeypatch):
    scripted("one")
    for as_json in ((), ("--json",)):
        monkeypatch.setattr("sys.stdin", io.StringIO("First?\nSecond?\n/quit\nThird?\n"))
        done = yukawa("chat", "--raw", "--model", "s", *as_json)
        assert done.code == 0
        assert "has given all of its 1 scripted replies" in done.err
        if as_json:
            assert [reply["answer"] for reply in done.json] == ["one"]
        else:
            assert done.out.splitlines()[:2] == [WARNING, "one"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "quote"), "only quotes passages"),
        (("--model", "s", "--domain", "accelerator physics"), "--raw uses no base"),
        (("--model", "s", "--as-of", "2026-01-01"), "--raw uses no base"),
        (("--model", "nobody"), "unknown model 'nobody'"),
    ],
)
def test_what_cannot_be_raw_is_refused(yukawa, scripted, arguments, said):
    scripted("one")
    assert said in yukawa("ask", "--raw", "Spin of the W?", *arguments).failed(2)


def test_a_draft_shows_words_at_once_and_no_control_characters(capsys):
    draft = Draft()
    draft.piece("\n The W")
    assert capsys.readouterr().out == "The W"
    draft.piece(" has \x1b[31mspin 2")
    draft.again("no passage is cited")
    draft.piece("Spin 1.")
    draft.end()
    assert draft.text == "Spin 1."
    assert capsys.readouterr().out == (
        " has \ufffd[31mspin 2\n(this does not count: no passage is cited)\nSpin 1.\n"
    )
