"""A step of the loss that was put there is found, and none where none is."""

from __future__ import annotations

import json

import numpy as np
import pytest


@pytest.fixture(scope="module")
def training_epochs(script):
    return script("training_epochs")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("planted", [0.0, -0.06])
def test_planted_steps_are_found(training_epochs, tmp_path, planted, seed):
    epochs = np.arange(1, 211) / 70
    loss = 4 - 0.3 * np.log1p(5 * epochs) + np.random.default_rng(seed).normal(0, 0.01, len(epochs))
    loss += planted * np.floor(epochs - 1e-9)
    lines = [json.dumps({"epoch": epoch, "loss": value}) for epoch, value in zip(epochs, loss, strict=True)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    found = training_epochs.steps(tmp_path)
    assert [step.after_epoch for step in found] == [1, 2, None]
    assert found[2].step == pytest.approx((found[0].step + found[1].step) / 2)
    assert found[2].error < found[0].error
    for step in found:
        assert 0 < step.error < 0.02
        assert abs(step.step - planted) < 3 * step.error


def test_what_two_runs_share_falls_out(training_epochs, tmp_path):
    noise = np.random.default_rng(1)
    epochs = np.arange(1, 211) / 70
    texts = noise.normal(4, 0.3, len(epochs))  # the same for both
    for name, planted in (("plain", 0.0), ("stepping", -0.06)):
        loss = texts + planted * np.floor(epochs - 1e-9) + noise.normal(0, 0.005, len(epochs))
        (tmp_path / name).mkdir()
        lines = [json.dumps({"epoch": e, "loss": value}) for e, value in zip(epochs, loss, strict=True)]
        (tmp_path / name / "metrics.jsonl").write_text("\n".join(lines))
    alone = training_epochs.steps(tmp_path / "stepping")
    found = training_epochs.steps(tmp_path / "stepping", tmp_path / "plain")
    for step, unpaired in zip(found, alone, strict=True):
        assert step.error < unpaired.error / 10
        assert abs(step.step + 0.06) < 3 * step.error
    (tmp_path / "plain" / "metrics.jsonl").write_text("\n".join(lines[:99]))
    with pytest.raises(SystemExit, match="did not meet the same texts"):
        training_epochs.steps(tmp_path / "stepping", tmp_path / "plain")
