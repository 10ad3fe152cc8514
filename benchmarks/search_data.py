"""The passages, vectors and questions of search.py: PDG facts and sentences of real abstracts."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from yukawa.embedding import open_embedder
from yukawa.knowledge.items import NewItem, Passage
from yukawa.knowledge.parsing import read
from yukawa.knowledge.records import Provenance

CHUNK = 5_000
HELD_OUT = 200
_FILES = ("hep_1991_2019", "qbio", "cs", "other")
_QUESTIONS = Path(__file__).parent / "questions" / "dev_answerable.jsonl"
_LEAST_LETTERS = 30


@dataclass(frozen=True)
class Corpus:
    """What is taught and asked.

    `texts`: distinct passages, each with the sentences it is made of; `singles`: how many are PDG facts and single
    sentences, which come first; `titles`: titles of abstracts whose sentences are not among them.
    """

    texts: dict[str, list[str]]
    singles: int
    titles: list[str]


def corpus(count: int) -> Corpus:
    """At least the first `count` passages: PDG facts, then single sentences, then sentences with their successors."""
    abstracts = list(_abstracts())
    random.Random(0).shuffle(abstracts)
    held, used = abstracts[:HELD_OUT], abstracts[HELD_OUT:]
    texts = {fact: [fact] for fact in _facts()}
    split = [_sentences(abstract) for _, abstract in used]
    for sentences in split:
        for sentence in sentences:
            texts.setdefault(sentence, [sentence])
    singles = len(texts)
    for length in (2, 3, 4):
        if len(texts) >= count:
            break
        for sentences in split:
            windows = (sentences[i : i + length] for i in range(len(sentences) - length + 1))
            for window in windows:
                texts.setdefault(" ".join(window), window)
    return Corpus(texts, singles, [title for title, _ in held])


def new_items(made: Corpus, count: int, known: int) -> Iterator[NewItem]:
    """The first `count` passages from the one numbered `known` on, ready to be taught.

    A passage of several sentences takes over the search terms of its sentences, so that each sentence is read once.
    """
    terms: dict[str, tuple[str, ...]] = {}
    origin = Provenance("arXiv", "abstracts", None, "CC0", "particle physics")
    for text, sentences in itertools.islice(made.texts.items(), known, count):
        for sentence in sentences:
            if sentence not in terms:
                terms[sentence] = tuple(read(sentence).terms())
        found = tuple(term for sentence in sentences for term in terms[sentence])
        yield NewItem("document", text, None, origin, (Passage(text, text, found),), {})


def questions() -> list[str]:
    """The questions that answers.py is tuned on."""
    lines = _QUESTIONS.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


def embed(texts: list[str], cache: Path, seconds: float) -> None:
    """Embed as many of `texts` as `seconds` allow, chunk by chunk into `cache`, from where an earlier run stopped."""
    cache.mkdir(parents=True, exist_ok=True)
    embedder = open_embedder("minilm")
    end = time.monotonic() + seconds
    for start in range(0, len(texts), CHUNK):
        file = cache / f"{start:08d}.npy"
        if file.exists():
            continue
        if time.monotonic() > end:
            return
        block = texts[start : start + CHUNK]
        beside = cache / "unfinished.npy"
        np.save(beside, embedder.embed(block).astype(np.float16))
        os.replace(beside, file)
        print(f"embedded {start + len(block):,} of {len(texts):,}", flush=True)


def vectors(count: int, cache: Path) -> tuple[NDArray[np.float32], int]:
    """`count` unit vectors (count, d), and how many of them are real; the rest are mixtures of real neighbours.

    A mixture of a vector with one of its own neighbours, slightly moved, keeps to the places where real vectors lie:
    passages that say nearly the same. Vectors drawn at random would all be equally far from every question.
    """
    blocks = []
    for start in range(0, count, CHUNK):
        file = cache / f"{start:08d}.npy"
        if not file.exists():
            break
        blocks.append(np.load(file))
    if not blocks:
        raise SystemExit(
            f"no vectors in {cache}; first type: python benchmarks/search.py embed --cache {cache}"
        )
    real = np.concatenate(blocks).astype(np.float32)[:count]
    missing = count - len(real)
    if missing > 0:
        real = np.concatenate([real, _mixtures(real, missing)])
    real /= np.linalg.norm(real, axis=1, keepdims=True)
    return real, count - max(missing, 0)


def _mixtures(real: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    generator = np.random.default_rng(0)
    made = np.empty((count, real.shape[1]), dtype=np.float32)
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        first = real[generator.integers(len(real), size=size)]
        pool = real[generator.integers(len(real), size=2_000)]  # its nearest in a random pool is a neighbour
        second = pool[np.argmax(first @ pool.T, axis=1)]
        share = generator.uniform(0.2, 0.8, (size, 1)).astype(np.float32)
        noise = generator.normal(0, 0.15 / np.sqrt(real.shape[1]), first.shape).astype(np.float32)
        made[start : start + size] = share * first + (1 - share) * second + noise
    return made


def _abstracts() -> Iterator[tuple[str, str]]:
    folder = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data")) / "arxiv"
    for name in _FILES:
        file = folder / f"{name}.jsonl.gz"
        if not file.exists():
            raise SystemExit(f"{file} is missing; set YUKAWA_TEST_DATA to the folder that holds arxiv/")
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield " ".join(row["title"].split()), " ".join(row["abstract"].split())


def _facts() -> list[str]:
    from yukawa.knowledge.sources.pdg.facts import statements

    return [statement.text for statement in statements()]


def _sentences(abstract: str) -> list[str]:
    found = re.split(r"(?<=[.!?])\s+(?=[A-Z$])", abstract)
    return [s for s in found if sum(map(str.isalpha, s)) >= _LEAST_LETTERS]
