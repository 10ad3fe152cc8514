"""The server under many people: streams that nobody reads to the end, and a crowd that asks and teaches while a worker is killed.

Run `python benchmarks/server_load.py --json FILE`. A thousand streams are dropped after their first word; then the process must have
no stream, thread or open file more than before. A crowd asks (nine of ten) and teaches (one of ten, each with a key of its own) for
ten minutes at two processes, one of which is killed in the middle; whatever was acknowledged must be in the base, every stream must
end in DONE or in an error, and the only status of 500 or more is 503 with `retry-after`. `--seconds`, `--clients` and `--aborted` make
it smaller.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import server

Counted = collections.Counter[str]


def held(process: int) -> dict[str, int]:
    """Open files, threads and KiB of memory of a process."""
    folder = Path(f"/proc/{process}")
    status = (folder / "status").read_text()
    memory = next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]
    files, threads = (len(list((folder / name).iterdir())) for name in ("fd", "task"))
    return {"files": files, "threads": threads, "kib": int(memory)}


def children(process: int) -> list[int]:
    """The processes that a process started, those of multiprocessing's own service apart."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == process and b"spawn_main" in command:
            found.append(int(folder.name))
    return sorted(found)


def listener(url: str) -> int:
    """The process of this account that was started last with the server's port among what it listens to: ours."""
    port = f":{int(url.rpartition(':')[2]):04X} "
    inodes = {
        line.split()[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if port in line and " 0A " in line
    }
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            targets = {os.readlink(file) for file in (folder / "fd").iterdir()}
        except OSError:
            continue
        if targets & {f"socket:[{inode}]" for inode in inodes}:
            return int(folder.name)
    raise AssertionError("nobody listens")


# ---- aborted streams ------------------------------------------------------------------------------


async def abort(client: httpx.AsyncClient) -> None:
    """Read a stream to its first word, and go."""
    body = {"model": "paced", "messages": [{"role": "user", "content": "Hello?"}], "stream": True}
    async with client.stream("POST", "/v1/chat/completions", json=body) as reply:
        async for piece in reply.aiter_text():
            if "word0" in piece:
                return


async def abort_many(url: str, count: int) -> None:
    for _ in range(0, count, 50):
        async with httpx.AsyncClient(
            base_url=url, timeout=120, limits=httpx.Limits(max_connections=50)
        ) as client:
            await asyncio.gather(*(abort(client) for _ in range(50)))


def aborted(home: Path, count: int) -> dict[str, Any]:
    """What is left of streams that were dropped."""
    script = [sys.executable, str(Path(server.__file__)), "--paced"]
    with server.started(script, home) as (url, _):
        process = listener(url)
        asyncio.run(abort_many(url, 50))  # threads are made when they are first needed
        time.sleep(3)
        before = held(process)
        asyncio.run(abort_many(url, count))
        ended = time.monotonic()
        metrics = ""
        while time.monotonic() < ended + 10:
            metrics = httpx.get(f"{url}/metrics").text
            if (
                "streams_running" in metrics
                and " 0\n" in metrics.partition("# TYPE yukawa_streams_running gauge\n")[2]
            ):
                break
            time.sleep(0.1)
        seconds = time.monotonic() - ended
        time.sleep(2)
        after = held(process)
    running = int(float(metrics.partition("# TYPE yukawa_streams_running gauge\n")[2].split()[1]))
    more = {name: after[name] - before[name] for name in before}
    return {"streams": count, "still_running": running, "until_none_s": seconds, "more": more}


# ---- a crowd --------------------------------------------------------------------------------------


class Crowd:
    """Clients that ask and teach until a moment, and what they saw."""

    def __init__(self, url: str, ends: float) -> None:
        self.url, self.ends = url, ends
        self.statuses: Counted = collections.Counter()
        self.wrong: list[str] = []
        self.acknowledged: list[tuple[str, str]] = []
        self.answers = 0

    async def one(self, number: int) -> None:
        """One person: asks nine times of ten, in streams every other time, and teaches once."""
        chance = random.Random(number)
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            turn = 0
            while time.monotonic() < self.ends:
                turn += 1
                if chance.random() < 0.1:
                    await self.teach(
                        client,
                        f"Rack {number} of hall {turn} holds {1000 * number + turn} modules.",
                        f"{number}-{turn}",
                    )
                else:
                    await self.ask(client, chance.choice(server.QUESTIONS), stream=bool(turn % 2))

    async def ask(self, client: httpx.AsyncClient, question: str, *, stream: bool) -> None:
        """Ask, and note how it ended."""
        body = {"model": "yukawa", "messages": [{"role": "user", "content": question}], "stream": stream}
        try:
            reply = await client.post("/v1/chat/completions", json=body)
        except httpx.TransportError:
            self.statuses["cut"] += 1  # the process was killed
            return
        self.note(reply)
        if reply.status_code == 200:
            self.answers += 1
            if stream and not reply.text.rstrip().endswith("[DONE]") and '"error"' not in reply.text:
                self.wrong.append(f"a stream without an end: {reply.text[-200:]!r}")

    async def teach(self, client: httpx.AsyncClient, text: str, key: str) -> None:
        """Teach until it is acknowledged, with the same key each time."""
        for _ in range(20):
            try:
                reply = await client.post("/api/teach", json={"text": text}, headers={"idempotency-key": key})
            except httpx.TransportError:
                self.statuses["cut"] += 1
                await asyncio.sleep(0.2)
                continue
            self.note(reply)
            if reply.status_code in (200, 201):
                self.acknowledged.append((reply.json()["id"], text))
                return
            await asyncio.sleep(float(reply.headers.get("retry-after", "1")))

    def note(self, reply: httpx.Response) -> None:
        """Count a reply; what may not be is kept."""
        self.statuses[str(reply.status_code)] += 1
        if reply.status_code >= 500 and not (reply.status_code == 503 and "retry-after" in reply.headers):
            self.wrong.append(f"{reply.status_code}: {reply.text[:200]}")
        if reply.status_code == 503:
            self.statuses["turned away"] += 1


def crowd(home: Path, clients: int, seconds: float) -> dict[str, Any]:
    """What a crowd saw, and what is in the base afterwards."""
    from yukawa.knowledge import KnowledgeBase

    command = [sys.executable, "-c", server.COMMAND, "serve", "--port", "0", "--workers", "2"]
    with server.started(command, home) as (url, _):
        master = listener(url)
        while len(children(master)) < 2:
            time.sleep(0.1)
        began = time.monotonic()
        people = Crowd(url, began + seconds)
        memory: list[int] = []

        async def all_of_them() -> None:
            tasks = [asyncio.create_task(people.one(number)) for number in range(clients)]
            await asyncio.sleep(seconds / 2)
            # The one with more connections is killed.
            other, victim = sorted(children(master), key=lambda process: held(process)["files"])
            memory.append(held(other)["kib"])
            os.kill(victim, signal.SIGKILL)
            await asyncio.gather(*tasks)
            memory.append(held(other)["kib"])

        asyncio.run(all_of_them())
        taken = time.monotonic() - began
    with KnowledgeBase.open(home / "knowledge") as base:
        lost = [text for item, text in people.acknowledged if base.show(item).text != text]
        whole = base.verify().clean
    return {
        "clients": clients, "seconds": taken, "answers_per_s": people.answers / taken, "acknowledged": len(people.acknowledged),
        "lost": lost, "base_is_whole": whole, "statuses": dict(people.statuses), "wrong": people.wrong[:20],
        "memory_growth": memory[1] / memory[0] - 1,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, help="where the figures are written")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--aborted", type=int, default=1000)
    parser.add_argument("--home", type=Path, help="a home whose base is built already")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder)
        with server.served(home):
            pass  # builds the base
        found = {"aborted": aborted(home, given.aborted), "crowd": crowd(home, given.clients, given.seconds)}
    text = json.dumps(found, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
