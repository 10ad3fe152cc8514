"""Exports of chat programs: each layout and its branches, personal data out, the funnel, what is refused."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from yukawa.core.errors import InputError
from yukawa.data import open_rows
from yukawa.data.engine import build_chats
from yukawa.data.engine.chats import LAYOUTS, REASONS, read_export

ASK, ANSWER = "What is the mass of the Z boson?", "It is 91.19 GeV."


def node(role: str, text: str, parent: str | None, *children: str) -> dict[str, Any]:
    return {"message": {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}}, "parent": parent,
            "children": list(children)}  # fmt: skip


EXPORTS: dict[str, Any] = {
    "chatgpt": {
        "conversation_id": "c", "current_node": "b2",
        "mapping": {
            "root": {"message": None, "parent": None, "children": ["q"]}, "b1": node("assistant", "It is 80 GeV.", "q"),
            "q": node("user", ASK, "root", "b1", "b2"), "b2": node("assistant", ANSWER, "q"),
        },
    },
    "openwebui": {"chat": {"history": {"currentId": "b", "messages": {
        "a": {"role": "user", "content": ASK, "parentId": None}, "x": {"role": "assistant", "content": "no", "parentId": "a"},
        "b": {"role": "assistant", "content": ANSWER, "parentId": "a"}}}}},
    "librechat": {"conversationId": "c", "messages": [
        {"messageId": "1", "parentMessageId": "0", "isCreatedByUser": True, "text": ASK},
        {"messageId": "2", "parentMessageId": "1", "isCreatedByUser": False, "text": ANSWER}]},
    "haichat": {"entities": [{"question": ASK, "answer": "80 GeV", "artificial_answer": ANSWER}]},
    "sharegpt": {"conversations": [{"from": "human", "value": ASK}, {"from": "gpt", "value": ANSWER}]},
    "messages": {"messages": [{"role": "user", "content": ASK}, {"role": "assistant", "content": ANSWER}]},
}  # fmt: skip


def talk(*turns: str, **more: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)]
    } | more


def export(folder: Path, *talks: Any) -> Path:
    path = folder / "export.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in talks), encoding="utf-8")
    return path


def rows(folder: Path) -> list[Any]:
    return list(open_rows(folder))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_recognised_and_its_branch_followed(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text(json.dumps([EXPORTS[layout]]), encoding="utf-8")
    (found,) = read_export(path)
    assert found.turns == (("user", ASK), ("assistant", ANSWER))
    (named,) = read_export(path, layout)
    assert named == found


def test_personal_data_are_nowhere_in_the_set(tmp_path: Path) -> None:
    path = export(
        tmp_path,
        talk("I am Jane Doe, jane@example.org. " + ASK, "Hello Jane Doe, " + ANSWER, user="jane@example.org"),
    )
    made = build_chats(path, tmp_path / "set", suffix=".jsonl")
    assert made.removed == {"PERSON": 2, "EMAIL": 1}
    (row,) = rows(tmp_path / "set")
    assert row.messages[1].content == "Hello <PERSON_1>, " + ANSWER
    written = "".join(file.read_text(encoding="utf-8") for file in (tmp_path / "set").iterdir())
    assert "Jane" not in written
    assert "jane" not in written


def test_the_funnel_counts_every_conversation(tmp_path: Path) -> None:
    long = "The Z boson was found at CERN and " * 20
    talks = [
        talk(ASK, ANSWER), talk("How heavy is the Z?", "91 GeV."), talk("Where is the best pizza in Beijing?", "In Sanlitun."),
        talk("What is the mass of the W boson?", "I'm sorry, I cannot help."), talk("What is the width of the Z boson?", long[:500] + "wi"),
        talk("What is the mass of the tau lepton?", "It is 1 GeV.", "No, that is wrong."), talk("What is the spin of the muon?"),
        talk("What is the spin of the tau?", "the spin of the tau is one half and so on " * 12 + "."),
        {"mapping": {"a": node("user", ASK, "b", "b"), "b": node("user", ASK, "a", "a")}, "current_node": "a"},
    ]  # fmt: skip
    made = build_chats(export(tmp_path, *talks), tmp_path / "set", suffix=".jsonl")
    assert made.dropped == {
        "unreadable": 1, "no answer": 1, "not physics": 1, "refusal": 1, "cut": 1, "repetition": 1, "contradicted": 1, "repeated": 1,
    }  # fmt: skip
    assert made.read == len(talks) == made.manifest.rows + sum(made.dropped.values())
    assert set(made.dropped) <= set(REASONS)
    assert "Funnel" in (tmp_path / "set" / "card.md").read_text(encoding="utf-8")


def test_what_precedes_a_contradicted_answer_is_kept(tmp_path: Path) -> None:
    path = export(tmp_path, talk(ASK, ANSWER, "And its width?", "It is 9 GeV.", "That's wrong."))
    build_chats(path, tmp_path / "set", suffix=".jsonl")
    assert [turn.content for turn in rows(tmp_path / "set")[0].messages] == [ASK, ANSWER]


def test_odd_turns_are_mended_and_counted(tmp_path: Path) -> None:
    one = {"messages": [
        {"role": "assistant", "content": "Welcome."}, {"role": "user", "content": ASK}, {"role": "user", "content": "In GeV."},
        {"role": "assistant", "content": [{"type": "text", "text": ANSWER}, {"type": "image_url"}]}, {"role": "user", "content": "Thanks"},
    ]}  # fmt: skip
    made = build_chats(export(tmp_path, one), tmp_path / "set", suffix=".jsonl")
    assert [turn.content for turn in rows(tmp_path / "set")[0].messages] == [f"{ASK}\n\nIn GeV.", ANSWER]
    assert set(made.repaired) == {
        "began with the assistant",
        "two in a row joined",
        "ended without an answer",
    }


def test_only_who_agreed_is_passed_on(tmp_path: Path) -> None:
    path = export(
        tmp_path, talk(ASK, ANSWER, agreed=True), talk("What is the spin of the tau?", "1/2.", agreed="yes")
    )
    made = build_chats(path, tmp_path / "set", consent="agreed", licence="CC-BY-4.0", suffix=".jsonl")
    assert made.dropped == {"no consent": 1}
    with pytest.raises(InputError, match="consent"):
        build_chats(path, tmp_path / "other", licence="CC-BY-4.0")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "export.json"),
        ('[{"a": 1}]', "no known export has"),
        ("[]", "the export is empty"),
        (
            '[{"messages": [{"role": "user", "content": "pizza?"}, {"role": "assistant", "content": "Yes."}]}]',
            "1 not physics",
        ),
    ],
)
def test_what_is_no_export_is_refused(content: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(content)
    with pytest.raises(InputError, match=complaint):
        build_chats(tmp_path / "export.json", tmp_path / "set")
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("layout", [None, *LAYOUTS])
def test_fields_of_any_kind_are_damaged_and_not_a_fault(layout: str | None, tmp_path: Path) -> None:
    odd: list[Any] = [
        None,
        5,
        "text",
        [],
        {},
        [[]],
        [1, {}],
        {"a": 5},
        {"a": {"message": "text"}},
        {"a": {"message": {"author": "me"}}},
    ]
    entries = [
        {"mapping": value, "current_node": other} | {"conversations": value, "question": value, "answer": other}
        | {"messages": value, "conversationId": 1, "chat": {"history": {"messages": value, "currentId": other}}}
        for value in odd for other in odd
    ]  # fmt: skip
    entries += [
        {
            "conversationId": 1,
            "messages": [{"messageId": 1, "parentMessageId": value, "role": value, "from": value}],
        }
        for value in odd
    ]
    (tmp_path / "export.json").write_text(json.dumps(entries))
    with contextlib.suppress(InputError):  # and no other error
        build_chats(tmp_path / "export.json", tmp_path / "set", layout=layout, suffix=".jsonl")
