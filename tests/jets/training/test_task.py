"""The runs of taggers and of language models test nearly all of it; here is what they share alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.jets.models.tagger import load_model
from yukawa.jets.training.recipe import Recipe
from yukawa.jets.training.task import TrainResult, speed
from yukawa.jets.training.train import train
from yukawa.runs.run import Run

Make = Callable[..., Recipe]


def test_the_speed_is_the_median_in_its_own_unit(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {}, [])
    assert speed(run, "jets") is None
    for step, rate in enumerate((5.0, 100.0, 7.0)):
        run.log(step=step, jets_per_second=rate)
    run.log(step=4, loss=1.0)
    assert (speed(run, "jets"), speed(run, "sequences")) == (7.0, None)


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"accuracy": 0.25}, "the model is in here/model: accuracy 0.2500, loss 0.5000 at step 3"),
        ({"accuracy": None}, "the model is in here/model: loss 0.5000 at step 3"),
        ({"accuracy": None, "stopped_early": True}, "at step 3; stopped early, at step 4 of 9"),
        ({"accuracy": None, "interrupted": True}, "stopped after step 4 of 9; .* --resume"),
    ],
)
def test_a_result_says_what_there_is(figures: dict[str, float | None], said: str) -> None:
    plain = {"interrupted": False, "stopped_early": False} | figures
    result = TrainResult(Path("here"), 4, 9, best_step=3, loss=0.5, seconds=1.0, asked=False, **plain)  # type: ignore[arg-type]
    assert re.search(said, result.message)


def test_a_batch_that_processes_cannot_share_is_refused(
    tmp_path: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(
        InputError, match=r"a batch of 50 cannot be shared by 3 processes \(make training\.batch"
    ):
        train(recipe(), tmp_path / "run")


def test_any_tagger_can_begin_with_a_trained_one(tmp_path: Path, recipe: Make) -> None:
    first = train(recipe(steps=2), tmp_path / "first")
    saved = dict(load_model(tmp_path / "first/model")[0].named_parameters())
    model = recipe().model.model_dump(exclude={"start"})
    small = recipe(model={**model, "start": str(first.folder)}, steps=1, learning_rate=1e-12)
    train(small, tmp_path / "second")
    again = dict(load_model(tmp_path / "second/model")[0].named_parameters())
    assert all(value.allclose(saved[name], atol=1e-6) for name, value in again.items())
    for changes, message in (
        ({"embed_sizes": [16, 32]}, "first has .*embed_sizes .* is expected"),
        ({"start": str(tmp_path / "none")}, "none holds no saved model, nor the run of one"),
    ):
        with pytest.raises(InputError, match=message):
            train(recipe(model={**model, "start": str(first.folder), **changes}), tmp_path / "third")
    other = {
        "architecture": "particle-net",
        "blocks": [[2, [4]]],
        "head": [[4, 0.0]],
        "start": str(first.folder),
    }
    with pytest.raises(
        InputError, match="has the architecture 'particle-transformer', 'particle-net' is expected"
    ):
        train(recipe(model=other), tmp_path / "third")
