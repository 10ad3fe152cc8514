"""Near duplicates among arXiv abstracts: yukawa.data.deduplication beside datasketch, the usual library for MinHash and LSH.

    pip install datasketch xxhash
    python benchmarks/data_duplicates.py [--documents 10000] [--rounds 3] [--json]

The abstracts are read from `arxiv/*.jsonl.gz` under `YUKAWA_TEST_DATA`; every tenth is given again with some words changed,
so that there is something to find. All systems use 5-word shingles of the same words, 128 permutations, 21 bands of 6
rows, and confirm candidate pairs by their true Jaccard index; datasketch is called as its documentation says
(`MinHash.bulk`, `MinHashLSH.insert`, `query`), with its own SHA-1 and with xxhash. Each run is a process of its own, the
systems take turns, and times are processor seconds, which a busy machine moves little. "Right" are the pairs that an
exhaustive comparison finds; groups are compared with the ones these pairs tie.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from importlib.util import find_spec
from itertools import combinations, islice
from pathlib import Path
from typing import Any

from yukawa.data.deduplication import SHINGLE, choose_banding, find_duplicates
from yukawa.data.ngrams import split_words
from yukawa.data.rows import Document

THRESHOLD = 0.8
Groups = set[frozenset[str]]


def read_abstracts(count: int) -> list[Document]:
    """`count` documents, of which every eleventh is a changed copy of another."""
    folder = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data")) / "arxiv"
    if not folder.is_dir():
        sys.exit(f"{folder} is missing: set YUKAWA_TEST_DATA to the folder that holds arxiv/*.jsonl.gz")
    chance = random.Random(0)
    texts: list[str] = []
    for path in sorted(folder.glob("hep*.jsonl.gz")) + sorted(folder.glob("[!h]*.jsonl.gz")):
        with gzip.open(path, "rt") as lines:
            texts += (json.loads(line)["abstract"] for line in islice(lines, count - len(texts)))
    texts = [text for text in texts if text.strip()]
    texts = texts[: count * 10 // 11]
    texts += [changed(text, chance) for text in texts[::10]]
    made = datetime.date(2000, 1, 1)
    return [
        Document(id=f"{i:07}", text=text, source="arXiv metadata", created=made)
        for i, text in enumerate(texts)
    ]


def changed(text: str, chance: random.Random) -> str:
    """A copy with no, one, or up to five words replaced."""
    words = text.split()
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
        words[chance.randrange(len(words))] = "replaced"
    return " ".join(words)


def shingles(text: str) -> set[str]:
    words = split_words(text)
    return (
        {" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))}
        if words
        else set()
    )


def grouped(pairs: Iterable[tuple[str, str]]) -> Groups:
    """The sets that pairs tie together."""
    home: dict[str, frozenset[str]] = {}
    for pair in pairs:
        joined = frozenset().union(*(home.get(name, frozenset({name})) for name in pair))
        home.update(dict.fromkeys(joined, joined))
    return set(home.values())


def exhaustive(documents: list[Document]) -> tuple[int, Groups]:
    """How many pairs reach the threshold, and the groups; pairs without a common shingle need no comparison."""
    sets = [shingles(document.text) for document in documents]
    holders: dict[str, list[int]] = defaultdict(list)
    for i, found in enumerate(sets):
        for shingle in found:
            holders[shingle].append(i)
    common: Counter[tuple[int, int]] = Counter()
    for positions in holders.values():
        common.update(combinations(positions, 2))
    near = [
        (documents[i].id, documents[j].id)
        for (i, j), both in common.items()
        if both / (len(sets[i]) + len(sets[j]) - both) >= THRESHOLD
    ]
    return len(near), grouped(near)


def by_yukawa(documents: list[Document]) -> Groups:
    found = find_duplicates(documents, THRESHOLD)
    return {frozenset({group.kept, *group.dropped}) for group in found.groups}


def by_datasketch(documents: list[Document], hashed: Callable[[bytes], int] | None = None) -> Groups:
    from datasketch import MinHash, MinHashLSH

    banding = choose_banding(THRESHOLD)
    sets = [shingles(document.text) for document in documents]
    encoded = ([shingle.encode() for shingle in found] for found in sets)
    sketches = MinHash.bulk(encoded, num_perm=128, **({"hashfunc": hashed} if hashed else {}))
    index = MinHashLSH(num_perm=128, params=(banding.bands, banding.rows))
    near = []
    for i, sketch in enumerate(sketches):
        for j in index.query(sketch):
            both = len(sets[i] & sets[j])
            if both / (len(sets[i]) + len(sets[j]) - both) >= THRESHOLD:
                near.append((documents[i].id, documents[j].id))
        index.insert(i, sketch)
    return grouped(near)


def by_datasketch_and_xxhash(documents: list[Document]) -> Groups:
    import xxhash

    return by_datasketch(documents, xxhash.xxh32_intdigest)


SYSTEMS: dict[str, Callable[[list[Document]], Groups]] = {
    "yukawa": by_yukawa,
    "datasketch": by_datasketch,
    "datasketch + xxhash": by_datasketch_and_xxhash,
}


def child(system: str, count: int) -> None:
    """Measure one system in this process and print what came out."""
    documents = read_abstracts(count)
    find_duplicates(documents[:100]) if system == "yukawa" else SYSTEMS[system](documents[:100])
    before = memory("VmRSS")
    began = time.process_time()
    groups = SYSTEMS[system](documents)
    seconds = time.process_time() - began
    grown = memory("VmHWM") - before
    print(json.dumps({"seconds": seconds, "mb": grown, "groups": [sorted(group) for group in groups]}))


def memory(what: str) -> float:
    """VmRSS (held now) or VmHWM (held at most) of this process, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def measure(count: int, rounds: int) -> dict[str, Any]:
    documents = read_abstracts(count)
    pairs, right = exhaustive(documents)
    names = [name for name in SYSTEMS if name == "yukawa" or find_spec("datasketch")]
    if not find_spec("xxhash"):
        names.remove("datasketch + xxhash")
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    command = [sys.executable, __file__, "--documents", str(count), "--child"]
    for _ in range(rounds):
        for name in names:
            runs[name].append(json.loads(subprocess.check_output([*command, name], text=True)))
    rows = {name: summary(results, len(documents), right) for name, results in runs.items()}
    for row in rows.values():
        row["times yukawa's"] = row["seconds"] / rows["yukawa"]["seconds"]
    return {"documents": len(documents), "right pairs": pairs, "right groups": len(right), "systems": rows}


def summary(results: list[dict[str, Any]], documents: int, right: Groups) -> dict[str, float]:
    groups = {frozenset(group) for group in results[-1]["groups"]}
    seconds = statistics.median(result["seconds"] for result in results)
    return {
        "seconds": seconds,
        "documents/s": documents / seconds,
        "memory MB": statistics.median(result["mb"] for result in results),
        "right groups": len(groups & right),
        "wrong groups": len(groups - right),
        "missed groups": len(right - groups),
    }


def show(figures: dict[str, Any]) -> None:
    print(f"{figures['documents']} documents, {figures['right groups']} groups of near duplicates\n")
    columns = list(figures["systems"]["yukawa"])
    print(f"| system | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for name, row in figures["systems"].items():
        print(f"| {name} | {' | '.join(f'{row[column]:,.4g}' for column in columns)} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=110)
    )
    parser.add_argument("--documents", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    parser.add_argument("--child", choices=SYSTEMS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.child, arguments.documents)
        return
    figures = measure(arguments.documents, arguments.rounds)
    print(json.dumps(figures, indent=2)) if arguments.json else show(figures)


if __name__ == "__main__":
    main()
