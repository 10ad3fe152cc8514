"""Measures which field texts and questions are sorted into (`yukawa.knowledge.routing`), and which kind questions are.

    python benchmarks/routing.py --json FILE          # --peers bayes minilm: two other classifiers, too

Texts are papers (`field_texts.py`): title and abstract, abstract alone, title alone. Each is sorted by a model that was
trained as the one in the package is (`tools/fields.py`), but without it: five models, each tested on a fifth. Right is the
paper's field; 'unknown' counts as missed. Questions were written beforehand, by hand, and sorted by the package's model.
Prints the confusion, rows what it is, columns what it is said to be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from field_texts import NONE, Paper, folds, read_papers, read_questions

from yukawa.core.statistics import wilson_estimate
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.kinds import kind_of
from yukawa.knowledge.records import DOMAINS
from yukawa.knowledge.routing import UNKNOWN, FieldModel, features, field_of

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import fields

Sorter = Callable[[Sequence[str]], list[str]]
Parts = Sequence[tuple[Sequence[Paper], Sequence[Paper]]]  # what is learned, what is tested
ROUNDS = 1_000  # of the bootstrap
PEERS = ("bayes", "minilm")


def ours(texts: Sequence[str]) -> list[str]:
    return [field_of(text).field for text in texts]


def trained(learned: Sequence[Paper], others: Sequence[fields.Text]) -> Sorter:
    """A model trained on other papers than the package's."""
    model = FieldModel(**fields.trained(learned, others))
    return lambda texts: [model.guess(features(text)).field for text in texts]


def scores(truth: Sequence[str], said: Sequence[str], names: Sequence[str] = DOMAINS) -> dict[str, Any]:
    """Macro-F1 over `names` with a 95 % bootstrap interval, precision and recall of each with Wilson intervals, the confusion."""
    pairs = np.array(list(zip(truth, said, strict=True)))
    rows = {}
    for name in names:
        hits = sum(t == s == name for t, s in pairs)
        there, called = truth.count(name), list(said).count(name)
        rows[name] = {
            "texts": there, "f1": 2 * hits / (there + called), "recall": interval(hits, there), "precision": interval(hits, called)
        }  # fmt: skip
    random = np.random.default_rng(0)
    again = [macro_f1(pairs[random.integers(len(pairs), size=len(pairs))], names) for _ in range(ROUNDS)]
    columns = sorted({*truth, *said}, key=lambda name: [*names, NONE, UNKNOWN, name].index(name))
    counts = Counter(zip(truth, said, strict=True))
    return {
        "macro_f1": macro_f1(pairs, names), "interval": np.quantile(again, [0.025, 0.975]).tolist(), "fields": rows,
        "confusion": {t: {s: counts[t, s] for s in columns if counts[t, s]} for t in columns if t in truth},
    }  # fmt: skip


def macro_f1(pairs: np.ndarray, names: Sequence[str]) -> float:
    """The mean of F1 over `names`, from rows of truth and answer."""
    found = []
    for name in names:
        truth, said = pairs[:, 0] == name, pairs[:, 1] == name
        found.append(2 * (truth & said).sum() / max(1, truth.sum() + said.sum()))
    return float(np.mean(found))


def interval(part: int, whole: int) -> list[float]:
    """Share and its 95 % interval (Wilson)."""
    if not whole:
        return [0.0, 0.0, 1.0]
    estimate = wilson_estimate(part, whole)
    return [estimate.value, estimate.low, estimate.high]


def whole(paper: Paper) -> str:
    return f"{paper.title}\n{paper.abstract}"


VIEWS: dict[str, Callable[[Paper], str]] = {
    "title and abstract": whole, "abstract": lambda p: p.abstract, "title": lambda p: p.title
}  # fmt: skip


def on_papers(parts: Parts, others: Sequence[fields.Text]) -> dict[str, dict[str, Any]]:
    """The scores on whole texts, and on parts of them, each sorted by a model that did not learn it."""
    said: dict[str, list[str]] = {view: [] for view in VIEWS}
    for learned, tested in parts:
        sorter = trained(learned, others)
        for view, text in VIEWS.items():
            said[view] += sorter(list(map(text, tested)))
    truth = [p.field for _, tested in parts for p in tested]
    return {view: scores(truth, found) for view, found in said.items()}


def on_two_fields(papers: Sequence[Paper]) -> dict[str, Any]:
    """The share of papers of two fields that are sorted into one of them."""
    both = sorted((p for p in papers if p.second), key=lambda p: p.order)[:600]
    said = ours(list(map(whole, both)))
    hits = sum(s in (p.field, p.second) for p, s in zip(both, said, strict=True))
    return {"texts": len(both), "either": interval(hits, len(both)), "unknown": said.count(UNKNOWN)}


def on_questions() -> dict[str, Any]:
    """Right, unknown and wrong on the questions of the set 'test': by their words, and with the plan where there is one."""
    rows = read_questions("test")
    truth = [row["field"] for row in rows]
    plans = [plan(row["question"]) for row in rows]
    words = ours([row["question"] for row in rows])
    planned = ["particle physics" if p.complete else s for p, s in zip(plans, words, strict=True)]
    found = {}
    for way, said in (("words", words), ("words and plan", planned)):
        inside = [(t, s) for t, s in zip(truth, said, strict=True) if t != NONE]
        outside = [s for t, s in zip(truth, said, strict=True) if t == NONE]
        found[way] = {
            "right": interval(sum(t == s for t, s in inside), len(inside)),
            "unknown": interval(sum(s == UNKNOWN for _, s in inside), len(inside)),
            "of none, unknown": interval(outside.count(UNKNOWN), len(outside)),
            **scores(truth, said),
            "wrong": [[r["question"], s] for r, s in zip(rows, said, strict=True) if s != r["field"].replace(NONE, UNKNOWN)],
        }  # fmt: skip
    kinds = [row["kind"] for row in rows]
    said = [kind_of(p) for p in plans]
    right = interval(sum(t == s for t, s in zip(kinds, said, strict=True)), len(kinds))
    found["kinds"] = {"right": right, **scores(kinds, said, sorted({*kinds}))}
    return found


def speed(papers: Sequence[Paper]) -> dict[str, float]:
    """Milliseconds of processor time to import the module and read the weights in a new process, of a text and of a question."""
    code = (
        "import time; import yukawa.knowledge.items; t = time.process_time(); "
        "from yukawa.knowledge.routing import field_of; field_of('neutron'); print(1e3 * (time.process_time() - t))"
    )
    loads = [float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
             for _ in range(7)]  # fmt: skip
    found = {"first_ms": float(np.median(loads))}
    questions = [row["question"] for row in read_questions("test")]
    for name, texts in (
        ("text_ms", list(map(whole, papers))),
        ("question_ms", questions),
    ):
        began = time.process_time()
        ours(texts)
        found[name] = 1e3 * (time.process_time() - began) / len(texts)
    return found


def first_of_each(papers: Sequence[Paper], most: int) -> list[Paper]:
    """At most this many papers of each field."""
    counts: Counter[str] = Counter()
    found = []
    for paper in sorted(papers, key=lambda p: p.order):
        counts[paper.field] += 1
        if counts[paper.field] <= most:
            found.append(paper)
    return found


def peers(parts: Parts, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Two other classifiers on the same papers: word counts with complement naive Bayes, and MiniLM vectors of 200 a field."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import ComplementNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.utils.class_weight import compute_sample_weight

    from yukawa.embedding import open_embedder

    embed = FunctionTransformer(open_embedder("minilm").embed)
    ways = {
        "bayes": ("word counts, complement naive Bayes",
            4_000, make_pipeline(CountVectorizer(min_df=2, stop_words="english"), ComplementNB()),
        ),
        "minilm": ("MiniLM vectors, logistic regression",
            200, make_pipeline(embed, LogisticRegression(C=30, max_iter=1000)),
        ),
    }  # fmt: skip
    truth = [p.field for _, tested in parts for p in tested]
    found = {}
    for name, most, model in map(ways.__getitem__, names):
        said: list[str] = []
        for learned, tested in parts:
            used = first_of_each(learned, most)
            own = [p.field for p in used]
            even = {f"{model.steps[-1][0]}__sample_weight": compute_sample_weight("balanced", own)}
            model.fit(list(map(whole, used)), own, **even)
            said += [str(s).replace(NONE, UNKNOWN) for s in model.predict(list(map(whole, tested)))]
        found[name] = scores(truth, said)
    return found


def show(name: str, figures: dict[str, Any]) -> None:
    """One table of scores and the confusion."""
    low, high = figures["interval"]
    print(f"\n{name}: macro-F1 {figures['macro_f1']:.3f} (95 % interval {low:.3f} to {high:.3f})")
    for field, row in figures["fields"].items():
        shown = "  ".join(
            f"{what} {row[what][0]:.2f} ({row[what][1]:.2f} to {row[what][2]:.2f})"
            for what in ("precision", "recall")
        )
        print(f"  {field:24} {row['texts']:4} texts  F1 {row['f1']:.2f}  {shown}")
    for truth, said in figures["confusion"].items():
        print(f"  {truth:24} -> " + ", ".join(f"{s} {n}" for s, n in said.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--peers", nargs="+", choices=PEERS, default=(), help="also train these on the same texts"
    )
    parser.add_argument("--json", metavar="FILE", type=Path)
    given = parser.parse_args()
    folder = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data"))
    papers = read_papers(folder)
    parts = folds(papers)
    figures = {
        "papers": on_papers(parts, fields.other_texts(folder)),
        "two_fields": on_two_fields(papers),
        "questions": on_questions(),
        "speed": speed([p for _, tested in parts for p in tested]),
    }
    if given.peers:
        figures["peers"] = peers(parts, given.peers)
    for view, found in figures["papers"].items():
        show(view, found)
    for name, found in figures["questions"].items():
        show(f"questions, {name}", found)
    for name, found in figures.get("peers", {}).items():
        show(name, found)
    print(json.dumps({name: figures[name] for name in ("two_fields", "speed")}))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
