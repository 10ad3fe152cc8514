"""A base whose files are foreign, empty, deleted, replaced or cut short is noticed before anything is said to be kept."""

from __future__ import annotations

import faulthandler
import os
import random
import shutil
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from yukawa.core.errors import StoreError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store import identity
from yukawa.knowledge.store.identity import APPLICATION, OpenFiles

STATEMENT = "The magnet was cooled in May."


def file_of(folder: Path) -> Path:
    return folder / "knowledge.sqlite"


@pytest.mark.parametrize("content", [b"", b"\0", b"SQLite format 3\0", b"x" * 4096])
def test_a_file_that_is_no_base_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    file_of(tmp_path).write_bytes(content)
    with pytest.raises(StoreError, match=r"is damaged|is not a knowledge base"):
        KnowledgeBase.open(tmp_path)
    assert file_of(tmp_path).read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["knowledge.sqlite"]


@pytest.mark.parametrize("mark", [0, 4711])
def test_another_programs_database_is_refused_and_kept(tmp_path: Path, mark: int) -> None:
    with sqlite3.connect(file_of(tmp_path)) as other:
        other.execute("CREATE TABLE songs (title)")
        other.execute(f"PRAGMA application_id = {mark}")
    other.close()
    before = file_of(tmp_path).read_bytes()
    with pytest.raises(StoreError, match="is not a knowledge base"):
        KnowledgeBase.open(tmp_path)
    with sqlite3.connect(file_of(tmp_path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]
    other.close()
    assert mark == 0 or file_of(tmp_path).read_bytes() == before


def test_our_files_are_marked(tmp_path: Path) -> None:
    KnowledgeBase.open(tmp_path, embedding="hash").close()
    assert file_of(tmp_path).read_bytes()[68:72] == APPLICATION.to_bytes(4, "big")


def test_no_new_base_is_begun_beside_the_log_of_a_lost_one(tmp_path: Path) -> None:
    base = KnowledgeBase.open(tmp_path, embedding="hash")
    base.teach(STATEMENT)
    shutil.copy(f"{file_of(tmp_path)}-wal", tmp_path / "log")
    base.close()
    file_of(tmp_path).unlink()
    shutil.copy(tmp_path / "log", f"{file_of(tmp_path)}-wal")
    with pytest.raises(StoreError, match=r"its log .* is still there"):
        KnowledgeBase.open(tmp_path)


GONE = [(suffix, how) for suffix in ("", "-wal", "-shm") for how in ("deleted", "replaced", "cut short")]


@pytest.mark.parametrize(("suffix", "how"), GONE[:-1])  # the last one is the next test's
def test_nothing_is_said_to_be_taught_into_files_that_are_gone(tmp_path: Path, suffix: str, how: str) -> None:
    base = KnowledgeBase.open(tmp_path, embedding="hash")
    base.teach(STATEMENT)
    file = Path(f"{file_of(tmp_path)}{suffix}")
    if how == "deleted":
        file.unlink()
    elif how == "replaced":
        shutil.copy(file, tmp_path / "copy")
        os.replace(tmp_path / "copy", file)
    else:
        os.truncate(file, file.stat().st_size // 2 if suffix else 4096)
    try:
        taught = base.teach("A second statement.")
    except StoreError:  # noticed
        return
    base.close()  # a base put in the place of the first is gone on with: then it must be there
    with KnowledgeBase.open(tmp_path) as again:
        assert again.show(taught.id).text == "A second statement."
        assert again.verify().clean


@pytest.mark.parametrize("length", [0, 100, 16_384])
def test_who_has_the_index_of_the_log_cut_short_loses_nothing_that_was_taught(
    tmp_path: Path, length: int
) -> None:
    """SQLite maps it into memory, and the system ends a process that looks behind the end of a mapped file."""
    said, child = tmp_path / "said", os.fork()
    if child == 0:
        faulthandler.disable()
        base = KnowledgeBase.open(tmp_path / "base", embedding="hash")
        for number in range(6):
            if number == 3:
                os.truncate(f"{file_of(tmp_path / 'base')}-shm", length)
            with suppress(StoreError):
                taught = base.teach(f"Reading {number} was {number + 7} counts.")
                with said.open("a") as handle:
                    handle.write(f"{taught.text}\n")
        os._exit(0)
    os.waitpid(child, 0)
    with KnowledgeBase.open(tmp_path / "base") as again:
        texts, report = {item.text for item in again.list()}, again.verify()
    assert len(texts) >= 3
    assert texts >= set(said.read_text().splitlines())
    assert report.problems == ()


@pytest.mark.parametrize("suffix", ["", "-wal"])
@pytest.mark.parametrize("content", ["another base's", "zeros", "noise"])
def test_nothing_is_said_to_be_taught_into_files_that_are_written_over(
    tmp_path: Path, suffix: str, content: str
) -> None:
    """As `cp` does: the file keeps its name and number, and here its length."""
    other = KnowledgeBase.open(tmp_path / "other", embedding="hash")
    other.teach("Taught to another base.")
    base = KnowledgeBase.open(tmp_path / "base", embedding="hash")
    base.teach(STATEMENT)
    base.close()
    base = KnowledgeBase.open(tmp_path / "base")
    base.teach("A second statement.")
    file, theirs = (Path(f"{file_of(tmp_path / name)}{suffix}") for name in ("base", "other"))
    size = file.stat().st_size
    filled = {"zeros": bytes(size), "noise": os.urandom(size)}.get(content) or theirs.read_bytes()[:size]
    with file.open("r+b") as handle:
        handle.write(filled)
    with pytest.raises(StoreError, match="was written over while the knowledge base was open"):
        base.teach("A third statement.")
    with pytest.raises(StoreError, match="was written over"):
        base.verify()


def test_a_base_that_is_gone_is_not_verified(tmp_path: Path) -> None:
    base = KnowledgeBase.open(tmp_path / "base", embedding="hash")
    base.teach(STATEMENT)
    assert base.verify().clean
    shutil.rmtree(tmp_path / "base")
    with pytest.raises(StoreError, match="was deleted while the knowledge base was open"):
        base.verify()


def test_writing_back_the_log_by_any_process_is_not_taken_for_writing_over(tmp_path: Path) -> None:
    """A log is written back, and begun anew, by another connection while this one looks on."""
    base = KnowledgeBase.open(tmp_path, embedding="hash")
    for number in range(30):
        base.teach(f"Statement {number} of the first process.")
        if number % 3 == 0:
            done = sqlite3.connect(file_of(tmp_path))
            mode = ("PASSIVE", "FULL", "RESTART", "TRUNCATE")[number % 4]
            assert done.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()[0] == 0
            done.close()
        if number % 7 == 0:
            with KnowledgeBase.open(tmp_path) as another:
                another.teach(f"Statement {number} of the second process.")
    assert base.verify().clean


def killed(folder: Path, changes: int) -> Path:
    """A base whose process ended before its log was written into the file; the log."""
    child = os.fork()
    if child == 0:
        base = KnowledgeBase.open(folder, embedding="hash")
        for number in range(changes):
            base.teach(f"Reading {number} was {number + 7} counts.")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    return Path(f"{file_of(folder)}-wal")


def test_a_log_that_a_killed_process_left_is_whole(tmp_path: Path) -> None:
    log = killed(tmp_path, 3)
    with KnowledgeBase.open(tmp_path) as base:
        assert (len(base.list()), base.verify().problems, base.verify().notes) == (3, (), ())
    log = killed(tmp_path / "torn", 3)
    os.truncate(log, log.stat().st_size - 100)  # a power cut: the last change was not acknowledged
    with KnowledgeBase.open(tmp_path / "torn") as base:
        report = base.verify()
        assert (len(base.list()), report.clean) == (2, True)
        assert report.notes[0].startswith("log: its last change is not whole")


@pytest.mark.slow
@pytest.mark.parametrize("written_back", [True, False])
@pytest.mark.parametrize("head", ["new", "torn", "new with torn salts", "zeros"])
def test_a_log_begun_anew_over_one_that_was_written_back_has_lost_nothing(
    tmp_path: Path, head: str, written_back: bool
) -> None:
    """Power fails when the head of the new log is on the disk, whole or in part, and none of its frames."""
    log = killed(tmp_path, 4)
    old, file = log.read_bytes(), file_of(tmp_path)
    before = file.read_bytes()
    with closing(sqlite3.connect(file)) as other, closing(sqlite3.connect(file)) as reader:
        assert other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
        after = file.read_bytes()
        reader.execute("SELECT count(*) FROM items").fetchone()  # keeps the log when the other one closes
        with other:
            other.execute("UPDATE meta SET value = value || ' '")
        new = log.read_bytes()[:32]
    assert new != old[:32]
    length = {"new": 32, "torn": 16, "new with torn salts": 20, "zeros": 32}[head]
    file.write_bytes(after if written_back else before)
    log.write_bytes((bytes(32) if head == "zeros" else new[:length]) + old[length:] + bytes(2 * 4120))
    Path(f"{file}-shm").unlink(missing_ok=True)
    with KnowledgeBase.open(tmp_path) as base:
        report = base.verify()
        assert (len(base.list()) == 4) == written_back
        assert (report.clean and not report.notes) == written_back


class Writer:
    """A log that SQLite writes at random: changes, some taken back after they were written in part, and checkpoints."""

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir()
        self.file, self.chance, self.changes = folder / "file", random.Random(seed), 0
        self.sqlite = sqlite3.connect(self.file, isolation_level=None)
        self.page = self.chance.choice([512, 1024, 4096])
        for statement in (
            f"PRAGMA page_size = {self.page}", "CREATE TABLE t (x)", "PRAGMA journal_mode = WAL",
            "PRAGMA cache_size = 3", "PRAGMA wal_autocheckpoint = 0",
        ):  # fmt: skip
            self.sqlite.execute(statement)

    def change(self, size: int | None = None) -> None:
        size = size or self.chance.choice([10, 3000, 9000])
        self.sqlite.execute(f"INSERT INTO t VALUES (randomblob({size}))")
        self.changes += 1

    def take_back(self) -> None:
        rows = f"WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < {self.chance.randint(1, 30)})"
        for statement in ("BEGIN", f"{rows} INSERT INTO t SELECT randomblob(2000) FROM r", "ROLLBACK"):
            self.sqlite.execute(statement)

    def write_back(self) -> None:
        assert self.sqlite.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.chance.choice([self.change, self.change, self.take_back, self.write_back])()

    def disk(self) -> tuple[bytes, bytes]:
        """The file and the log, as a process that is killed now leaves them."""
        return self.file.read_bytes(), Path(f"{self.file}-wal").read_bytes()

    def without_a_frame(self) -> tuple[bytes, bytes]:
        """After a power cut in the last change, of which its end was on the disk already and another frame was not."""
        file, log = self.disk()
        step = self.page + 24
        ours = [at for at in range(32, len(log), step) if log[at + 8 : at + 16] == log[16:24]]
        last = max(at for at in ours if any(log[at + 4 : at + 8]))
        return file, log[: last - step] + bytes(step) + log[last:]


def recovered(folder: Path, disk: tuple[bytes, bytes], *statements: str) -> list[Any]:
    """How many changes SQLite finds, how many are said to be lost, and what is on the disk after each of the statements."""
    folder.mkdir(exist_ok=True)
    file, files = folder / "file", OpenFiles()
    for suffix, data in zip(("", "-wal"), disk, strict=True):
        Path(f"{file}{suffix}").write_bytes(data)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        (found,) = other.execute("SELECT count(*) FROM t").fetchone()
        lost = identity._behind(file, files)
        disks = []
        for statement in statements:
            other.execute(statement).fetchall()
            disks.append((file.read_bytes(), Path(f"{file}-wal").read_bytes()))
    files.close()
    return [found, lost, *disks]


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_lost_of_any_log_that_sqlite_wrote_until_its_process_was_killed(
    tmp_path: Path, seed: int
) -> None:
    writer = Writer(tmp_path / "a", seed)
    for _ in range(8):
        writer.run(1)
        assert recovered(tmp_path / "b", writer.disk()) == [writer.changes, 0]
        file, log = writer.disk()
        cut = writer.chance.randrange(len(log) + 1)
        with suppress(sqlite3.DatabaseError):  # what was written back may need the rest
            assert recovered(tmp_path / "b", (file, log[:cut]))[1] <= 1
    # Power fails when the head of a new log is on the disk, or a part of it, and none of its frames.
    writer.take_back()
    writer.write_back()
    file, old = writer.disk()
    held = writer.changes
    writer.change()
    for torn in (0, 16, 20, 32):
        mixed = file, writer.disk()[1][:torn] + old[torn:]
        assert recovered(tmp_path / "b", mixed) == [held, 0]


@pytest.mark.parametrize("seed", range(12))
def test_a_change_that_was_never_finished_is_never_two(tmp_path: Path, seed: int) -> None:
    """What it left in the log stays behind the changes that follow, and is of a time before them."""
    writer = Writer(tmp_path / "a", seed)
    writer.run(4)
    writer.change()
    writer.change(20_000)  # more than one page
    torn = writer.without_a_frame()
    found, lost, after = recovered(tmp_path / "b", torn, "INSERT INTO t VALUES ('short')")
    assert (found, lost) == (writer.changes - 1, 1)
    found, lost, (file, old), (_, new) = recovered(
        tmp_path / "b", after, "PRAGMA wal_checkpoint(RESTART)", "INSERT INTO t VALUES ('more')"
    )
    assert (found, lost <= 1, new[:32] != old[:32]) == (writer.changes, True, True)
    for length in (16, 32):
        assert recovered(tmp_path / "b", (file, new[:length] + old[length:])) == [writer.changes, 0]


@pytest.mark.parametrize("seed", range(12))
def test_every_change_behind_a_flipped_bit_is_said_to_be_lost(tmp_path: Path, seed: int) -> None:
    writer = Writer(tmp_path / "a", seed)
    for _ in range(5):
        writer.change()
    file, log = writer.disk()
    for _ in range(10):
        damaged = bytearray(log)
        at = writer.chance.randrange(32, len(log))
        damaged[at] ^= 1 << writer.chance.randrange(8)
        found, lost = recovered(tmp_path / "b", (file, bytes(damaged)))
        assert found < 5
        # Whether a frame ends a change, and is of this log, is said by itself.
        in_head = (at - 32) % (writer.page + 24) < 16
        assert lost == 5 - found or (in_head and lost >= 4 - found)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.8, 0.97])
def test_a_bit_that_flipped_in_such_a_log_is_reported(
    tmp_path: Path, share: float, caplog: pytest.LogCaptureFixture
) -> None:
    log = killed(tmp_path, 4)
    data = bytearray(log.read_bytes())
    data[int(share * len(data))] ^= 8
    log.write_bytes(data)
    with KnowledgeBase.open(tmp_path) as base:
        report = base.verify()
        assert len(base.list()) < 4
        assert [line for line in (*report.problems, *report.notes) if line.startswith("log: ")]
        assert "log: " in caplog.text


def test_a_long_lived_reader_sees_a_backup_that_was_put_back(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path / "a", embedding="hash") as base:
        base.teach(STATEMENT)
        base.backup(tmp_path / "backup")
        base.teach("Taught after the backup.")
        assert len(base.list()) == 2
        KnowledgeBase.restore_backup(tmp_path / "backup", tmp_path / "b")
        os.replace(file_of(tmp_path / "b"), file_of(tmp_path / "a"))
        for suffix in ("-wal", "-shm"):
            Path(f"{file_of(tmp_path / 'a')}{suffix}").unlink()
        assert [item.text for item in base.list()] == [STATEMENT]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's table of locks is read from /proc")
def test_looking_into_the_files_keeps_sqlites_locks(tmp_path: Path) -> None:
    base = KnowledgeBase.open(tmp_path, embedding="hash")
    base.teach(STATEMENT)
    numbers = {str(os.stat(f"{file_of(tmp_path)}{suffix}").st_ino) for suffix in ("", "-shm")}

    def locks() -> list[list[str]]:
        lines = [line.split()[1:] for line in Path("/proc/locks").read_text().splitlines()]
        mine = [line for line in lines if line[3] == str(os.getpid())]
        return [line for line in mine if line[4].rpartition(":")[2] in numbers]

    before = locks()
    assert before
    again = KnowledgeBase.open(tmp_path)
    again.teach("Another statement.")
    again.close()
    base.purge(base.list()[0].id)
    assert locks() == before
    base.close()


def test_blocks_of_a_file_overlap_and_hold_all_of_it(tmp_path: Path) -> None:
    file, files = tmp_path / "file", OpenFiles()
    assert list(files.blocks(file, 10, 3)) == []
    for size in range(40):
        file.write_bytes(bytes(range(size)))
        blocks = list(files.blocks(file, 10, 3))
        assert b"".join([blocks[0], *(block[3:] for block in blocks[1:])] if blocks else []) == bytes(
            range(size)
        )
    files.close()
