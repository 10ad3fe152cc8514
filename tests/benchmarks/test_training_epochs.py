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
    assert [step.after_epoch for step in found] == [1, 2]
    for step in found:
        assert 0 < step.error < 0.02
        assert abs(step.step - planted) < 3 * step.error
