from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import Tensor, nn
from weaver.utils.nn.optimizer.ranger import Ranger as Published

from yukawa.jets.training.optimiser import FEWEST_SAMPLES, Ranger, rectified


def problem() -> tuple[nn.Module, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 3))
    inputs = torch.randn(64, 5, generator=generator)
    return network, inputs, torch.randint(3, (64,), generator=generator)


def run(network: nn.Module, optimiser: torch.optim.Optimizer, steps: int) -> list[Tensor]:
    _, inputs, labels = problem()
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimiser.step()
    return [weight.detach().clone() for weight in network.parameters()]


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
@pytest.mark.parametrize("rate", [1e-3, 1e-2])
def test_it_equals_the_published_ranger(rate: float, weight_decay: float) -> None:
    network, _, _ = problem()
    twin = copy.deepcopy(network)
    ours = run(network, Ranger(network.parameters(), lr=rate, weight_decay=weight_decay), 50)
    theirs = run(twin, Published(twin.parameters(), lr=rate, weight_decay=weight_decay), 50)
    for mine, published in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, published, rtol=0, atol=1e-6)


@pytest.mark.parametrize("stop", [1, 3, 6, 8])  # before and after the slow weights have moved, and in between
def test_a_resumed_training_is_the_unbroken_one(stop: int) -> None:
    network, _, _ = problem()
    unbroken = run(copy.deepcopy(network), Ranger(network.parameters()), 0)  # the first weights
    whole = copy.deepcopy(network)
    unbroken = run(whole, Ranger(whole.parameters(), lr=1e-2), 20)

    first = Ranger(network.parameters(), lr=1e-2)
    run(network, first, stop)
    stored = io.BytesIO()
    torch.save({"network": network.state_dict(), "optimiser": first.state_dict()}, stored)
    stored.seek(0)
    loaded = torch.load(stored, weights_only=True)
    fresh, _, _ = problem()
    fresh.load_state_dict(loaded["network"])
    second = Ranger(fresh.parameters(), lr=1e-2)
    second.load_state_dict(loaded["optimiser"])
    for mine, expected in zip(run(fresh, second, 20 - stop), unbroken, strict=True):
        assert torch.equal(mine, expected)


def test_the_weights_are_the_slow_ones_after_every_k_steps() -> None:
    network, _, _ = problem()
    optimiser = Ranger(network.parameters(), lr=1e-2, k=3)
    for step in range(1, 7):
        run(network, optimiser, 1)
        same = [torch.equal(weight, optimiser.state[weight]["slow"]) for weight in network.parameters()]
        assert all(same) if step % 3 == 0 else not any(same)


def test_a_weight_without_a_gradient_stays_where_it_is() -> None:
    used, idle = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
    optimiser = Ranger([used, idle], lr=0.1)
    for _ in range(12):
        used.grad = torch.ones(3)
        optimiser.step()
    assert torch.equal(idle, torch.ones(3))
    assert (used < 1).all()


def test_the_rectification_begins_when_there_are_samples_enough_and_ends_at_adam() -> None:
    assert rectified(1, 0.999) is None
    first = next(step for step in range(1, 100) if rectified(step, 0.999) is not None)
    power = 0.999**first
    assert 1999 - 2 * first * power / (1 - power) >= FEWEST_SAMPLES
    assert rectified(10**6, 0.999) == pytest.approx(1)


def test_it_calls_a_closure() -> None:
    weight = nn.Parameter(torch.ones(1))

    def loss() -> Tensor:
        value = (weight**2).sum()
        value.backward()
        return value

    assert Ranger([weight]).step(loss).item() == 1
