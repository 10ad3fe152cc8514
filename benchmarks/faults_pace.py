"""How long a teach and a search take beside an earlier commit of this program, in turn, in one run.

    python benchmarks/faults_pace.py --before 278ae37 --json FILE

Each code works in a process of its own on a base of its own with the same items; rounds alternate, so that a busy moment slows
both alike. The embedder is the quick one that hashes words: a real one takes longer than the store and would hide it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).parent
_CHILD = """
import sys, time
from yukawa.knowledge import KnowledgeBase, new_item
base = KnowledgeBase.open(sys.argv[1], embedding="hash")
items = int(sys.argv[2])
base.teach_many([new_item(f"The magnet number {i} of hall {i % 37} was cooled {i} times in year {i % 91}.") for i in range(items)])
base.search("magnet")
print("ready", flush=True)
for number, line in enumerate(sys.stdin):
    began = time.perf_counter()
    if line.strip() == "teach":
        base.teach(f"Reading {number} of the collimator was {number * 7 % 1000} counts.")
    else:
        base.search(f"how often was magnet {number * 31 % items} cooled", k=5)
    print(time.perf_counter() - began, flush=True)
"""


class Code:
    """A process that teaches and searches with one version of the program."""

    def __init__(self, source: Path, folder: Path, items: int) -> None:
        environment = {**os.environ, "PYTHONPATH": str(source)}
        command = [sys.executable, "-c", _CHILD, str(folder), str(items)]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self._out.readline() != "ready\n":
            raise RuntimeError(f"the code in {source} does not work")

    @property
    def _out(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout

    def seconds(self, what: str) -> float:
        """Do it once."""
        assert self._process.stdin is not None
        print(what, file=self._process.stdin, flush=True)
        return float(self._out.readline())

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def study(before: str, rounds: int, items: int, work: Path) -> dict[str, Any]:
    """Milliseconds of the median teach and search of both, and their ratio."""
    tree = work / "before"
    subprocess.run(["git", "worktree", "add", "-q", "--detach", str(tree), before], cwd=HERE, check=True)
    try:
        sources = {"before": tree / "src", "now": HERE.parent / "src"}
        codes = {name: Code(source, work / name / "base", items) for name, source in sources.items()}
        figures: dict[str, Any] = {"before": before, "items": items, "rounds": rounds}
        for what in ("teach", "search"):
            times: dict[str, list[float]] = {name: [] for name in codes}
            for number in range(rounds):
                for name in sorted(codes, reverse=bool(number % 2)):
                    times[name].append(1e3 * codes[name].seconds(what))
            medians = {f"{name}_ms": statistics.median(found) for name, found in times.items()}
            figures[what] = {**medians, "ratio": medians["now_ms"] / medians["before_ms"]}
        for code in codes.values():
            code.close()
        return figures
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=HERE, check=True)


def main() -> None:
    """Measures and prints both."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--before", default="278ae37", help="the commit before checksums and erasures in two steps"
    )
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        figures = study(given.before, given.rounds, given.items, Path(work))
    print(json.dumps(figures))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
