from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from yukawa.core.errors import InputError
from yukawa.jets.training.dry_run import describe, kept_for_gradient
from yukawa.jets.training.recipe import JetRecipe
from yukawa.jets.training.setup import build
from yukawa.jets.training.train import plan_of, train

Make = Callable[..., JetRecipe]


def test_it_says_what_the_run_then_does(tmp_path: Path, recipe: Make) -> None:
    chosen = recipe(steps=None, epochs=2, train_jets=120)
    said = describe(chosen)
    result = train(chosen, tmp_path / "run")
    assert said.plan.steps == result.steps == 2 * 3  # 50, 50 and 20 jets
    assert (said.train_jets, said.jets_per_epoch, said.validation_jets) == (120, 120, 100)
    assert f"{said.parameters:,} parameters" in (tmp_path / "run/card.md").read_text()


def test_it_counts_parameters_and_writes_nothing(tmp_path: Path, recipe: Make, data: Path) -> None:
    before = sorted(data.rglob("*"))
    said = describe(recipe())
    _, network = build(recipe())
    assert said.parameters == sum(weight.numel() for weight in network.parameters())
    assert said.weights_memory == 4 * 5 * said.parameters
    assert describe(recipe(optimiser="adamw")).weights_memory == 4 * 4 * said.parameters
    assert said.recipe.model.model_dump()["dropout"] == 0.1
    assert sorted(data.rglob("*")) == before


def test_memory_grows_with_the_batch_and_the_jets_held(recipe: Make) -> None:
    small, large = describe(recipe(batch=20)), describe(recipe(batch=40))
    assert large.batch_memory == pytest.approx(2 * small.batch_memory, rel=0.01)
    assert describe(recipe(loading="streaming", buffer=60)).data_memory < small.data_memory / 2


def test_what_a_network_keeps_is_counted_once_and_without_its_weights() -> None:
    class Squares(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(10, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.linear(x)
            return (y * y).sum()

    # The input of the linear layer and y, which both factors of the product keep: 2 x 80 numbers.
    assert kept_for_gradient(Squares(), {"x": torch.ones(8, 10)}) == 2 * 80 * 4


def test_a_plan_follows_the_recipe(recipe: Make) -> None:
    plan = plan_of(recipe(steps=None, epochs=3, evaluate_every=None).training, 6)
    assert (plan.steps, plan.epoch, plan.evaluate, plan.checkpoint) == (18, 6, 6, 6)
    plan = plan_of(recipe(steps=4, evaluate_every=None, checkpoint_every=2).training, 6)
    assert (plan.steps, plan.evaluate, plan.checkpoint) == (4, 4, 2)


def test_wrong_recipes_are_refused_as_in_training(recipe: Make) -> None:
    with pytest.raises(InputError, match="nowhere"):
        describe(recipe(path="nowhere"))
