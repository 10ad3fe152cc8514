"""The study of FeynTune on a real base: its cells, texts of a given number of tokens, and that nothing done is done again."""

from __future__ import annotations

import json

import pytest

from yukawa.data import Document
from yukawa.training.recipe import TextRecipe


@pytest.fixture(scope="module")
def study(script):
    return script("feyntune_real")


def test_every_cell_is_a_recipe_with_its_own_name_and_resumes_often(study):
    base, *cells = study.cells()
    assert base.command == ""
    assert len({cell.name for cell in cells}) == len(cells) == 10
    for cell in cells:
        recipe, *changes = cell.words
        made = TextRecipe.load(recipe, changes)
        assert cell.command.startswith(f"yukawa train {recipe} mixture={cell.text} ")
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


@pytest.fixture
def experiment(study, tmp_path, monkeypatch):
    """An experiment whose trainings and measurements only say that they were done."""
    (tmp_path / "work").mkdir()
    (tmp_path / "results").mkdir()
    (tmp_path / "work" / study.TEXTS).write_text("{}\n")
    made = study.Experiment(tmp_path / "work", tmp_path / "results")
    done = []
    monkeypatch.setattr(
        made, "_train", lambda cell: done.append(f"train {cell.name}") or {"loss": [[1, 3.0]]}
    )
    monkeypatch.setattr(
        made, "_measure", lambda cell: done.append(f"measure {cell.name}") or {"right": {"pdg": "01"}}
    )
    monkeypatch.chdir(tmp_path)
    return made, done


def test_a_cell_is_kept_as_soon_as_it_is_measured_and_not_done_again(study, experiment):
    made, done = experiment
    made.prepare(None)
    made.run(["base", "s1-qkv"])
    assert done == ["measure base", "train s1-qkv", "measure s1-qkv"]
    kept = json.loads(made.result(study.cells()[1]).read_text())
    assert (kept["cell"], kept["loss"], kept["right"]) == ("s1-qkv", [[1, 3.0]], {"pdg": "01"})
    assert kept["command"] == study.cells()[1].command
    made.run(["base", "s1-qkv", "s1-all"])
    assert done[3:] == ["train s1-all", "measure s1-all"]


def test_a_stop_is_heeded_before_a_measurement_and_other_texts_are_refused(study, experiment):
    made, done = experiment
    made.prepare(None)
    made.stop.touch()
    with pytest.raises(study.Asked):
        made.run(["s1-qkv"])
    assert done == ["train s1-qkv"]
    (made.work / study.TEXTS).write_text('{"s1": 1}\n')
    with pytest.raises(SystemExit, match="the texts are not those of"):
        made.prepare(None)


def test_the_entropy_is_kept_by_place(study):
    import numpy as np

    bits = np.arange(2 * study.PLACES + 3, dtype=float)
    assert study._by_place(bits, known=True) == [np.mean(bits[:16]), np.mean(bits[16:32])]
