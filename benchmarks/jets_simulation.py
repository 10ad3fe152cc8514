"""Measures how fast jets are simulated into Parquet: by one and by several workers, and where the time goes.

Run `python benchmarks/jets_simulation.py`. Each set is made anew in a temporary folder, the numbers of workers taking
turns. The whole command counts from its start to its end; jets per processor second tell what more workers cost in
work, also where other programs keep the machine busy; the steady rate is that of the middle 60 % of jets, when all
workers are at work. The table by stage is of one block in one process; "other" is time in none of the stages.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from yukawa.jets.simulation import events, generation, load_card, load_process, production

COMMAND = "import sys; from yukawa.cli.main import main; sys.exit(main(sys.argv[1:]))"
KINDS = ("whole", "processor", "steady")
STEADY = (0.2, 0.8)
STAGES = {
    "begin (Pythia's tables and cross sections)": (generation, "_start"),
    "generate (Pythia)": (events, "generate"),
    "particles, partons (out of Pythia's record)": (generation, "_taken_apart"),
    "detector": (events, "measure"),
    "jets (fastjet)": (events, "cluster"),
    "labels": (events, "label"),
    "columns": (events, "_particle_columns"),
    "mixing and splitting": (events, "concatenate"),
    "shuffling": (events, "_shuffled"),
    "Parquet": (production, "write_parquet"),
    "hash": (production, "describe_shard"),
}


class Stages:
    """Wraps functions so that the time in each, less that in those it calls, adds up under its name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = 0.0

    def wrap(self, module: Any, function: str, name: str) -> None:
        """From now on `module.function` counts for the stage `name`."""
        original = getattr(module, function)

        def timed(*arguments: Any, **named: Any) -> Any:
            self._switch(name)
            try:
                result = original(*arguments, **named)
            finally:
                self._switch(None)
            return self._steps(result, name) if isinstance(result, Iterator) else result

        setattr(module, function, timed)

    def _steps(self, iterator: Iterator[Any], name: str) -> Iterator[Any]:
        """A generator works while it is asked, not when it is called."""
        while True:
            self._switch(name)
            try:
                item = next(iterator)
            except StopIteration:
                return
            finally:
                self._switch(None)
            yield item

    def _switch(self, name: str | None) -> None:
        """From now on time goes to `name`; None goes back to what ran before."""
        now = time.process_time()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now
        if name is None:
            self._running.pop()
        else:
            self._running.append(name)


def by_stage(jets_per_class: int, out: Path) -> dict[str, float]:
    """Processor seconds of each stage for one block in this process."""
    stages = Stages()
    for name, (module, function) in STAGES.items():
        stages.wrap(module, function, name)
    began = time.process_time()
    production.produce(out, load_process(), load_card(), jets_per_class, 1, workers=1)
    total = time.process_time() - began
    return {name: stages.seconds[name] for name in STAGES} | {
        "other": total - sum(stages.seconds.values()), "all": total,
    }  # fmt: skip


def steady(jets_per_class: int, workers: int, out: Path) -> float:
    """Jets a second in the middle of a production, while all workers are at work."""
    seen: list[tuple[float, int]] = []
    total = jets_per_class * len(load_process().classes)
    production.produce(
        out, load_process(), load_card(), jets_per_class, 1, workers=workers,
        progress=lambda done, _: seen.append((time.perf_counter(), done)),
    )  # fmt: skip
    inside = [(when, done) for when, done in seen if STEADY[0] * total <= done <= STEADY[1] * total]
    return (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])


def whole(jets_per_class: int, workers: int, out: Path) -> tuple[float, float]:
    """Jets of the whole command, from its start to its end, a second and a second of all its processors."""
    arguments = ["jets", "simulate", "--out", str(out), "--jets-per-class", str(jets_per_class)]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments, "--workers", str(workers)],
        check=True,
        capture_output=True,
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    jets = jets_per_class * len(load_process().classes)
    return jets / seconds, jets / processor


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--jets-per-class", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    jets = options.jets_per_class
    rates: dict[str, dict[int, list[float]]] = {kind: defaultdict(list) for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.rounds):
            for workers in options.workers:  # in turn, so that a busy moment harms all alike
                out = Path(folder) / f"{number}-{workers}"
                found = (*whole(jets, workers, out / "whole"), steady(jets, workers, out / "steady"))
                for kind, rate in zip(KINDS, found, strict=True):
                    rates[kind][workers].append(rate)
        result = {
            "jets_per_class": jets,
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "jets_per_second": {
                kind: {str(workers): median(values) for workers, values in by_workers.items()}
                for kind, by_workers in rates.items()
            },
            "stages": by_stage(events.BLOCK, Path(folder) / "stages"),
        }
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


def show(found: dict[str, Any]) -> None:
    """The tables."""
    print(f"{found['jets_per_class']} jets per class, {found['cores']} cores, load {found['load']:.1f}\n")
    print("| workers | whole command, jets/s | jets per processor second | steady, jets/s | of the first |")
    print("|---|---|---|---|---|")
    rates = found["jets_per_second"]
    first = next(iter(rates["steady"].values()))
    for workers, steady_rate in rates["steady"].items():
        print(
            f"| {workers} | {rates['whole'][workers]:,.0f} | {rates['processor'][workers]:,.0f} | "
            f"{steady_rate:,.0f} | {steady_rate / first:.2f} |"
        )
    stages = found["stages"]
    jets = events.BLOCK * len(load_process().classes)
    print(f"\n| stage of one block ({jets:,} jets, one process) | processor s | share |\n|---|---|---|")
    for name, seconds in stages.items():
        print(f"| {name} | {seconds:.2f} | {seconds / stages['all']:.0%} |")
    print(f"\n{jets / stages['all']:,.0f} jets per second of processor time")


if __name__ == "__main__":
    main()
