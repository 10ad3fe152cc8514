"""The comparisons of a report are those of the claims, in their direction and in percent of the first."""

from __future__ import annotations

from itertools import combinations

import pytest

PERPLEXITIES = {
    "base": 50.0,
    "s3-all": 30.0,
    "s1-all": 40.0,
    "s1-qkv": 45.0,
    "s1-all-2": 39.0,
    "s3-all-2": 31.0,
    "s1-qkv29": 42.0,
    "s10-qkv": 44.0,
}


@pytest.fixture(scope="module")
def feyntune_claims(script):
    return script("feyntune_claims")


def report(turned: bool) -> dict:
    """With every pair of models once; intervals reach from 1 below to 2 above."""
    differences = []
    for first, second in combinations(PERPLEXITIES, 2):
        if turned:
            first, second = second, first
        value = PERPLEXITIES[second] - PERPLEXITIES[first]
        low, high = (value - 2, value + 1) if turned else (value - 1, value + 2)
        differences.append({
            "first": first, "second": second, "value": value, "low": low, "high": high, "p_holm": 0.01,
        })  # fmt: skip
    estimates = {name: {"value": value} for name, value in PERPLEXITIES.items()}
    form = {"estimates": estimates, "differences": differences}
    return {
        "models": dict.fromkeys(PERPLEXITIES),
        "tests": {"hep-th": {"forms": {"corpus_perplexity": form}}},
    }


def test_each_claim_has_its_pairs_and_no_others(feyntune_claims):
    found = feyntune_claims.changes(report(turned=False), "hep-th", "corpus_perplexity")
    compared = {(one.claim.split(":")[0], one.first, one.second) for one in found}
    assert compared == {
        *(("every variant beats the base", "base", name) for name in list(PERPLEXITIES)[1:]),
        ("larger, and other archives of the field", "s1-all", "s3-all"),
        ("all for qkv", "s1-qkv", "s1-all"),
        ("all for qkv with as many parameters", "s1-qkv29", "s1-all"),
        ("larger, and other archives of the field", "s1-all-2", "s3-all-2"),
        ("the same, trained otherwise", "s1-all", "s1-all-2"),
        ("the same, trained otherwise", "s3-all", "s3-all-2"),
    }
    larger = next(one for one in found if one.second == "s3-all" and one.first == "s1-all")
    assert larger.percent == pytest.approx(-25)  # 30 for 40
    assert larger.high > larger.percent > larger.low


def test_the_order_within_the_report_does_not_matter(feyntune_claims):
    one, other = (
        feyntune_claims.changes(report(turned), "hep-th", "corpus_perplexity") for turned in (False, True)
    )
    for straight, back in zip(one, other, strict=True):
        assert (straight.claim, straight.first, straight.second) == (back.claim, back.first, back.second)
        assert (straight.percent, straight.low, straight.high) == pytest.approx(
            (back.percent, back.low, back.high)
        )
