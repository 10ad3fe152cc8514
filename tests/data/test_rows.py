"""Rows: what they hold, that they never change, and what they refuse."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from yukawa.data.rows import Conversation, Document, Message, Preference, texts_of

DOCUMENT: dict[str, Any] = {"id": "hep-th/9711200", "text": "Large N.", "source": "arXiv metadata"}


def test_a_document_needs_id_text_and_source():
    row = Document(**DOCUMENT)
    assert (row.licence, row.created, row.title, row.categories) == (None, None, None, ())
    for name in DOCUMENT:
        with pytest.raises(ValidationError):
            Document(**{key: value for key, value in DOCUMENT.items() if key != name})


@pytest.mark.parametrize("row", [Document(**DOCUMENT), Message(role="user", content="Why?")])
def test_rows_are_frozen_and_equal_by_value(row: Document | Message):
    assert row == type(row)(**row.model_dump())
    assert hash(row) == hash(type(row)(**row.model_dump()))
    with pytest.raises(ValidationError):
        row.text = "other"  # type: ignore[union-attr]


def test_dates_come_from_text():
    assert Document(**DOCUMENT, created="1997-11-27").created == datetime.date(1997, 11, 27)


@pytest.mark.parametrize("text", ["", " ", "\n\t ", "\u00a0"])
@pytest.mark.parametrize("name", ["id", "text", "source"])
def test_blank_is_no_text(name: str, text: str):
    with pytest.raises(ValidationError):
        Document(**(DOCUMENT | {name: text}))


@pytest.mark.parametrize("name", ["id", "text", "source", "licence", "title"])
def test_half_a_character_is_no_text(name: str):
    with pytest.raises(ValidationError):
        Document(**(DOCUMENT | {name: "a\ud800"}))
    with pytest.raises(ValidationError):
        Message(role="user", content="a\ud800")


@pytest.mark.parametrize(
    "change", [{"txt": "x"}, {"text": 3}, {"categories": "hep-th"}, {"created": "spring"}]
)
def test_other_fields_and_types_are_refused(change: dict[str, Any]):
    with pytest.raises(ValidationError):
        Document(**(DOCUMENT | change))


def test_a_role_is_one_of_three():
    with pytest.raises(ValidationError):
        Message(role="tool", content="x")  # type: ignore[arg-type]


def test_conversations_and_preferences_hold_messages():
    question = Message(role="user", content="Which spin has the pion?")
    answer = Message(role="assistant", content="0")
    conversation = Conversation(id="1", messages=(question, answer), source="us", category="hadrons")
    preference = Preference(id="1", prompt=(question,), chosen="0", rejected="1", source="us")
    assert Conversation.model_validate_json(conversation.model_dump_json()) == conversation
    assert Preference.model_validate_json(preference.model_dump_json()) == preference


def test_the_texts_of_a_row_are_all_but_its_title():
    assert texts_of(Document(**DOCUMENT, title="T")) == ["Large N."]
    turns = tuple(
        Message(role=role, content=role)  # type: ignore[arg-type]
        for role in ("system", "user", "assistant")
    )
    assert texts_of(Conversation(id="1", messages=turns, source="s")) == ["system", "user", "assistant"]
    choice = Preference(id="1", prompt=turns[1:2], chosen="yes", rejected="no", source="s")
    assert texts_of(choice) == ["user", "yes", "no"]
