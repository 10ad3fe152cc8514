"""The data engine: yield and diversity without a model, kills, a server that misbehaves, overhead, and reviewers at once.

Run `python benchmarks/data_engine.py --json FILE` (ten minutes). All runs are on a new base of the Review. The model is scripted
and in a process of its own (engine_server.py); it counts what it is asked. `--kills`, `--calls` and `--parts` make it smaller.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel

from yukawa.core.settings import ModelSettings, Settings
from yukawa.data.engine import FissionRecipe, FissionResult, ReviewQueue, WorkStore, run_fission
from yukawa.data.engine.calls import Job, JobEnd, Ledger
from yukawa.data.engine.compose import vendi
from yukawa.data.engine.likeness import features
from yukawa.data.engine.tables import calls, candidates, claims, evidence, keep, pairs
from yukawa.embedding import open_embedder
from yukawa.knowledge import KnowledgeBase, open_base
from yukawa.llm import GenerationOptions, Message
from yukawa.llm.openai import OpenAIModel

HERE = Path(__file__).parent
SEED = "particle physics"
FAULTS = ("429", "500", "cut", "garbage", "wrong quote", "wrong exponent", "silence")
CONCURRENCY, DELAY_S, AT_ONCE = 4, 0.05, 32
ROW = ModelSettings(name="scripted", backend="openai", model="scripted", base_url="http://127.0.0.1:1/v1")


@contextlib.contextmanager
def scripted(*words: str) -> Iterator[OpenAIModel]:
    """The scripted model, and a client of it."""
    command = [sys.executable, str(HERE / "engine_server.py"), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
        yield OpenAIModel("scripted", name="scripted", base_url=url, retries=0, timeout_s=30)
        server.kill()


def rows(folder: Path, table: sa.Table) -> list[dict[str, Any]]:
    """A table of a run."""
    store = WorkStore(folder)
    with store.read() as connection:
        found = [dict(row) for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings()]
    store.close()
    return found


def fission(
    folder: Path, base: KnowledgeBase, model: OpenAIModel | None, wanted: int, **more: Any
) -> FissionResult:
    """A run with the scripted model, or with none."""
    recipe = FissionRecipe(seeds=(SEED,), pairs=wanted, embedding="none", concurrency=CONCURRENCY)
    return run_fission(folder, recipe, base, row=ROW if model else None, model=model, **more)


def accepted(folder: Path) -> list[tuple[str, str]]:
    """Questions and answers, in order."""
    return [(row["question"], row["answer"]) for row in rows(folder, pairs) if row["state"] == "accepted"]


# ---- without a model -------------------------------------------------------------------------------


def quoted(work: Path, base: KnowledgeBase) -> dict[str, Any]:
    """Fifty pairs from one seed; diversity of a hundred beside it."""
    began = time.perf_counter()
    result = fission(work / "quoted", base, None, 50)
    seconds = time.perf_counter() - began
    found = [row for row in rows(work / "quoted", candidates) if row["state"] != "seed"]
    different = [row for row in found if row["state"] != "duplicate"]
    keys = Counter(key for question, _ in accepted(work / "quoted") for key in features(question).keys)
    quotes = rows(work / "quoted", evidence)
    texts = {row["id"]: row["answer"] for row in rows(work / "quoted", pairs)}
    frames = Counter(row["frame"] for row in found)
    fission(work / "quoted", base, None, 100, resume=True)
    questions = [question for question, _ in accepted(work / "quoted")][:100]
    vectors = open_embedder("auto").embed(questions)
    return {
        "seconds": seconds, "accepted": result.accepted[SEED], "candidates": len(different),
        "subjects": len({row["about"].get("subject") for row in different if row["about"]}),
        "properties": len({row["about"].get("property") for row in different if row["about"]}),
        "largest template": max(frames.values()) / len(found), "repeated keys": sum(n - 1 for n in keys.values()),
        "quoted": sum(row["quote"] in texts[row["pair_id"]] for row in quotes) / len(quotes),
        "pairs without a quotation": len(texts) - len({row["pair_id"] for row in quotes}),
        "vendi": vendi(vectors.astype(float)), "vendi of": len(questions),
    }  # fmt: skip


# ---- with the scripted model -----------------------------------------------------------------------


def resumed() -> None:
    """What a process that will be killed does: begin or resume a run. Its words: home, folder, address."""
    home, folder, url = sys.argv[2:]
    model = OpenAIModel("scripted", name="scripted", base_url=url, retries=0, timeout_s=30)
    with open_base(Settings(home=Path(home))) as base:
        fission(Path(folder), base, model, 30, resume=(Path(folder) / "recipe.yaml").exists())


def killed(work: Path, home: Path, base: KnowledgeBase, kills: int) -> dict[str, Any]:
    """A run that is killed at random requests, or before the first one, beside one that is not."""
    log, chance, done = work / "log", random.Random(1), 0
    with scripted("--log", str(log), "--delay", "0.01") as model:
        fission(work / "whole", base, model, 30)
    once = log.read_text().split()
    log.write_text("")
    with scripted("--log", str(log), "--delay", "0.01") as model:
        words = [sys.executable, __file__, "--resumed", str(home), str(work / "killed"), str(model.base_url)]
        while True:
            child = subprocess.Popen(words)
            if done < kills:
                wanted = len(log.read_text().split()) + chance.randint(0, max(2, 2 * len(once) // kills))
                time.sleep(chance.random() * 0.5)
                while child.poll() is None and len(log.read_text().split()) < wanted:
                    time.sleep(0.005)
                if child.poll() is None:
                    child.send_signal(signal.SIGKILL)
                    done += 1
                    child.wait()
                    continue
            if child.wait():
                raise SystemExit(f"a run that was resumed ended with {child.returncode}")
            break
    sent = Counter(log.read_text().split())
    return {
        "kills": done, "requests": len(once), "same pairs": accepted(work / "killed") == accepted(work / "whole"),
        "repeated": sent.total() - len(once), "allowed": CONCURRENCY * done, "lost": len(set(once) - set(sent)),
        "calls more than once": sent.total() - len(sent),
    }  # fmt: skip


def misbehaving(work: Path, base: KnowledgeBase) -> dict[str, Any]:
    """A server of whose replies each of seven faults has a seventh less one per cent."""
    with scripted("--faults", *FAULTS, "--share", "0.13") as model:
        result = fission(work / "faults", base, model, 20)
    made = Counter(row["state"] for row in rows(work / "faults", calls))
    wrong = 0
    stated = {row["id"]: row for row in rows(work / "faults", pairs)}
    for row in rows(work / "faults", evidence):
        answer = stated[row["pair_id"]]
        wrong += (
            answer["state"] == "accepted"
            and answer["answer"] != base.show(row["source_id"]).text[row["start"] : row["end"]]
        )
    return {
        "ended": result.ended, "accepted": result.accepted[SEED], "calls": made.total(),
        "settled": made["done"] + made["failed"] + made["refused"], "wrong accepted": wrong,
    }  # fmt: skip


class Word(BaseModel):
    """What the scripted model replies where only the pace matters."""

    questions: list[str]


def overhead(work: Path, count: int) -> dict[str, Any]:
    """Calls a second of a ledger that sends 32 at once to a model of 50 ms, beside 640 a second, and memory."""
    store = WorkStore(work / "pace", new=True)

    def settle(connection: sa.Connection, end: JobEnd[Word]) -> None:
        """Keep one row, as a yield is kept."""
        keep(connection, f"yield {end.call_id}", 1)

    async def work_off(ledger: Ledger, first: int, many: int) -> float:
        jobs = [
            Job(
                "newbie",
                (Message("system", "raise new questions"), Message("user", f"{n}: Raise 2 questions.")),
                Word,
                GenerationOptions(),
            )
            for n in range(first, first + many)
        ]
        began = time.perf_counter()
        await asyncio.gather(*(ledger.ask(job, settle) for job in jobs))
        return time.perf_counter() - began

    async def all_of_it(model: OpenAIModel) -> tuple[float, int, int]:
        ledger = Ledger(store, model, ROW, concurrency=AT_ONCE)
        await work_off(ledger, 0, 200)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds = await work_off(ledger, 200, count)
        await model.aclose()
        return seconds, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with scripted("--delay", str(DELAY_S)) as model:
        seconds, before, after = asyncio.run(all_of_it(model))
    store.close()
    return {
        "calls": count, "calls/s": count / seconds, "of the ideal": count / seconds * DELAY_S / AT_ONCE,
        "MB more": (after - before) / 1024,
    }  # fmt: skip


# ---- review ----------------------------------------------------------------------------------------


def reviewer() -> None:
    """A process that claims and judges until nothing is left. Its words: folder, name."""
    store = WorkStore(Path(sys.argv[2]))
    queue = ReviewQueue(store)
    while (claimed := queue.claim(sys.argv[3])) is not None:
        queue.decide(claimed.pair["id"], sys.argv[3], "accept")


def reviewed(work: Path, many: int = 200, people: int = 8) -> dict[str, Any]:
    """Eight processes that claim two hundred pairs."""
    store = WorkStore(work / "review", new=True)
    common = {"domain": "d", "reason": "", "support": 1.0}
    with store.write() as connection:
        for n in range(1, many + 1):
            asked = common | {
                "question": f"{n}?",
                "seed": "s",
                "frame": "",
                "depth": 1,
                "topic": 1,
                "state": "answered",
                "about": {},
            }
            connection.execute(sa.insert(candidates).values(asked))
            pair = common | {
                "candidate_id": n,
                "question": f"{n}?",
                "answer": "a",
                "model": "m",
                "state": "accepted",
                "revision": 1,
            }
            connection.execute(sa.insert(pairs).values(pair))
    store.close()
    began = time.perf_counter()
    children = [
        subprocess.Popen([sys.executable, __file__, "--reviewer", str(work / "review"), f"r{n}"])
        for n in range(people)
    ]
    codes = [child.wait() for child in children]
    done = Counter(row["pair_id"] for row in rows(work / "review", claims) if row["state"] == "done")
    return {
        "pairs": many, "judged": len(done), "twice": sum(n - 1 for n in done.values()), "failed": sum(map(bool, codes)),
        "seconds": time.perf_counter() - began,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = ("quoted", "killed", "misbehaving", "overhead", "reviewed")
    parser.add_argument("--parts", nargs="*", choices=names, default=list(names), help="what is measured")
    parser.add_argument("--kills", type=int, default=50, help="kills (default: 50)")
    parser.add_argument("--calls", type=int, default=2_000, help="calls of the overhead (default: 2,000)")
    parser.add_argument("--home", type=Path, help="a home whose base of the Review is built already")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work, home = Path(folder), given.home or Path(folder) / "home"
        with open_base(Settings(home=home)) as base:
            parts = {
                "quoted": lambda: quoted(work, base), "killed": lambda: killed(work, home, base, given.kills),
                "misbehaving": lambda: misbehaving(work, base), "overhead": lambda: overhead(work, given.calls),
                "reviewed": lambda: reviewed(work),
            }  # fmt: skip
            found = {}
            for name in given.parts:
                found[name] = parts[name]()
                print(name, json.dumps(found[name]), flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    {"--resumed": resumed, "--reviewer": reviewer}.get(sys.argv[1] if len(sys.argv) > 1 else "", main)()
