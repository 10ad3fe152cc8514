"""Messages, structured replies from any backend, and from a row of settings to a model: what it costs to import."""

import asyncio
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import yukawa.llm
from yukawa.core.errors import InputError, ReplyError
from yukawa.llm import Message, structured
from yukawa.llm.base import ask_in_words, json_part
from yukawa.llm.scripted import ScriptedModel

ASK = [Message("user", "Mass of the Z?")]


class Mass(BaseModel):
    name: str
    value: float


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values)


@settings(max_examples=50)
@given(
    objects,
    st.sampled_from(["{}", " {}\n", "```json\n{}\n```", "```\n{}\n```", "Sure!\n```JSON\n{}\n```\nBye."]),
)
def test_json_is_found_in_whatever_wraps_it(value, wrapping):
    text = wrapping.replace("{}", json.dumps(value, ensure_ascii=False))
    assert json.loads(json_part(text)) == value


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False))
def test_a_structured_reply_is_the_object_that_was_written(name, value):
    wanted = Mass(name=name, value=value)
    model = ScriptedModel([wanted.model_dump_json()])
    assert asyncio.run(structured(model, ASK, Mass)) == wanted
    assert model.asked == [ASK]


def test_the_second_try_sees_the_first_reply_and_its_error():
    model = ScriptedModel(['{"name": "Z"}', '{"name": "Z", "value": 91.19}'])
    assert asyncio.run(structured(model, ASK, Mass)).value == 91.19
    first, second = model.asked
    assert second[: len(first)] == first
    assert second[1] == Message("assistant", '{"name": "Z"}')
    assert second[2].role == "user"
    assert "value is missing" in second[2].content


def test_an_empty_reply_is_not_sent_back_as_an_empty_turn():
    model = ScriptedModel(["", '{"name": "Z", "value": 1}'])
    asyncio.run(structured(model, ASK, Mass))
    assert all(message.content for message in model.asked[1])


def test_two_misfits_are_one_clear_line():
    model = ScriptedModel(["no", '{"name": "Z",\n "value": "heavy"}', "never asked for"], name="stubborn")
    with pytest.raises(ReplyError) as caught:
        asyncio.run(structured(model, ASK, Mass))
    assert str(caught.value).startswith(
        "model 'stubborn' gave no valid Mass in two replies: value = 'heavy': expected"
    )
    assert "\n" not in str(caught.value)
    assert len(model.asked) == 2


def test_a_schema_in_words_keeps_the_conversation():
    asked = ask_in_words([Message("system", "Be short."), *ASK], Mass)
    assert asked[0] == Message("system", "Be short.")
    assert asked[1].content.startswith(ASK[0].content)
    assert json.dumps(Mass.model_json_schema()) in asked[1].content


def test_an_unknown_role_is_refused_with_the_allowed_ones():
    with pytest.raises(
        InputError, match=r"'asistant' .did you mean 'assistant'. allowed: system, user, assistant"
    ):
        Message("asistant", "x")


HEAVY = ("openai", "httpx", "httpx2", "transformers", "torch", "peft", "huggingface_hub", "numpy")


def loaded_after(code: str) -> set[str]:
    """Which heavy packages a fresh interpreter holds after `code`."""
    report = f"import sys\n{code}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_the_facade_is_light():
    assert loaded_after("import yukawa.llm") == set()


def test_opening_a_model_loads_its_own_backend_alone():
    imports = "from yukawa.core.settings import ModelSettings\nfrom yukawa.llm import open_model\n"
    assert loaded_after(imports + "open_model(ModelSettings(name='q', backend='quote'))") == set()
    # The heavy packages of this one wait for the first reply.
    opened = "open_model(ModelSettings(name='t', backend='transformers', model='m'))"
    assert loaded_after(imports + opened) == set()
    # What is asked for is what comes: the probe sees a package that is there.
    opened = "open_model(ModelSettings(name='o', backend='openai', model='m'))"
    assert "openai" in loaded_after(imports + opened)


def test_the_public_names():
    assert set(yukawa.llm.__all__) == {
        "Capabilities",
        "ChatModel",
        "CutReply",
        "GenerationOptions",
        "Message",
        "Reply",
        "SyncChat",
        "TokenLogprob",
        "open_model",
        "structured",
    }
    assert all(hasattr(yukawa.llm, name) for name in yukawa.llm.__all__)
