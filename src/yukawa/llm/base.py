"""The protocol of all language models, the value objects it exchanges, and replies that fit a schema."""

import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from yukawa.core.errors import InputError, ModelError, ReplyError, unknown_name
from yukawa.core.settings import ModelSettings
from yukawa.core.validation import one_line

Role = Literal["system", "user", "assistant"]
Schema = TypeVar("Schema", bound=BaseModel)

_FENCED = re.compile(r"```(?:json)?[ \t]*\r?\n(.*)```", re.DOTALL | re.IGNORECASE)
_SHOWN_ERRORS = 5
NEW_TOKENS = 1024  # the limit of an answer without one, where a model may never end by itself


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
        temperature: 0 is greedy; None leaves it to the model's row of `yukawa.toml`, which is greedy unless it says more.
        max_tokens: longest answer; None leaves it to the row, and then to the backend.
        logprobs: whether a whole answer comes with the log-probabilities of its tokens.
        top_p: sample among the likeliest tokens that together have this probability; None leaves it to the row.
        seed: of the random numbers, where the temperature is above 0; None takes another each time.
        stop: the answer ends before the first of these strings.
    """

    schema: type[BaseModel] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    logprobs: bool = False
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


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
        """Answer the last message piece by piece.

        Raises:
            CutReply: after the last piece, the answer was cut at its token limit.
            ModelError: the model failed, also half-way.
        """
        ...

    async def capabilities(self) -> Capabilities:
        """The abilities of this model."""
        ...

    async def aclose(self) -> None:
        """Let go of connections and memory; closing twice is allowed."""
        ...


class CutReply(ModelError):
    """A streamed answer ended at its token limit; the pieces before are what there is of it."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"the answer of model {model!r} was cut at its token limit",
            hint=f"raise max_tokens under [models.{model}]",
        )


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

    A reply that does not fit is shown to the model once, together with what is wrong with it; one that was cut is
    requested again with double the limit.

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
            options = replace(options, max_tokens=doubled(reply, options))
            continue
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


def doubled(reply: Reply, options: GenerationOptions) -> int:
    """Twice the tokens at which a reply was cut: those of its limit, else those that it has."""
    counted = (reply.usage or {}).get("completion_tokens")
    return 2 * (options.max_tokens or counted or NEW_TOKENS)


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
