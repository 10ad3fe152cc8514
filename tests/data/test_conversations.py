"""Questions and answers come out of every format as they went in, and what cannot be used is named by its number."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.data.conversations import (
    BadRow,
    detect_format,
    read_conversations,
    read_preferences,
)
from yukawa.data.rows import Conversation, Turn, write_rows

Q, A = "What is the mass\n of the τ?  ", " 1776.93 MeV"
SYSTEM = "Answer briefly."
TURNS = {
    "qa": {"question": Q, "answer": A},
    "alpaca": {"instruction": Q, "input": "", "output": A},
    "sharegpt": {"conversations": [{"from": "human", "value": Q}, {"from": "gpt", "value": A}]},
    "messages": {"messages": [{"role": "user", "content": Q}, {"role": "assistant", "content": A}]},
}


def user(text: str) -> Turn:
    return Turn(role="user", content=text)


def assistant(text: str) -> Turn:
    return Turn(role="assistant", content=text)


def saved(folder: Path, rows: Any, name: str = "talks.json") -> Path:
    path = folder / name
    if name.endswith(".json"):
        path.write_text(json.dumps(rows))
    else:
        data = "\n".join(map(json.dumps, rows)).encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


TEXT = st.text().map(lambda text: f"{text}τ ")  # never blank
TALKS = st.builds(
    lambda system, turns: (
        *([Turn(role="system", content=system)] if system else []),
        *(message for question, answer in turns for message in (user(question), assistant(answer))),
    ),
    st.none() | TEXT,
    st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3),
)


@given(st.lists(st.tuples(TALKS, TEXT, st.none() | TEXT, st.none() | TEXT), max_size=5))
@settings(max_examples=40)
def test_what_is_written_is_read_back(talks: list[tuple[tuple[Turn, ...], str, str | None, str | None]]):
    rows = [
        Conversation(id=f"{i}", messages=messages, source=source, licence=licence, category=category)
        for i, (messages, source, licence, category) in enumerate(talks)
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.jsonl", "a.jsonl.gz"):
            path = Path(folder) / name
            assert write_rows(path, rows, Conversation) == len(rows)
            if rows:
                reading = read_conversations(path)
                assert reading.rows == tuple(rows)
                assert (reading.format, reading.bad, reading.ignored) == ("messages", (), ())


@pytest.mark.parametrize("name", ["talks.json", "talks.jsonl", "talks.jsonl.gz"])
@pytest.mark.parametrize("form", TURNS)
def test_every_format_says_the_same(tmp_path: Path, form: str, name: str):
    path = saved(
        tmp_path, [TURNS[form], TURNS[form] | {"id": 7, "category": "leptons", "licence": "MIT"}], name
    )
    assert detect_format(path) == form
    for given_format in (None, form):
        reading = read_conversations(path, format=given_format)
        first, second = reading.rows
        assert reading.format == form
        assert first.messages == second.messages == (user(Q), assistant(A))  # to the character
        assert (first.id, first.source, first.licence, first.category) == ("talks:1", name, None, None)
        assert (second.id, second.licence, second.category) == ("7", "MIT", "leptons")


def test_systems_inputs_and_longer_talks(tmp_path: Path):
    alpaca = [{"instruction": "Translate.", "input": "νμ", "output": A, "system": SYSTEM}]
    (row,) = read_conversations(saved(tmp_path, alpaca)).rows
    assert row.messages == (Turn(role="system", content=SYSTEM), user("Translate.\n\nνμ"), assistant(A))
    turns = [{"from": who, "value": who} for who in ("system", "human", "gpt", "user", "assistant")]
    (row,) = read_conversations(saved(tmp_path, [{"conversations": turns}])).rows
    assert [message.role for message in row.messages] == ["system", *["user", "assistant"] * 2]
    assert [message.content for message in row.messages] == [turn["value"] for turn in turns]


def test_provenance_is_given_where_rows_have_none_and_other_fields_are_told(tmp_path: Path):
    rows = [TURNS["messages"] | {"source": "its own", "split": 3}, TURNS["messages"] | {"model": "x"}]
    rows[1]["messages"] = [turn | {"weight": 1} for turn in rows[1]["messages"]]
    reading = read_conversations(saved(tmp_path, rows), source="the group", licence="CC-BY-4.0")
    assert [row.source for row in reading.rows] == ["its own", "the group"]
    assert {row.licence for row in reading.rows} == {"CC-BY-4.0"}
    assert reading.ignored == ("messages.weight", "model", "split")


def test_the_published_questions(real_data: Path):
    path = real_data / "qa" / "particle_physics_qna_104.json"
    raw = json.loads(path.read_text())
    reading = read_conversations(path)
    assert reading.format == "qa"
    assert len(reading.rows) == 104
    assert reading.bad == ()
    assert [
        {"category": row.category, "question": row.messages[0].content, "answer": row.messages[1].content}
        for row in reading.rows
    ] == raw


BAD = {
    "not an object": "text",
    "it has no 'messages'": {"id": "x"},
    "must be a list of messages": {"messages": []},
    "has no 'role' or no 'content'": {"messages": [{"role": "user"}]},
    "unknown role 'tool' (allowed: system, user, human, assistant, gpt)": {
        "messages": [{"role": "tool", "content": Q}, {"role": "assistant", "content": A}]
    },
    "two in a row are from the user": {"messages": [{"role": "user", "content": Q}] * 2},
    "two in a row are from the assistant": {
        "messages": [*TURNS["messages"]["messages"], {"role": "assistant", "content": A}]
    },
    "it begins with the assistant": {"messages": [{"role": "assistant", "content": A}]},
    "it has no answer": {"messages": [{"role": "user", "content": Q}]},
    "it has no message of a user": {"messages": [{"role": "system", "content": SYSTEM}]},
    "a system message is not the first": {
        "messages": [*TURNS["messages"]["messages"], {"role": "system", "content": SYSTEM}]
    },
    "the text of the user is empty": {"messages": [{"role": "user", "content": " \n"}]},
    "the text of the user is 3, not a text": {"messages": [{"role": "user", "content": 3}]},
    "its id 'talks:1' is that of row 1": TURNS["messages"] | {"id": "talks:1"},
    "its licence is 4, not a text": TURNS["messages"] | {"licence": 4},
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_row_is_refused_by_number_or_dropped_and_counted(tmp_path: Path, reason: str):
    path = saved(tmp_path, [TURNS["messages"], BAD[reason], TURNS["messages"]])
    with pytest.raises(InputError) as refused:
        read_conversations(path)
    assert f"{path} has 1 bad of 3 rows: row 2: " in str(refused.value)
    assert reason in str(refused.value)
    reading = read_conversations(path, drop_bad=True)
    assert [row.id for row in reading.rows] == ["talks:1", "talks:3"]
    (bad,) = reading.bad
    assert isinstance(bad, BadRow)
    assert bad.number == 2
    assert reason in bad.reason


def test_many_bad_rows_are_one_line(tmp_path: Path):
    rows = [TURNS["qa"], *[{"question": Q, "answer": None}] * 5, {"question": "", "answer": A}]
    with pytest.raises(InputError, match=r"6 bad of 7 rows: row 2: it has no 'answer'; .*; and 3 more"):
        read_conversations(saved(tmp_path, rows))


def test_files_that_cannot_be_read(tmp_path: Path):
    for content, message in {
        "": "holds no rows",
        "[]": "holds no rows",
        "[1, 2": "is not valid JSON",
        '{"question": 1}\n{': ":2 is not valid JSON",
        '[{"prompt": "a"}]': r"first row has fields prompt \(known are preference: chosen, rejected; messages",
        "[3]": "its first row has int",
    }.items():
        path = tmp_path / "broken.json"
        path.write_text(content)
        with pytest.raises(InputError, match=message):
            read_conversations(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_conversations(tmp_path / "absent.json")
    path.write_bytes(b'["\xff"]')
    with pytest.raises(InputError, match="not UTF-8"):
        read_conversations(path)
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes(gzip.compress(b"[1, 2, 3]" * 99)[:-9])
    with pytest.raises(InputError, match=r"cannot be read|truncated"):
        read_conversations(cut)
    with pytest.raises(InputError, match=r"unknown format .*'alpacca' .*did you mean 'alpaca'"):
        read_conversations(saved(tmp_path, [TURNS["qa"]]), format="alpacca")
    with pytest.raises(InputError, match="the source is empty"):
        read_conversations(saved(tmp_path, [TURNS["qa"]]), source=" ")


def chat(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


PREFERENCES = {
    "texts": {"prompt": Q, "chosen": A, "rejected": "No."},
    "messages": {
        "prompt": chat(Q),
        "chosen": [{"role": "assistant", "content": A}],
        "rejected": [{"role": "assistant", "content": "No."}],
    },
    "prompt within": {"chosen": chat(Q, A), "rejected": chat(Q, "No.")},
    "prompt thrice": {"prompt": chat(Q), "chosen": chat(Q, A), "rejected": chat(Q, "No.")},
}


@pytest.mark.parametrize("shape", PREFERENCES)
def test_preferences_of_every_shape_say_the_same(tmp_path: Path, shape: str):
    path = saved(tmp_path, [PREFERENCES[shape] | {"id": "p", "source": "experts"}])
    (row,) = read_preferences(path).rows
    assert (row.id, row.source, row.prompt, row.chosen, row.rejected) == (
        "p",
        "experts",
        (user(Q),),
        A,
        "No.",
    )
    with pytest.raises(InputError, match="holds rows of the format preference, not conversations"):
        read_conversations(path)


def test_bad_preferences(tmp_path: Path):
    for row, reason in (
        ({"prompt": Q, "chosen": A, "rejected": A}, "are the same"),
        ({"chosen": A, "rejected": "No."}, "no message of a user"),
        ({"chosen": chat(Q, A), "rejected": chat("Why?", "No.")}, "differ before their last message"),
        ({"prompt": "Why?", "chosen": chat(Q, A), "rejected": chat(Q, "No.")}, "begins with another prompt"),
        ({"chosen": chat(Q), "rejected": chat(Q)}, "'chosen' ends with a user message"),
        ({"prompt": chat(Q, A), "chosen": "Yes", "rejected": "No"}, "its prompt ends with the assistant"),
        ({"prompt": Q, "chosen": A, "rejected": ""}, "is empty"),
        ({"prompt": Q, "chosen": A}, "it has no 'rejected'"),
    ):
        path = saved(tmp_path, [PREFERENCES["texts"], row])
        with pytest.raises(InputError, match=f"row 2: .*{reason}"):
            read_preferences(path)
        assert [bad.number for bad in read_preferences(path, drop_bad=True).bad] == [2]
