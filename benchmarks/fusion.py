"""Measures the weight of the vectors' cosine against full text in the fused score of a search.

Run `python benchmarks/fusion.py`: for each weight it counts how many development questions have an accepted PDG
identifier among the first and the first five passages of `KnowledgeBase.search`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from answers import read_rows


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default="dev,train", help="question sets, not the one held out")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()

    from yukawa.knowledge import open_base
    from yukawa.knowledge.search import local_index

    base = open_base()
    rows = [row for name in options.sets.split(",") for row in read_rows(name, "answerable")]
    shares = []
    print("weight   first   first five")
    for step in range(0, 11):
        vars(local_index)["VECTOR_WEIGHT"] = step / 10
        first = five = 0
        for row in rows:
            accepted = {entry["pdgid"] for entry in row["accept"]}
            found = [
                hit.item_id.removeprefix("pdg:").split("#")[0] for hit in base.search(row["question"], k=5)
            ]
            first += bool(accepted & set(found[:1]))
            five += bool(accepted & set(found))
        shares.append({"weight": step / 10, "first": first / len(rows), "five": five / len(rows)})
        print("{weight:6.1f}  {first:6.1%}  {five:6.1%}".format(**shares[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(shares, indent=1))


if __name__ == "__main__":
    main()
