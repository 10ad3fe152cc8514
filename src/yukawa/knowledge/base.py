"""The knowledge base: teach, update, unload, restore, purge, show, list and search."""

from __future__ import annotations

import builtins
import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yukawa.core.errors import InputError, StoreError
from yukawa.core.files import json_line
from yukawa.core.processes import Progress
from yukawa.knowledge import records
from yukawa.knowledge.items import NewItem, new_item
from yukawa.knowledge.records import Conflict, Event, FoundFact, Hit, Item, Moment, Side, VerifyReport
from yukawa.knowledge.search.serving import Serving, reindex, serving_row
from yukawa.knowledge.store import contradictions, counted, facts, ledger, reader, reviewing, transfer, writer
from yukawa.knowledge.store.changes import Changes
from yukawa.knowledge.store.clock import report_clock
from yukawa.knowledge.store.database import Store
from yukawa.knowledge.texts import checked_text

if TYPE_CHECKING:
    from yukawa.embedding.base import Vectors

_BATCH = 1000
log = logging.getLogger(__name__)


class KnowledgeBase:
    """A base of taught knowledge that forgets nothing it should keep and keeps nothing it should forget.

    Open your own with `yukawa.knowledge.open_base()`, any other with `KnowledgeBase.open`. Any number of processes
    and threads may read and write one base at once; a change is durable when the call returns, and every later search,
    in any process, sees it.
    """

    def __init__(self, store: Store, embedding: str, reviewers: Collection[str] = ()) -> None:
        self._store, self._reviewers = store, reviewers
        self._serving = Serving(store)
        self._changes = Changes(store, self._serving)
        store.scratch.sweep()
        if not store.readonly:
            self._serving.ensure(embedding)
            self._finish_erasures()
        with store.read() as connection:
            report_clock(connection, store.name)

    def _finish_erasures(self) -> None:
        try:
            with self._store.read() as connection:
                unfinished = ledger.unfinished(connection)
            if unfinished:
                from yukawa.knowledge.store import erasure  # with the index: slow to import

                erasure.resume(self._store, unfinished)
        except StoreError as error:  # another process may be reading: the next opening tries again
            log.warning("an erasure is not finished yet: %s", error)

    @classmethod
    def open(
        cls, url: str | Path, *, embedding: str = "auto", reviewers: Collection[str] = ()
    ) -> KnowledgeBase:
        """Open the base at `url`; a new and empty one is made if there is none.

        Args:
            url: a folder, `sqlite:///FILE` or `postgresql://…`.
            embedding: the embedder of a new base (see `yukawa.embedding.open_embedder`); an existing base keeps
                its own until `reindex`.

        Raises:
            InputError: the URL is of an unknown kind, or the folder is a YUKAWA_HOME, whose base lies in `knowledge`.
            StoreError: the base cannot be opened or was made by a newer version.
        """
        return cls(Store(url), embedding, reviewers)

    def close(self) -> None:
        """Close all connections."""
        self._store.close()

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<KnowledgeBase {self._store.name}>"

    def _repr_markdown_(self) -> str:
        items = self.list()
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in Counter(i.kind for i in items).most_common())
        name = records.markdown(self._store.name)
        return f"**Knowledge base** {name}: {len(items):,} items ({kinds or 'empty'}), embedding {self.embedding}"

    @property
    def store(self) -> Store:
        """The database below."""
        return self._store

    # ---- teaching -------------------------------------------------------------------------------

    def teach(
        self, text: str, *, question: str | None = None, source: str = "", author: str = "", url: str | None = None,
        licence: str | None = None, domain: str | None = None, kind: str | None = None, corrects: str | None = None,
        attributes: Mapping[str, Any] | None = None, actor: str = "", reason: str = "",
    ) -> Item:  # fmt: skip
        """Teach a statement, a question with its answer, a document, or a correction.

        Args:
            text: the statement (the answer, if `question` is given).
            question: the question that `text` answers.
            source: label of the source; `author` is the person who teaches it.
            url: address of the source.
            licence: the licence under which it may be passed on.
            domain: one of the eight domains; guessed by default.
            kind: 'statement', 'qa', 'document' or 'correction'; found from the text by default.
            corrects: id of an earlier answer that this corrects; its question is used again.
            actor: who types it in, for the history; the author by default.

        Returns:
            The item; `status` is 'taught', or 'known' if the base holds it already; `conflicts` names
            items that state otherwise.

        Raises:
            InputError: the text cannot be taught, or claims to be of a built source. NotFound: no answer has the id `corrects`.
        """
        extra = dict(attributes or {})
        if corrects is not None:
            earlier = self.answer(corrects)
            question = question or str(earlier["question"])
            kind = "correction"
            extra |= {
                "corrects": corrects,
                "supersedes": sorted({s["id"] for s in earlier["answer"].get("sources", [])}),
            }
        item = new_item(
            text, question=question, kind=kind, source=source, url=url, author=author, licence=licence, domain=domain,
            attributes=extra,
        )  # fmt: skip
        return self.teach_many([item], actor=actor or author, reason=reason)[0]

    def foresee(
        self, text: str, *, question: str | None = None, supersedes: Collection[str] = ()
    ) -> builtins.list[Side]:
        """The current items, without those of `supersedes`, that `text` would contradict if it was taught."""
        item = new_item(text, question=question, attributes={"supersedes": sorted(supersedes)})
        with self._store.read() as connection:
            against = contradictions.foreseen(connection, item)
            return builtins.list(reader.sides_of(connection, against).values())

    def teach_many(
        self, new_items: Sequence[NewItem], *, actor: str = "", reason: str = "", progress: Progress | None = None
    ) -> list[Item]:  # fmt: skip
        """Teach many items, a thousand to a transaction; one with an id replaces the item of that id.

        An interrupted call can be repeated: known items are skipped. Returns the items in order.

        Raises:
            InputError: an item claims to be of a built source.
        """
        reviewing.check_peoples(new_items)
        return self._teach_all(new_items, actor, reason, progress)

    def build(
        self, data: Sequence[NewItem], *, actor: str, withdrawn: Sequence[str] = (), reason: str = "",
        progress: Progress | None = None,
    ) -> builtins.list[Item]:  # fmt: skip
        """Write what a source states, as `teach_many`; nothing else writes items of the kind 'data'.

        Args:
            withdrawn: ids of data that the source no longer states.
        """
        written = self._teach_all(data, actor, reason, progress)
        with self._store.write() as connection:
            self._changes.withdraw(connection, withdrawn, actor, "no longer stated by the source")
        return written

    def _teach_all(
        self, new_items: Sequence[NewItem], actor: str, reason: str, progress: Progress | None
    ) -> list[Item]:
        results: list[Item] = []
        for start in range(0, len(new_items), _BATCH):
            results += self._changes.teach(new_items[start : start + _BATCH], actor, reason)
            if progress is not None:
                progress(len(results), len(new_items))
        return results

    def change(
        self, new_items: Sequence[NewItem], *, withdrawn: Sequence[str] = (), actor: str = "", reason: str = ""
    ) -> builtins.list[Item]:  # fmt: skip
        """Teach or update some items and unload others in one transaction: all of it happens or nothing.

        Of items with one content the first is kept, or the current one that holds it already, with the status 'known'.

        Args:
            new_items: those with an id make a new version of it.
            withdrawn: ids of current items to unload.

        Raises:
            InputError: an item claims to be of a built source, or takes the place of one.
        """
        reviewing.check_peoples(new_items)
        with self._store.read() as connection:
            for item_id in withdrawn:
                reviewing.check_removal(reader.shown(connection, item_id), actor, self._reviewers)
        results = self._changes.write(new_items, actor, reason, withdrawn)
        return [results[new.content_key] for new in new_items]

    def update(
        self, item_id: str, text: str, *, question: str | None = None, source: str | None = None, author: str = "",
        url: str | None = None, reason: str = "", version: int | None = None,
    ) -> Item:  # fmt: skip
        """Make a new version of an item current; the old one ends at the same moment.

        Source, address and question stay as they were by default. `version` is the one that this text is to replace.

        Raises:
            NotFound: no such item. InputError: the item is unloaded or a source's own, or the text cannot be taught.
            Changed: another version is current.
        """
        old = self.show(item_id)
        reviewing.check_change(old)
        p = old.provenance
        new = new_item(
            text, question=question or old.question, kind=old.kind, source=source or p.source, url=url or p.url,
            author=author or p.author, licence=p.licence, domain=p.domain, attributes=old.attributes, item_id=item_id,
        )  # fmt: skip
        if (new.text, new.question, new.provenance) == (old.text, old.question, p):
            return replace(old, status="unchanged")
        reviewing.check_peoples([new])
        return self._changes.replace(new, author or p.author, reason, "update", version)

    def review(self, item_id: str, *, actor: str, agree: bool = True, reason: str = "") -> Item:
        """Agree to an item that another person taught, or take that back: it is trusted as 'reviewed' until it changes.

        A reviewed value that contradicts a source's data goes before them in answers, which still show both.

        Raises:
            NotFound: no such item. InputError: the item is unloaded or a source's own, or `actor` is not a reviewer or
                said it themselves.
        """
        with self._store.write() as connection:
            reviewing.review(
                connection, item_id, agree=agree, actor=actor, reason=reason, reviewers=self._reviewers
            )
            status = "reviewed" if agree else "review retracted"
            return replace(reader.shown(connection, item_id), status=status)

    def unload(self, item_id: str, *, actor: str = "", reason: str = "") -> Item:
        """Withdraw an item: no later search finds it; `restore` makes it current again.

        Raises:
            NotFound: no such item. InputError: it is a source's own and `actor` is not a reviewer.
        """
        with self._store.write() as connection:
            item = reader.shown(connection, item_id)
            if not item.current:
                return replace(item, status="unchanged")
            reviewing.check_removal(item, actor, self._reviewers)
            self._changes.withdraw(connection, [item_id], actor, reason)
            return replace(reader.shown(connection, item_id), status="unloaded")

    def restore(self, item_id: str, *, actor: str = "", reason: str = "") -> Item:
        """Make an unloaded item current again, as a new version with the old content.

        Raises:
            NotFound: no such item, or it was erased meanwhile. InputError: another item teaches the same.
        """
        old = self.show(item_id)
        if old.current:
            return replace(old, status="unchanged")
        with self._store.read() as connection:
            again = reader.last_stored(connection, item_id)
        return self._changes.replace(again, actor, reason, "restore")

    def purge(self, item_id: str, *, actor: str = "", reason: str = "") -> None:
        """Erase an item for good: every version, vector, fact and logged answer that quotes it.

        The ledger keeps when something happened to it, and of the erasure also by whom and why; names and reasons of earlier
        events are erased too. On an embedded base the erasure is checked in the files on disk.

        Raises:
            NotFound: no such item. InputError: as `unload`, or the reason quotes it. StoreError: its text remains on disk.
        """
        with self._store.read() as connection:
            if item_id not in ledger.unfinished(connection):  # else it is repeated
                reviewing.check_removal(reader.shown(connection, item_id), actor, self._reviewers)
        from yukawa.knowledge.store import erasure  # with the index: slow to import

        erasure.erase(self._store, item_id, actor=actor or "unknown", reason=reason)
        self._serving.forget()

    # ---- reading --------------------------------------------------------------------------------

    def show(self, item_id: str, *, as_of: Moment = None) -> Item:
        """The current version (or the one valid at `as_of`), or the last one of an unloaded item.

        Raises:
            NotFound: no such item, then or ever.
        """
        with self._store.read() as connection:
            return reader.shown(connection, item_id, reader.event_at(connection, as_of))

    def history(self, item_id: str) -> tuple[list[Item], list[Event]]:
        """All versions of an item that are not erased, and all events about it.

        Raises:
            NotFound: no such item.
        """
        with self._store.read() as connection:
            versions = reader.all_versions(connection, item_id)
            found = reader.events_of(connection, item_id)
            if not found:
                raise reader.unknown_item(connection, item_id)
        return versions, found

    def list(
        self, *, domain: str | None = None, kind: str | None = None, author: str | None = None, source: str | None = None,
        unloaded: bool = False, as_of: Moment = None, limit: int | None = None,
    ) -> list[Item]:  # fmt: skip
        """Current items (or the unloaded ones), newest first, filtered; `source` matches a part of the label."""
        filters = {"domain": domain, "kind": kind, "author": author, "source": source}
        with self._store.read() as connection:
            event = reader.event_at(connection, as_of)
            return reader.listed(connection, filters, unloaded=unloaded, as_of=event, limit=limit)

    def find_facts(
        self, *, subjects: Sequence[str] = (), property: str | None = None, channel: facts.Products = (),  # noqa: A002
        products: facts.Products = (), name: str | None = None, identifier: str | None = None, as_of: Moment = None,
    ) -> builtins.list[FoundFact]:  # fmt: skip
        """The facts that match every argument given, of sources and of people alike, in the order of their source.

        Args:
            subjects: PDG names of states: a fact of any of them matches. Where a source lists one value for particle and
                antiparticle, the fact is of the particle.
            property: a name in `yukawa.knowledge.facts.PROPERTIES`.
            channel: the whole final state, each product by its PDG name or by all names that it can mean.
            products: products that the final state has among others, given in the same way.
            name: the source's own description, in any spacing.
            identifier: the source's own identifier, such as 'S035M'.
            as_of: what was known at that moment.

        Raises:
            InputError: nothing is given to look for, or the moment is before the base began.
        """
        query = facts.FactQuery(subjects, property, channel, products, name, identifier)
        with self._store.read() as connection:
            event = reader.event_at(connection, as_of)
            return facts.find(connection, reader.valid_at(event), query, event)

    def search(
        self, query: str, *, k: int = 5, as_of: Moment = None, domain: str | None = None, kind: str | None = None,
        author: str | None = None, source: str | None = None,
    ) -> builtins.list[Hit]:  # fmt: skip
        """The `k` best passages for `query` by full text and meaning, best first.

        Args:
            query: words, a question, or names in any notation.
            as_of: search the base as it was at that moment.
            domain: search only items of this domain; `kind`, `author` and `source` likewise.

        Raises:
            InputError: the query is empty, `k` is not positive, or the moment is before the base began.
        """
        query = checked_text(query, "the query")
        if k < 1:
            raise InputError(f"k is {k}", hint="ask for at least one passage")
        filters = {"domain": domain, "kind": kind, "author": author, "source": source}
        return self._serving.search(query, k, as_of, filters)

    def conflicts(self, *, as_of: Moment = None) -> builtins.list[Conflict]:
        """Contradictions that nobody has resolved and whose items are both current, now or at that moment."""
        with self._store.read() as connection:
            return reader.open_conflicts(connection, as_of=reader.event_at(connection, as_of))

    def resolve(
        self, conflict_id: int, *, keep: str | None = None, actor: str = "", reason: str = ""
    ) -> None:
        """Settle a conflict: unload the item that is not kept, or keep both.

        Between what people taught anybody may. A source's data are never unloaded, and only a reviewer settles a conflict
        with them, or with a reviewed item, otherwise than in their favour (see `yukawa.knowledge.trust`).

        Raises:
            NotFound: no such open conflict. InputError: `keep` names neither item, or `actor` may not let it prevail.
        """
        with self._store.write() as connection:
            reviewing.resolve(
                connection, conflict_id, keep=keep, actor=actor or "unknown", reason=reason, reviewers=self._reviewers
            )  # fmt: skip

    def verify(self) -> VerifyReport:
        """Check the ledger's chain, every digest, and that the index holds what the tables say; raise if its files are gone."""
        with self._store.read() as connection:
            self._store.check_files(connection)
            embedder_id = serving_row(connection, self._store.name).id
            return ledger.verify(connection, embedder_id, self._serving.index(connection), self._store)

    def get_meta(self, key: str) -> str | None:
        """The note that `set_meta` wrote under `key`."""
        with self._store.read() as connection:
            found: str | None = counted.note(connection, key)
            return found

    def set_meta(self, key: str, value: str) -> None:
        """Keep a small note about the base itself, such as the edition it was built from."""
        with self._store.write() as connection:
            counted.write_note(connection, key, value)

    # ---- transfer --------------------------------------------------------------------------------

    def export(self, path: str | Path, *, force: bool = False) -> int:
        """Write all but the vectors as JSON Lines, gzip if the name ends in `.gz`; returns the number of items.

        Raises:
            InputError: a file of that name is there and `force` is not given, or it is the base's own.
            StoreError: the disk refuses.
        """
        return transfer.export(self._store, path, force=force)

    def import_(self, path: str | Path, *, actor: str = "") -> transfer.Imported:
        """Bring an export into this base: everything if it is empty, else the current items that are new to it.

        Raises:
            InputError: the file is not a whole export. StoreError: it is newer, or contradicts itself.
        """

        def teach(items: Sequence[NewItem], reason: str) -> builtins.list[Item]:
            return self.teach_many(items, actor=actor or "import", reason=reason)

        return transfer.import_(self._store, path, teach)

    def backup(self, path: str | Path, *, force: bool = False) -> None:
        """Write a checked copy of the base while it is in use; `force` replaces an older file.

        Raises:
            InputError: the file exists. StoreError: the disk refuses; the older file is kept.
        """
        transfer.backup(self._store, path, force=force)

    @staticmethod
    def restore_backup(path: str | Path, url: str | Path) -> None:
        """Put a backup in place as a new base at `url`, whole or not at all.

        Raises:
            InputError: it is not a backup, or a base exists there. StoreError: it is damaged or newer.
        """
        transfer.restore_backup(path, url)

    # ---- answers --------------------------------------------------------------------------------

    def keep_answer(self, answer_id: str, question: str, answer: Mapping[str, Any]) -> None:
        """Remember an answer, so that it can be corrected by its id; not if what it names was erased meanwhile."""
        json_line({"question": question, "answer": answer}, "the answer")  # which an export has to hold
        with self._store.write() as connection:
            writer.keep_answer(connection, answer_id, question, answer)

    def answer(self, answer_id: str) -> Mapping[str, Any]:
        """An earlier answer, with `question`, `answer` and `time`.

        Raises:
            NotFound: no such answer.
        """
        with self._store.read() as connection:
            return reader.answer(connection, answer_id)

    # ---- embedding ------------------------------------------------------------------------------

    @property
    def embedding(self) -> str:
        """The name of the embedder this base serves with."""
        with self._store.read() as connection:
            return serving_row(connection, self._store.name).name

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The unit vectors (n, d) of `texts` by the embedder this base serves with; d is 0 where it has none."""
        return self._serving.embedded([texts])[1][0]

    def reindex(self, embedding: str, *, actor: str = "", progress: Progress | None = None) -> bool:
        """Embed everything anew with another embedder; the old vectors serve until the new ones are whole.

        An interrupted call continues where it stopped when repeated. Returns False if there is nothing to do.

        Raises:
            InputError: the embedder is unknown. ModelError: it failed; the old one stays in service.
        """
        changed = reindex(self._store, embedding, actor=actor or "unknown", progress=progress)
        if changed:
            self.save_index()
        return changed

    def save_index(self) -> None:
        """Save what lets the next search begin quickly: a copy on disk, or on a server its index of vectors."""
        with self._store.read() as connection:
            self._serving.index(connection).save(connection)
