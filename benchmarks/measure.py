"""Runs benchmarks of docs/benchmarks.md and keeps their figures in benchmarks/results, one JSON file each.

Type `python benchmarks/measure.py answers jets_models` for these two, `--list` for every name with its command, `--page`
to write docs/benchmarks.md from page.md.j2 and the figures that are kept, `--check` to see that it is what they say.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shlex
import shutil
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
    "answers_dev": "answers.py --set dev --json",
    "answers_train": "answers.py --set train --json",
    "asked": "asked.py --json FILE",
    "bytelm_encoding": "bytelm_encoding.py --json FILE",
    "bytelm_generation": "bytelm_generation.py {abstracts} --json FILE",
    "bytelm_study": "bytelm_study.py docs/results/byte-model --json FILE",
    "bytelm_training": "bytelm_training.py --json FILE",
    "checks": "checks.py --json FILE",
    "data_abstracts": "data_abstracts.py --json FILE",
    "data_abstracts_write": "data_abstracts.py --write --json FILE",
    "data_duplicates": "data_duplicates.py --json",
    "data_engine": "data_engine.py --json FILE",
    "data_papers": "data_papers.py --json FILE",
    "decay_cards": "decay_cards.py --json FILE",
    "decay_events": "decay_events.py --json FILE",
    "decay_models": "decay_models.py --json FILE",
    "decay_sentences": "decay_sentences.py --json FILE",
    "embedding": "embedding.py",
    "evaluation_coverage": "evaluation_coverage.py --json",
    "evaluation_perplexity": "evaluation_perplexity.py --json",
    "evaluation_perplexity_smollm2": "evaluation_perplexity.py --base local:smollm2 --documents 24 --json",
    "faults": "faults.py --rounds 500 --json FILE",
    "faults_flips": "faults_flips.py --flips 2000 --json FILE",
    "faults_pace": "faults_pace.py --before 278ae37 --json FILE",
    "faults_power": "faults_power.py --draws 12 --json FILE",
    "faults_purge": "faults_purge.py --rounds 200 --json FILE",
    "faults_server": "faults_server.py --rounds 50 --json FILE",
    "frames": "frames.py --set all --each 8 --json",
    "fuzzing": "fuzzing.py --processes 7 --json FILE",
    "hostile_server": "hostile_server.py --json FILE",
    "judging_statistics": "judging_statistics.py --json FILE",
    "jets_models": "jets_models.py --threads 1 --json FILE",
    "jets_models_particle_net": "jets_models.py --model particle-net --kinds e+e- --threads 1 --json FILE",
    "fulltext": "fulltext.py --base search-bases/100000 --json FILE",
    "fulltext_small": "fulltext.py --base search-bases/20000 --json FILE",
    "fuzzing_files": "fuzzing_files.py --json FILE",
    "fusion": "fusion.py --sets dev --json FILE",
    "gpu": "gpu.py all --json FILE",
    "gguf_agreement": "gguf_agreement.py --json FILE",
    "jets_reading": "jets_reading.py --rounds 5 --json FILE",
    "jets_reading_memory": "jets_reading.py --rounds 0 --jets 100000 --json FILE",
    "jets_simulation": "jets_simulation.py --json",
    "jets_stability": "jets_stability.py --json FILE",
    "jets_training": "jets_training.py --json FILE",
    "made_up_facts": "made_up_facts.py --json FILE",
    "mutations": "mutations.py run --processes 2 --json FILE",
    "mutations_other": "mutations.py run --seed 16 --count 150 --processes 2 --json FILE",
    "peers_1000": "peers.py --sizes 1000 --teaches 60 --rounds 5 --kills 2 --systems Yukawa Chroma PaperQA2 LlamaIndex --out FILE",
    "peers_20000": "peers.py --sizes 20000 --teaches 30 --searches 100 --rounds 0 --kills 0 --systems Yukawa Chroma PaperQA2 --out FILE",
    "pumping": "pumping.py --json FILE",
    "real_model": "real_model.py --questions 50 --json FILE",
    "routing": "routing.py --peers bayes --json FILE",
    "rows": "rows.py --json FILE",
    "search": "search.py run --sizes 20000 100000 --out FILE",
    "search_million": "search.py run --sizes 1000000 --out FILE",
    "server": "server.py --json FILE",
    "server_load": "server_load.py --json FILE",
    "training_throughput": "training_throughput.py --json",
}
# Commands timed as a whole process, warm files, in seconds.
TIMED = {
    "ask_cold": "yukawa ask 'What is the mass of the tau lepton?'",
    "import": "python -c 'import yukawa'",
}
FRESH = "make demo"  # in a new clone
NAMES = (*COMMANDS, *TIMED, "make_demo")


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
    if name == "make_demo":
        return fresh_clone()
    data = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.json"
        words = shlex.split(COMMANDS[name].format(abstracts=data / "arxiv" / "hep_1991_2019.jsonl.gz"))
        # Some scripts write Markdown to --out and the figures beside it.
        words = [str(file.with_suffix(".md") if words[i - 1] == "--out" else file)
                 if word == "FILE" else word for i, word in enumerate(words)]  # fmt: skip
        done = subprocess.run([sys.executable, str(HERE / words[0]), *words[1:]], check=True, text=True,
                              stdout=subprocess.PIPE, cwd=HERE.parent)  # fmt: skip
        return json.loads(file.read_text(encoding="utf-8") if file.exists() else done.stdout)


def timed(command: str, rounds: int = 7) -> dict[str, float]:
    """Median and best wall time of a command in seconds; the first run, which fills caches, does not count."""
    words = shlex.split(command)
    words[0] = sys.executable if words[0] == "python" else str(Path(sys.executable).with_name(words[0]))
    # As it is where the package is installed: compiled by the first run.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        subprocess.run(
            words, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        times.append(time.perf_counter() - began)
    return {"median": statistics.median(times[1:]), "best": min(times[1:])}


def fresh_clone() -> dict[str, float]:
    """Seconds of `make demo` in a new clone without pip's cache, and of `yukawa demo` there once installed, on a new base."""
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(HERE.parent), str(clone)], check=True)
        environment = {
            name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "YUKAWA_HOME")
        } | {"PIP_NO_CACHE_DIR": "1"}
        for name, command in {"make_demo": "make demo", "yukawa_demo": ".venv-demo/bin/yukawa demo"}.items():
            shutil.rmtree(clone / ".yukawa-demo", ignore_errors=True)
            began = time.perf_counter()
            subprocess.run(
                shlex.split(command), check=True, cwd=clone, env=environment, stdout=subprocess.DEVNULL
            )
            seconds[name] = time.perf_counter() - began
    return seconds


def commit() -> str:
    """The commit that is measured."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return found.stdout.strip()


def main() -> None:
    """Runs what was named and keeps each result as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="default: all of them")
    parser.add_argument("--list", action="store_true", help="print every name with its command")
    parser.add_argument("--page", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--check", action="store_true", help="compare it, and the targets, with the results")
    given = parser.parse_args()
    if given.list:
        for name in NAMES:
            print(f"{name:28} {command(name)}")
    elif given.page or given.check:
        write_page(given.check)
    else:
        for name in given.names or NAMES:
            print(name, flush=True)
            keep(name)


def command(name: str) -> str:
    """What one would type for a benchmark."""
    return {**TIMED, "make_demo": FRESH}.get(name) or f"python benchmarks/{COMMANDS[name]}"


def keep(name: str) -> None:
    """Runs one benchmark and keeps its figures, with when and where they were measured."""
    began, load = time.perf_counter(), [round(os.getloadavg()[0], 1)]
    figures = run(name)
    envelope = {
        "command": command(name),
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "load": [*load, round(os.getloadavg()[0], 1)],
        "seconds": round(time.perf_counter() - began),
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(envelope, indent=1) + "\n", encoding="utf-8")


def write_page(check: bool) -> None:
    """docs/benchmarks.md as the results have it; if `check`, only whether it is, and whether a target is missed unexplained."""
    import page  # needs Jinja2, which measuring does not

    text, unexplained = page.render(page.results())
    if not check:
        page.PAGE.write_text(text, encoding="utf-8")
    elif page.PAGE.read_text(encoding="utf-8") != text:
        unexplained.append(
            "docs/benchmarks.md is not what the results say; type: python benchmarks/measure.py --page"
        )
    if unexplained:
        sys.exit("\n".join(unexplained))


if __name__ == "__main__":
    main()
