"""arXiv's snapshot to clean abstracts, against pandas as FeynTune's notebook does it: time and memory.

Type `YUKAWA_TEST_DATA=FOLDER python benchmarks/data_abstracts.py`; FOLDER/arxiv holds abstracts as JSON Lines.
A file in the snapshot's format is made of them, rows repeated with other ids and some other words where they are
too few. Every way reads it in a process of its own, several rounds in turn:

* Yukawa: `select`, `DocumentSpool`, `distinct` with FeynTune's rules and deduplication.
* pandas, json.loads: a list of all rows, made into a DataFrame, as the notebook does it; then the same rules with
  `str.contains` and `str.replace`, and `drop_duplicates`.
* pandas, read_json: the same from `read_json(lines=True)`.

With --write the whole job is measured: split, three Parquet files (and our manifest and card).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

ARCHIVES = ("hep-th", "hep-ph", "gr-qc")  # the mixture s3
WAYS = ("yukawa", "pandas, json.loads", "pandas, read_json")
_NAMES = "Balázs Berger Nadolsky Yuan Müller Chen Kumar Rossi Sánchez Ivanov Tanaka Gonçalves".split()
_COMMENTS = ("37 pages, 15 figures; published version", "LaTeX, 12 pages", None, "4 pages, RevTeX", None)


def snapshot(data: Path, path: Path, rows: int, seed: int = 0) -> None:
    """Write a file in the snapshot's format."""
    generator = random.Random(seed)
    originals = list(abstracts(data))
    if not originals:
        sys.exit(f"{data}/arxiv holds no *.jsonl.gz (set YUKAWA_TEST_DATA)")
    generator.shuffle(originals)
    words = sorted({word for row in originals[:500] for word in row["abstract"].split()})
    with gzip.open(path, "wt", compresslevel=6) if path.suffix == ".gz" else open(path, "w") as out:
        for number in range(rows):
            out.write(
                json.dumps(
                    entry(originals[number % len(originals)], number // len(originals), words, generator)
                )
            )
            out.write("\n")


def abstracts(data: Path) -> Iterator[dict[str, Any]]:
    for file in sorted((data / "arxiv").glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def entry(row: dict[str, Any], again: int, words: list[str], generator: random.Random) -> dict[str, Any]:
    """One row as Kaggle has it; `again` is how often it was used before."""
    text = row["abstract"].split()
    if again and generator.random() < 0.98:  # the rest are exact duplicates
        for _ in range(3):
            text[generator.randrange(len(text))] = generator.choice(words)
    authors = [
        [generator.choice(_NAMES), f"{generator.choice('ABCDEFG')}.", ""]
        for _ in range(generator.randint(1, 7))
    ]
    dates = [f"Mon, {generator.randint(1, 28)} Apr 2007 19:18:42 GMT" for _ in range(generator.randint(1, 3))]
    return {
        "id": f"{row['id']}{f'.{again}' if again else ''}",
        "submitter": " ".join(authors[0][1::-1]),
        "authors": ", ".join(" ".join(author[1::-1]) for author in authors),
        "title": "\n  ".join(textwrap.wrap(row["title"], 70)),
        "comments": "withdrawn by the author" if generator.random() < 0.01 else generator.choice(_COMMENTS),
        "journal-ref": "Phys.Rev.D76:013009,2007",
        "doi": "10.1103/PhysRevD.76.013009",
        "report-no": None,
        "categories": " ".join(row["categories"]),
        "license": "http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
        "abstract": "  " + "\n".join(textwrap.wrap(" ".join(text), 77)) + "\n",
        "versions": [
            {"version": f"v{number}", "created": date} for number, date in enumerate(dates, start=1)
        ],
        "update_date": "2008-11-26",
        "authors_parsed": authors,
    }


def yukawa(path: Path, out: Path | None) -> int:
    from collections import Counter
    from dataclasses import replace

    from yukawa.data.abstracts import build_abstracts
    from yukawa.data.arxiv import FEYNTUNE, read_papers, select
    from yukawa.data.spool import DocumentSpool, distinct

    method = replace(FEYNTUNE, drop_repeats=True)
    if out is not None:
        return build_abstracts([path], out / "yukawa", mixture="s3", method=method).manifest.rows
    with DocumentSpool(path.parent) as pool:
        for document in select(read_papers(path), method, ARCHIVES, Counter()):
            pool.add(document)
        return len(distinct(pool, method.drop_repeats)[0])


def pandas(path: Path, out: Path | None, by_rows: bool) -> int:
    import pandas as pd

    if by_rows:
        rows = []
        with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as lines:
            for line in lines:
                rows.append(json.loads(line))
        frame = pd.DataFrame(rows)
        del rows
    else:
        frame = pd.read_json(path, lines=True, dtype=False)
    primary = frame["categories"].str.split(" ").str[0]
    chosen = primary.str.contains(ARCHIVES[0], regex=False)
    for archive in ARCHIVES[1:]:
        chosen |= primary.str.contains(archive, regex=False)
    frame = frame[chosen]
    frame = frame[~frame["comments"].str.contains("withdrawn", case=False, na=False)]
    frame = frame[~frame["abstract"].str.contains("Withdrawn|withdrawn")]
    frame["abstract"] = frame["abstract"].str.replace(r"\n\s*", " ", regex=True).str.strip()
    frame = frame.drop_duplicates(subset="abstract")
    if out is not None:
        frame = frame[["id", "abstract", "title", "categories"]].sample(frac=1, random_state=42)
        train, held = int(0.7 * len(frame)), int(0.85 * len(frame))
        for name, part in (
            ("train", frame[:train]),
            ("validation", frame[train:held]),
            ("test", frame[held:]),
        ):
            part.to_parquet(out / f"{name}.parquet")
    return len(frame)


def run(*arguments: str) -> str:
    """This script in a process of its own, whose peak of memory is then its own."""
    return subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def child(way: str, path: Path, write: bool) -> None:
    """One way in this process; prints seconds, seconds of the processor, peak memory and documents."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        out = Path(folder) if write else None
        start, used = time.perf_counter(), time.process_time()
        count = yukawa(path, out) if way == "yukawa" else pandas(path, out, way.endswith("loads"))
        seconds, used = time.perf_counter() - start, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": seconds, "processor": used, "memory": peak, "documents": count}))


def measure(path: Path, rounds: int, write: bool) -> dict[str, dict[str, float]]:
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS if number % 2 == 0 else reversed(WAYS):
            done = run("--child", way, "--snapshot", str(path), *["--write"] * write)
            found[way].append(json.loads(done))
    return {
        way: {key: statistics.median(one[key] for one in ones) for key in ones[0]}
        for way, ones in found.items()
    }


def table(result: dict[str, Any]) -> str:
    ours = result["ways"]["yukawa"]
    lines = [
        f"{result['rows']:,} rows, {result['bytes'] / 1e6:,.0f} MB, medians of {result['rounds']} rounds"
        f"{', data set written' if result['write'] else ''}; Python {result['python']}, pandas {result['pandas']}",
        "",
        "| way | s | s of processor | times ours | peak MB | times ours | documents |",
        "|---|---|---|---|---|---|---|",
    ]
    for way, one in result["ways"].items():
        lines.append(
            f"| {way} | {one['seconds']:.2f} | {one['processor']:.2f} | {one['processor'] / ours['processor']:.1f} "
            f"| {one['memory'] / 1e6:,.0f} | {one['memory'] / ours['memory']:.1f} | {one['documents']:,.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="measure the whole job, Parquet files included")
    parser.add_argument("--gzip", action="store_true", help="a compressed snapshot")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data"))
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--child", choices=(*WAYS, "make"), help=argparse.SUPPRESS)
    parser.add_argument("--snapshot", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child == "make":
        snapshot(given.data, given.snapshot, given.rows)
        return
    if given.child:
        child(given.child, given.snapshot, given.write)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"snapshot.json{'.gz' if given.gzip else ''}"
        run("--child", "make", "--snapshot", str(path), "--rows", str(given.rows), "--data", str(given.data))
        result = {
            "rows": given.rows,
            "bytes": path.stat().st_size,
            "rounds": given.rounds,
            "write": given.write,
            "python": platform.python_version(),
            "pandas": version("pandas"),
            "ways": measure(path, given.rounds, given.write),
        }
    print(table(result))
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
