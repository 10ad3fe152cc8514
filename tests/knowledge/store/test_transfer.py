"""A base can be carried: out and in again without loss, on either database, whole or not at all."""

from __future__ import annotations

import gzip
import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from yukawa.core.errors import InputError, StoreError, YukawaError
from yukawa.knowledge import KnowledgeBase, new_item
from yukawa.knowledge.items import with_keys
from yukawa.knowledge.store import counted, guards
from yukawa.knowledge.store.transfer import Imported

DATA = new_item(
    "tau: 1776.93 ± 0.09 MeV",
    kind="data",
    attributes={"meaning": "mass of tau"},
    item_id="pdg:x",
    author="PDG",
)


def fill(base: KnowledgeBase) -> KnowledgeBase:
    """Something of everything that a base can hold."""
    base.build([with_keys(DATA, ("S035|mass|",))], actor="unknown", reason="edition")
    first = base.teach(
        "The mass of the tau is 1776.9 MeV.",
        author="Ä",
        source="S",
        url="https://example.org/a?b=c",
        licence="CC0",
    )
    base.update(first.id, "The mass of the tau is 1776.93 MeV.", reason="newer")
    base.teach("The mass of the tau is 1500 MeV.")
    base.teach(
        "It is large: 1e999 MeV.",
        question='How large is "it"?',
        attributes={"b": 1, "a": ["τ", None, 2.5, "\u2028"]},
    )
    base.teach("# Title\n\n" + "A sentence about the magnet. " * 100)
    gone = base.teach("This was unloaded.")
    base.unload(gone.id, actor="B", reason="wrong")
    erased = base.teach("This was erased for good.")
    base.purge(erased.id, actor="C")
    base.keep_answer("a1", "What is the mass?", {"answer": "1777 MeV", "sources": [{"id": first.id}]})
    base.set_meta("note", "kept")
    return base


@pytest.fixture
def full(base: KnowledgeBase) -> KnowledgeBase:
    return fill(base)


@pytest.fixture
def empty(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase.open(tmp_path / "empty", embedding="hash")


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def write(file: Path, lines: list[dict[str, Any]]) -> Path:
    file.write_text("\n".join(json.dumps(line) for line in lines) + "\n", encoding="utf-8")
    return file


def test_out_in_and_out_again_are_the_same_bytes(
    full: KnowledgeBase, empty: KnowledgeBase, tmp_path: Path
) -> None:
    assert full.export(tmp_path / "one.jsonl") == 7
    assert empty.import_(tmp_path / "one.jsonl") == Imported(7, 0)
    assert empty.export(tmp_path / "two.jsonl") == 7
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    assert empty.verify() == full.verify()
    assert empty.verify().clean
    for query in ("tau mass", "how large is it", "magnet", "this was unloaded"):
        mine, theirs = full.search(query, k=20), empty.search(query, k=20)
        assert [(h.item_id, h.text, h.keys) for h in mine] == [(h.item_id, h.text, h.keys) for h in theirs]
    assert [i.id for i in empty.list()] == [i.id for i in full.list()]
    assert empty.conflicts() == full.conflicts() != []
    assert empty.answer("a1") == full.answer("a1")
    # It goes on as the first would: numbers go up, corrections work.
    new = empty.teach("Something else.", corrects="a1")
    assert new.question == "What is the mass?"
    assert empty.verify().clean


def test_from_a_file_to_a_server_and_back(
    postgres: Callable[[], str], empty: KnowledgeBase, tmp_path: Path
) -> None:
    fill(empty)
    empty.export(tmp_path / "one.jsonl.gz")
    with KnowledgeBase.open(postgres(), embedding="hash") as server:
        server.import_(tmp_path / "one.jsonl.gz")
        assert server.verify().problems == ()
        server.export(tmp_path / "two.jsonl.gz")
        assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
        # Numbers that the server gives out itself go on after those imported.
        server.teach("The mass of the tau is 1400 MeV.")
        assert server.verify().problems == ()
        server.backup(tmp_path / "server.jsonl.gz")
        with pytest.raises(InputError, match=r"does not end in \.gz"):
            server.backup(tmp_path / "server.backup")
        with pytest.raises(InputError, match="a base is there already"):
            KnowledgeBase.restore_backup(
                tmp_path / "server.jsonl.gz", server.store.url.render_as_string(False)
            )
        KnowledgeBase.restore_backup(tmp_path / "server.jsonl.gz", tmp_path / "local")
        with KnowledgeBase.open(tmp_path / "local") as local:
            assert local.embedding == "hash"
            assert local.verify() == server.verify()
            assert local.search("tau 1400")[0].text == server.search("tau 1400")[0].text
    other = postgres()
    KnowledgeBase.restore_backup(tmp_path / "server.jsonl.gz", other)
    with KnowledgeBase.open(other) as restored:
        assert restored.verify().clean
        assert restored.embedding == "hash"
    empty.backup(tmp_path / "file.sqlite")
    with pytest.raises(InputError, match="a server cannot take"):
        KnowledgeBase.restore_backup(tmp_path / "file.sqlite", postgres())


def test_another_embedder_embeds_what_is_imported(full: KnowledgeBase, tmp_path: Path) -> None:
    full.export(tmp_path / "one.jsonl")
    with KnowledgeBase.open(tmp_path / "other", embedding="none") as other:
        other.import_(tmp_path / "one.jsonl")
        assert other.embedding == "none"
        assert other.verify().clean
        assert other.search("magnet")
        other.reindex("hash")
        other.export(tmp_path / "two.jsonl")
    one, two = rows(tmp_path / "one.jsonl"), rows(tmp_path / "two.jsonl")
    assert [row for row in two if row.get("verb") != "reindex"][:-1] == one[:-1]
    assert len(two) == len(one) + 1


def test_a_base_that_holds_something_learns_what_people_taught_that_is_new_to_it(
    full: KnowledgeBase, empty: KnowledgeBase, tmp_path: Path
) -> None:
    full.export(tmp_path / "one.jsonl")
    same = empty.teach("The mass of  the tau is 1500 MeV.")
    assert empty.import_(tmp_path / "one.jsonl", actor="Marie") == Imported(3, 1)
    assert empty.verify().clean
    assert {i.text for i in empty.list()} == {
        i.text.replace("of the tau is 1500", "of  the tau is 1500") for i in full.list() if i.kind != "data"
    }  # what a source states comes from the source, whatever a file says
    assert same.id in {i.id for i in empty.list()}
    for mine in empty.list():
        if mine.id != same.id:
            theirs = full.show(mine.id)
            assert (mine.kind, mine.question, mine.provenance) == (
                theirs.kind,
                theirs.question,
                theirs.provenance,
            )
            assert mine.attributes == theirs.attributes
            last = empty.history(mine.id)[1][-1]
            assert (last.actor, last.reason) == ("Marie", "imported from one.jsonl")
    before = empty.verify().events
    assert empty.import_(tmp_path / "one.jsonl") == Imported(0, 4)
    assert empty.verify().events == before


def test_what_was_unloaded_or_erased_here_does_not_come_back(full: KnowledgeBase, tmp_path: Path) -> None:
    full.export(tmp_path / "one.jsonl")
    first, second = full.list()[:2]
    full.unload(first.id)
    full.purge(second.id)
    assert full.import_(tmp_path / "one.jsonl").taught == 0
    assert {first.id, second.id}.isdisjoint(i.id for i in full.list())


def damaged(lines: list[dict[str, Any]], of: str, **changes: Any) -> list[dict[str, Any]]:
    place = next(i for i, row in enumerate(lines) if row.get("table") == of)
    return [*lines[:place], lines[place] | changes, *lines[place + 1 :]]


@pytest.mark.slow_but("nothing")
@pytest.mark.parametrize("holds", ["nothing", "something"])
def test_bad_exports_are_refused_and_change_nothing(tmp_path: Path, empty: KnowledgeBase, holds: str) -> None:
    source = fill(KnowledgeBase.open(tmp_path / "source", embedding="hash"))
    source.export(good := tmp_path / "good.jsonl")
    source.export(tmp_path / "good.jsonl.gz")
    if holds == "something":
        empty.teach("A statement that was here before.")
    lines, text = rows(good), good.read_text(encoding="utf-8")
    packed = (tmp_path / "good.jsonl.gz").read_bytes()
    first_item = next(i for i, row in enumerate(lines) if row.get("table") == "items")
    bad: dict[str, tuple[bytes | list[dict[str, Any]], str]] = {
        "empty.jsonl": (b"", "is not an export"),
        "other.jsonl": ([{"a": 1}], "is not an export"),
        "newer.jsonl": ([lines[0] | {"schema": "9999"}, *lines[1:]], "made by a newer Yukawa"),
        "no-end.jsonl": (lines[:-1], "is truncated: its last row is missing"),
        "half.jsonl": (text[: len(text) // 2].encode(), "is not valid JSON"),
        "lost.jsonl": ([*lines[:first_item], *lines[first_item + 1 :]], "its end says|do not fit together"),
        "twice.jsonl": ([*lines, lines[-1]], "its end says"),
        "text.jsonl": (damaged(lines, "versions", text="The mass is 1 MeV."), "content was changed"),
        "event.jsonl": (damaged(lines, "events", reason="other"), "was changed after"),
        "note.jsonl": (
            damaged(lines, "answers", question="What is its mass?"),
            "not those that were exported",
        ),
        "end.jsonl": ([*lines[:-1], lines[-1] | {"digest": "0" * 64}], "not those that were exported"),
        "renamed.jsonl": ([*lines[:-1], lines[-1] | {"digesu": "0" * 64}], "has no digesu"),
        "head.jsonl": ([*lines[:-1], lines[-1] | {"head": "0" * 64}], "last hash"),
        "column.jsonl": (damaged(lines, "items", colour="red"), "check colour"),
        "type.jsonl": (damaged(lines, "versions", number="two"), "number is 'two'"),
        "null.jsonl": (damaged(lines, "versions", text=None), "text is None"),
        "table.jsonl": (damaged(lines, "items", table="sqlite_master"), "no table 'sqlite_master'"),
        "line.jsonl": (text.replace("\n", "\n{oops\n", 1).encode(), r"line\.jsonl:2 is not valid JSON"),
        "latin.jsonl": (text.encode("utf-16"), "not UTF-8"),
        "plain.jsonl.gz": (text.encode(), "not valid gzip"),
        "half.jsonl.gz": (packed[: len(packed) // 2], "not those that were written"),
    }
    empty.export(before := tmp_path / "before.jsonl")
    for name, (content, message) in bad.items():
        file = tmp_path / name
        file.write_bytes(content) if isinstance(content, bytes) else write(file, content)
        with pytest.raises(YukawaError, match=message) as caught:
            empty.import_(file)
        assert "\n" not in str(caught.value), name
        with pytest.raises(YukawaError):
            KnowledgeBase.restore_backup(file, tmp_path / "restored")
        assert not (tmp_path / "restored" / "knowledge.sqlite").exists()
        assert not list(tmp_path.glob("restored/.*")), name
    with pytest.raises(InputError, match="cannot be read"):
        empty.import_(tmp_path / "none.jsonl")
    empty.export(after := tmp_path / "after.jsonl")
    assert before.read_bytes() == after.read_bytes()
    assert empty.verify().clean


def test_a_backup_is_whole_and_is_a_base_again(empty: KnowledgeBase, tmp_path: Path) -> None:
    fill(empty)
    file = tmp_path / "copy.sqlite"
    with empty.store.write() as connection:  # in use: what is not committed is not in the copy
        counted.write_note(connection, "later", "x")
        empty.backup(file)
    assert [p.name for p in tmp_path.iterdir() if "copy" in p.name or p.name.startswith(".")] == [
        "copy.sqlite"
    ]
    KnowledgeBase.restore_backup(file, tmp_path / "restored")
    with KnowledgeBase.open(tmp_path / "restored") as restored:
        assert restored.get_meta("later") is None
        assert restored.get_meta("note") == "kept"
        assert restored.verify() == empty.verify()
        assert restored.verify().clean
        assert restored.search("tau mass") == empty.search("tau mass")
        restored.teach("Taught after the backup.")
        assert restored.verify().clean


def test_a_backup_replaces_nothing_unless_forced(empty: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "copy.sqlite"
    file.write_text("precious")
    with pytest.raises(InputError, match="is there already"):
        empty.backup(file)
    assert file.read_text() == "precious"
    empty.backup(file, force=True)
    assert file.read_bytes().startswith(b"SQLite format 3\0")
    with pytest.raises(YukawaError, match="cannot be written"):
        empty.backup(tmp_path / "no folder" / "copy.sqlite")


def test_a_backup_is_not_restored_over_a_base(empty: KnowledgeBase, tmp_path: Path) -> None:
    item = empty.teach("Something.")
    empty.backup(tmp_path / "copy.sqlite")
    empty.export(tmp_path / "copy.jsonl")
    for file in ("copy.sqlite", "copy.jsonl"):
        with pytest.raises(InputError, match="is there already"):
            KnowledgeBase.restore_backup(tmp_path / file, tmp_path / "empty")
    assert empty.show(item.id)


@pytest.mark.parametrize(
    "value", [float("nan"), float("-inf"), "\ud800", b"x", {"a": {1.5, 2}}, ["x" * 11_000_000]]
)
def test_an_answer_that_no_export_could_hold_is_not_kept(
    empty: KnowledgeBase, tmp_path: Path, value: Any
) -> None:
    with pytest.raises(InputError, match=r"^the answer cannot be|^the answer has more"):
        empty.keep_answer("a", "What?", {"answer": value})
    empty.export(tmp_path / "copy.jsonl")
    assert empty.verify().clean


def test_a_base_whose_file_became_a_folder_is_not_backed_up(empty: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "empty" / "knowledge.sqlite"
    file.rename(tmp_path / "moved")
    file.mkdir()
    for _ in range(2):  # another connection is made meanwhile
        for call in (empty.list, lambda: empty.backup(tmp_path / "copy")):
            with pytest.raises(StoreError, match="knowledge base"):
                call()
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_no_base_is_put_beside_what_another_has_left(
    empty: KnowledgeBase, tmp_path: Path, suffix: str
) -> None:
    """SQLite would write a journal back into whatever file has the name that it belongs to."""
    empty.teach("Something.")
    empty.backup(tmp_path / "copy.sqlite")
    left = tmp_path / "there" / f"knowledge.sqlite{suffix}"
    left.parent.mkdir()
    left.write_bytes(b"left")
    with pytest.raises(InputError, match="is there already"):
        KnowledgeBase.restore_backup(tmp_path / "copy.sqlite", left.parent)
    with pytest.raises(StoreError, match="is still there"):
        KnowledgeBase.open(left.parent, embedding="hash")
    assert list(left.parent.iterdir()) == [left]


def test_nothing_is_written_where_files_of_the_base_may_come_to_lie(
    empty: KnowledgeBase, tmp_path: Path
) -> None:
    folder = tmp_path / "empty"
    names = ("knowledge.sqlite-journal", "knowledge.index", "knowledge.scratch", "knowledge.scratch/new")
    for write in (empty.backup, empty.export):
        for name in names:
            with pytest.raises(InputError, match="belongs to Yukawa itself"):
                write(folder / name, force=True)


def test_a_damaged_foreign_or_newer_backup_is_refused(empty: KnowledgeBase, tmp_path: Path) -> None:
    fill(empty)
    empty.backup(file := tmp_path / "copy.sqlite")
    good = file.read_bytes()

    def refused(content: bytes, message: str) -> None:
        bad = tmp_path / "bad.sqlite"
        bad.write_bytes(content)
        with pytest.raises(YukawaError, match=message):
            KnowledgeBase.restore_backup(bad, tmp_path / "restored")
        assert list((tmp_path / "restored").glob("*")) == []

    KnowledgeBase.restore_backup(file, tmp_path / "changed")  # a base that nobody uses, and no digest covers
    with sqlite3.connect(changed := tmp_path / "changed" / "knowledge.sqlite") as other:
        other.execute("UPDATE versions SET text = 'The mass is 1 MeV.' WHERE id = 1")
    other.close()
    refused(changed.read_bytes(), "is damaged: version 1 of item .*: its content was changed")
    refused(good[: len(good) // 2], "is damaged")
    refused(good[:8192] + b"\xff" * 2000 + good[10192:], "is damaged")
    empty.close()
    with sqlite3.connect(plain := tmp_path / "empty" / "knowledge.sqlite") as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.close()
    refused(plain.read_bytes(), "made by a newer Yukawa")
    with sqlite3.connect(tmp_path / "foreign.sqlite") as other:
        other.execute("CREATE TABLE events (x)")
    other.close()
    refused((tmp_path / "foreign.sqlite").read_bytes(), "not a backup of a knowledge base")
    with pytest.raises(InputError, match="cannot be read"):
        KnowledgeBase.restore_backup(tmp_path / "none", tmp_path / "restored")


def test_an_export_replaces_nothing_unless_forced_and_never_the_base(
    empty: KnowledgeBase, tmp_path: Path
) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("precious")
    with pytest.raises(InputError, match="is there already"):
        empty.export(file)
    assert file.read_text() == "precious"
    empty.export(file, force=True)
    assert file.read_text().startswith("{")
    own = [path for path in (tmp_path / "empty").iterdir() if path.is_file()]
    assert own
    for path in own:
        for write in (empty.export, empty.backup):
            with pytest.raises(InputError):
                write(path, force=True)
    assert empty.verify().clean


def test_an_export_that_fails_leaves_the_older_one(empty: KnowledgeBase, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="its folder does not exist"):
        empty.export(tmp_path / "none" / "x.jsonl")
    fill(empty)
    empty.export(file := tmp_path / "x.jsonl.gz")
    assert len(gzip.decompress(file.read_bytes()).splitlines()) > 40


@pytest.mark.parametrize("statement", [
    "UPDATE versions SET text = replace(text, '1500', '1501')", "UPDATE versions SET source = CAST(source AS BLOB)",
    "UPDATE versions SET attributes = '{'", "UPDATE events SET reason = 'other' WHERE seq = 1", "UPDATE passages SET terms = 'other'",
    "UPDATE answers SET answer = 5",
])  # fmt: skip
def test_a_damaged_base_takes_the_place_of_no_copy(
    empty: KnowledgeBase, tmp_path: Path, statement: str
) -> None:
    """And what the purge of what is damaged leaves can be copied."""
    item = empty.teach("The mass of the tau is 1500 MeV.")
    empty.keep_answer("a1", "What?", {"answer": "x"})
    copies = [tmp_path / name for name in ("copy.sqlite", "copy.jsonl", "copy.jsonl.gz")]
    writers: list[Callable[..., Any]] = [empty.backup, empty.export, empty.export]
    for write_copy, file in zip(writers, copies, strict=True):
        write_copy(file)
    before = [file.read_bytes() for file in copies]
    with sqlite3.connect(tmp_path / "empty" / "knowledge.sqlite") as other:
        other.execute("DROP TRIGGER events_no_update")
        assert other.execute(statement).rowcount > 0
        other.execute(guards.IN_FILE["events_no_update"])
    other.close()
    for write_copy, file in zip(writers, copies, strict=True):
        with pytest.raises(StoreError, match="is damaged") as caught:
            write_copy(file, force=True)
        assert "knowledge purge ID" in str(caught.value)
    assert [file.read_bytes() for file in copies] == before
    assert not list(tmp_path.glob(".*.part"))
    if "versions SET text" in statement:
        empty.purge(item.id)
        for write_copy, file in zip(writers, copies, strict=True):
            write_copy(file, force=True)


def test_any_value_of_an_export_replaced_is_refused_in_one_line_or_taken_as_it_is(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path / "source", embedding="hash") as source:
        source.build([DATA], actor="unknown", reason="edition")
        source.teach("The mass of the tau is 1500 MeV.")
        source.keep_answer("a1", "What is the mass?", {"answer": "1777 MeV"})
        source.export(tmp_path / "good.jsonl")
    lines, draw = rows(tmp_path / "good.jsonl"), random.Random(15)
    del lines[-1]["digest"]  # which would find everything
    places = [(number, key) for number, row in enumerate(lines) for key in row]
    values = [
        None,
        True,
        [],
        {},
        [[]],
        "",
        "x",
        -1,
        2.5,
        10**30,
        {"facts": 5},
        {"facts": [{"value": 10**400}]},
        "\x00",
    ]
    for number, key in draw.sample(places, 24):
        changed = [dict(row) for row in lines]
        changed[number][key] = value = draw.choice(values)
        file = write(tmp_path / "changed.jsonl", changed)
        with KnowledgeBase.open(tmp_path / f"{number}-{key}", embedding="hash") as base:
            if said := refused(lambda base=base, file=file: base.import_(file)):  # type: ignore[misc]
                assert "\n" not in said
                assert len(said) < 500
                assert not base.list()
                continue
            assert base.verify().clean
            base.export(again := tmp_path / "again.jsonl", force=True)
            own = lines[number].get("table") in ("embedders", "meta")  # which the base has of its own
            assert own or changed[number] in rows(again), (key, value)


def refused(act: Callable[[], object]) -> str:
    """What is said where something is refused."""
    try:
        act()
    except YukawaError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("line", [
    {"table": []}, {"table": {}}, {"table": 1}, {"table": "end", "rows": [[]]}, {"table": "end", "rows": 10**30},
    {"table": "end", "rows": None}, {"table": "end", "rows": {"items": []}}, {"table": "claims"}, {}, {"table": None},
])  # fmt: skip
def test_lines_of_no_table_are_refused(empty: KnowledgeBase, tmp_path: Path, line: dict[str, Any]) -> None:
    empty.export(tmp_path / "good.jsonl")
    head = rows(tmp_path / "good.jsonl")[0]
    with pytest.raises(YukawaError) as caught:
        empty.import_(write(tmp_path / "bad.jsonl", [head, line]))
    assert "\n" not in str(caught.value)


def test_what_an_older_version_let_in_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The labels of events were not checked before, and a backup that cannot be put back is none."""
    with KnowledgeBase.open(tmp_path / "old", embedding="hash") as base, monkeypatch.context() as before:
        before.setattr("yukawa.knowledge.store.ledger.checked_label", lambda label, what: label)
        taught = base.teach("The ring is cold.", actor="a\x1bb", reason="c\x01d")
        base.export(tmp_path / "export.jsonl")
    with KnowledgeBase.open(tmp_path / "new", embedding="hash") as base:
        base.import_(tmp_path / "export.jsonl")
        assert base.verify().clean
        assert [event.actor for event in base.history(taught.id)[1]] == ["a\x1bb"]
