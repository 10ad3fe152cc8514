"""Byte models: what their heads give, and input that none of them takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from yukawa.bytelm.modeling import (
    ByteLMForCausalLM,
    ByteLMForRegression,
    ByteLMForSequenceClassification,
    ByteLMModel,
)
from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError

Make = Callable[..., Any]
Draw = Callable[..., Tensor]
PAD = int(Mark.PAD)
MODELS = (ByteLMForCausalLM, ByteLMForSequenceClassification, ByteLMForRegression)


# Heads.


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_the_loss_of_classes_is_cross_entropy(build: Make, draw: Draw, dtype: torch.dtype):
    model = build(ByteLMForSequenceClassification, num_labels=3)
    output = model(draw(4, 8), labels=torch.tensor([0, 2, 1, 2], dtype=dtype))
    by_hand = -output.logits.log_softmax(1)[range(4), [0, 2, 1, 2]].mean()
    torch.testing.assert_close(output.loss, by_hand)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_the_loss_of_values_is_the_mean_square_error(build: Make, draw: Draw, shape: tuple[int, ...]):
    model = build(ByteLMForRegression, num_labels=1)
    labels = torch.randn(shape, dtype=torch.float64)
    output = model(draw(4, 8), labels=labels)
    torch.testing.assert_close(output.loss, (output.logits[:, 0] - labels.flatten().float()).pow(2).mean())


def test_a_tuple_is_given_to_those_who_ask(build: Make, draw: Draw):
    ids = draw(2, 8)
    for kind in MODELS:
        model = build(kind, num_labels=1)
        assert torch.equal(model(ids, return_dict=False)[0], model(ids).logits)
    assert isinstance(build(ByteLMModel)(ids, return_dict=False), tuple)


def test_hidden_states_are_given_to_those_who_ask(build: Make, draw: Draw):
    output = build()(draw(2, 8), output_hidden_states=True)
    assert [tuple(state.shape) for state in output.hidden_states] == [(2, 2, 64)] * 3


# Bad input.


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (torch.zeros(1, 33 * 4, dtype=torch.long), "33 patches is longer than the 32"),
        (torch.zeros(1, 7, dtype=torch.long), "7 bytes is not made of patches of 4"),
        (torch.zeros(1, 0, dtype=torch.long), "at least one byte"),
        (torch.zeros(0, 4, dtype=torch.long), "at least one byte"),
        (torch.full((1, 8), 272), "id 272 is not in the vocabulary"),
        (torch.full((1, 8), -1), "id -1 is not"),
        (torch.zeros(1, 8), "torch.float32"),
        (torch.zeros(8, dtype=torch.long), r"shape \[8\]"),
    ],
)
def test_what_is_no_sequence_is_refused(build: Make, kind: Any, ids: Tensor, says: str):
    with pytest.raises(InputError, match=says):
        build(kind)(ids)


def test_a_sequence_that_grows_beyond_the_context_is_refused(build: Make, draw: Draw):
    model = build()
    cache = model(draw(1, 32 * 4), use_cache=True).past_key_values
    with pytest.raises(InputError, match="33 patches is longer"):
        model(draw(1, 4), cache=cache)


@pytest.mark.parametrize("kind", MODELS)
def test_a_mask_of_another_shape_is_refused(build: Make, draw: Draw, kind: Any):
    with pytest.raises(InputError, match=r"attention_mask has the shape \[2, 7\]"):
        build(kind)(draw(2, 8), attention_mask=torch.ones(2, 7))


@pytest.mark.parametrize("kind", MODELS[1:])
@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_a_sequence_of_nothing_but_padding_is_refused(build: Make, draw: Draw, kind: Any, pooling: str):
    ids = draw(2, 8)
    ids[1] = PAD
    with pytest.raises(InputError, match="nothing but padding"):
        build(kind, pooling=pooling)(ids)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (torch.tensor([0, 3]), "a label is 3, allowed are 0 to 2"),
        (torch.tensor([-1, 0]), "a label is -1"),
        (torch.tensor([0, -100]), "a label is -100"),
        (torch.tensor([[0, 1]]), r"labels have the shape \[1, 2\]"),
        (torch.tensor([0]), r"labels have the shape \[1\]"),
        (torch.tensor([0.0, 1.0]), "torch.float32"),
        (torch.tensor([True, False]), "torch.bool"),
        ([0, 1], "labels came as list"),
    ],
)
def test_classes_out_of_range_are_refused(build: Make, draw: Draw, labels: Any, says: str):
    with pytest.raises(InputError, match=says):
        build(ByteLMForSequenceClassification, num_labels=3)(draw(2, 8), labels=labels)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (torch.tensor([[0.0, math.nan], [1.0, 2.0]]), "not finite"),
        (torch.tensor([[0.0, math.inf], [1.0, 2.0]]), "not finite"),
        (torch.tensor([0.0, 1.0]), r"labels have the shape \[2\], \[2, 2\] is expected"),
        (torch.zeros(2, 3), r"labels have the shape \[2, 3\]"),
        ([[0.0, 1.0], [1.0, 2.0]], "labels came as list, a tensor of numbers"),
    ],
)
def test_values_that_are_none_are_refused(build: Make, draw: Draw, labels: Any, says: str):
    with pytest.raises(InputError, match=says):
        build(ByteLMForRegression, num_labels=2)(draw(2, 8), labels=labels)


def test_the_vocabulary_is_not_resized(build: Make):
    with pytest.raises(InputError, match="vocabulary of a byte model is fixed"):
        build().resize_token_embeddings(300)
