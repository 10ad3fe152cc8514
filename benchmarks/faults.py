"""Kills processes at work on one knowledge base, over every verb of the command line, and looks at what is left.

    python benchmarks/faults.py --rounds 500 --json FILE

In each round three or eight processes call verb after verb (`faults_verbs`) until all are killed by SIGKILL at a random
moment; then the base is opened: everything that was acknowledged must be there, nothing half, `verify` clean, every copy whole,
and no byte of what was erased in any file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import faults_verbs
from faults_verbs import Expected, Worker

from yukawa.cli import session
from yukawa.core.errors import YukawaError
from yukawa.knowledge import KnowledgeBase

PROCESSES = (3, 8)
_LONGEST = 600.0  # seconds until a round has begun
_NEW_AFTER = 20  # rounds with one base


def prepare(work: Path, url: str = "") -> None:
    """A base that counts as built, with what another person taught, and an export and a backup to bring in."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with KnowledgeBase.open(work / "other", embedding="hash") as other:
        for number in range(5):
            other.teach(f"The collimator {number} was aligned.", author="Ada", actor="Ada")
        other.backup(work / "some.sqlite")
        other.export(work / "some.jsonl")
    with KnowledgeBase.open(url or work / "home" / "knowledge", embedding="hash") as base:
        base.set_meta("pdg", "few")
        for number in range(3):
            base.teach(f"The kicker {number} was calibrated.", author="Chen", actor="Chen")
        base.save_index()


def one_round(
    work: Path,
    seed: int,
    processes: int,
    urls: Sequence[str] = ("",),
    first: Callable[[], None] = lambda: None,
) -> Expected:
    """Let processes work until they are killed; what their logs say.

    Args:
        urls: of a base on a server, by one of which each process opens it, in turn.
        first: done at the chosen moment, before the processes are killed.
    """
    draw = random.Random(seed)
    folder = work / f"round{seed}"
    folder.mkdir()
    logs, children = [], []
    for number in range(processes):
        own = folder / str(number)
        own.mkdir()
        logs.append(own / "log")
        handle = os.open(logs[-1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        draws, url = random.Random(draw.random()), urls[number % len(urls)]
        children.append(_started(Worker(work / "home", own, f"{seed}x{number}", draws, handle, url)))
    try:
        _wait_for(lambda: all(b"done" in log.read_bytes() for log in logs))
        time.sleep(draw.uniform(0, 1))
        first()
    finally:
        for child in draw.sample(children, len(children)):
            os.kill(child, signal.SIGKILL)
        ended = [os.waitpid(child, 0)[1] for child in children]
    expected = Expected()
    for log in logs:
        expected.read(log)
    expected.failed += ["a worker ended by itself" for status in ended if not os.WIFSIGNALED(status)]
    return expected


def _started(worker: Worker) -> int:
    child = os.fork()  # after the imports: a round costs no start of Python
    if child == 0:
        try:
            faults_verbs.work(worker)
        finally:
            os._exit(1)
    os.close(worker.log)
    return child


def _wait_for(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LONGEST
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError("nothing was done in ten minutes")
        time.sleep(0.01)


def problems(work: Path, expected: Expected, url: str = "") -> Iterator[str]:
    """What is wrong after a round."""
    yield from expected.failed
    home = work / "home" / "knowledge"
    try:
        with KnowledgeBase.open(url or home) as base:
            yield from expected.problems(base)
    except (YukawaError, sqlite3.Error) as error:
        yield f"lost: {error}"
        return
    words = [word.encode() for text in expected.erased.values() for word in faults_verbs.names_in(text)]
    kept = _texts_of_current(url or home, words)
    for file in () if url else sorted(home.rglob("*")):
        data = file.read_bytes().lower() if file.is_file() else b""
        if found := [word for word in words if word not in kept and word in data]:
            yield f"{file.name} holds what was erased: {found[:3]}"
    yield from (f"{file.name} is left" for file in home.rglob("*") if file.suffix == ".part")
    yield from _copies(work, expected)


def _texts_of_current(url: Path | str, words: Sequence[bytes]) -> set[bytes]:
    """Words of items whose erasure was begun and did not come to pass."""
    with KnowledgeBase.open(url) as base:
        texts = "\n".join(item.text for item in [*base.list(), *base.list(unloaded=True)]).lower().encode()
    return {word for word in words if word in texts}


def _copies(work: Path, expected: Expected) -> Iterator[str]:
    """What is wrong with backups, exports and new bases."""
    for name, must in expected.files.items():
        file = Path(name)
        if must and not file.exists():
            yield f"lost: {file.name}"
        yield from (f"{part.name} is left" for part in file.parent.glob(".*.part"))
        if file.exists():
            try:
                KnowledgeBase.restore_backup(file, work / "restored")
            except YukawaError as error:
                yield f"half: {error}"
            shutil.rmtree(work / "restored", ignore_errors=True)
    for name, must in expected.made.items():
        folder = Path(name) / "knowledge"
        there = (folder / "knowledge.sqlite").exists()
        if must and not there:
            yield f"lost: {folder}"
        if there:
            try:
                with KnowledgeBase.open(folder) as base:
                    yield from base.verify().problems
            except YukawaError as error:
                yield f"half: {error}"


def warm_up(work: Path) -> None:
    """Call every verb once in this process: what is loaded and read for it is there in each process that forks from it."""
    prepare(work)
    (work / "own").mkdir()
    with open(work / "log", "wb") as log:
        worker = Worker(work / "home", work / "own", "w", random.Random(0), log.fileno())
        for verb in ("teach", *faults_verbs.VERBS):
            faults_verbs.VERBS[verb](worker)
    expected = Expected()
    expected.read(work / "log")
    if expected.failed:
        raise RuntimeError("; ".join(expected.failed))


def ready(work: Path) -> None:
    """Settle what all workers share, and load what they need."""
    os.environ["YUKAWA_KNOWLEDGE__EMBEDDING"] = "hash"
    os.environ["YUKAWA_KNOWLEDGE__REVIEWERS"] = json.dumps([session.me()])
    faults_verbs.few_statements()
    warm_up(work)


def study(work: Path, rounds: int, first: int = 0, processes: Sequence[int] = PROCESSES) -> dict[str, Any]:
    """So many rounds, with what they acknowledged and what was wrong."""
    ready(work)
    acknowledged, wrong = 0, []
    for seed in range(first, first + rounds):
        if seed == first or seed % _NEW_AFTER == 0:
            prepare(work)
        expected = one_round(work, seed, processes[seed % len(processes)])
        acknowledged += expected.acknowledged
        wrong += [f"round {seed}: {problem}" for problem in problems(work, expected)]
        shutil.rmtree(work / f"round{seed}")
    return {"rounds": rounds, "acknowledged": acknowledged, "wrong": wrong}


def main() -> None:
    """Kills so many times and prints what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--processes", type=int, nargs="*", default=PROCESSES, help="at work, in turn")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first round")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        figures = study(Path(work) / "work", given.rounds, given.first, processes=given.processes)
    print(
        f"{figures['rounds']} rounds, {figures['acknowledged']} acknowledged, {len(figures['wrong'])} wrong"
    )
    for line, count in Counter(line.partition(": ")[2] for line in figures["wrong"]).most_common(20):
        print(f"  {count} x {line[:300]}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
