"""Titles and abstracts with the field that each belongs to, and the folds in which they are tested.

A field with categories of its own on arXiv takes the papers whose first category is one of them, and whose other categories
are of no other field; where they are, a paper belongs to both and is kept for a figure of its own. Synchrotron radiation and
neutron science have no category: their papers were found by words ('X-ray', 'undulator', 'neutron', …) and labelled one by
one from the title and the line of the abstract that holds the word (`questions/field_papers.tsv`, where '-' is a paper that
is on the edge of one of these two and is omitted everywhere). The former is the light of synchrotrons and free-electron
lasers: how it is made, its optics and detectors, and what is measured with it; the latter is sources of neutrons, their
optics, detectors of slow ones, scattering, imaging, and ultracold neutrons.
The metadata of arXiv are in the public domain (CC0).
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.data.fields import field_of_category

QUESTIONS = Path(__file__).parent / "questions"
NONE = "none"
TESTED = 100  # papers of each field; of the smallest there are 101
FOLDS = 5
FILES = ("hep_1991_2019", "cs", "qbio", "other")
_GENERAL = {
    "experimental physics",
    "accelerator physics",
    "particle astrophysics",
}  # are mostly listed under particle physics too


@dataclass(frozen=True)
class Paper:
    """A paper of one field, of two (`second`), or of none of the eight."""

    id: str
    title: str
    abstract: str
    field: str
    second: str = ""

    @property
    def order(self) -> str:
        """A random number that is always the same: papers are drawn in its order."""
        return hashlib.sha256(self.id.encode()).hexdigest()


def read_papers(folder: Path) -> list[Paper]:
    """Every paper whose field is known; one of several versions and of papers with the same title or abstract."""
    with (QUESTIONS / "field_papers.tsv").open(encoding="utf-8") as lines:
        read_by_eye = {row["arxiv"]: row["field"] for row in csv.DictReader(lines, delimiter="\t")}
    seen: set[str] = set()
    found = []
    for row in _rows(folder):
        same = {row["id"], _letters(row["title"]), _letters(row["abstract"])[:200]}
        if seen & same or "withdrawn" in row["abstract"][:300].lower():
            continue
        seen |= same
        if paper := _paper(row, read_by_eye.get(row["id"])):
            found.append(paper)
    return found


def to_learn(papers: list[Paper]) -> list[Paper]:
    """The papers of one field, in a random order that is always the same."""
    return sorted((p for p in papers if not p.second), key=lambda p: p.order)


def folds(papers: list[Paper]) -> list[tuple[list[Paper], list[Paper]]]:
    """Papers to learn from and papers to test, fold by fold: TESTED of each field, each tested in one fold, learned in the others."""
    own = to_learn(papers)
    fields = sorted({p.field for p in own})
    tested = [p for field in fields for p in [p for p in own if p.field == field][:TESTED]]
    found = []
    for fold in range(FOLDS):
        part = tested[fold::FOLDS]
        ids = {p.id for p in part}
        found.append(([p for p in own if p.id not in ids], part))
    return found


def read_questions(name: str) -> list[dict[str, str]]:
    """The questions of the set 'dev' or 'test': field, kind, question."""
    with (QUESTIONS / "fields.tsv").open(encoding="utf-8") as lines:
        return [row for row in csv.DictReader(lines, delimiter="\t") if row["set"] == name]


def _paper(row: dict[str, Any], by_eye: str | None) -> Paper | None:
    about = (row["id"], row["title"], row["abstract"])
    if by_eye is not None:
        return None if by_eye == "-" else Paper(*about, by_eye)
    field = field_of_category(row["primary"])
    if not field:
        return None
    others = {field_of_category(c) for c in row["categories"]} - {field, NONE, ""}
    if field in _GENERAL:
        others.discard("particle physics")
    if field == NONE:
        return None if others else Paper(*about, field)
    return Paper(*about, field, min(others, default=""))


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    for name in FILES:
        with gzip.open(folder / "arxiv" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())
