from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from yukawa.jets.models.attention import ClassBlock, ParticleBlock, attend, dropout, heads_first


def test_attention_equals_pytorchs() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 4, 5, 7, 6, dtype=torch.float64)
    bias = torch.randn(4, 5, 7, 7, dtype=torch.float64)
    bias[:, 2, :, 4:] = -math.inf
    expected = F.scaled_dot_product_attention(q, k, v, bias)
    torch.testing.assert_close(attend(q, k, v, bias, 0.0), expected, rtol=0, atol=1e-13)


def test_one_bias_may_serve_all_heads_and_queries() -> None:
    q, k, v = torch.randn(3, 4, 5, 7, 6)
    bias = torch.randn(1, 5, 1, 7)
    assert torch.equal(attend(q, k, v, bias, 0.0), attend(q, k, v, bias.expand(4, 5, 7, 7), 0.0))


def test_heads_are_consecutive_features() -> None:
    x = torch.arange(24.0).view(1, 1, 24)
    q, _, v = heads_first(x, 4)
    assert q[:, 0, 0].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert v[3, 0, 0].tolist() == [22, 23]


def test_the_class_token_sees_what_plain_attention_would_show_it() -> None:
    torch.manual_seed(0)
    block = ClassBlock(12, 3, 24, 0.0).double()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    token, x = torch.randn(4, 12).double(), torch.randn(4, 6, 12).double()
    hidden = torch.zeros(4, 1, 6).double()
    hidden[1, :, 2:] = hidden[2] = -math.inf

    u = block.attention_norm(torch.cat([token[:, None], x], dim=1))
    q = F.linear(token[:, None], *(p.chunk(3)[0] for p in block.in_projection.parameters()))
    _, k, v = heads_first(block.in_projection(u), 3)
    q = q.unflatten(2, (3, -1)).permute(2, 0, 1, 3)
    attended = attend(q, k, v, F.pad(hidden, (1, 0))[None], 0.0)[:, :, 0].transpose(0, 1).flatten(1)
    expected = block.after_attention(token, attended, block.scaled_out_projection())
    torch.testing.assert_close(block(token, x, hidden), expected, rtol=0, atol=1e-12)


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


def test_a_block_drops_only_in_training() -> None:
    block, x = ParticleBlock(8, 2, 16, 0.5), torch.randn(2, 3, 8)
    bias, out = torch.zeros(1, 1, 1, 3), block.scaled_out_projection()
    assert not torch.equal(block(x, bias, out), block(x, bias, out))
    block.eval()
    assert torch.equal(block(x, bias, out), block(x, bias, out))


def test_a_particle_sees_those_that_are_not_hidden() -> None:
    torch.manual_seed(0)
    block, x = ParticleBlock(8, 2, 16, 0.0).eval(), torch.randn(1, 3, 8)
    bias = torch.tensor([0.0, 0.0, -math.inf]).view(1, 1, 1, 3)
    moved = x.clone()
    moved[0, 1, 0] += 1
    moved_hidden = x.clone()
    moved_hidden[0, 2, 0] += 1
    before, after, hidden = (block(y, bias, block.scaled_out_projection()) for y in (x, moved, moved_hidden))
    assert not torch.allclose(before[0, 0], after[0, 0])
    assert torch.equal(before[0, :2], hidden[0, :2])
