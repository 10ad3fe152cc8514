"""Rows: what is a row, and files of rows that come back as written."""

from __future__ import annotations

import datetime
import gzip
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from yukawa.core.errors import InputError, StoreError
from yukawa.data.rows import (
    ROW_GROUP,
    SUFFIXES,
    Conversation,
    Document,
    Preference,
    Turn,
    read_rows,
    texts_of,
    write_rows,
)

DOCUMENT: dict[str, Any] = {"id": "hep-th/9711200", "text": "Large N.", "source": "arXiv metadata"}


def test_a_document_needs_id_text_and_source():
    row = Document(**DOCUMENT)
    assert (row.licence, row.created, row.title, row.categories) == (None, None, None, ())
    for name in DOCUMENT:
        with pytest.raises(ValidationError):
            Document(**{key: value for key, value in DOCUMENT.items() if key != name})


@pytest.mark.parametrize("row", [Document(**DOCUMENT), Turn(role="user", content="Why?")])
def test_rows_are_frozen_and_equal_by_value(row: Document | Turn):
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
        Turn(role="user", content="a\ud800")


@pytest.mark.parametrize(
    "change", [{"txt": "x"}, {"text": 3}, {"categories": "hep-th"}, {"created": "spring"}]
)
def test_other_fields_and_types_are_refused(change: dict[str, Any]):
    with pytest.raises(ValidationError):
        Document(**(DOCUMENT | change))


def test_a_role_is_one_of_three():
    with pytest.raises(ValidationError):
        Turn(role="tool", content="x")  # type: ignore[arg-type]


def test_conversations_and_preferences_hold_messages():
    question = Turn(role="user", content="Which spin has the pion?")
    answer = Turn(role="assistant", content="0")
    conversation = Conversation(id="1", messages=(question, answer), source="us", category="hadrons")
    preference = Preference(id="1", prompt=(question,), chosen="0", rejected="1", source="us")
    assert Conversation.model_validate_json(conversation.model_dump_json()) == conversation
    assert Preference.model_validate_json(preference.model_dump_json()) == preference


def test_the_texts_of_a_row_are_all_but_its_title():
    assert texts_of(Document(**DOCUMENT, title="T")) == ["Large N."]
    turns = tuple(
        Turn(role=role, content=role)  # type: ignore[arg-type]
        for role in ("system", "user", "assistant")
    )
    assert texts_of(Conversation(id="1", messages=turns, source="s")) == ["system", "user", "assistant"]
    choice = Preference(id="1", prompt=turns[1:2], chosen="yes", rejected="no", source="s")
    assert texts_of(choice) == ["user", "yes", "no"]


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
FULL = TEXT.filter(lambda text: text.strip() != "").map(lambda text: "a" + text)
NONE_OR_TEXT = st.none() | TEXT
MESSAGE = st.builds(Turn, role=st.sampled_from(["system", "user", "assistant"]), content=TEXT)
MESSAGES = st.lists(MESSAGE, max_size=3).map(tuple)
ROWS: dict[Any, st.SearchStrategy[Any]] = {
    Document: st.builds(
        Document,
        id=FULL,
        text=FULL,
        source=FULL,
        licence=NONE_OR_TEXT,
        created=st.none() | st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)),
        title=NONE_OR_TEXT,
        categories=st.lists(TEXT, max_size=3).map(tuple),
    ),
    Conversation: st.builds(
        Conversation, id=FULL, messages=MESSAGES, source=FULL, licence=NONE_OR_TEXT, category=NONE_OR_TEXT
    ),
    Preference: st.builds(
        Preference, id=FULL, prompt=MESSAGES, chosen=TEXT, rejected=TEXT, source=FULL, licence=NONE_OR_TEXT
    ),
}


def document(number: int, size: int = 10) -> Document:
    return Document(id=str(number), text=f"{number} " * size, source="test", categories=("hep-th",))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ROWS)
@settings(max_examples=15)
@given(data=st.data())
def test_what_is_written_comes_back(kind: Any, suffix: str, tmp_path_factory, data: st.DataObject):
    rows = data.draw(st.lists(ROWS[kind], max_size=5))
    path = tmp_path_factory.mktemp("rows") / f"rows{suffix}"
    assert write_rows(path, rows, kind) == len(rows)
    assert list(read_rows(path, kind)) == rows
    before = path.read_bytes()
    write_rows(path, iter(rows), kind)
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_more_rows_than_a_group_come_back_in_order(tmp_path: Path, suffix: str):
    rows = [document(number, 1) for number in range(2 * ROW_GROUP + 3)]
    path = tmp_path / f"rows{suffix}"
    assert write_rows(path, rows, Document) == len(rows)
    assert list(read_rows(path, Document)) == rows


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    def peak(count: int) -> int:
        path = tmp_path / f"{count}.jsonl"
        tracemalloc.start()
        write_rows(path, (document(number, 300) for number in range(count)), Document)
        assert sum(1 for _ in read_rows(path, Document)) == count
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    assert peak(2000) < peak(200) + 200_000  # the rows of the larger are 2.4 MB


def test_other_tools_read_them(tmp_path: Path):
    import pyarrow.parquet

    rows = [document(1), Document(id="2", text="x", source="s", created=datetime.date(1997, 11, 27))]
    write_rows(tmp_path / "a.parquet", rows, Document)
    write_rows(tmp_path / "a.jsonl", rows, Document)
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pylist()
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["text"] for row in table] == [line["text"] for line in lines] == [row.text for row in rows]
    assert table[1]["created"] == rows[1].created
    assert lines[1]["created"] == "1997-11-27"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_row_of_another_kind_changes_nothing(tmp_path: Path, suffix: str):
    path = tmp_path / f"rows{suffix}"
    write_rows(path, [document(1)], Document)
    message = Turn(role="user", content="x")
    mixed: list[Any] = [document(2), Conversation(id="1", messages=(message,), source="s")]
    with pytest.raises(InputError, match=r"row 2 .* is a Conversation, each must be a Document"):
        write_rows(path, mixed, Document)
    assert list(read_rows(path, Document)) == [document(1)]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_the_rows_raise_is_not_blamed_on_the_disk(tmp_path: Path, suffix: str):
    def rows() -> Iterator[Document]:
        yield document(1)
        raise OSError("the source of the rows")

    with pytest.raises(OSError, match="the source of the rows"):
        write_rows(tmp_path / f"rows{suffix}", rows(), Document)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_folder_is_one_line(tmp_path: Path, suffix: str):
    with pytest.raises(StoreError, match="cannot be written"):
        write_rows(tmp_path / "no" / f"rows{suffix}", [document(1)], Document)


def test_the_suffix_decides_and_must_be_known(tmp_path: Path):
    for call in (lambda path: write_rows(path, [], Document), lambda path: list(read_rows(path, Document))):
        with pytest.raises(InputError, match=r"\.parquet, \.jsonl, \.jsonl\.gz"):
            call(tmp_path / "rows.csv")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": "2", "source": "s"}', "text is missing"),
        ('{"id": "2", "text": " ", "source": "s"}', "text = ' ': it is blank"),
        ('{"id": "2", "text": "x", "source": "s", "colour": 1}', "unknown key colour"),
    ],
)
def test_a_row_that_is_none_is_named(tmp_path: Path, line: str, reason: str):
    path = tmp_path / "rows.jsonl"
    path.write_text(document(1).model_dump_json() + "\n" + line + "\n")
    rows = read_rows(path, Document)
    assert next(rows) == document(1)
    with pytest.raises(InputError, match=rf"row 2 is not a document: {reason}.*it needs id, text, source"):
        next(rows)


def test_half_a_character_is_named(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "2", "text": "\\ud800", "source": "s"}\n')
    with pytest.raises(InputError, match=r"rows.jsonl:1 holds half of a character"):
        next(read_rows(path, Document))


def test_flipped_bytes_are_noticed_and_raise_nothing_else(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    write_rows(path, [document(number) for number in range(100)], Document)
    content = path.read_bytes()
    places = range(0, len(content), 19)
    noticed = 0
    for place in places:
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            list(read_rows(path, Document))
        except InputError:
            noticed += 1
    # Headers of pages have no checksum: what they say of minima and maxima, which nobody reads here, may change.
    assert noticed > 0.75 * len(places)


def test_damaged_files_are_named(tmp_path: Path):
    good = tmp_path / "good.parquet"
    write_rows(good, [document(number) for number in range(100)], Document)
    content = bytearray(good.read_bytes())
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    content[len(content) // 4] ^= 0xFF
    (tmp_path / "flipped.parquet").write_bytes(content)
    (tmp_path / "folder.parquet").mkdir()
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"id": "1"}\n' * 1000)[:-20])
    for name in ("cut.parquet", "flipped.parquet", "folder.parquet", "missing.parquet", "cut.jsonl.gz"):
        with pytest.raises(InputError, match=name):
            list(read_rows(tmp_path / name, Document))


def test_another_kind_is_not_read_as_this(tmp_path: Path):
    write_rows(tmp_path / "rows.parquet", [document(1)], Document)
    with pytest.raises(InputError, match="row 1 is not a conversation"):
        list(read_rows(tmp_path / "rows.parquet", Conversation))
