"""Full text by the index of Yukawa beside SQLite's FTS5, over the same terms of the same base, in turn in one run.

Run `python benchmarks/fulltext.py --base search-bases/100000` on a base that search.py has built. FTS5 is tried in two
forms: with the lengths of passages, as its bm25() needs, and without a copy of text and lengths, which is quicker and
ranks by term frequencies alone, so that the best 300 would still have to be ranked exactly.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import time
from pathlib import Path

import numpy as np
import search_data as data

from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.parsing import read
from yukawa.knowledge.search.local_index import LocalIndex, _best_by_words
from yukawa.knowledge.search.ranking import CANDIDATES, weighted_terms

_TOKENS = (
    "ascii tokenchars '"
    + "".join(map(chr, range(33, 127))).translate({ord("'"): "''''", ord('"'): '""'})
    + "'"
)
_FORMS = {"FTS5, bm25 with lengths": "", "FTS5 without lengths": ", content='', columnsize=0"}
_KEPT = 300


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="folder of a base that search.py built")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    asked = [tuple(dict.fromkeys(read(q).terms())) for q in data.questions() + data.corpus(0).titles]
    full_text = sqlite3.connect(":memory:")
    with KnowledgeBase.open(options.base) as base, base.store.read() as connection:
        index = base._serving.index(connection)
        assert isinstance(index, LocalIndex)
        index._refresh(connection)
        rows = list(connection.exec_driver_sql("SELECT id, terms FROM passages"))
    for number, form in enumerate(_FORMS.values()):
        full_text.execute(f'CREATE VIRTUAL TABLE t{number} USING fts5(terms{form}, tokenize="{_TOKENS}")')
        full_text.executemany(f"INSERT INTO t{number} (rowid, terms) VALUES (?, ?)", rows)
    took: dict[str, list[float]] = {name: [] for name in ("Yukawa", *_FORMS)}
    shared: dict[str, list[float]] = {name: [] for name in _FORMS}
    for terms in filter(None, asked):
        start = time.perf_counter()
        mine, kept = _own(index, terms)
        took["Yukawa"].append(time.perf_counter() - start)
        wanted = " OR ".join('"' + term.replace('"', '""') + '"' for term in kept)
        for number, name in enumerate(_FORMS):
            start = time.perf_counter()
            query = f"SELECT rowid FROM t{number} WHERE t{number} MATCH ? ORDER BY rank LIMIT {_KEPT}"
            found = {row[0] for row in full_text.execute(query, (wanted,))}
            took[name].append(time.perf_counter() - start)
            shared[name].append(len(mine & found) / max(len(mine), 1))
    ways: dict[str, dict[str, float]] = {}
    print(f"{len(rows):,} passages, {len(took['Yukawa'])} questions")
    for name, seconds in took.items():
        p50, p95 = (1e3 * float(np.percentile(seconds, p)) for p in (50, 95))
        ways[name] = {"p50_ms": p50, "p95_ms": p95}
        also = ""
        if name in shared:
            ways[name]["shared"] = float(np.mean(shared[name]))
            also = f", {ways[name]['shared']:.1%} of our best {CANDIDATES} among its best {_KEPT}"
        print(f"{name}: p50 {p50:.2f} ms, p95 {p95:.2f} ms{also}")
    if options.json:
        options.json.write_text(json.dumps({"passages": len(rows), "ways": ways}, indent=1))


def _own(index: LocalIndex, terms: tuple[str, ...]) -> tuple[set[int], list[str]]:
    """The passages that rank highest by words, and the terms that the budget of postings keeps."""
    segments = index._segments
    count = index._count()
    weighted = weighted_terms(((sum(s.frequency(t) for s in segments), t) for t in terms), count)
    mean_length = sum(s.words for s in segments) / count
    best: set[int] = set()
    for segment in segments:
        scores, touched = segment.bm25(weighted, mean_length)
        rows = _best_by_words(scores, touched[segment.current[touched]], CANDIDATES, len(weighted))
        best |= set(segment.passage_ids[rows].tolist())
    return best, [term for term, _ in weighted]


if __name__ == "__main__":
    main()
