"""Each verb of `knowledge` on items does what it says, tells it, and writes down who and why."""

from __future__ import annotations

import io
import json
import sqlite3
from pathlib import Path

import pytest

from yukawa.cli import session


@pytest.fixture
def item(base):
    return next(i for i in base.list() if "BEPCII" in i.text)


@pytest.fixture
def conflict(base):
    base.teach("The mass of the tau lepton is 1776.9 ± 0.1 MeV.", source="one")
    base.teach("The mass of the tau lepton is 1790.0 ± 0.1 MeV.", source="two")
    (found,) = base.conflicts()
    return found


def test_build_on_a_built_base_is_done_at_once(yukawa):
    assert yukawa("knowledge", "build", "--json").json == {"pdg": "test"}
    assert "edition test" in yukawa("knowledge", "build").out


def test_list_filters_and_limits(yukawa, base, item):
    assert [i["id"] for i in yukawa("knowledge", "list", "--json").json] == [i.id for i in base.list()]
    assert len(yukawa("knowledge", "list", "--limit", "2", "--json").json) == 2
    assert "--limit N" in yukawa("knowledge", "list", "--limit", "2").err
    assert yukawa("knowledge", "list", "--domain", "neutron science").out.count("\n") == 1
    assert yukawa("knowledge", "list", "--author", "nobody") == (0, "", "no such item\n")
    base.unload(item.id)
    assert [i["id"] for i in yukawa("knowledge", "list", "--unloaded", "--json").json] == [item.id]
    past = yukawa("knowledge", "list", "--as-of", item.valid_from.isoformat(), "--json").json
    assert item.id in [i["id"] for i in past]


def test_show_tells_all(yukawa, item):
    shown = yukawa("knowledge", "show", item.id).out
    for part in (
        item.id,
        item.text,
        "ada",
        "IHEP handbook",
        "https://example.org/handbook",
        "accelerator physics",
    ):
        assert part in shown
    assert yukawa("knowledge", "show", item.id, "--json").json["text"] == item.text


def test_update_unload_restore_and_their_history(yukawa, item, monkeypatch):
    monkeypatch.setattr(session, "me", lambda: "grace")
    updated = yukawa(
        "knowledge", "update", item.id, "It is 237.53 m.", "--reason", "more digits", "--json"
    ).json
    assert (updated["status"], updated["version"]) == ("updated", 2)
    assert yukawa("knowledge", "unload", item.id, "--reason", "wrong").out.startswith(f"unloaded {item.id}")
    assert yukawa("ask", "BEPCII storage ring circumference", "--json").json["abstained"] is True
    assert yukawa("knowledge", "restore", item.id, "--json").json["status"] == "restored"
    told = yukawa("knowledge", "history", item.id, "--json").json
    assert [e["verb"] for e in told["events"]] == ["teach", "update", "unload", "restore"]
    assert [e["actor"] for e in told["events"]] == ["ada", "grace", "grace", "grace"]
    assert [e["reason"] for e in told["events"]][1:3] == ["more digits", "wrong"]
    assert [v["text"] for v in told["versions"]] == [item.text, "It is 237.53 m.", "It is 237.53 m."]
    shown = yukawa("knowledge", "history", item.id).out
    assert "update version 2 by grace: more digits" in shown


def test_another_person_reviews(yukawa, base, monkeypatch):
    monkeypatch.setattr(session, "me", lambda: "ada")
    item = base.teach("The hall of the experiment is wide.", author="ada")
    monkeypatch.setenv("USER", "grace")  # a variable names nobody
    assert "no reviewers are named" in yukawa("knowledge", "review", item.id).failed(2)
    monkeypatch.setenv("YUKAWA_KNOWLEDGE__REVIEWERS", '["ada", "grace"]')
    assert "ada cannot review" in yukawa("knowledge", "review", item.id).failed(2)
    monkeypatch.setattr(session, "me", lambda: "grace")
    assert yukawa("knowledge", "review", item.id, "--json").json["trust"] == "reviewed"
    assert yukawa("knowledge", "show", item.id, "--json").json["trust"] == "reviewed"
    assert yukawa("knowledge", "review", item.id, "--retract", "--json").json["trust"] == "taught"


def test_purge_asks_a_person_and_nobody_else(yukawa, base, item, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert "--yes" in yukawa("knowledge", "purge", item.id).failed(2)

    class Person(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Person("\n"))
    refused = yukawa("knowledge", "purge", item.id)
    assert refused.code == 2
    assert "was not erased" in refused.err
    assert base.show(item.id).text == item.text
    monkeypatch.setattr("sys.stdin", Person("y\n"))
    assert yukawa("knowledge", "purge", item.id).out == f"purged {item.id}\n"
    assert "was erased" in yukawa("knowledge", "show", item.id).failed(2)


def test_purge_with_yes_erases(yukawa, home, item):
    assert yukawa("knowledge", "purge", item.id, "--yes", "--json").json == {
        "id": item.id, "status": "purged", "files": [], "trained": [], "unsearched": 0,
    }  # fmt: skip
    for file in home.rglob("*"):
        assert not file.is_file() or b"circumference of 237.5" not in file.read_bytes()


def test_purge_names_what_was_made_from_the_item(yukawa, home, item, tmp_path):
    for name in ("runs", "sets", "mine"):
        (tmp_path / name).mkdir()
    (tmp_path / "runs" / "answers.jsonl").write_text(json.dumps({"text": item.text}))
    (tmp_path / "mine" / "notes.md").write_text(f"see {item.id}")
    done = yukawa("knowledge", "purge", item.id, "--yes")
    assert done.out == f"purged {item.id}\n"
    assert "runs/answers.jsonl still holds text of it: delete it" in done.err
    assert "notes.md" not in done.err
    assert (tmp_path / "runs" / "answers.jsonl").exists()
    other = yukawa("teach", "The solenoid of the stand has a field of 1.0 T.", "--json").json["id"]
    (tmp_path / "mine" / "notes.md").write_text(f"see {other}")
    found = yukawa("knowledge", "purge", other, "--yes", "--search", "mine", "--json").json
    assert found["files"] == [str(tmp_path / "mine" / "notes.md")]


def test_conflicts_are_listed_and_resolved(yukawa, base, conflict):
    (listed,) = yukawa("knowledge", "conflicts", "--json").json
    assert [side["source"] for side in listed["items"]] == ["one", "two"]
    assert f"conflict {conflict.id}" in yukawa("knowledge", "conflicts").out
    keep, lose = conflict.item_ids
    assert (
        yukawa("knowledge", "resolve", str(conflict.id), "--keep", keep).out
        == f"resolved conflict {conflict.id}: {keep} is kept\n"
    )
    assert not base.show(lose).current
    assert yukawa("knowledge", "conflicts") == (0, "", "no open conflict\n")


def test_a_conflict_may_be_left_standing(yukawa, base, conflict):
    assert yukawa("knowledge", "resolve", str(conflict.id), "--json").json["kept"] is None
    assert all(base.show(i).current for i in conflict.item_ids)
    assert base.conflicts() == []


@pytest.mark.parametrize("verb", ["show", "history", "unload", "restore", "purge", "update"])
def test_an_unknown_id_is_refused_with_the_nearest(yukawa, base, item, verb):
    typo = item.id[:-1] + ("x" if item.id[-1] != "x" else "y")
    extra = ["text"] if verb == "update" else ["--yes"] if verb == "purge" else []
    before = base.list()
    assert item.id in yukawa("knowledge", verb, typo, *extra).failed(2)
    assert base.list() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["resolve", "99"], "no open conflict 99"),
        (["list", "--domain", "chemistry"], "unknown domain"),
        (["list", "--kind", "note"], "unknown kind"),
        (["list", "--as-of", "1999-01-01"], "nothing was known"),
        (["show", "x", "--as-of", "tomorrow"], "is not a time"),
    ],
)
def test_what_cannot_be_done_is_one_line(yukawa, arguments, said):
    assert said in yukawa("knowledge", *arguments).failed(2)


# ---- the base as a whole ----


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
    assert "kinds      statement 3" in yukawa("knowledge", "stats").out


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
