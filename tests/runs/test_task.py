"""The runs of all kinds of training test nearly all of it; here is what needs none of them."""

from __future__ import annotations

from pathlib import Path

from yukawa.runs.run import Run
from yukawa.runs.task import TrainResult, median_speed


def test_the_speed_is_the_median_in_its_own_unit(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {}, [])
    assert median_speed(run, "jets") is None
    for step, rate in enumerate((5.0, 100.0, 7.0)):
        run.log(step=step, jets_per_second=rate)
    run.log(step=4, loss=1.0)
    assert (median_speed(run, "jets"), median_speed(run, "sequences")) == (7.0, None)


def test_a_result_says_what_was_reached_or_how_to_resume() -> None:
    values = {"steps": 4, "planned": 9, "seconds": 1.0, "asked": False, "loss": 0.5}
    done = TrainResult(Path("here"), interrupted=False, **values)
    assert done.message == "the model is in here/model: loss 0.5000 after 4 steps"
    stopped = TrainResult(Path("here"), interrupted=True, **values)
    assert stopped.message.startswith("stopped after step 4 of 9; ")
    assert stopped.message.endswith("--resume")
