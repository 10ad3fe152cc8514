"""Passages of other servers, by the Model Context Protocol: a further source where the base has no answer, and never trusted.

What such a server says is text like that of any stranger: it is cut, its invisible characters are removed, it is quoted as 'anonymous',
it becomes no fact and is kept by nobody but in the answer that quotes it. No link in it is followed, no other tool is called than
the one that `yukawa.toml` names.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any, Self

from yukawa.core.addresses import check_web_address
from yukawa.core.errors import InputError, ModelError, YukawaError, check_installed
from yukawa.core.settings import SourceSettings, read_key
from yukawa.knowledge.records import Hit, Provenance
from yukawa.knowledge.texts import without_unseen

LONGEST = 4_000
"""Characters that are read of a passage."""
MARK = "outside:"
"""So begins the id of a passage that is in no base."""
log = logging.getLogger(__name__)


class Outside:
    """Servers whose passages are looked at.

    Args:
        rows: those to ask, each with its tool.

    Raises:
        InputError: a row names neither or both of an address and a command, or its address is not one of the web.
        MissingPackage: the package `mcp` is missing.
    """

    def __init__(self, rows: Sequence[SourceSettings]) -> None:
        for row in rows:
            if bool(row.url) == bool(row.command):
                raise InputError(
                    f"sources.{row.name} needs either url or command",
                    hint='write for instance url = "https://…/mcp"',
                )
            if row.url:
                check_web_address(row.url, f"sources.{row.name}", 'write for instance url = "https://…/mcp"')
        check_installed("mcp", "sources of the Model Context Protocol", "server")
        self._rows = list(rows)
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="yukawa-outside")

    @classmethod
    def of(cls, rows: Mapping[str, SourceSettings]) -> Self | None:
        """Those rows that are enabled; None if none is."""
        enabled = [row for row in rows.values() if row.enabled]
        return cls(enabled) if enabled else None

    def passages(self, question: str) -> list[Hit]:
        """What the servers say to a question, in the order of the rows; one that fails says nothing, which is logged."""
        # A thread of its own, since the caller's may run an event loop.
        return self._threads.submit(asyncio.run, self._all(question)).result()

    async def _all(self, question: str) -> list[Hit]:
        found = await asyncio.gather(*(self._of(row, question) for row in self._rows))
        texts = [(row, text) for row, several in zip(self._rows, found, strict=True) for text in several]
        return [_hit(row, text, number) for number, (row, text) in enumerate(texts, start=1)]

    async def _of(self, row: SourceSettings, question: str) -> list[str]:
        try:
            async with asyncio.timeout(row.timeout_s):
                return await _search(row, question)
        except (YukawaError, OSError, TimeoutError) as error:
            log.warning("the source %s failed: %s", row.name, error or "no reply in time")
        except Exception as error:  # noqa: BLE001 -- of a stranger's server and of the libraries that speak to it
            log.warning("the source %s failed: %s", row.name, type(error).__name__)
        return []


async def _search(row: SourceSettings, question: str) -> list[str]:
    """The passages of one reply."""
    from mcp import Client, StdioServerParameters
    from mcp.client.streamable_http import streamable_http_client

    async with AsyncExitStack() as opened:
        server: Any
        if row.url:
            from yukawa.core import transport

            http = await opened.enter_async_context(transport.async_client(row.timeout_s, row.timeout_s))
            if row.key_variable:
                key = read_key(row.key_variable, f"sources.{row.name}")
                http.headers["authorization"] = f"Bearer {key}"
            server = streamable_http_client(row.url, http_client=http)
        else:
            server = StdioServerParameters(command=row.command[0], args=list(row.command[1:]))
        client = await opened.enter_async_context(Client(server))
        reply = await client.call_tool(row.tool, {row.argument: question})
    texts = [part.text for part in reply.content if part.type == "text"]
    if reply.is_error:
        raise ModelError(f"its tool {row.tool!r} says: {' '.join(texts)[:200]}")
    plain = (without_unseen(text[:LONGEST]).strip() for text in texts)
    return [text for text in plain if text][: row.passages]


def _hit(row: SourceSettings, text: str, number: int) -> Hit:
    """A passage as a search would find it, trusted as what nobody put a name to."""
    digest = hashlib.sha256(f"{row.name}\0{text}".encode()).hexdigest()[:12]
    provenance = Provenance("unknown", f"{row.name} (outside this base)", None, None, "particle physics")
    return Hit(
        f"{MARK}{row.name}:{digest}", -number, text, 1.0 / number, 0.0, 0.0, "document", None, 1, provenance, {}, trust="anonymous"
    )  # fmt: skip
