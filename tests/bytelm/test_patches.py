"""Ids as patches, masks of patches, and embeddings in which near bytes are near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from yukawa.bytelm import patches
from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import ByteLMForCausalLM, ByteLMModel
from yukawa.bytelm.patches import PatchDecoder, PatchEmbedding, as_patches, patch_mask, smooth_rows
from yukawa.bytelm.segments import BYTES, Mark
from yukawa.core.errors import InputError

WIDTHS = (8, 16, 64, 768)


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5))
def test_patches_laid_end_to_end_are_the_sequence(batch: int, patches: int, size: int):
    ids = torch.arange(batch * patches * size).reshape(batch, -1)
    cut = as_patches(ids, size)
    assert cut.shape == (batch, patches, size)
    assert torch.equal(cut.flatten(1), ids)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_whole_numbers_of_any_type_are_ids(dtype: torch.dtype):
    patches = as_patches(torch.arange(12).reshape(1, 12).to(dtype), 4)
    assert patches.dtype == torch.int64
    assert torch.equal(patches.flatten(), torch.arange(12))


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (torch.zeros(2, 7, dtype=torch.long), "7 bytes is not made of patches of 4"),
        (torch.zeros(2, 8), "torch.float32"),
        (torch.zeros(8, dtype=torch.long), r"shape \[8\]"),
        (torch.zeros(1, 2, 4, dtype=torch.long), r"shape \[1, 2, 4\]"),
        (torch.zeros(2, 0, dtype=torch.long), "there is no byte"),
        (torch.zeros(0, 8, dtype=torch.long), "there is no byte"),
        (torch.zeros(2, 8, dtype=torch.bool), "torch.bool"),
        (torch.zeros(2, 8, dtype=torch.cfloat), "torch.complex64"),
        (np.zeros((2, 8), np.int64), "came as ndarray, a tensor .*torch.as_tensor"),
        ([[0] * 8], "came as list, a tensor"),
    ],
)
def test_what_is_no_sequence_of_patches_is_refused(ids: Any, says: str):
    with pytest.raises(InputError, match=says):
        as_patches(ids, 4)


def test_a_mask_of_bytes_a_mask_of_patches_and_no_mask_agree():
    pad, patches = (
        int(Mark.PAD),
        torch.tensor([[[0, 0], [1, 256], [256, 256]], [[256, 256], [256, 7], [0, 0]]]),
    )
    expected = torch.tensor([[True, True, False], [False, True, True]])
    assert torch.equal(patch_mask(patches, None), expected)
    assert torch.equal(patch_mask(patches, (patches.flatten(1) != pad).long()), expected)
    assert torch.equal(patch_mask(patches, expected.float()), expected)


def test_a_mask_that_is_no_tensor_is_refused():
    with pytest.raises(InputError, match="attention_mask came as ndarray, a tensor is expected"):
        patch_mask(torch.zeros(1, 2, 4, dtype=torch.long), np.ones((1, 8)))  # type: ignore[arg-type]


def test_patches_before_are_there_unless_the_mask_says_otherwise():
    patches = torch.tensor([[[5, 256]], [[256, 256]]])
    assert patch_mask(patches, None, before=2).tolist() == [[True, True, True], [True, True, False]]
    given_mask = torch.tensor([[0, 1, 1], [1, 1, 0]])
    assert torch.equal(patch_mask(patches, given_mask, before=2), given_mask.bool())
    assert torch.equal(patch_mask(patches, given_mask.repeat_interleave(2, 1), before=2), given_mask.bool())


@pytest.mark.parametrize("shape", [(2, 5), (1, 6), (2, 3, 2), (6,)])
def test_a_mask_of_another_shape_is_refused(shape: tuple[int, ...]):
    with pytest.raises(InputError, match=r"attention_mask has the shape .* \[2, 6\] is expected"):
        patch_mask(torch.zeros(2, 3, 2, dtype=torch.long), torch.ones(shape))


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("wrong", [-1, 272, 1000])
def test_an_id_outside_the_vocabulary_is_named(size: int, wrong: int):
    embedding = PatchEmbedding(ByteLMConfig.named("tiny", patch_size=size))
    ids = torch.zeros(2, 3, size, dtype=torch.long)
    ids[1, 2, 0] = wrong
    with pytest.raises(InputError, match=f"id {wrong} is not in the vocabulary, allowed are 0 to 271"):
        embedding(ids)


def test_the_patch_of_one_byte_is_its_embedding():
    embedding = PatchEmbedding(ByteLMConfig.named("tiny", patch_size=1))
    ids = torch.arange(272).reshape(1, 272, 1)
    assert torch.equal(embedding(ids)[0], embedding.bytes.weight)


def test_a_patch_is_two_layers_with_a_relu_over_its_bytes_in_order():
    embedding = PatchEmbedding(ByteLMConfig.named("tiny", patch_size=3))
    first, _, second = embedding.patch
    side_by_side = torch.cat([embedding.bytes.weight[byte] for byte in (7, 0, 256)])
    by_hand = second.weight @ (first.weight @ side_by_side + first.bias).clamp(min=0) + second.bias
    torch.testing.assert_close(embedding(torch.tensor([[[7, 0, 256]]]))[0, 0], by_hand)


@pytest.mark.parametrize("width", WIDTHS)
def test_smooth_rows_have_the_size_asked_for(width: int):
    assert smooth_rows(width, 0.3).pow(2).mean().sqrt() == pytest.approx(0.3, rel=0.03)


@pytest.mark.parametrize("width", WIDTHS)
def test_smooth_rows_tell_every_byte_from_every_other(width: int):
    rows = smooth_rows(width, 1.0)
    apart = torch.cdist(rows.double(), rows.double()) / width**0.5 + torch.eye(BYTES)
    assert apart.min() > 0.05  # in units of the root mean square


@pytest.mark.parametrize("width", WIDTHS)
def test_in_smooth_rows_the_nearer_byte_is_the_nearer_row(width: int):
    rows = functional.normalize(smooth_rows(width, 1.0), dim=1)
    likeness = rows @ rows.T
    by_distance = torch.stack([likeness.diagonal(step).mean() for step in (0, 1, 2, 4, 8, 16)])
    assert by_distance.diff().max() < 0
    assert by_distance[1] > 0.8
    far = torch.stack([likeness.diagonal(step).mean() for step in range(32, 224)])
    assert far.max() < by_distance[3]


def _decoder(size: int, layers: int = 2, attention: str = "sdpa") -> PatchDecoder:
    torch.manual_seed(0)
    config = ByteLMConfig.named("tiny", patch_size=size, inner_layers=layers, inner_size=16, inner_heads=2)
    config._attn_implementation = attention
    head = ByteLMForCausalLM(config).eval().head
    assert isinstance(head, PatchDecoder)
    return head


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("size", [2, 5, 8])
def test_a_byte_changes_only_what_predicts_later_bytes_of_its_patch(size: int, attention: str):
    head = _decoder(size, attention=attention)
    vectors, bytes_BTP = torch.randn(2, 3, 64), torch.randint(0, 256, (2, 3, size))
    before = head(vectors, bytes_BTP)
    assert before.shape == (2, 3, size, 272)
    for byte in range(size):
        changed = bytes_BTP.clone()
        changed[:, 1, byte] += 1
        after = head(vectors, changed)
        assert torch.equal(after[:, [0, 2]], before[:, [0, 2]])
        assert torch.equal(after[:, 1, : byte + 1], before[:, 1, : byte + 1])
        for later in range(byte + 1, size):
            assert not torch.equal(after[:, 1, later], before[:, 1, later])


def test_every_byte_sees_the_patch_before():
    head = _decoder(4)
    vectors, following = torch.randn(1, 2, 64), torch.randint(0, 256, (1, 2, 4))
    changed = vectors.clone()
    changed[:, 0] += 1
    before, after = head(vectors, following), head(changed, following)
    assert (after[0, 0] != before[0, 0]).any(-1).all()
    assert torch.equal(after[0, 1], before[0, 1])


@pytest.mark.parametrize("size", [1, 2, 7])
def test_byte_by_byte_gives_the_logits_of_all_at_once(size: int):
    head = _decoder(size)
    vectors, following = torch.randn(5, 64), torch.randint(0, 256, (5, size))
    steps = head.steps(vectors)
    with torch.no_grad():
        logits = [next(steps)] + [steps.send(following[:, byte]) for byte in range(size - 1)]
        whole = head(vectors[:, None], following[:, None])[:, 0]
    torch.testing.assert_close(torch.stack(logits, 1), whole, atol=1e-5, rtol=0)


LENGTHS = [(5, 4, 4), (1,), (9, 2)]


@dataclass
class Rows:
    """A group of sequences, padded by a loop."""

    lengths: tuple[int, ...]

    @property
    def rows(self) -> int:
        return sum(self.lengths)

    def padded(self, rows_nX: Tensor, /) -> Tensor:
        return torch.nn.utils.rnn.pad_sequence(rows_nX.split(self.lengths), batch_first=True)

    def unpad(self, padded_bPX: Tensor, /) -> Tensor:
        return torch.cat([rows[:length] for rows, length in zip(padded_bPX, self.lengths, strict=True)])


def model(attention: str | None = None, **sizes: int) -> ByteLMModel:
    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = ByteLMConfig(patch_size=2, byte_size=4, patch_hidden_size=8, **(small | sizes))
    return ByteLMModel._from_config(config, attn_implementation=attention).double().eval()


@pytest.mark.parametrize(("attention", "shared"), [("sdpa", 4), ("sdpa", 2), ("sdpa", 1), ("eager", 2)])
def test_packed_sequences_are_decoded_as_each_alone(attention: str, shared: int) -> None:
    decoder = model(attention, num_key_value_heads=shared)
    each = [torch.randn(length, 16, dtype=torch.float64) for group in LENGTHS for length in group]
    groups = [Rows(lengths) for lengths in LENGTHS]
    places = torch.cat([torch.arange(len(rows)) for rows in each])
    together = torch.cat(each).requires_grad_()
    found = decoder.decode_packed(together, places, groups)
    expected = torch.cat([decoder.decode(rows[None]).last_hidden_state[0] for rows in each])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    (changed,) = torch.autograd.grad(found[:5].sum(), together)
    assert changed[:5].abs().min() > 0
    assert changed[5:].abs().max() == 0  # one sequence does not see another


def test_recomputed_activations_give_the_same_gradients() -> None:
    decoder = model().train()
    rows, groups = torch.randn(6, 16, dtype=torch.float64), [Rows((4, 2))]
    places = torch.tensor([0, 1, 2, 3, 0, 1])
    gradients = []
    for recompute in (False, True):
        if recompute:
            decoder.decoder.activation_checkpointing_enable()
        decoder.zero_grad()
        decoder.decode_packed(rows, places, groups).square().sum().backward()
        gradients.append([p.grad.clone() for p in decoder.decoder.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(gradients[1]) > 10
    assert all(torch.equal(one, two) for one, two in zip(*gradients, strict=True))


def test_without_groups_it_is_sdpa() -> None:
    ours = model()
    assert ours.decoder.config._attn_implementation == patches.PACKED_ATTENTION
    ids = torch.randint(0, 256, (2, 8))
    mask = torch.tensor([[0, 0, 1, 1, 1, 1, 1, 1], [1] * 8])
    theirs = model()
    theirs.set_attn_implementation("sdpa")
    assert theirs.decoder.config._attn_implementation == "sdpa"
    assert torch.equal(ours(ids, mask).last_hidden_state, theirs(ids, mask).last_hidden_state)
