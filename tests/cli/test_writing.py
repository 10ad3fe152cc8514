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


# ---- drafts of checked answers ----------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown(yukawa, monkeypatch):
    """What a command line shows a person, without colours."""

    def show(*arguments: str) -> str:
        stream = Terminal()
        with monkeypatch.context() as patch:
            patch.setenv("NO_COLOR", "1")
            patch.setenv("TERM", "dumb")
            patch.setattr("sys.stdout", stream)
            assert yukawa(*arguments).code == 0
        return stream.getvalue()

    return show


RING = "What is the circumference of the BEPCII storage ring?"
GOOD = "The BEPCII storage ring has a circumference of 237.5 m [1]."


def test_a_draft_that_its_sources_bear_out_is_shown_once(scripted, shown):
    scripted(GOOD)
    out = shown("ask", RING, "--model", "s")
    assert out.splitlines()[0].startswith("a draft; whether its sources say so is checked")
    assert out.count("237.5 m") == 1
    assert "does not count" not in out
    assert "[1] IHEP handbook" in out


def test_citations_that_a_draft_lacks_are_added(scripted, shown):
    scripted(GOOD.replace(" [1]", ""))
    out = " ".join(shown("ask", RING, "--model", "s").split())
    assert f"(this does not count: its citations were missing) {GOOD}" in out


def test_a_draft_that_they_do_not_is_replaced_and_both_is_said(scripted, shown):
    scripted("It has 240 m [1].", "It has 250 m [1].")
    out = " ".join(shown("ask", RING, "--model", "s").split())
    first, again, last = out.index("240 m"), out.index("250 m"), out.rindex("237.5 m")
    assert first < again < last
    assert (
        "(this does not count: its sources do not say so (240 m is not the source's 237.5 m); once more)"
        in out
    )
    assert "(this does not count: its sources do not say so; they answer in their own words)" in out
    assert "check failed: s: values are in the passage" in out


def test_a_script_gets_the_checked_answer_alone(yukawa, scripted):
    scripted("It has 240 m [1].", "It has 250 m [1].")
    out = yukawa("ask", RING, "--model", "s").out
    assert out.startswith("The BEPCII storage ring has a circumference of 237.5 m")
    assert "240 m [1]" not in out
    scripted(GOOD)
    assert yukawa("ask", RING, "--model", "s", "--json").json["answer"] == GOOD
