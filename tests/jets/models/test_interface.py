from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yukawa.jets.models.interface import pack, settings_of, unpack
from yukawa.jets.models.saving import build


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8))
def test_packing_undoes_unpacking(counts: list[int]) -> None:
    counts_B = torch.tensor(counts)
    packed = torch.arange(2.0 * sum(counts)).view(-1, 2) + 1
    padded, mask = unpack(packed, counts_B)
    assert padded.shape == (len(counts), max(counts), 2)
    assert torch.equal(pack(padded, mask), packed)
    assert torch.equal(mask.sum(1), counts_B)
    assert not padded[~mask].any()


def test_unpacking_to_a_longer_length_only_adds_padding() -> None:
    packed, counts = torch.randn(5, 3), torch.tensor([2, 3])
    short, _ = unpack(packed, counts)
    long, mask = unpack(packed, counts, 7)
    assert torch.equal(long[:, :3], short)
    assert mask.shape == (2, 7)
    assert not mask[:, 3:].any()


def test_settings_are_plain_values_that_build_the_same_tagger() -> None:
    tagger = build(
        {"architecture": "particle-net", "features": 3, "classes": ["a", "b"], "blocks": [[2, [4, 4]]]}
    )
    settings = json.loads(json.dumps(settings_of(tagger)))
    assert build(settings).config == tagger.config


def test_an_unknown_setting_is_refused_with_the_nearest() -> None:
    with pytest.raises(Exception, match="did you mean 'blocks'"):
        build({"architecture": "particle-net", "features": 3, "classes": ["a"], "block": []})
