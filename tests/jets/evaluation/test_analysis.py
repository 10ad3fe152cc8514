"""Cuts, shares in bins, calibration and variations of scored jets: laws of weights first, then numbers by hand, then bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.evaluation.analysis import AnalysisPlan, TaggedJets, analyse, read_scores, share

CLASSES = ("b", "bbar", "c", "cbar", "g")
PLAN = AnalysisPlan.parse("b", ["c", "g"], bins=["jet_pt=20,60,100"])


def test_each_jet_twice_is_a_weight_of_two(write_scores: Any, scored: Any) -> None:
    """Shares, thresholds and curves are the same; errors are those of the jets, not of their copies."""
    once = scored()
    once["jet_weight"] = np.random.default_rng(3).integers(1, 4, 2000).astype(float)
    times = once["jet_weight"].astype(int)
    copied = {name: np.repeat(column, times) for name, column in once.items()}
    weighted = analyse({"a": read_scores(write_scores("a", **once), weight="jet_weight")}, PLAN)
    repeated = analyse({"a": read_scores(write_scores("b", **copied))}, PLAN)
    for one, other in zip(weighted.cuts, repeated.cuts, strict=True):
        assert one.threshold == other.threshold
        for group in PLAN.groups:
            assert one.passed[group].value == pytest.approx(other.passed[group].value, rel=1e-12)
            assert one.passed[group].error > other.passed[group].error
    assert weighted.calibration_error == pytest.approx(repeated.calibration_error)


def test_a_common_factor_of_all_weights_changes_nothing_but_their_sums(
    write_scores: Any, scored: Any
) -> None:
    columns = scored()
    found = []
    for factor in (1.0, 1e-6, 1e6):
        columns["jet_weight"] = factor * scored()["jet_weight"]
        found.append(analyse({"a": read_scores(write_scores(**columns), weight="jet_weight")}, PLAN))
    for other in found[1:]:
        for one, two in zip(found[0].cuts, other.cuts, strict=True):
            assert one.threshold == two.threshold
            assert one.passed["c"].value == pytest.approx(two.passed["c"].value, rel=1e-9)
            assert one.passed["c"].error == pytest.approx(two.passed["c"].error, rel=1e-9)


def test_errors_of_weighted_shares_are_their_spread() -> None:
    random = np.random.default_rng(5)
    found = []
    for _ in range(400):
        weights = random.exponential(size=300)
        found.append(share(random.random(300) < 0.3, weights))
    spread = np.std([one.value for one in found])
    assert np.mean([one.error for one in found]) == pytest.approx(spread, rel=0.12)


def test_cuts_pass_what_they_are_for(write_scores: Any) -> None:
    plan = AnalysisPlan.parse("b", ["light=c,g"], ["D=log(b / (0.2 * c + 0.8 * g))"], [0.6], [0.01])
    jets = read_scores(write_scores())
    efficiency, mistag = analyse({"a": jets}, plan).cuts
    assert efficiency.target == "0.6 of b"
    assert 0.6 <= efficiency.passed["b"].value < 0.602
    assert mistag.passed["light"].value <= 0.01 < mistag.passed["light"].value + 0.002
    values = jets.value("log(b / (0.2 * c + 0.8 * g))", "D")
    by_hand = np.mean(values[np.isin(jets.labels, [2, 3, 4])] >= efficiency.threshold)
    assert efficiency.passed["light"].value == pytest.approx(by_hand)


def test_a_monotonic_function_of_a_discriminant_passes_the_same_jets(write_scores: Any) -> None:
    jets = read_scores(write_scores())
    plan = AnalysisPlan.parse("b", ["c"], ["ratio=b / c", "log=log(b / c)", "share=b / (b + c)"], [0.7])
    ratio, logarithm, part = analyse({"a": jets}, plan).cuts
    assert dict(ratio.passed) == dict(logarithm.passed) == dict(part.passed)


def test_bins_make_up_the_whole(write_scores: Any) -> None:
    jets = read_scores(write_scores(), weight="jet_weight")
    (cut, *_) = analyse({"a": jets}, PLAN).cuts
    totals = [jets.weights[(jets.columns["jet_pt"] >= low) & jets.among(["c"]) & (jets.columns["jet_pt"] < low + 40)].sum()
              for low in (20, 60)]  # fmt: skip
    values = [one.passed["c"].value for one in cut.bins["jet_pt"]]
    assert np.average(values, weights=totals) == pytest.approx(cut.passed["c"].value)


def test_probabilities_that_are_the_shares_are_calibrated(write_scores: Any) -> None:
    random = np.random.default_rng(7)
    chance = random.dirichlet(np.ones(len(CLASSES)), 40_000)
    labels = (chance.cumsum(axis=1) > random.random((40_000, 1))).argmax(axis=1)
    columns = {f"score_{name}": chance[:, k] for k, name in enumerate(CLASSES)}
    columns |= {f"label_{name}": labels == k for k, name in enumerate(CLASSES)}
    columns["jet_pt"] = np.full(40_000, 50.0)
    found = analyse({"a": read_scores(write_scores(**columns))}, PLAN)
    assert max(found.calibration_error.values()) < 0.01
    columns["score_g"] = columns["score_g"] ** 0.5  # too sure
    assert analyse({"a": read_scores(write_scores(**columns))}, PLAN).calibration_error["g"] > 0.1


def test_test_jets_are_taken_where_the_file_says_which(write_scores: Any, scored: Any) -> None:
    split = (np.arange(2000) % 3).astype(np.int8)
    path = write_scores(**scored(jet_split=split))
    found = read_scores(path)
    assert len(found.labels) == int((split == 2).sum())
    assert found.notes == ("1,334 jets are of other splits than test and are omitted",)
    assert len(read_scores(path, split="all").labels) == 2000
    assert len(read_scores(path, split="train").labels) == int((split == 0).sum())
    with pytest.raises(InputError, match="unknown split 'valid'; allowed are train, validation, test, all"):
        read_scores(path, split="valid")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jet_weight": np.full(2000, -1.0)}, "jet_weight is negative for 2,000 of 2,000 jets"),
        ({"jet_weight": np.r_[np.nan, np.ones(1999)]}, "jet_weight is not finite for 1 of 2,000 jets"),
        ({"jet_weight": np.zeros(2000)}, "no jet is left to analyse"),
        ({"score_b": np.full(2000, np.inf, np.float32)}, "no finite scores for 2,000 of 2,000 jets"),
    ],
)
def test_bad_columns_are_one_line(
    write_scores: Any, change: dict[str, np.ndarray], message: str, scored: Any
) -> None:
    with pytest.raises(InputError, match=message):
        read_scores(write_scores(**scored(**change)), weight="jet_weight")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"signal": "top"}, "the tagger has no class top"),
        ({"backgrounds": ["rest=b,c"]}, "b is in two groups"),
        ({"backgrounds": ["light=c", "light=g"]}, "two groups have the same name"),
        ({"efficiencies": [1.5]}, "the efficiency 1.5 is not between 0 and 1"),
        ({"mistags": [1e-6]}, "a mistag rate of 1e-06 cannot be measured with 1,[0-9]{3} background jets"),
        (
            {"discriminants": ["D=0 * b"], "mistags": [0.1]},
            "no cut on D that passes any b passes as little as 10.00% of",
        ),
        ({"discriminants": ["b / c"]}, "'b / c' is not of the form NAME=FORMULA"),
        ({"discriminants": ["D=log(bb / c)"]}, "D: no column bb"),
        (
            {"discriminants": ["D=b > 0.5"], "efficiencies": [0.2]},
            r"no cut on D passes 20.0% of b: the nearest pass 0.0% and",
        ),
        ({"discriminants": ["D=log(0 * b) - log(0 * b)"]}, "D is not a number for 2,000 of 2,000 jets"),
        ({"discriminants": ["D=__import__('os')"]}, "uses"),
        ({"bins": ["jet_pt=100,20"]}, "the edges of bins in jet_pt must rise"),
        ({"bins": ["jet_pt=low,high"]}, "the edges of bins in jet_pt are not numbers"),
        ({"bins": ["jet_p=20,40"]}, "the observable jet_p: no column jet_p"),
    ],
)
def test_bad_plans_are_one_line(write_scores: Any, words: dict[str, Any], message: str) -> None:
    jets = read_scores(write_scores())
    with pytest.raises(InputError, match=message) as caught:
        analyse({"a": jets}, AnalysisPlan.parse(**{"signal": "b", "backgrounds": ["c", "g"], **words}))
    assert "\n" not in str(caught.value)


def test_samples_must_fit_each_other(write_scores: Any, scored: Any) -> None:
    other = scored()
    del other["score_g"]
    del other["label_g"]
    jets, fewer = read_scores(write_scores()), read_scores(write_scores("other", **other))
    with pytest.raises(InputError, match="other and a have different classes"):
        analyse({"a": jets, "other": fewer}, PLAN)
    none = TaggedJets(CLASSES, jets.columns, np.zeros(2000, int), jets.weights)
    with pytest.raises(InputError, match="a has no jets of c"):
        analyse({"a": none}, PLAN)
