"""SemScore: what is said again scores one, what has nothing in common about zero."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.embedding import open_embedder
from yukawa.evaluation.completions import Completion
from yukawa.evaluation.semscore import semscore

HASH = open_embedder("hash")


def row(name, completion, reference="The decay width is measured.", prompt="We study the Higgs boson."):
    return Completion(id=name, prompt=prompt, reference=reference, completion=completion)


def test_by_hand():
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
