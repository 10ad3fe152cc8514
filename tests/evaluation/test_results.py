"""Figures as JSON: corrected p-values, changes of the matrix by hand, and what makes a comparison unfair."""

from __future__ import annotations

import json
import math
from itertools import combinations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.core.statistics import Sample, holm
from yukawa.evaluation.perplexity import Losses
from yukawa.evaluation.recipe import Statistics
from yukawa.evaluation.results import (
    check_same_documents,
    compared_json,
    differences,
    matrix_json,
    measured_differently,
    perplexity_json,
    perplexity_section,
    probability,
    semscores,
    with_interval,
)

HOW = Statistics(resamples=200)
ALIKE = {"dtype": "float32", "bos": True, "eos": True, "context": 64}


def losses(name, tokens=20, shift=0.0, windows=1, **options):
    ids = tuple("abcdefgh")
    nats = np.linspace(50, 60, 8) + shift
    counts = [np.full(8, number) for number in (tokens, 40, windows)]
    return Losses(name, {**ALIKE, **options}, ids, ids, nats, *counts)


def test_models_of_other_tokens_are_compared_by_bytes():
    found = perplexity_json({"one": losses("one", 20), "two": losses("two", 25)}, HOW)
    assert not found["same_tokens"]
    assert found["forms"]["document_perplexity"]["differences"] == []
    assert found["forms"]["bits_per_byte"]["differences"][0]["value"] == 0


def test_p_values_are_corrected_for_all_pairs():
    rng = np.random.default_rng(1)
    samples = {name: Sample.mean(rng.normal(k, 1, 12)) for k, name in enumerate("abc")}
    rows = compared_json(samples, HOW)[0]["differences"]
    assert [row["p_holm"] for row in rows] == holm([row["p_permutation"] for row in rows])


def test_the_matrix_by_hand():
    tests = {
        test: perplexity_json({"base": losses("base"), "tuned": losses("tuned", shift=shift)}, HOW)
        for test, shift in (("near", -10.0), ("far", 5.0))
    }
    found = matrix_json(tests)
    assert (found["base"], found["form"], found["models"]) == (
        "base",
        "document_perplexity",
        ["base", "tuned"],
    )
    cells = found["change_percent"]["tuned"]
    assert cells["near"]["value"] == pytest.approx(100 * (math.exp(-10 / 20) - 1))
    assert cells["far"]["value"] == pytest.approx(100 * (math.exp(5 / 20) - 1))
    assert [cell["p_holm"] for cell in cells.values()] == holm([cell["p"] for cell in cells.values()])


def test_what_was_measured_differently_is_told():
    rows = {"a": losses("a"), "b": losses("b", dtype="bfloat16", eos=False)}
    expected = {"dtype": {"a": "float32", "b": "bfloat16"}, "EOS": {"a": True, "b": False}}
    assert measured_differently(rows) == expected == perplexity_json(rows, HOW)["measured_differently"]
    assert measured_differently({"a": losses("a"), "b": losses("b")}) == {}
    # A shorter context is another measure only where a document is longer than it.
    assert measured_differently({"a": losses("a"), "b": losses("b", context=32)}) == {}
    longer = {"a": losses("a"), "b": losses("b", context=32, windows=2)}
    assert measured_differently(longer) == {"context": {"a": 64, "b": 32}}


def test_metrics_are_json():
    found = perplexity_json({"one": losses("one"), "two": losses("two", shift=800.0)}, HOW)
    json.dumps(found, allow_nan=False)


def test_other_documents():
    with pytest.raises(InputError, match="a and c completed different documents"):
        check_same_documents({"a": ["1", "2"], "b": ["2", "1"], "c": ["1"]})
    with pytest.raises(InputError, match="between 0 and 1"):
        Statistics(level=95)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ((9.8312, 9.7, 9.96), "9.83 [9.70, 9.96]"),
        ((1234.5, 1200, 1260), "1234 [1200, 1260]"),
        ((0.5, 0.5, 0.5), "0.5000 [0.5000, 0.5000]"),
        ((3.25, None, None), "3.25"),
        ((None, None, None), "–"),
    ],
)
def test_digits(row, text):
    assert with_interval(dict(zip(("value", "low", "high"), row, strict=True))) == text


def test_signs_and_probabilities():
    assert with_interval({"value": 0.3, "low": 0.1, "high": 0.5}, signed=True) == "+0.30 [+0.10, +0.50]"
    assert [probability(p) for p in (0.00001, 0.0321, 1.0, None)] == ["< 0.0001", "0.032", "1", "–"]
    row = {"first": "a", "second": "b", "value": -1.0, "low": -2.0, "high": 0.0, "p_permutation": 0.04}
    title, table = differences([{**row, "p_holm": 0.08}])
    assert title.text == "Differences:"
    assert table.rows == [["b − a", "-1.0 [-2.0, +0.0]", "0.04", "0.08"]]


def test_long_documents_and_other_tokens_are_told():
    cell = {"estimates": {"a": {"value": 1.0, "low": 0.9, "high": 1.1}}, "differences": []}
    data = {
        "forms": {"bits_per_byte": cell},
        "tokens": {"a": 5000},
        "long_documents": {"a": 3},
        "same_tokens": False,
        "measured_differently": {"dtype": {"a": "float32", "b": "bfloat16"}, "EOS": {"a": True, "b": False}},
    }
    texts = [block.text for block in perplexity_section("set", data) if hasattr(block, "text")]
    assert any(text.endswith("every token scored once: 3 for a.") for text in texts)
    assert any("bits per byte" in text for text in texts)
    assert any("(dtype: float32 for a, bfloat16 for b; EOS: yes for a, no for b)" in text for text in texts)


def test_of_many_models_only_differences_from_the_first_are_shown():
    figures = {"value": 1.0, "low": 0.0, "high": 2.0, "p_permutation": 0.1, "p_holm": 1.0}

    def shown(number):
        pairs = combinations([f"m{k}" for k in range(number)], 2)
        return differences([{"first": a, "second": b, **figures} for a, b in pairs])

    assert len(shown(6)[1].rows) == 15
    title, table = shown(13)
    assert [row[0] for row in table.rows] == [f"m{k} − m0" for k in range(1, 13)]
    assert "from m0 only" in title.text
    assert "78 pairs" in title.text


def test_models_of_one_kind_are_counted():
    cell = {
        "estimates": {f"m{k}": {"value": 1.0, "low": None, "high": None} for k in range(13)},
        "differences": [],
    }
    names = list(cell["estimates"])
    data = {
        "forms": {"bits_per_byte": cell}, "tokens": dict.fromkeys(names, 9), "same_tokens": True,
        "long_documents": dict.fromkeys(names, 3),
        "measured_differently": {"dtype": {"m0": "float32", **dict.fromkeys(names[1:], "bfloat16")}},
    }  # fmt: skip
    blocks = perplexity_section("set", data)
    text = " ".join(block.text for block in blocks if hasattr(block, "text"))
    assert "dtype: float32 for m0, bfloat16 for the other 12)" in text
    assert "scored once: 3 for all 13." in text


def test_semscores_stand_beside_feyntunes_form():
    cell = {"value": 0.5, "low": 0.4, "high": 0.6}
    score = {
        "continuation": {"estimates": {"a": cell}},
        "whole": {"estimates": {"a": cell}},
        "empty": {"a": 2},
    }
    assert semscores(score).rows == [["a", "0.50 [0.40, 0.60]", "0.50 [0.40, 0.60]", "2"]]
