"""The tables of a run of the data engine, the same on SQLite and PostgreSQL, and the store that opens them.

A run keeps every call of a model and its fate, every question that came up with what became of it, every pair with its
evidence, and what reviewers said of it. Nothing is deleted: what is dropped keeps its row and the reason.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from yukawa.core.errors import InputError, check_installed, not_a
from yukawa.core.processes import lock
from yukawa.knowledge.store import identity
from yukawa.knowledge.store.database import new_engine, worded
from yukawa.knowledge.store.schema import number, refers, row_id, text

FILE = "work.db"
ACCEPTED = ("accepted", "edited")  # states of the pairs that are taken further
_LOCK = ".lock"
metadata = sa.MetaData()

# A call is written `queued` before it is sent. `done`: the reply fits its schema. `refused`: a reply came that cannot be used.
# `failed`: none came. Its key is the hash of all that decides the reply.
calls = sa.Table(
    "calls", metadata, row_id(), text("key", unique=True), text("role"), text("model"), text("prompt_sha256"),
    number("attempt", sa.Integer), number("sent", sa.Integer), text("state", index=True), text("text", sa.Text),
    text("finish_reason", null=True), number("prompt_tokens", sa.Integer), number("completion_tokens", sa.Integer),
    sa.Column("seconds", sa.Float, nullable=False), text("error", sa.Text),
)  # fmt: skip

# A question that came up. States: open, picked, answered, unanswerable, rejected, duplicate, off-topic; see `fission`.
candidates = sa.Table(
    "candidates", metadata, row_id(), text("question", sa.Text), text("domain"), text("seed"), text("frame"),
    number("parent_id", null=True), number("depth", sa.Integer), number("topic"),
    text("state", index=True), text("reason", sa.Text), number("duplicate_of", null=True), number("round", null=True),
    number("place", sa.Integer, null=True),
    sa.Column("support", sa.Float, nullable=False), sa.Column("novelty", sa.Float, nullable=True),
    sa.Column("about", sa.JSON, nullable=False), sa.Column("raised", sa.JSON, nullable=True),
)  # fmt: skip

# An answered question. States: accepted, edited, rejected.
pairs = sa.Table(
    "pairs", metadata, row_id(), refers("candidate_id", "candidates", sa.BigInteger, unique=True), text("question", sa.Text),
    text("answer", sa.Text), text("domain"), text("model"), number("call_id", null=True), sa.Column("support", sa.Float, nullable=False),
    text("state", index=True), text("reason", sa.Text), number("revision", sa.Integer),
)  # fmt: skip

# What a sentence of an answer rests on: `quote` is the text of the source from `start` to `end`.
evidence = sa.Table(
    "evidence", metadata, row_id(), refers("pair_id", "pairs", sa.BigInteger, index=True), number("sentence", sa.Integer),
    text("source_id"),
    text("label"), text("url", null=True), text("licence", null=True), number("start", sa.Integer), number("end", sa.Integer),
    text("quote", sa.Text), text("sha256"),
)  # fmt: skip

# What reviewers decided; nothing is ever changed here. `before` and `after` of an edit make a preference.
reviews = sa.Table(
    "reviews", metadata, row_id(), refers("pair_id", "pairs", sa.BigInteger, index=True), number("revision", sa.Integer), text("reviewer"),
    text("verdict"), text("before", sa.Text), text("after", sa.Text), text("reason", sa.Text), sa.Column("at", sa.Float, nullable=False),
)  # fmt: skip

# Who has a pair before him, until when. A pair has as many slots as reviewers are to see it.
claims = sa.Table(
    "claims", metadata, row_id(), refers("pair_id", "pairs", sa.BigInteger), number("slot", sa.Integer), text("reviewer"),
    sa.Column("until", sa.Float, nullable=False), text("state"),
    sa.UniqueConstraint("pair_id", "slot"), sa.UniqueConstraint("pair_id", "reviewer"),
)  # fmt: skip

notes = sa.Table(
    "notes", metadata, text("key", primary_key=True), sa.Column("value", sa.JSON, nullable=False)
)


class WorkStore:
    """The database of a run: `work.db` in its folder, or a schema of its own in a PostgreSQL database.

    Args:
        folder: of the run.
        url: `postgresql://…` for a run whose workers are on several machines; None keeps it in the folder.
        new: whether to make the tables if there are none.

    Raises:
        NotFound: the folder holds no such database and `new` is false.
        InputError: the URL is of another kind of database.
        StoreError: the database cannot be opened.
    """

    def __init__(self, folder: Path, url: str | None = None, *, new: bool = False) -> None:
        self.folder = Path(folder)
        self._files = identity.OpenFiles()
        self.name = str(self.folder / FILE) if url is None else "on the server"
        if url is None:
            if not new and not (self.folder / FILE).exists():
                raise not_a("run of the data engine", folder, FILE)
            with worded(self.name, "the run"):
                self.folder.mkdir(parents=True, exist_ok=True)
            location = sa.URL.create("sqlite", database=str(self.folder.absolute() / FILE))
            self.engine = new_engine(location, self._files)
        else:
            self.engine = _on_server(url, self.folder)
        with worded(self.name, "the run"), self._begin() as connection:
            metadata.create_all(connection)

    @property
    def is_postgres(self) -> bool:
        """Whether the run is kept on a server."""
        return self.engine.dialect.name == "postgresql"

    @contextlib.contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        with self.engine.connect() as connection:
            connection = connection.execution_options(begin="IMMEDIATE")
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction, durable when it returns without an error.

        Raises:
            StoreError: it failed; nothing of it is kept.
        """
        with worded(self.name, "the run"), self._begin() as connection:
            yield connection

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view."""
        with worded(self.name, "the run"), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from working on the same run meanwhile; reviewers need no such lock.

        Raises:
            InputError: another process works on it.
        """
        with open(self.folder / _LOCK, "ab") as handle:
            if not lock(handle):
                raise InputError(f"another process works on {self.folder}", hint="wait for it, or stop it")
            yield

    def note(self, key: str, default: Any = None) -> Any:
        """A value that was kept by `keep`."""
        with self.read() as connection:
            found = connection.execute(sa.select(notes.c.value).where(notes.c.key == key)).scalar()
        return default if found is None else found

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self._files.close()


def keep(connection: sa.Connection, key: str, value: Any) -> None:
    """Keep a value under a name, in place of an older one."""
    connection.execute(sa.delete(notes).where(notes.c.key == key))
    connection.execute(sa.insert(notes).values(key=key, value=value))


def _on_server(url: str, folder: Path) -> sa.Engine:
    """The engine of a run on a server, in a schema named after its folder."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() != "postgresql":
        raise InputError(f"{url!r} is not a PostgreSQL database", hint="type postgresql://USER@HOST/NAME")
    check_installed("psycopg", "a run on PostgreSQL")
    schema = "".join(c if c.isalnum() else "_" for c in f"yukawa_{folder.resolve().name}".lower())[:60]
    engine = new_engine(parsed.set(drivername="postgresql+psycopg"), None)
    with worded("on the server", "the run"), engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    return engine.execution_options(schema_translate_map={None: schema})
