from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yukawa.core.errors import InputError
from yukawa.jets.models.layout import LengthGroup, gelu
from yukawa.jets.models.tagger import unpack
from yukawa.jets.models.transformer import (
    ClassBlock,
    DenseAttention,
    PackedAttention,
    ParticleBlock,
    PlainTransformer,
    PlainTransformerConfig,
    dropout,
    initialise_blocks,
    initialise_linear,
    keep_mask,
)


def test_the_class_token_sees_what_plain_attention_would_show_it() -> None:
    torch.manual_seed(0)
    block = ClassBlock(12, 3, 24, 0.0).double()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    token, x = torch.randn(4, 12).double(), torch.randn(4, 6, 12).double()
    hidden = torch.zeros(4, 1, 6).double()
    hidden[1, :, 2:] = hidden[2] = -math.inf

    u = block.attention_norm(torch.cat([token[:, None], x], dim=1))
    q = F.linear(token, *(p.chunk(3)[0] for p in block.in_projection.parameters())).unflatten(1, (3, 1, -1))
    _, k, v = block.in_projection(u).unflatten(2, (3, 3, -1)).permute(2, 0, 3, 1, 4)
    attended = F.scaled_dot_product_attention(q, k, v, F.pad(hidden, (1, 0))[:, None]).flatten(1)
    expected = block.after_attention(token, attended, block.scaled_out_projection())
    torch.testing.assert_close(block(token, x, hidden), expected, rtol=0, atol=1e-12)


def test_a_block_drops_only_in_training() -> None:
    block, x = ParticleBlock(8, 2, 16, 0.5), torch.randn(6, 8)
    attention, out = DenseAttention(torch.zeros(1, 2, 1, 3)), block.scaled_out_projection()
    assert not torch.equal(block(x, attention, out), block(x, attention, out))
    block.eval()
    assert torch.equal(block(x, attention, out), block(x, attention, out))


def test_a_particle_sees_those_that_are_not_hidden() -> None:
    torch.manual_seed(0)
    block, x = ParticleBlock(8, 2, 16, 0.0).eval(), torch.randn(3, 8)
    attention = DenseAttention(torch.tensor([0.0, 0.0, -math.inf]).view(1, 1, 1, 3))
    moved, moved_hidden = x.clone(), x.clone()
    moved[1, 0] += 1
    moved_hidden[2, 0] += 1
    before, after, hidden = (
        block(y, attention, block.scaled_out_projection()) for y in (x, moved, moved_hidden)
    )
    assert not torch.allclose(before[0], after[0])
    assert torch.equal(before[:2], hidden[:2])


def test_each_head_is_scaled() -> None:
    block = ParticleBlock(8, 2, 16, 0.0)
    block.head_scale_H.data = torch.tensor([2.0, 3.0])
    weight, bias = block.scaled_out_projection()
    x = torch.randn(8)
    plain = block.out_projection(x)
    torch.testing.assert_close(F.linear(x, weight, bias), torch.cat([2 * plain[:4], 3 * plain[4:]]))


def test_gelu_is_the_exact_one_with_and_without_gradients() -> None:
    x = torch.randn(50)
    expected = F.gelu(x)
    with torch.no_grad():
        assert torch.equal(gelu(x.clone()), expected)
    kept = x.clone().requires_grad_()
    assert torch.equal(gelu(kept), expected)
    assert torch.equal(kept.detach(), x)


def test_queries_keys_and_values_start_each_by_themselves() -> None:
    torch.manual_seed(0)
    block = ParticleBlock(64, 4, 256, 0.0)
    initialise_linear(block)
    assert block.in_projection.weight.abs().max().item() == pytest.approx(math.sqrt(6 / 128), rel=0.01)
    assert block.expand.weight.abs().max().item() == pytest.approx(math.sqrt(6 / 320), rel=0.01)
    assert not block.expand.bias.any()


def test_deeper_blocks_start_smaller() -> None:
    blocks = nn.ModuleList(ParticleBlock(8, 2, 16, 0.0) for _ in range(3))
    before = [block.contract.weight.detach().clone() for block in blocks]
    initialise_blocks(blocks)
    for depth, (block, weight) in enumerate(zip(blocks, before, strict=True), start=1):
        torch.testing.assert_close(block.contract.weight, weight / math.sqrt(2 * depth))


HEADS = 3
COUNTS = [5, 5, 3, 0]


def made(counts: list[int], width: int = 12) -> tuple[LengthGroup, Tensor, Tensor]:
    """A group, its projected particles and a bias that hides what is no particle."""
    torch.manual_seed(0)
    group = LengthGroup(torch.tensor(counts), max(1, *counts), 0, sum(counts))
    bias = torch.randn(HEADS, len(counts), group.length, group.length, dtype=torch.float64)
    bias.masked_fill_(~group.keys[:, None, :], -math.inf)
    return group, torch.randn(sum(counts), 3 * width, dtype=torch.float64), bias


def by_hand(projected: Tensor, counts: list[int], bias: Tensor) -> Tensor:
    """Attention in its plainest words: a loop over jets and heads."""
    jets = []
    for number, jet in enumerate(projected.split(counts)):
        q, k, v = jet.unflatten(1, (3, HEADS, -1)).permute(1, 2, 0, 3)
        found = [
            torch.softmax(
                q[h] @ k[h].T / math.sqrt(q.shape[-1]) + bias[h, number, : len(jet), : len(jet)], -1
            )
            @ v[h]
            for h in range(HEADS)
        ]
        jets.append(torch.cat(found, dim=1))
    return torch.cat(jets)


@pytest.mark.parametrize("counts", [COUNTS, [4, 4], [1], [2, 1, 0, 0]])
def test_packed_attention_is_attention_within_each_jet(counts: list[int]) -> None:
    group, projected, bias = made(counts)
    attended = PackedAttention([group], [bias])(projected, HEADS, 0.0)
    torch.testing.assert_close(attended, by_hand(projected, counts, bias), rtol=0, atol=1e-13)


def test_dense_attention_equals_packed() -> None:
    group, projected, bias = made(COUNTS)
    dense = DenseAttention(bias)(group.padded(projected).flatten(0, 1), HEADS, 0.0)
    packed = PackedAttention([group], [bias])(projected, HEADS, 0.0)
    torch.testing.assert_close(dense[group.slots], packed, rtol=0, atol=1e-13)


def test_several_groups_are_each_by_themselves() -> None:
    first, projected, bias = made([5, 5])
    second = LengthGroup(torch.tensor([3, 1]), 3, 10, 4)
    _, others, others_bias = made([3, 1])
    together = PackedAttention([first, second], [bias, others_bias])(
        torch.cat([projected, others]), HEADS, 0.0
    )
    apart = [
        PackedAttention([first], [bias])(projected, HEADS, 0.0),
        PackedAttention([LengthGroup(second.counts_b, 3, 0, 4)], [others_bias])(others, HEADS, 0.0),
    ]
    assert torch.equal(together, torch.cat(apart))


def test_one_bias_may_serve_all_heads_and_queries() -> None:
    group, projected, _ = made(COUNTS)
    bias = torch.zeros(1, 4, 1, 5).double().masked_fill(~group.keys[None, :, None], -math.inf)
    shared, each = (
        PackedAttention([group], [b])(projected, HEADS, 0.0) for b in (bias, bias.expand(HEADS, 4, 5, 5))
    )
    assert torch.equal(shared, each)


@pytest.mark.slow
@pytest.mark.parametrize("p", [0.0, 0.4])
def test_the_derivative_is_right_with_and_without_dropout(p: float) -> None:
    group, projected, bias = made([3, 3, 2, 0], 6)

    def attended(projected: Tensor, bias: Tensor) -> Tensor:
        torch.manual_seed(1)  # the same weights are dropped each time
        return PackedAttention([group], [bias.masked_fill(~group.keys[:, None, :], -math.inf)])(
            projected, HEADS, p
        )

    bias = bias.masked_fill(bias.isinf(), 0)
    assert torch.autograd.gradcheck(attended, (projected.requires_grad_(), bias.requires_grad_()))


def test_dropped_weights_leave_the_mean() -> None:
    group, projected, bias = made(COUNTS)
    attention = PackedAttention([group], [bias])
    mean = torch.stack([attention(projected, HEADS, 0.3) for _ in range(4000)]).mean(0)
    torch.testing.assert_close(mean, attention(projected, HEADS, 0.0), rtol=0, atol=0.1)


def test_dropout_keeps_its_share_and_the_mean() -> None:
    torch.manual_seed(0)
    x = torch.ones(1_000_003)
    for p in (0.1, 0.5, 0.9):
        y = dropout(x, p)
        assert set(y.unique().tolist()) == {0.0, y.max().item()}
        assert y.max().item() == pytest.approx(1 / (1 - p))
        assert (y == 0).float().mean().item() == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / 1e6))


def test_dropout_has_the_gradient_of_what_it_did_and_follows_the_seed() -> None:
    x = torch.randn(33, 7, requires_grad=True)
    torch.manual_seed(3)
    first = dropout(x, 0.3)
    first.sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad * x.detach(), first.detach())
    torch.manual_seed(3)
    assert torch.equal(dropout(x, 0.3), first)
    assert not torch.equal(dropout(x, 0.3), first)


def test_dropout_of_nothing_or_by_nothing_is_the_input() -> None:
    x, empty = torch.randn(5), torch.empty(0, 3)
    assert dropout(x, 0.0) is x
    assert dropout(empty, 0.5) is empty


def test_a_mask_has_the_shape_and_the_type_it_is_multiplied_in() -> None:
    mask = keep_mask(torch.empty(3, 5, dtype=torch.bfloat16), 0.5)
    assert (mask.shape, mask.dtype) == ((3, 5), torch.int16)


Batch = dict[str, Tensor]
LENGTHS = [5, 1, 12, 3, 20, 1, 8]


def tagger(dtype: torch.dtype = torch.float64, **settings: Any) -> PlainTransformer:
    torch.manual_seed(0)
    sizes = {"features": 6, "classes": ("b", "c", "g"), "embed": 24, "heads": 4, "layers": 2, **settings}
    return PlainTransformer(PlainTransformerConfig(**sizes)).to(dtype).eval()


def padded(jets: Batch, length: int | None = None) -> tuple[Tensor, ...]:
    found = [
        unpack(jets[name], jets["counts_B"], length) for name in ("features_NF", "momenta_N4", "points_N2")
    ]
    return (*(values for values, _ in found), found[0][1])


def test_padding_order_and_neighbours_change_nothing(jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger(), jets_of(LENGTHS, dtype=torch.float64)
    expected = ours(**jets)
    torch.testing.assert_close(ours.forward_padded(*padded(jets, 31)), expected, rtol=0, atol=1e-12)
    order = torch.cat([part.flip(0) for part in torch.arange(sum(LENGTHS)).split(LENGTHS)])
    mixed = {name: value if name == "counts_B" else value[order] for name, value in jets.items()}
    torch.testing.assert_close(ours(**mixed), expected, rtol=0, atol=1e-12)
    first = {name: value[: LENGTHS[0]] for name, value in jets.items()} | {"counts_B": jets["counts_B"][:1]}
    torch.testing.assert_close(ours(**first), expected[:1], rtol=0, atol=1e-12)


def test_every_particle_counts(jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger(), jets_of([6], dtype=torch.float64)
    for number in range(6):
        moved = jets["features_NF"].clone()
        moved[number, 0] += 1
        assert not torch.allclose(ours(**{**jets, "features_NF": moved}), ours(**jets))


@pytest.mark.parametrize("training", [False, True])
def test_empty_jets_give_finite_logits_and_gradients(training: bool, jets_of: Callable[..., Batch]) -> None:
    ours = tagger(torch.float32).train(training)
    for lengths in ([0], [3, 0, 1], [1]):
        jets = jets_of(lengths)
        logits = ours(**jets)
        logits.sum().backward()
        assert logits.isfinite().all()
        assert ours.forward_padded(*padded(jets, 4)).isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in ours.parameters())


def test_it_learns(jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger(torch.float32).train(), jets_of(LENGTHS)
    optimiser = torch.optim.Adam(ours.parameters(), lr=3e-3)
    labels, losses = torch.arange(len(LENGTHS)) % 3, []
    for _ in range(40):
        optimiser.zero_grad()
        loss = F.cross_entropy(ours(**jets), labels)
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]


def test_weights_come_back(jets_of: Callable[..., Batch]) -> None:
    first, jets = tagger(), jets_of(LENGTHS, dtype=torch.float64)
    second = tagger()
    for parameter in second.parameters():
        parameter.data.zero_()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(**jets), second(**jets))


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(InputError, match="5 heads do not divide the width 24"):
        tagger(heads=5)
