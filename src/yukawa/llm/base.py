"""The protocol of all language models, the value objects it exchanges, and `open_model` for a row of `yukawa.toml`."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Literal, Protocol, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from yukawa.core.config import one_line
from yukawa.core.errors import InputError, ReplyError, unknown_name
from yukawa.core.settings import ModelSettings

Role = Literal["system", "user", "assistant"]
Schema = TypeVar("Schema", bound=BaseModel)

_FENCED = re.compile(r"```(?:json)?[ \t]*\r?\n(.*)```", re.DOTALL | re.IGNORECASE)
_SHOWN_ERRORS = 5


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    Raises:
        InputError: the role is not one of system, user, assistant.
    """

    role: Role
    content: str

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise unknown_name("role of a message", self.role, get_args(Role))


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token of a reply and the natural logarithm of its probability."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a model.

    Attributes:
        text: the whole answer.
        model: the model that gave it, in its backend's own words.
        finish_reason: `stop` where the model ended by itself, `length` where it was cut; None if unknown.
        usage: `prompt_tokens`, `completion_tokens`, `total_tokens` where the backend counts them.
        logprobs: one entry for each token, where they were requested.
    """

    text: str
    model: str
    finish_reason: str | None
    usage: dict[str, int] | None
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The abilities of a model.

    Attributes:
        streaming: replies arrive piece by piece, not whole at the end.
        json_schema: the backend itself holds a reply to a schema; without it the schema is put into the prompt.
        logprobs: the log-probabilities of tokens can be requested.
        context_length: longest prompt and answer together in tokens; None if unknown.
    """

    streaming: bool
    json_schema: bool
    logprobs: bool
    context_length: int | None


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How a model answers.

    Attributes:
        schema: the answer is JSON of this shape; its text is not validated here, `structured` does that.
        temperature: 0 is greedy.
        max_tokens: longest answer; None leaves it to the backend.
        logprobs: whether a whole answer comes with the log-probabilities of its tokens.
    """

    schema: type[BaseModel] | None = None
    temperature: float = 0.0
    max_tokens: int | None = None
    logprobs: bool = False


GREEDY = GenerationOptions()


class ChatModel(Protocol):
    """Any language model. `capabilities` is a coroutine: a server or a file may have to be asked."""

    name: str

    async def chat(self, messages: Sequence[Message], options: GenerationOptions = GREEDY) -> Reply:
        """Answer the last message, whole.

        Args:
            messages: the conversation, oldest first.
            options: how to answer.

        Raises:
            InputError: the backend cannot do what the options want.
            ModelError: the model failed or cannot be reached.
        """
        ...

    def stream(self, messages: Sequence[Message], options: GenerationOptions = GREEDY) -> AsyncIterator[str]:
        """Answer the last message piece by piece; an answer cut half-way ends in a ModelError."""
        ...

    async def capabilities(self) -> Capabilities:
        """The abilities of this model."""
        ...

    async def aclose(self) -> None:
        """Let go of connections and memory; closing twice is allowed."""
        ...


# A new backend is one line here, its name in `ModelSettings.backend`, and a class with `from_settings`.
_BACKENDS = {
    "openai": ("yukawa.llm.openai", "OpenAIModel"),
    "transformers": ("yukawa.llm.local", "TransformersModel"),
    "quote": ("yukawa.llm.quote", "QuoteModel"),
    "scripted": ("yukawa.llm.scripted", "ScriptedModel"),
}


def open_model(settings: ModelSettings) -> ChatModel:
    """The model of a row of `yukawa.toml`: its backend is imported, nothing is loaded or connected before it is used.

    Raises:
        InputError: the backend is unknown, or the row lacks something that the backend needs.
        MissingPackage: the package of the backend is not installed.
    """
    try:
        module, name = _BACKENDS[settings.backend]
    except KeyError:
        raise unknown_name(f"models.{settings.name}.backend", settings.backend, _BACKENDS) from None
    model: ChatModel = getattr(import_module(module), name).from_settings(settings)
    return model


def needed(settings: ModelSettings, key: str, example: str = "...") -> str:
    """The value of a key without which the backend of a row cannot work.

    Raises:
        InputError: the row does not have it.
    """
    value: str | None = getattr(settings, key)
    if value is None:
        raise InputError(
            f"model {settings.name!r} (backend {settings.backend}) lacks the key {key!r}",
            hint=f'add {key} = "{example}" under [models.{settings.name}]',
        )
    return value


async def structured(
    model: ChatModel,
    messages: Sequence[Message],
    schema: type[Schema],
    options: GenerationOptions = GREEDY,
) -> Schema:
    """A reply as an instance of `schema`, from any backend.

    A reply that does not fit is shown to the model once, together with what is wrong with it.

    Raises:
        ReplyError: the second reply does not fit either.
    """
    asked = list(messages)
    complaint = ""
    for _ in range(2):
        reply = await model.chat(asked, replace(options, schema=schema))
        try:
            return schema.model_validate_json(json_part(reply.text))
        except ValidationError as error:
            complaint = one_line(error, schema, _SHOWN_ERRORS)
        if reply.finish_reason == "length":
            complaint = f"cut at the token limit; {complaint}"
        asked += [
            # Several servers refuse an empty turn.
            Message("assistant", reply.text.strip() or "(nothing)"),
            Message(
                "user",
                f"That reply is not valid: {complaint}. Reply with the corrected JSON and nothing else.",
            ),
        ]
    raise ReplyError(
        f"model {model.name!r} gave no valid {schema.__name__} in two replies: {complaint}",
        hint="try again, or choose a model that is better at JSON",
    )


def json_part(text: str) -> str:
    """The JSON of a reply, without the code fence (and the words around it) that models like to add."""
    bare = text.strip()
    fenced = None if bare.startswith(("{", "[")) else _FENCED.search(bare)
    return fenced.group(1).strip() if fenced else bare


def ask_in_words(messages: Sequence[Message], schema: type[BaseModel]) -> list[Message]:
    """The conversation with the schema written into its last message, for backends that enforce none."""
    wish = (
        "Reply with one JSON value and nothing else. It must be valid under this JSON schema:\n"
        f"{json.dumps(schema.model_json_schema(), ensure_ascii=False)}"
    )
    last = messages[-1]
    return [*messages[:-1], Message(last.role, f"{last.content}\n\n{wish}")]


def need_messages(messages: Sequence[Message], name: str) -> None:
    """Refuse an empty conversation.

    Raises:
        InputError: there is no message.
    """
    if not messages:
        raise InputError(f"model {name!r} received no message", hint="pass at least one Message('user', ...)")
