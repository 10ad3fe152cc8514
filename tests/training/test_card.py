from __future__ import annotations

from yukawa.training.card import card
from yukawa.training.tokenization import Counts


def page(recipe, **counts):
    return card(
        recipe, Counts(rows=10, tokens=1234, trained=999, **counts), None,
        parameters=(100, 5000), steps=7, figures={"validation_loss": 2.5},
    )  # fmt: skip


def test_it_says_what_was_trained_on_what(recipe):
    text = page(recipe("sft", adapter={"targets": "qkv"}))
    assert "lora on qkv, rank 4, alpha 8, dropout 0.1: 100 of 5,000 parameters" in text
    assert "1,234, of which 999 with a loss" in text
    assert "7 of 4 sequences of at most 64 tokens" in text
    assert "| validation loss | 2.5 |" in text
    assert "yukawa merge RUN" in text
    assert "nothing was cut or left out" in text
    assert "learning-curves.png" in text


def test_what_was_lost_is_told(recipe):
    assert "2 of 10 rows do not fit into 64 tokens" in page(recipe(), cut=2, cut_tokens=9, named=("a", "b"))


def test_a_whole_model_needs_no_merging(recipe):
    assert "yukawa merge" not in page(recipe(adapter={"kind": "full"}))
