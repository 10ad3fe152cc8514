"""One search: the question read and embedded, the index asked, the passages fetched; most without a transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial

from yukawa.knowledge.parsing import read
from yukawa.knowledge.records import Hit
from yukawa.knowledge.search.local_index import Query
from yukawa.knowledge.search.serving import Serving
from yukawa.knowledge.store import reader
from yukawa.knowledge.store.database import Store, fetch
from yukawa.knowledge.store.missing import checked_moment


def search(
    store: Store,
    serving: Serving,
    query: str,
    k: int,
    as_of: dt.datetime | str | None,
    filters: Mapping[str, str | None],
) -> list[Hit]:
    """The `k` best passages for a checked `query`, best first; see `KnowledgeBase.search`."""
    terms = tuple(dict.fromkeys(read(query).terms()))
    filtered = any(filters.values())
    if as_of is None and not filtered and (ready := serving.at_rest()):
        # Nothing has changed since the last search: what is in memory answers as of this moment, and a passage that
        # goes before its text is fetched is left out.
        embedder, index = ready
        found = index.best(Query(lambda: embedder.embed([query])[0], terms, None, None, k))
        return reader.hits(store.glance, found)
    with store.read() as connection:
        embedder, whole = serving.open(connection)  # the embedder that this view serves with
        allowed = reader.allowed_passages(connection, filters) if filtered else None
        moment = checked_moment(connection, as_of)
        asked = Query(lambda: embedder.embed([query])[0], terms, moment, allowed, k)
        return reader.hits(partial(fetch, connection), whole.search(connection, asked))
