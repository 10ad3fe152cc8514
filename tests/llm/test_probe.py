"""A probe asks one real question and measures the answer."""

import asyncio

import pytest

from yukawa.core.errors import ModelError
from yukawa.llm.openai import OpenAIModel
from yukawa.llm.probe import TOKENS, probe
from yukawa.llm.quote import QuoteModel
from yukawa.llm.scripted import ScriptedModel


def probed(model):
    async def work():
        try:
            return await probe(model)
        finally:
            await model.aclose()

    return asyncio.run(work())


def test_a_server_is_asked_a_short_question(server):
    found = probed(OpenAIModel("tiny", base_url=server.url))
    assert server.bodies[0]["max_tokens"] == TOKENS
    assert found.text == "The W boson has spin 1."
    assert 0 < found.first_s <= found.seconds
    assert found.tokens_per_second > 0
    assert found.capabilities.context_length == 4096


def test_an_answer_cut_at_the_limit_is_an_answer(server, behaviours):
    server.script.extend([behaviours.good(reason="length")])
    assert probed(OpenAIModel("tiny", base_url=server.url)).text == "The W boson has spin 1."


def test_a_single_piece_has_no_rate():
    assert probed(QuoteModel()).tokens_per_second is None
    assert probed(ScriptedModel(["yes"])).tokens_per_second is None


def test_an_answer_without_a_word_is_a_failure():
    with pytest.raises(ModelError, match="without a word within 32 tokens"):
        probed(ScriptedModel([" "]))


def test_a_server_that_is_not_there_fails():
    with pytest.raises(ModelError, match="cannot be reached"):
        probed(OpenAIModel("tiny", base_url="http://127.0.0.1:1/v1", retries=0))
