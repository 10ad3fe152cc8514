"""Losses of tokens equal those of one plain forward pass, whatever the batches and windows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from yukawa.core.errors import InputError, ModelError
from yukawa.evaluation import token_losses
from yukawa.evaluation.token_losses import token_scores
from yukawa.llm.loading import open_language_model


def plain(model, ids):
    """Losses and entropies by a forward pass of one text, without padding."""
    with torch.inference_mode():
        logs = model.model(torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
    goals = torch.tensor(ids[1:])
    return F.nll_loss(logs, goals, reduction="none").numpy(), (-(logs.exp() * logs).sum(-1)).numpy()


def texts(*sizes):
    rng = np.random.default_rng(3)
    return [rng.integers(0, 258, size).tolist() for size in sizes]


@given(st.lists(st.integers(2, 90), min_size=1, max_size=9), st.integers(1, 400))
@settings(max_examples=15)
def test_batches_change_nothing(base_model, sizes, batch_tokens):
    sequences = texts(*sizes)
    found = token_scores(base_model, sequences, batch_tokens=batch_tokens, entropies=True)
    for ids, scores in zip(sequences, found, strict=True):
        losses, entropies = plain(base_model, ids)
        np.testing.assert_allclose(scores.losses, losses, atol=2e-5)
        np.testing.assert_allclose(scores.entropies, entropies, atol=2e-5)
        assert scores.windows == 1


def test_a_start_leaves_out_what_is_before(base_model):
    sequences = texts(30, 50)
    whole = token_scores(base_model, sequences)
    late = token_scores(base_model, sequences, starts=[12, 50])
    np.testing.assert_allclose(late[0].losses, whole[0].losses[11:], atol=2e-5)
    assert len(late[1].losses) == 0


@given(st.integers(2, 70), st.integers(2, 20), st.data())
@settings(max_examples=100, deadline=None)
def test_windows_score_every_token_once(size, limit, data):
    step = data.draw(st.integers(1, limit))
    start = data.draw(st.integers(1, size))
    windows = list(token_losses._windows(0, size, start, limit, step))
    scored = [token for window in windows for token in range(window.first, window.end)]
    assert scored == list(range(start, size))
    for window in windows:
        assert window.length <= limit
        assert window.begin < window.first
        # What is overlapped is seen as context, except at the very beginning.
        assert window.begin == 0 or window.first - window.begin > limit - step


def test_windows_by_hand(base_model):
    """A text of 50 tokens in windows of 20 that move by 8: each loss is that of its own window."""
    (ids,) = texts(50)
    found = token_scores(base_model, [ids], context=20, stride=8)[0]
    expected = list(plain(base_model, ids[:21])[0])
    for begin, fresh in ((8, 8), (16, 8), (24, 8), (32, 5)):
        expected += list(plain(base_model, ids[begin : begin + 21])[0])[-fresh:]
    np.testing.assert_allclose(found.losses, expected, atol=2e-5)
    assert found.windows == 5


def test_progress_and_probability(base_model):
    seen = []
    found = token_scores(base_model, texts(20, 40, 60), batch_tokens=60, progress=lambda *a: seen.append(a))
    assert seen[-1] == (117, 117)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert sum(len(row.losses) for row in found) == 117


def test_a_head_that_caps_its_logits(base_model):
    """Where the model changes logits after its head, they are taken from the whole model."""

    class Capped(type(base_model.model)):
        def forward(self, *args, **kwargs):
            out = super().forward(*args, **kwargs)
            out.logits = 2 * torch.tanh(out.logits / 2)
            return out

    capped = Capped(base_model.model.config).eval()
    capped.load_state_dict(base_model.model.state_dict())
    model = dataclasses.replace(base_model, model=capped)
    sequences = texts(30, 20)
    for ids, scores in zip(sequences, token_scores(model, sequences), strict=True):
        np.testing.assert_allclose(scores.losses, plain(model, ids)[0], atol=2e-5)


def test_under_an_adapter(adapter_folder):
    model = open_language_model(adapter_folder, device="cpu")
    sequences = texts(30, 60, 10)
    for ids, scores in zip(sequences, token_scores(model, sequences), strict=True):
        np.testing.assert_allclose(scores.losses, plain(model, ids)[0], atol=2e-5)


def test_short_memory_halves_the_batch(base_model, monkeypatch):
    sequences = texts(30, 30, 30, 30)
    expected = token_scores(base_model, sequences)
    whole = token_losses._Scorer._scores
    tried = []

    def tight(self, batch, *rest):
        tried.append(len(batch))
        if len(batch) > self.room:
            raise torch.OutOfMemoryError
        return whole(self, batch, *rest)

    monkeypatch.setattr(token_losses._Scorer, "_scores", tight)
    monkeypatch.setattr(token_losses._Scorer, "room", 1, raising=False)
    found = token_scores(base_model, sequences)
    assert tried == [4, 2, 1, 1, 1, 1]
    for ours, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.losses, other.losses, atol=2e-5)
    monkeypatch.setattr(token_losses._Scorer, "room", 0)
    with pytest.raises(ModelError, match="does not hold a window of 29 tokens"):
        token_scores(base_model, sequences)


class TestBadInput:
    def test_options(self, base_model):
        with pytest.raises(InputError, match="holds 192 tokens, not 500"):
            token_scores(base_model, texts(9), context=500)
        with pytest.raises(InputError, match="cannot move by 30"):
            token_scores(base_model, texts(9), context=20, stride=30)
        with pytest.raises(InputError, match="nothing precedes the first token"):
            token_scores(base_model, texts(9), starts=[0])

    def test_a_tokenizer_of_another_model(self, base_model):
        with pytest.raises(InputError, match="gives token 400"):
            token_scores(base_model, [[1, 400]])

    def test_losses_that_are_no_numbers(self, base_folder):
        model = open_language_model(base_folder, device="cpu")
        with torch.no_grad():
            model.model.lm_head.weight[3] = torch.nan
        with pytest.raises(ModelError, match="not finite in 2 texts"):
            token_scores(model, texts(9, 9))

    def test_nothing(self, base_model):
        assert token_scores(base_model, []) == []
