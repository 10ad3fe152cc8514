"""Figures as JSON: corrected p-values, changes of the matrix by hand, and what makes a comparison unfair."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.core.statistics import Sample, holm
from yukawa.evaluation.perplexity import Losses
from yukawa.evaluation.recipe import Statistics
from yukawa.evaluation.results import (
    check_same_documents,
    compared_json,
    matrix_json,
    measured_differently,
    perplexity_json,
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
