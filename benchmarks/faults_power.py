"""Power cuts: what a base holds after any of them, whatever of the writes since the last sync was lost or torn.

    python benchmarks/faults_power.py --draws 12 --json FILE

A process teaches, erases, backs up, begins and restores a base while `faults_disk` writes down what it does to its disk. From
that, every disk is made that a power cut may leave after each operation, and opened: it must verify, hold what was acknowledged
and nothing half, and after an erasure was acknowledged no trace of the text. `--without` breaks the program on purpose, to
see that the cuts find it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pickle
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import faults_disk
import sqlalchemy as sa
from faults_disk import SAID, Disk, Operation

from yukawa.core.errors import YukawaError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store import schema

# What a broken program lacks: module, its text, what is there instead.
BROKEN = {
    "synchronous": ("yukawa.knowledge.store.database", '"synchronous=FULL"', '"synchronous=OFF"'),
    "secure_delete": ("yukawa.knowledge.store.database", '"secure_delete=ON"', '"secure_delete=OFF"'),
    "fsync": ("yukawa.knowledge.store.transfer", "os.fsync(handle.fileno())", "pass"),
}
_OURS = {"knowledge.sqlite", "knowledge.sqlite-wal", "knowledge.sqlite-shm", "knowledge.index"}
LONG = "The Zorblax magnet of the {0} hall was cooled {1} times in Quuxember.\n\n"


def words(seed: int, count: int) -> list[str]:
    """Words that are found nowhere else."""
    generator = random.Random(seed)
    return ["".join(generator.choices("bcdfghklmnprstvwz", k=8)) for _ in range(count)]


# ---- what is done -----------------------------------------------------------------------------------


def prepare(root: Path) -> None:
    """A base with a document and a short statement that are to be erased, an older backup, and the file of what is said."""
    (root / SAID).touch()
    with KnowledgeBase.open(root / "base", embedding="hash") as base:
        for text in _OLD:
            base.teach(text)
        base.backup(root / "backup.sqlite")
        base.export(root / "export.jsonl")
        long = "# Notes\n\n" + "".join(LONG.format(word, 7) for word in words(1, 30))
        found = base.teach(long, question="What was cooled in Quuxember?")
        base.update(found.id, long + " ".join(words(2, 200)))
        base.teach("Zwq 7 m.")
        base.keep_answer("a0", "Quuxember?", {"answer": LONG.format(words(1, 1)[0], 7), "sources": []})
        base.search("zorblax")
        base.save_index()


_OLD = sorted(["The ring is cold.", "The mass of the tau is 1776.9 MeV."])
_NEW = ["The ring is new."]


def to_be_erased(text: str) -> bool:
    """Whether it is one of the items that are erased."""
    return "Quuxember" in text or text.startswith("Zwq")


def said(base: KnowledgeBase) -> list[str]:
    """What a base holds, as far as it matters here."""
    with base.store.read() as connection:
        answers = connection.execute(sa.select(schema.answers.c.id)).scalars().all()
    return sorted([item.text for item in base.list()] + list(answers))


Say = Callable[[list[str]], None]


def teach(root: Path, say: Say) -> None:
    """Items taught and changed, an answer kept."""
    with KnowledgeBase.open(root / "base") as base:
        for number in range(2):
            item = base.teach(f"Reading {number} was {number} counts.")
            say(said(base))
            base.update(item.id, f"Reading {number} was put right.")
            say(said(base))
        base.keep_answer("a1", "What is cold?", {"answer": "The ring."})
        say(said(base))
        base.save_index()


def purge(root: Path, say: Say) -> None:
    """A long document and a short statement erased."""
    with KnowledgeBase.open(root / "base") as base:
        for item in base.list():
            if to_be_erased(item.text):
                base.purge(item.id)
                say(said(base))
        base.teach("The ring is warm.")
        say(said(base))


def carry(root: Path, say: Say) -> None:
    """A backup and an export written over older ones."""
    with KnowledgeBase.open(root / "base") as base:
        base.backup(root / "backup.sqlite", force=True)
        say(said(base))
        base.export(root / "export.jsonl", force=True)
        say(said(base))


def begin(root: Path, say: Say) -> None:
    """A base begun, and one restored."""
    with KnowledgeBase.open(root / "new", embedding="hash") as base:
        say(said(base))
        base.teach(_NEW[0])
        say(said(base))
    KnowledgeBase.restore_backup(root / "backup.sqlite", root / "restored")
    say([])


ACTS = {"teach": teach, "purge": purge, "carry": carry, "begin": begin}


def act(name: str, root: Path, without: str) -> None:
    """Do it in this process, whose program is broken as `without` says."""
    if without:
        module_name, text, instead = BROKEN[without]
        module = importlib.import_module(module_name)
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        if source.count(text) != 1:
            raise SystemExit(f"{module_name} has no {text!r} any more")
        exec(compile(source.replace(text, instead), str(module.__file__), "exec"), module.__dict__)
    with open(root / SAID, "a", encoding="utf-8", buffering=1) as handle:
        ACTS[name](root, lambda state: print(json.dumps(state), file=handle))


# ---- what is left -----------------------------------------------------------------------------------


def traces(base: KnowledgeBase) -> dict[str, set[bytes]]:
    """By the item: every form in which a base stores what only that item says, as far as it cannot be there by chance."""
    t, found = schema, {}
    with base.store.read() as connection:
        versions = connection.execute(sa.select(t.versions)).all()
        for item_id in {row.item_id for row in versions if to_be_erased(row.text)}:
            mine = {row.id for row in versions if row.item_id == item_id}
            passages = [p for p in connection.execute(sa.select(t.passages)) if p.version_id in mine]
            texts = [
                (row.text, row.question, row.nonce, row.content_key) for row in versions if row.id in mine
            ]
            strings = {s for row in texts for s in row if s} | {
                s for p in passages for s in (p.text, p.terms)
            }
            forms = {s.encode() for s in strings} | {json.dumps(s)[1:-1].encode() for s in strings}
            forms |= {w.encode() for s in strings for w in s.casefold().split() if w in _RARE}
            vectors = sa.select(t.vectors.c.vector).where(
                t.vectors.c.passage_id.in_([p.id for p in passages])
            )
            for vector in connection.execute(vectors).scalars():
                forms |= {vector.astype(kind).tobytes().strip(b"\0") for kind in ("<f2", "<f4")}
            found[item_id] = {form.lower() for form in forms if len(form) - form.count(0) >= 6}
    return found


_RARE = {*words(1, 30), *words(2, 200), "quuxember", "zorblax"}


def holding(content: Mapping[str, bytes], forms: Iterable[bytes]) -> list[str]:
    """Files of a base that hold any of these forms, in whatever case."""
    lowered = {name: data.lower() for name, data in content.items()}
    return [name for name, data in lowered.items() if any(form in data for form in forms)]


def read_all(folder: Path) -> dict[str, bytes]:
    """The files below a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@dataclass
class Judge:
    """Knows what was said after each acknowledgement, and what no file may hold any more after which one."""

    states: list[list[str]]
    gone: dict[str, set[bytes]]
    order: list[str]

    def problems(self, name: str, root: Path, content: Mapping[str, bytes], given: int) -> Iterator[str]:
        """What is wrong with a disk that holds `content`, when `given` acknowledgements of an act had been given."""
        mine = {file: data for file, data in content.items() if file.startswith("base/")}
        for item_id in self.order[:given]:
            yield from (f"{file} holds erased text" for file in holding(mine, self.gone[item_id]))
        faults_disk.write(content, root)
        try:
            yield from self._of_base(root / "base", given if name in ("teach", "purge") else 0)
            if name == "carry":
                for number, file in enumerate(("backup.sqlite", "export.jsonl")):
                    yield from self._of_copy(root, file, new=given > number)
            if name == "begin":
                yield from self._of_new(root, given)
        except (YukawaError, sqlite3.Error, sa.exc.SQLAlchemyError) as error:
            yield f"something is lost: {error}"
        yield from (f"{path.name} is left" for path in root.rglob(".*.part"))

    def _of_base(self, folder: Path, given: int) -> Iterator[str]:
        with KnowledgeBase.open(folder) as base:
            report, state = base.verify(), said(base)
            there = {item.id for item in base.list()}
        yield from report.problems
        if state not in self.states[given : given + 2]:
            yield f"it holds neither what was acknowledged nor what came next: {state}"
        left = read_all(folder)
        yield from (f"{name} is left" for name in left if name not in _OURS)
        for item_id in self.gone.keys() - there:
            again = holding(left, self.gone[item_id])
            yield from (f"{name} holds erased text after the next opening" for name in again)

    def _of_copy(self, root: Path, file: str, *, new: bool) -> Iterator[str]:
        KnowledgeBase.restore_backup(root / file, root / f"from {file}")
        with KnowledgeBase.open(root / f"from {file}") as base:
            if said(base) not in ([self.states[0]] if new else [self.states[0], _OLD]):
                yield f"{file} holds {said(base)}"

    def _of_new(self, root: Path, given: int) -> Iterator[str]:
        with KnowledgeBase.open(root / "new", embedding="hash") as base:
            # Begun, taught, and then the other one restored.
            allowed: list[list[list[str]]] = [[[]], [[], _NEW], [_NEW], [_NEW]]
            if said(base) not in allowed[given]:
                yield f"the new base holds {said(base)}"
        restored = (root / "restored" / "knowledge.sqlite").exists()
        if given == 3 and not restored:
            yield "the restored base is gone"
        if not restored:
            KnowledgeBase.restore_backup(root / "backup.sqlite", root / "restored")
        with KnowledgeBase.open(root / "restored") as base:
            if said(base) != _OLD or not base.verify().clean:
                yield f"the restored base holds {said(base)}"


def recorded(name: str, work: Path, without: str = "") -> tuple[Disk, list[Operation], Judge]:
    """A disk, what one of the acts did to it, and who judges what is left."""
    root = work / "disk"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    prepare(root)
    with KnowledgeBase.open(root / "base") as base:
        first, erased = said(base), [item for item in base.list() if to_be_erased(item.text)]
        gone = traces(base)
    before = Disk.of(root)
    log = work / "log"
    log.unlink(missing_ok=True)
    command = [sys.executable, __file__, "--act", name, "--at", str(root), "--without", without]
    subprocess.run(command, check=True, env=faults_disk.watched(root, faults_disk.shim(work), log))
    operations = faults_disk.parse(log)
    if before.after(operations).content() != Disk.of(root).content():
        raise RuntimeError("what was recorded is not what was done to the disk")
    lines = (root / SAID).read_text(encoding="utf-8").splitlines()
    order = [item.id for item in erased] if name == "purge" else []
    return before, operations, Judge([first, *map(json.loads, lines)], gone, order)


def study(
    name: str, work: Path, draws: int, without: str = "", most: int | None = None, enough: int | None = None
) -> dict[str, Any]:
    """How many different disks an act may leave, and what is wrong with which.

    Args:
        most: so many of them are drawn by lot and opened; all by default.
        enough: stop when so much was found.
    """
    before, operations, judge = recorded(name, work, without)
    number = before.names[f"{before.root}/{SAID}"]
    disks: dict[tuple[int, bytes], Mapping[str, bytes]] = {}
    for count, content in faults_disk.cuts(before, operations, 15, draws):
        given = faults_disk.acknowledged(operations[:count], number)
        disks.setdefault((given, pickle.dumps(sorted(content.items()))), content)
    chosen = list(reversed(disks.items()))  # of a broken program the last ones show it soonest
    if most is not None and len(chosen) > most:
        chosen = random.Random(15).sample(chosen, most)
    found = (
        f"{given} acknowledged: {problem}"
        for (given, _), content in chosen
        for problem in judge.problems(
            name, Path(before.root), content, given
        )  # notes name files by their whole path
    )
    wrong = list(islice(found, enough))
    return {"operations": len(operations), "disks": len(chosen), "of": len(disks), "wrong": wrong}


def main() -> None:
    """Cuts the power of every act and prints what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--draws", type=int, default=12, help="disks drawn by lot after each operation")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--without", choices=["", *BROKEN], default="")
    parser.add_argument("--act", choices=[*ACTS])
    parser.add_argument("--at", type=Path, help="do the act here and nothing else")
    given = parser.parse_args()
    if given.at:
        act(given.act, given.at, given.without)
        return
    figures = {}
    for name in [given.act] if given.act else ACTS:
        with tempfile.TemporaryDirectory() as work:
            figures[name] = study(name, Path(work), given.draws, given.without)
        found = figures[name]
        print(
            f"{name}: {found['disks']} disks of {found['operations']} operations, {len(found['wrong'])} wrong"
        )
        for line, count in Counter(found["wrong"]).most_common(10):
            print(f"  {count} x {line[:200]}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
