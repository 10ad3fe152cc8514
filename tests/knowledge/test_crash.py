"""A process that is killed while it teaches loses nothing that it had acknowledged."""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from yukawa.knowledge import KnowledgeBase

ROUNDS = 50


def _teach_without_end(url: str, writing: int, number: int) -> None:
    with KnowledgeBase.open(url, embedding="hash") as base:
        while True:
            item = base.teach(f"Reading {number} was {number * 7 % 1000} counts.")
            os.write(writing, f"{number} {item.id}\n".encode())
            if number % 5 == 4:
                base.update(item.id, f"Reading {number} was put right.")
                os.write(writing, f"{number} updated\n".encode())
            number += 1


def _killed_round(url: str, first: int, seconds: float) -> list[str]:
    """Lines that a child wrote before it was killed, `seconds` after its third: a busy machine must not decide how many."""
    reading, writing = os.pipe()
    child = os.fork()  # a fork after the imports: a round costs no start of Python
    if child == 0:
        try:
            os.close(reading)
            _teach_without_end(url, writing, first)
        finally:
            os._exit(1)
    os.close(writing)
    try:
        said = b""
        while said.count(b"\n") < 3:
            ready, _, _ = select.select([reading], [], [], 30)
            assert ready, "the child taught nothing in 30 s"
            said += os.read(reading, 4096)
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    finally:
        _, status = os.waitpid(child, 0)
    with os.fdopen(reading) as lines:
        rest = lines.read()
    assert os.WIFSIGNALED(status), "the child ended by itself"
    return (said.decode() + rest).splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("rounds", [ROUNDS])
def test_every_acknowledged_write_outlives_kill_nine(tmp_path: Path, rounds: int) -> None:
    _check(str(tmp_path / "base"), rounds, tmp_path)


@pytest.mark.slow
def test_the_same_on_a_server(postgres: Callable[[], str], tmp_path: Path) -> None:
    _check(postgres(), 8, tmp_path)


def _check(url: str, rounds: int, tmp_path: Path) -> None:
    generator = random.Random(0)
    ids: dict[int, str] = {}
    updated: set[int] = set()
    KnowledgeBase.open(url, embedding="hash").close()
    next_number = 0
    for _ in range(rounds):
        for line in _killed_round(url, next_number, generator.uniform(0.0, 0.25)):
            number, what = line.split()
            if what == "updated":
                updated.add(int(number))
            else:
                ids[int(number)] = what
        next_number = max(ids) + 2  # the one after the last may or may not have been written
        with KnowledgeBase.open(url) as base:
            present = {i.id: i for i in base.list()}
            assert set(ids.values()) <= present.keys()
            assert base.search(f"reading {max(ids)}", k=1)
    with KnowledgeBase.open(url) as base:
        assert base.verify().problems == ()
        present = {i.id: i for i in base.list()}
    # At most the one write under way when the process was killed may be there without a word.
    assert 0 <= len(present) - len(ids) <= rounds
    assert len(ids) >= 2 * rounds
    for number, item_id in ids.items():
        if number in updated:
            assert present[item_id].text == f"Reading {number} was put right."
    texts = [i.text for i in present.values()]
    assert len(texts) == len(set(texts))
