"""Codes of the Listings are spelt out, and people's spellings of experiments lead to them."""

from __future__ import annotations

import pytest

from yukawa.knowledge.sources.pdg.experiments import experiment_name, experiments, same_experiment


def test_codes_are_spelt_out_and_others_stay() -> None:
    assert [experiment_name(code) for code in ("BABR", "BES3", "HBC", "CMS", "E791")] == [
        "BaBar", "BESIII", "hydrogen bubble chamber", "CMS", "E791",
    ]  # fmt: skip
    assert {"Belle II", "LHCb"} <= set(experiments())


@pytest.mark.parametrize("wanted", ["BES III", "bes3", "BESIII", "bes-iii", "BES3"])
def test_spellings(wanted: str) -> None:
    assert same_experiment("BESIII", wanted)
    assert not same_experiment("BESII", wanted)
