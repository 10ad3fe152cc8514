"""Any server that speaks the OpenAI embeddings protocol: hosted services, vLLM, Ollama, llama.cpp."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import openai

from yukawa.core import transport
from yukawa.core.addresses import account, check_web_address, shown_address
from yukawa.core.errors import InputError, ModelError, unknown_name
from yukawa.core.processes import Tick
from yukawa.core.redaction import shortened
from yukawa.core.settings import read_key
from yukawa.embedding.base import Vectors, normalise_rows, replace_surrogates

_BATCH = 64  # texts of a request
_NUMBERS = 1 << 17  # of a reply, each of some twenty characters
_FAILURES = (
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)  # of a client that checks no shapes
_SPEC = re.compile(r"([^@]+)@([A-Za-z][A-Za-z0-9+.-]{0,30}://.*)", re.DOTALL)  # an account may be part of it
_FORM = "openai:MODEL@BASE_URL?key=VARIABLE"


class OpenAIEmbedder:
    """A model behind a URL; rate limits (429), server errors (5xx) and time-outs are tried again with growing waits.

    User and password may be part of the address; they are sent, and appear in no message and in no name.

    Args:
        model: the service's name for the model.
        base_url: root of the API, usually ending in `/v1`.
        key_variable: environment variable with the key; None for a server without keys.
        timeout_s: longest silence, in seconds.
        deadline_s: longest exchange, in seconds, all attempts together.
        retries: how often a failed request is sent again.

    Raises:
        InputError: `base_url` is not a web address, or the key variable is not set.
    """

    def __init__(
        self,
        model: str,
        base_url: str,
        *,
        key_variable: str | None = None,
        timeout_s: float = 60.0,
        deadline_s: float = transport.LONGEST_S,
        retries: int = 4,
    ) -> None:
        # The name of the key variable does not belong to the identity: renaming it does not change the vectors.
        self.name = f"openai:{model}@{shown_address(base_url)}"
        check_web_address(base_url, f"embedder {self.name!r}", f"type: {_FORM}")
        self._model, self._deadline_s = model, deadline_s
        key = read_key(key_variable, f"embedder {self.name!r}")
        address, auth = account(base_url)
        self._client = openai.OpenAI(
            base_url=address,
            api_key=key,
            timeout=timeout_s,
            max_retries=retries,
            http_client=transport.client(timeout_s, deadline_s, auth=auth),
        )
        self._dimensions: int | None = None

    @classmethod
    def from_spec(cls, spec: str) -> "OpenAIEmbedder":
        """Make an embedder from 'MODEL@BASE_URL', optionally with '?key=VARIABLE'.

        Raises:
            InputError: `spec` has another form.
        """
        found = _SPEC.fullmatch(spec)
        model, url = found.groups() if found else spec.rpartition("@")[::2]
        base_url, _, query = url.partition("?")
        options = parse_qs(query, keep_blank_values=True)
        for option in set(options) - {"key"}:
            raise unknown_name(f"option of 'openai:{spec}'", option, ["key"])
        if not model:
            raise InputError(
                f"'openai:{shown_address(spec)}' does not say which model at which address",
                hint=f"type: {_FORM}",
            )
        return cls(model, base_url.rstrip("/"), key_variable=options["key"][-1] if options else None)

    @property
    def dimensions(self) -> int:
        """The server states it when it is first needed.

        Raises:
            ModelError: the server cannot be reached or failed.
        """
        if self._dimensions is None:
            self._dimensions = int(self._request(["dimensions"]).shape[1])
        return self._dimensions

    def embed(self, texts: Sequence[str], *, progress: Tick | None = None) -> Vectors:
        """See `Embedder.embed`.

        Raises:
            ModelError: the server cannot be reached, failed, refused, or sent something that is not a list of vectors.
        """
        parts = [np.empty((0, self.dimensions), dtype=np.float32)]
        batch = min(max(_NUMBERS // self.dimensions, 1), _BATCH)
        for start in range(0, len(texts), batch):
            # An empty text is refused.
            block = [replace_surrogates(text) or " " for text in texts[start : start + batch]]
            parts.append(self._request(block))
            if progress:
                progress(len(block))
        return np.concatenate(parts)

    def _request(self, texts: list[str]) -> Vectors:
        create = self._client.embeddings.create
        try:
            reply = transport.within(
                self._deadline_s, lambda: create(model=self._model, input=texts, encoding_format="float")
            )
        except (openai.APIError, transport.LimitExceeded, *_FAILURES) as error:
            raise ModelError(f"embedder {self.name!r} failed: {shortened(str(error))}") from error
        vectors = self._vectors(reply, len(texts))
        if self._dimensions is None:
            self._dimensions = vectors.shape[1]
        if vectors.shape[1] != self._dimensions:
            raise ModelError(
                f"embedder {self.name!r} sent vectors of {vectors.shape[1]} dimensions after {self._dimensions}",
                hint="the server's model has changed: reindex the knowledge base",
            )
        return normalise_rows(vectors)

    def _vectors(self, reply: Any, count: int) -> Vectors:
        """The rows of a reply in the order of the request; the client does not validate what it parses."""
        try:
            rows = sorted(reply.data, key=lambda row: row.index)
            vectors = np.array([row.embedding for row in rows], dtype=np.float32)
        except (AttributeError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                f"embedder {self.name!r} sent something that is not a list of vectors: {shortened(str(error))}"
            ) from error
        if vectors.ndim != 2 or [row.index for row in rows] != list(range(count)):
            raise ModelError(
                f"embedder {self.name!r} sent {len(rows)} rows of shape {vectors.shape} for {count} texts"
            )
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise ModelError(f"embedder {self.name!r} sent a vector that is zero or not finite")
        return vectors
