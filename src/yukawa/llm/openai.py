"""Any server that speaks the OpenAI chat protocol: hosted services, vLLM, SGLang, Ollama, llama.cpp."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, replace
from typing import Any, Self

import httpx2 as httpx
import openai
from openai import AsyncOpenAI

from yukawa.core import transport
from yukawa.core.addresses import account, check_web_address, shown_address
from yukawa.core.errors import ModelError
from yukawa.core.redaction import SHOWN, Redactor, redacted, shortened
from yukawa.core.settings import ModelSettings, read_key
from yukawa.llm import base
from yukawa.llm.control import without_control

DEFAULT_URL = "https://api.openai.com/v1"
LONGEST_TEXT = 200_000
"""Characters of an answer: more than any model writes for a person to read."""
# With max_tokens: tokens of ordinary texts have some four characters, a few of white space or of signs many more.
_EACH, _BESIDES = 20, 500
_LONGEST_NAME = 200
_MOST = 10**12  # tokens, or nats
_FAILURES = (
    openai.APIError,
    transport.LimitExceeded,
    ValueError,
    RecursionError,
    TypeError,
    AttributeError,
    ArithmeticError,
)
_LONGEST_WAIT_S = 120  # a server that asks for more is not asked again by the client
# Some servers or models refuse these; `_body` does without them.
_DISPENSABLE = ("response_format", "max_tokens", "temperature", "top_p", "seed")

log = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)
class OpenAIModel:
    """A model behind a URL.

    Rate limits (429), server errors (5xx), conflicts (408, 409), time-outs and lost connections are tried again by the
    client of openai, which waits as long as the server asks, up to two minutes; no other refusal is. Where a server
    refuses `response_format`, the schema is put into the prompt; where it wants `max_completion_tokens`, or allows no
    choice of temperature, it gets what it wants. A refusal is remembered.

    Args:
        model: the name of the model at the service.
        name: the name in Yukawa.
        base_url: root of the API, usually ending in `/v1`.
        key_variable: environment variable with the key, read at each call; None for a server without keys.
        context_length: in tokens; None asks the server, which may not know.
        timeout_s: longest silence, in seconds.
        deadline_s: longest exchange, in seconds, all attempts together.
        retries: how often a failed request is sent again.

    Raises:
        InputError: `base_url` is not a web address.
    """

    model: str
    _: KW_ONLY
    name: str = ""
    base_url: str = DEFAULT_URL
    key_variable: str | None = None
    context_length: int | None = None
    timeout_s: float = 60.0
    deadline_s: float = transport.LONGEST_S
    retries: int = 3
    _refused: frozenset[str] = field(default=frozenset(), init=False)
    _open: tuple[asyncio.AbstractEventLoop, AsyncOpenAI] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.name = self.name or self.model
        hint = 'write it like base_url = "http://localhost:8000/v1"'
        check_web_address(self.base_url, f"model {self.name!r}", hint)

    @classmethod
    def from_settings(cls, settings: ModelSettings) -> Self:
        """The model of a row of `yukawa.toml`.

        Raises:
            InputError: the row does not name a model.
        """
        return cls(
            base.needed(settings, "model"), name=settings.name, base_url=settings.base_url or DEFAULT_URL,
            key_variable=settings.key_variable, context_length=settings.context_length, timeout_s=settings.timeout_s,
            deadline_s=settings.deadline_s,
        )  # fmt: skip

    async def chat(
        self, messages: Sequence[base.Message], options: base.GenerationOptions = base.GREEDY
    ) -> base.Reply:
        """See `ChatModel.chat`.

        Raises:
            InputError: the key variable is not set.
            ModelError: the server cannot be reached, failed, refused, or sent something that is not a reply.
        """
        more = {"logprobs": True} if options.logprobs else {}
        async with self._deadline():
            return self._reply(await self._create(messages, options, more), options)

    async def stream(
        self, messages: Sequence[base.Message], options: base.GenerationOptions = base.GREEDY
    ) -> AsyncIterator[str]:
        """See `ChatModel.stream`; requests are tried again until the server has begun to answer, never after.

        Of a server that ignores `max_tokens`, no more is read than 20 characters for each of them and 500 besides, where an
        event counts as a character at least.

        Raises:
            InputError: the key variable is not set.
            ModelError: as in `chat`, or the answer ended early.
        """
        async with self._deadline():
            streamed = {"stream": True, "extra_headers": {"Accept": transport.EVENTS}}
            events = await self._create(messages, options, streamed)
        reason: str | None = None
        failure: Exception | None = None
        secrets, length = Redactor(), 0
        try:
            async for event in events:
                choices = _rows(event, "choices")
                piece = "".join(map(_added, choices))
                words = [_word(getattr(choice, "finish_reason", None)) for choice in choices]
                reason = next(filter(None, reversed(words)), reason)
                length = self._measured(length + max(len(piece), 1), options)
                if shown := secrets.piece(piece):
                    yield shown
        except (*_FAILURES, httpx.HTTPError) as error:
            failure = error
        finally:
            if hasattr(events, "close"):
                await events.close()
        if rest := secrets.rest():
            yield rest
        if failure is not None:
            raise self._cut(failure) from failure
        self._need_whole(reason)

    async def capabilities(self) -> base.Capabilities:
        """The abilities of the protocol, less those that this server has refused; asks `/models` for the context length.

        Raises:
            InputError: the key variable is not set.
            ModelError: the server cannot be reached.
        """
        return base.Capabilities(
            streaming=True,
            json_schema="response_format" not in self._refused,
            logprobs=True,
            context_length=self.context_length or await self._served_length(),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._open is not None:
            loop, client = self._open
            self._open = None
            if loop is asyncio.get_running_loop():
                await client.close()

    async def _client(self) -> AsyncOpenAI:
        """The client of the running loop: its connections cannot be carried over to another."""
        loop = asyncio.get_running_loop()
        if self._open is None or self._open[0] is not loop:
            address, auth = account(self.base_url)
            client = AsyncOpenAI(
                api_key="none", base_url=address, timeout=self.timeout_s, max_retries=self.retries,
                http_client=transport.async_client(self.timeout_s, self.deadline_s, auth=auth),
            )  # fmt: skip
            self._open = (loop, client)
        client = self._open[1]
        client.api_key = self._key()
        return client

    async def _as_data(self, text: str) -> str:
        """The words of a message as they are sent; a backend that knows its control tokens breaks these too."""
        return without_control(text)

    def _key(self) -> str:
        return read_key(self.key_variable, f"model {self.name!r}")

    async def _create(
        self, messages: Sequence[base.Message], options: base.GenerationOptions, more: dict[str, Any]
    ) -> Any:
        """Ask for a completion, doing without whatever this server turns out to refuse."""
        base.need_messages(messages, self.name)
        messages = [replace(message, content=await self._as_data(message.content)) for message in messages]
        create: Callable[..., Awaitable[Any]] = (await self._client()).chat.completions.create
        refused = self._refused
        while True:
            body = self._body(messages, options, refused) | more
            try:
                answer = await create(**body)
            except _FAILURES as error:
                culprit = _refused_parameter(error, body)
                if culprit is None:
                    raise self._explained(error) from error
                log.warning("model %r refuses %s; asking without it", self.name, culprit)
                refused |= {culprit}
                continue
            # Learnt only now: a request that fails either way was refused for another reason.
            self._refused = refused
            return answer

    def _body(
        self, messages: Sequence[base.Message], options: base.GenerationOptions, refused: frozenset[str]
    ) -> dict[str, Any]:
        """The body of a request, without the options that the server refused before."""
        schema = options.schema
        body: dict[str, Any] = {"model": self.model}
        if schema is not None and "response_format" in refused:
            messages = base.ask_in_words(messages, schema)
        elif schema is not None:
            described = {"name": schema.__name__, "schema": schema.model_json_schema()}
            body["response_format"] = {"type": "json_schema", "json_schema": described}
        if options.max_tokens is not None:
            body["max_completion_tokens" if "max_tokens" in refused else "max_tokens"] = options.max_tokens
        chosen = {
            "temperature": options.temperature or 0.0, "top_p": options.top_p, "seed": options.seed,
            "stop": list(options.stop) or None,
        }  # fmt: skip
        body |= {key: value for key, value in chosen.items() if value is not None and key not in refused}
        return body | {"messages": [asdict(message) for message in messages]}

    async def _served_length(self) -> int | None:
        """The context length in tokens that the server lists for the model; None if it does not say."""
        client = await self._client()
        try:
            async with self._deadline():
                listed = await client.models.list()
        except _FAILURES as error:
            status = error.status_code if isinstance(error, openai.APIStatusError) else 500
            if status < 500 and status not in (401, 403, 429):
                return None  # a server need not list its models
            raise self._explained(error) from error
        for row in _rows(listed, "data"):
            length = getattr(row, "max_model_len", None)  # a field of vLLM and SGLang beside the protocol
            if getattr(row, "id", None) == self.model and _count(length):
                return _count(length)
        return None

    def _reply(self, answer: Any, options: base.GenerationOptions) -> base.Reply:
        """Turn the server's answer into a reply.

        Raises:
            ModelError: it is not of the OpenAI protocol, has no text, or has more of it than was allowed.
        """
        choice = next(iter(_rows(answer, "choices")), None)
        message = getattr(choice, "message", None)
        if choice is None or message is None:
            raise self._no_protocol(None)
        text, reason = getattr(message, "content", None), _word(getattr(choice, "finish_reason", None))
        if text is None and reason == "length":
            text = ""  # the limit was used up by reasoning, which servers deliver apart
        if not isinstance(text, str):
            refusal = getattr(message, "refusal", None)
            words = shortened(refusal) if isinstance(refusal, str) else f"finish reason {reason}"
            raise ModelError(f"model {self.name!r} answered without a text: {words}")
        self._measured(len(text), options)
        usage = getattr(answer, "usage", None)
        return base.Reply(
            text=redacted(_text(text)),
            model=redacted(_word(getattr(answer, "model", None)) or self.model),
            finish_reason=reason,
            usage=None if usage is None else _counts(usage),
            logprobs=self._logprobs(choice) if options.logprobs else None,
        )

    def _logprobs(self, choice: Any) -> tuple[base.TokenLogprob, ...]:
        content = _rows(getattr(choice, "logprobs", None), "content")
        pairs: list[tuple[Any, Any]] = [
            (getattr(item, "token", None), getattr(item, "logprob", None)) for item in content
        ]
        if not pairs or not all(isinstance(token, str) and _is_number(value) for token, value in pairs):
            raise ModelError(
                f"the server of model {self.name!r} did not give the log-probabilities of its tokens"
            )
        tokens = [_text(token) for token, _ in pairs]
        if redacted("".join(tokens)) != "".join(tokens):  # a secret may be broken between them
            tokens = [SHOWN] * len(tokens)
        return tuple(
            base.TokenLogprob(token, float(value)) for token, (_, value) in zip(tokens, pairs, strict=True)
        )

    @contextlib.asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        """The time in which all attempts must end; a stream is held to it by its transport."""
        try:
            with transport.deadline(self.deadline_s):
                async with asyncio.timeout(self.deadline_s):
                    yield
        except TimeoutError:
            raise ModelError(
                f"{shown_address(self.base_url)} has not answered model {self.name!r} within {self.deadline_s:g} s",
                hint=f"a longer wait is deadline_s under {self._row}",
            ) from None

    def _measured(self, length: int, options: base.GenerationOptions) -> int:
        """The length of an answer in characters, if a model may say so much.

        Raises:
            ModelError: it is longer.
        """
        most, tokens = LONGEST_TEXT, options.max_tokens
        if limited := tokens is not None and _EACH * tokens + _BESIDES < most:
            most = _EACH * tokens + _BESIDES
        if length > most:
            why = f"more than {tokens} tokens (max_tokens) have" if limited else "the most that is read"
            do = "raise" if limited else "set"
            raise ModelError(
                f"the answer of model {self.name!r} at {shown_address(self.base_url)} is longer than {most:,} characters, {why}",
                hint=f"{do} max_tokens under {self._row}; a server that ignores it is not to be trusted",
            )
        return length

    @property
    def _row(self) -> str:
        """Where a user writes what is to change."""
        return f"[models.{self.name}] of yukawa.toml"

    def _need_whole(self, reason: str | None) -> None:
        """An answer that ends early must not pass for a whole one."""
        if reason is None:
            raise self._cut(None)
        if reason == "length":
            raise base.CutReply(self.name)
        if reason == "content_filter":
            raise ModelError(
                f"model {self.name!r} stopped before the end of its answer (finish reason {reason})"
            )

    def _cut(self, error: Exception | None) -> ModelError:
        why = f": {_in_words(error)}" if error is not None else ""
        hint = "ask again"
        if isinstance(error, transport.LimitExceeded):
            hint = self._limit_hint(error)
        elif isinstance(error, httpx.TimeoutException | openai.APITimeoutError):
            why = f": its server was silent for {self.timeout_s:g} s"
            hint = f"ask again, or write a longer timeout_s under {self._row}"
        return ModelError(
            f"the answer of model {self.name!r} at {shown_address(self.base_url)} was cut half-way{why}; it is incomplete",
            hint=hint,
        )

    def _limit_hint(self, error: transport.LimitExceeded) -> str:
        """What to do about a limit that was reached."""
        return error.hint or f"a longer wait is deadline_s under {self._row}"

    def _no_protocol(self, error: Exception | None) -> ModelError:
        why = f" ({_in_words(error)})" if error is not None else ""
        return ModelError(
            f"{shown_address(self.base_url)} answered model {self.name!r} with something that is not a chat completion{why}",
            hint="base_url must be the root of an OpenAI-compatible API; it usually ends in /v1",
        )

    def _explained(self, error: Exception) -> ModelError:
        """One line for a failure: the words of the server, and a remedy."""
        status = error.status_code if isinstance(error, openai.APIStatusError) else None
        if isinstance(error, transport.LimitExceeded):
            return ModelError(
                f"{shown_address(self.base_url)} oversteps its limits (model {self.name!r}): {error.message}",
                hint=self._limit_hint(error),
            )
        if status is None and not isinstance(error, openai.APIConnectionError):
            return self._no_protocol(error)
        again = self.retries and _is_tried_again(error)
        tried = f" after {self.retries + 1} attempts" if again else ""
        if isinstance(error, openai.APITimeoutError):
            return ModelError(
                f"{shown_address(self.base_url)} was silent for {self.timeout_s:g} s{tried} (model {self.name!r})",
                hint=f"is the server overloaded? A longer wait is timeout_s under {self._row}",
            )
        if isinstance(error, openai.APIStatusError):
            if elsewhere := transport.redirection(error.status_code, error.response.headers):
                return ModelError(
                    f"{shown_address(self.base_url)} does not answer model {self.name!r} itself: {elsewhere}",
                    hint=f"if you trust that address, make it the base_url under {self._row}",
                )
            return ModelError(
                f"{shown_address(self.base_url)} refused model {self.name!r}{tried}: {_in_words(error)}",
                hint=self._advice(error.status_code),
            )
        return ModelError(
            f"{shown_address(self.base_url)} cannot be reached{tried} (model {self.name!r}): {_in_words(error)}",
            hint=f"is the server running? Check base_url under {self._row}",
        )

    def _advice(self, status: int) -> str:
        if status in (401, 403):
            if self.key_variable is None:
                return f"the server wants a key: put key_variable under {self._row}"
            return f"check the key in the variable {self.key_variable}"
        if status in (408, 409, 429) or status >= 500:
            return "try again later"
        if status in (400, 413, 422):
            return f"check model, context_length and max_tokens under {self._row}, or ask more briefly"
        return f"check model and base_url under {self._row}"


def _rows(answer: object, field: str) -> list[Any]:
    """The list under `field`; empty where a server sends something else: the client checks no shapes."""
    rows = getattr(answer, field, None)
    return rows if isinstance(rows, list) else []


def _refused_parameter(error: Exception, body: dict[str, Any]) -> str | None:
    """The dispensable part of `body` that a refusal is about.

    A server that names the culprit is believed. One that does not is taken to dislike `response_format`:
    servers without it say so in many different words.
    """
    if not isinstance(error, openai.APIStatusError) or error.status_code not in (400, 422):
        return None
    present = [key for key in _DISPENSABLE if key in body]
    if error.param in present:
        return error.param
    return "response_format" if "response_format" in present else None


def _is_tried_again(error: Exception) -> bool:
    """Whether the client has sent the request again before it gave up."""
    if not isinstance(error, openai.APIStatusError):
        return True
    asked = error.response.headers.get("retry-after", "")
    waits_too_long = asked.isdecimal() and (len(asked) > 9 or int(asked) > _LONGEST_WAIT_S)
    return (error.status_code in (408, 409, 429) or error.status_code >= 500) and not waits_too_long


def _in_words(error: Exception) -> str:
    """The message of a failure, shortened."""
    text = str(error)
    if isinstance(error, openai.APIStatusError):
        body = error.body
        said = body.get("message") if isinstance(body, dict) else body
        said = said or httpx.codes.get_reason_phrase(error.status_code) or "its server does not say why"
        text = f"HTTP {error.status_code}: {said}"
    elif isinstance(error, transport.LimitExceeded):
        text = error.message
    elif isinstance(error, openai.APIConnectionError) and error.__cause__ is not None:
        text = str(error.__cause__)
    elif isinstance(error, ValueError | RecursionError):
        text = f"unreadable JSON: {error}"
    return shortened(text) or "the connection was lost"


# What a server sends is of any type: the client checks no shapes.


def _text(value: object) -> str:
    """A text without halves of characters, which cannot be written; '' for something else."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _added(choice: object) -> str:
    """What an event of a stream adds to the answer.

    Raises:
        ValueError: it is not a text, so that the answer would lack a piece.
    """
    delta = getattr(choice, "delta", None)
    content = getattr(delta, "content", None)
    if not isinstance(content, str | None) or isinstance(delta, str | int | float | list):
        raise ValueError("it sent a piece that is not a text")
    return _text(content)


def _word(value: object) -> str | None:
    """A name of the protocol, of a length that can be one."""
    return _text(value) if isinstance(value, str) and len(value) <= _LONGEST_NAME else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST


def _count(value: object) -> int | None:
    """A number of tokens that there can be."""
    return int(value) if isinstance(value, int) and _is_number(value) and value >= 0 else None


def _counts(usage: Any) -> dict[str, int]:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    found = {name: _count(getattr(usage, name, None)) for name in names}
    return {name: count for name, count in found.items() if count is not None}
