"""Entropies of completions equal those of a plain forward pass, and series are worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from yukawa.core.errors import InputError
from yukawa.evaluation.completions import Completion, complete
from yukawa.evaluation.entropy import by_position, chat_surprisals, completion_entropies


def test_entropies_are_the_models_own(base_model, documents, tmp_path):
    made = complete(base_model, documents, tmp_path / "made.jsonl", new_tokens=10, batch=3, temperature=1.0)
    found = completion_entropies(base_model, made)
    kept = [row for row in made if row.tokens]
    assert found.ids == tuple(row.id for row in kept)
    for k, row in enumerate(kept[:3]):
        before = [256, *base_model.tokenizer(row.prompt, add_special_tokens=False)["input_ids"]]
        with torch.inference_mode():
            logits = base_model.model(torch.tensor([[*before, *row.tokens]])).logits[0].double()
        logs = logits.log_softmax(-1)[len(before) - 1 : -1]
        np.testing.assert_allclose(found.entropies[k], -(logs.exp() * logs).sum(-1) / math.log(2), atol=1e-4)
        chosen = logs.gather(1, torch.tensor(row.tokens)[:, None])[:, 0]
        np.testing.assert_allclose(found.surprisals[k], -chosen / math.log(2), atol=1e-4)
    total = np.concatenate(found.entropies)
    assert found.sample().value == pytest.approx(total.mean())
    assert found.series().count[0] == len(kept)


def test_series_by_hand():
    found = by_position([np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0])])
    assert found.positions.tolist() == [1, 2, 3]
    assert found.mean.tolist() == [2, 3, 3]
    assert found.count.tolist() == [2, 2, 1]
    np.testing.assert_allclose(found.error, [1, 1, math.nan])
    assert len(by_position([]).mean) == 0


def completion(name, **more):
    return Completion(id=name, prompt="p", reference="r", completion="c", **more)


def test_surprisals_of_a_service():
    found = chat_surprisals([completion("a", logprobs=(-math.log(2), -math.log(8))), completion("b")])
    assert found.ids == ("a",)
    assert found.entropies is None
    np.testing.assert_allclose(found.surprisals[0], [1, 3])
    assert found.sample().value == pytest.approx(2)
    np.testing.assert_allclose(found.series().mean, [1, 3])
    with pytest.raises(InputError, match="the service gives none"):
        chat_surprisals([completion("a")])


def test_completions_without_tokens(base_model):
    with pytest.raises(InputError, match="yukawa evaluate completions"):
        completion_entropies(base_model, [completion("a")])
    with pytest.raises(InputError, match="without token ids"):
        completion_entropies(base_model, [completion("a", tokens=())])
