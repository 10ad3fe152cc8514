"""Flips single bits in every file of a base and in copies of it: none may change what is said unnoticed, none be restored.

    python benchmarks/faults_flips.py --flips 2000 --json FILE

Copies also have bytes appended and cut off, 150 times each. The base has 60 items with something in every table, the copy of its
index, and a log that was not yet written into the file. A flip is noticed where the base cannot be opened or `verify` reports it;
else all that the base says must be as before. Of a log SQLite reads what precedes the first wrong bit and says nothing; the base
then reports what it lost.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from yukawa.core.errors import YukawaError
from yukawa.knowledge import KnowledgeBase, new_item
from yukawa.knowledge.store import schema

ITEMS = 60
FILES = ("knowledge.sqlite", "knowledge.sqlite-wal", "knowledge.index")
COPIES = ("backup.sqlite", "export.jsonl", "export.jsonl.gz")


def prepare(folder: Path) -> None:
    """The base as a process leaves it that is killed, with its copies beside it."""
    child = os.fork()
    if child == 0:
        base = KnowledgeBase.open(folder / "base", embedding="hash")
        weights = [f"The mass of the sample {i} is {i + 1}.5 kg, as weighed." for i in range(ITEMS - 4)]
        base.teach_many([new_item(text, author="A") for text in weights])
        first = base.teach("The mass of the tau is 1776.9 MeV.", author="A", source="S")
        base.close()  # writes the log into the file
        base = KnowledgeBase.open(folder / "base")
        base.update(first.id, "The mass of the tau is 1776.93 MeV.")
        base.teach("The mass of the tau is 1500 MeV.", author="B")
        base.teach("# Magnets\n\n" + "The dipole was measured twice in the hall. " * 30)
        base.unload(base.teach("This is to be unloaded.").id)
        base.keep_answer("a1", "What is the mass?", {"answer": "1776.93 MeV", "sources": [{"id": first.id}]})
        base.save_index()
        base.backup(folder / "backup.sqlite")
        base.export(folder / "export.jsonl")
        base.export(folder / "export.jsonl.gz")
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("the base could not be made")


def said(base: KnowledgeBase) -> list[Any]:
    """All that a base says to anybody."""
    t = schema
    tables = (t.items, t.versions, t.passages, t.facts, t.conflicts, t.answers, t.events)
    with base.store.read() as connection:
        rows = [connection.execute(sa.select(table).order_by(*table.primary_key)).all() for table in tables]
        vectors = [row.vector.tobytes() for row in connection.execute(sa.select(t.vectors.c.vector))]
    hits = [(hit.item_id, hit.text, hit.score) for hit in base.search("mass of the tau", k=30)]
    return [*rows, vectors, hits, [item.text for item in base.list()]]


def of_base(folder: Path, work: Path) -> list[Any] | None:
    """What a base says, read in a copy, or None where damage is noticed."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(folder, work)
    try:
        with KnowledgeBase.open(work) as base:
            report = base.verify()
            lost = any(note.startswith("log: ") for note in report.notes)
            return said(base) if report.clean and not lost else None
    except (YukawaError, sqlite3.Error, sa.exc.SQLAlchemyError):
        return None


def of_copy(file: Path, work: Path) -> list[Any] | None:
    """What a base says that was restored from a copy, or None where that is refused."""
    shutil.rmtree(work, ignore_errors=True)
    try:
        KnowledgeBase.restore_backup(file, work)
        with KnowledgeBase.open(work) as base:
            return said(base)
    except (YukawaError, sqlite3.Error, sa.exc.SQLAlchemyError):
        return None


def flipped(data: bytes, draw: random.Random) -> tuple[int, bytes]:
    """A bit drawn by lot, and the data with it turned over."""
    bit = draw.randrange(8 * len(data))
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bit, bytes(changed)


def study(folder: Path, flips: int) -> dict[str, Any]:
    """So many flips, spread over all files and copies; a copy has changed as soon as it is restored, whatever it then says."""
    prepare(folder)
    draw, found = random.Random(15), {}
    for name in (*FILES, *COPIES):
        whole = folder / ("base" if name in FILES else ".") / name
        data, read = whole.read_bytes(), _reader(folder, name)
        wanted = read()
        if wanted is None:
            raise RuntimeError(f"{name} is damaged before any flip")
        noticed, changed = 0, []
        for _ in range(flips // len((*FILES, *COPIES)) + 1):
            bit, damaged = flipped(data, draw)
            whole.write_bytes(damaged)
            now = read()
            noticed += now is None
            if now is not None and (name in COPIES or now != wanted):
                changed.append(bit)
        sizes = [draw.randrange(1, 8193) for _ in range(50)] if name in COPIES else []
        for size in sizes:  # no less a damage than a bit: bytes that were appended, or cut off
            for damaged in (data + draw.randbytes(size), data + bytes(size), data[:-size]):
                whole.write_bytes(damaged)
                if read() is not None:
                    changed.append(8 * len(damaged))
        whole.write_bytes(data)
        count = flips // len((*FILES, *COPIES)) + 1
        found[name] = {"flips": count, "noticed": noticed, "changed": changed}
    return found


def _reader(folder: Path, name: str) -> Any:
    if name in FILES:
        return lambda: of_base(folder / "base", folder / "work")
    return lambda: of_copy(folder / name, folder / "work")


def lines(found: dict[str, Any]) -> Iterator[str]:
    """A line for each file."""
    for name, row in found.items():
        what = "changed something unnoticed" if name in FILES else "damaged copies restored"
        yield f"{name}: {row['flips']} flips, {row['noticed']} noticed, {len(row['changed'])} {what}"


def main() -> None:
    """Flips so many bits and prints what went unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--flips", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = study(Path(folder), given.flips)
    print("\n".join(lines(found)))
    figures = {
        "files": found,
        "flips": sum(row["flips"] for row in found.values()),
        "unnoticed": sum(len(found[name]["changed"]) for name in FILES),
        "restored": sum(len(found[name]["changed"]) for name in COPIES),
    }
    print(Counter({key: value for key, value in figures.items() if key != "files"}))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
