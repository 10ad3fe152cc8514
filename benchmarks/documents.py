"""Questions over taught documents: the share answered with the right statement, the share of the others refused."""

import argparse
import gzip
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from yukawa.core.statistics import wilson_estimate
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.documents.files import File
from yukawa.knowledge.documents.folders import file_item
from yukawa.knowledge.documents.spans import answer_from_documents

QUESTIONS = Path(__file__).parent / "questions"


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).casefold().strip()


def filled(folder: str, documents: Path, embedding: str) -> KnowledgeBase:
    """A base with every document, or the one that is there already."""
    base = KnowledgeBase.open(folder, embedding=embedding)
    if not base.list(limit=1):
        with gzip.open(documents, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        items = [
            file_item(File(r["text"], "markdown"), f"{r['repo']}/{r['path']}", licence=r["licence"])
            for r in rows
        ]
        base.change(items, actor="benchmark")
    return base


def share(part: int, whole: int) -> str:
    if not whole:
        return "0 of 0"
    found = wilson_estimate(part, whole)
    return f"{part} of {whole} ({found.value:.1%}, 95 % interval {found.low:.1%} to {found.high:.1%})"


def measure(base: KnowledgeBase, rows: list[dict[str, Any]]) -> None:
    right = first = wrong = refused = 0
    began = time.perf_counter()
    for row in rows:
        answer = answer_from_documents(row["question"], base)
        quotes = [plain(span.text) for span in answer.spans] if answer else []
        marks = [any(plain(span) in quote for span in row["spans"] or ()) for quote in quotes]
        if row["spans"] is None:
            refused += not quotes
        right, first, wrong = (
            right + any(marks),
            first + any(marks[:1]),
            wrong + (bool(quotes) and not any(marks)),
        )
        if bool(quotes) != bool(row["spans"]) or (quotes and not any(marks)):
            print(f"  {row['id']} {row['question']} -> {quotes[:1] or 'refused'}")
    answerable = sum(row["spans"] is not None for row in rows)
    print("right statement:", share(right, answerable))
    print("right statement quoted first:", share(first, answerable))
    print("not answered there, refused:", share(refused, len(rows) - answerable))
    print("of the answers given, wrong:", share(wrong, right + wrong))
    print(f"milliseconds a question: {1e3 * (time.perf_counter() - began) / len(rows):.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", type=Path, help="JSON Lines, gzip: repo, path, licence, text")
    parser.add_argument("--set", default="dev", choices=("dev", "test"))
    parser.add_argument("--embedding", default="none")
    parser.add_argument("--base", help="a folder to keep the base in")
    arguments = parser.parse_args()
    rows = [
        json.loads(line) for line in (QUESTIONS / f"documents_{arguments.set}.jsonl").open(encoding="utf-8")
    ]
    with (
        tempfile.TemporaryDirectory() as scratch,
        filled(arguments.base or scratch, arguments.documents, arguments.embedding) as base,
    ):
        measure(base, rows)


if __name__ == "__main__":
    main()
