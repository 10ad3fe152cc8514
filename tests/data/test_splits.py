"""Splits: the right sizes, no text or question in two of them, and order does not matter."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.data.conversations import read_conversations
from yukawa.data.ngrams import normalise
from yukawa.data.rows import Conversation, Preference, Turn
from yukawa.data.splits import (
    FRACTIONS,
    exact_sizes,
    exact_splits,
    order_keys,
    questions,
    shuffled,
    split_conversations,
    stable_splits,
)

COUNTS = st.integers(0, 300)


def texts(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 2), np.uint64)


def test_sizes_are_those_of_feyntune():
    assert exact_sizes(105_384) == (73_768, 15_808, 15_808)


@settings(max_examples=25)
@given(st.integers(2, 2000))
def test_sizes_are_those_of_scikit_learn_called_twice(count: int):
    from sklearn.model_selection import train_test_split

    train, held = train_test_split(np.arange(count), test_size=0.3, random_state=42)
    expected = (len(train), len(held) // 2, len(held) - len(held) // 2)
    assert exact_sizes(count) == expected
    assert sum(exact_sizes(count)) == count


@given(COUNTS, COUNTS, st.integers(-5, 2**70))
def test_each_group_has_its_exact_sizes(first: int, second: int, seed: int):
    keys = order_keys(texts(first + second), seed)
    groups = np.repeat([0, 7], [first, second])
    splits = exact_splits(keys, groups)
    for group, count in ((0, first), (7, second)):
        assert tuple(np.bincount(splits[groups == group], minlength=3)) == exact_sizes(count)


@given(st.lists(st.integers(0, 20), max_size=80), st.randoms())
@pytest.mark.parametrize("exact", [True, False])
def test_equal_texts_share_a_split_and_the_order_changes_nothing(exact: bool, kinds: list[int], shuffle):
    hashes = texts(21)[kinds]
    groups = np.array([shuffle.randrange(3) for _ in kinds], np.int64)

    def split(order: list[int]) -> np.ndarray:
        keys = order_keys(hashes[order], 42)
        return exact_splits(keys, groups[order]) if exact else stable_splits(keys)

    order = list(range(len(kinds)))
    splits = split(order)
    for kind in set(kinds):
        assert len({code for code, one in zip(splits.tolist(), kinds, strict=True) if one == kind}) == 1
    shuffle.shuffle(order)
    np.testing.assert_array_equal(split(order), splits[order])


def test_a_stable_split_is_the_same_in_any_company():
    hashes = texts(20_000)
    all_of_them = stable_splits(order_keys(hashes, 42))
    np.testing.assert_array_equal(stable_splits(order_keys(hashes[::7], 42)), all_of_them[::7])
    shares = np.bincount(all_of_them) / len(hashes)
    np.testing.assert_allclose(shares, (0.70, 0.15, 0.15), atol=4 * 0.0033)  # four standard deviations
    other = stable_splits(order_keys(hashes, 43))
    assert np.mean(other == all_of_them) == pytest.approx(0.7**2 + 2 * 0.15**2, abs=0.02)  # as if drawn anew


def test_ranks_are_an_order_and_ids_decide_between_equal_texts():
    hashes, ids = texts(50)[np.arange(50) // 2], texts(50, 1)
    ranks = shuffled(order_keys(hashes, 1), ids)
    assert sorted(ranks.tolist()) == list(range(50))
    again = np.random.default_rng(2).permutation(50)
    np.testing.assert_array_equal(shuffled(order_keys(hashes[again], 1), ids[again]), ranks[again])
    assert abs(np.corrcoef(ranks, np.arange(50))[0, 1]) < 0.5


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
