"""A dry run of a study says what the study then does."""

from __future__ import annotations

from yukawa.jets.scaling.dry_run import describe_study
from yukawa.jets.scaling.study import run_study


def test_it_says_what_the_study_then_does(load, tmp_path):
    study = load("sizes=[20]", "seeds=[1]")
    said, steps = describe_study(study), []
    done = run_study(study, tmp_path / "study", progress=lambda made, whole: steps.append(whole))
    assert said.problems == ()
    assert said.trainings == done.cells == 4
    assert set(steps) == {said.steps}
    assert said.parameters.keys() == study.models.keys()
    assert said.parameters["wide"] != said.parameters["net"]


def test_too_few_jets_and_a_wrong_model_are_both_said(load):
    said = describe_study(load("sizes=[20, 90]", "models.net.model.blocks=[[2,[0]]]"))
    assert any("90 jets are wanted" in line for line in said.problems)
    assert len(said.problems) >= 2
    assert said.parameters["net"] is None
    assert said.parameters["wide"] > 0
    assert said.jets == 90
