"""Changes of a base, each in one transaction with its events: items written, replaced, withdrawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from yukawa.core.errors import Changed, InputError
from yukawa.knowledge.items import NewItem
from yukawa.knowledge.records import Item
from yukawa.knowledge.search.serving import Serving, serving_row
from yukawa.knowledge.store import contradictions, counted, ledger, reader, schema, writer
from yukawa.knowledge.store.database import Store

if TYPE_CHECKING:
    from yukawa.embedding.base import Vectors

_STATUS = {"teach": "taught", "update": "updated", "restore": "restored"}


class Changes:
    """Writes to a base.

    Args:
        store: its database.
        serving: embeds what is written.
    """

    def __init__(self, store: Store, serving: Serving) -> None:
        self._store, self._serving = store, serving

    def teach(self, new_items: Sequence[NewItem], actor: str, reason: str) -> list[Item]:
        """Items in order; what the base holds already is not written again and has the status 'known'."""
        with self._store.read() as connection:
            results = reader.current_by_content(connection, [new.content_key for new in new_items])
        fresh = list({new.content_key: new for new in new_items if new.content_key not in results}.values())
        if fresh:
            results |= self.write(fresh, actor or fresh[0].provenance.author, reason)
        return [results[new.content_key] for new in new_items]

    def write(
        self, new_items: Sequence[NewItem], actor: str, reason: str, withdrawn: Sequence[str] = ()
    ) -> dict[str, Item]:
        """Write some items and withdraw others.

        Returns:
            Items by content key: those just written, and those that another process taught meanwhile.
        """
        embedder_id, vectors = self._serving.embedded(
            [[p.meaning for p in new.passages] for new in new_items]
        )
        with self._store.write() as connection:
            stale = serving_row(connection, self._store.name).id != embedder_id  # reindexed meanwhile
            if not stale:
                found = reader.current_by_content(connection, [new.content_key for new in new_items])
                leaving = {new.item_id: new.content_key for new in new_items} | dict.fromkeys(withdrawn, "")
                known = {key: item for key, item in found.items() if leaving.get(item.id, key) == key}
                first = {new.content_key: i for i, new in reversed(list(enumerate(new_items)))}
                keep = sorted(i for key, i in first.items() if key not in known)
                kept = [new_items[i] for i in keep]
                holders = {item.id for item in known.values()} | {new.item_id for new in kept}
                lost = [new.item_id for new in new_items if new.item_id and new.item_id not in holders]
                self.withdraw(connection, [*withdrawn, *lost], actor, reason)
                items = self._insert(connection, kept, [vectors[i] for i in keep], embedder_id, actor, reason)
        if stale:
            return self.write(new_items, actor, reason, withdrawn)
        return known | {new.content_key: item for new, item in zip(kept, items, strict=True)}

    def replace(self, new: NewItem, actor: str, reason: str, verb: str, version: int | None = None) -> Item:
        """Make a new version of an item current, in place of `version` if that is given.

        Raises:
            InputError: another item teaches the same. NotFound: the item was erased meanwhile.
            Changed: another version is current, or none.
        """
        embedder_id, vectors = self._serving.embedded([[p.meaning for p in new.passages]])
        with self._store.write() as connection:
            if not reader.last_versions(connection, [str(new.item_id)]).get(str(new.item_id)):
                raise reader.unknown_item(connection, str(new.item_id))
            if version is not None:
                _check_version(reader.shown(connection, str(new.item_id)), version)
            twin = reader.current_by_content(connection, [new.content_key]).get(new.content_key)
            if twin is not None and twin.id != new.item_id:
                raise InputError(
                    f"item {twin.id} teaches the same already", hint=f"type: yukawa knowledge show {twin.id}"
                )
            if serving_row(connection, self._store.name).id == embedder_id:
                return self._insert(connection, [new], vectors, embedder_id, actor, reason, verb)[0]
        return self.replace(new, actor, reason, verb, version)  # another process reindexed meanwhile

    def withdraw(self, connection: sa.Connection, item_ids: Sequence[str], actor: str, reason: str) -> None:
        """Unload current items."""
        if item_ids:
            event = ledger.next_event(connection)
            last = reader.last_versions(connection, item_ids)
            writer.end_versions(connection, item_ids, event)
            entries = [ledger.Entry("unload", item_id, last[item_id]) for item_id in item_ids]
            ledger.append(connection, entries, actor=actor or "unknown", reason=reason)

    def _insert(
        self, connection: sa.Connection, new_items: Sequence[NewItem], vectors: Sequence[Vectors], embedder_id: int,
        actor: str, reason: str, verb: str | None = None,
    ) -> list[Item]:  # fmt: skip
        """Write items as new versions, with their passages, conflicts and entries of the ledger, in one transaction.

        Args:
            connection: within a transaction that the caller commits.
            new_items: each a new item or, if its id is known, the next version of one.
            vectors: of each item's passages, (number of passages, dimension).
            embedder_id: the embedder that made them.
            actor: who changes the base.
            reason: for the history.
            verb: for the ledger; by default 'teach' or 'update'.

        Returns:
            The items as they are now, in the same order.
        """
        if not new_items:
            return []
        event = ledger.next_event(connection)
        new_items = [new if new.item_id else replace(new, item_id=writer.new_id()) for new in new_items]
        ids = [str(new.item_id) for new in new_items]
        last = reader.last_versions(connection, ids)
        _check_same_kinds(connection, [new for new in new_items if new.item_id in last])
        if new_rows := [
            {"id": new.item_id, "kind": new.kind} for new in new_items if new.item_id not in last
        ]:
            counted.insert(connection, schema.items, new_rows)
        writer.end_versions(connection, [i for i in ids if i in last], event)
        numbers = [last.get(i, 0) + 1 for i in ids]
        digests = writer.insert_versions(
            connection, new_items, numbers, vectors, embedder_id=embedder_id, event=event, postings=self._store.is_postgres
        )  # fmt: skip
        contradictions.open_conflicts(connection, new_items, event)
        verbs = [verb or ("update" if i in last else "teach") for i in ids]
        entries = [ledger.Entry(*entry) for entry in zip(verbs, ids, numbers, digests, strict=True)]
        ledger.append(connection, entries, actor=actor or "unknown", reason=reason)
        items = reader.current(connection, ids)
        return [replace(items[i], status=_STATUS[v]) for i, v in zip(ids, verbs, strict=True)]


def _check_version(item: Item, version: int) -> None:
    """Refuse to replace another version of an item than the one that was read.

    Raises:
        Changed: it was updated or unloaded meanwhile.
    """
    if item.version != version or not item.current:
        state = f"is at version {item.version} now" if item.current else "is unloaded now"
        raise Changed(
            f"item {item.id} {state}, not at version {version}", hint=f"type: yukawa knowledge show {item.id}"
        )


def _check_same_kinds(connection: sa.Connection, new_items: Sequence[NewItem]) -> None:
    """Refuse to let an item take the place of one of another kind: a person's word, that of a source's data.

    Raises:
        InputError: it would.
    """
    i, kinds = schema.items, {str(new.item_id): new.kind for new in new_items}
    for some in writer.chunks(list(kinds)):
        for item_id, kind in connection.execute(sa.select(i.c.id, i.c.kind).where(i.c.id.in_(some))):
            if kind != kinds[item_id]:
                raise InputError(
                    f"item {item_id} is of the kind {kind!r}, a new version cannot be {kinds[item_id]!r}"
                )
