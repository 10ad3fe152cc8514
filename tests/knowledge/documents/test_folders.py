"""A folder and a base in step: new, changed, removed, swapped; all or nothing; twice changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.documents.folders import sync

folders = st.dictionaries(
    st.sampled_from(["a.md", "b.md", "sub/c.txt"]),
    st.sampled_from(["one", "two", "three", "# four\n\nfive"]),
    min_size=1,
)


@pytest.fixture
def base(tmp_path: Path):
    with KnowledgeBase.open(tmp_path / "base", embedding="none") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    return tmp_path / "docs"


def fill(folder: Path, files: dict[str, str]) -> None:
    for old in folder.rglob("*.*"):
        old.unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def statuses(base: KnowledgeBase, folder: Path) -> dict[str, str]:
    return {one.path: one.status for one in sync(base, folder)}


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.lists(folders, min_size=1, max_size=4))
def test_a_base_holds_what_the_folder_holds(tmp_path_factory, states: list[dict[str, str]]) -> None:
    place = tmp_path_factory.mktemp("sync")
    (place / "docs").mkdir()
    with KnowledgeBase.open(place / "base", embedding="none") as base:
        for files in states:
            fill(place / "docs", files)
            sync(base, place / "docs")
            assert {item.text for item in base.list()} == set(files.values())
            events = base.verify().events
            again = sync(base, place / "docs")
            assert {one.status for one in again} <= {"unchanged", "known"}
            assert base.verify().events == events
            assert base.verify().clean


def test_each_change_is_reported(base: KnowledgeBase, folder: Path) -> None:
    fill(folder, {"a.md": "one", "b.md": "two", "sub/c.txt": "three"})
    assert statuses(base, folder) == {"a.md": "taught", "b.md": "taught", "sub/c.txt": "taught"}
    first = {item.provenance.source: item.id for item in base.list()}
    fill(folder, {"a.md": "one", "b.md": "two and more", "d.md": "four"})
    assert statuses(base, folder) == {
        "a.md": "unchanged", "b.md": "updated", "d.md": "taught", "sub/c.txt": "unloaded",
    }  # fmt: skip
    now = {item.provenance.source: item for item in base.list()}
    assert (now["b.md"].id, now["b.md"].version) == (first["b.md"], 2)
    assert not base.show(first["sub/c.txt"]).current
    fill(folder, {})
    assert statuses(base, folder) == {"a.md": "unloaded", "b.md": "unloaded", "d.md": "unloaded"}


def test_files_may_change_places(base: KnowledgeBase, folder: Path) -> None:
    fill(folder, {"a.md": "one", "b.md": "two"})
    sync(base, folder)
    fill(folder, {"a.md": "two", "b.md": "one"})
    assert statuses(base, folder) == {"a.md": "updated", "b.md": "updated"}
    assert {item.provenance.source: item.text for item in base.list()} == {"a.md": "two", "b.md": "one"}


def test_what_is_taught_otherwise_is_left_alone(base: KnowledgeBase, folder: Path) -> None:
    other = base.teach("one")
    fill(folder, {"a.md": "one"})
    assert statuses(base, folder) == {"a.md": "known"}
    fill(folder, {"a.md": "two"})
    sync(base, folder)
    fill(folder, {})
    sync(base, folder)
    assert [item.id for item in base.list()] == [other.id]


def test_nothing_is_written_if_a_file_cannot_be_read(base: KnowledgeBase, folder: Path) -> None:
    fill(folder, {"a.md": "one"})
    (folder / "z.md").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"z\.md is not UTF-8"):
        sync(base, folder)
    assert base.list() == []


def test_what_is_not_a_folder_of_documents(base: KnowledgeBase, folder: Path) -> None:
    with pytest.raises(InputError, match="holds no documents"):
        sync(base, folder)
    with pytest.raises(InputError, match="is not a folder"):
        sync(base, folder / "none")
    (folder / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="is not a folder"):
        sync(base, folder / "loop")
