"""The one doorway from a row of `yukawa.toml` to a model; a backend is imported when first asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from yukawa.core.errors import InputError, nearest
from yukawa.llm.base import ChatModel

if TYPE_CHECKING:
    from yukawa.core.settings import ModelSettings

# A new backend is one line here, its name in `ModelSettings.backend`, and a class with `from_settings`.
_BACKENDS = {
    "openai": ("yukawa.llm.openai", "OpenAIModel"),
    "transformers": ("yukawa.llm.local", "TransformersModel"),
    "quote": ("yukawa.llm.quote", "QuoteModel"),
    "scripted": ("yukawa.llm.scripted", "ScriptedModel"),
}


def open_model(settings: ModelSettings) -> ChatModel:
    """The model that `settings` describes; nothing is loaded or connected before it is used.

    Raises:
        InputError: the backend is unknown, or the row lacks something that the backend needs.
        MissingPackage: the backend's package is not installed.
    """
    try:
        module, name = _BACKENDS[settings.backend]
    except KeyError:
        near, allowed = nearest(settings.backend, _BACKENDS), ", ".join(_BACKENDS)
        raise InputError(
            f"model {settings.name!r} has the backend {settings.backend!r}; allowed are {allowed}",
            hint=f"did you mean {near!r}?" if near else "",
        ) from None
    backend = getattr(importlib.import_module(module), name)
    return cast(ChatModel, backend.from_settings(settings))
