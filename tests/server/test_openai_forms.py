"""The requests of OpenAI's clients: types are held to, unknown parameters ignored."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from yukawa.server.openai_forms import ChatForm, EmbeddingForm, unknown_model
from yukawa.server.problems import Refusal

HELLO = [{"role": "user", "content": "Hello?"}]


def form(**more):
    return ChatForm.model_validate({"model": "m", "messages": HELLO} | more)


def test_parts_of_text_are_one_text_and_roles_are_three():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    messages = [
        {"role": "developer", "content": "c"}, {"role": "user", "content": "d"}, {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "user", "content": parts},
    ]  # fmt: skip
    found = form(messages=messages).conversation()
    assert [(m.role, m.content) for m in found] == [("system", "c"), ("user", "d"), ("user", "a\nb")]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "http://a"}},
        {"type": "input_audio"},
        {"type": "text"},
        {},
        {"text": "a"},
    ],
)
def test_a_part_that_is_not_text_is_refused_and_fetched_by_nobody(part):
    with pytest.raises(Refusal, match="only text is read"):
        form(messages=[{"role": "user", "content": [part]}]).conversation()


def test_stops_and_limits_are_those_that_were_given():
    assert form(stop="a").stops == form(stop=["a", ""]).stops == ("a",)
    assert form().stops == ()
    assert form(max_tokens=3).options().max_tokens == 3
    assert form(max_tokens=3, max_completion_tokens=5).options().max_tokens == 5
    assert form(response_format={"type": "text"}).options().schema is None
    assert form(response_format={"type": "json_object"}).options().schema.model_json_schema() == {
        "type": "object"
    }


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": float("nan")},
        {"temperature": "1"},
        {"stream": "true"},
        {"n": 1.0},
        {"seed": "a"},
        {"stop": ["a"] * 17},
    ],
)
def test_a_value_of_another_type_is_refused(more):
    with pytest.raises(ValidationError):
        form(**more)


def test_texts_to_embed_are_texts():
    assert EmbeddingForm(model="m", input="a").texts() == ["a"]
    assert EmbeddingForm(model="m", input=["a", "b"]).texts() == ["a", "b"]
    with pytest.raises(Refusal, match="token ids"):
        EmbeddingForm(model="m", input=[1]).texts()


def test_an_unknown_model_is_named_with_what_there_is():
    assert (
        "did you mean 'smollm2'? available: yukawa, smollm2"
        in unknown_model("smolm2", ["yukawa", "smollm2"]).message
    )
