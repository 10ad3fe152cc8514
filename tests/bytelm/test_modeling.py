"""Byte models: nothing leaks, the loss is that of a plain loop, and pieces give what the whole gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from yukawa.bytelm import modeling
from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import (
    ByteLMModel,
    next_patch_loss,
)
from yukawa.bytelm.patches import as_patches, smooth_rows
from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError

Make = Callable[..., Any]
Draw = Callable[..., Tensor]
PAD = int(Mark.PAD)
SIZES = (1, 4, 16)
ATTENTION = ("sdpa", "eager")


# Nothing leaks.


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("inner", [0, 1])
@pytest.mark.parametrize("size", SIZES)
def test_a_patch_changes_only_what_predicts_later_patches(
    build: Make, draw: Draw, size: int, inner: int, attention: str
):
    model, patches = build(size=size, inner_layers=inner, attention=attention), 6
    ids = draw(2, patches * size)
    with torch.no_grad():
        before = model(ids).logits  # row t predicts patch t + 1
        for patch in range(patches):
            changed = ids.clone()
            changed[:, patch * size : (patch + 1) * size] = (
                ids[:, patch * size : (patch + 1) * size] + 7
            ) % 256
            after = model(changed).logits
            # What predicts a byte of the patch sees, with a decoder within it, the bytes before that byte.
            blind = 1 if inner else size
            assert torch.equal(after[:, : max(patch - 1, 0)], before[:, : max(patch - 1, 0)])
            assert torch.equal(after[:, :patch, :blind], before[:, :patch, :blind])
            for later in range(patch, patches):
                assert not torch.equal(after[:, later], before[:, later])


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("size", [4, 16])
def test_with_a_decoder_in_the_patch_a_byte_changes_only_what_predicts_later_bytes(
    build: Make, draw: Draw, size: int, attention: str
):
    model, patch = build(size=size, inner_layers=1, attention=attention), 2
    ids = draw(2, 4 * size)
    with torch.no_grad():
        before = model(ids).logits.flatten(1, 2)  # row i predicts byte i + P
        for byte in range(size):
            changed = ids.clone()
            place = patch * size + byte
            changed[:, place] = (ids[:, place] + 7) % 256
            after = model(changed).logits.flatten(1, 2)
            same = place - size + 1  # rows up to the one that predicts this very byte
            assert torch.equal(after[:, :same], before[:, :same])
            assert not torch.equal(after[:, same:], before[:, same:])


def _copying(draw: Draw, size: int, shift: int) -> tuple[Tensor, Tensor]:
    """Logits of a model that copies what it sees of targets `shift` bytes on, and the sequence."""
    ids = draw(1, 8 * size)
    logits = torch.zeros(1, 8, size, 272)
    for patch in range(8):
        for byte in range(size):
            target = patch * size + byte + shift
            if target < (patch + 1) * size:  # it is in the patch itself: the model has read it
                logits[0, patch, byte, ids[0, target]] = 20.0
    return logits, ids


def test_targets_shifted_by_one_byte_would_be_seen_and_are_not_what_is_learned(draw: Draw):
    """A model that copies its input wins at targets one byte on, P - 1 of P times, and not at ours."""
    size = 8
    logits, ids = _copying(draw, size, shift=1)
    shifted = torch.nn.functional.cross_entropy(logits.flatten(1, 2)[0, :-1], ids[0, 1:])
    assert shifted < 1.1 * math.log(272) / size
    ours = next_patch_loss(logits[:, :-1], as_patches(ids, size)[:, 1:])
    assert ours > math.log(272)


@pytest.mark.slow_but("4-1")
@pytest.mark.parametrize("inner", [0, 1])
@pytest.mark.parametrize("size", [4, 16])
def test_random_bytes_cannot_be_learned(build: Make, draw: Draw, size: int, inner: int):
    """Fresh random bytes at every step: a loss below ln 256 would be a leak."""
    model = build(size=size, inner_layers=inner).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for step in range(60):
        ids = draw(16, 4 * size, seed=step)
        loss = model(ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert min(losses) > math.log(256) - 0.05


# The loss.


@pytest.mark.parametrize("inner", [0, 1])
@pytest.mark.parametrize("size", SIZES)
def test_the_loss_is_that_of_a_plain_loop(build: Make, draw: Draw, size: int, inner: int):
    model = build(size=size, inner_layers=inner)
    ids = draw(3, 5 * size)
    ids[0, 3 * size + size // 2 :] = PAD  # ends within a patch, then a patch of padding
    ids[1, 3 * size :] = PAD
    labels = ids.clone()
    labels[2, 2 * size : 2 * size + 1] = -100
    with torch.no_grad():
        output = model(ids, labels=labels)
    terms = []
    for row in range(3):
        for place in range(size, 5 * size):
            patch, byte = divmod(place, size)
            target = int(labels[row, place])
            empty = bool((labels[row, patch * size : (patch + 1) * size] == PAD).all())
            if target != -100 and not empty:
                terms.append(-float(output.logits[row, patch - 1, byte].log_softmax(-1)[target]))
    assert output.loss.item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_padding_on_either_side_leaves_the_loss_as_it_is(build: Make, draw: Draw):
    model, ids = build(), draw(2, 12)
    padding = torch.full((2, 8), PAD)
    for padded in (torch.cat([ids, padding], 1), torch.cat([padding, ids], 1)):
        torch.testing.assert_close(model(padded, labels=padded).loss, model(ids, labels=ids).loss)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (torch.zeros(2, 4, dtype=torch.long), r"labels have the shape \[2, 4\] .* \[2, 8\] are expected"),
        (torch.zeros(2, 8), "torch.float32"),
        (torch.full((2, 8), 272), "the label 272 is not an id, allowed are 0 to 271"),
        (torch.full((2, 8), -1), "the label -1 is not an id"),
        (np.zeros((2, 8), np.int64), "labels came as ndarray"),
        (torch.full((2, 8), -100), "nothing is left to predict"),
        (torch.full((2, 8), PAD), "nothing is left to predict"),
    ],
)
def test_labels_that_are_none_are_refused(build: Make, draw: Draw, labels: Any, says: str):
    with pytest.raises(InputError, match=says):
        build()(draw(2, 8), labels=labels)


def test_a_single_patch_has_nothing_to_predict(build: Make, draw: Draw):
    with pytest.raises(InputError, match="one patch"):
        build()(draw(2, 4), labels=draw(2, 4))


# Keys and values of patches before.


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("padding", [0, 2])
@pytest.mark.parametrize(("size", "inner"), [(1, 0), (4, 0), (4, 1)])
def test_piece_by_piece_gives_the_logits_of_a_full_pass(
    build: Make, draw: Draw, size: int, inner: int, padding: int, attention: str
):
    model = build(size=size, inner_layers=inner, attention=attention)
    ids = draw(2, 9 * size)
    ids[0, : padding * size] = PAD
    mask = ids != PAD
    with torch.no_grad():
        full = model(ids).logits
        cache, pieces = None, []
        for begin, end in ((0, 4), (4, 5), (5, 9)):
            output = model(
                ids[:, begin * size : end * size], attention_mask=mask[:, : end * size], cache=cache,
                use_cache=True,
            )  # fmt: skip
            cache = output.past_key_values
            pieces.append(output.logits)
    whole = torch.cat(pieces, 1)
    if (
        inner
    ):  # the last row of a piece does not know the patch that follows: of it the first byte alone counts
        full, whole = full[:, :, 0], whole[:, :, 0]
    torch.testing.assert_close(whole[0, padding:], full[0, padding:], atol=1e-5, rtol=0)
    torch.testing.assert_close(whole[1], full[1], atol=1e-5, rtol=0)


# First weights.


@pytest.mark.parametrize("size", [1, 4])
def test_near_bytes_begin_near_if_asked_for(build: Make, size: int):
    table = build(size=size).model.embedding.bytes.weight
    assert torch.equal(table[:256], smooth_rows(table.shape[1], modeling.BYTE_RMS))
    rough = build(size=size, smooth_bytes=False).model.embedding.bytes.weight
    assert (torch.nn.functional.cosine_similarity(rough[:255], rough[1:256]).mean().abs()) < 0.1


@pytest.mark.parametrize("name", ["tiny", "laptop"])
@pytest.mark.parametrize("size", SIZES)
def test_patches_begin_with_vectors_of_a_size_near_one(draw: Draw, name: str, size: int):
    torch.manual_seed(0)
    embedding = ByteLMModel(ByteLMConfig.named(name, patch_size=size)).embedding
    assert 0.3 < embedding(draw(8, 4 * size).unflatten(1, (4, size))).pow(2).mean().sqrt() < 3


def test_the_same_seed_gives_the_same_model(build: Make):
    first, second = build(inner_layers=1).state_dict(), build(inner_layers=1).state_dict()
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())
