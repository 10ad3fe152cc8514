"""Replies written beforehand."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError, ModelError
from yukawa.core.settings import ModelSettings
from yukawa.llm import GenerationOptions, Message
from yukawa.llm.scripted import ScriptedModel, read_replies

ASK = [Message("user", "Hello?")]


def chat(model, messages=ASK, **options):
    return asyncio.run(model.chat(messages, GenerationOptions(**options))).text


async def joined(model):
    return "".join([piece async for piece in model.stream(ASK)])


@given(st.lists(st.text(), max_size=5))
def test_replies_come_in_order_and_then_no_more(replies):
    model = ScriptedModel(replies)
    assert [chat(model) for _ in replies] == replies
    with pytest.raises(ModelError, match=f"all of its {len(replies)} scripted replies"):
        chat(model)


@given(st.text())
def test_stream_joined_is_the_reply(text):
    assert asyncio.run(joined(ScriptedModel([text]))) == text


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_a_file_of_json_lines_gives_back_what_was_written(tmp_path_factory, replies):
    path = tmp_path_factory.mktemp("script") / "replies.jsonl"
    path.write_text(
        "".join(json.dumps(reply, ensure_ascii=False) + "\n" for reply in replies), encoding="utf-8"
    )
    assert read_replies(path) == replies


def test_a_function_sees_the_conversation():
    model = ScriptedModel(lambda messages: messages[-1].content.upper())
    assert [chat(model), chat(model)] == ["HELLO?", "HELLO?"]
    assert model.asked == [ASK, ASK]


def test_settings_name_a_text_file(tmp_path):
    path = tmp_path / "replies.txt"
    path.write_text("one\n\ntwo\n", encoding="utf-8")
    model = ScriptedModel.from_settings(ModelSettings(name="s", backend="scripted", replies=str(path)))
    assert [chat(model), chat(model)] == ["one", "two"]


def test_settings_without_a_file_are_refused():
    with pytest.raises(InputError, match=r"lacks the key 'replies' .*\[models\.s\]"):
        ScriptedModel.from_settings(ModelSettings(name="s", backend="scripted"))


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "does not hold a reply"),
        (b"\n \n", "does not hold a reply"),
        (b"\xff\xfe", "not UTF-8"),
        (b'"fine"\n{broken\n', "line 2 is not valid JSON"),
        (b'"fine"\n\n{"text": "x"}\n', "line 3: dict instead of a string"),
    ],
)
def test_a_file_that_is_no_script_is_refused(tmp_path, data, complaint):
    path = tmp_path / "replies.jsonl"
    path.write_bytes(data)
    with pytest.raises(InputError, match=complaint):
        read_replies(path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.txt cannot be read: No such file"):
        read_replies(tmp_path / "nowhere.txt")


def test_what_a_script_cannot_give_is_refused():
    with pytest.raises(InputError, match="no log-probabilities"):
        chat(ScriptedModel(["x"]), logprobs=True)
    with pytest.raises(InputError, match="no message"):
        chat(ScriptedModel(["x"]), messages=[])
