"""Typed rows of text for training: documents, conversations and preferences, each with where it came from."""

from __future__ import annotations

import datetime
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints

# A constrained text is checked to be one: JSON can write half of a surrogate pair, which no file can hold.
_Str = Annotated[str, StringConstraints(min_length=0)]
Text = Annotated[str, StringConstraints(pattern=r"\S")]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(_Row):
    """One text, such as an abstract.

    Attributes:
        id: names it within its source, such as `hep-th/9711200`.
        text: what is trained on; never blank.
        source: the collection it came from, such as `arXiv metadata`.
        licence: of the text itself, as an SPDX name or an address; None if unknown.
        created: when its first version appeared.
        categories: of its source, the primary one first.
    """

    id: Text
    text: Text
    source: Text
    licence: _Str | None = None
    created: datetime.date | None = None
    title: _Str | None = None
    categories: tuple[_Str, ...] = ()


class Message(_Row):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: _Str


class Conversation(_Row):
    """Turns in order, with where they came from; `category` is the subject its source gives it."""

    id: Text
    messages: tuple[Message, ...]
    source: Text
    licence: _Str | None = None
    category: _Str | None = None


class Preference(_Row):
    """Two replies to one prompt, of which one was judged better."""

    id: Text
    prompt: tuple[Message, ...]
    chosen: _Str
    rejected: _Str
    source: Text
    licence: _Str | None = None


Row = TypeVar("Row", Document, Conversation, Preference)


def texts_of(row: Document | Conversation | Preference) -> list[str]:
    """Every text of a row: of a document, of each message, of the prompt and both replies; titles are none."""
    if isinstance(row, Document):
        return [row.text]
    if isinstance(row, Conversation):
        return [message.content for message in row.messages]
    return [*(message.content for message in row.prompt), row.chosen, row.rejected]
