"""Opening a base: migrations, races, and one clear line for each way in which it can fail."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from yukawa.core.errors import InputError, StoreError, YukawaError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store import schema
from yukawa.knowledge.store.database import Store, fetch

NOBODY = 65534
STATEMENT = "The ring is cold."


def _one_line(error: YukawaError) -> str:
    line = str(error)
    assert line
    assert "\n" not in line
    assert "Traceback" not in line
    return line


def _in_child(target: Callable[..., str], *arguments: object) -> str:
    """What `target` returns in a process of its own, whose limits and user it may change."""
    receiving, sending = multiprocessing.Pipe(duplex=False)

    def run() -> None:
        try:
            sending.send(target(*arguments))
        except BaseException as error:  # noqa: BLE001 - whatever it is must reach the test
            sending.send(f"{type(error).__name__}: {error}")

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    sending.close()
    try:
        return str(receiving.recv())
    finally:
        child.join()


# ---- schema -----------------------------------------------------------------------------------------


def test_migrations_make_exactly_the_tables_of_the_code(url: str) -> None:
    store = Store(url)
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        # The partial indexes, which the code does not name (see schema.versions), must exist all the same.
        found = sorted(
            (kind, index.name, index.unique) for kind, index in compare_metadata(context, schema.metadata)
        )
        assert found == [
            ("remove_index", "ix_events_erasures", False), ("remove_index", "uq_versions_current_content", True)
        ]  # fmt: skip
    store.close()


def test_the_ledger_cannot_be_changed_or_cut(base: KnowledgeBase) -> None:
    base.teach(STATEMENT)
    for statement in ("UPDATE events SET actor = 'x'", "DELETE FROM events"):
        with (
            pytest.raises((StoreError, sa.exc.IntegrityError), match="append-only"),
            base.store.write() as connection,
        ):
            connection.execute(sa.text(statement))


def test_a_base_made_by_a_newer_version_is_refused(url: str) -> None:
    with KnowledgeBase.open(url, embedding="hash") as base:
        base.teach(STATEMENT)
        with base.store.write() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '0999'"))
        # One that had it open writes no row as the older version would.
        with pytest.raises(StoreError, match="made by a newer Yukawa"):
            base.teach("The hall is old.")
    with pytest.raises(StoreError, match=r"made by a newer Yukawa \(schema 0999") as caught:
        KnowledgeBase.open(url)
    assert "git pull && " in _one_line(caught.value)


def _open_at(url: str, start: float) -> str:
    time.sleep(max(0.0, start - time.time()))
    with KnowledgeBase.open(url, embedding="hash") as base:
        return base.teach(STATEMENT).id


def test_processes_that_make_a_base_at_the_same_moment_all_succeed(url: str) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("fork")) as pool:
        start = time.time() + 0.3
        ids = list(pool.map(_open_at, [url] * 3, [start] * 3))
    assert len(set(ids)) == 1
    with KnowledgeBase.open(url) as base:
        assert base.embedding == "hash"
        assert len(base.list()) == 1


def test_a_read_is_one_view_while_others_write(
    base: KnowledgeBase, open_again: Callable[[], KnowledgeBase]
) -> None:
    count = sa.select(sa.func.count()).select_from(schema.events)
    base.teach(STATEMENT)
    with base.store.read() as connection:
        before = connection.execute(count).scalar()
        open_again().teach("The ring is warm.")
        assert connection.execute(count).scalar() == before
    with base.store.read() as connection:
        assert connection.execute(count).scalar() == before + 1


def test_a_write_that_fails_leaves_nothing_behind(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.teach(STATEMENT)
    with monkeypatch.context() as patch:
        patch.setattr("yukawa.knowledge.store.ledger.append", lambda *_a, **_k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            base.teach("The ring is warm.")
    assert [i.text for i in base.list()] == [STATEMENT]
    assert base.teach("The ring is warm.").status == "taught"


# ---- addresses --------------------------------------------------------------------------------------


def test_a_base_that_is_closed_keeps_no_file_open(tmp_path: Path) -> None:
    def open_in(folder: Path) -> list[str]:
        links = (Path(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd"))
        return [
            str(link.readlink())
            for link in links
            if link.is_symlink() and str(folder) in str(link.readlink())
        ]

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not list the open files of a process")
    with KnowledgeBase.open(tmp_path / "base", embedding="hash") as base:
        item = base.teach(STATEMENT)
        base.save_index()
        assert base.verify().clean
        assert open_in(tmp_path)
        base.purge(item.id)
    assert open_in(tmp_path) == []


def test_a_home_folder_is_not_taken_for_a_base(tmp_path: Path) -> None:
    KnowledgeBase.open(tmp_path / "knowledge", embedding="hash").close()
    with pytest.raises(
        InputError, match=r"holds one \(type '.*knowledge', or yukawa\.knowledge\.open_base\(\)"
    ):
        KnowledgeBase.open(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["knowledge"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://root@localhost/x", "no knowledge base can be kept in 'mysql'"),
        ("://", "is not a database URL"),
        ("nonsense://", "no knowledge base can be kept in 'nonsense'"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("sqlite://data/base.sqlite", "is on no server"),
        ("sqlite://me:secret@host/base", "is on no server"),
    ],
)
def test_an_address_of_no_known_kind_is_refused(url: str, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        Store(url)
    assert caught.value.hint
    _one_line(caught.value)


def test_a_folder_and_its_file_are_one_base(tmp_path: Path) -> None:
    with KnowledgeBase.open(tmp_path / "new" / "base", embedding="hash") as base:
        base.teach(STATEMENT)
        file = base.store.file
    with KnowledgeBase.open(f"sqlite:///{file}") as base:
        assert len(base.list()) == 1


def test_a_file_where_a_folder_should_be_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(InputError, match="is a file") as caught:
        Store(file)
    assert "sqlite:///" in caught.value.hint
    with pytest.raises(StoreError) as caught_below:
        Store(file / "base")
    _one_line(caught_below.value)
    assert file.read_text() == "mine"


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "knowledge.sqlite"
    file.write_bytes(b"This is a diary, not a database. " * 100)
    before = file.read_bytes()
    with pytest.raises(StoreError, match="is not a knowledge base") as caught:
        Store(tmp_path)
    _one_line(caught.value)
    assert file.read_bytes() == before


def test_a_server_that_cannot_be_reached_is_named_without_its_password() -> None:
    for address in ("127.0.0.1:9", "10.255.255.1:5432", "no-such-host.invalid"):
        began = time.monotonic()
        with pytest.raises(StoreError, match="cannot be reached") as caught:
            Store(f"postgresql://li:secret@{address}/base?connect_timeout=2")
        assert time.monotonic() - began < 10
        assert "secret" not in _one_line(caught.value)


def test_a_database_that_is_not_there_is_named(postgres: Callable[[], str]) -> None:
    with pytest.raises(StoreError, match="does not exist") as caught:
        Store(postgres().replace("/test", "/nosuch"))
    _one_line(caught.value)


# ---- disks ------------------------------------------------------------------------------------------


@pytest.fixture
def taught() -> Iterator[Path]:
    """A folder that every user may enter, with a base that holds one statement and is closed."""
    with tempfile.TemporaryDirectory(prefix="yukawa-") as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "base"
        with KnowledgeBase.open(folder, embedding="hash") as base:
            base.teach(STATEMENT)
        yield folder


def _teach_as_nobody(folder: Path) -> str:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    try:
        with KnowledgeBase.open(folder, embedding="hash") as base:
            base.teach("The ring is warm.")
    except StoreError as error:
        return _one_line(error)
    return "taught"


@pytest.mark.parametrize("folder_mode", [0o555, 0o755])
def test_a_base_that_may_not_be_written_says_so_and_is_unchanged(taught: Path, folder_mode: int) -> None:
    before = (taught / "knowledge.sqlite").read_bytes()
    for path in taught.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    taught.chmod(folder_mode)
    try:
        said = _in_child(_teach_as_nobody, taught)
    finally:
        taught.chmod(0o755)
        for path in taught.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert "cannot be" in said
    assert "check the permissions" in said
    assert (taught / "knowledge.sqlite").read_bytes() == before
    with KnowledgeBase.open(taught) as base:
        assert [i.text for i in base.list()] == [STATEMENT]
        assert base.verify().problems == ()


def _teach_until_refused(folder: Path, limit: Callable[[KnowledgeBase], None]) -> str:
    with KnowledgeBase.open(folder, embedding="hash") as base:
        limit(base)
        for number in range(5000):
            try:
                base.teach(f"Reading {number} is noted. " + "Nothing else happened. " * 40)
            except StoreError as error:
                return f"{number} {_one_line(error)}"
    return "never refused"


def _small_files(_base: KnowledgeBase) -> None:
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))


def _few_pages(base: KnowledgeBase) -> None:
    @sa.event.listens_for(base.store.engine, "checkout")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 120")


@pytest.mark.parametrize("limit", [_small_files, _few_pages])
def test_a_full_disk_is_reported_and_nothing_acknowledged_is_lost(
    taught: Path, limit: Callable[[KnowledgeBase], None]
) -> None:
    said = _in_child(_teach_until_refused, taught, limit)
    number, _, line = said.partition(" ")
    assert "cannot be written: the disk" in line
    assert "nothing was changed" in line
    with KnowledgeBase.open(taught) as base:
        assert len(base.list()) == int(number) + 1
        assert base.verify().problems == ()
        assert base.teach("There is room again.").status == "taught"


def test_a_damaged_base_says_so(taught: Path) -> None:
    file = taught / "knowledge.sqlite"
    data = bytearray(file.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    file.write_bytes(data)
    (taught / "knowledge.index").unlink(missing_ok=True)
    with pytest.raises(StoreError, match=r"is damaged|is not a knowledge base") as caught:
        KnowledgeBase.open(taught)
    _one_line(caught.value)


def _save_and_load(folder: Path, writer: int) -> str:
    for number in range(40):
        with KnowledgeBase.open(folder) as base:
            if number % 4 == 0:
                base.teach(f"Writer {writer} notes reading {number}.")
            base.save_index()
        with KnowledgeBase.open(folder) as base:
            if base.search("cold ring", k=1)[0].text != STATEMENT:
                return "the wrong passage was found"
    return "ok"


@pytest.mark.slow
def test_processes_may_save_and_load_the_index_at_once(taught: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("fork")) as pool:
        assert list(pool.map(_save_and_load, [taught] * 3, range(3))) == ["ok"] * 3
    assert [p.name for p in taught.iterdir() if "index" in p.name] == ["knowledge.index"]
    with KnowledgeBase.open(taught) as base:
        assert base.verify().problems == ()


def _open_all(urls: list[str], begin: float) -> None:
    for number, url in enumerate(urls):
        time.sleep(max(0.0, begin + 0.03 * number - time.time()))
        Store(url).close()


@pytest.mark.slow
def test_processes_that_open_a_new_base_at_once_wait_for_each_other(tmp_path: Path) -> None:
    # SQLite refuses the switch to WAL at once, whatever the busy timeout: without a wait, one in twenty fails.
    urls = [str(tmp_path / str(number)) for number in range(30)]
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_open_all, [[]] * 4, [0.0] * 4))  # all four have started
        begin = time.time() + 0.2
        for job in [pool.submit(_open_all, urls, begin) for _ in range(4)]:
            job.result(timeout=120)


def test_a_plain_statement_that_fails_is_worded_as_any_other(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.read() as connection:
        assert fetch(connection, "SELECT ?, ?", [1, "a"]) == [(1, "a")]
    with pytest.raises(StoreError, match="no such table"), store.read() as connection:
        fetch(connection, "SELECT * FROM nothing_here")
    store.close()


@pytest.mark.parametrize("name", ["\udcff", "a\ud800b"])
def test_what_is_not_text_names_nothing_and_is_refused_in_one_line(base: KnowledgeBase, name: str) -> None:
    base.teach(STATEMENT)
    for ask in (
        lambda: base.show(name), lambda: base.history(name), lambda: base.unload(name), lambda: base.restore(name),
        lambda: base.purge(name), lambda: base.review(name, actor="Marie"), lambda: base.answer(name),
        lambda: base.list(author=name), lambda: base.list(source=name), lambda: base.get_meta(name),
        lambda: base.set_meta(name, "x"), lambda: base.set_meta("x", name), lambda: base.teach("It is.", corrects=name),
        lambda: base.keep_answer(name, "Why?", {}), lambda: base.find_facts(subjects=[name]), lambda: base.search(name),
    ):  # fmt: skip
        try:
            assert not ask()
        except YukawaError as error:
            assert "\n" not in str(error)  # noqa: PT017 -- whether nothing is found or it is refused
    assert base.verify().clean
