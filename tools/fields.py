"""Trains the classifier of fields (`yukawa.knowledge.routing`) and writes its weights; needs scikit-learn and wordfreq.

    python tools/fields.py ../shared/data

The folder holds `arxiv` (titles and abstracts, CC0) and `kb` (documents on software for high-energy physics, CC BY 4.0,
Apache-2.0 and MIT), which are read, not copied. Everyday words by their frequency are those of the package `wordfreq`
(CC BY-SA 4.0). `fields.txt` beside this file holds what people call things, facilities above all, that abstracts of
before 2020 hardly name. The threshold is that at which the questions of the set 'dev' are sorted best. All papers are
learned; `benchmarks/routing.py` tests each by a model that is trained in the same way on others.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from wordfreq import get_frequency_dict

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "benchmarks"))

from field_texts import NONE, Paper, read_papers, read_questions, to_learn  # noqa: E402

from yukawa.knowledge.records import DOMAINS  # noqa: E402
from yukawa.knowledge.routing import DATA, UNKNOWN, FieldModel, features  # noqa: E402

CLASSES = (*DOMAINS, NONE)
PAPERS = 4_000  # of a field, at most
SEEN = 5  # texts that a word or pair occurs in, at least
WORDS = 30_000  # features that are kept
STRENGTH = 1.0  # inverse of the regularisation; this and the next two were chosen on a part of the papers to learn from
RARITY = 1.5  # power of a feature's inverse document frequency by which it is scaled
NONE_COUNTS = 0.6  # what belonging to none counts, beside a field
FOLDS, HELD = 3, 300  # of the calibration, and papers of a field held out in each, at most
GLOSSARY = 6  # times that a line of fields.txt counts as a text of three of its words
SECTION = 1_500  # characters of a document that are a text
EVERYDAY = 4_000  # texts of everyday words
SEED = 7
# Words that a question is made of and that tell no field.
FRAME = set(
    "a about after all also an and any are as at be because been before between both but by can could did do does each else few "
    "first for from get give given had has have he her his how i if in into is it its just know let like list me mean might "
    "more most much must my name no not of on one only or other our out please s say shall she should show so some such t tell than "
    "that the their them then there these they this those through to too two under up us use used using very was way we were "
    "what when where which while who whom whose why will with within without would you your".split()
)


@dataclass(frozen=True)
class Text:
    """A text to learn from: its features, its class, and how much it counts."""

    features: list[str]
    field: str
    weight: float


def papers_texts(papers: Iterable[Paper]) -> list[Text]:
    """Each paper as a whole, its title, and two pieces of its abstract as short as a question."""
    chance = random.Random(SEED)
    counts: Counter[str] = Counter()
    found = []
    for paper in sorted(papers, key=lambda p: p.order):
        counts[paper.field] += 1
        if counts[paper.field] > PAPERS:
            continue
        words = paper.abstract.split()
        found.append(Text(kept(f"{paper.title}\n{paper.abstract}"), paper.field, 1.0))
        found.append(Text(kept(paper.title), paper.field, 0.5))
        for _ in range(2):
            start = chance.randrange(max(1, len(words) - 12))
            found.append(Text(kept(" ".join(words[start : start + 12])), paper.field, 0.25))
    return found


def other_texts(folder: Path) -> list[Text]:
    """The documents on software, the glossary, and what is of no field."""
    chance = random.Random(SEED)
    found = []
    with gzip.open(folder / "kb/hep_software_docs.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            text = row["text"]
            found += [
                Text(kept(text[i : i + SECTION]), "computer science", 0.3)
                for i in range(0, len(text), SECTION)
            ]
    for line in (HERE / "fields.txt").read_text(encoding="utf-8").splitlines():
        field, _, words = line.partition(": ")
        terms = words.split(", ")
        found += [Text(kept(term), field, 0.5) for term in terms]
        found += [
            Text(kept(", ".join(chance.sample(terms, 3))), field, 0.5) for _ in range(GLOSSARY * len(terms))
        ]
    everyday = {w: f**0.7 for w, f in get_frequency_dict("en").items() if w not in FRAME and f > 2e-6}
    for _ in range(EVERYDAY):
        drawn = chance.choices(list(everyday), list(everyday.values()), k=chance.randint(2, 8))
        found.append(Text([w for w in features(" . ".join(drawn)) if " " not in w], NONE, 1.0))
    return found


def kept(text: str) -> list[str]:
    """The features of a text without those that hold a word of a question's frame."""
    return [f for f in features(text) if FRAME.isdisjoint(f.split())]


def fitted(texts: Sequence[Text], vocabulary: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Weights, one row a class, and offsets of a model in which every class counts alike, those of none less.

    Rare features are scaled up, so that the regularisation leaves them larger weights.
    """
    seen = Counter(f for text in texts for f in text.features)
    rarity = np.log(len(texts) / np.array([max(seen[f], 1) for f in vocabulary]))
    scale = (rarity / rarity.mean()) ** RARITY
    rows = matrix([t.features for t in texts], vocabulary).multiply(scale[np.newaxis]).tocsr()
    totals = {text.field: 0.0 for text in texts}
    for text in texts:
        totals[text.field] += text.weight
    even = {field: len(texts) / len(totals) / total for field, total in totals.items()}
    even[NONE] *= NONE_COUNTS
    model = LogisticRegression(C=STRENGTH, max_iter=300)
    model.fit(rows, [CLASSES.index(t.field) for t in texts], [t.weight * even[t.field] for t in texts])
    return model.coef_ * scale, model.intercept_


def calibration(papers: Sequence[Paper], others: Sequence[Text], vocabulary: Sequence[str]) -> np.ndarray:
    """A factor of all scores and an offset a class, from papers that the model in question has not seen.

    The model knows the few papers of the small fields by heart and expects others to be as clear; whole texts of the small
    fields would be missed.
    """
    scores, truth = [], []
    for fold in range(FOLDS):
        held = [p for p in papers if int(p.order, 16) % FOLDS == fold]
        weights, offsets = fitted(
            [*papers_texts(p for p in papers if int(p.order, 16) % FOLDS != fold), *others], vocabulary
        )
        held = [p for field in CLASSES for p in [p for p in held if p.field == field][:HELD]]
        rows = matrix([features(f"{p.title}\n{p.abstract}") for p in held], vocabulary)
        scores.append(rows @ weights.T + offsets)
        truth += [CLASSES.index(p.field) for p in held]
    found, right = np.concatenate(scores), np.array(truth)
    share = 1 / np.bincount(right)[right]

    def loss(parameters: np.ndarray) -> float:
        scaled = parameters[0] * found + parameters[1:]
        return float(share @ (logsumexp(scaled, axis=1) - scaled[np.arange(len(right)), right]))

    best: np.ndarray = minimize(loss, np.array([1.0, *np.zeros(len(CLASSES))])).x
    return best


def matrix(rows: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> csr_matrix:
    """Rows of length one over the vocabulary: each of n known features has the value 1/sqrt(n)."""
    places = {word: place for place, word in enumerate(vocabulary)}
    indices, values, ends = [], [], [0]
    for row in rows:
        own = [places[f] for f in row if f in places]
        indices += own
        values += [max(len(own), 1) ** -0.5] * len(own)
        ends.append(len(indices))
    return csr_matrix((np.array(values, np.float32), indices, ends), shape=(len(rows), len(vocabulary)))


def trained(papers: Sequence[Paper], others: Sequence[Text]) -> dict[str, Any]:
    """What `FieldModel` is made from: a calibrated model over the features that matter most in a model of all of them.

    Args:
        papers: what to learn, in the order of `to_learn`.
        others: what `other_texts` gives.
    """
    texts = [*papers_texts(papers), *others]
    seen = Counter(f for text in texts for f in text.features)
    vocabulary = sorted(f for f, count in seen.items() if count >= SEEN)
    weights, _ = fitted(texts, vocabulary)
    vocabulary = [vocabulary[i] for i in np.sort(np.argsort(-np.ptp(weights, axis=0))[:WORDS])]
    weights, offsets = fitted(texts, vocabulary)
    factor, *shifts = calibration(papers, others, vocabulary)
    weights, offsets = weights * factor, offsets * factor + shifts
    scale = float(np.abs(weights).max()) / 127
    about = {
        "classes": CLASSES, "offsets": [round(float(o), 4) for o in offsets - offsets.mean()], "scale": scale, "threshold": 0.5,
        "vocabulary": vocabulary, "steps": np.round(weights.T / scale).astype(np.int8).tobytes(),
    }  # fmt: skip
    return about | {"threshold": best_threshold(about)}


def best_threshold(about: dict[str, Any]) -> float:
    """The threshold at which most questions of the set 'dev' get their field, or none where they have none."""
    asked = [
        (features(row["question"]), row["field"].replace(NONE, UNKNOWN)) for row in read_questions("dev")
    ]
    rights = {}
    for step in range(20, 81):
        sorter = FieldModel(**{**about, "threshold": step / 100})
        rights[step / 100] = sum(sorter.guess(f).field == field for f, field in asked)
    top = max(rights.values())
    good = [threshold for threshold, right in rights.items() if right == top]
    return good[len(good) // 2]


def main() -> None:
    """Train, and write the three files of the model."""
    folder = Path(sys.argv[1])
    about = trained(to_learn(read_papers(folder)), other_texts(folder))
    DATA.mkdir(exist_ok=True)
    (DATA / "weights.bin").write_bytes(about.pop("steps"))
    (DATA / "words.txt").write_text("\n".join(about.pop("vocabulary")) + "\n", encoding="utf-8")
    (DATA / "model.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
