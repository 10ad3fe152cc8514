"""Any server that speaks the OpenAI embeddings protocol: hosted services, vLLM, Ollama, llama.cpp."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import openai

from yukawa.core import transport
from yukawa.core.errors import InputError, ModelError, unknown_name
from yukawa.core.processes import Tick
from yukawa.core.settings import check_web_address, read_key
from yukawa.embedding.base import Vectors, normalise_rows, replace_surrogates

_BATCH = 64  # texts of a request
_SHOWN = 300  # characters of a server's message
_FORM = "openai:MODEL@BASE_URL?key=VARIABLE"


class OpenAIEmbedder:
    """A model behind a URL; rate limits (429), server errors (5xx) and time-outs are tried again with growing waits.

    Args:
        model: the service's name for the model.
        base_url: root of the API, usually ending in `/v1`.
        key_variable: environment variable with the key; None for a server without keys.
        timeout_s: longest silence, in seconds.
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
        retries: int = 4,
    ) -> None:
        # The name of the key variable does not belong to the identity: renaming it does not change the vectors.
        self.name = f"openai:{model}@{base_url}"
        check_web_address(base_url, f"embedder {self.name!r}", f"type: {_FORM}")
        self._model = model
        key = read_key(key_variable, f"embedder {self.name!r}")
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=key,
            timeout=timeout_s,
            max_retries=retries,
            http_client=transport.client(timeout_s),
        )
        self._dimensions: int | None = None

    @classmethod
    def from_spec(cls, spec: str) -> "OpenAIEmbedder":
        """Make an embedder from 'MODEL@BASE_URL', optionally with '?key=VARIABLE'.

        Raises:
            InputError: `spec` has another form.
        """
        model, _, url = spec.rpartition("@")
        base_url, _, query = url.partition("?")
        options = parse_qs(query, keep_blank_values=True)
        for option in set(options) - {"key"}:
            raise unknown_name(f"option of 'openai:{spec}'", option, ["key"])
        if not model:
            raise InputError(
                f"'openai:{spec}' does not say which model at which address", hint=f"type: {_FORM}"
            )
        return cls(model, base_url.rstrip("/"), key_variable=options["key"][-1] if options else None)

    @property
    def dimensions(self) -> int:
        """The server states it when it is first needed.

        Raises:
            ModelError: the server cannot be reached or failed.
        """
        if self._dimensions is None:
            return int(self._request(["dimensions"]).shape[1])
        return self._dimensions

    def embed(self, texts: Sequence[str], *, progress: Tick | None = None) -> Vectors:
        """See `Embedder.embed`.

        Raises:
            ModelError: the server cannot be reached, failed, refused, or sent something that is not a list of vectors.
        """
        parts = [np.empty((0, self.dimensions), dtype=np.float32)]
        for start in range(0, len(texts), _BATCH):
            # An empty text is refused.
            block = [replace_surrogates(text) or " " for text in texts[start : start + _BATCH]]
            parts.append(self._request(block))
            if progress:
                progress(len(block))
        return np.concatenate(parts)

    def _request(self, texts: list[str]) -> Vectors:
        try:
            reply = self._client.embeddings.create(model=self._model, input=texts, encoding_format="float")
        except (openai.APIError, ValueError) as error:
            raise ModelError(f"embedder {self.name!r} failed: {str(error)[:_SHOWN]}") from error
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
        except (AttributeError, TypeError, ValueError) as error:
            raise ModelError(
                f"embedder {self.name!r} sent something that is not a list of vectors: {error}"
            ) from error
        if vectors.ndim != 2 or [row.index for row in rows] != list(range(count)):
            raise ModelError(
                f"embedder {self.name!r} sent {len(rows)} rows of shape {vectors.shape} for {count} texts"
            )
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise ModelError(f"embedder {self.name!r} sent a vector that is zero or not finite")
        return vectors
