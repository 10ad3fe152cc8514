"""Runs benchmarks of docs/benchmarks.md and keeps their figures in benchmarks/results, one JSON file each.

Type `python benchmarks/measure.py answers jets_models` for these two, `--list` for every name with its command.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"

# What is run, without the interpreter; FILE is where the script writes its JSON, otherwise it prints it.
COMMANDS = {
    "answers": "answers.py --set test --json",
    "answers_development": "answers.py --set dev --json",
    "bytelm_encoding": "bytelm_encoding.py --json FILE",
    "bytelm_generation": "bytelm_generation.py {abstracts} --json FILE",
    "bytelm_training": "bytelm_training.py --json FILE",
    "data_abstracts": "data_abstracts.py --json FILE",
    "data_abstracts_write": "data_abstracts.py --write --json FILE",
    "data_duplicates": "data_duplicates.py --json",
    "embedding": "embedding.py",
    "evaluation_coverage": "evaluation_coverage.py --json",
    "evaluation_perplexity": "evaluation_perplexity.py --json",
    "jets_models": "jets_models.py --threads 1 --json FILE",
    "jets_models_particle_net": "jets_models.py --model particle-net --kinds ee --threads 1 --json FILE",
    "jets_reading": "jets_reading.py --rounds 5 --json FILE",
    "jets_simulation": "jets_simulation.py --json",
    "jets_training": "jets_training.py --json FILE",
    "peers": "peers.py --out FILE",
    "search": "search.py run --sizes 20000 100000 --out FILE",
    "threshold": "threshold.py --out FILE",
    "training_throughput": "training_throughput.py --json",
}
# Commands timed as a whole process, warm files, in seconds.
TIMED = {
    "ask_cold": "yukawa ask 'What is the mass of the tau lepton?'",
    "import": "python -c 'import yukawa'",
}


def machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {"cores": os.cpu_count() or 1, "processor": model, "python": platform.python_version()}


def run(name: str) -> object:
    """The figures of one benchmark."""
    if name in TIMED:
        return timed(TIMED[name])
    data = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.json"
        words = shlex.split(COMMANDS[name].format(abstracts=data / "arxiv" / "hep_1991_2019.jsonl.gz"))
        # Some scripts write Markdown to --out and the figures beside it.
        words = [str(file.with_suffix(".md") if words[i - 1] == "--out" and name != "threshold" else file)
                 if word == "FILE" else word for i, word in enumerate(words)]  # fmt: skip
        done = subprocess.run([sys.executable, str(HERE / words[0]), *words[1:]], check=True, text=True,
                              stdout=subprocess.PIPE)  # fmt: skip
        return json.loads(file.read_text(encoding="utf-8") if file.exists() else done.stdout)


def timed(command: str, rounds: int = 7) -> dict[str, float]:
    """Median and best wall time of a command in seconds; the first run, which fills caches, does not count."""
    words = shlex.split(command)
    words[0] = sys.executable if words[0] == "python" else str(Path(sys.executable).with_name(words[0]))
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return {"median": statistics.median(times[1:]), "best": min(times[1:])}


def main() -> None:
    """Runs what was named and keeps each result as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[*COMMANDS, *TIMED, []], help="default: all of them")
    parser.add_argument("--list", action="store_true", help="print every name with its command")
    given = parser.parse_args()
    if given.list:
        for name, command in (COMMANDS | TIMED).items():
            print(f"{name:28} {command}")
        return
    for name in given.names or [*COMMANDS, *TIMED]:
        print(name, flush=True)
        began = time.perf_counter()
        figures = run(name)
        envelope = {
            "command": TIMED.get(name) or f"python benchmarks/{COMMANDS[name]}",
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "seconds": round(time.perf_counter() - began),
            "figures": figures,
        }
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(envelope, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
