"""Carries whole bases: export and import as JSON Lines, backup and restoring of a backup."""

import hashlib
import itertools
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from yukawa.core.errors import InputError, StoreError, YukawaError, unreadable
from yukawa.core.files import (
    check_output,
    make_folder,
    open_file,
    pack_jsonl,
    read_jsonl,
    report_write_errors,
    sync,
)
from yukawa.knowledge.items import NewItem
from yukawa.knowledge.records import Item, check_filters
from yukawa.knowledge.search.serving import Serving, embed_missing, serving_row
from yukawa.knowledge.store import checksums, database, facts, ledger, places, reader, schema, writer
from yukawa.knowledge.store.database import HEAD, Store, _resolve, empty_log, new_engine, refuse_newer, worded
from yukawa.knowledge.store.ledger import table_problems
from yukawa.knowledge.store.places import Scratch
from yukawa.knowledge.store.sealing import check_seal, seal

# In an order in which rows refer to earlier ones only. Vectors, postings and facts can be made from these.
_TABLES = {
    t.name: t
    for t in (
        schema.embedders, schema.meta, schema.items, schema.versions, schema.passages, schema.conflicts,
        schema.events, schema.answers,
    )
}  # fmt: skip
# Notes of one base alone: those for a server's ranking, and of machines and folders.
_OWN = {*schema.SERVERS, schema.CLOCKS, schema.TAKEN}
# Notes of what a base was built from: an imported one is compared with its sources when it is next opened for questions.
_BUILT = {"pdg", "codata"}
_RETIRED = {"claims"}  # tables of older schemas, whose rows say nothing that the others do not
_END = "end"
_ENDS = {"rows", "head", "digest"}
DATED_BEFORE = "0004"  # older schemas had times where this one has numbers of events
SEALED_SINCE = "0005"  # older ledgers have no nonces
_BATCH = 500
# What facts and attributes of other types than ours lead to.
_OTHER_TYPES = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError, sa.exc.StatementError)  # fmt: skip
_RESCUE = "type: yukawa knowledge verify; then erase what is damaged (yukawa knowledge purge ID) or restore an older backup"


class Imported(NamedTuple):
    """How many items an import brought, and how many were there already."""

    taught: int
    known: int


# ---- export ---------------------------------------------------------------------------------------


def export(store: Store, path: str | Path, *, force: bool = False) -> int:
    """Write everything that a base holds as JSON Lines, gzip if the name ends in `.gz`; returns the number of items.

    The first row states the schema, each further one is a row of a table, the last one counts them and names the
    ledger's last hash and the rows' digest. Vectors are omitted: `import_` makes them anew. Equal bases give equal bytes.

    Raises:
        InputError: a file of that name is there and `force` is not given, or it is the base's own.
        StoreError: the base is damaged or the disk refuses; an older file of that name is kept.
    """
    path = Path(path)
    _check_output(store, path, force=force)
    counts = dict.fromkeys(_TABLES, 0)
    with store.read() as connection, store.scratch.beside(path) as beside:
        _check_sound(connection, f"the knowledge base {store.name}", _RESCUE)
        with report_write_errors(path), open(beside, "xb") as handle:
            pack_jsonl(handle, _exported(connection, counts), path)
        with report_write_errors(path):
            seal(beside)
        _put_in_place(beside, path)
    return counts["items"]


def _check_output(store: Store, path: Path, *, force: bool) -> None:
    """Refuse to write over a file unless `force` is given, and over the base's own files at all."""
    own = [] if store.file is None else database.own_files(store.file)
    check_output(path, force=force, own=[*own, *places.files(store)])


def _exported(connection: sa.Connection, counts: dict[str, int]) -> Iterator[dict[str, Any]]:
    digest = _Digest()
    yield digest.of({"yukawa": "knowledge", "schema": HEAD})
    for name, table in _TABLES.items():
        query = sa.select(*_columns(table)).order_by(*(_ordered(c, connection) for c in table.primary_key))
        if table is schema.embedders:
            query = query.where(schema.embedders.c.serving)
        if table is schema.meta:
            query = query.where(schema.meta.c.key.not_in(_OWN))
        for row in connection.execute(query, execution_options={"yield_per": _BATCH}).mappings():
            counts[name] += 1
            yield digest.of({"table": name} | dict(row))
    yield {"table": _END, "rows": counts, "head": ledger.head(connection)[2], "digest": digest.value}


class _Digest:
    """SHA-256 of the rows of an export: the ledger covers neither answers nor notes."""

    def __init__(self) -> None:
        self._made = hashlib.sha256()

    def of(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row, which is taken in."""
        try:
            self._made.update(json.dumps(row, sort_keys=True).encode() + b"\n")
        except RecursionError:
            raise InputError("a row is nested too deeply") from None
        return row

    @property
    def value(self) -> str:
        """In hexadecimal."""
        return self._made.hexdigest()


def _columns(table: sa.Table) -> list[sa.Column[Any]]:
    """The columns exported: an embedder's number means nothing in another base, and checksums are made anew."""
    return [c for c in table.c if c.name != "checksum" and not (table is schema.embedders and c.name == "id")]


def _ordered(column: sa.Column[Any], connection: sa.Connection) -> sa.ColumnElement[Any]:
    """The same order of texts on every server, whatever its language."""
    on_server = connection.dialect.name == "postgresql" and isinstance(column.type, sa.String)
    return sa.collate(column, "C") if on_server else column


# ---- import ---------------------------------------------------------------------------------------


def import_(
    store: Store, path: str | Path, teach: Callable[[Sequence[NewItem], str], list[Item]]
) -> Imported:
    """Bring an export into a base: all of it into an empty one, else what people taught that it does not have yet.

    An item whose id or content the base knows, unloaded or erased ones too, stays as the base has it.

    Args:
        store: the base's database.
        path: the export.
        teach: teaches the base items, for the given reason.

    Raises:
        InputError: the file is not an export, or is truncated or damaged; nothing was changed.
        StoreError: the export was made by a newer version, or contradicts itself.
    """
    path = Path(path)
    with store.read() as connection:
        empty = _is_empty(connection)
    if empty:
        return Imported(_copy(store, path), 0)
    with (
        report_write_errors(store.scratch.folder),
        store.scratch.database() as file,
        closing(Store(f"sqlite:///{file}")) as beside,
    ):
        Serving(beside).ensure("none")  # the whole file is read and checked before anything is taught
        _copy(beside, path)
        return _teach_from(beside, store, lambda found: teach(found, f"imported from {path.name}"))


def _is_empty(connection: sa.Connection) -> bool:
    answered = connection.execute(sa.select(schema.answers.c.id).limit(1)).first()
    return answered is None and ledger.head(connection)[0] == 0


def _copy(store: Store, path: Path) -> int:
    """Fill an empty base with an export, in one transaction; returns the number of items."""
    found = _ExportReader(path)
    try:
        with store.write() as connection:
            if not _is_empty(connection):
                raise StoreError(f"another process has filled {store.name} meanwhile", hint="repeat")
            embedder_id, embedder = Serving(store).embedder(connection)
            for table, rows in itertools.groupby(found.rows(), key=lambda pair: pair[0]):
                _insert(connection, table, (row for _, row in rows))
            if found.schema < DATED_BEFORE:
                ledger.number_by_event(connection)
            head_problems = list(found.problems(connection))
            if found.schema < SEALED_SINCE:
                ledger.chain_anew(connection)
            facts.rebuild(connection)
            embed_missing(connection, embedder_id, embedder)
            checksums.write_all(connection)
            for problem in itertools.chain(head_problems, table_problems(connection), found.damage()):
                raise StoreError(f"{path} cannot be imported: {problem}", hint="export the base anew")
    except sa.exc.IntegrityError as error:
        raise InputError(f"{path} cannot be imported: its rows do not fit together ({error.orig})") from None
    except _OTHER_TYPES as error:
        if isinstance(error, YukawaError):
            raise
        raise InputError(
            f"{path} cannot be imported: its rows hold values of other types than an export's"
        ) from None
    return found.counts["items"]


def _insert(connection: sa.Connection, table: sa.Table, rows: Iterator[dict[str, Any]]) -> None:
    """Insert the rows of an export into a table, in batches; embedders and what the base builds itself are skipped."""
    if table is schema.embedders:  # the base embeds with its own
        return list(rows).clear()
    on_server = connection.dialect.name == "postgresql"
    if table is schema.meta:
        rows = (row for row in rows if row["key"] not in _BUILT)
    while batch := list(itertools.islice(rows, _BATCH)):
        if table is schema.meta:
            keys = [row["key"] for row in batch]
            connection.execute(sa.delete(table).where(table.c.key.in_(keys)))
        connection.execute(sa.insert(table), batch)
        if on_server and table is schema.passages:
            postings = [p for row in batch for p in writer.posting_rows_of(row["id"], row["terms"])]
            if postings:
                connection.execute(sa.insert(schema.postings), postings)


class _ExportReader:
    """Reads an export row by row, and knows at its end whether it was whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head, self._digest, self._stated = "", _Digest(), ""
        self.schema = HEAD
        self.counts = dict.fromkeys(_TABLES, 0)

    def rows(self) -> Iterator[tuple[sa.Table, dict[str, Any]]]:
        """Every row with its table.

        Raises:
            InputError: the first row is not that of an export, a row does not fit, or the end is missing.
            StoreError: a newer version made it.
        """
        check_seal(self._path)
        found = read_jsonl(self._path)
        self._check_first(self._digest.of(next(found, {})))
        for number, row in enumerate(found, start=2):
            place = f"{self._path}:{number}"
            if row.get("table") != _END:
                self._digest.of(row)
            name = row.pop("table", None)
            if name == _END:
                if extra := row.keys() - _ENDS:
                    raise InputError(f"{place}: the end of an export has no {', '.join(sorted(extra))}")
                self._stated = str(row.get("digest", self._digest.value))  # older exports have none
                stated = row.get("rows")
                if isinstance(stated, dict):
                    stated = {name: n for name, n in stated.items() if name not in _RETIRED}
                if stated != self.counts or next(found, None) is not None:
                    raise InputError(f"{place}: the export has {self.counts}, its end says {stated}")
                self._head = str(row.get("head"))
                return
            if not isinstance(name, str) or name not in {*_TABLES, *_RETIRED}:
                raise InputError(
                    f"{place}: there is no table {name!r:.60}", hint=f"allowed: {', '.join(_TABLES)}"
                )
            if name in _RETIRED:
                continue
            self.counts[name] += 1
            if name == schema.events.name and self.schema < SEALED_SINCE:
                row |= {f"{said}_nonce": "" for said in ledger.SAID}
            typed = _typed(_TABLES[name], row, place)
            check_filters(kind=typed["kind"] if name == "items" else None)
            yield _TABLES[name], typed
        raise InputError(f"{self._path} is truncated: its last row is missing", hint="export or copy it anew")

    def problems(self, connection: sa.Connection) -> Iterator[str]:
        """Whether the ledger now ends as the export's did."""
        if ledger.head(connection)[2] != self._head:
            yield "ledger: its last hash is not the one that the export ends with"

    def damage(self) -> Iterator[str]:
        """Whether the rows are those that were exported."""
        if self._stated != self._digest.value:
            yield "its rows are not those that were exported"

    def _check_first(self, row: Mapping[str, Any]) -> None:
        version = row.get("schema")
        if row.get("yukawa") != "knowledge" or not isinstance(version, str):
            raise InputError(
                f"{self._path} is not an export of a knowledge base",
                hint="make one with: yukawa knowledge export FILE",
            )
        refuse_newer(str(self._path), version)
        self.schema = version


def _typed(table: sa.Table, row: dict[str, Any], place: str) -> dict[str, Any]:
    """`row` if it has just the columns of `table`, with values of their types."""
    columns = _columns(table)
    names = {c.name for c in columns}
    if wrong := names ^ row.keys():
        raise InputError(
            f"{place}: a row of {table.name} has {', '.join(sorted(names))}; check {', '.join(sorted(wrong))}"
        )
    for column in columns:
        value = row[column.name]
        if value is None and column.nullable:
            continue
        expected: type = dict if isinstance(column.type, sa.JSON) else column.type.python_type
        if type(value) is not expected or (
            isinstance(value, int) and not column.primary_key <= value < 2**63
        ):
            raise InputError(
                f"{place}: {column.name} is {value!r:.60}; a value of type {expected.__name__} is expected"
            )
    return row


def _teach_from(source: Store, target: Store, teach: Callable[[Sequence[NewItem]], list[Item]]) -> Imported:
    """Teach what people taught that is current in `source` and new to `target`."""
    v, taught, known = schema.versions, 0, 0
    # What a source states comes from the source: a file that says so may have been written by anybody.
    theirs = schema.items.c.kind != "data"
    query = sa.select(v, schema.items.c.kind).join_from(v, schema.items).where(v.c.valid_to.is_(None), theirs)
    with source.read() as connection:
        rows = connection.execute(query.order_by(v.c.id), execution_options={"yield_per": _BATCH}).mappings()
        for batch in rows.partitions(_BATCH):
            with target.read() as there:
                known_ids = reader.last_versions(there, [row["item_id"] for row in batch])
            new_items = [
                new for new in reader.stored_items(connection, batch) if new.item_id not in known_ids
            ]
            new = sum(item.status == "taught" for item in teach(new_items))
            taught, known = taught + new, known + len(batch) - new
    return Imported(taught, known)


# ---- backup ---------------------------------------------------------------------------------------


def backup(store: Store, path: str | Path, *, force: bool = False) -> None:
    """Write a checked copy of a base to one file while it is in use; of a server's base, a compressed export.

    Raises:
        InputError: a file of that name is there and `force` is not given, or the base is a server's and the name does not end in `.gz`.
        StoreError: the disk refuses or the copy is not sound; an older file of that name is kept.
    """
    path = Path(path)
    _check_output(store, path, force=force)
    if store.file is None:
        if path.suffix != ".gz":
            raise InputError(
                f"the backup of a server's base is a compressed export, {path.name} does not end in .gz",
                hint=f"name it {path.name}.jsonl.gz",
            )
        export(store, path, force=force)
        return
    with (
        worded(store.name),
        closing(store.engine.raw_connection()) as source,
        _database_beside(store.scratch, path) as beside,
    ):
        assert isinstance(source.driver_connection, sqlite3.Connection)  # noqa: S101 -- only states the type
        _copy_database(source.driver_connection, beside)
        engine = new_engine(sa.URL.create("sqlite", database=str(beside)), None)
        with worded(store.name), engine.connect() as connection, connection.begin():
            _check_sound(connection, f"the knowledge base {store.name}", _RESCUE)
        engine.dispose()
        seal(beside)


def _check_sound(connection: sa.Connection, what: str, hint: str) -> None:
    """Refuse a base in which `verify` would find damage.

    Raises:
        StoreError: it is damaged.
    """
    for problem in ledger.problems(connection, serving_row(connection, what).id):
        raise StoreError(f"{what} is damaged: {problem}", hint=hint)


def restore_backup(path: str | Path, url: str | Path) -> None:
    """Put a backup (or an export) in place as a new base at `url`, whole or not at all.

    Raises:
        InputError: the file is not a backup, or a base is there already.
        StoreError: the backup is damaged or was made by a newer version.
    """
    path = Path(path)
    check_seal(path)
    where, folder = _resolve(str(url))
    is_database = _first_bytes(path) == b"SQLite format 3\0"
    if folder is None:
        if is_database:
            raise InputError(
                f"{path} is a copy of a SQLite base, which a server cannot take",
                hint="restore it into a folder, export that, and import it on the server",
            )
        with closing(Store(str(url))) as store:
            with store.read() as connection:
                if not _is_empty(connection):
                    raise InputError(f"a base is there already: {store.name}", hint="name another database")
            _fill(store, path)
        return
    target = Path(str(where.database))
    for file in places.with_companions(target):
        if os.path.lexists(file) and not file.name.endswith("-shm"):  # which SQLite makes anew
            raise InputError(
                f"{file} is there already", hint="name another folder, or move the old base away"
            )
    if is_database:
        _check_database(path)
    with report_write_errors(folder):
        make_folder(folder)
    with _database_beside(Scratch.of(target, ""), target) as beside:
        if is_database:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source:
                _copy_database(source, beside)
        with closing(Store(f"sqlite:///{beside}")) as store:
            if not is_database:
                _fill(store, path)
            with store.read() as connection:
                _check_sound(connection, str(path), "use another backup")


def _fill(store: Store, path: Path) -> None:
    """Fill an empty base with an export, embedding with what the exported base embedded with."""
    for table, row in _ExportReader(path).rows():
        if table is schema.embedders:
            Serving(store).ensure(row["name"])
            break
    _copy(store, path)


def _copy_database(source: sqlite3.Connection, file: Path) -> None:
    with closing(sqlite3.connect(file)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file that needs no other
        copy.execute("PRAGMA user_version=0")  # not sealed: it may have been copied from a backup


def _check_database(path: Path) -> None:
    """Refuse a file that is damaged, is not a knowledge base, or is newer than this program."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            problem = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            (tables,) = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE name IN ('events', 'versions')"
            ).fetchone()
            found = (
                connection.execute("SELECT version_num FROM alembic_version").fetchone()
                if tables == 2
                else None
            )
    except sqlite3.Error as error:
        raise StoreError(f"{path} is damaged: {error}", hint="use another backup") from None
    if problem != "ok":
        raise StoreError(f"{path} is damaged: {problem}", hint="use another backup")
    if found is None:
        raise InputError(
            f"{path} is not a backup of a knowledge base", hint="make one with: yukawa knowledge backup FILE"
        )
    refuse_newer(str(path), str(found[0]))


@contextmanager
def _database_beside(scratch: Scratch, target: Path) -> Iterator[Path]:
    """A name for a file that takes the place of `target` when the block ends well, and vanishes when it does not."""
    with report_write_errors(target, (OSError, sqlite3.Error)), scratch.beside(target) as beside:
        yield beside
        empty_log(beside)
        _put_in_place(beside, target)


def _put_in_place(beside: Path, target: Path) -> None:
    with report_write_errors(target):
        with open(beside, "rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(beside, target)
        sync(target.parent, deep=False)


def _first_bytes(path: Path) -> bytes:
    try:
        with open_file(path) as handle:
            return handle.read(16)
    except OSError as error:
        raise unreadable(path, error) from None
