"""The HTTP server beside what it serves: time until it answers, a question over HTTP and by the library in turn, a hundred streams.

Run `python benchmarks/server.py --json FILE`. The server runs in a process of its own on a copy of a new base of the Review; one
client asks the same questions as the library here, in turn, so that a busy moment slows both. The streams come from a
model that writes 20 words a second; what is measured is how much later than from the model itself the first word and the last one
come. `--rounds` and `--streams` make it smaller.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2 as httpx

QUESTIONS = (
    "What is the mass of the tau lepton?", "lifetime of the muon in microseconds", "Is the D0 heavier than the D+?",
    "width of the J/psi", "mass of the tau divided by the mass of the muon", "decays of the tau above 10 %",
    "Which has the larger width, the W or the Z?", "branching fraction of B0 to J/psi K+ pi-", "What is the spin of the Omega-?",
    "thanks",
)  # fmt: skip
PACE_S, WORDS = 0.05, 40
COMMAND = "from yukawa.cli.main import run; run()"


class PacedModel:
    """A model that writes 20 words a second, however many listen."""

    name = "paced"

    async def stream(self, messages: Sequence[Any], options: Any = None) -> AsyncIterator[str]:
        """The words."""
        for number in range(WORDS):
            await asyncio.sleep(PACE_S)
            yield f"word{number} "

    async def aclose(self) -> None:
        """Nothing to close."""


@contextlib.contextmanager
def started(command: list[str], home: Path) -> Iterator[tuple[str, float]]:
    """The link of a server that was started by `command`, and the seconds until it answered."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=os.environ | {"YUKAWA_HOME": str(home)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"http://[\d.:]+", line):
                yield found[0], time.perf_counter() - began
                break
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def served(home: Path) -> contextlib.AbstractContextManager[tuple[str, float]]:
    """`yukawa serve` on the base in `home`."""
    return started([sys.executable, "-c", COMMAND, "serve", "--port", "0"], home)


# ---- a question -----------------------------------------------------------------------------------


def beside(home: Path, rounds: int) -> dict[str, Any]:
    """Milliseconds of the library's call and of the same question over HTTP, in turn."""
    from yukawa.assistant import Assistant
    from yukawa.core.settings import Settings
    from yukawa.knowledge import open_base

    settings = Settings(home=home)
    times: dict[str, list[float]] = {"library": [], "http": [], "own": []}
    with open_base(settings) as base, served(home) as (url, _):
        assistant = Assistant(base, settings)
        # The leanest client, since its time is not the server's.
        client = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)

        def posted(path: str, body: dict[str, Any]) -> Any:
            client.request("POST", path, json.dumps(body), {"content-type": "application/json"})
            return json.loads(client.getresponse().read())

        def library(question: str) -> str:
            return assistant.ask(question).text

        def as_openai(question: str) -> str:
            body = {"model": "yukawa", "messages": [{"role": "user", "content": question}]}
            content = posted("/v1/chat/completions", body)["choices"][0]["message"]["content"]
            return str(content).partition("\n\nSources:\n")[0]

        def own(question: str) -> str:
            return str(posted("/api/ask", {"question": question})["answer"])

        ways = {"library": library, "http": as_openai, "own": own}
        for question in QUESTIONS:  # warm, and the same answers
            assert len({way(question) for way in ways.values()}) == 1, question
        for _ in range(rounds):
            for question in QUESTIONS:
                for name, way in ways.items():
                    began = time.perf_counter()
                    way(question)
                    times[name].append((time.perf_counter() - began) * 1e3)
    found: dict[str, Any] = {"questions": rounds * len(QUESTIONS)}
    for name, values in times.items():
        cut = statistics.quantiles(values, n=100)
        found[name] = {"p50": cut[49], "p95": cut[94]}
    for name in ("http", "own"):
        found[f"{name}_ratio"] = {q: found[name][q] / found["library"][q] for q in ("p50", "p95")}
    return found


# ---- streams --------------------------------------------------------------------------------------


def paced_server() -> None:
    """Serve the paced model until Ctrl-C; the home is that of the environment."""
    import uvicorn

    from yukawa.core.settings import ModelSettings, Settings
    from yukawa.server import ServerOptions, create_app
    from yukawa.server.process import bind, configuration

    home = Path(os.environ["YUKAWA_HOME"])
    row = ModelSettings(name="paced", backend="scripted")
    settings = Settings(home=home, models={"paced": row})
    options = ServerOptions(settings)
    config = configuration(options)
    config.app = create_app(options, models={"paced": PacedModel()})  # type: ignore[dict-item]
    config.factory = False
    bound = bind("127.0.0.1", 0)
    print(f"http://127.0.0.1:{bound.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[bound])


async def read_stream(client: httpx.AsyncClient) -> tuple[float, float]:
    """Milliseconds by which the first word came later than the model wrote it, and seconds of the whole stream."""
    body = {"model": "paced", "messages": [{"role": "user", "content": "Hello?"}], "stream": True}
    began, first, text = time.perf_counter(), 0.0, ""
    async with client.stream("POST", "/v1/chat/completions", json=body) as reply:
        async for piece in reply.aiter_text():
            text += piece
            if not first and "word0" in text:
                first = time.perf_counter() - began
    assert text.rstrip().endswith("[DONE]"), text[-200:]
    return (first - PACE_S) * 1e3, time.perf_counter() - began


async def read_all(url: str, count: int) -> list[tuple[float, float]]:
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        await read_stream(client)  # warm
        return await asyncio.gather(*(read_stream(client) for _ in range(count)))


def streams(home: Path, count: int) -> dict[str, Any]:
    """How late the words of many streams at once are."""
    with started([sys.executable, __file__, "--paced"], home) as (url, _):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{url}/ready").status_code == 200:
                    break
            time.sleep(0.1)
        found = asyncio.run(read_all(url, count))
    first, whole = [one for one, _ in found], [two for _, two in found]
    return {
        "streams": count, "first_word_late_ms": {"median": statistics.median(first), "most": max(first)},
        "slowest_over_median": max(whole) / statistics.median(whole), "seconds": statistics.median(whole),
        "model_seconds": PACE_S * WORDS,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, help="where the figures are written")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--home", type=Path, help="a home whose base is built already")
    parser.add_argument("--paced", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.paced:
        paced_server()
        return
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder)
        with served(home) as (_, built):  # builds the base
            print(f"first start, with the base to build if there is none: {built:.1f} s", file=sys.stderr)
        starts = []
        for _ in range(given.starts):
            with served(home) as (_, seconds):
                starts.append(seconds)
        found = {
            "ready_s": {"median": statistics.median(starts), "best": min(starts)}, "ask": beside(home, given.rounds),
            "streams": streams(home, given.streams),
        }  # fmt: skip
    text = json.dumps(found, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
