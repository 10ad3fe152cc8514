"""From which coverage on the nearest passages of a refusal help: shown where the answer is in the base, silent where nothing is.

Run `python benchmarks/nearest.py DOCUMENTS --embedding none minilm`: each question over the documents is treated as if it
had been refused. For each floor it counts the answerable questions among whose nearest passages is one that holds the answer,
and the others for which any passage would be shown. `yukawa.knowledge.documents.spans.FLOOR` is where the first less
the second is largest.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from documents import filled, holds, read_rows, share

from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.documents.asking import asked
from yukawa.knowledge.documents.evidence import Weighing
from yukawa.knowledge.documents.spans import NEAREST, READ, SEARCHED

FLOORS = tuple(n / 20 for n in range(6, 20))


class Near(NamedTuple):
    """The passages near a question: coverage of each, best first, and whether it holds the answer; whether there is any."""

    answerable: bool
    passages: tuple[tuple[float, bool], ...]


def nearest(base: KnowledgeBase, rows: list[dict[str, Any]]) -> Iterator[Near]:
    """What comes near each question."""
    for row in rows:
        hits = base.search(row["question"], k=SEARCHED, kind="document")
        candidates = sorted(Weighing(asked(row["question"]), hits).candidates(READ), key=lambda c: -c.score)
        found = [(c.covered, holds(c.hit.text, row["spans"] or ())) for c in candidates]
        yield Near(row["spans"] is not None, tuple(found))


def measure(found: list[Near]) -> None:
    """Print, for each floor, what is shown where the base has the answer and where it does not."""
    print("floor  answer among those shown                            shown where there is none")
    for floor in FLOORS:
        shown = [
            (n.answerable, [right for covered, right in n.passages if covered >= floor][:NEAREST])
            for n in found
        ]
        helped = sum(any(rights) for answerable, rights in shown if answerable)
        noise = sum(bool(rights) for answerable, rights in shown if not answerable)
        answerable = sum(n.answerable for n in found)
        print(f"{floor:5.2f}  {share(helped, answerable):50}  {share(noise, len(found) - answerable)}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", type=Path, help="JSON Lines, gzip: repo, path, licence, text")
    parser.add_argument("--embedding", default=["none", "minilm"], nargs="+")
    parser.add_argument("--base", help="a folder to keep the bases in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for embedding in options.embedding:
            folder = str(Path(options.base or scratch) / embedding)
            with filled(folder, options.documents, embedding) as base:
                print(embedding)
                measure(list(nearest(base, read_rows("dev") + read_rows("test"))))


if __name__ == "__main__":
    main()
