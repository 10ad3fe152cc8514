"""The Checker: novelty by measure, topics that tire, seeds that lack pairs, screening, and a state that can be restored."""

from __future__ import annotations

from typing import Any

import pytest

from yukawa.data.engine.checker import Checker, OpenQuestion, restored
from yukawa.embedding import open_embedder

MASS = [
    f"What is the mass of the {x}?" for x in ("Z boson", "W boson", "tau", "muon", "neutron", "K+", "eta")
]


def checker(**targets: int) -> Checker:
    return Checker(open_embedder("none"), targets or {"s": 50})


def fill(found: Checker, questions: list[str], topic: int = 1, first: int = 1, seed: str = "s") -> None:
    for number, question in enumerate(questions, start=first):
        found.add(OpenQuestion(number, question, seed, topic, "open"))


def test_what_is_new_is_open_and_what_repeats_it_a_duplicate() -> None:
    found = checker()
    assert found.screen(MASS[0])[0] == "open"
    fill(found, MASS[:1])
    assert found.screen("How heavy is the Z?") == ("duplicate", "asks what was asked before", 1)
    assert found.screen("How wide is the Z?")[0] == "open"


@pytest.mark.parametrize("question", ["Who sells pizza?", "Why is it so?", "1. Yes"])
def test_what_is_off_topic_has_a_reason(question: str) -> None:
    state, reason, _ = checker().screen(question)
    assert (state, bool(reason)) == ("off-topic", True)


def test_the_most_novel_is_asked_next() -> None:
    found = checker()
    fill(found, ["What is the mass of the Z?", "What is the width of the Z?", "Why do neutrinos oscillate?"])
    (first,) = found.pick(1)
    assert first.id == 1
    assert found.open[3].novelty > found.open[2].novelty


def test_a_topic_that_refuses_is_left() -> None:
    found = checker()
    fill(found, MASS[:4], topic=1)
    fill(found, ["Why do neutrinos oscillate?"], topic=9, first=10)
    for _ in range(3):
        (asked,) = found.pick(1)
        asked.state = "unanswerable"
    assert found._topic("s") is None


def test_the_seed_that_lacks_most_is_asked_first() -> None:
    found = checker(a=4, b=4)
    fill(found, MASS[:3], seed="a")
    fill(found, MASS[3:6], seed="b", first=10)
    found.accepted.update(a=2)
    assert [asked.seed for asked in found.pick(3)] == ["b", "b", "a"]
    found.accepted.update(a=2, b=4)
    assert found.pick(1) == []


def test_no_more_are_picked_than_are_wanted() -> None:
    found = checker(s=2)
    fill(found, MASS)
    assert len(found.pick(5)) == 2


def test_a_restored_checker_picks_as_the_first_would_have() -> None:
    found = checker()
    fill(found, MASS)
    picked = found.pick(2)
    for asked in picked:
        asked.state = "answered"
    rows: list[dict[str, Any]] = []
    for number, question in enumerate(MASS, start=1):
        places = [asked.id for asked in picked]
        done = number in places
        rows.append({
            "id": number, "question": question, "seed": "s", "topic": 1, "frame": "", "state": "answered" if done else "open",
            "round": 1 if done else None, "place": places.index(number) if done else None,
        })  # fmt: skip
    again = restored(rows, {"s": 2}, open_embedder("none"), {"s": 50})
    found.accepted.update(s=2)
    assert [a.id for a in again.pick(3)] == [a.id for a in found.pick(3)]
