from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from yukawa.jets.training.schedule import FLAT, LAST, SCHEDULES, factor


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_a_rate_begins_whole_never_rises_and_stays_positive_while_training(schedule: str, steps: int) -> None:
    rate = factor(schedule, steps)
    values = [rate(step) for step in range(steps)]
    assert values[0] == 1
    assert all(after <= before for before, after in pairwise(values))
    assert all(value > 0 for value in values)


@pytest.mark.parametrize("epochs", [10, 30, 50])
def test_flat_then_decay_meets_the_published_staircase_at_the_end_of_each_epoch(epochs: int) -> None:
    # weaver-core's flat+decay: from the epoch E - 0.3 E on, every epoch multiplies the rate.
    falling = int(0.3 * epochs)
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([weight], lr=1.0)
    milestones = list(range(epochs - falling, epochs))
    published = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones, gamma=LAST ** (1 / falling))
    rate = factor("flat-then-decay", epochs * 100)
    for epoch in range(epochs):
        assert rate((epoch + 1) * 100) == pytest.approx(published.get_last_lr()[0], rel=1e-6)
        optimiser.step()
        published.step()


def test_flat_then_decay_is_flat_then_falls_to_one_percent() -> None:
    rate = factor("flat-then-decay", 1000)
    assert rate(int(1000 * FLAT)) == 1
    assert rate(int(1000 * FLAT) + 1) < 1
    assert rate(1000) == pytest.approx(0.01)
    assert rate(2000) == pytest.approx(0.01)


def test_cosine_is_half_way_in_the_middle_and_constant_stays() -> None:
    assert factor("cosine", 100)(50) == pytest.approx(0.5)
    assert factor("cosine", 100)(100) == pytest.approx(0)
    assert factor("constant", 100)(99) == 1
