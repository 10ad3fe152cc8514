"""SemScore, entropies, variety and artefacts of completions agree with plain computations and with cases by hand."""

from __future__ import annotations

import gzip
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.embedding import open_embedder
from yukawa.evaluation.completion_metrics import (
    artefacts,
    by_position,
    chat_surprisals,
    completion_entropies,
    distinct,
    diversity,
    longest_repeat,
    semscore,
    shannon_entropy,
    words,
)
from yukawa.evaluation.completions import Completion, complete

HASH = open_embedder("hash")


def row(name, completion, reference="The decay width is measured.", prompt="We study the Higgs boson."):
    return Completion(id=name, prompt=prompt, reference=reference, completion=completion)


def test_semscores_by_hand():
    rows = [row("a", "The decay width is measured."), row("b", "Bananas ripen quickly."), row("c", "")]
    seen = []
    found = semscore({"model": rows}, HASH, progress=lambda *a: seen.append(a))["model"]
    vectors = HASH.embed([rows[1].completion, rows[1].reference])
    assert found.continuation == pytest.approx([1, float(vectors[0] @ vectors[1]), 0], abs=1e-6)
    assert found.whole[0] == pytest.approx(1, abs=1e-6)
    assert (found.empty, found.embedder, found.ids) == (1, "hash", ("a", "b", "c"))
    assert seen[-1][0] == seen[-1][1]


def test_the_shared_half_lifts_feyntunes_form():
    found = semscore({"model": [row("b", "Bananas ripen quickly."), row("c", "")]}, HASH)["model"]
    assert (found.whole > found.continuation + 0.2).all()
    assert found.sample("whole").value == pytest.approx(found.whole.mean())
    assert found.sample().clusters == ("b", "c")


def test_systems_score_alike_together_and_alone():
    one, two = (
        [row("a", "Its width is known."), row("b", "A measurement.")],
        [row("a", "Bananas."), row("b", "No.")],
    )
    both = semscore({"one": one, "two": two}, HASH)
    for name, rows in (("one", one), ("two", two)):
        alone = semscore({name: rows}, HASH)[name]
        np.testing.assert_allclose(both[name].continuation, alone.continuation, atol=1e-6)


def test_each_text_is_embedded_once(monkeypatch):
    asked = []

    class Counting:
        name, dimensions = "counting", 256

        def embed(self, texts, *, progress=None):
            asked.extend(texts)
            return HASH.embed(texts)

    semscore({"one": [row("a", "x")], "two": [row("a", "y")]}, Counting())
    assert len(asked) == len(set(asked)) == 6


def test_bad_input():
    with pytest.raises(InputError, match="no completions of one"):
        semscore({"one": []}, HASH)
    with pytest.raises(InputError, match="use minilm"):
        semscore({"one": [row("a", "x")]}, open_embedder("none"))
    found = semscore({"one": [row("a", "x")]}, HASH)["one"]
    with pytest.raises(InputError, match="continuation, whole"):
        found.sample("all")


def test_entropies_are_the_models_own(base_model, documents, tmp_path):
    made = complete(base_model, documents, tmp_path / "made.jsonl", new_tokens=10, batch=3, temperature=1.0)
    found = completion_entropies(base_model, made)
    kept = [row for row in made if row.tokens]
    assert found.ids == tuple(row.id for row in kept)
    for k, row in enumerate(kept[:3]):
        before = [256, *base_model.tokenizer(row.prompt, add_special_tokens=False)["input_ids"]]
        with torch.inference_mode():
            logits = base_model.model(torch.tensor([[*before, *row.tokens]])).logits[0].double()
        logs = logits.log_softmax(-1)[len(before) - 1 : -1]
        np.testing.assert_allclose(found.entropies[k], -(logs.exp() * logs).sum(-1) / math.log(2), atol=1e-4)
        chosen = logs.gather(1, torch.tensor(row.tokens)[:, None])[:, 0]
        np.testing.assert_allclose(found.surprisals[k], -chosen / math.log(2), atol=1e-4)
    total = np.concatenate(found.entropies)
    assert found.sample().value == pytest.approx(total.mean())
    assert found.series().count[0] == len(kept)


def test_series_by_hand():
    found = by_position([np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0])])
    assert found.positions.tolist() == [1, 2, 3]
    assert found.mean.tolist() == [2, 3, 3]
    assert found.count.tolist() == [2, 2, 1]
    np.testing.assert_allclose(found.error, [1, 1, math.nan])
    assert len(by_position([]).mean) == 0


def completion(name, **more):
    return Completion(id=name, prompt="p", reference="r", completion="c", **more)


def test_surprisals_of_a_service():
    found = chat_surprisals([completion("a", logprobs=(-math.log(2), -math.log(8))), completion("b")])
    assert found.ids == ("a",)
    assert found.entropies is None
    np.testing.assert_allclose(found.surprisals[0], [1, 3])
    assert found.sample().value == pytest.approx(2)
    np.testing.assert_allclose(found.series().mean, [1, 3])
    with pytest.raises(InputError, match="the service gives none"):
        chat_surprisals([completion("a")])


def test_completions_without_tokens(base_model):
    with pytest.raises(InputError, match="yukawa evaluate completions"):
        completion_entropies(base_model, [completion("a")])
    with pytest.raises(InputError, match="without token ids"):
        completion_entropies(base_model, [completion("a", tokens=())])


def brute(tokens):
    size = len(tokens)
    spans = range(size - 1, 0, -1)
    return next(
        (n for n in spans if len({tuple(tokens[k : k + n]) for k in range(size - n + 1)}) < size - n + 1), 0
    )


@given(st.lists(st.integers(0, 3), max_size=24))
def test_the_longest_repeat_is_that_of_brute_force(tokens):
    assert longest_repeat(tokens) == brute(tokens)


def test_repeats_by_hand():
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
    assert shares["comments"].value == shares["any"].value == 0.25
    assert shares["comments"].within == (0, 1)
    assert shares["pacs"].value == 0
    assert found.sample("words").value == pytest.approx(15 / 4)
    with pytest.raises(InputError, match="allowed: words"):
        found.sample("nothing")
    with pytest.raises(InputError, match="no texts"):
        diversity([], [])
