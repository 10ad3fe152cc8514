"""How quickly a base of 20,000, 10^5 and 10^6 passages is searched and taught, and how well its index recalls.

Type `python benchmarks/search.py embed --cache FOLDER` first (it continues where it stopped), then
`python benchmarks/search.py run --cache FOLDER`. See README.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
import search_data as data

from yukawa.embedding import open_embedder
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.search.local_index import LocalIndex
from yukawa.knowledge.search.ranking import CANDIDATES
from yukawa.knowledge.search.serving import serving_row

TEACHES = 50
K = 10


class Prepared:
    """Gives documents the vectors computed beforehand, and embeds anything else with minilm."""

    name = "minilm"

    def __init__(self, rows: dict[str, int], vectors: NDArray[np.float32]) -> None:
        self._rows, self._vectors = rows, vectors
        self._model = open_embedder("minilm")
        self.dimensions = self._model.dimensions

    def embed(self, texts: Sequence[str], *, progress: Any = None) -> NDArray[np.float32]:
        """See `Embedder.embed`."""
        if texts and all(text in self._rows for text in texts):
            return self._vectors[[self._rows[text] for text in texts]]
        return self._model.embed(texts, progress=progress)


def build(sizes: Sequence[int], cache: Path, bases: Path) -> dict[str, dict[str, Any]]:
    """Bases of `sizes` under `bases`, each continued from the one before by `teach_many`; those there are kept."""
    made = data.corpus(max(sizes))
    vectors, real = data.vectors(max(sizes), cache)
    rows = {text: i for i, text in enumerate(itertools.islice(made.texts, max(sizes)))}
    facts: dict[str, dict[str, Any]] = {}
    for before, size in zip([0, *sizes], sizes, strict=False):
        folder = bases / str(size)
        facts[str(size)] = {"vectors_real": min(real, size), "texts_single": min(made.singles, size)}
        if (folder / "built.json").exists():
            facts[str(size)] = json.loads((folder / "built.json").read_text(encoding="utf-8"))
            continue
        shutil.rmtree(folder, ignore_errors=True)
        if before:
            shutil.copytree(bases / str(before), folder)
            (folder / "built.json").unlink()
        with KnowledgeBase.open(folder) as base:
            use(base, Prepared(rows, vectors))
            began, spent = time.perf_counter(), 0.0
            for block in batches(data.new_items(made, size, before), 10_000):
                start = time.perf_counter()
                base.teach_many(block, actor="benchmark")
                spent += time.perf_counter() - start
                print(f"  {size:,}: {time.perf_counter() - began:.0f} s, teaching {spent:.0f} s", flush=True)
            start = time.perf_counter()
            base.save_index()
            facts[str(size)] |= {
                "teach_ms_each": 1e3 * spent / (size - before),
                "index_s": time.perf_counter() - start,
            }
        (folder / "built.json").write_text(json.dumps(facts[str(size)]), encoding="utf-8")
    return facts


def use(base: KnowledgeBase, embedder: Prepared) -> None:
    """Let `base` embed with `embedder` in place of the one of the same name that it would open."""
    with base.store.read() as connection:
        base._serving._embedder = (serving_row(connection, base.store.name).id, embedder)


def embedded(base: KnowledgeBase, text: str) -> NDArray[np.float32]:
    """`text` as a search embeds it."""
    with base.store.read() as connection:
        embedder, _ = base._serving.open(connection)
        vector: NDArray[np.float32] = embedder.embed([text])[0]
    return vector


def batches(values: Iterable[Any], size: int) -> Iterable[list[Any]]:
    """Lists of at most `size` values."""
    source = iter(values)
    while block := list(itertools.islice(source, size)):
        yield block


def measure(folder: Path) -> dict[str, Any]:
    """All figures of one base, from a process that has just begun."""
    asked = data.questions() + data.corpus(0).titles
    start = time.perf_counter()
    base = KnowledgeBase.open(folder)
    base.search(asked[0], k=K)
    out: dict[str, Any] = {"open_to_first_answer_s": time.perf_counter() - start}
    for question in asked[:30]:
        base.search(question, k=K)
    out |= {"queries": len(asked), **timed("search", lambda q: base.search(q, k=K), asked)}
    out |= timed("embedding", lambda q: embedded(base, q), asked)
    out |= memory()
    out |= recall(base, asked)
    out |= teach_to_found(base, folder)
    base.close()
    return out | {"disk_mb": sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6}


def recall(base: KnowledgeBase, asked: Sequence[str]) -> dict[str, Any]:
    """Share of the ten exactly nearest passages that are among the index's ten best, over the questions asked."""
    held = base._serving._index
    assert held is not None
    index = held[1]
    assert isinstance(index, LocalIndex)
    segment = index._segments[0]
    vectors = np.stack([embedded(base, question) for question in asked])
    scores = np.concatenate(
        [segment.vectors[s : s + 50_000] @ vectors.T for s in range(0, len(segment), 50_000)]
    )
    scores[~segment.current] = -np.inf
    found, took = [], []
    for i, vector in enumerate(vectors):
        start = time.perf_counter()
        rows = index._nearest.search(segment.vectors, vector, segment.current, CANDIDATES, frozen=True)
        took.append(time.perf_counter() - start)
        mine = rows[np.argsort(-(segment.vectors[rows] @ vector))[:10]]
        truth = np.argpartition(scores[:, i], len(segment) - 10)[-10:]
        found.append(np.isin(truth, mine).mean())
    approximate = index._nearest._faiss
    return {
        "recall_at_10": float(np.mean(found)),
        "recall_at_10_questions": float(np.mean(found[: -data.HELD_OUT])),
        "recall_at_10_titles": float(np.mean(found[-data.HELD_OUT :])),
        "vectors": f"FAISS, {approximate.nprobe} of {approximate.nlist} cells" if approximate else "exact",
        **spread("vectors", took),
    }


def teach_to_found(base: KnowledgeBase, folder: Path) -> dict[str, Any]:
    """From calling `teach` to its passage in the result of a search of a base opened on its own, as another process has."""
    other = KnowledgeBase.open(folder)
    other.search("warm", k=K)
    total, teaching, rounds = [], [], 0
    for i in range(TEACHES):
        name = f"{os.getpid()}-{i}"
        start = time.perf_counter()
        item = base.teach(f"The calibration constant of beam monitor {name} is {i}.5 mV.", source="benchmark")
        taught = time.perf_counter()
        while all(h.item_id != item.id for h in other.search(f"calibration of beam monitor {name}?", k=K)):
            rounds += 1
        total.append(time.perf_counter() - start)
        teaching.append(taught - start)
        base.unload(item.id, actor="benchmark")
    other.close()
    return spread("teach_to_found", total) | spread("teach", teaching) | {"searches_that_missed": rounds}


def timed(name: str, call: Callable[[str], object], asked: Sequence[str]) -> dict[str, float]:
    """Wall time of `call` for each of `asked`, and its processor time, which other work on the machine hardly changes."""
    wall, cpu = [], []
    for question in asked:
        start, start_cpu = time.perf_counter(), time.process_time()
        call(question)
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    return spread(name, wall) | spread(f"{name}_cpu", cpu)


def spread(name: str, seconds: Sequence[float]) -> dict[str, float]:
    """Median and 95th percentile in milliseconds."""
    return {f"{name}_p{p}_ms": round(1e3 * float(np.percentile(seconds, p)), 2) for p in (50, 95)}


def memory() -> dict[str, float]:
    """Resident memory of this process in MB: all of it, and what is not a page of a file."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "RssAnon"))}
    return {"memory_mb": int(sizes["VmRSS"]) / 1e3, "memory_own_mb": int(sizes["RssAnon"]) / 1e3}


_ROWS = {
    "search p50 ms": "search_p50_ms", "search p95 ms": "search_p95_ms",
    "search p50 ms, processor": "search_cpu_p50_ms", "embedding p50 ms, processor": "embedding_cpu_p50_ms",
    "of it embedding p50 ms": "embedding_p50_ms",
    "of it vectors p50 ms": "vectors_p50_ms", "vectors": "vectors", "recall@10": "recall_at_10",
    "recall@10, questions": "recall_at_10_questions", "recall@10, titles": "recall_at_10_titles",
    "teach to found p50 ms": "teach_to_found_p50_ms", "teach to found p95 ms": "teach_to_found_p95_ms",
    "of it teach p50 ms": "teach_p50_ms", "open to first answer s": "open_to_first_answer_s", "memory MB": "memory_mb",
    "of it not file pages MB": "memory_own_mb", "disk MB": "disk_mb", "bulk teach ms each": "teach_ms_each",
    "index after bulk s": "index_s", "machine's load": "load", "vectors that are real": "vectors_real", "single sentences": "texts_single",
}  # fmt: skip


def table(results: dict[str, dict[str, Any]]) -> str:
    """A Markdown table: a row a figure, a column a size."""
    lines = [
        "| passages | " + " | ".join(f"{int(size):,}" for size in results) + " |",
        "|---" * (len(results) + 1) + "|",
    ]
    for label, key in _ROWS.items():
        cells = (shown(result.get(key, "")) for result in results.values())
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown(value: Any) -> str:
    """A figure with three or four digits."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def run(sizes: Sequence[int], cache: Path, bases: Path, out: Path) -> None:
    """Build what is missing, measure each base in a process of its own, write table and JSON."""
    results = build(sizes, cache, bases)
    for size, result in results.items():
        command = [sys.executable, __file__, "measure", "--base", str(bases / size)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        result |= json.loads(done.stdout) | {"load": os.getloadavg()[0]}
        print(size, json.dumps(result), flush=True)
    head = f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.processor() or platform.machine()}"
    note = (
        "Passages beyond the single sentences are sentences with their successors; vectors beyond the real ones are"
        " mixtures of real neighbours."
    )
    out.write_text(f"{head}. {note}\n\n{table(results)}\n", encoding="utf-8")
    out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("embed", "run", "measure"))
    parser.add_argument("--cache", type=Path, default=Path("search-cache"), help="folder of the vectors")
    parser.add_argument("--minutes", type=float, default=12.0, help="time for `embed`")
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 100_000, 1_000_000])
    parser.add_argument("--bases", type=Path, default=Path("search-bases"), help="folder of the bases")
    parser.add_argument("--base", type=Path, help="the base that `measure` opens")
    parser.add_argument("--out", type=Path, default=Path("search.md"), help="Markdown; JSON goes beside it")
    given = parser.parse_args()
    if given.step == "embed":
        data.embed(list(data.corpus(0).texts), given.cache, 60 * given.minutes)
    elif given.step == "measure":
        print(json.dumps(measure(given.base)))
    else:
        run(sorted(given.sizes), given.cache, given.bases, given.out)


if __name__ == "__main__":
    main()
