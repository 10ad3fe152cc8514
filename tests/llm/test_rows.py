"""A row of `yukawa.toml` becomes a model that answers in the manner of the row."""

import asyncio
import inspect

import pytest

from yukawa.core.errors import InputError
from yukawa.core.settings import ModelSettings
from yukawa.llm import GenerationOptions, Message, open_model
from yukawa.llm.llamacpp import LlamaCppModel
from yukawa.llm.local import TransformersModel
from yukawa.llm.openai import OpenAIModel
from yukawa.llm.quote import QuoteModel
from yukawa.llm.rows import ModelWithManner
from yukawa.llm.scripted import ScriptedModel


@pytest.mark.parametrize("backend", ["openai", "transformers", "llamacpp", "quote", "scripted"])
def test_each_backend_opens_under_its_own_name(tmp_path, backend):
    replies = tmp_path / "replies.txt"
    replies.write_text("one\n")
    row = ModelSettings(name="mine", backend=backend, model="some/model", replies=str(replies))
    model = open_model(row)
    assert model.name == "mine"
    modules = {"transformers": "local"}  # a module of that name would hide the library
    assert type(model).__module__ == f"yukawa.llm.{modules.get(backend, backend)}"


def test_every_backend_that_settings_allow_can_be_opened():
    from typing import get_args

    from yukawa.llm.rows import _BACKENDS

    assert set(get_args(ModelSettings.model_fields["backend"].annotation)) == set(_BACKENDS)


def test_an_unknown_backend_is_answered_with_the_nearest():
    row = ModelSettings.model_construct(name="mine", backend="open-ai")
    with pytest.raises(
        InputError, match=r"unknown models.mine.backend 'open-ai' .did you mean 'openai'. allowed: openai, "
    ):
        open_model(row)


class Recorder(ScriptedModel):
    """Remembers the options too."""

    def __init__(self) -> None:
        super().__init__(lambda _: "yes")
        self.options: list[GenerationOptions] = []

    async def chat(self, messages, options=None):
        self.options.append(options)
        return await super().chat(messages)

    async def stream(self, messages, options=None):
        self.options.append(options)
        async for piece in super().stream(messages):
            yield piece


def said(messages, options=None, system="Be brief.", **defaults):
    """The conversations and the options that reached the model, by `chat` and by `stream`."""
    inner = Recorder()
    model = ModelWithManner(inner, system, defaults)

    async def work():
        await model.chat(messages, options or GenerationOptions())
        _ = [piece async for piece in model.stream(messages, options or GenerationOptions())]
        await model.aclose()

    asyncio.run(work())
    assert inner.asked[0] == inner.asked[1]
    assert inner.options[0] == inner.options[1]
    return inner.asked[0], inner.options[0]


ASK = [Message("user", "Spin of the W?")]


def test_the_system_of_a_row_opens_the_conversation_in_one_message():
    assert said(ASK)[0] == [Message("system", "Be brief."), *ASK]
    assert said([Message("system", "Cite."), *ASK])[0] == [Message("system", "Be brief.\n\nCite."), *ASK]
    assert said(ASK, system="")[0] == ASK


def test_the_options_of_a_call_win_over_those_of_the_row():
    row = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 100}
    assert said(ASK, **row)[1] == GenerationOptions(**row)
    chosen = GenerationOptions(temperature=0.0, max_tokens=5, stop=("x",))
    assert said(ASK, chosen, **row)[1] == GenerationOptions(
        temperature=0.0, max_tokens=5, stop=("x",), top_p=0.9
    )


@pytest.mark.parametrize("key", [{"system": "s"}, {"temperature": 0.5}, {"top_p": 0.5}, {"max_tokens": 5}])
@pytest.mark.parametrize("backend", ["openai", "transformers", "llamacpp", "quote"])
def test_every_backend_has_a_manner(backend, key):
    model = open_model(ModelSettings(name="m", backend=backend, model="x", **key))
    assert isinstance(model, ModelWithManner)
    assert model.name == "m"


@pytest.mark.parametrize("model", [LlamaCppModel, OpenAIModel, TransformersModel, ScriptedModel, QuoteModel])
def test_what_a_model_keeps_for_itself_is_not_given_to_it(model):
    assert [name for name in inspect.signature(model).parameters if name.startswith("_")] == []
