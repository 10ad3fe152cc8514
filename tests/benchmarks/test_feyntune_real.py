"""The study of FeynTune on a real base: its cells, their sizes, and texts of a given number of tokens."""

from __future__ import annotations

import pytest

from yukawa.data import Document
from yukawa.training.recipe import TextRecipe


@pytest.fixture(scope="module")
def study(script):
    return script("feyntune_real")


def test_every_cell_is_a_recipe_with_its_own_name_and_resumes_often(study):
    cells = [*study.cells(), *(cell for cell, _ in study.rate_cells())]
    assert len({cell.name for cell in cells}) == len(cells) == 20
    for cell in cells:
        _, recipe, *changes = cell.command(1e-3)
        made = TextRecipe.load(recipe, changes)
        assert made.model.base == "local:smollm2"
        assert made.training.checkpoint_every is not None
        assert made.training.checkpoint_every <= 8
        assert made.training.final_learning_rate < made.training.learning_rate


def test_the_wide_rank_has_as_many_parameters_as_all(study):
    """Widths of SmolLM2-135M: 576, of keys and values 192, inside 1,536."""
    qkv = 2 * 576 + 2 * (576 + 192)
    everything = qkv + 2 * 576 + 3 * (576 + 1536)
    assert study.WIDE * qkv == pytest.approx(8 * everything, rel=0.01)


def test_a_text_ends_with_the_row_that_reaches_its_tokens_and_the_next_goes_on(study):
    rows = iter([Document(id=str(n), text="a " * 9, source="test") for n in range(9)])
    taken = [list(study.first(rows, 25, lambda row: 10)) for _ in range(2)]
    assert [[row.id for row in some] for some in taken] == [["0", "1", "2"], ["3", "4", "5"]]
