"""An erasure that is killed, and every verb that writes on a disk that fills up, at each operation on the disk.

    python benchmarks/faults_purge.py --rounds 200 --json FILE

`faults_disk` counts what a process does to its disk. An erasure is killed at random moments and at every such operation; after
the next opening no file of the base may hold any form of the text. For each verb that writes, the disk is full from each of
its operations on, by a library and not by a small file system, which needs rights and cannot be filled at a chosen moment: the
verb must say so in one line, leave what was there, and succeed when there is room again. In one run the base lies on a real
small file system, where the machine lets users make one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import faults_disk
import faults_power
import faults_verbs

from yukawa.core.errors import YukawaError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store import identity

_FULL = (
    "the disk is full",
    "the disk gave an error",
    "could not be cleaned",
    "could not be written",
    "cannot be opened",
)


def copied(prepared: Path, root: Path) -> None:
    """The prepared disk once more."""
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(prepared, root)


def erase(root: Path, started: int | None = None) -> str:
    """Erase what is to be erased; a byte is written to `started` when that begins."""
    with KnowledgeBase.open(root / "base") as base:
        chosen = [item for item in base.list() if faults_power.to_be_erased(item.text)]
        if started is not None:
            os.write(started, b"x")
        for item in chosen:
            base.purge(item.id)
    return "erased"


def after_next_opening(root: Path, gone: dict[str, set[bytes]], full: list[str]) -> Iterator[str]:
    """What is wrong with a base that a killed erasure left, when it is next opened."""
    try:
        with KnowledgeBase.open(root / "base") as base:
            there = {item.id for item in base.list()}
            report = base.verify()
            texts = [item.text for item in base.list()]
    except YukawaError as error:
        yield f"the base is lost: {error}"
        return
    # A change that was being written when its process was killed is one that was not acknowledged.
    yield from (*report.problems, *(note for note in report.notes if note != identity.loss(1)))
    if missing := [text for text in full if text not in texts]:
        yield f"lost: {missing}"
    files = faults_power.read_all(root / "base")
    for item_id in gone.keys() - there:
        yield from (f"{name} holds erased text" for name in faults_power.holding(files, gone[item_id]))


def kills(root: Path, rounds: int, points: int | None) -> dict[str, Any]:
    """Erasures killed at random moments, and at each of their operations or at so many of them."""
    prepared = root / "prepared"
    shutil.rmtree(prepared, ignore_errors=True)
    prepared.mkdir()
    faults_power.prepare(prepared)
    with KnowledgeBase.open(prepared / "base") as base:
        gone = faults_power.traces(base)
        stay = [item.text for item in base.list() if not faults_power.to_be_erased(item.text)]
    disk, draw, wrong, unfinished = root / "disk", random.Random(15), [], 0
    seconds = []
    for _ in range(5):
        copied(prepared, disk)
        began = time.perf_counter()
        said, operations = faults_disk.in_child(lambda: erase(disk))
        seconds.append(time.perf_counter() - began)
        if said != "erased":
            raise RuntimeError(said)
    longest = statistics.median(seconds)
    numbers = list(range(1, operations + 1))
    if points is not None:
        numbers = sorted(draw.sample(numbers, points))
    for kill, after in [(0, draw.uniform(0, longest)) for _ in range(rounds)] + [(n, 0.0) for n in numbers]:
        copied(prepared, disk)
        said, _ = faults_disk.in_child(lambda: erase(disk), kill=kill, after=after)
        unfinished += not said
        where = f"killed at operation {kill}" if kill else f"killed after {after:.3f} s"
        wrong += [f"{where}: {problem}" for problem in after_next_opening(disk, gone, stay)]
    return {"rounds": rounds, "points": len(numbers), "killed": unfinished, "wrong": wrong}


# ---- a full disk ------------------------------------------------------------------------------------


def cli(*words: str) -> Callable[[Path], str]:
    """A command line; ID is the item that is to be erased, ANSWER an answer, and a name with a slash lies on the disk."""

    def do(root: Path) -> str:
        with KnowledgeBase.open(root / "home" / "knowledge") as base:
            item_id = next((i.id for i in base.list() if "Quuxember" in i.text), "none")
        os.environ["YUKAWA_HOME"] = str(root / ("new" if words[0] == "NEW" else "home"))
        given = [{"ID": item_id}.get(w, str(root / w[2:]) if w.startswith("./") else w) for w in words]
        code, _, err = faults_verbs.run(given[1:] if given[0] == "NEW" else given)
        return f"{code} {(err.strip().splitlines() or [''])[-1]}"  # behind a line of progress

    return do


WRITING = {
    "teach": cli("teach", "The ring is warm."), "teach --sync": cli("teach", "--sync", "./documents"),
    "ask": cli("ask", "What is cold?"), "update": cli("knowledge", "update", "ID", "Nothing was cooled."),
    "unload": cli("knowledge", "unload", "ID"), "purge": cli("knowledge", "purge", "ID", "--yes"),
    "reindex": cli("knowledge", "reindex", "none"), "backup": cli("knowledge", "backup", "./backup.sqlite", "--force"),
    "export": cli("knowledge", "export", "./export.jsonl.gz", "--force"),
    "import": cli("knowledge", "import", "./some.jsonl"),
    "import into a new base": cli("NEW", "knowledge", "import", "./some.jsonl"),
    "restore-backup": cli("NEW", "knowledge", "restore-backup", "./backup.sqlite"),
    "build": cli("NEW", "knowledge", "build"),
}  # fmt: skip
"""Each verb that writes, as it is called on a disk that fills up."""


def prepare_home(root: Path) -> None:
    """A home whose base counts as built, with copies and documents to bring in."""
    root.mkdir(parents=True)
    (root / "documents").mkdir()
    (root / "documents" / "a.md").write_text("# Notes\n\nThe ring was inspected.")
    with KnowledgeBase.open(root / "other", embedding="hash") as other:
        other.teach("The collimator was aligned.", author="Ada")
        other.backup(root / "backup.sqlite")
        other.export(root / "some.jsonl")
        other.export(root / "export.jsonl.gz")
    with KnowledgeBase.open(root / "home" / "knowledge", embedding="hash") as base:
        base.set_meta("pdg", "few")
        base.teach("The ring is cold.")
        base.teach(faults_power.LONG.format("south", 7))
        base.save_index()


def full_disk(root: Path, points: int | None, verbs: Sequence[str] = tuple(WRITING)) -> dict[str, Any]:
    """Writing verbs with the disk full from each of its operations on, or from so many of them."""
    os.environ["YUKAWA_KNOWLEDGE__EMBEDDING"] = "hash"
    faults_verbs.few_statements()
    prepared, disk, draw = root / "home-prepared", root / "disk", random.Random(16)
    shutil.rmtree(prepared, ignore_errors=True)
    prepare_home(prepared)
    rounds, wrong = 0, []
    for name in verbs:
        do = WRITING[name]
        copied(prepared, disk)
        said, operations = faults_disk.in_child(partial(do, disk))
        if not said.startswith("0 "):
            raise RuntimeError(f"{name}: {said}")
        numbers = list(range(1, operations + 1))
        for full in numbers if points is None else sorted(draw.sample(numbers, min(points, operations))):
            copied(prepared, disk)
            rounds += 1
            said, _ = faults_disk.in_child(partial(do, disk), full=full, copies=full % 2)
            where = f"{name}, full from operation {full} of {operations} on"
            wrong += [f"{where}: {problem}" for problem in _of_full(disk, said, partial(do, disk))]
    return {"verbs": len(verbs), "rounds": rounds, "wrong": wrong}


def _of_full(disk: Path, said: str, again: Callable[[], str]) -> Iterator[str]:
    """What is wrong after a verb on a full disk: its words, the base, and whether it succeeds when there is room."""
    if not said.startswith("0 ") and (said.count("\n") or not any(words in said for words in _FULL)):
        yield f"it says {said!r}"
    try:
        with KnowledgeBase.open(disk / "home" / "knowledge") as base:
            yield from base.verify().problems
            if "The ring is cold." not in [item.text for item in base.list()]:
                yield "lost: what was there"
        KnowledgeBase.restore_backup(disk / "backup.sqlite", disk / "tried")
        KnowledgeBase.restore_backup(disk / "export.jsonl.gz", disk / "tried again")
    except YukawaError as error:
        yield f"lost: {error}"
    if not said.startswith("0 "):
        said, _ = faults_disk.in_child(again)
        if not said.startswith(("0 ", "2 error: there is no item 'none'")) and "is there already" not in said:
            yield f"with room again: {said!r}"


def small_file_system(megabytes: int = 3) -> list[str] | None:
    """What is wrong with a base that was taught until its real small file system was full; None where none can be made."""
    with tempfile.TemporaryDirectory() as folder:
        script = f"mount -t tmpfs -o size={megabytes}m none {folder} && exec {sys.executable} {__file__} --fill {folder}"
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False
        )
    return json.loads(done.stdout) if done.returncode == 0 else None


def fill(folder: Path) -> list[str]:
    """Teach until nothing can be taught any more; what is wrong then."""
    with KnowledgeBase.open(folder / "base", embedding="hash") as base:
        taught, said = 0, ""
        while not said:
            try:
                base.teach(f"Reading {taught} is noted. " + "Nothing else happened. " * 40)
                taught += 1
            except YukawaError as error:
                said = str(error)
    wrong = [] if any(words in said for words in _FULL) else [f"it says {said}"]
    with KnowledgeBase.open(folder / "base") as base:
        wrong += base.verify().problems
        if len(base.list()) != taught or not base.search("reading", k=1):
            wrong.append(f"{len(base.list())} items, {taught} taught")
    return wrong


def main() -> None:
    """Kills and fills, and prints what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200, help="erasures killed at random moments")
    parser.add_argument(
        "--points", type=int, help="operations at which one is killed or the disk is full; default: every one"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--verbs", nargs="*", choices=[*WRITING, []], default=[*WRITING], help="on the full disk"
    )
    parser.add_argument("--fill", type=Path, help="fill the file system of this folder and nothing else")
    given = parser.parse_args()
    if given.fill:
        print(json.dumps(fill(given.fill)))
        return
    if "FAULTS_ROOT" not in os.environ:
        faults_disk.watch_this_program(Path(tempfile.mkdtemp()) / "watched")
    root = Path(os.environ["FAULTS_ROOT"])
    figures: dict[str, Any] = {
        "purge": kills(root, given.rounds, given.points),
        "full": full_disk(root, given.points, given.verbs),
    }
    figures["small file system"] = small_file_system()
    shutil.rmtree(root.parent)
    for name, found in figures.items():
        wrong = found["wrong"] if isinstance(found, dict) else found
        print(
            name,
            {k: v for k, v in found.items() if k != "wrong"} if isinstance(found, dict) else "",
            wrong and len(wrong),
        )
        for line, count in Counter(wrong or []).most_common(20):
            print(f"  {count} x {line[:300]}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
