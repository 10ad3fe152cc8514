"""Byte models: padding changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from yukawa.bytelm.modeling import (
    ByteLMForSequenceClassification,
    ByteLMModel,
    pool,
)
from yukawa.bytelm.segments import Mark

Make = Callable[..., Any]
Draw = Callable[..., Tensor]
PAD = int(Mark.PAD)
ATTENTION = ("sdpa", "eager")


# Padding.


def _with_nuls(draw: Draw, lengths: list[int], size: int) -> list[Tensor]:
    """Sequences of whole patches with NUL bytes, also at the end."""
    sequences = []
    for seed, length in enumerate(lengths):
        ids = draw(1, length * size, seed)
        ids[:, size // 2 :: 3] = 0
        ids[:, -size:] = 0
        sequences.append(ids)
    return sequences


def _padded(sequences: list[Tensor], left: bool) -> Tensor:
    longest = max(ids.shape[1] for ids in sequences)
    return torch.cat(
        [torch.nn.functional.pad(ids, ((longest - ids.shape[1]) * left, (longest - ids.shape[1]) * (not left)), value=PAD)
         for ids in sequences]
    )  # fmt: skip


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("pooling", ["mean", "last"])
@pytest.mark.parametrize("size", [1, 4])
def test_a_batch_is_each_of_its_sequences_alone(
    build: Make, draw: Draw, size: int, pooling: str, left: bool, attention: str
):
    model = build(ByteLMForSequenceClassification, size, attention, num_labels=11, pooling=pooling)
    sequences = _with_nuls(draw, [3, 7, 1, 5], size)
    with torch.no_grad():
        together = model(_padded(sequences, left)).logits
        alone = torch.cat([model(ids).logits for ids in sequences])
    torch.testing.assert_close(together, alone, atol=1e-5 if left else 1e-6, rtol=0)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("size", [1, 4])
def test_padding_changes_no_vector(build: Make, draw: Draw, size: int, left: bool):
    model = build(ByteLMModel, size)
    sequences = _with_nuls(draw, [3, 7], size)
    with torch.no_grad():
        together = model(_padded(sequences, left)).last_hidden_state
        alone = [model(ids).last_hidden_state for ids in sequences]
    assert torch.isfinite(together).all()
    short = together[:1, 4:] if left else together[:1, :3]
    torch.testing.assert_close(short, alone[0], atol=1e-5 if left else 1e-6, rtol=0)
    torch.testing.assert_close(together[1:], alone[1], atol=1e-6, rtol=0)


def test_the_mask_says_what_is_padding_whatever_stands_there(build: Make, draw: Draw):
    model = build(ByteLMForSequenceClassification, num_labels=3)
    ids = draw(2, 16)
    mask = torch.ones(2, 16)
    mask[0, 8:] = 0
    by_bytes, by_patches = (
        model(ids, attention_mask=mask).logits,
        model(ids, attention_mask=mask[:, ::4]).logits,
    )
    assert torch.equal(by_bytes, by_patches)
    torch.testing.assert_close(by_bytes[:1], model(ids[:1, :8]).logits, atol=1e-6, rtol=0)
    assert not torch.allclose(by_bytes, model(ids).logits)


def test_a_gap_in_the_mask_is_as_if_nothing_stood_there(build: Make, draw: Draw):
    model = build(ByteLMForSequenceClassification, num_labels=3)
    ids, mask = draw(1, 24), torch.tensor([[1, 1, 0, 0, 1, 1]])
    whole = model(ids[:, [*range(8), *range(16, 24)]]).logits
    torch.testing.assert_close(model(ids, attention_mask=mask).logits, whole, atol=1e-6, rtol=0)


def test_pooling_takes_the_mean_and_the_last_of_what_the_mask_shows():
    vectors = torch.randn(3, 4, 5)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 1, 0]])
    mean = torch.stack([vectors[0].mean(0), vectors[1, :2].mean(0), vectors[2, 1:3].mean(0)])
    torch.testing.assert_close(pool(vectors, mask, "mean"), mean)
    assert torch.equal(
        pool(vectors, mask.bool(), "last"), torch.stack([vectors[0, 3], vectors[1, 1], vectors[2, 2]])
    )


def test_the_mean_of_many_patches_is_exact_in_half_precision():
    assert torch.equal(
        pool(torch.ones(1, 3001, 2).bfloat16(), torch.ones(1, 3001), "mean"), torch.ones(1, 2).bfloat16()
    )
