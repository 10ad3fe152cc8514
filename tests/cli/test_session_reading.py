"""Verbs that only read: they work where nothing can be written, and leave the files of the base as they are."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from yukawa.cli.main import main
from yukawa.knowledge import KnowledgeBase

NOBODY = 65534
QUESTION = "What is the circumference of the BEPCII storage ring?"
READ = [
    ["ask", QUESTION], ["ask", QUESTION, "--json"], ["search", "storage ring"], ["models"], ["recipes"], ["knowledge", "list"],
    ["knowledge", "show", "ID"], ["knowledge", "history", "ID"], ["knowledge", "conflicts"], ["knowledge", "verify"],
    ["knowledge", "stats"], ["knowledge", "export", "OUT/base.jsonl"], ["knowledge", "backup", "OUT/base.sqlite"],
]  # fmt: skip
# These keep something where they can: the answer, which can then be corrected by its number.
KEEPING = ("ask",)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every user may enter: `home` has a base that is closed, `out` may be written by all."""
    with tempfile.TemporaryDirectory(prefix="yukawa-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with KnowledgeBase.open(folder / "home" / "knowledge", embedding="hash") as base:
            base.set_meta("pdg", "test")
            base.teach("The BEPCII storage ring has a circumference of 237.5 m.", source="IHEP handbook")
        (folder / "out").mkdir()
        (folder / "out").chmod(0o777)
        monkeypatch.chdir(folder / "out")
        monkeypatch.setenv("YUKAWA_HOME", str(folder / "home"))
        monkeypatch.setenv("YUKAWA_KNOWLEDGE__EMBEDDING", "hash")
        yield folder


def lines(place: Path) -> list[list[str]]:
    with KnowledgeBase.open(place / "home" / "knowledge", embedding="hash") as base:
        (item,) = base.list()
    known = {"ID": item.id}
    return [[known.get(word, word.replace("OUT", str(place / "out"))) for word in line] for line in READ]


def state(place: Path) -> dict[str, tuple[int, int, bytes]]:
    """Number, time and content of every file; SQLite makes and removes two beside its own while it has it open."""
    return {
        str(path): ((found := path.stat()).st_ino, found.st_mtime_ns, path.read_bytes())
        for path in sorted((place / "home").rglob("*"))
        if path.is_file()
    }


def in_child(work: Callable[[], None]) -> str:
    """What went wrong in a child of this process that has no rights."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            work()
        except BaseException:  # noqa: BLE001 -- told to the parent
            said = traceback.format_exc()
        os.write(writer, said.encode()[-3000:])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


def clear(place: Path) -> None:
    for path in (place / "out").iterdir():
        path.unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such rights")
def test_every_read_verb_works_where_nothing_can_be_written(place: Path) -> None:
    commands = lines(place)
    for line in commands:  # loads what is loaded once, from where the child may not read
        assert main(line) == 0
    clear(place)

    def read() -> None:
        for line in commands:
            assert main(line) == 0, line

    before = state(place)
    locked = [place / "home", *(place / "home").rglob("*")]
    for path in locked:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        said = in_child(read)
    finally:
        for path in locked:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert not said
    assert state(place) == before
    with KnowledgeBase.open(place / "home" / "knowledge", embedding="hash") as base:
        assert base.verify().problems == ()


def test_every_read_verb_leaves_the_files_of_the_base_as_they_are(place: Path) -> None:
    commands = lines(place)
    before = state(place)
    for line in commands:
        assert main(line) == 0, line
        if line[0] in KEEPING:
            before = state(place)
        else:
            assert state(place) == before, line
