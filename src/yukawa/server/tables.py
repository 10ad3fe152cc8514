"""The server's own tables: keys, sessions, conversations, requests that may be repeated, and a chain of what was done.

They lie in `server.db` in the home folder, or in the schema `server` of the base's PostgreSQL.
"""

import contextlib
import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from yukawa.core.errors import StoreError
from yukawa.knowledge.store.database import EMPTY_LOG, Store, new_engine, outside_transactions, worded
from yukawa.knowledge.store.identity import OpenFiles
from yukawa.knowledge.store.places import with_companions

SCHEMA, FILE = "server", "server.db"
VERSION = 1
GENESIS = "0" * 64
_WHAT = "the server's database"
_DAY = 24 * 3600 * 10**6
_LOCK = 0x59756B62  # of PostgreSQL: one writer at a time, for the chain

metadata = sa.MetaData(schema=SCHEMA)
keys = sa.Table(
    "keys", metadata,
    sa.Column("id", sa.String, primary_key=True), sa.Column("name", sa.String, nullable=False, index=True),
    sa.Column("role", sa.String, nullable=False), sa.Column("hash", sa.String, nullable=False, unique=True),
    sa.Column("prefix", sa.String, nullable=False), sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.BigInteger), sa.Column("last_used", sa.BigInteger), sa.Column("revoked", sa.BigInteger),
)  # fmt: skip
sessions = sa.Table(
    "sessions", metadata,
    sa.Column("hash", sa.String, primary_key=True), sa.Column("key_id", sa.String), sa.Column("csrf", sa.String, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False), sa.Column("expires", sa.BigInteger, nullable=False),
)  # fmt: skip
chats = sa.Table(
    "chats", metadata,
    sa.Column("id", sa.String, primary_key=True), sa.Column("owner", sa.String, nullable=False, index=True),
    sa.Column("title", sa.String, nullable=False), sa.Column("created", sa.BigInteger, nullable=False),
)  # fmt: skip
turns = sa.Table(
    "turns", metadata,
    sa.Column("chat_id", sa.String, primary_key=True), sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("question", sa.String, nullable=False), sa.Column("answer_id", sa.String, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)  # fmt: skip
idempotency = sa.Table(
    "idempotency", metadata,
    sa.Column("owner", sa.String, primary_key=True), sa.Column("key", sa.String, primary_key=True),
    sa.Column("request", sa.String, nullable=False), sa.Column("holder", sa.String, nullable=False),
    sa.Column("status", sa.Integer), sa.Column("body", sa.LargeBinary), sa.Column("at", sa.BigInteger, nullable=False),
)  # fmt: skip
audit = sa.Table(
    "audit", metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False), sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String, nullable=False), sa.Column("verb", sa.String, nullable=False),
    sa.Column("target", sa.String, nullable=False), sa.Column("hash", sa.String, nullable=False),
)  # fmt: skip
# The hash of the ledger's last erasure that was followed here (see `forgetting`).
forgotten = sa.Table("forgotten", metadata, sa.Column("hash", sa.String, primary_key=True))
about = sa.Table("about", metadata, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))


def now() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


def digest(text: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


class ServerTables:
    """The tables of the server of one installation.

    Args:
        store: of the knowledge base; its database holds the tables if it is a PostgreSQL server.
        home: the folder for `server.db` otherwise.

    Raises:
        StoreError: the file cannot be opened, or a newer version of this program made it.
    """

    def __init__(self, store: Store, home: Path) -> None:
        self._on_server = store.is_postgres
        self._files, self._name = OpenFiles(), store.name if self._on_server else str(home / FILE)
        self._engine = store.engine if self._on_server else _own_engine(home / FILE, self._files)
        self._ensure()

    def _ensure(self) -> None:
        with self.write() as connection:
            if self._on_server:
                connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            metadata.create_all(connection)
            found = connection.execute(sa.select(about.c.version)).scalar()
            if found is None:
                connection.execute(sa.insert(about), {"version": VERSION})
            elif found > VERSION:
                raise StoreError(f"the server's tables were made by a newer Yukawa (version {found})")

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads."""
        with self._begun("DEFERRED") as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that waits for its turn and is durable when it ends."""
        with self._begun("IMMEDIATE") as connection:
            if self._on_server:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            yield connection

    @contextlib.contextmanager
    def _begun(self, how: str) -> Iterator[sa.Connection]:
        names = {SCHEMA: SCHEMA if self._on_server else None}
        with worded(self._name, _WHAT), self._engine.connect() as connection:
            connection = connection.execution_options(schema_translate_map=names, begin=how)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Give the connections back; those of a PostgreSQL server are the base's."""
        if not self._on_server:
            self._engine.dispose()
            self._files.close()

    def texts(self) -> Iterator[str]:
        """All that the tables say."""
        with self.read() as connection:
            for table in metadata.sorted_tables:
                said = [c for c in table.c if isinstance(c.type, sa.String | sa.LargeBinary)]
                for row in connection.execute(sa.select(*said)) if said else ():
                    yield from (v.decode(errors="replace") if isinstance(v, bytes) else v for v in row if v)

    def answers(self) -> set[str]:
        """The answers to questions of all conversations, but for those that were erased."""
        with self.read() as connection:
            query = sa.select(turns.c.answer_id).where(turns.c.question != "")
            return set(connection.execute(query).scalars())

    def followed(self) -> str | None:
        """The hash of the last erasure in the ledger that was followed here."""
        with self.read() as connection:
            return connection.execute(sa.select(forgotten.c.hash)).scalar()

    def follow(self, erasure: str) -> None:
        """Note that the erasure of this hash was followed."""
        with self.write() as connection:
            connection.execute(sa.delete(forgotten))
            connection.execute(sa.insert(forgotten), {"hash": erasure})

    def rewrite(self, some: Sequence[sa.Table]) -> None:
        """Write some tables anew, so that no file of the database holds what was in them; a file is written anew as a whole.

        Raises:
            StoreError: they are in use, or the disk refuses.
        """
        statements = ["VACUUM", EMPTY_LOG]
        if self._on_server:
            statements = [f"VACUUM (FULL, ANALYZE) {SCHEMA}.{table.name}" for table in some]
        with worded(self._name, _WHAT):
            rows = outside_transactions(self._engine, *statements)
        if rows and rows[0][0]:
            raise StoreError(f"{_WHAT} {self._name} cannot be written anew: others read it", hint="repeat")

    # ---- what was done ----------------------------------------------------------------------------

    def note(self, actor: str, verb: str, target: str, connection: sa.Connection | None = None) -> None:
        """Add an entry to the chain, in a transaction of the caller if there is one."""
        if connection is None:
            with self.write() as own:
                self.note(actor, verb, target, own)
            return
        last = connection.execute(
            sa.select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
        ).first()
        seq, previous = (last.seq, last.hash) if last else (0, GENESIS)
        row: dict[str, Any] = {"seq": seq + 1, "at": now(), "actor": actor, "verb": verb, "target": target}
        connection.execute(sa.insert(audit), row | {"hash": _chained(row, previous)})

    def noted(self, limit: int = 200) -> tuple[list[dict[str, Any]], bool]:
        """The newest entries of the chain, newest first, and whether the whole of it is as it was written."""
        with self.read() as connection:
            rows = [
                dict(row) for row in connection.execute(sa.select(audit).order_by(audit.c.seq)).mappings()
            ]
        previous, whole = GENESIS, True
        for number, row in enumerate(rows, start=1):
            whole &= row["seq"] == number and row["hash"] == _chained(row, previous)
            previous = row["hash"]
        return rows[: -limit - 1 : -1], whole

    # ---- requests that are repeated ---------------------------------------------------------------

    def begin_once(self, owner: str, key: str, request: str, stale_s: float) -> tuple[int, bytes] | str:
        """The reply that a request with this key had, or 'begun' where it is the first, 'running' or 'other'.

        A request whose process has died, or that began over `stale_s` seconds ago and has no reply, is begun anew.

        Args:
            owner: who sends it; keys of different people are different.
            key: the client's own.
            request: a digest of route and body: 'other' if the key was used for another one.
        """
        mine = (idempotency.c.owner == owner) & (idempotency.c.key == key)
        with self.write() as connection:
            connection.execute(sa.delete(idempotency).where(idempotency.c.at < now() - _DAY))
            row = connection.execute(sa.select(idempotency).where(mine)).first()
            if row is not None:
                if row.request != request:
                    return "other"
                if row.status is not None:
                    return int(row.status), bytes(row.body)
                if _lives(row.holder) and row.at > now() - stale_s * 1e6:
                    return "running"
                connection.execute(sa.delete(idempotency).where(mine))
            new = {"owner": owner, "key": key, "request": request, "holder": _holder(), "at": now()}
            connection.execute(sa.insert(idempotency), new)
        return "begun"

    def end_once(self, owner: str, key: str, status: int, body: bytes) -> None:
        """Keep the reply to a request; one that failed by no fault of its own may be sent again."""
        mine = (idempotency.c.owner == owner) & (idempotency.c.key == key)
        with self.write() as connection:
            if status >= 500 or status in (408, 429):
                connection.execute(sa.delete(idempotency).where(mine))
            else:
                waiting = mine & idempotency.c.status.is_(None)  # else an erasure came between
                connection.execute(sa.update(idempotency).where(waiting).values(status=status, body=body))

    # ---- conversations ----------------------------------------------------------------------------

    def questions(self, chat_id: str, owner: str) -> list[str] | None:
        """The questions of a conversation, oldest first, without those that were erased; None if `owner` has no such one."""
        with self.read() as connection:
            if (
                connection.execute(
                    sa.select(chats.c.id).where(chats.c.id == chat_id, chats.c.owner == owner)
                ).first()
                is None
            ):
                return None
            query = sa.select(turns.c.question).where(turns.c.chat_id == chat_id).order_by(turns.c.n)
            return [question for question in connection.execute(query).scalars() if question]

    def add_turn(self, chat_id: str, owner: str, question: str, answer_id: str, *, new: bool) -> None:
        """Add a question with its answer to a conversation, which begins with it if it is `new`."""
        with self.write() as connection:
            if new:
                row = {"id": chat_id, "owner": owner, "title": question[:80], "created": now()}
                connection.execute(sa.insert(chats), row)
            last = connection.execute(
                sa.select(sa.func.max(turns.c.n)).where(turns.c.chat_id == chat_id)
            ).scalar()
            turn = {
                "chat_id": chat_id,
                "n": (last or 0) + 1,
                "question": question,
                "answer_id": answer_id,
                "at": now(),
            }
            connection.execute(sa.insert(turns), turn)

    def chats_of(self, owner: str) -> list[dict[str, Any]]:
        """The conversations of a person, newest first."""
        query = sa.select(chats.c.id, chats.c.title, chats.c.created).where(chats.c.owner == owner)
        return self._rows(query.order_by(chats.c.created.desc()).limit(500))

    def turns_of(self, chat_id: str, owner: str) -> list[dict[str, Any]] | None:
        """The turns of a conversation, oldest first; None if `owner` has no such one."""
        if self.questions(chat_id, owner) is None:
            return None
        return self._rows(sa.select(turns).where(turns.c.chat_id == chat_id).order_by(turns.c.n))

    def remove_chat(self, chat_id: str, owner: str) -> bool:
        """Remove a conversation; False if `owner` has no such one."""
        with self.write() as connection:
            gone = connection.execute(
                sa.delete(chats).where(chats.c.id == chat_id, chats.c.owner == owner)
            ).rowcount
            if gone:
                connection.execute(sa.delete(turns).where(turns.c.chat_id == chat_id))
        return bool(gone)

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self.read() as connection:
            found: Sequence[Mapping[str, Any]] = connection.execute(query).mappings().all()  # type: ignore[assignment]
            return [dict(row) for row in found]


def _chained(row: Mapping[str, Any], previous: str) -> str:
    fields = [row[name] for name in ("seq", "at", "actor", "verb", "target")]
    return digest(previous + json.dumps(fields, ensure_ascii=False))


def _holder() -> str:
    """This process, as others can look for it."""
    return f"{socket.gethostname()}/{os.getpid()}"


def _lives(holder: str) -> bool:
    """Whether a process may still be at work; one of another machine is supposed to be."""
    host, _, number = holder.rpartition("/")
    if host != socket.gethostname() or os.name == "nt":
        return True
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # one that was killed is there, without its program, until its parent has looked after it
        os.readlink(f"/proc/{number}/exe")
    except FileNotFoundError:
        return not os.path.isdir("/proc/self")
    except OSError:
        return True
    return True


def own_places(home: Path) -> list[Path]:
    """Where the files of a server's tables lie, or come to lie while it runs."""
    return with_companions(home / FILE)


def _own_engine(file: Path, files: OpenFiles) -> sa.Engine:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)  # whose keys it holds is nobody else's business
    return new_engine(sa.URL.create("sqlite", database=str(file)), files)
