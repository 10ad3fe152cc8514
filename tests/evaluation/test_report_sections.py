"""Numbers in reports carry the digits that their intervals allow."""

from __future__ import annotations

from itertools import combinations

import pytest

from yukawa.evaluation.report_sections import (
    differences,
    perplexity_section,
    probability,
    semscores,
    with_interval,
)


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
    title, table = differences([{**row, "p_holm": 0.08, "p_bootstrap": 0.05}])
    assert title.text == "Differences:"
    assert table.rows == [["b − a", "-1.0 [-2.0, +0.0]", "0.04", "0.08", "0.05"]]


def test_long_documents_and_other_tokens_are_told():
    cell = {"estimates": {"a": {"value": 1.0, "low": 0.9, "high": 1.1}}, "differences": []}
    data = {
        "forms": {"bits_per_byte": cell},
        "tokens": {"a": 5000},
        "long_documents": {"a": 3},
        "same_tokens": False,
        "measured_differently": {"dtype": {"a": "float32", "b": "bfloat16"}, "EOS": {"a": True, "b": False}},
    }
    texts = [
        block.text
        for block in perplexity_section("set", data, {"bits_per_byte": "bits"})
        if hasattr(block, "text")
    ]
    assert any(text.endswith("every token scored once: 3 for a.") for text in texts)
    assert any("bits per byte" in text for text in texts)
    assert any("(dtype: float32 for a, bfloat16 for b; EOS: yes for a, no for b)" in text for text in texts)


def test_of_many_models_only_differences_from_the_first_are_shown():
    figures = {"value": 1.0, "low": 0.0, "high": 2.0, "p_permutation": 0.1, "p_holm": 1.0, "p_bootstrap": 0.1}

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
    blocks = perplexity_section("set", data, {"bits_per_byte": "bits"})
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
