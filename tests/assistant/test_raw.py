"""A model by itself: it reads what was said before, is marked as unchecked, and quotes nothing."""

import pytest

from yukawa.assistant.raw import RawConversation
from yukawa.core.errors import InputError
from yukawa.core.settings import Settings
from yukawa.llm.scripted import ScriptedModel

ROWS = {"s": {"backend": "scripted", "replies": "none.txt", "max_tokens": 7}}


def conversation(*replies: str) -> tuple[RawConversation, ScriptedModel]:
    model = ScriptedModel(list(replies))
    return RawConversation(Settings(models=ROWS), "s", opened=model), model


def test_every_reply_says_that_nothing_is_checked():
    raw, _ = conversation("Spin 2, surely.")
    reply = raw.ask("Spin of the W?").as_json()
    assert (reply["raw"], reply["checked"], reply["sources"], reply["cut"]) == (True, False, [], False)
    assert reply["warning"] == "s without the knowledge base: nothing here is checked against a source"
    assert (reply["question"], reply["answer"], reply["model"]) == ("Spin of the W?", "Spin 2, surely.", "s")


def test_the_second_question_is_asked_after_the_first():
    raw, model = conversation("one", "two")
    raw.ask("First?")
    raw.ask("Second?")
    assert [(m.role, m.content) for m in model.asked[1]] == [
        ("user", "First?"), ("assistant", "one"), ("user", "Second?"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "name", "said"),
    [
        (Settings(), None, "'quote' only quotes passages .*add a model under"),
        (Settings(models=ROWS), "quote", "type: --model s"),
        (Settings(models=ROWS), "t", "unknown model 't'"),
    ],
)
def test_a_model_that_has_nothing_to_say_is_refused(settings, name, said):
    with pytest.raises(InputError, match=said):
        RawConversation(settings, name)
