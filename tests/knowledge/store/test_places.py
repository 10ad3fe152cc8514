"""Every file with text of a base is known, and what a dead process left is removed."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from yukawa.core.errors import InputError, StoreError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store import erasure, ledger, places, transfer
from yukawa.knowledge.store.places import Scratch

MARK = "Quuxember"
STATEMENT = f"The Zorblax magnet was cooled in {MARK} by a group that nobody remembers."


def holding(folder: Path, text: str) -> set[Path]:
    """The files under a folder that hold a text, in whatever case."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path for path in files if text.casefold().encode() in path.read_bytes().lower()}


def test_what_cannot_be_removed_stays_and_nothing_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "part").touch()
    (tmp_path / "base-wal").touch()
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        patch.setattr(Path, "unlink", refuse)
        assert places.remove(tmp_path / "index")
        assert places.remove(tmp_path / "base")
    assert (tmp_path / "index" / "part").exists()
    assert places.remove(tmp_path / "index")
    assert places.remove(tmp_path / "base")
    assert not places.remove(tmp_path / "base")
    assert list(tmp_path.iterdir()) == []


def test_scratch_is_gone_when_its_owner_has_done_or_failed(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    for target in (None, tmp_path / "elsewhere" / "backup"):
        with (
            suppress(RuntimeError),
            scratch.file() if target is None else scratch.beside(target) as path,
        ):
            path.parent.mkdir(exist_ok=True)
            path.write_text(STATEMENT)
            assert scratch.files() == [path]
            raise RuntimeError
    assert holding(tmp_path, MARK) == set()
    assert not (tmp_path / "scratch").exists()


def test_a_living_owner_keeps_its_files_and_a_dead_one_does_not(tmp_path: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
from yukawa.knowledge.store.places import Scratch
scratch = Scratch(Path({str(tmp_path / "scratch")!r}))
with scratch.file() as one, scratch.beside(Path({str(tmp_path / "backup")!r})) as two:
    one.write_text({STATEMENT!r}); two.write_text({STATEMENT!r}); Path(str(one) + "-wal").write_text({STATEMENT!r})
    print("ready", flush=True)
    sys.stdin.readline()
    os._exit(9)
"""
    owner = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdin is not None
    assert owner.stdout.readline() == "ready\n"
    scratch = Scratch(tmp_path / "scratch")
    scratch.sweep()
    assert len(holding(tmp_path, MARK)) == 3
    owner.communicate("\n")
    scratch.sweep()
    assert holding(tmp_path, MARK) == set()
    assert not (tmp_path / "scratch").exists()


def test_an_erasure_takes_copies_away_and_no_database_that_a_living_process_makes(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    with scratch.file() as copy, scratch.database() as database:
        within = database.with_suffix(".scratch") / "0123456789abcdef"  # such a base has scratch of its own
        within.parent.mkdir()
        for path in (copy, database, within):
            path.write_text(STATEMENT)
        assert set(scratch.files()) == {copy, database}
        scratch.discard()
        assert (copy.exists(), database.exists(), within.exists()) == (False, True, True)
    assert not (tmp_path / "scratch").exists()


def test_a_note_cannot_name_somebody_elses_file(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "thesis.tex").write_text("years of work")
    (tmp_path / "scratch" / "0123456789abcdef.note").write_text(f'"{tmp_path / "thesis.tex"}"')
    scratch = Scratch(tmp_path / "scratch")
    assert scratch.files() == []
    scratch.sweep()
    assert (tmp_path / "thesis.tex").read_text() == "years of work"
    assert not (tmp_path / "scratch").exists()


def test_every_file_with_text_is_in_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = KnowledgeBase.open(tmp_path / "base", embedding="hash")
    base.teach(STATEMENT)
    base.export(tmp_path / "export.jsonl")
    base.keep_answer("a", STATEMENT, {"answer": STATEMENT})
    base.save_index()
    base.search(MARK)

    def looked_at() -> set[Path]:
        found = holding(tmp_path, MARK) - {tmp_path / "export.jsonl"}
        assert found <= set(places.files(base.store)), "text is written where no erasure looks for it"
        return found

    assert len(looked_at()) >= 2
    seen: list[int] = []
    for module, name in (
        (transfer, "_check_sound"),
        (transfer, "_put_in_place"),
        (transfer, "_teach_from"),
    ):
        real = getattr(module, name)

        def spied(*arguments: object, real: object = real) -> object:
            seen.append(len(looked_at()))
            return real(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(module, name, spied)
    base.backup(tmp_path / "backup.sqlite")
    (tmp_path / "backup.sqlite").unlink()
    base.import_(tmp_path / "export.jsonl")
    assert len(seen) >= 3
    base.close()


def test_an_erasure_that_was_interrupted_is_finished_at_the_next_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = KnowledgeBase.open(tmp_path, embedding="hash")
    item = base.teach(STATEMENT)
    base.teach("A harmless statement.")
    base.save_index()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(erasure, "_clean", killed)
        base.purge(item.id, actor="B")
    assert any("not finished" in note for note in base.verify().notes)
    assert holding(tmp_path, MARK)
    base.close()
    with KnowledgeBase.open(tmp_path) as again:
        assert holding(tmp_path, MARK) == set()
        assert again.verify().clean
        assert again.verify().notes == ()
        assert [event.verb for event in again.history(item.id)[1]] == ["teach", "purge", "cleaned"]


def test_an_unfinished_erasure_can_be_repeated_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = KnowledgeBase.open(tmp_path, embedding="hash")
    item = base.teach(STATEMENT)
    with monkeypatch.context() as patch:
        patch.setattr(erasure, "_files_with_fragments", lambda *_: ["a file"])
        with pytest.raises(StoreError):
            base.purge(item.id)
    base.purge(item.id, actor="B")
    with base.store.read() as connection:
        assert ledger.unfinished(connection) == []
    with pytest.raises(InputError, match="was erased"):
        base.purge(item.id)
    assert holding(tmp_path, MARK) == set()
    base.close()


def test_an_erasure_waits_for_copies_that_are_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = KnowledgeBase.open(tmp_path / "base", embedding="hash")
    item = base.teach(STATEMENT)
    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(erasure, "_clean_files", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        base.purge(item.id)
    with base.store.scratch.beside(tmp_path / "backup") as copy:
        copy.write_text(STATEMENT)
        with KnowledgeBase.open(tmp_path / "base") as again, again.store.read() as connection:
            assert ledger.unfinished(connection) == [item.id]
    with KnowledgeBase.open(tmp_path / "base") as again, again.store.read() as connection:
        assert ledger.unfinished(connection) == []
    base.close()


def test_a_base_begins_where_files_cannot_be_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refused)
    with KnowledgeBase.open(tmp_path, embedding="hash") as base:
        assert base.show(base.teach(STATEMENT).id).text == STATEMENT
        assert base.verify().clean
