"""Text of the knowledge base in the server's tables, and how it goes with an item that is erased.

A question of a conversation is also that of an answer which the base keeps. An answer that names an item, or quotes it, is deleted with
it, and its question, and the title that was made of it, go with the answer. Replies that are kept for requests which are sent again
are good for a day: an erasure takes all of them, whatever they say.
"""

import contextlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from yukawa.core.errors import StoreError
from yukawa.knowledge.store import ledger, reader, writer
from yukawa.knowledge.store.database import Store
from yukawa.server import tables as t

log = logging.getLogger(__name__)
_GONE = 410
_SAID = "an item was erased since, and this reply with it; what the request did was not undone"
_BODY = {"error": {"message": _SAID, "type": "invalid_request_error", "param": None, "code": "erased"}}


class ServerTexts:
    """What the server's tables hold of its base (see `places.Elsewhere`).

    Args:
        store: of the base.
        home: the folder of `server.db`; without that file, or such tables in the base's PostgreSQL, nothing is held.
    """

    def __init__(self, store: Store, home: Path) -> None:
        self._store, self._home = store, home

    def files(self) -> list[Path]:
        """Where the tables lie; those of a PostgreSQL server are its own."""
        return [] if self._store.is_postgres else t.own_places(self._home)

    def texts(self) -> Iterator[str]:
        """All that the tables say now."""
        with self._opened() as tables:
            if tables is not None:
                yield from tables.texts()

    def forget(self) -> None:
        """Let what belongs to erased items go, out of the files too.

        Raises:
            StoreError: the tables are in use or cannot be written.
        """
        with self._opened() as tables:
            if tables is None:
                return
            last, gone = self._left(tables)
            if last is None and not gone:
                return
            with tables.write() as connection:
                _erase_turns(connection, gone)
                body = json.dumps(_BODY).encode()
                connection.execute(sa.update(t.idempotency).values(status=_GONE, body=body))
            tables.rewrite((t.turns, t.chats, t.idempotency))
            if last is not None:
                tables.follow(last)

    def problems(self) -> Iterator[str]:
        """Whether text of erased items may not have gone yet."""
        try:
            with self._opened() as tables:
                last, gone = (None, []) if tables is None else self._left(tables)
        except StoreError as error:
            yield str(error)
            return
        if last is not None or gone:
            yield "the server's tables may hold text of erased items until the server starts, or until the next purge"

    @contextlib.contextmanager
    def _opened(self) -> Iterator[t.ServerTables | None]:
        """The tables, if there are any."""
        there = (
            sa.inspect(self._store.engine).has_table(t.turns.name, schema=t.SCHEMA)
            if self._store.is_postgres
            else (self._home / t.FILE).exists()
        )
        if not there:
            yield None
            return
        with contextlib.closing(t.ServerTables(self._store, self._home)) as tables:
            yield tables

    def _left(self, tables: t.ServerTables) -> tuple[str | None, list[str]]:
        """The hash of the last erasure if it was not followed here, and the answers that are gone although their questions are not."""
        asked, followed = tables.answers(), tables.followed()  # first: an answer is kept before its question
        with self._store.read() as connection:
            last = ledger.last_erasure(connection)
            blind = last is None or self._store.readonly  # no answer is kept in a base that is only read
            gone = set() if blind else asked - reader.kept_answers(connection, sorted(asked))
        return None if last == followed else last, sorted(gone)


def _erase_turns(connection: sa.Connection, answer_ids: Sequence[str]) -> None:
    """Erase the questions to these answers, and the titles of conversations that begin with one."""
    for some in writer.chunks(list(answer_ids)):
        mine = t.turns.c.answer_id.in_(some)
        begun = sa.select(t.turns.c.chat_id).where(mine, t.turns.c.n == 1)
        connection.execute(sa.update(t.chats).where(t.chats.c.id.in_(begun)).values(title=""))
        connection.execute(sa.update(t.turns).where(mine).values(question=""))


def forget_erased(store: Store) -> None:
    """Follow erasures that were made while no server ran; where that cannot be done now, the next start does it."""
    for place in store.elsewhere:
        try:
            place.forget()
        except StoreError as error:
            log.warning("what was erased is not gone from the server's tables yet: %s", error)
