"""Questions over taught documents: the share answered with the right statement, the share of the others refused.

With `--fit` the weights of `yukawa.knowledge.documents.evidence` are fitted anew on all sets of questions: a softmax over
all statements of the passages found and "none of them", with an L2 penalty; in a base with vectors over the few whose meaning is
compared, so that the weights without vectors are fitted first. A question counts twice, the second time, with a weight
of .3, without the document that answers it. The figures printed with the weights are of cross-validation by question and by set: a
set is answered with what the others taught, threshold included. That is what to expect of questions that nobody has seen.
"""

import argparse
import gzip
import json
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from yukawa.core.statistics import wilson_estimate
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.documents.asking import asked
from yukawa.knowledge.documents.evidence import (
    WEIGHTS,
    WEIGHTS_WITH_MEANING,
    Candidate,
    Embed,
    Weighing,
    with_meaning,
)
from yukawa.knowledge.documents.files import File
from yukawa.knowledge.documents.folders import file_item
from yukawa.knowledge.documents.spans import (
    BESIDE,
    READ,
    SEARCHED,
    STATEMENTS,
    answer_from_documents,
    meaning_of,
    quoted,
)
from yukawa.knowledge.records import Hit

QUESTIONS = Path(__file__).parent / "questions"
SETS = ("dev", "test", "fresh", "more")
WITHOUT, PENALTY, FOLDS, REFUSED = 0.3, 0.05, 8, 0.95


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
        quotes = [span.text for span in answer.spans] if answer else []
        marks = [holds(quote, row["spans"] or ()) for quote in quotes]
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


# ---- fitting the weights -------------------------------------------------------------------------


@dataclass(frozen=True)
class Example:
    """A question with the evidence of every statement that may answer it.

    Attributes:
        evidence: (statements, weights), no row where a word of the question occurs nowhere.
        right: (statements,), which of them answer.
        answerable: whether any is expected to.
        weight: of the question in the fit.
    """

    id: str
    evidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    answerable: bool
    weight: float


def examples(base: KnowledgeBase, rows: Sequence[dict[str, Any]]) -> Iterator[Example]:
    """Each question with and, if it is answerable, without the document that answers it."""
    embed = meaning_of(base)
    for row in rows:
        hits = base.search(row["question"], k=SEARCHED, kind="document")
        yield example(row, hits, row["spans"] or (), 1.0, embed)
        if row["spans"]:
            holding = {hit.item_id for hit in hits if holds(hit.text, row["spans"])}
            yield example(row, [hit for hit in hits if hit.item_id not in holding], (), WITHOUT, embed)


def example(
    row: dict[str, Any], hits: Sequence[Hit], spans: Sequence[str], weight: float, embed: Embed | None
) -> Example:
    weighing = Weighing(asked(row["question"]), hits)
    found: list[Candidate] = [] if weighing.misses_a_name() else list(weighing.candidates(READ))
    if embed is not None and found:
        found = with_meaning(row["question"], sorted(found, key=lambda c: -c.score), embed)
    names = WEIGHTS_WITH_MEANING if embed is not None else WEIGHTS
    evidence = np.array([[c.evidence[name] for name in names] for c in found]).reshape(-1, len(names))
    right = np.array([holds(quoted(c), spans) for c in found], bool)
    return Example(row["id"], evidence, right, bool(spans), weight)


def holds(text: str, spans: Sequence[str]) -> bool:
    """Whether `text` quotes any of the spans: its words in a row or, of the row of a table, every cell."""
    text = plain(text)
    return any(
        all(plain(cell) in text for cell in span.split("|")) if span.startswith("|") else plain(span) in text
        for span in spans
    )


def fitted(chosen: Sequence[Example]) -> NDArray[np.float64]:
    """The weights of the largest likelihood; questions without a right statement are omitted."""
    usable = [e for e in chosen if len(e.evidence) and (e.right.any() or not e.answerable)]

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, gradient = 0.0, np.zeros_like(weights)
        for e in usable:
            scores = e.evidence @ weights
            top = max(scores.max(), 0.0)
            powers, none = np.exp(scores - top), np.exp(-top)
            whole = powers.sum() + none
            wanted = powers * e.right if e.answerable else np.zeros_like(powers)
            likelihood = (wanted.sum() if e.answerable else none) / whole
            total -= e.weight * np.log(likelihood + 1e-300)
            expected = wanted / wanted.sum() if e.answerable else wanted
            gradient += e.weight * (e.evidence.T @ (powers / whole - expected))
        penalty = np.where(np.arange(len(weights)), PENALTY, 0.0)  # none for "one"
        return total + (penalty * weights**2).sum(), gradient + 2 * penalty * weights

    weights: NDArray[np.float64] = minimize(
        loss, np.zeros(usable[0].evidence.shape[1]), jac=True, method="L-BFGS-B"
    ).x
    return weights


@dataclass(frozen=True)
class Outcome:
    """How a question that was not fitted came out: the best score, and whether any statement answers that is quoted for it."""

    answerable: bool
    score: float
    right: bool


def outcomes(found: Sequence[Example], names: Sequence[str], folds: int = FOLDS) -> list[Outcome]:
    """Cross-validation: each of the parts of `names` with the weights fitted on the others."""
    best: list[Outcome] = []
    for fold in range(folds):
        apart = set(names[fold::folds])
        weights = fitted([e for e in found if e.id not in apart])
        best += [outcome(e, weights) for e in found if e.id in apart and e.weight == 1.0]
    return best


def outcome(e: Example, weights: NDArray[np.float64]) -> Outcome:
    if not len(e.evidence):
        return Outcome(e.answerable, -99.0, False)
    scores = e.evidence @ weights
    first = np.argsort(-scores)[:STATEMENTS]
    return Outcome(
        e.answerable, float(scores.max()), bool(e.right[first[scores[first] >= scores.max() - BESIDE]].any())
    )


def bias(best: Sequence[Outcome], refused: float = REFUSED) -> float:
    """The score below which this share of the questions that are not answered there stays."""
    return float(np.quantile([o.score for o in best if not o.answerable], refused))


def report(best: Sequence[Outcome], threshold: float) -> None:
    answerable, others = ([o for o in best if o.answerable == wanted] for wanted in (True, False))
    print(
        "  right statement quoted:",
        share(sum(o.right and o.score >= threshold for o in answerable), len(answerable)),
    )
    print("  not answered there, refused:", share(sum(o.score < threshold for o in others), len(others)))


def fit(found: Sequence[Example], evidence: Sequence[str]) -> None:
    """Print what cross-validation finds, by question and by set, and the weights, with a threshold of 0."""
    names = sorted({e.id for e in found})
    np.random.default_rng(0).shuffle(names)
    best = outcomes(found, names)
    threshold = bias(best)
    print("by question, eight folds")
    for refused in (0.98, REFUSED, 0.9, 0.8):
        report(best, bias(best, refused))
    for apart in SETS:
        of_set = {n for n in names if n.startswith(f"docs-{apart}-")}
        others = [e for e in found if e.id not in of_set]
        weights = fitted(others)
        own = bias(outcomes(others, [n for n in names if n not in of_set]))
        print(f"{apart}, fitted on the other sets")
        report([outcome(e, weights) for e in found if e.id in of_set and e.weight == 1.0], own)
    weights = fitted(found)
    weights[0] -= threshold
    print(json.dumps(dict(zip(evidence, weights.round(2).tolist(), strict=True)), indent=4))


def read_rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (QUESTIONS / f"documents_{name}.jsonl").open(encoding="utf-8")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", type=Path, help="JSON Lines, gzip: repo, path, licence, text")
    parser.add_argument("--set", default="dev", choices=SETS)
    parser.add_argument("--embedding", default=["none"], nargs="+", help="one or more")
    parser.add_argument("--base", help="a folder to keep the bases in")
    parser.add_argument("--fit", action="store_true", help="fit the weights")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for embedding in arguments.embedding:
            folder = str(Path(arguments.base or scratch) / embedding)
            with filled(folder, arguments.documents, embedding) as base:
                print(embedding)
                if arguments.fit:
                    rows = [row for name in SETS for row in read_rows(name)]
                    fit(
                        list(examples(base, rows)),
                        list(WEIGHTS if meaning_of(base) is None else WEIGHTS_WITH_MEANING),
                    )
                else:
                    measure(base, read_rows(arguments.set))


if __name__ == "__main__":
    main()
