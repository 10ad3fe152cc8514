"""Every verb of the command line that opens a knowledge base: what it is called with, and what must be there afterwards.

A worker draws verb after verb and writes to its log what it begins and what was acknowledged. From the logs alone a judge
then knows what a base must hold: after an acknowledgement its effect, after a beginning without one all of it or nothing.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from yukawa.cli.main import main
from yukawa.core.errors import YukawaError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.sources import loader
from yukawa.knowledge.sources.pdg import facts
from yukawa.knowledge.store import identity

ERASED = "erased"
STATEMENTS = 30  # of the Review, in a base that is built
# Refusals that are right: a living reader can hold an erasure up, and what is there already is not made again.
_REFUSALS = (
    "fragments of the text remain",
    "is there already",
    "teaches the same",
    "could not be cleaned",
    "there is no open conflict",
    "there is no answer",  # another worker has erased what it was about
)
OTHERS = {
    "models": "lists settings", "recipes": "lists recipes", "train": "writes run folders", "merge": "writes run folders",
    "generate": "writes events", "jets": "writes jets",
}  # fmt: skip
"""Verbs and groups that open no knowledge base."""
UNKILLED = {"check", "data", "evaluate", "mcp", "serve", "write"}
"""Verbs that open one, or may, and that no worker calls yet."""


@dataclass
class Worker:
    """Calls verbs in this process.

    Args:
        home: the YUKAWA_HOME that all workers share.
        own: a folder of this worker's.
        tag: makes its texts differ from all others.
        log: where it says what it begins and what was done.
        url: of a base on a server that all workers share instead of the one in `home`.
    """

    home: Path
    own: Path
    tag: str
    draw: random.Random
    log: int
    url: str = ""
    items: dict[str, str | None] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)  # the last of each item
    answers: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)  # items of the folder of documents
    count: int = 0

    def text(self) -> str:
        """A sentence that nobody else says, with a word that no other sentence has."""
        self.count += 1
        return f"The magnet {self.word()} was cooled {self.count} times."

    def word(self) -> str:
        """The word of the last sentence."""
        return f"zq{self.tag}x{self.count}"

    def call(self, *words: str, typed: str = "", home: Path | None = None, **effect: Any) -> Any:
        """The JSON that a verb prints, or None if it refuses; `effect` is what the judge needs to know of it."""
        self._say(begin=words[:2], **effect)
        os.environ["YUKAWA_HOME"] = str(home or self.home)
        os.environ.pop("YUKAWA_KNOWLEDGE__URL", None)
        if self.url and home is None:
            os.environ["YUKAWA_KNOWLEDGE__URL"] = self.url
        code, out, err = run([*words, "--json"], typed)
        if code:
            if not any(known in err for known in _REFUSALS):
                self._say(failed=f"{' '.join(words[:3])}: {err.strip()[:300]}")
            self._say(refused=words[:2])
            return None
        return json.loads(out)

    def done(self, **effect: Any) -> None:
        """Say that the effect is acknowledged."""
        self.items |= effect.get("items", {})
        self.texts |= {item_id: text for item_id, text in self.items.items() if text not in (None, ERASED)}
        self._say(done=True, **effect)

    def removes(self, made: str) -> None:
        """Say that the worker itself now takes away what a verb made."""
        self._say(removes=made)

    def _say(self, **row: Any) -> None:
        os.write(self.log, json.dumps(row).encode() + b"\n")

    def current(self) -> list[str]:
        """Ids of what this worker taught that is current."""
        return [item_id for item_id, text in self.items.items() if text not in (None, ERASED)]


def run(words: Sequence[str], typed: str = "") -> tuple[int, str, str]:
    """Exit code, output and errors of a command line in this process."""
    out, err, sys.stdin = io.StringIO(), io.StringIO(), io.StringIO(typed)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    return code, out.getvalue(), err.getvalue()


def few_statements() -> None:
    """Let this process know only some statements of the Review, so that a base is built in no time."""
    kept = list(islice(facts.statements(), STATEMENTS))
    setattr(loader, "statements", lambda: iter(kept))  # noqa: B010 - it takes no path there


# ---- the verbs --------------------------------------------------------------------------------------


def teach(worker: Worker) -> None:
    """A statement, an answer to a question, a correction, a document, or a folder."""
    text = worker.text()
    match worker.draw.randrange(5):
        case 0 if worker.answers:
            more = ["--corrects", worker.draw.choice(worker.answers)]
        case 1:
            more = ["--question", f"How often was {worker.word()} cooled?"]
        case 2:
            return _document(worker)
        case 3:
            return _folder(worker)
        case _:
            more = ["--author", "Marie"]
    if found := worker.call("teach", text, *more, together=[text]):
        worker.done(items={found["id"]: text}, corrections=[found["id"]] * ("--corrects" in more))
    return None


def _document(worker: Worker) -> None:
    file = worker.own / f"{worker.count}.md"
    text = f"# Notes\n\n{worker.text()}\n\n" + f"It is of the kind {worker.word()}. " * 300
    file.write_text(text)
    if found := worker.call("teach", "--file", str(file), together=[text.strip()]):
        worker.done(items={found["id"]: text.strip()})


def _folder(worker: Worker) -> None:
    folder = worker.own / "documents"
    folder.mkdir(exist_ok=True)
    texts = [f"# Part {number}\n\n{worker.text()}" for number in range(3)]
    for number, text in enumerate(texts):
        (folder / f"{number}.md").write_text(text)
    before = {  # what is in the folder already gets a new version
        item_id: text
        for item_id, text in zip(worker.parts, texts, strict=False)
        if worker.items[item_id] != ERASED
    }
    if found := worker.call("teach", "--sync", str(folder), together=texts, items=before):
        worker.parts = [row["item_id"] for row in found]
        worker.done(items=dict(zip(worker.parts, texts, strict=True)))


def ask(worker: Worker) -> None:
    """A question; its answer is kept."""
    found = worker.call("ask", "How often was the magnet cooled?")
    if found is not None:
        worker.answers.append(found["id"])
        worker.done(answers={found["id"]: names_in(found)})


def chat(worker: Worker) -> None:
    """Two questions."""
    if found := worker.call("chat", typed="What is the magnet?\nHow often was it cooled?\n"):
        worker.done(answers={answer["id"]: names_in(answer) for answer in found})


def names_in(answer: Any) -> list[str]:
    """The items and the words of workers that an answer names: it goes when one of them is erased."""
    return sorted(set(re.findall(r"\bk[a-z2-7]{8}\b|\bzq\w+", json.dumps(answer).lower())))


def reading(*words: str) -> Callable[[Worker], None]:
    """A verb that only reads."""

    def read(worker: Worker) -> None:
        found = worker.call(*words)
        if found is not None:
            worker.done(clean=found["clean"] if "verify" in words else True)

    return read


def about(verb: str) -> Callable[[Worker], None]:
    """A verb that reads one item."""

    def read(worker: Worker) -> None:
        if (ids := worker.current()) and worker.call("knowledge", verb, worker.draw.choice(ids)):
            worker.done()

    return read


def update(worker: Worker) -> None:
    """A new version."""
    if ids := worker.current():
        item_id, text = worker.draw.choice(ids), worker.text()
        if worker.call("knowledge", "update", item_id, text, items={item_id: text}):
            worker.done(items={item_id: text})


def unload(worker: Worker) -> None:
    """An item withdrawn."""
    if ids := worker.current():
        item_id = worker.draw.choice(ids)
        if worker.call("knowledge", "unload", item_id, items={item_id: None}):
            worker.done(items={item_id: None})


def restore(worker: Worker) -> None:
    """An item current again."""
    for item_id in [item_id for item_id, text in worker.items.items() if text is None][:1]:
        if worker.call("knowledge", "restore", item_id, items={item_id: worker.texts[item_id]}):
            worker.done(items={item_id: worker.texts[item_id]})


def review(worker: Worker) -> None:
    """Another's item confirmed."""
    found = worker.call("knowledge", "list", "--author", "Chen") or []
    worker.done()
    for row in worker.draw.sample(found, min(len(found), 1)):
        if worker.call("knowledge", "review", row["id"]):
            worker.done(reviewed=[row["id"]])


def purge(worker: Worker) -> None:
    """An item erased."""
    if ids := worker.current():
        item_id = worker.draw.choice(ids)
        if worker.call(
            "knowledge", "purge", item_id, "--yes", items={item_id: ERASED}, gone=worker.texts[item_id]
        ):
            worker.done(items={item_id: ERASED})
        worker.items[item_id] = ERASED  # a refusal says that the rows are gone and a file is not clean yet


def resolve(worker: Worker) -> None:
    """Two statements that contradict each other, and the contradiction settled."""
    values = [worker.draw.randrange(10**6, 10**9) for _ in range(2)]
    for value in values:
        text = f"The mass of the tau is {value / 1e6:.6f} TeV."
        found = worker.call("teach", text, together=[text])
        if not found:
            return
        worker.done(items={found["id"]: text})
    if found["conflicts"]:
        number = str(found["conflicts"][-1]["id"])
        if worker.call("knowledge", "resolve", number):
            worker.done(resolved=[int(number)])


def reindex(worker: Worker) -> None:
    """Everything embedded anew."""
    if worker.call("knowledge", "reindex", worker.draw.choice(["hash", "none"])):
        worker.done()


def backup(worker: Worker) -> None:
    """A copy over an older one."""
    file = worker.own / ("backup.jsonl.gz" if worker.url else "backup.sqlite")
    if worker.call("knowledge", "backup", str(file), "--force", file=str(file)):
        worker.done(file=str(file))


def export(worker: Worker) -> None:
    """An export over an older one."""
    file = worker.own / worker.draw.choice(["export.jsonl", "export.jsonl.gz"])
    if worker.call("knowledge", "export", str(file), "--force", file=str(file)):
        worker.done(file=str(file))


def _new_home(worker: Worker) -> Path:
    worker.count += 1
    return worker.own / f"home{worker.count}"


def restore_backup(worker: Worker) -> None:
    """A new base from a copy."""
    home = _new_home(worker)
    if worker.call(
        "knowledge", "restore-backup", str(worker.home.parent / "some.sqlite"), home=home, made=str(home)
    ):
        worker.done(made=str(home))


def import_(worker: Worker) -> None:
    """An export brought into the base, or into a new one."""
    file = worker.home.parent / "some.jsonl"
    if worker.draw.random() < 0.5:
        home = _new_home(worker)
        if worker.call("knowledge", "import", str(file), home=home, made=str(home)):
            worker.done(made=str(home))
    elif worker.call("knowledge", "import", str(file), imported=True):
        worker.done(imported=True)


def build(worker: Worker) -> None:
    """A base built from data."""
    home = _new_home(worker)
    if worker.call("knowledge", "build", home=home, made=str(home)):
        worker.done(made=str(home))


def demo(worker: Worker) -> None:
    """The demonstration, in the worker's folder."""
    with contextlib.chdir(worker.own):
        place = str(worker.own / ".yukawa-demo")
        if worker.draw.random() < 0.5:
            worker.removes(place)
            shutil.rmtree(place, ignore_errors=True)
        if worker.call("demo", made=place):
            worker.done(made=place)


VERBS: Mapping[str, Callable[[Worker], None]] = {
    "ask": ask, "chat": chat, "teach": teach, "search": reading("search", "magnet"), "demo": demo,
    "knowledge build": build, "knowledge show": about("show"), "knowledge history": about("history"),
    "knowledge update": update, "knowledge unload": unload, "knowledge restore": restore, "knowledge review": review,
    "knowledge purge": purge, "knowledge conflicts": reading("knowledge", "conflicts"), "knowledge resolve": resolve,
    "knowledge verify": reading("knowledge", "verify"), "knowledge reindex": reindex, "knowledge backup": backup,
    "knowledge restore-backup": restore_backup, "knowledge export": export, "knowledge import": import_,
    "knowledge stats": reading("knowledge", "stats"), "knowledge list": reading("knowledge", "list"),
}  # fmt: skip
"""What a worker draws from."""
_OFTEN = ("teach", "teach", "teach", "knowledge purge", "knowledge update")  # else there is little to lose


def work(worker: Worker) -> None:
    """Verb after verb until somebody ends this process."""
    while True:
        VERBS[worker.draw.choice([*VERBS, *_OFTEN])](worker)


# ---- what must be there -----------------------------------------------------------------------------


@dataclass
class Expected:
    """What the logs of workers say that a base holds."""

    items: dict[str, set[str | None]] = field(default_factory=dict)  # what each may say
    together: list[list[str]] = field(default_factory=list)  # all of these texts or none
    answers: dict[str, list[str]] = field(default_factory=dict)
    erased: dict[str, str] = field(default_factory=dict)  # texts of items whose erasure was begun
    corrections: set[str] = field(
        default_factory=set
    )  # items that have the question of an answer as their own
    reviewed: set[str] = field(default_factory=set)
    resolved: set[int] = field(default_factory=set)
    files: dict[str, bool] = field(default_factory=dict)  # whether it must be there
    made: dict[str, bool] = field(default_factory=dict)  # the same of homes
    failed: list[str] = field(default_factory=list)
    acknowledged: int = 0

    def read(self, log: Path) -> None:
        """Take in what a worker wrote; a last line cut short is none."""
        begun: dict[str, Any] = {}
        for line in log.read_text(encoding="utf-8").split("\n")[:-1]:
            row = json.loads(line)
            if "begin" in row:
                self._perhaps(begun)
                begun = row
            elif "done" in row:
                self._surely(row)
                begun = {}
            elif "removes" in row:
                self.made[row["removes"]] = False
            elif "failed" in row:
                self.failed.append(row["failed"])
        self._perhaps(begun)

    def _perhaps(self, row: Mapping[str, Any]) -> None:
        for item_id, text in row.get("items", {}).items():
            self.items[item_id] = self.items[item_id] | {text}
            if text == ERASED:
                self.erased[item_id] = row["gone"]
        if "together" in row:
            self.together.append(row["together"])
        for kind, known in (("file", self.files), ("made", self.made)):
            if kind in row:
                known.setdefault(row[kind], False)

    def _surely(self, row: Mapping[str, Any]) -> None:
        self.acknowledged += 1
        for item_id, text in row.get("items", {}).items():
            if text == ERASED:  # the text that it had last
                self.erased[item_id] = next(t for t in self.items[item_id] if t not in (None, ERASED))
            self.items[item_id] = {text}
        self.answers |= row.get("answers", {})
        self.corrections |= set(row.get("corrections", []))
        self.reviewed |= set(row.get("reviewed", []))
        self.resolved |= set(row.get("resolved", []))
        if "file" in row:
            self.files[row["file"]] = True
        if "made" in row:
            self.made[row["made"]] = True
        if row.get("clean") is False:
            self.failed.append("verify: not clean beside others that write")

    def problems(self, base: KnowledgeBase) -> Iterator[str]:
        """What of it a base does not hold."""
        yield from base.verify().problems
        # A change that was being written when its process was killed is one that was not acknowledged.
        unfinished = (note for note in base.verify().notes if note != identity.loss(1))
        yield from (f"not finished: {note}" for note in unfinished)
        here: dict[str, str | None] = {item.id: item.text for item in base.list()}
        texts = [text for text in here.values() if text is not None]
        here |= {item.id: None for item in base.list(unloaded=True)}
        for item_id, allowed in self.items.items():
            if (found := here.get(item_id, ERASED)) not in allowed:
                yield f"lost: item {item_id} is {found!r}, not {allowed}"
        if len(texts) != len(set(texts)):
            yield "doubled: a text is there twice"
        for group in self.together:
            if 0 < sum(text in texts for text in group) < len(group):
                yield f"half: some of {group}"
        gone = {*self.erased, *(word for text in self.erased.values() for word in names_in(text))}
        for answer_id, named in self.answers.items():
            with contextlib.suppress(YukawaError):
                base.answer(answer_id)
                continue
            if (
                not gone & set(named) and not self.corrections & self.erased.keys()
            ):  # its question is erased with it
                yield f"lost: answer {answer_id}"
        for item_id in self.reviewed:
            if base.show(item_id).trust != "reviewed":
                yield f"lost: the review of {item_id}"
        for conflict in base.conflicts():
            if conflict.id in self.resolved:
                yield f"lost: the settlement of conflict {conflict.id}"
