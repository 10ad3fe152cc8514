from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from yukawa.jets.models.edge_convolution import EdgeConvolution, nearest_neighbours, nearest_neighbours_padded
from yukawa.jets.models.interface import unpack
from yukawa.jets.models.layout import group_by_length


def by_hand(x_NC: Tensor, counts: list[int], k: int) -> list[set[int]]:
    """The neighbours of each particle, by sorting all distances."""
    found, start = [], 0
    for count in counts:
        for i in range(start, start + count):
            others = [j for j in range(start, start + count) if j != i]
            found.append(set(sorted(others, key=lambda j: float((x_NC[i] - x_NC[j]).square().sum()))[:k]))
        start += count
    return found


@pytest.mark.parametrize("k", [1, 4, 16])
def test_neighbours_are_the_nearest_others_of_the_same_jet(k: int) -> None:
    torch.manual_seed(0)
    counts = torch.tensor([1, 3, 0, 30, 7, 12])
    layout = group_by_length(counts)
    x_NC = torch.randn(int(counts.sum()), 3, dtype=torch.float64)[layout.rows]
    lengths = torch.cat([group.counts_b for group in layout.groups])
    wanted = by_hand(x_NC, lengths.tolist(), k)
    found = nearest_neighbours(x_NC, layout.groups, k)
    assert found.shape == (len(x_NC), k)
    assert [set(row.tolist()) - {len(x_NC)} for row in found] == wanted
    assert [int((row == len(x_NC)).sum()) for row in found] == [k - len(near) for near in wanted]
    padded, mask = unpack(x_NC, lengths)
    of_padded = nearest_neighbours_padded(padded, mask, k)[mask.flatten()]
    number = torch.full((mask.numel() + 1,), len(x_NC))
    number[:-1][mask.flatten()] = torch.arange(len(x_NC))
    assert [set(row.tolist()) - {len(x_NC)} for row in number[of_padded]] == wanted


def test_neighbours_do_not_depend_on_how_jets_are_grouped() -> None:
    counts = torch.tensor([20, 19, 18, 3])
    x_NC = torch.randn(60, 2)
    one, many = group_by_length(counts), group_by_length(counts, slots=1)
    assert len(one.groups) < len(many.groups)
    found = [nearest_neighbours(x_NC, layout.groups, 5).sort()[0] for layout in (one, many)]
    assert torch.equal(*found)


def definition(layer: EdgeConvolution, x_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
    """The layer written out: every layer over (x_i, x_j - x_i) along each edge."""
    near_NKC = torch.cat([x_NC, torch.zeros_like(x_NC[:1])])[neighbours_NK]
    centre_NKC = x_NC[:, None].expand_as(near_NKC)
    z_EC = torch.cat([centre_NKC, near_NKC - centre_NKC], dim=2).flatten(0, 1)
    for linear, norm in zip(layer.linears, layer.norms, strict=True):
        z_EC = norm(linear(z_EC)).relu()
    messages = z_EC.unflatten(0, neighbours_NK.shape).mean(dim=1)
    shortcut = x_NC if layer.shortcut is None else layer.shortcut_norm(layer.shortcut(x_NC))
    return (shortcut + messages).relu()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("widths", [(6,), (4, 4), (6, 6, 6), (8, 4, 6), (4, 7, 7, 3)])
def test_values_gradients_and_statistics_equal_the_definition(
    widths: tuple[int, ...], training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yukawa.jets.models.edge_convolution.BLOCK", 100)
    torch.manual_seed(0)
    layer = EdgeConvolution(4, widths, 3).double().train(training)
    for norm in layer.norms:
        norm.weight.data.uniform_(-1, 1)
        norm.bias.data.normal_()
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    neighbours = torch.randint(0, 32, (31, 3))  # 31: a missing neighbour
    results = []
    for call, network in ((EdgeConvolution.forward, layer), (definition, copy.deepcopy(layer))):
        x_NC = torch.randn(31, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        out = call(network, x_NC.requires_grad_(), neighbours)
        out.cos().sum().backward()
        gradients = [weight.grad for weight in network.parameters()]
        results.append([out, x_NC.grad, *gradients, *network.state_dict().values()])
    for found, wanted in zip(*results, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)


def test_normalisations_can_be_made_synchronous() -> None:
    layer = torch.nn.SyncBatchNorm.convert_sync_batchnorm(EdgeConvolution(4, (6, 6), 3))
    assert all(isinstance(norm, torch.nn.SyncBatchNorm) for norm in (*layer.norms, layer.shortcut_norm))


def test_a_missing_neighbour_counts_as_one_at_zero() -> None:
    layer = EdgeConvolution(4, (6, 6), 3).eval()
    x_NC = torch.randn(5, 4)
    missing = torch.tensor([[1, 2, 5]]).expand(5, 3).contiguous()
    there = missing.clone()  # the sixth particle has features 0
    with torch.no_grad():
        found = layer(torch.cat([x_NC, torch.zeros(1, 4)]), torch.cat([there, there[:1]]))[:5]
        torch.testing.assert_close(layer(x_NC, missing), found)
