"""Changes the code in one place at a time and counts the changes that a test notices.

Four hundred mutants, drawn by a seed over the knowledge base, the models and the files, are made in a copy of the tree, never in
place; the tests that execute the changed line, known from coverage, run until one fails. Results are appended line by line, so that an
interrupted run is taken up where it ended. A mutant that behaves as the original does is named, with the reason, in
`mutations_equivalent.toml`.

    python benchmarks/mutations.py --scratch ~/mutants run --json FILE
    python benchmarks/mutations.py --scratch ~/mutants run --seed 16 --count 150
    python benchmarks/mutations.py --scratch ~/mutants again        # the survivors once more, by all tests that reach them
    python benchmarks/mutations.py --scratch ~/mutants record tests/llm    # which test executes which line, of new or changed tests
    python benchmarks/mutations.py --scratch ~/mutants named        # those that were once unnoticed
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mutations_choice import ROOT, TESTS, copy, record
from mutations_code import NAMED, Mutant, drawn, named
from mutations_trial import Trials

EQUIVALENT = Path(__file__).with_name("mutations_equivalent.toml")
SEED, COUNT = 15, 400
_QUICK_S = 60.0  # of recorded test time for each mutant beside the tests of its module; `again` takes as long as it takes


def run(scratch: Path, wanted: list[Mutant], most_s: float, processes: int) -> None:
    """Try each mutant, in several copies of the tree at once."""
    trees = [copy(scratch / f"tree-{number}") for number in range(processes)]
    children = []
    for number, tree in enumerate(trees):
        child = os.fork()
        if child == 0:
            try:
                Trials(scratch, tree, most_s).run(wanted[number::processes])
            finally:
                sys.stdout.flush()
                os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


def unnoticed(scratch: Path, tree: Path, names: list[str]) -> list[str]:
    """Which of `NAMED` their tests do not notice, and which tests fail without them."""
    trials = Trials(scratch, tree, 0)
    wrong = []
    for name in names:
        mutant, tests = named(tree, name), [NAMED[name][3]]
        if trials.status(replace(mutant, after=mutant.before), tests, trials.anew)[0] != "survived":
            wrong.append(f"{name}: {tests[0]} fails without it")
        elif trials.status(mutant, tests, trials.anew)[0] != "killed":
            wrong.append(f"{name}: not noticed")
    return wrong


def latest(scratch: Path) -> dict[str, dict[str, Any]]:
    """The last result of each mutant, by its id."""
    file = scratch / "results.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {row["id"]: row for row in map(json.loads, lines)}


def figures(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts by operator and area; what is equivalent does not count."""
    same = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")) if EQUIVALENT.exists() else {}
    rows = [row for row in found if row["id"] not in same]
    dead = [row for row in rows if row["status"] in ("killed", "timeout")]

    def shares(key: Callable[[dict[str, Any]], str]) -> dict[str, list[int]]:
        all_, killed = (collections.Counter(map(key, some)) for some in (rows, dead))
        return {name: [killed[name], count] for name, count in sorted(all_.items())}

    return {
        "drawn": len(found), "equivalent": len(found) - len(rows), "killed": len(dead), "share": len(dead) / max(len(rows), 1),
        "operators": shares(lambda row: row["operator"]),
        "areas": shares(lambda row: "/".join(row["file"].split("/")[2:4])),
        "survivors": sorted(row["id"] for row in rows if row not in dead),
    }  # fmt: skip


def main() -> None:
    """Record, run, run again, or count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["record", "run", "again", "named"])
    parser.add_argument(
        "names", nargs="*", help="for `named` and `record`: which changes or tests, by default all"
    )
    scratch = Path(tempfile.gettempdir()) / "yukawa-mutants"
    parser.add_argument("--scratch", type=Path, default=scratch, help="folder outside the repository")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    # Whoever ends this leaves the copy as it was; started in the background, it would not hear Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    scratch = given.scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    if given.what == "record":
        return record(scratch, given.names or TESTS)
    if given.what == "named":
        sys.exit("\n".join(unnoticed(scratch, copy(scratch / "tree"), given.names or list(NAMED))) or 0)
    wanted, known = drawn(ROOT, given.count, given.seed), latest(scratch)
    if given.what == "again":
        left = [m for m in wanted if known.get(m.id, {}).get("status") not in ("killed", "timeout")]
        run(scratch, left, math.inf, given.processes)
    else:
        if not (scratch / "coverage.all").exists():
            subprocess.run([sys.executable, __file__, "--scratch", scratch, "record"], check=True)
        run(scratch, [mutant for mutant in wanted if mutant.id not in known], _QUICK_S, given.processes)
    known = latest(scratch)
    result = figures([known[mutant.id] for mutant in wanted if mutant.id in known])
    if given.json:
        given.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(json.dumps({key: value for key, value in result.items() if key != "survivors"}))


if __name__ == "__main__":
    main()
