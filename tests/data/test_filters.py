"""Filters say of each row whether it stays, count why not, and say what decided."""

from __future__ import annotations

import json
from itertools import compress
from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.core.files import hash_file
from yukawa.data.conversation_sets import build_conversations
from yukawa.data.filters import make_filters, read_evaluation, told
from yukawa.data.rows import Conversation, Document, Message

LEAK = "which of the known quarks has the largest mass of them all"
ENGLISH = (
    "We show that the mass of the top quark is measured by the experiments at the collider of the laboratory."
)
GERMAN = "Wir zeigen, dass die Masse des Top-Quarks von den Experimenten am Beschleuniger gemessen wird, und warum."
TEXTS = [
    ENGLISH,
    ENGLISH.upper().replace("LABORATORY", "LAB"),
    GERMAN,
    f"So it was asked {LEAK} and nobody knew the answer to it.",
    "Another text of which the words are in no other, and that is all there is to say of this.",
]
ROWS = [Document(id=str(i), text=text, source="test") for i, text in enumerate(TEXTS)]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps({"question": LEAK.title() + "?"}) + "\n" + json.dumps({"question": "Why?"}))
    return path


def test_all_filters_in_turn(questions: Path):
    filters = make_filters(language="en", evaluation=[questions], near_duplicates=0.7)
    rows, dropped = ROWS, {}
    for one in filters:
        rows = list(compress(rows, one.keeps(rows)))
        dropped |= one.dropped
    assert [row.id for row in rows] == ["0", "4"]
    assert dropped == {
        "in another language (de)": 1,
        "with a piece of an evaluation set": 1,
        "nearly the same as another": 1,
    }
    language, evaluation, near = (one.settings for one in filters)
    assert (language["filter"], language["language"], language["undetermined"]) == ("language", "en", 0)
    assert evaluation["sets"] == [{"name": "questions.jsonl", "sha256": hash_file(questions)}]
    assert (evaluation["items"], evaluation["items_hit"], evaluation["items_too_short"]) == (2, 1, 1)
    assert (near["jaccard"], near["shingle"]) == (0.7, 5)
    assert json.loads(json.dumps([language, evaluation, near])) == [language, evaluation, near]
    lines = told(filters)
    assert all(line.startswith("* Filter: ") and line.endswith(".") for line in lines)
    assert "`questions.jsonl`" in lines[1]


def test_what_is_not_wanted_is_no_filter():
    assert make_filters() == []
    assert [one.settings["filter"] for one in make_filters(near_duplicates=1.0)] == ["near duplicates"]


@pytest.mark.parametrize("which", [{"language": "en"}, {"near_duplicates": 0.7}, {"evaluation": True}])
def test_asked_or_called_a_filter_keeps_the_same(which, questions: Path):
    given = {"evaluation": [questions]} if "evaluation" in which else which
    ((asked,), (called,)) = (make_filters(**given) for _ in range(2))
    assert list(compress(ROWS, asked.keeps(iter(ROWS)))) == list(called(ROWS))  # type: ignore[operator]
    assert asked.dropped == called.dropped
    assert asked.settings == called.settings


def test_a_data_set_is_named_by_its_manifest(tmp_path: Path, questions: Path):
    rows = [{"question": f"{LEAK} {i}?", "answer": "Top."} for i in range(20)]
    (tmp_path / "qa.json").write_text(json.dumps(rows))
    build_conversations([tmp_path / "qa.json"], tmp_path / "set", threshold=None, suffix=".jsonl")
    found = read_evaluation([tmp_path / "set", questions])
    assert found.settings["sets"][0] == {
        "name": "set", "sha256": hash_file(tmp_path / "set" / "manifest.json"),
    }  # fmt: skip
    assert found.settings["items"] == 2 + 2  # the test split alone
    assert list(found.keeps(ROWS)) == [True, True, True, False, True]


def test_conversations_are_filtered_before_the_split(tmp_path: Path, questions: Path):
    rows = [{"question": f"What is number {i}?", "answer": f"It is {i}."} for i in range(20)]
    rows += [{"question": LEAK, "answer": "Top."}, {"question": GERMAN, "answer": GERMAN}]
    (tmp_path / "qa.json").write_text(json.dumps(rows))
    filters = make_filters(language="en", evaluation=[questions])
    made = build_conversations([tmp_path / "qa.json"], tmp_path / "set", filters=filters, suffix=".jsonl")
    assert made.manifest.rows == 20
    assert made.filtered == {"in another language (de)": 1, "with a piece of an evaluation set": 1}
    assert made.manifest.made["dropped"] == {"bad": 0, "repeated": 0} | made.filtered
    assert made.manifest.made["filters"] == [one.settings for one in filters]
    card = (tmp_path / "set" / "card.md").read_text()
    assert "Left out by filters: 1 in another language (de), 1 with a piece of an evaluation set." in card
    (tmp_path / "one.json").write_text(json.dumps(rows[20:21]))
    with pytest.raises(InputError, match="nothing is left: 1 with a piece of an evaluation set"):
        build_conversations(
            [tmp_path / "one.json"], tmp_path / "none", filters=make_filters(evaluation=[questions])
        )
    assert not (tmp_path / "none").exists()


def test_messages_of_a_conversation_are_judged_together():
    talk = Conversation(
        id="1",
        messages=(Message(role="user", content="Was?"), Message(role="assistant", content=GERMAN)),
        source="s",
    )
    (language,) = make_filters(language="en")
    assert list(language.keeps([talk])) == [False]


def test_what_cannot_be_a_filter_is_told(tmp_path: Path):
    for given, reason in (
        ({"language": "xx"}, "no language that can be recognised"),
        ({"near_duplicates": 2.0}, "above 0 and up to 1"),
        ({"evaluation": [tmp_path / "absent.json"]}, "absent.json cannot be read"),
        ({"evaluation": [tmp_path]}, "manifest.json cannot be read"),
    ):
        with pytest.raises(InputError, match=reason):
            make_filters(**given)
