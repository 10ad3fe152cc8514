"""Perplexity of documents under a served model whose server gives the log-probabilities of a prompt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from yukawa.core.addresses import account, check_web_address, shown_address
from yukawa.core.errors import InputError, ModelError
from yukawa.core.processes import in_threads
from yukawa.core.redaction import shortened
from yukawa.core.settings import ModelSettings, read_key
from yukawa.data.rows import Document
from yukawa.evaluation.perplexity import Losses

AT_ONCE = 4
_RETRIES = 5
_UNREADABLE = (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError)
_BYTES_EACH = 200  # of a reply, for each character of a document
_NOTE = "measured by its server, which scores no EOS: compare it with models measured without EOS"


@dataclass(frozen=True, slots=True)
class Service:
    """A row of `yukawa.toml` of the backend `openai`, whose server has `/completions` with `echo`, as vLLM has.

    Attributes:
        settings: the row.

    Raises:
        InputError: the row does not name a server and its model.
    """

    settings: ModelSettings

    def __post_init__(self) -> None:
        row = self.settings
        if row.base_url:
            check_web_address(
                row.base_url, f"model {row.name!r}", 'write base_url = "http://localhost:8000/v1"'
            )
        if row.backend != "openai" or not row.model or not row.base_url:
            raise InputError(
                f"model {row.name!r} names no server that could score documents",
                hint=f"write backend, model and base_url under [models.{row.name}], or name a folder by --model",
            )

    @property
    def name(self) -> str:
        """The name in reports."""
        return self.settings.name

    @property
    def _address(self) -> str:
        return shown_address(self.settings.base_url or "")

    def state(self) -> dict[str, Any]:
        """What would make its results differ, as far as that is known here."""
        return {"model": self.settings.model, "server": self._address}

    def losses(
        self, documents: Sequence[Document], progress: Callable[[int, int], None] | None = None
    ) -> Losses:
        """The losses of the model on each document.

        The server decides whether BOS precedes a text. Without it the first token is omitted, with its bytes.

        Args:
            documents: the test set.
            progress: called with finished and all documents.

        Raises:
            InputError: the key variable is not set.
            ModelError: the server cannot be reached, refuses, or gives no log-probabilities of prompts.
        """
        names = tuple(document.id for document in documents)
        found: dict[str, _ServedLoss] = {}
        with self._client(max(len(document.text) for document in documents)) as client:
            for document, loss in in_threads(partial(self._loss, client), documents, AT_ONCE):
                found[document.id] = loss
                if progress:
                    progress(len(found), len(documents))
        rows = [found[name] for name in names]
        how = {"bos": all(row.bos for row in rows), "eos": False, "context": None, "stride": None}
        return Losses(
            self.name, {**self.state(), **how}, names, names, np.array([row.loss for row in rows]),
            np.array([row.tokens for row in rows], np.int64), np.array([row.bytes for row in rows], np.int64),
            np.ones(len(rows), np.int64), (_NOTE,),
        )  # fmt: skip

    def _client(self, longest: int) -> Any:
        """A client for documents of at most this many characters: the reply has some hundred bytes for each token of them."""
        import openai

        from yukawa.core import transport

        row = self.settings
        address, auth = account(row.base_url or "")
        largest = transport.LARGEST + _BYTES_EACH * longest
        return openai.OpenAI(
            api_key=read_key(row.key_variable, f"model {self.name!r}"),
            base_url=address,
            timeout=row.timeout_s,
            max_retries=_RETRIES,
            http_client=transport.client(row.timeout_s, row.deadline_s, largest, auth=auth),
        )

    def _loss(self, client: Any, document: Document) -> _ServedLoss:
        """Let the server score the tokens of a document.

        Raises:
            ModelError: the server cannot be reached, refuses the text, or gives no log-probabilities of prompts.
        """
        import openai

        from yukawa.core import transport

        try:
            # Some servers refuse to generate nothing: one token is requested and dropped.
            create = partial(client.completions.create, prompt=document.text, max_tokens=1, temperature=0)
            answer = transport.within(
                self.settings.deadline_s,
                lambda: create(model=self.settings.model, echo=True, logprobs=1),
            )
        except openai.APIStatusError as error:
            raise ModelError(
                f"{self._address} refused document {document.id} for model {self.name!r}: {shortened(str(error))}",
                hint="a text must fit its context, and the server must have /completions with echo, as vLLM has",
            ) from error
        except (openai.APIError, transport.LimitExceeded, *_UNREADABLE) as error:
            raise ModelError(
                f"{self._address} cannot be reached for model {self.name!r}: {shortened(str(error))}",
                hint=f"is the server running? Check base_url under [models.{self.name}] of yukawa.toml",
            ) from error
        try:
            given = answer.choices[0].logprobs
            count = answer.usage.prompt_tokens
            return _scored(document.text, given.tokens[:count], given.token_logprobs[:count])
        except (LookupError, *_UNREADABLE):
            raise ModelError(
                f"the server of model {self.name!r} gives no log-probabilities of prompts",
                hint="servers such as vLLM do; with others, measure completions: "
                "yukawa evaluate completions DATA --chat NAME --out DIR",
            ) from None


@dataclass(frozen=True, slots=True)
class _ServedLoss:
    loss: float
    tokens: int
    bytes: int
    bos: bool


def _scored(text: str, tokens: Sequence[str], logprobs: Sequence[float | None]) -> _ServedLoss:
    """Sums over the tokens that were predicted: all but the first, which is BOS or the text's own.

    Raises:
        ValueError: these are not the log-probabilities of the whole text.
    """
    first, *rest = tokens
    bos = not (first and text.startswith(first))
    scored = [-value for value in logprobs[1:] if value is not None and math.isfinite(value)]
    whole = "".join(rest if bos else tokens)
    # Tokens that are parts of a character cannot be shown: only plain texts can be checked.
    if len(scored) != len(rest) or not rest or (text.isascii() and len(whole.strip()) < len(text.strip())):
        raise ValueError("the text is not scored to its end")
    return _ServedLoss(
        math.fsum(scored), len(scored), len(text.encode()) - (0 if bos else len(first.encode())), bos
    )
