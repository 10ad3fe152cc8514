from __future__ import annotations

from collections.abc import Callable

from yukawa.jets.pretraining.card import card
from yukawa.jets.pretraining.recipe import Recipe
from yukawa.jets.training.callback import Plan, Standing


def test_the_card_says_what_was_read_how_it_went_and_how_to_use_it(recipe: Callable[..., Recipe]) -> None:
    figures = {"validation_loss": 1.25, "validation_bits_per_byte_text": 3.5}
    page = card(
        recipe(),
        Plan(6, None, 3, 3, 1, 16, "loss", None, "sequences"),
        Standing(1.25, 6, figures),
        run="here",
        parameters=12345,
        known={"text": "80 documents", "jets": "300 jets", "questions": "300 jets"},
        sequences_per_second=321.4,
    )
    for line in (
        "12,345 parameters",
        "| text | text, 25% of the sequences, from ",
        "| questions | questions, 50% of the sequences",
        "80 documents |",
        "| steps | 6 of 16 sequences |",
        "| speed | 321 sequences/s |",
        "| validation bits per byte text | 3.5000 |",
        "model.start=here",
    ):
        assert line in page
