"""What clients of OpenAI send: requests whose known parameters have the right types, and whose others are ignored."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from yukawa.core.errors import nearest
from yukawa.llm import GenerationOptions, Message
from yukawa.server.problems import Refusal

GROUNDED = "yukawa"
"""The model that answers from the knowledge base; `yukawa/NAME` does so through the row of that name."""
_MESSAGES, _TEXTS = 1_000, 2_048
_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant",
}  # fmt: skip


class LenientForm(BaseModel):
    """A table whose unknown keys are ignored, as those of clients for other servers are, and whose values have their type."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)


class TurnForm(LenientForm):
    """One message of a conversation."""

    role: str
    content: str | list[dict[str, Any]] | None = None

    def text(self, place: str) -> str:
        """Its words.

        Raises:
            Refusal: it has none, or has pictures or sounds.
        """
        if self.content is None:
            raise Refusal(400, f"{place}.content is null; a text is expected", param=f"{place}.content")
        if isinstance(self.content, str):
            return self.content
        for part in self.content:
            if part.get("type") != "text" or not isinstance(part.get("text"), str):
                kind = str(part.get("type"))[:40]
                raise Refusal(
                    400, f"{place}.content has a part of the type {kind!r}; only text is read, and nothing is fetched",
                    param=f"{place}.content",
                )  # fmt: skip
        return "\n".join(part["text"] for part in self.content)


class StreamOptions(LenientForm):
    """How a reply is streamed."""

    include_usage: bool = False


class JsonSchemaForm(LenientForm):
    """A JSON schema with its name."""

    name: str = "reply"
    schema_: dict[str, Any] = Field(alias="schema")


class ResponseFormat(LenientForm):
    """The form of a reply."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchemaForm | None = None


class ChatForm(LenientForm):
    """The body of `/v1/chat/completions`; `as_of` and `domain` are ours."""

    model: str = Field(max_length=200)
    messages: list[TurnForm] = Field(min_length=1, max_length=_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    stop: str | Annotated[list[str], Field(max_length=16)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: int | None = None
    logprobs: bool | None = None
    response_format: ResponseFormat | None = None
    as_of: str | None = None
    domain: str | None = None

    def conversation(self) -> list[Message]:
        """The messages that have words.

        Raises:
            Refusal: a role is unknown, the last message is not a user's or is empty, or more than one reply is wanted.
        """
        if self.n not in (None, 1):
            raise Refusal(400, f"n is {self.n}; one reply is given", param="n")
        found = []
        for number, turn in enumerate(self.messages):
            place = f"messages.{number}"
            if turn.role not in _ROLES:
                raise Refusal(
                    400,
                    f"{place}.role is {turn.role[:40]!r}; allowed: {', '.join(_ROLES)}",
                    param=f"{place}.role",
                )
            if turn.content is None and turn.role == "assistant":
                continue  # it called a tool
            found.append(Message(_ROLES[turn.role], turn.text(place)))
        if not found or found[-1].role != "user":
            raise Refusal(400, "the last message must be the user's", param="messages")
        if not found[-1].content.strip():
            raise Refusal(
                400, "the last message is empty", param=f"messages.{len(self.messages) - 1}.content"
            )
        return found

    @property
    def stops(self) -> tuple[str, ...]:
        """The strings before which a reply ends."""
        given = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return tuple(text for text in given if text)

    def options(self) -> GenerationOptions:
        """How a model is to answer."""
        return GenerationOptions(
            schema=self._schema(), temperature=self.temperature, max_tokens=self.max_completion_tokens or self.max_tokens,
            logprobs=bool(self.logprobs), top_p=self.top_p, seed=self.seed, stop=self.stops,
        )  # fmt: skip

    def _schema(self) -> type[BaseModel] | None:
        """The schema of the reply as the backends take it: a class that says what the client said."""
        wanted = self.response_format
        if wanted is None or wanted.type == "text":
            return None
        if wanted.type == "json_schema" and wanted.json_schema is None:
            raise Refusal(400, "response_format.json_schema is missing", param="response_format.json_schema")
        schema = wanted.json_schema.schema_ if wanted.json_schema else {"type": "object"}

        def as_sent(cls: type[BaseModel], /, *given: object, **options: object) -> dict[str, Any]:
            """The schema of the client."""
            return schema

        return type("ClientSchema", (BaseModel,), {"model_json_schema": classmethod(as_sent)})


class EmbeddingForm(LenientForm):
    """The body of `/v1/embeddings`."""

    model: str = Field(max_length=200)
    input: Any
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None

    def texts(self) -> list[str]:
        """What is to be embedded.

        Raises:
            Refusal: it is not a text or a list of texts.
        """
        given = [self.input] if isinstance(self.input, str) else self.input
        if not isinstance(given, list) or not given:
            raise Refusal(400, "input must be a text or a list of texts that is not empty", param="input")
        if len(given) > _TEXTS:
            raise Refusal(400, f"input has {len(given):,} texts; at most {_TEXTS:,}", param="input")
        if not all(isinstance(text, str) for text in given):
            raise Refusal(400, "input must be text: token ids are not read", param="input")
        if not all(text.strip() for text in given):
            raise Refusal(400, "a text of input is empty", param="input")
        return given


def unknown_model(name: str, known: list[str]) -> Refusal:
    """The reply to a model that is not there."""
    near = nearest(name, known)
    meant = f"did you mean {near!r}? " if near else ""
    return Refusal(
        404,
        f"there is no model {name[:200]!r} ({meant}available: {', '.join(known)})",
        param="model",
        code="model_not_found",
    )
