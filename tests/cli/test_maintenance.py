"""Each verb of `knowledge` on the whole base: nothing is lost on the way there and back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest


def test_verify_finds_a_forged_text(yukawa, home):
    assert yukawa("knowledge", "verify").out.endswith(" clean\n")
    with sqlite3.connect(home / "knowledge" / "knowledge.sqlite") as connection:
        connection.execute("UPDATE versions SET text = 'forged' WHERE id = 1")
    connection.close()
    done = yukawa("knowledge", "verify", "--json")
    assert done.code == 1
    assert done.json["clean"] is False
    assert done.json["problems"]
    assert "problem: " in yukawa("knowledge", "verify").out


def test_reindex_keeps_the_answers(yukawa, base):
    assert yukawa("knowledge", "reindex", "none", "--json").json == {
        "status": "reindexed",
        "embedding": "none",
    }
    assert yukawa("knowledge", "stats", "--json").json["embedding"] == "none"
    assert "237.5" in yukawa("ask", "What is the circumference of the BEPCII storage ring?").out


def test_backup_and_restore_give_the_same_base(yukawa, monkeypatch, tmp_path):
    items = yukawa("knowledge", "list", "--json").json
    told = yukawa("knowledge", "backup", "copy.sqlite", "--json").json
    assert told["bytes"] == Path("copy.sqlite").stat().st_size
    assert "there already" in yukawa("knowledge", "backup", "copy.sqlite").failed(2)
    assert yukawa("knowledge", "backup", "copy.sqlite", "--force").code == 0
    assert yukawa("knowledge", "restore-backup", "copy.sqlite").code == 2  # a base is there
    monkeypatch.setenv("YUKAWA_HOME", str(tmp_path / "other"))
    assert yukawa("knowledge", "restore-backup", "copy.sqlite", "--json").json["status"] == "restored"
    assert yukawa("knowledge", "list", "--json").json == items


def test_export_and_import_give_the_same_base(yukawa, monkeypatch, tmp_path):
    items = yukawa("knowledge", "list", "--json").json
    assert yukawa("knowledge", "export", "all.jsonl.gz", "--json").json["items"] == 3
    assert yukawa("knowledge", "import", "all.jsonl.gz", "--json").json == {
        "status": "imported",
        "items": 0,
        "known": 3,
    }
    monkeypatch.setenv("YUKAWA_HOME", str(tmp_path / "other"))
    assert yukawa("knowledge", "import", "all.jsonl.gz", "--json").json == {
        "status": "imported",
        "items": 3,
        "known": 0,
    }
    assert yukawa("knowledge", "list", "--json").json == items


def test_stats_count(yukawa, home):
    found = yukawa("knowledge", "stats", "--json").json
    assert (found["items"], found["unloaded"], found["conflicts"], found["pdg"]) == (3, 0, 0, "test")
    assert found["kinds"] == {"statement": 3}
    assert sum(found["domains"].values()) == 3
    on_disk = sum(f.stat().st_size for f in (home / "knowledge").rglob("*") if f.is_file())
    assert found["bytes"] == pytest.approx(on_disk, rel=0.5)
    assert "kinds: statement 3" in yukawa("knowledge", "stats").out


@pytest.mark.parametrize(
    "arguments",
    [["reindex", "minilmm"], ["import", "no-such"], ["restore-backup", "no-such"], ["import", "yukawa.toml"]],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(yukawa, base, arguments):
    Path("yukawa.toml").write_text("")
    before = base.list()
    done = yukawa("knowledge", *arguments)
    done.failed(done.code)
    assert done.code in {1, 2}
    assert base.list() == before


def test_a_path_that_cannot_be_written_is_named(yukawa):
    for verb in ("backup", "export"):
        done = yukawa("knowledge", verb, "no/such/folder/file.gz")
        if done.code:
            assert "no/such/folder" in done.failed(done.code)
        else:
            assert Path("no/such/folder/file.gz").exists()
