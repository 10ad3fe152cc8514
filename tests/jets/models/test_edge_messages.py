from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor

from yukawa.jets.models.edge_convolution import EdgeConvolution
from yukawa.jets.models.edge_messages import Graph, Workspace

PARTICLES, NEIGHBOURS = 23, 3


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several blocks, the last one shorter."""
    monkeypatch.setattr("yukawa.jets.models.edge_messages.BLOCK", 120)


def run(layer: EdgeConvolution, x_NC: Tensor, neighbours: Tensor) -> dict[str, Tensor]:
    """Output, all gradients, and the state after."""
    x_NC = x_NC.clone().requires_grad_()
    layer.zero_grad()
    out = layer(x_NC, neighbours)
    out.cos().sum().backward()
    gradients = {f"d {name}": p.grad.clone() for name, p in layer.named_parameters()}
    return (
        {"out": out.detach(), "d x": x_NC.grad}
        | gradients
        | {k: v.clone() for k, v in layer.state_dict().items()}
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("widths", [(6, 6, 6), (8, 4, 6), (5, 5), (4, 7, 7, 3)])
def test_gradients_by_hand_equal_those_of_autograd(
    widths: tuple[int, ...], training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer = EdgeConvolution(4, widths, NEIGHBOURS).double().train(training)
    for norm in layer.norms:
        norm.weight.data.uniform_(-1, 1)
        norm.bias.data.normal_()
    definition = copy.deepcopy(layer)
    x_NC = torch.randn(PARTICLES, 4, dtype=torch.float64)
    neighbours = torch.randint(0, PARTICLES + 1, (PARTICLES, NEIGHBOURS))
    for _ in range(2):  # the second time memory is reused
        found = run(layer, x_NC, neighbours)
        with monkeypatch.context() as patch:
            patch.setattr(EdgeConvolution, "_by_blocks", lambda self, x: False)
            wanted = run(definition, x_NC, neighbours)
        for name, value in wanted.items():
            torch.testing.assert_close(found[name], value, rtol=1e-9, atol=1e-12, msg=name)


def test_statistics_stay_precise_far_from_zero() -> None:
    layer = EdgeConvolution(2, (4, 4), NEIGHBOURS).train()
    x_NC = torch.randn(PARTICLES, 2) * 1e-2 + 30
    neighbours = torch.randint(0, PARTICLES, (PARTICLES, NEIGHBOURS))
    exact = copy.deepcopy(layer).double()
    exact(x_NC.double(), neighbours)
    layer(x_NC, neighbours)
    for norm, wanted in zip(layer.norms, exact.norms, strict=True):
        torch.testing.assert_close(norm.running_var.double(), wanted.running_var, rtol=1e-4, atol=1e-7)


def test_a_second_backward_is_refused() -> None:
    layer = EdgeConvolution(2, (4, 4), NEIGHBOURS)
    out = layer(torch.randn(PARTICLES, 2), torch.randint(0, PARTICLES, (PARTICLES, NEIGHBOURS))).sum()
    out.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="can be taken once"):
        out.backward()


def test_two_forwards_before_one_backward_do_not_share_memory() -> None:
    torch.manual_seed(0)
    layer = EdgeConvolution(2, (4, 4), NEIGHBOURS).double().eval()
    inputs = [torch.randn(PARTICLES, 2, dtype=torch.float64) for _ in range(2)]
    neighbours = torch.randint(0, PARTICLES, (PARTICLES, NEIGHBOURS))

    def gradient(*some: Tensor) -> Tensor:
        layer.zero_grad()
        sum(layer(x, neighbours).sum() for x in some).backward()
        return layer.linears[1].weight.grad.clone()

    apart = gradient(inputs[0]) + gradient(inputs[1])
    torch.testing.assert_close(gradient(*inputs), apart)


def test_the_workspace_gives_the_same_memory_again_and_grows() -> None:
    workspace, like = Workspace(), torch.empty(0)
    first = workspace.take(10, 4, like)
    address = first.data_ptr()
    workspace.give(first)
    assert workspace.take(8, 5, like).data_ptr() == address
    larger = workspace.take(100, 4, like)
    assert larger.shape == (100, 4)
    assert workspace.take(3, 3, like.double()).dtype == torch.float64


def test_the_workspace_is_not_copied_or_pickled() -> None:
    workspace = Workspace()
    workspace.give(workspace.take(1000, 100, torch.empty(0)))
    assert len(pickle.dumps(workspace)) < 200
    assert copy.deepcopy(workspace).take(1, 1, torch.empty(0)).numel() == 1


def test_a_graph_lists_edges_by_their_ends() -> None:
    graph = Graph.of(torch.tensor([[1, 2], [0, 3], [3, 1]]))  # 3: a missing neighbour
    assert graph.edges.tolist() == [2, 0, 5, 1]
    assert graph.starts.tolist() == [0, 1, 3]
    assert graph.degrees.tolist() == [1, 2, 1]
    x = torch.tensor([[1.0], [10.0], [100.0]])
    assert graph.neighbour_sums(x).tolist() == [[110.0], [1.0], [10.0]]
    values = torch.arange(6.0)[:, None]
    assert graph.incoming_sums(values, graph.edges).tolist() == [[2.0], [5.0], [1.0]]
