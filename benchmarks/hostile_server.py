"""A model server that means harm, and every client of ours: each must end in time, in bounds, in one line and without a secret.

The server is real and local; what it does is the first part of the path. Each client meets each behaviour in a process of its
own, whose time, memory beyond what the program has anyway, words and files are measured:

    python benchmarks/hostile_server.py --json FILE
    python benchmarks/hostile_server.py --clients chat embed --attacks drip bomb_gzip     # a few of them
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import os
import re
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile_attacks import ATTACKS, QUESTION, STATEMENT, serving_apart
from hostile_echoes import KEY, USER, leaked

DEADLINE_S, SILENCE_S = 3.0, 1.5
MAX_TOKENS, MOST_WORDS = (
    50,
    400,
)  # of a server that ignores the first, no more words are shown than the second
# ---- our clients -----------------------------------------------------------------------------------


def _model(url: str) -> Any:
    from yukawa.llm.openai import OpenAIModel

    return OpenAIModel(
        "evil", name="evil", base_url=url, key_variable="EVIL_KEY", timeout_s=SILENCE_S, deadline_s=DEADLINE_S
    )


def _speak(url: str, how: Callable[[Any], Any]) -> object:
    from yukawa.llm import SyncChat

    model = _model(url)
    print(repr(model))
    with SyncChat(model) as chat:
        return how(chat)


def _messages() -> Any:
    from yukawa.llm import Message

    return [Message("user", QUESTION)]


def chat(url: str, _: Path) -> object:
    return _speak(url, lambda chat: chat.chat(_messages()))


def stream(url: str, _: Path) -> object:
    return _speak(url, lambda chat: "".join(chat.stream(_messages())))


def capabilities(url: str, _: Path) -> object:
    return _speak(url, lambda chat: chat.capabilities())


def structured(url: str, _: Path) -> object:
    from yukawa.core.validation import StrictModel

    class Said(StrictModel):
        value: int

    return _speak(url, lambda chat: chat.structured(_messages(), Said))


def complete(url: str, home: Path) -> object:
    from yukawa.data.rows import Document
    from yukawa.evaluation.completions import complete_by_chat

    documents = [
        Document(
            id=f"d{i}", text="The muon is a charged lepton of the second generation. " * 4, source="test"
        )
        for i in range(2)
    ]
    return complete_by_chat(_model(url), documents, home / "completions.jsonl", new_tokens=8)


def score(url: str, _: Path) -> object:
    from yukawa.core.settings import ModelSettings
    from yukawa.data.rows import Document
    from yukawa.evaluation.served_models import Service

    row = ModelSettings(name="evil", backend="openai", model="evil", base_url=url, key_variable="EVIL_KEY",
                        timeout_s=SILENCE_S, deadline_s=DEADLINE_S)  # fmt: skip
    print(repr(row))
    service = Service(row)
    print(service, service.state())
    return service.losses(
        [Document(id=f"d{i}", text="The muon is a lepton.", source="test") for i in range(2)]
    )


def embed(url: str, _: Path) -> object:
    from yukawa.embedding.openai import OpenAIEmbedder

    embedder = OpenAIEmbedder(
        "evil", url, key_variable="EVIL_KEY", timeout_s=SILENCE_S, deadline_s=DEADLINE_S
    )
    print(embedder.name, vars(embedder))
    return embedder.embed(["a", "b"]).shape


def _yukawa(*words: str, typed: str = "") -> Callable[[str, Path], object]:
    def run(url: str, home: Path) -> object:
        from yukawa.cli.main import main
        from yukawa.core.settings import load_settings

        rows = {"backend": "openai", "model": "evil", "base_url": url, "key_variable": "EVIL_KEY",
                "timeout_s": SILENCE_S, "deadline_s": DEADLINE_S, "max_tokens": MAX_TOKENS}  # fmt: skip
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in rows.items())
        (home / "yukawa.toml").write_text(f"[models.evil]\n{lines}\n", encoding="utf-8")
        os.chdir(home)
        print(repr(load_settings()))
        (home / "yukawa.toml").rename(
            home.parent / "evil.toml"
        )  # the only place where the password may stand
        os.environ["YUKAWA_CONFIG"] = str(home.parent / "evil.toml")
        sys.stdin = io.StringIO(typed)
        return f"exit code {main(list(words))}"

    return run


CLIENTS: dict[str, Callable[[str, Path], object]] = {
    "chat": chat, "stream": stream, "capabilities": capabilities, "structured": structured, "complete": complete,
    "score": score, "embed": embed,
    "ask": _yukawa("ask", "--model", "evil", QUESTION, "--debug"),
    "ask_json": _yukawa("ask", "--model", "evil", QUESTION, "--json", "--debug"),
    "ask_raw": _yukawa("ask", "--raw", "--model", "evil", QUESTION),
    "chat_verb": _yukawa("chat", "--model", "evil", typed=f"{QUESTION}\n"),
    "models": _yukawa("models", "--check", "--json"),
}  # fmt: skip
# Several exchanges, each with its own deadline: a first request and one without log-probabilities, an answer and the list of models.
EXCHANGES = {"complete": 4, "models": 2, "structured": 2, "score": 1, "embed": 1}


def prepared(home: Path) -> None:
    """A small base in `home`, and everything imported that a client needs."""
    from yukawa.cli.main import main

    os.environ |= {"YUKAWA_HOME": str(home), "YUKAWA_KNOWLEDGE__EMBEDDING": "hash", "EVIL_KEY": KEY}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        from yukawa.knowledge import KnowledgeBase
        from yukawa.knowledge.sources import loader

        vars(loader)["statements"] = lambda *_: iter(())  # a base of one statement, not of all the PDG's
        with KnowledgeBase.open(home / "knowledge", embedding="hash") as base:
            base.teach(STATEMENT, source="handbook", author="Li")
        assert main(["ask", QUESTION]) == 0  # what is read once is read before the forks
    for module in ("llm.openai", "llm.probe", "llm.sync", "embedding.openai", "evaluation.served_models", "evaluation.completions",
                   "assistant.passages", "assistant.raw", "cli.session"):  # fmt: skip
        __import__(f"yukawa.{module}")
    import openai.types.chat  # noqa: F401


def meet(client: str, name: str, port: int, home: Path) -> dict[str, Any]:
    """What came of one client and one behaviour, measured in a process of its own."""
    room = Path(tempfile.mkdtemp(dir=home.parent))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _child(
            client, f"http://{USER}:hush%2Fhush%26pass%20w0rd@127.0.0.1:{port}/{name}/v1", home, room, writer
        )
    os.close(writer)
    limit = (
        EXCHANGES.get(client, 1) * DEADLINE_S + 1.5
    ) * 4 + 20  # long beyond what is allowed: then it hangs
    ends, data = time.monotonic() + limit, b""
    os.set_blocking(reader, False)
    while time.monotonic() < ends:
        with contextlib.suppress(BlockingIOError):
            if not (more := os.read(reader, 65536)):
                break
            data += more
            continue
        time.sleep(0.01)
    else:
        os.kill(child, signal.SIGKILL)
    os.close(reader)
    os.waitpid(child, 0)
    found: dict[str, Any] = (
        json.loads(data)
        if data
        else {"ended": False, "seconds": limit, "waited": 0, "mib": 0, "said": "it hangs"}
    )
    return {"client": client, "attack": name} | judged(found, client)


def _child(client: str, url: str, home: Path, room: Path, writer: int) -> None:
    out = io.StringIO()
    logging.basicConfig(stream=out, level=logging.DEBUG, force=True)
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the highest memory so far counts from here
    before, waiting, began = _memory("VmRSS"), _Waiting(), time.monotonic()
    error = ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            print(CLIENTS[client](url, room))
        except BaseException as raised:  # noqa: BLE001 -- the kind is judged
            error = f"{type(raised).__name__}: {raised}"
            kinds = [kind.__name__ for kind in type(raised).__mro__]
            print("YUKAWA" if "YukawaError" in kinds else "FOREIGN", repr(raised))
            print(traceback.format_exc() if "YukawaError" not in kinds else "")
    # Waiting for a processor on a busy machine is nobody's lateness.
    seconds, waited, peak = time.monotonic() - began, waiting.seconds(), _memory("VmHWM")
    files = b"".join(path.read_bytes() for root in (room, home) for path in root.rglob("*") if path.is_file())
    said = out.getvalue()
    secrets = sorted({*leaked(said), *leaked(files.decode("utf-8", "replace"))})
    shown = client in ("ask", "ask_raw", "chat_verb", "models")
    row = {
        "ended": True, "seconds": seconds, "waited": waited, "mib": (peak - before) / 1024, "leaked": secrets,
        "said": (error or said)[-3000:],
        "much": said.count("word") > MOST_WORDS,
        "bug": "this is a bug" in said or "FOREIGN" in said, "lines": error.count("\n"), "raw": shown and bool(_RAW.search(said)),
    }  # fmt: skip
    os.write(writer, json.dumps(row).encode())
    os._exit(0)


_RAW = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]")


class _Waiting:
    """Seconds for which the threads of this process were ready to run and no processor was free; looked at while it runs."""

    def __init__(self) -> None:
        self._by_thread: dict[str, int] = {}
        self._before = self._look()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self._look()
            time.sleep(0.05)

    def _look(self) -> float:
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError, IndexError):  # a thread that has ended
                waited = int((task / "schedstat").read_text(encoding="ascii").split()[1])
                self._by_thread[task.name] = max(waited, self._by_thread.get(task.name, 0))
        return sum(dict(self._by_thread).values()) / 1e9

    def seconds(self) -> float:
        """So far."""
        return self._look() - self._before


def _memory(field: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int((re.search(rf"{field}:\s+(\d+)", text) or ["", "0"])[1])


def judged(found: dict[str, Any], client: str) -> dict[str, Any]:
    """The row with what is wrong in it."""
    wrong = []
    if not found["ended"] or found["seconds"] - found["waited"] > EXCHANGES.get(client, 1) * DEADLINE_S + 1.5:
        wrong.append("late")
    if found["mib"] > 64:
        wrong.append("large")
    wrong += [name for name in ("leaked", "much", "bug", "raw", "lines") if found.get(name)]
    return found | {"wrong": wrong}


def main() -> None:
    """Every client against every behaviour, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", nargs="*", default=list(CLIENTS), choices=list(CLIENTS))
    parser.add_argument("--attacks", nargs="*", default=None, help="names, or beginnings of names")
    parser.add_argument("--exactly", action="store_true", help="names are whole")
    parser.add_argument(
        "--at-once", type=int, default=4, help="clients that run side by side; mostly they wait"
    )
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    wanted = tuple(given.attacks) if given.attacks is not None else ("",)
    names = [name for name in ATTACKS if (name in wanted if given.exactly else name.startswith(wanted))]
    with tempfile.TemporaryDirectory() as folder, serving_apart() as port:
        home = Path(folder) / "home"
        home.mkdir()
        prepared(home)
        running: list[int] = []
        for client in given.clients:
            if len(running) == given.at_once:
                running.remove(os.wait()[0])
            child = os.fork()
            if child == 0:
                _all(client, names, port, home)
            running.append(child)
        for child in running:
            os.waitpid(child, 0)
        rows = [json.loads(line) for file in sorted(Path(folder).glob("rows-*")) for line in file.open()]
    result = figures(rows)
    if given.json:
        given.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(json.dumps(result))


def _all(client: str, names: list[str], port: int, home: Path) -> None:
    """All meetings of one client, one after the other, in a process of their own that never returns."""
    code = 1
    try:
        with (home.parent / f"rows-{client}").open("w", encoding="utf-8") as file:
            for name in names:
                row = meet(client, name, port, home)
                file.write(json.dumps(row) + "\n")
                mark, said = ",".join(row["wrong"]) or "ok", " ".join(row["said"].split())[-150:]
                took = f"{row['seconds']:6.2f} s {row['mib']:6.1f} MiB"
                print(f"{mark:12} {client:12} {name:24} {took}  {said}", flush=True)
        code = 0
    finally:
        os._exit(code)


def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and worst cases."""
    wrong = {kind: [f"{row['client']} {row['attack']}" for row in rows if kind in row["wrong"]] for kind in
             ("late", "large", "leaked", "much", "bug", "raw", "lines")}  # fmt: skip
    over = [row["seconds"] - row["waited"] - EXCHANGES.get(row["client"], 1) * DEADLINE_S for row in rows]
    return {
        "meetings": len(rows), "clients": len({row["client"] for row in rows}), "attacks": len({row["attack"] for row in rows}),
        "deadline_s": DEADLINE_S, "most_mib": max(row["mib"] for row in rows), "longest_over_deadline_s": max(over),
        "failures": sum(bool(row["wrong"]) for row in rows), "wrong": wrong,
    }  # fmt: skip


if __name__ == "__main__":
    main()
