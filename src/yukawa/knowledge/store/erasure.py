"""Erases an item for good: its rows, what the ledger and answers say of it, and what the files on disk still hold."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from yukawa.core.errors import InputError, StoreError
from yukawa.core.files import parse_json
from yukawa.knowledge.store import counted, ledger, places, reader, writer
from yukawa.knowledge.store import schema as t
from yukawa.knowledge.store.checksums import COUNTED
from yukawa.knowledge.store.database import EMPTY_LOG, Store, outside_transactions

# Texts are searched for in fragments, because a database breaks a long text at its page boundaries.
LENGTH = 32
SHORTEST = 12
_KEY = 8
_BLOCK = 4 << 20
_BITS = 22
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio (Knuth, TAOCP 3, 6.4)


class Fragments:
    """Fragments of texts, all searched for in one pass; texts shorter than 12 bytes are ignored.

    Each text is searched for as UTF-8 and as JSON writes it. A table over the first eight bytes of every fragment
    says for each offset of the data, many at a time, whether a fragment could begin there.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._by_key: dict[bytes, set[bytes]] = {}
        for data in {form for text in texts for form in _forms(text) if len(form) >= SHORTEST}:
            for fragment in _fragments(data):
                self._by_key.setdefault(fragment[:_KEY], set()).add(fragment)
        self._keys = np.array(sorted(int.from_bytes(k, "little") for k in self._by_key), dtype=np.uint64)
        self._maybe = np.zeros(1 << _BITS, dtype=bool)
        self._maybe[_slots(self._keys)] = True

    def found_in(self, blocks: Iterable[bytes]) -> set[bytes]:
        """The fragments that occur in any of `blocks`."""
        return {fragment for block in blocks for fragment in self._matches(block)}

    def _matches(self, block: bytes) -> Iterator[bytes]:
        for shift in range(min(_KEY, len(block) - _KEY + 1)):
            words = np.frombuffer(block, dtype="<u8", offset=shift, count=(len(block) - shift) // _KEY)
            places = np.flatnonzero(self._maybe[_slots(words)])
            rank = np.searchsorted(self._keys, words[places], side="right")
            places = places[self._keys[rank - 1] == words[places]]
            for place in (places * _KEY + shift).tolist():
                for fragment in self._by_key[block[place : place + _KEY]]:
                    if block.startswith(fragment, place):
                        yield fragment


def text_blocks(texts: Iterable[str | None]) -> Iterator[bytes]:
    """Many short texts as a few blocks, apart from each other by a zero byte."""
    gathered: list[bytes] = []
    size = 0
    for text in texts:
        if text:
            gathered.append(text.encode("utf-8", "surrogatepass"))
            size += len(gathered[-1])
        if size > _BLOCK:
            yield b"\0".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"\0".join(gathered)


def _forms(text: str) -> set[bytes]:
    written = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return {form.encode("utf-8", "surrogatepass") for form in written}


def _fragments(data: bytes) -> Iterator[bytes]:
    if len(data) > LENGTH:
        yield data[-LENGTH:]
    for start in range(0, max(len(data) - LENGTH, 0) + 1, LENGTH):
        yield data[start : start + LENGTH]


def _slots(
    words: np.ndarray[tuple[int, ...], np.dtype[np.uint64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    return (words * _SPREAD) >> np.uint64(64 - _BITS)


_ERASURE = ("purge", "cleaned")
_TOUCHED = (
    t.answers,
    t.conflicts,
    t.events,
    t.facts,
    t.passages,
    t.postings,
    t.tallies,
    t.vectors,
    t.versions,
)


def erase(store: Store, item_id: str, *, actor: str, reason: str) -> None:
    """Erase every version of an item with its passages, vectors, facts and conflicts, and answers that quote it.

    Of the item's events the ledger keeps number, time, verb and the item's bare id; who acted and why is erased with the text,
    and so are reasons given elsewhere that quote it, and those given when a contradiction with it was settled. Of the erasure
    itself it is kept who, when and why. Digests that remain carry nonces that are erased.

    The ledger has two events of an erasure: `purge`, in one transaction with the rows, and `cleaned`, when nothing is left
    in the files. What comes between may be interrupted: `resume` takes it up again.

    On SQLite the files of the base (see `places`) are then searched for the texts; what another item or answer says too is
    not counted. Backups and exports made earlier, blocks that the file system or the disk itself keeps of deleted files, and
    the memory of other processes are beyond that check. On PostgreSQL the tables and their statistics are rewritten (VACUUM FULL);
    the server's write-ahead log (see docs/knowledge.md), its archives, replicas and backups cannot be checked from here and keep
    the text as long as their owner does.

    Raises:
        NotFound: there is no such item, or it is erased already.
        InputError: the reason quotes the item.
        StoreError: the rows are erased, yet a file still holds some of the text; the message says which.
    """
    with store.write() as connection:
        again = item_id in ledger.unfinished(connection)
        texts = texts_of(connection, item_id)
        if not texts and not again:
            raise reader.unknown_item(connection, item_id)
        fragments = Fragments(texts)
        if texts:
            if fragments.found_in(text_blocks([reason])):
                raise InputError(
                    "the reason quotes what is to be erased", hint="give one that does not: it is kept"
                )
            corrected, about = _about(connection, item_id)
            _keep_numbers(connection)
            _delete_rows(connection, item_id)
            _delete_answers(connection, item_id, corrected, fragments)
            _erase_events(connection, item_id, fragments)
            fragments = Fragments(texts | about)
            ledger.append(connection, [ledger.Entry("purge", item_id)], actor=actor, reason=reason)
    _clean(store, [item_id], actor, None if again else fragments)


def resume(store: Store, unfinished: Sequence[str]) -> None:
    """Finish the erasures of these items, which were interrupted.

    Raises:
        StoreError: it cannot be done now.
    """
    _clean(store, unfinished, "yukawa", None)


def _clean(store: Store, item_ids: Sequence[str], actor: str, fragments: Fragments | None) -> None:
    """Rid all places of what was erased: of `fragments`, or, where nobody knows any more what was, of all free space."""
    for place in store.elsewhere:
        place.forget()
    if store.file is None:
        _rewrite_tables(store)
    else:
        _clean_files(store, store.file, item_ids, fragments)
    with store.write() as connection:
        still = [ledger.Entry("cleaned", i) for i in ledger.unfinished(connection) if i in item_ids]
        if still:
            ledger.append(connection, still, actor=actor, reason="")


def texts_of(connection: sa.Connection, item_id: str) -> set[str]:
    """All that the versions of an item say, with what was made of it."""
    mine = t.versions.c.item_id == item_id
    queries = [
        sa.select(t.versions.c.text, t.versions.c.question).where(mine),
        sa.select(t.passages.c.text, t.passages.c.terms).join_from(t.passages, t.versions).where(mine),
        sa.select(t.facts.c.name, t.facts.c.channel).join_from(t.facts, t.versions).where(mine),
    ]
    return {text for query in queries for row in connection.execute(query) for text in row if text}


def _about(connection: sa.Connection, item_id: str) -> tuple[set[str], set[str]]:
    """The answers that an item corrects, and all that was written about it: where it is from, by whom, and why."""
    v, e = t.versions.c, t.events.c
    stated = sa.select(v.source, v.url, v.author, v.licence, v.domain, sa.cast(v.attributes, sa.Text))
    rows = connection.execute(stated.where(v.item_id == item_id)).all()
    corrected, about = set(), {str(text) for *texts, _ in rows for text in texts if text}
    for *_, attributes in rows:
        with contextlib.suppress(InputError):  # damaged: then there is nothing to be found in it
            value = parse_json(attributes, "attributes")
            about |= set(_strings(value))
            corrected.add(str(value.get("corrects", "")))
    said = connection.execute(sa.select(e.actor, e.reason).where(e.item_id == item_id))
    return corrected, about | {text for row in said for text in row}


def _keep_numbers(connection: sa.Connection) -> None:
    """Note which numbers come next: those of erased rows would mean something else to indexes in memory."""
    for table in (t.versions, t.passages, t.conflicts):
        counted.write_note(connection, f"next_{table.name}", str(counted.next_number(connection, table)))


def _delete_rows(connection: sa.Connection, item_id: str) -> None:
    my_versions = sa.select(t.versions.c.id).where(t.versions.c.item_id == item_id)
    my_passages = sa.select(t.passages.c.id).where(t.passages.c.version_id.in_(my_versions))
    for table, mine in [
        (t.conflicts, (t.conflicts.c.first_item == item_id) | (t.conflicts.c.second_item == item_id)),
        (t.facts, t.facts.c.version_id.in_(my_versions)),
        (t.vectors, t.vectors.c.passage_id.in_(my_passages)),
        (t.postings, t.postings.c.passage_id.in_(my_passages)),
        (t.passages, t.passages.c.version_id.in_(my_versions)),
        (t.versions, t.versions.c.item_id == item_id),
    ]:
        if table in COUNTED:
            counted.delete(connection, table, mine)
        else:
            connection.execute(sa.delete(table).where(mine))


def _delete_answers(
    connection: sa.Connection, item_id: str, corrected: set[str], fragments: Fragments
) -> None:
    """Delete answers that name the item, that it corrects, or that hold a fragment of its text that no other item holds."""
    names = re.compile(rf"(?<!\w){re.escape(item_id)}(?!\w)")
    doomed: list[str] = []
    quoting: dict[str, set[bytes]] = {}
    for row in connection.execute(sa.select(t.answers.c.id, t.answers.c.question, t.answers.c.answer)):
        strings = [row.question, *_strings(row.answer)]
        if row.id in corrected or any(names.search(text) for text in strings):
            doomed.append(row.id)
        elif found_here := fragments.found_in(text_blocks(strings)):
            quoting[row.id] = found_here
    doomed += _with_own_words(connection, quoting, fragments)
    for chunk in writer.chunks(doomed):
        counted.delete(connection, t.answers, t.answers.c.id.in_(chunk))


def _with_own_words(
    connection: sa.Connection, quoting: Mapping[Any, set[bytes]], fragments: Fragments
) -> list[Any]:
    """Those that hold a fragment that no item holds any more."""
    if not quoting:
        return []
    elsewhere = fragments.found_in(live_text(connection, but_for={t.answers.name, t.events.name}))
    return [key for key, found_here in quoting.items() if found_here - elsewhere]


def _erase_events(connection: sa.Connection, item_id: str, fragments: Fragments) -> None:
    """Erase who acted on the item and why, and reasons given for other items where they are about this one too or quote it."""
    e = t.events.c
    query = sa.select(e.seq, e.time, e.item_id, e.verb, e.reason).order_by(e.seq)
    rows = connection.execute(query).all()
    changes = list(ledger.changes_of((row.seq, row.time) for row in rows))
    settled = {
        at for row, at in zip(rows, changes, strict=True) if (row.item_id, row.verb) == (item_id, "resolve")
    }
    own, shared, quoting = [], [], {}
    for row, at in zip(rows, changes, strict=True):
        if row.item_id == item_id:
            if row.verb not in _ERASURE:
                own.append(row.seq)
        elif at in settled:
            shared.append(row.seq)
        elif found_here := fragments.found_in(text_blocks([row.reason])):
            quoting[row.seq] = found_here
    quoted = _with_own_words(connection, quoting, fragments)
    ledger.erase_said(connection, "actor", own)
    ledger.erase_said(connection, "reason", [*own, *shared, *quoted])


def _strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
    elif isinstance(value, dict):
        yield from _strings([*value.keys(), *value.values()])


def live_text(connection: sa.Connection, *, but_for: Container[str] = ()) -> Iterator[bytes]:
    """All that the tables say, as stored."""
    for table in t.metadata.sorted_tables:
        said = [sa.cast(c, sa.Text) for c in table.c if isinstance(c.type, sa.String | sa.JSON)]
        if said and table.name not in but_for:
            rows = connection.execute(sa.select(*said), execution_options={"yield_per": 1000})
            yield from text_blocks(text for row in rows for text in row)


def _rewrite_tables(store: Store) -> None:
    statements = [f"VACUUM (FULL, ANALYZE) {table.name}" for table in _TOUCHED]
    try:  # the planner's statistics hold samples of what the columns say; they are passed over where this is not our database
        outside_transactions(store.engine, *statements, "VACUUM (FULL) pg_statistic")
    except sa.exc.DBAPIError as error:
        raise StoreError(
            f"the item is erased, but the tables of {store.name} could not be rewritten: {error.orig}",
            hint="let the tables' owner run VACUUM FULL",
        ) from error


def _clean_files(store: Store, file: Path, item_ids: Sequence[str], fragments: Fragments | None) -> None:
    """Empty the log into the database and look; if anything is left, write the database anew and look again."""
    left: list[str] = []
    items = f"item{'s' * (len(item_ids) > 1)} {', '.join(item_ids)}"
    for statement in (None, "VACUUM") if fragments else ("VACUUM",):
        try:
            places.remove_copies(store)
            busy, *_ = outside_transactions(store.engine, *filter(None, [statement]), EMPTY_LOG)[0]
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{items}: erased, but the free space of {store.name} could not be cleaned: {error}",
                hint="free some space, then open the base again",
            ) from error
        left = (
            _files_with_fragments(store, fragments)
            if fragments
            else _not_empty(store, file, emptied=not busy)
        )
        if not left:
            return
    raise StoreError(
        f"{items}: erased, but fragments of the text remain in {', '.join(left)}",
        hint="close other programs that use this base, and open it again",
    )


def _not_empty(store: Store, file: Path, *, emptied: bool) -> list[str]:
    """The log, if it could not be emptied because another process reads, a stray journal, and copies that others are writing."""
    journal = Path(f"{file}-journal")
    stray = [str(journal)] if journal.is_file() and journal.stat().st_size else []
    stray += map(str, store.scratch.files())
    return stray if emptied else [f"{file}-wal", *stray]


def _files_with_fragments(store: Store, fragments: Fragments) -> list[str]:
    """The base's files that hold a fragment which its tables do not hold."""
    blocks = {path: store.open_files.blocks(path, _BLOCK, LENGTH - 1) for path in places.files(store)}
    found = {path: fragments.found_in(found_here) for path, found_here in blocks.items()}
    if not any(found.values()):
        return []
    with store.read() as connection:
        live = fragments.found_in(live_text(connection))
        schema = connection.exec_driver_sql("SELECT sql FROM sqlite_master").scalars()
        live |= fragments.found_in(text_blocks(schema))
    for place in store.elsewhere:
        live |= fragments.found_in(text_blocks(place.texts()))
    return [str(path) for path, found_here in found.items() if found_here - live]
