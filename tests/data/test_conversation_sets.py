"""Files of questions and answers become data sets in which no question is in two splits."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.core.manifest import SPLITS
from yukawa.data.conversation_sets import (
    FRACTIONS,
    build_conversations,
    questions,
    split_conversations,
)
from yukawa.data.conversations import read_conversations
from yukawa.data.dataset import check_manifest, read_split
from yukawa.data.ngrams import normalise
from yukawa.data.rows import Conversation, Preference, Turn


def save(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    rows = [
        {"question": f"What is number {i}?", "answer": f"It is {i}.", "category": "abc"[i % 3]}
        for i in range(30)
    ]
    rows += [rows[0], {"question": "what is NUMBER 1", "answer": "One."}]
    return save(tmp_path / "numbers.json", rows)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_every_row_is_in_one_split_and_no_question_in_two(file: Path, tmp_path: Path, suffix: str):
    made = build_conversations([file], tmp_path / "set", suffix=suffix)
    assert check_manifest(tmp_path / "set") == made.manifest
    splits = {name: list(read_split(tmp_path / "set", name, Conversation)) for name in SPLITS}
    assert sorted((row for rows in splits.values() for row in rows), key=lambda row: int(row.id[8:])) == [
        row for row in read_conversations(file).rows if row.id != "numbers:31"
    ]
    asked = [{question for row in rows for question in questions(row)} for rows in splits.values()]
    assert sum(map(len, asked)) == len(set().union(*asked)) == 30
    assert made.repeated == 1
    assert made.manifest.made["dropped"] == {"bad": 0, "repeated": 1}
    assert "another: 1 rows" in (tmp_path / "set" / "card.md").read_text()


def test_the_same_files_give_the_same_bytes_and_another_seed_does_not(file: Path, tmp_path: Path):
    contents = []
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        build_conversations([file], tmp_path / name, seed=seed, suffix=".jsonl")
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]
    assert contents[0]["test.jsonl"] != contents[2]["test.jsonl"]


def test_preferences_become_a_set_of_preferences(tmp_path: Path):
    rows = [{"prompt": f"Why {i}?", "chosen": "yes", "rejected": "no"} for i in range(10)]
    made = build_conversations([save(tmp_path / "p.json", rows)], tmp_path / "set", suffix=".jsonl")
    assert made.manifest.kind == "preference"
    assert {row.id for name in SPLITS for row in read_split(tmp_path / "set", name, Preference)} == {
        f"p:{i}" for i in range(1, 11)
    }


def test_what_cannot_become_a_set_leaves_nothing(file: Path, tmp_path: Path):
    choice = save(tmp_path / "p.json", [{"prompt": "a", "chosen": "b", "rejected": "c"}])
    bad = save(tmp_path / "bad.json", [{"question": "a", "answer": ""}])
    twin = save(
        (tmp_path / "twin").with_suffix(".json"), [{"id": "numbers:1", "question": "a?", "answer": "b"}]
    )
    for files, options, message in (
        ([file, choice], {}, "some files hold preferences"),
        ([bad], {}, "row 1: the text of the assistant is empty"),
        ([bad], {"drop_bad": True}, "omit --drop-bad to see"),
        ([file, twin], {}, "both have a row with the id 'numbers:1'"),
        ([file], {"shares": {"train": 2.0}}, "share of train from 0 to 1, got 2"),
        ([file], {"suffix": ".csv"}, "unknown suffix of row files '.csv'"),
        ([tmp_path / "absent.json"], {}, "cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            build_conversations(files, tmp_path / "set", **options)
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "bad.json",
            "numbers.json",
            "p.json",
            "twin.json",
        ]
    with pytest.raises(InputError, match="holds files already"):
        build_conversations([file], tmp_path)


def talk(name: str, *asked: str) -> Conversation:
    messages = [
        Turn(role=role, content=text)  # type: ignore[arg-type]
        for question in asked
        for role, text in (("user", question), ("assistant", f"answer {name}"))
    ]
    return Conversation(id=name, messages=tuple(messages), source="test")


ASKED = st.lists(
    st.lists(st.sampled_from([f"what is the {a} of the {b}" for a in ("mass", "spin") for b in "uds"]), min_size=1, max_size=2),
    max_size=25,
)  # fmt: skip
SHARES = st.sampled_from(
    [FRACTIONS, {"train": 0.5, "test": 0.5}, {"train": 1.0, "validation": 0.0, "test": 0.0}]
)


@given(ASKED, SHARES, st.integers(0, 5), st.sampled_from([None, 0.9]))
@settings(max_examples=60)
def test_the_laws_of_splitting(
    asked: list[list[str]], shares: dict[str, float], seed: int, threshold: float | None
):
    rows = [talk(f"{i}", *(text.upper() + "?" * (i % 2) for text in texts)) for i, texts in enumerate(asked)]
    splits = split_conversations(rows, shares, seed, threshold=threshold)
    assert list(splits) == list(shares)
    assert sorted(row.id for split in splits.values() for row in split) == sorted(row.id for row in rows)
    assert all(split == sorted(split, key=rows.index) for split in splits.values())
    homes = [{question for row in split for question in questions(row)} for split in splits.values()]
    assert sum(map(len, homes)) == len(set().union(*homes))
    largest = max(map(len, tied(rows)), default=0)
    for name, share in shares.items():
        assert abs(len(splits[name]) - share * len(rows)) <= largest
    mixed = random.Random(seed).sample(rows, len(rows))
    again = split_conversations(mixed, shares, seed, threshold=threshold)
    assert {name: {row.id for row in split} for name, split in again.items()} == {
        name: {row.id for row in split} for name, split in splits.items()
    }


def tied(rows: list[Conversation]) -> list[set[str]]:
    """Ids of rows that share questions, directly or through others."""
    groups: list[tuple[set[str], set[str]]] = []
    for row in rows:
        ids, asked = {row.id}, set(questions(row))
        for group in [group for group in groups if group[1] & asked]:
            groups.remove(group)
            ids, asked = ids | group[0], asked | group[1]
        groups.append((ids, asked))
    return [ids for ids, _ in groups]


def test_near_questions_stay_together_for_every_seed():
    near = (
        "Explain how the silicon microstrip tracker of the D0 detector measures vertices in Run II",
        "Explain how the silicon microstrip tracker of the D0 detector measures the vertices in Run II",
    )
    rows = [
        talk("a", near[0]),
        talk("b", near[1]),
        *(talk(f"{i}", f"question number {i}") for i in range(18)),
    ]
    apart = 0
    for seed in range(12):
        for threshold in (0.8, None):
            splits = split_conversations(rows, {"train": 0.5, "test": 0.5}, seed, threshold=threshold)
            together = sum({"a", "b"} <= {row.id for row in split} for split in splits.values())
            assert together or threshold is None
            apart += not together
    assert apart  # without a threshold they are two questions


def test_seeds_differ_and_the_same_seed_does_not():
    rows = [talk(f"{i}", f"question number {i}") for i in range(40)]
    tests = [tuple(row.id for row in split_conversations(rows, seed=seed)["test"]) for seed in (0, 1, 2, 0)]
    assert tests[0] == tests[3]
    assert len(set(tests)) == 3
    assert {len(test) for test in tests} == {4}


def test_which_questions_count():
    assert questions(talk("a", "Hm?", "And why?", "And what is its spin?")) == ["hm", "and what is its spin"]
    choice = Preference(
        id="p", source="s", prompt=(Turn(role="user", content="Why  me?"),), chosen="a", rejected="b"
    )
    assert questions(choice) == ["why me"]
    assert [row.id for row in split_conversations([choice])["train"]] == ["p"]


def test_the_published_questions(real_data: Path):
    rows = read_conversations(real_data / "qa" / "particle_physics_qna_104.json").rows
    splits = split_conversations(rows, {"train": 0.7, "validation": 0.15, "test": 0.15}, seed=3)
    assert [len(split) for split in splits.values()] == pytest.approx([72.8, 15.6, 15.6], abs=2)
    homes = [{normalise(row.messages[0].content) for row in split} for split in splits.values()]
    assert not homes[0] & homes[1]
    assert not homes[2] & (homes[0] | homes[1])


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"train": 0.9}, "add up to 0.9, not to 1"),
        ({"train": 1.5, "test": -0.5}, "share of train from 0 to 1, got 1.5"),
        ({"train": float("nan")}, "share of train from 0 to 1, got nan"),
        ({"dev": 1.0}, "unknown split 'dev'"),
        ({}, "add up to 0"),
    ],
)
def test_shares_that_are_none(shares: dict[str, float], message: str):
    with pytest.raises(InputError, match=message):
        split_conversations([], shares)


def test_a_threshold_that_is_none():
    with pytest.raises(InputError, match="above 0 and up to 1"):
        split_conversations([], threshold=2)
