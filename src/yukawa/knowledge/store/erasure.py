"""Erases an item for good: its rows, answers that quote it, and what the files on disk still hold of it."""

import re
import sqlite3
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from yukawa.core.errors import StoreError
from yukawa.knowledge.search.local_index import copies, remove_copy
from yukawa.knowledge.store import ledger, reader, writer
from yukawa.knowledge.store import schema as t
from yukawa.knowledge.store.database import Store
from yukawa.knowledge.store.leak_scan import Fragments, file_blocks, text_blocks
from yukawa.knowledge.store.ledger import Entry

_TOUCHED = (t.answers, t.claims, t.conflicts, t.passages, t.postings, t.vectors, t.versions)


def erase(store: Store, item_id: str, *, actor: str, reason: str) -> None:
    """Erase every version of an item with its passages, vectors, claims and conflicts, and answers that quote it.

    The item's bare id and its events remain in the ledger, and so does what people wrote there as reason or
    actor: the chain of hashes covers it. The digests that remain there carry a nonce that is erased with the text.

    On SQLite the files of the base (database, write-ahead log, copy of the index) are then searched for the
    texts; what another item or answer says too is not counted. Backups and exports made earlier, blocks that
    the file system or the disk itself keeps of deleted files, and the memory of other processes are beyond
    that check. On PostgreSQL the tables are rewritten (VACUUM FULL); the server's write-ahead log, its
    archives, replicas and backups cannot be checked from here and keep the text as long as their owner does.

    Raises:
        NotFound: there is no such item, or it is erased already.
        StoreError: the rows are erased, yet a file still holds some of the text; the message says which.
    """
    with store.write() as connection:
        texts = _texts(connection, item_id)
        if not texts:
            raise reader.unknown_item(connection, item_id)
        fragments = Fragments(texts)
        _keep_numbers(connection)
        _delete_rows(connection, item_id)
        _delete_answers(connection, item_id, fragments)
        now = ledger.next_moment(connection)
        ledger.append(connection, [Entry("purge", item_id)], actor=actor, reason=reason, moment=now)
    if store.file is None:
        _rewrite_tables(store)
    else:
        _clean_files(store, store.file, item_id, fragments)


def _texts(connection: sa.Connection, item_id: str) -> set[str]:
    mine = t.versions.c.item_id == item_id
    queries = [
        sa.select(t.versions.c.text, t.versions.c.question).where(mine),
        sa.select(t.passages.c.text, t.passages.c.terms).join_from(t.passages, t.versions).where(mine),
        sa.select(t.claims.c.key).join_from(t.claims, t.versions).where(mine),
    ]
    return {text for query in queries for row in connection.execute(query) for text in row if text}


def _keep_numbers(connection: sa.Connection) -> None:
    """Note which numbers come next: those of erased rows would mean something else to indexes in memory."""
    for table in (t.versions, t.passages):
        row = {"key": f"next_{table.name}", "value": str(writer._next(connection, table))}
        connection.execute(sa.delete(t.meta).where(t.meta.c.key == row["key"]))
        connection.execute(sa.insert(t.meta), row)


def _delete_rows(connection: sa.Connection, item_id: str) -> None:
    my_versions = sa.select(t.versions.c.id).where(t.versions.c.item_id == item_id)
    my_passages = sa.select(t.passages.c.id).where(t.passages.c.version_id.in_(my_versions))
    for table, mine in [
        (t.conflicts, (t.conflicts.c.first_item == item_id) | (t.conflicts.c.second_item == item_id)),
        (t.claims, t.claims.c.version_id.in_(my_versions)),
        (t.vectors, t.vectors.c.passage_id.in_(my_passages)),
        (t.postings, t.postings.c.passage_id.in_(my_passages)),
        (t.passages, t.passages.c.version_id.in_(my_versions)),
        (t.versions, t.versions.c.item_id == item_id),
    ]:
        connection.execute(sa.delete(table).where(mine))


def _delete_answers(connection: sa.Connection, item_id: str, fragments: Fragments) -> None:
    """Delete answers that name the item, or hold a fragment of its text that no other item holds."""
    names = re.compile(rf"(?<!\w){re.escape(item_id)}(?!\w)")
    doomed: list[str] = []
    quoting: dict[str, set[bytes]] = {}
    for row in connection.execute(sa.select(t.answers.c.id, t.answers.c.question, t.answers.c.answer)):
        strings = [row.question, *_strings(row.answer)]
        if any(names.search(text) for text in strings):
            doomed.append(row.id)
        elif found_here := fragments.found_in(text_blocks(strings)):
            quoting[row.id] = found_here
    if quoting:
        elsewhere = fragments.found_in(_live_text(connection, but_for={t.answers.name}))
        doomed += [answer_id for answer_id, found_here in quoting.items() if found_here - elsewhere]
    for chunk in writer.chunks(doomed):
        connection.execute(sa.delete(t.answers).where(t.answers.c.id.in_(chunk)))


def _strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
    elif isinstance(value, dict):
        yield from _strings([*value.keys(), *value.values()])


def _live_text(connection: sa.Connection, *, but_for: Container[str] = ()) -> Iterator[bytes]:
    """All that the tables say, as stored."""
    for table in t.metadata.sorted_tables:
        said = [sa.cast(c, sa.Text) for c in table.c if isinstance(c.type, sa.String | sa.JSON)]
        if said and table.name not in but_for:
            rows = connection.execute(sa.select(*said), execution_options={"yield_per": 1000})
            yield from text_blocks(text for row in rows for text in row)


def _rewrite_tables(store: Store) -> None:
    try:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in _TOUCHED:
                connection.exec_driver_sql(f"VACUUM (FULL) {table.name}")
    except sa.exc.DBAPIError as error:
        raise StoreError(
            f"the item is erased, but the tables of {store.name} could not be rewritten: {error.orig}",
            hint="let the tables' owner run VACUUM FULL",
        ) from error


def _clean_files(store: Store, file: Path, item_id: str, fragments: Fragments) -> None:
    """Empty the log into the database and look; if anything is left, write the database anew and look again."""
    left: list[str] = []
    for statement in (None, "VACUUM"):
        # Copies of the index half-written by other processes too: they would be put in place with the text.
        for copy in copies(store.index_file):
            remove_copy(copy)
        try:
            _outside_transactions(
                store, *([statement] if statement else []), "PRAGMA wal_checkpoint(TRUNCATE)"
            )
        except sqlite3.Error as error:
            raise StoreError(
                f"item {item_id} is erased, but the free space of {store.name} could not be cleaned: {error}",
                hint="free some space, then run VACUUM on the file",
            ) from error
        left = _files_with_fragments(store, file, fragments)
        if not left:
            return
    raise StoreError(
        f"item {item_id} is erased, but fragments of its text remain in {', '.join(left)}",
        hint="close other programs that use this base: the last one to close it empties its log",
    )


def _outside_transactions(store: Store, *statements: str) -> None:
    connection = store.engine.raw_connection()  # SQLAlchemy would begin a transaction
    try:
        for statement in statements:
            connection.cursor().execute(statement).fetchall()
    finally:
        connection.close()


def _files_with_fragments(store: Store, file: Path, fragments: Fragments) -> list[str]:
    """The base's files that hold a fragment which its tables do not hold."""
    files = [file.with_name(file.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]
    files += [path for path in copies(store.index_file) if path.is_file()]
    found = {path: fragments.found_in(file_blocks(path)) for path in files}
    if not any(found.values()):
        return []
    with store.read() as connection:
        live = fragments.found_in(_live_text(connection))
    return [str(path) for path, found_here in found.items() if found_here - live]
