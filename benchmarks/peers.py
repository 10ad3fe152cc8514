"""Yukawa's knowledge base beside Chroma, LlamaIndex and PaperQA2: same passages, same embedder, one run.

Every system lives in a worker process of its own, is used the way its documentation shows, and speaks one
small protocol (`peers_systems.Peer`). The systems take turns in blocks, so a busy machine is busy for all of
them alike. A system that fails leaves its error in the table. benchmarks/README.md explains the rows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import selectors
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from peers_systems import SYSTEMS, Embed, Passage

K = 5  # passages requested in every search
OFFLINE = {
    "ANONYMIZED_TELEMETRY": "False",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",  # one BLAS thread for everyone: steadier on a shared machine
    "OPENBLAS_NUM_THREADS": "1",
}


# ---------------------------------------------------------------- passages, questions, embedder


def passages(count: int) -> list[Passage]:
    """The sentences of Yukawa's PDG source, topped up from the PDG tables if more are requested; mixed."""
    from yukawa.knowledge.sources.pdg.facts import statements

    texts = {statement.text: statement.id for statement in statements()}
    for key, text in listings():
        if len(texts) >= count:
            break
        texts.setdefault(text, key)
    chosen = [(key, text) for text, key in texts.items()]
    random.Random(1).shuffle(chosen)
    return chosen[:count]


def listings() -> Iterator[Passage]:
    """A plain sentence for each property in the PDG tables."""
    import pdg

    query = """
        SELECT i.pdgid, p.description, i.description, d.value_text, d.unit_text
        FROM pdgid i JOIN pdgid p ON p.id = i.parent_id LEFT JOIN pdgdata d ON d.pdgid_id = i.id
        ORDER BY i.sort, d.sort"""
    with closing(sqlite3.connect(Path(pdg.__file__).with_name("pdg.sqlite"))) as database:
        for row, (pdgid, parent, name, value, unit) in enumerate(database.execute(query)):
            given = f"{value} {unit}".strip() if value else "not listed"
            yield f"{pdgid}#{row}", f"{name} of {parent} is {given} (PDG listing {pdgid})."


def questions(chosen: Sequence[Passage], count: int) -> list[Passage]:
    """Questions in mixed order, each with the id of the passage whose words before the value it holds."""
    drawn = random.Random(2).choices(chosen, k=count)
    return [(key, f"What about {re.split(' is |: ', text)[0].rstrip('.')}?") for key, text in drawn]


def made_up(number: int, value: int) -> tuple[str, str]:
    """A made-up fact and the question for it; its name is a nonsense word that no passage holds."""
    draw = random.Random(f"fact {number}")
    name = "".join(draw.choice("bdfgklmnprstvz") + draw.choice("aeiou") for _ in range(5)) + str(number)
    return f"The mass of the {name} meson is {value} MeV.", f"What is the mass of the {name} meson?"


def stand_in(texts: list[str]) -> np.ndarray:
    """Hashed letter trigrams, 384 dimensions: cheap, deterministic, for working on this script."""
    out = np.zeros((len(texts), 384), dtype=np.float32)
    for row, text in enumerate(texts):
        padded = f"  {text.lower()} "
        for start in range(len(padded) - 2):
            out[row, zlib.crc32(padded[start : start + 3].encode()) % 384] += 1.0
    unit: np.ndarray = out / np.linalg.norm(out, axis=1, keepdims=True)
    return unit


def open_embed(name: str) -> Embed:
    """The embedder every system is given: `stand-in`, or the name of one of Yukawa's."""
    if name == "stand-in":
        return stand_in
    from yukawa.embedding import open_embedder

    return open_embedder(name).embed


def embedded(name: str, embed: Embed, texts: list[str], work: Path) -> np.ndarray:
    """All vectors, kept in the work folder: a second run on the same texts starts at once."""
    digest = hashlib.sha256(json.dumps([name, texts]).encode()).hexdigest()[:16]
    kept = work / f"vectors-{digest}.npy"
    if not kept.exists():
        blocks = []
        for start in range(0, len(texts), 64):
            blocks.append(embed(texts[start : start + 64]))
            if start % 3200 == 0:
                say(f"embedding: {start}/{len(texts)}")
        np.save(kept, np.concatenate(blocks))
    vectors: np.ndarray = np.load(kept)
    return vectors


# ---------------------------------------------------------------- worker: one system in one process


def worker(system: str, embedder: str) -> None:
    """Answer each line of stdin, a JSON request, with one JSON line on stdout; times are taken in here."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to stderr, not between the replies
    spent = 0.0
    embed = open_embed(embedder)
    embed(["warm"])

    def timed(texts: list[str]) -> np.ndarray:
        nonlocal spent
        began = time.perf_counter()
        out = embed(texts)
        spent += time.perf_counter() - began
        return out

    peer = SYSTEMS[system]()
    for line in sys.stdin:
        verb, *given = json.loads(line)
        if verb == "open":
            given = [Path(given[0]), timed]
        elif verb == "load":
            with np.load(given[0]) as data:
                given = [json.loads(str(data["passages"])), data["vectors"]]
        spent, began = 0.0, time.perf_counter()
        try:
            reply: dict[str, Any] = {"out": getattr(peer, verb)(*given)}
        except Exception as error:  # noqa: BLE001  (a system's failure is a result: it goes into the table)
            reply = {"error": f"{type(error).__name__}: {str(error)[:200]}"}
        reply.update(seconds=time.perf_counter() - began, embed=spent)
        print(json.dumps(reply), file=replies, flush=True)


class Failed(Exception):
    """A system gave an error, died or kept silent."""


class Running:
    """A worker process with one system open on one folder."""

    def __init__(self, system: str, embedder: str, folder: Path, *, patience: float = 900.0) -> None:
        self.patience = patience
        command = [sys.executable, __file__, "--worker", system, "--embedder", embedder]
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed by kill)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=os.environ | OFFLINE,
        )  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self.ask("open", str(folder))
        except Failed:
            self.kill()
            raise

    def send(self, verb: str, *given: Any) -> None:
        """Give an order without waiting for its reply."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps([verb, *given]) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise Failed(self.last_words()) from error

    def reply(self) -> dict[str, Any]:
        """What came out, the seconds it took and the seconds of them spent embedding."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(self.patience):
                raise Failed(f"no reply in {self.patience:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise Failed(self.last_words())
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise Failed(reply["error"])
        return reply

    def last_words(self) -> str:
        """The last line that a process which ended had on stderr."""
        self.log.seek(0)
        return "the process died: " + (self.log.read().strip().splitlines() or [""])[-1][:200]

    def ask(self, verb: str, *given: Any) -> dict[str, Any]:
        """Give an order and wait for its reply."""
        self.send(verb, *given)
        return self.reply()

    def search(self, text: str) -> list[str]:
        """The texts found for a question."""
        found: list[str] = self.ask("search", text, K)["out"]
        return found

    def close(self) -> None:
        """End it in good order: everything is saved."""
        self.ask("close")
        self.kill()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.process.kill()
        self.process.wait()
        self.log.close()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


# ---------------------------------------------------------------- measurements


def size_on_disk(folder: Path) -> int:
    """Bytes of every file under a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def build(system: str, embedder: str, folder: Path, data: Path, question: str) -> dict[str, Any]:
    """Bulk load, size once closed, and the time from starting a fresh process to its first answer."""
    shutil.rmtree(folder, ignore_errors=True)
    running = Running(system, embedder, folder)
    reply = running.ask("load", str(data))
    loaded = (
        reply["seconds"] - reply["embed"]
    )  # vectors are given; a text that was changed first is not charged
    running.close()
    size = size_on_disk(folder)
    began = time.perf_counter()
    running = Running(system, embedder, folder)
    running.search(question)
    first = time.perf_counter() - began
    running.kill()
    return {"load_s": loaded, "size_MB": size / 1e6, "first_answer_s": first}


MEASURED = ("search", "search_store", "right", "teach", "teach_store", "teach_to_found", "found")


def speed(
    running: dict[str, Running], asked: Sequence[Passage], texts: dict[str, str], teaches: int, budget: float
) -> dict[str, dict[str, Any]]:
    """Searches and teaches in turns of ten; past `budget` seconds of teaching a system teaches no more."""
    times: dict[str, dict[str, list[float]]] = {
        name: {measure: [] for measure in MEASURED} for name in running
    }
    errors: dict[str, dict[str, Any]] = {}
    blocks = max(-(-len(asked) // 10), -(-teaches // 10))
    for block in range(blocks):
        span = range(block * 10, block * 10 + 10)
        for name in random.Random(block).sample(sorted(running), len(running)):
            if name in errors:
                continue
            seen, process = times[name], running[name]
            try:
                for key, question in asked[span.start : span.stop]:
                    reply = process.ask("search", question, K)
                    seen["search"].append(reply["seconds"])
                    seen["search_store"].append(reply["seconds"] - reply["embed"])
                    seen["right"].append(texts[key] in reply["out"])
                for number in span:
                    if number >= teaches or sum(seen["teach"]) > budget:
                        break
                    text, question = made_up(number, 1000 + number)
                    reply = process.ask("teach", f"made-up {number}", text)
                    seen["teach"].append(reply["seconds"])
                    seen["teach_store"].append(reply["seconds"] - reply["embed"])
                    search = process.ask("search", question, K)
                    seen["teach_to_found"].append(reply["seconds"] + search["seconds"])
                    seen["found"].append(text in search["out"])
            except Failed as error:
                errors[name] = {"error": str(error)}
        say(f"  block {block + 1}/{blocks}")
    return {name: errors.get(name) or summary(seen) for name, seen in times.items()}


def summary(seen: dict[str, list[float]]) -> dict[str, Any]:
    """Medians in milliseconds and the shares found."""
    out: dict[str, Any] = {}
    for name in ("teach", "search"):
        out[f"{name}_p50_ms"] = 1e3 * statistics.median(seen[name])
        out[f"{name}_p95_ms"] = 1e3 * statistics.quantiles(seen[name], n=20)[-1]
        out[f"{name}_less_embedding_p50_ms"] = 1e3 * statistics.median(seen[f"{name}_store"])
        out[f"{name}_count"] = len(seen[name])
    out["teach_to_found_p50_ms"] = 1e3 * statistics.median(seen["teach_to_found"])
    out["right_passage_in_top5"] = f"{sum(seen['right']):.0f}/{len(seen['right'])}"
    out["taught_found_at_once"] = f"{sum(seen['found']):.0f}/{len(seen['found'])}"
    return out


def wrong_answers(system: str, embedder: str, folder: Path, rounds: int) -> dict[str, str]:
    """Teach and delete; and change; and delete and teach again: what searches say, then and reopened."""
    facts = [made_up(10_000 + number, 4312) for number in range(3 * rounds)]
    gone, changed, again = facts[:rounds], facts[rounds : 2 * rounds], facts[2 * rounds :]
    new = {text: text.replace("4312", "977") for text, _ in changed}
    kinds = ("deleted text returned", "old text returned", "new text missing", "taught again, missing")
    counts = {f"{kind}, {when}": 0 for kind in kinds for when in ("same process", "new process")}
    counts["a passage returned twice, new process"] = 0

    def check(process: Running, when: str) -> None:
        for text, question in gone:
            counts[f"deleted text returned, {when}"] += text in process.search(question)
        for text, question in changed:
            found = process.search(question)
            counts[f"old text returned, {when}"] += text in found
            counts[f"new text missing, {when}"] += new[text] not in found
            if when == "new process":
                counts["a passage returned twice, new process"] += len(set(found)) < len(found)
        for text, question in again:
            counts[f"taught again, missing, {when}"] += text not in process.search(question)

    running = Running(system, embedder, folder)
    for text, question in gone + changed + again:
        running.ask("teach", text, text)
        running.search(question)  # an index built when first asked has seen the text before it goes
        if text in new:
            running.ask("teach", text, new[text])
        else:
            running.ask("delete", text)
    for text, _ in again:
        running.ask("teach", text, text)
    check(running, "same process")
    running.close()
    running = Running(system, embedder, folder)
    check(running, "new process")
    running.kill()
    wrong = sum(count for name, count in counts.items() if "twice" not in name)
    out = {"wrong answers after a delete or change, in all": f"{wrong}/{rounds * (len(counts) - 1)}"}
    return out | {name: f"{count}/{rounds}" for name, count in counts.items()}


def crashes(system: str, embedder: str, folder: Path, kills: int, known: Passage) -> dict[str, str]:
    """Kill right after a teach returned, and at a random moment within one; then look in a new process."""
    lost = damaged = 0
    draw = random.Random(3)
    pristine = folder.with_name(folder.name + "-pristine")
    shutil.copytree(folder, pristine)
    for number in range(kills):
        acknowledged, question = made_up(20_000 + 2 * number, 555)
        unfinished, _ = made_up(20_001 + 2 * number, 555)
        running = Running(system, embedder, folder)
        took = running.ask("teach", acknowledged, acknowledged)["seconds"]
        running.kill()
        try:
            running = Running(system, embedder, folder)
            lost += acknowledged not in running.search(question)
            running.send("teach", unfinished, unfinished)
            time.sleep(draw.random() * took)
            running.kill()
            running = Running(system, embedder, folder)
            damaged += known[1] not in running.search(known[1])
        except Failed:
            damaged += 1
            shutil.rmtree(folder)
            shutil.copytree(pristine, folder)
        running.kill()
    shutil.rmtree(pristine)
    return {
        "acknowledged teach lost to kill -9": f"{lost}/{kills}",
        "base unreadable after kill -9 within a teach": f"{damaged}/{kills}",
    }


# ---------------------------------------------------------------- run and report


def say(line: str) -> None:
    """Progress, on stderr."""
    print(line, file=sys.stderr, flush=True)


def guarded(results: dict[str, Any], system: str, part: Callable[..., dict[str, Any]], *given: Any) -> None:
    """Run one part for one system; its error becomes its result."""
    began = time.perf_counter()
    try:
        results.setdefault(system, {}).update(part(system, *given))
    except Failed as error:
        results.setdefault(system, {})["error"] = str(error)
    say(f"  {system}: {time.perf_counter() - began:.1f} s {results[system].get('error', '')}")


def at_size(
    args: argparse.Namespace, work: Path, chosen: Sequence[Passage], vectors: np.ndarray
) -> dict[str, Any]:
    """All measurements with one number of passages; wrong answers and crashes only at the smallest."""
    count = len(chosen)
    results: dict[str, Any] = {}
    data, texts = work / f"{count}.npz", dict(chosen)
    np.savez(data, passages=json.dumps(list(chosen)), vectors=vectors)
    asked = questions(chosen, args.searches)
    folders = {name: work / f"{count}" / name for name in args.systems}
    say(f"{count} passages: build")
    for name in args.systems:
        guarded(results, name, build, args.embedder, folders[name], data, asked[0][1])
    standing = [name for name in args.systems if "error" not in results[name]]
    if count == min(args.sizes):
        wrong, killed = (wrong_answers, args.rounds), (crashes, args.kills, chosen[0])
        for part, *given in (wrong, killed):
            say(f"{count} passages: {part.__name__.replace('_', ' ')}")
            for name in standing if given[0] else ():
                with tempfile.TemporaryDirectory(dir=work) as copy:
                    shutil.copytree(folders[name], Path(copy) / "base")
                    guarded(results, name, part, args.embedder, Path(copy) / "base", *given)
    say(f"{count} passages: teach and search")
    running: dict[str, Running] = {}
    for name in standing:
        try:
            running[name] = Running(name, args.embedder, folders[name])
        except Failed as error:
            results[name]["error"] = str(error)
    for name, measured in speed(running, asked, texts, args.teaches, args.budget).items():
        results[name].update(measured)
        running[name].kill()
    return results


def table(results: dict[str, dict[str, Any]]) -> str:
    """Markdown: a row for each measure, a column for each system."""
    measures = list(dict.fromkeys(name for result in results.values() for name in result))
    lines = ["| | " + " | ".join(results) + " |", "|---" * (len(results) + 1) + "|"]
    for measure in measures:
        cells = [shown(result.get(measure, "")) for result in results.values()]
        lines.append(f"| {measure.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown(value: Any) -> str:
    """Three significant digits for a number; a bar in a text would break the table."""
    if not isinstance(value, float):
        return str(value).replace("|", "/")
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("peers.md"), help="Markdown; JSON goes beside it")
    parser.add_argument("--work", type=Path, help="folder for the bases (default: a temporary one, removed)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 20000], help="numbers of passages")
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    parser.add_argument("--embedder", default="minilm", help="`stand-in` or one of Yukawa's embedders")
    parser.add_argument("--searches", type=int, default=200)
    parser.add_argument("--teaches", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=50, help="facts for each kind of wrong answer")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--budget", type=float, default=600.0, help="seconds of teaching for a system")
    parser.add_argument("--worker", choices=list(SYSTEMS), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    if args.worker:
        worker(args.worker, args.embedder)
        return
    os.environ.update(OFFLINE)
    chosen, embed = passages(max(args.sizes)), open_embed(args.embedder)
    began = time.perf_counter()
    for _, question in (asked := questions(chosen, 50)):
        embed([question])
    document = {"embedder": args.embedder, "embed_one_ms": 1e3 * (time.perf_counter() - began) / len(asked)}
    with tempfile.TemporaryDirectory() as temporary:
        work = args.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        vectors = embedded(args.embedder, embed, [text for _, text in chosen], work)
        parts = [f"Embedder `{args.embedder}`, {document['embed_one_ms']:.2f} ms a question; medians."]
        for count in sorted(args.sizes):
            raw = sum(len(text.encode()) for _, text in chosen[:count]) + vectors[:count].nbytes
            results = at_size(args, work, chosen[:count], vectors[:count])
            document[str(count)] = {"raw_MB": raw / 1e6, "systems": results}
            parts += [f"## {count:,} passages (texts and vectors alone: {raw / 1e6:.1f} MB)", table(results)]
            # after each size: a long run that is cut keeps its numbers
            args.out.write_text("\n\n".join(parts) + "\n")
            args.out.with_suffix(".json").write_text(json.dumps(document, indent=1))
    say(f"written: {args.out}, {args.out.with_suffix('.json')}")


if __name__ == "__main__":
    main()
