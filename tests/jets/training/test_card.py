from __future__ import annotations

from collections.abc import Callable

from yukawa.jets.training.callback import Standing
from yukawa.jets.training.card import card
from yukawa.jets.training.dry_run import plan_of
from yukawa.jets.training.recipe import Recipe


def test_a_card_says_what_the_model_is_and_what_it_reached(recipe: Callable[..., Recipe]) -> None:
    chosen = recipe(train_jets=200)
    figures = {"validation_loss": 0.51234, "validation_accuracy": 0.71234}
    page = card(
        chosen,
        plan_of(chosen.training, 6),
        Standing(0.71234, 8, figures),
        parameters=12345,
        classes=("b", "g"),
        jets=(200, 100),
        truncated=3,
        jets_per_second=1234.5,
    )
    for text in (
        "particle-transformer",
        "12,345 parameters",
        "b, g",
        "200 jets",
        "100 jets",
        "0.5123",
        "0.7123",
        "| step | 8 |",
        "1,234 jets/s",
        "12 of 50 jets (2 epochs)",
        "ranger",
        "yukawa jets evaluate",
    ):
        assert text in page
    assert "3 of them cut" in page
    assert "{" not in page
