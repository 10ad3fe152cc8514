"""`teach` from the outside: what is taught is kept unharmed, what cannot be is refused whole."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

ODD = [
    "'); DROP TABLE items; --",
    "# Heading\n\n* **bold** [link](https://a.b) `code`",
    "<script>alert('x')</script> <b>b</b> &amp;",
    "[red]not red[/red] [/] [bold",
    "{placeholder} %s $HOME `whoami` \\n",
    "naïve τ→μγ 質量 🙂",
]


@pytest.mark.parametrize("text", ODD)
def test_odd_text_is_stored_and_shown_unharmed(yukawa, base, text):
    taught = yukawa("teach", text, "--source", text.splitlines()[0], "--json").json
    assert taught["status"] == "taught"
    assert taught["text"] == text
    assert text in yukawa("knowledge", "show", taught["id"]).out
    assert yukawa("search", text, "-k", "5", "--json").json
    assert len(base.list()) == 4
    assert base.verify().clean


def test_what_was_done_is_told(yukawa, monkeypatch):
    monkeypatch.setenv("USER", "grace")
    first = yukawa("teach", "The HEPS linac reaches 500 MeV.")
    assert first.code == 0
    assert first.out.startswith("taught ")
    assert "version 1 (statement, " in first.out
    again = yukawa("teach", "  The HEPS linac reaches   500 MeV.", "--json").json
    assert again["status"] == "known"
    assert again["id"] in first.out
    assert again["author"] == "grace"


def test_every_option_reaches_the_item(yukawa):
    item = yukawa(
        "teach", "500 MeV", "--question", "What energy does the HEPS linac reach?", "--source", "design", "--url", "doi:10.1/x",
        "--author", "ada", "--licence", "CC BY 4.0", "--domain", "synchrotron radiation", "--json",
    ).json  # fmt: skip
    assert item["kind"] == "qa"
    assert {item[k] for k in ("source", "url", "author", "licence", "domain")} == {
        "design", "doi:10.1/x", "ada", "CC BY 4.0", "synchrotron radiation",
    }  # fmt: skip


def test_a_conflict_names_both_sides_and_the_way_out(yukawa):
    first = yukawa(
        "teach", "The mass of the tau lepton is 1776.9 ± 0.1 MeV.", "--source", "one", "--json"
    ).json
    done = yukawa("teach", "The mass of the tau lepton is 1790.0 ± 0.1 MeV.", "--source", "two")
    for part in ("conflict ", "source: one", "source: two", first["id"], "yukawa knowledge resolve"):
        assert part in done.out


def test_a_file_and_standard_input(yukawa, monkeypatch):
    Path("notes.md").write_text("# BESIII\n\nThe magnet of BESIII has 1.0 T.", encoding="utf-8")
    assert yukawa("teach", "--file", "notes.md", "--json").json["source"] == "notes.md"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"The RPC of BESIII has 9 layers.")))
    assert yukawa("teach", "--file", "-", "--json").json["text"] == "The RPC of BESIII has 9 layers."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "neither"),
        (["x", "--file", "y"], "both"),
        ([""], "empty"),
        (["x" * 5_000_001], "at most"),
        (["a\x07b"], "not plain text"),
        (["x", "--question", " "], "empty"),
        (["x", "--domain", "neutron"], "neutron science"),
        (["x", "--corrects", "nothing"], "no answer 'nothing'"),
        (["--file", "no-such"], "No such file"),
        (["--file", "."], "folder"),
        (["--file", "binary"], "binary"),
        (["--file", "latin1"], "iconv"),
        (["--file", "empty"], "empty"),
        (["--file", "large"], "split it"),
    ],
)
def test_what_cannot_be_taught_changes_nothing(yukawa, base, arguments, said):
    Path("binary").write_bytes(b"\x7fELF\x00\x01")
    Path("latin1").write_bytes("Poincaré".encode("latin-1"))
    Path("empty").write_bytes(b"")
    Path("large").write_bytes(b"word " * 2_000_001)
    before = base.list()
    assert said in yukawa("teach", *arguments).failed(2)
    assert base.list() == before
    assert base.verify().clean
