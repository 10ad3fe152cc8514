"""A dry run of a pre-training says what the run then does."""

from __future__ import annotations

from yukawa.jets.pretraining.dry_run import describe_pretraining
from yukawa.jets.pretraining.train import pretrain
from yukawa.runs.recipe import MISSING


def test_it_says_what_the_run_then_does(recipe, tmp_path):
    said = describe_pretraining(recipe())
    assert said.problems == ()
    assert said.sources["jets"] == said.sources["questions"] == "300 jets to train on, 20 to validate on"
    assert said.sources["text"].startswith("2 files, ")
    done = pretrain(recipe(), tmp_path / "run")
    assert said.steps == done.planned == 6
    assert f"{said.parameters:,} parameters" in (tmp_path / "run" / "card.md").read_text()
    assert said.weights_memory == 16 * said.parameters


def test_each_source_is_described_by_itself(recipe):
    said = describe_pretraining(recipe(mixture={"text": {"path": MISSING}, "questions": {"path": "nowhere"}}))
    assert said.sources["jets"] is not None
    assert (said.sources["text"], said.sources["questions"]) == (None, None)
    assert len(said.problems) == 2
    assert said.parameters > 0


def test_machine_and_network_are_described_by_themselves(recipe):
    said = describe_pretraining(recipe(training={"device": "cuda"}, model={"heads": 3}))
    assert said.parameters is None
    assert said.weights_memory is None
    assert len(said.problems) == 2
    assert None not in said.sources.values()
