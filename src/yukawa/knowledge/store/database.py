"""Opens a database, gives read and write transactions, brings the schema up to date, and explains its failures."""

import contextlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from yukawa.core.addresses import check_database_address, shown_address
from yukawa.core.errors import InputError, StoreError, check_installed, pip_install
from yukawa.core.files import check_path_name, expanded, make_folder, sync
from yukawa.knowledge.store import identity
from yukawa.knowledge.store.places import Elsewhere, Scratch, with_companions

HEAD = "0006"  # the newest Alembic revision this code knows
BUSY_SECONDS = 60
CONNECT_SECONDS = 5
# One writer at a time on PostgreSQL too: the ledger is one chain. The number is arbitrary and fixed.
ADVISORY_LOCK = 0x59756B61
EMPTY_LOG = "PRAGMA wal_checkpoint(TRUNCATE)"
"""Of SQLite; its row begins with 1 where others hinder it."""
_FILES, _BASE = "files", "the knowledge base"
_PERMISSIONS = "check the permissions of the file and its folder"
log = logging.getLogger(__name__)


class Store:
    """A database holding one knowledge base.

    Args:
        url: a folder, `sqlite:///FILE` or `postgresql://…`.

    Attributes:
        elsewhere: other places with text of the base, which an erasure and a check walk too; whoever knows them adds them.
        lost: changes that the log held when it was opened, and that could not be read.

    Raises:
        InputError: the URL is of no known kind.
        StoreError: the database cannot be opened, or was made by a newer version.
    """

    def __init__(self, url: str | Path) -> None:
        self.url, self.folder = _resolve(str(url))
        self.is_postgres = self.url.get_backend_name() == "postgresql"
        self.open_files = identity.OpenFiles()
        self.scratch = Scratch.of(self.file, self.name)
        self.elsewhere: list[Elsewhere] = []
        if self.file is not None:
            self._ensure_file(self.file)
        self.readonly = self.file is not None and not _can_be_written(self.file)
        if self.readonly:  # copies of it need a place too
            self.scratch = Scratch.of(None, self.name)
        self.engine = new_engine(self.url, None if self.readonly else self.open_files)
        self._ensure_schema()
        self.lost = self._lost_changes()

    @cached_property
    def file(self) -> Path | None:
        """The SQLite file, or None on a server."""
        return None if self.is_postgres else Path(str(self.url.database))

    @property
    def index_file(self) -> Path | None:
        """Where the copy of the search index lies, or None on a server."""
        return self.file and self.file.with_suffix(".index")

    @cached_property
    def name(self) -> str:
        """How error messages call this base; never with a password."""
        return (
            str(self.file)
            if self.file
            else self.url.set(drivername="postgresql", query={}).render_as_string()
        )

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent view of the base; of a file put in the place of the one opened, if there is such a file now."""
        with worded(self.name), self._connected() as connection:
            if self.is_postgres:  # its default shows each statement what others have changed meanwhile
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that waits for its turn, and is durable when it returns without an error.

        Raises:
            StoreError: it failed, its files were deleted, replaced, cut short or written over meanwhile, or a newer
                version of this program has changed its tables.
        """
        if self.readonly:
            raise _store_error(self.name, "readonly")
        with worded(self.name), self._connected() as connection:
            connection = connection.execution_options(begin="IMMEDIATE")
            with connection.begin():
                if self.is_postgres:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))
                self.check_files(connection)
                refuse_newer(f"the knowledge base {self.name}", _revision(connection) or "")
                yield connection
            self.check_files(connection)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        connection = self.engine.connect()
        watch = connection.info.get(_FILES)
        if watch is not None and watch.is_superseded():  # a backup was put back: that is the base now
            connection.close()
            self.engine.dispose()
            connection = self.engine.connect()
        with connection:
            yield connection

    def check_files(self, connection: sa.Connection) -> None:
        """Refuse a base whose files are not those that were opened.

        Raises:
            StoreError: one was deleted, replaced, cut short or written over.
        """
        if watch := connection.info.get(_FILES):
            watch.check()

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()
        self.open_files.close()

    def _ensure_file(self, file: Path) -> None:
        """Make a new base if there is no file; refuse one that is not a base of ours.

        A new one is made under another name and linked in its place, so that no other process ever sees a base without
        tables, and an empty file is a damaged one.
        """
        with worded(str(file)):
            make_folder(file.parent)
            if not file.exists():
                identity.check_log_has_base(file)
                with self.scratch.database() as beside:
                    _make(beside)
                    _begin_with(beside, file)
                    sync(file.parent, deep=False)
            identity.check_header(file, self.open_files)

    def _lost_changes(self) -> int:
        """How many changes the log held when it was opened that could not be read; they are reported."""
        if self.file is None or self.readonly:
            return 0
        if lost := identity.lost_changes(self.file, self.open_files):
            log.warning("%s", identity.loss(lost))
        return lost

    def _ensure_schema(self) -> None:
        with self.read() as connection:
            found = _revision(connection)
        if found == HEAD:
            return
        if found is None and self.file is not None:
            raise StoreError(
                f"{self.name} is not a knowledge base: it has other tables", hint="name another folder"
            )
        if found is not None:
            refuse_newer(f"the knowledge base {self.name}", found)
        with self.write() as connection:  # a second process waits here and then finds the work done
            if _revision(connection) != HEAD:
                _migrate(connection)


def own_places(url: str | Path) -> list[Path]:
    """Where the files of the base at `url` lie, or come to lie while it is used; none of a server's base.

    Raises:
        InputError: the URL is of no known kind.
    """
    if str(url).startswith("postgres"):
        return []
    where, folder = _resolve(str(url))
    file = Path(str(where.database))
    # And all of its folder, unless that is one in which somebody works.
    alone = folder is not None and "://" not in str(url) and not Path.cwd().is_relative_to(folder)
    return [*([folder] if folder and alone else []), *own_files(file)]


def own_files(file: Path) -> list[Path]:
    """The names of all that a base's file has beside it, at times or always."""
    return [*with_companions(file), file.with_suffix(".index"), file.with_suffix(".scratch")]


def _begin_with(made: Path, file: Path) -> None:
    """Let `file` be the new base that was made, unless another process was quicker."""
    try:
        os.link(made, file)
    except FileExistsError:
        return
    except OSError:  # a file system without links
        if not file.exists():
            os.replace(made, file)


def _make(file: Path) -> None:
    """A base without items in a new file, which needs no other file."""
    open_files = identity.OpenFiles()
    engine = new_engine(sa.URL.create("sqlite", database=str(file)), open_files)
    with engine.connect().execution_options(begin="IMMEDIATE") as connection, connection.begin():
        _migrate(connection)
    engine.dispose()
    open_files.close()
    empty_log(file)
    sync(file)


def empty_log(file: Path) -> None:
    """Write the log of a new file into it. The last to close a file does so too, and says nothing where the disk is full.

    Raises:
        sqlite3.Error: the disk refuses.
    """
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(EMPTY_LOG)


def fetch(connection: sa.Connection, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """The rows of a plain statement, with `?` for each parameter, by the driver itself.

    For the few statements of every search: SQLAlchemy's layers take several times as long as these queries, most of
    all right after an embedding, which empties the processor's caches.
    """
    if connection.dialect.name != "sqlite":
        statement = statement.replace("?", "%s")
    with contextlib.closing(connection.connection.cursor()) as cursor:
        try:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
        except connection.dialect.loaded_dbapi.Error as error:
            raise sa.exc.DBAPIError(statement, parameters, error) from error


def outside_transactions(engine: sa.Engine, *statements: str) -> list[Any]:
    """Run statements that no transaction may hold, such as VACUUM; returns the rows of the last one, if it gives any.

    Raises:
        sqlalchemy.exc.DBAPIError, sqlite3.Error: one fails.
    """
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        return []
    plain = engine.raw_connection()  # SQLAlchemy would begin a transaction
    try:
        rows: list[list[Any]] = [plain.cursor().execute(statement).fetchall() for statement in statements]
        return rows[-1]
    finally:
        plain.close()


def refuse_newer(what: str, found: str) -> None:
    """Refuse what a later version of this program made with schema `found`.

    Raises:
        StoreError: the schema is newer than the one that this version knows.
    """
    if found > HEAD:
        raise StoreError(
            f"{what} was made by a newer Yukawa (schema {found}, this one knows {HEAD})",
            hint=f"type in the clone of Yukawa: git pull && {pip_install('.')}",
        )


def _resolve(url: str) -> tuple[sa.URL, Path | None]:
    """The URL of a base and its folder (None on a server), from a folder or a database URL.

    Raises:
        InputError: it is a file, a YUKAWA_HOME, in memory, or of a database that is not supported.
        MissingPackage: PostgreSQL needs a package that is not installed.
    """
    check_path_name(url)
    check_database_address(url)
    if "://" not in url:
        folder = expanded(url).absolute()
        if os.path.isfile(folder):
            raise InputError(f"{url} is a file", hint=f"name a folder, or type sqlite:///{folder}")
        if os.path.isdir(folder / "knowledge") and not os.path.exists(folder / "knowledge.sqlite"):
            raise InputError(
                f"{url} is not a knowledge base but a YUKAWA_HOME that holds one",
                hint=f"type {str(folder / 'knowledge')!r}, or yukawa.knowledge.open_base() for your own",
            )
        return sa.URL.create("sqlite", database=str(folder / "knowledge.sqlite")), folder
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # the latter of a port that is not a number
        raise InputError(
            f"{shown_address(url)!r} is not a database URL",
            hint="a folder, sqlite:///FILE or postgresql://USER@HOST/NAME",
        ) from None
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise InputError("a knowledge base needs a file", hint="type sqlite:///FILE")
        if parsed.host or parsed.username:
            raise InputError("a SQLite base is on no server", hint="type sqlite:///FILE, with three slashes")
        file = expanded(parsed.database).absolute()
        return parsed.set(drivername="sqlite", database=str(file)), file.parent
    if parsed.get_backend_name() in {"postgresql", "postgres"}:
        for package in ("psycopg", "pgvector"):
            check_installed(package, "a PostgreSQL knowledge base")
        return parsed.set(drivername="postgresql+psycopg"), None
    raise InputError(
        f"no knowledge base can be kept in {parsed.get_backend_name()!r}",
        hint="allowed: a folder, sqlite:///FILE, postgresql://USER@HOST/NAME",
    )


def from_json(written: Any) -> Any:
    """What a value of a JSON column says.

    Raises:
        StoreError: it is not JSON.
    """
    if isinstance(written, int | float):  # SQLite keeps the text of a number as a number
        return written
    try:
        return json.loads(written)
    except (TypeError, ValueError):
        raise damaged("a value is not JSON") from None


def damaged(what: str) -> StoreError:
    """The error for a row that is not as we write rows, met while a base is used."""
    return StoreError(f"the knowledge base is damaged: {what}", hint="type: yukawa knowledge verify")


def _can_be_written(file: Path) -> bool:
    """Whether this user may write the file, and in its folder, where SQLite keeps its log."""
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def new_engine(url: sa.URL, watched: identity.OpenFiles | None) -> sa.Engine:
    """The engine of a base, whose connections begin their transactions themselves and write every commit to the disk.

    Args:
        url: of the base.
        watched: reads the files that are written; None of a file that is only read.
    """
    if url.get_backend_name() == "postgresql":
        patience = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
        return sa.create_engine(url, pool_pre_ping=True, connect_args=patience, json_deserializer=from_json)
    file = Path(str(url.database))
    engine = sa.create_engine(
        url,
        creator=lambda: _connect(file, readonly=watched is None),
        json_deserializer=from_json,
        pool_reset_on_return=None,  # `read` and `write` end every transaction themselves
    )

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, record: Any) -> None:
        # The driver's own transaction handling would delay BEGIN; we begin ourselves below.
        connection.isolation_level = None
        if watched is None:
            return
        _write_ahead(connection)
        record.info[_FILES] = identity.Watch(file, watched)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        fetch(connection, f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")

    return engine


def _connect(file: Path, *, readonly: bool) -> sqlite3.Connection:
    """A connection to a file that exists; one that cannot be written is read as it is if it has no write-ahead log beside it."""
    log = Path(f"{file}-wal")
    still = readonly and not (log.exists() and log.stat().st_size)
    how = "immutable=1" if still else f"mode={'ro' if readonly else 'rwc'}"
    return sqlite3.connect(f"{file.as_uri()}?{how}", uri=True, timeout=BUSY_SECONDS, check_same_thread=False)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Set the journal to WAL; SQLite does not wait for its turn here when several open a new file at once."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # the low byte, whatever the detail
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(sa.text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def _migrate(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@contextlib.contextmanager
def worded(name: str, what: str = _BASE) -> Iterator[None]:
    """Turn a driver's failure into one line that says what happened to `what` and what to do.

    Raises:
        StoreError: the driver failed. InputError: what was given to it is not text.
    """
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DBAPIError as error:
        raise _store_error(name, str(error.orig), what) from error
    except sqlite3.Error as error:
        raise _store_error(name, str(error), what) from error
    except UnicodeEncodeError:
        raise InputError(
            "what is looked for or kept is not text: it holds half of a character (a lone surrogate)"
        ) from None
    except UnicodeDecodeError as error:  # the message of SQLite quotes the damage
        raise _store_error(name, "malformed", what) from error
    except OSError as error:
        raise _store_error(name, os.strerror(error.errno or 0), what) from error


def _store_error(name: str, cause: str, whose: str = _BASE) -> StoreError:
    """The error of a database in our words, with what to do about it."""
    lowered = cause.lower()
    known = {
        "readonly": ("cannot be written: it is read-only", _PERMISSIONS),
        "permission": ("cannot be opened: permission denied", _PERMISSIONS),
        "read-only": ("cannot be written: the disk is read-only", "choose another YUKAWA_HOME"),
        "unable to open": ("cannot be opened", "check that the folder exists and can be written"),
        "no space": (
            "cannot be written: the disk is full",
            "free some space and repeat; nothing was changed",
        ),
        "full": ("cannot be written: the disk is full", "free some space and repeat; nothing was changed"),
        "disk i/o": ("cannot be written: the disk gave an error", "check its space; nothing was changed"),
        "locked": (f"is locked by another process for over {BUSY_SECONDS} s", "repeat when it has finished"),
        "not a database": ("is not one of ours", "name another folder or restore a backup"),
        "malformed": ("is damaged", "type: yukawa knowledge restore-backup FILE"),
        "fatal:  database": ("does not exist", "make it with: createdb NAME"),
        "authentication failed": ("refused the user or the password", "check both in the URL"),
        'extension "vector"': ("lacks pgvector", "install pgvector 0.8 or newer on the server"),
        "resolve host": ("cannot be reached: its host is unknown", "check the URL"),
        "connection": ("cannot be reached", "check that the server runs and the URL is right"),
    }
    for word, (what, hint) in known.items():
        if word in lowered:  # other databases of ours have no backups
            return StoreError(
                f"{whose} {name} {what}", hint="" if whose != _BASE and "restore" in hint else hint
            )
    return StoreError(f"{whose} {name} failed: {cause.splitlines()[0] if cause else 'no reason given'}")
