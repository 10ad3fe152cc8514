"""Verbs that only read: they work where nothing can be written, and leave the files of the base as they are."""

from __future__ import annotations

import os
import signal
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


# ---- what is read --------------------------------------------------------------------------------------

# A command line for each parameter that names a file to be read; BAD stands for it.
READERS = {
    "teach --file": ["teach", "--file", "BAD.md"],
    "teach --sync": ["teach", "--sync", "BAD.md"],
    "restore-backup": ["knowledge", "restore-backup", "BAD.sqlite"],
    "import": ["knowledge", "import", "BAD.jsonl"],
    "data abstracts": ["data", "abstracts", "BAD.jsonl", "--out", "new"],
    "data abstracts, packed": ["data", "abstracts", "BAD.jsonl.gz", "--out", "new"],
    "data abstracts --table": ["data", "abstracts", "good.jsonl", "--table", "BAD.yaml", "--mixture", "s1", "--out", "new"],
    "data abstracts --decontaminate": ["data", "abstracts", "good.jsonl", "--decontaminate", "BAD.jsonl", "--out", "new"],
    "data conversations": ["data", "conversations", "BAD.json", "--out", "new"],
    "data check": ["data", "check", "BAD.parquet", "--against", "good.jsonl"],
    "data check --against": ["data", "check", "good.jsonl", "--against", "BAD.jsonl"],
    "evaluate perplexity": ["evaluate", "perplexity", "BAD.jsonl", "--model", "none"],
    "evaluate completions": ["evaluate", "completions", "BAD.jsonl", "--model", "none", "--out", "new"],
    "evaluate semscore": ["evaluate", "semscore", "BAD.jsonl", "--embedder", "hash"],
    "evaluate entropy": ["evaluate", "entropy", "BAD.jsonl"],
    "evaluate report": ["evaluate", "report", "BAD.jsonl", "--model", "none", "--out", "new"],
    "evaluate RECIPE": ["evaluate", "BAD.yaml", "--out", "new"],
    "jets show": ["jets", "show", "BAD.parquet"],
    "jets show, ROOT": ["jets", "show", "BAD.root"],
    "jets show, HDF5": ["jets", "show", "BAD.h5"],
    "jets show, text": ["jets", "show", "BAD.jsonl"],
    "jets convert": ["jets", "convert", "BAD", "new.parquet"],
    "jets evaluate": ["jets", "evaluate", "BAD", "--data", "BAD.parquet", "--out", "new"],
    "jets predict --data": ["jets", "predict", "none", "--data", "BAD.parquet", "--out", "new.parquet"],
    "jets import-weaver": ["jets", "import-weaver", "BAD.pt", "--data-config", "jetclass-kin", "--out", "new"],
    "jets import-weaver --data-config": ["jets", "import-weaver", "none.pt", "--data-config", "BAD.yaml", "--out", "new"],
    "jets export-onnx": ["jets", "export-onnx", "BAD", "new.onnx"],
    "jets simulate --card": ["jets", "simulate", "--card", "BAD.yaml", "--jets-per-class", "1", "--out", "new"],
    "jets train RECIPE": ["jets", "train", "BAD.yaml", "--out", "new"],
    "train RECIPE": ["train", "BAD.yaml", "--out", "new"],
    "merge": ["merge", "BAD", "--out", "new"],
}  # fmt: skip


CONTENT = {
    "empty": b"",
    "noise": bytes(range(256)) * 40,
    "deep": b"[" * 100_000,
    "latin": b'{"id": "\xe9"}\n',
}
MAY = {("folder", "teach --sync"), ("empty", "jets show, text")}  # there is nothing in them
OTHERS = ("folder", *CONTENT)


def make(kind: str, name: str) -> None:
    if kind == "pipe":
        os.mkfifo(name)
    elif kind == "device":
        os.symlink("/dev/zero", name)
    elif kind == "folder":
        Path(name).mkdir()
    else:
        Path(name).write_bytes(CONTENT[kind])


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_no_verb_waits_for_a_pipe_or_reads_a_device(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does it fail on a folder, an empty file, noise, what is nested too deeply or not UTF-8: two of these for each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YUKAWA_KNOWLEDGE__EMBEDDING", "hash")
    Path("good.jsonl").write_text('{"id": "1", "text": "The W boson has a mass."}\n')
    words, number = READERS[reader], list(READERS).index(reader)
    for kind in ("pipe", "device", *(OTHERS[(number + step) % len(OTHERS)] for step in (0, 2))):
        named = {word: f"{kind}{word.removeprefix('BAD')}" for word in words if word.startswith("BAD")}
        for name in named.values():
            make(kind, name)
        capsys.readouterr()
        signal.signal(signal.SIGALRM, late)
        signal.alarm(60)
        try:
            code = main([named.get(word, word) for word in words])
        finally:
            signal.alarm(0)
        said = capsys.readouterr().err.splitlines()[-1]
        assert (code, said.startswith("error: ")) == (2, True) or (kind, reader) in MAY, (kind, code, said)
        assert "bug in Yukawa" not in said, (kind, said)


def late(*_: object) -> None:
    raise AssertionError("it waits")
