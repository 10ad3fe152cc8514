"""Repetition and artefacts: bisection equals brute force, and abstracts are not mistaken for metadata."""

from __future__ import annotations

import gzip
import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.evaluation.diversity import artefacts, distinct, diversity, longest_repeat, shannon_entropy, words


def brute(tokens):
    size = len(tokens)
    spans = range(size - 1, 0, -1)
    return next(
        (n for n in spans if len({tuple(tokens[k : k + n]) for k in range(size - n + 1)}) < size - n + 1), 0
    )


@given(st.lists(st.integers(0, 3), max_size=24))
def test_the_longest_repeat_is_that_of_brute_force(tokens):
    assert longest_repeat(tokens) == brute(tokens)


def test_by_hand():
    assert longest_repeat("the cat saw the cat saw the dog".split()) == 4
    assert longest_repeat("a b c".split()) == 0
    assert longest_repeat(["x"] * 5000) == 4999
    assert distinct("a b a b".split(), 2) == pytest.approx(2 / 3)
    assert (distinct([], 1), distinct(["a"], 2), shannon_entropy([])) == (1, 1, 0)
    assert words("The Z' decays.") == ["the", "z", "'", "decays", "."]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_entropy_lies_between_none_and_uniform(tokens):
    bits = shannon_entropy(tokens)
    assert -1e-12 <= bits <= math.log2(len(set(tokens))) + 1e-9
    assert shannon_entropy(tokens * 3) == pytest.approx(bits)
    assert shannon_entropy(list(range(8))) == 3


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("as shown before. arXiv:2401.01234v2 [hep-th]", "arxiv_id"),
        ("see hep-th/9711200 for more", "arxiv_id"),
        ("PACS numbers: 11.25.-w, 04.70.Dy", "pacs"),
        ("Keywords: black holes, entropy", "keywords"),
        ("Key words and phrases: strings", "keywords"),
        ("Comments: 23 pages, LaTeX", "comments"),
        ("23 pages, 4 figures", "comments"),
        ("Journal-ref: Phys. Rev. D 99", "journal"),
        ("doi 10.1103/PhysRevD.99.012345", "journal"),
        ("A. Einstein, B. Podolsky and N. Rosen", "authors"),
        ("available at https://example.org/code", "address"),
        ("write to a.b@cern.ch", "address"),
        ("Received 12 Mar 1999", "dates"),
    ],
)
def test_metadata_is_found(text, kind):
    assert artefacts(text).keys() == {kind}


@pytest.mark.parametrize(
    "text",
    [
        "We comment on the title compound. The authors of previous work disagree.",
        "The S. S. model and the N=4 theory of Seiberg and Witten are compared at 10.5 GeV.",
        "Results: the mass is 125.25 GeV, see the 3 figures of merit in AdS3/CFT2.",
        "Let (M, g) be a 4-manifold. [1] is extended, as in [3,4].",
    ],
)
def test_abstracts_are_not(text):
    assert artefacts(text) == {}


def test_few_real_abstracts_are_taken_for_metadata():
    path = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data")) / "arxiv" / "hep_1991_2019.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no real abstracts: {path} is absent (set YUKAWA_TEST_DATA)")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line)["abstract"] for _, line in zip(range(3000), lines, strict=False)]
    found = [artefacts(text) for text in rows]
    # Abstracts do cite preprints and give links; author lists and page counts are what they have not.
    assert sum(bool(row) for row in found) < 0.1 * len(rows)
    assert sum("authors" in row or "dates" in row for row in found) < 0.005 * len(rows)


def test_diversity_of_texts():
    texts = ["a b a b", "a b c d", "Comments: 5 pages, 2 figures", ""]
    found = diversity(["1", "2", "3", "4"], texts)
    assert found.values["word_entropy"][:2].tolist() == [1, 2]
    assert found.values["longest_repeat"].tolist() == [2, 0, 0, 0]
    assert found.values["distinct_2"][0] == pytest.approx(2 / 3)
    shares = found.shares()
    assert shares["comments"][0] == shares["any"][0] == 1
    assert shares["pacs"][0] == shares["pacs"][1].value == shares["pacs"][1].low == 0
    assert shares["pacs"][1].high == pytest.approx(0.4899, abs=1e-4)
    assert found.sample("any").value == 0.25
    assert found.sample("words").value == pytest.approx(15 / 4)
    with pytest.raises(InputError, match="allowed are words"):
        found.sample("nothing")
    with pytest.raises(InputError, match="no texts"):
        diversity([], [])
