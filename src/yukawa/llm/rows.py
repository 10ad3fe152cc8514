"""A row of `yukawa.toml` becomes a model: its backend, and the manner in which the row wants it to answer."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from yukawa.core.errors import unknown_name
from yukawa.core.settings import ModelSettings
from yukawa.llm.base import GREEDY, Capabilities, ChatModel, GenerationOptions, Message, Reply

# A new backend is one line here, its name in `ModelSettings.backend`, and a class with `from_settings`.
_BACKENDS = {
    "openai": ("yukawa.llm.openai", "OpenAIModel"),
    "transformers": ("yukawa.llm.local", "TransformersModel"),
    "llamacpp": ("yukawa.llm.llamacpp", "LlamaCppModel"),
    "quote": ("yukawa.llm.quote", "QuoteModel"),
    "scripted": ("yukawa.llm.scripted", "ScriptedModel"),
}
_LEFT_OPEN = ("temperature", "top_p", "max_tokens")


def open_model(settings: ModelSettings) -> ChatModel:
    """The model of a row of `yukawa.toml`: its backend is imported, nothing is loaded or connected before it is used.

    What the row says of `system`, `temperature`, `top_p` and `max_tokens` holds for every conversation that does not
    say otherwise.

    Raises:
        InputError: the backend is unknown, or the row lacks something that the backend needs.
        MissingPackage: the package of the backend is not installed.
    """
    try:
        module, name = _BACKENDS[settings.backend]
    except KeyError:
        raise unknown_name(f"models.{settings.name}.backend", settings.backend, _BACKENDS) from None
    model: ChatModel = getattr(import_module(module), name).from_settings(settings)
    defaults = {key: getattr(settings, key) for key in _LEFT_OPEN if getattr(settings, key) is not None}
    return ModelWithManner(model, settings.system or "", defaults) if settings.system or defaults else model


@dataclass(eq=False, repr=False)
class ModelWithManner:
    """Another model whose conversations open with a system message and whose options have other defaults.

    Args:
        model: the model that answers.
        system: said before the system message of a conversation, if it has one; '' for nothing.
        defaults: temperature, top_p and max_tokens, for calls whose options leave them open.
    """

    model: ChatModel
    system: str
    defaults: Mapping[str, Any]

    def __post_init__(self) -> None:
        self.name = self.model.name

    async def chat(self, messages: Sequence[Message], options: GenerationOptions = GREEDY) -> Reply:
        """See `ChatModel.chat`."""
        return await self.model.chat(self._opened(messages), self._filled(options))

    def stream(self, messages: Sequence[Message], options: GenerationOptions = GREEDY) -> AsyncIterator[str]:
        """See `ChatModel.stream`."""
        return self.model.stream(self._opened(messages), self._filled(options))

    async def capabilities(self) -> Capabilities:
        """The capabilities of the model."""
        return await self.model.capabilities()

    async def aclose(self) -> None:
        """Close the model."""
        await self.model.aclose()

    def _opened(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The conversation with one system message, as many chat templates allow no second."""
        if not self.system or not messages:
            return messages
        if messages[0].role != "system":
            return [Message("system", self.system), *messages]
        return [Message("system", f"{self.system}\n\n{messages[0].content}"), *messages[1:]]

    def _filled(self, options: GenerationOptions) -> GenerationOptions:
        return replace(
            options,
            **{name: value for name, value in self.defaults.items() if getattr(options, name) is None},
        )
