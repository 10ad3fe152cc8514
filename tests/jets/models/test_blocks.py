from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from yukawa.jets.models.attention import DenseAttention
from yukawa.jets.models.blocks import ClassBlock, ParticleBlock, gelu, initialise_blocks, initialise_linear


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
