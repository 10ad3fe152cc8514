"""A text that a model writes: read along or whole it is the same, and a cut one is requested once more."""

import pytest

from yukawa.assistant.writing import Written, whole_sentences, write
from yukawa.llm import CutReply, GenerationOptions, Message, Reply, SyncChat
from yukawa.llm.scripted import ScriptedModel

ASK = [Message("user", "Spin of the W?")]


class Limited(ScriptedModel):
    """Says `words`, as many as the limit allows."""

    def __init__(self, words: str) -> None:
        super().__init__([])
        self.words = words.split(" ")
        self.limits: list[int | None] = []

    async def chat(self, messages, options=None):
        text, cut = self._said(options)
        return Reply(text, "limited", "length" if cut else "stop", {"completion_tokens": len(text.split())})

    async def stream(self, messages, options=None):
        text, cut = self._said(options)
        for number, word in enumerate(text.split(" ")):
            yield f" {word}" if number else word
        if cut:
            raise CutReply("limited")

    def _said(self, options) -> tuple[str, bool]:
        self.limits.append(options.max_tokens)
        return " ".join(self.words[: options.max_tokens]), len(self.words) > options.max_tokens


class Along:
    def __init__(self) -> None:
        self.text, self.reasons = "", []

    def piece(self, text: str) -> None:
        self.text += text

    def again(self, reason: str) -> None:
        self.reasons.append(reason)
        self.text = ""


@pytest.mark.parametrize("reader", [None, Along()])
@pytest.mark.parametrize(
    ("words", "limits", "cut"),
    [("one two", [4], False), ("a b c d e", [4, 8], False), ("x " * 20, [4, 8], True)],
)
def test_a_cut_text_is_requested_once_more_with_double_the_limit(reader, words, limits, cut):
    model = Limited(words.strip())
    with SyncChat(model) as chat:
        found = write(chat, ASK, GenerationOptions(max_tokens=4), reader)
    assert model.limits == limits
    assert found == Written(" ".join(words.split()[: limits[-1]]), cut)
    if reader is not None:
        assert reader.text == found.text
        assert reader.reasons == ["it was cut at its token limit; once more with 8"] * (len(limits) - 1)
        reader.__init__()


def test_thoughts_are_neither_shown_nor_part_of_the_text():
    along = Along()
    with SyncChat(ScriptedModel(["<think>spin 2? no</think> It is 1."] * 2)) as chat:
        assert write(chat, ASK).text == write(chat, ASK, reader=along).text == "It is 1."
    assert along.text.strip() == "It is 1."


@pytest.mark.parametrize("text", [
    "It is 1 [1].", "<think>2?</think>It is 1 [1].", "First. <think>hm</think>Second.", "<thinking>it was cut", "a < b and <thin> [1]",
])  # fmt: skip
@pytest.mark.parametrize("width", [1, 3, 100])
def test_what_is_shown_in_the_end_is_the_text(text, width):
    along, model = Along(), ScriptedModel([])

    async def stream(messages, options=None):
        for at in range(0, len(text), width):
            yield text[at : at + width]

    model.stream = stream
    with SyncChat(model) as chat:
        assert write(chat, ASK, reader=along).text == along.text
    assert along.reasons == []
    assert "<think" not in along.text


def test_reasoning_that_the_template_began_does_not_count():
    along = Along()
    with SyncChat(ScriptedModel(["spin 2? no </think> It is 1."])) as chat:
        assert write(chat, ASK, reader=along).text == "It is 1." == along.text
    assert along.reasons == ["that was the model's reasoning"]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("The W has spin 1 [1]. Its mass is 80.3", "The W has spin 1 [1]."),
        ("The mass is 1.77", ""),
        ("It is (so it says.) And", "It is (so it says.)"),
        ("", ""),
    ],
)
def test_half_a_sentence_is_left_out(text, whole):
    assert whole_sentences(text) == whole
