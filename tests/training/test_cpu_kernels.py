"""The ways of a processor give what the plain ways give."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, MistralConfig, MistralForCausalLM

from yukawa.training.cpu_kernels import PACKED, SummedLoss, add_summed_loss, attend_within_texts, text_sizes
from yukawa.training.trainer import PackedRows


def load(tiny, **options):
    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32, **options)
    model.config.use_cache = (
        False  # as in training: with a cache, transformers does not see that rows are packed
    )
    return model


def packed(*rows):
    """A batch of rows, each made of pieces of so many tokens."""
    draw = torch.Generator().manual_seed(0)
    made = [
        {"input_ids": torch.randint(3, 200, (sum(row),), generator=draw).tolist(), "seq_lengths": list(row)}
        for row in rows
    ]
    return PackedRows(pad=2)(made)


def gradients(model):
    return {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}


@settings(max_examples=50)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(0, 5))
def test_pieces_are_found_by_their_positions(sizes, padding):
    positions = [n for size in sizes for n in range(size)] + [0] * padding
    found = text_sizes(positions)
    assert sum(found) == len(positions)
    real = list(sizes)
    while (
        len(real) > 1 and real[-1] == 1
    ):  # not told from padding, which disturbs nothing that comes before it
        real.pop()
    assert found[:-1] == real[:-1]
    assert found[-1] >= real[-1]


@pytest.mark.parametrize("rows", [[(7, 1, 12), (3, 5)], [(20,)], [(1, 1, 4), (9, 1)]])
def test_attention_in_pieces_is_attention_under_a_mask(tiny, rows):
    batch = packed(*rows)
    plain, pieces = load(tiny), load(tiny)
    assert attend_within_texts(pieces)
    assert pieces.config._attn_implementation == PACKED
    learned = batch["labels"][:, 1:] != -100
    logits = []
    for model in (plain, pieces):
        found = model(**batch)
        found.loss.backward()
        logits.append(found.logits[:, :-1][learned])
    torch.testing.assert_close(*logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(gradients(plain), gradients(pieces), rtol=0, atol=1e-5)


def test_padded_rows_keep_their_mask(tiny):
    ids = torch.arange(3, 23).view(2, 10)
    there = torch.ones_like(ids)
    there[0, :4] = 0  # on the left, where causality does not hide it
    plain, pieces = load(tiny), load(tiny)
    attend_within_texts(pieces)
    one, two = (model(input_ids=ids, attention_mask=there).logits for model in (plain, pieces))
    torch.testing.assert_close(one[there.bool()], two[there.bool()], rtol=0, atol=1e-5)
    made = [model.generate(ids[:1], max_new_tokens=5, do_sample=False) for model in (plain, pieces)]
    assert torch.equal(*made)


def test_the_summed_loss_is_cross_entropy_with_its_gradients():
    draw = torch.Generator().manual_seed(0)
    hidden, weight = torch.randn(600, 8, generator=draw), 9 * torch.randn(50, 8, generator=draw)
    targets = torch.randint(50, (600,), generator=draw)
    found = []
    for double in (True, False):
        h, w = (x.double() if double else x.clone() for x in (hidden, weight))
        h.requires_grad_(), w.requires_grad_()
        exact = torch.nn.functional.cross_entropy(h @ w.T, targets, reduction="sum")
        loss = exact if double else SummedLoss.apply(h, w, targets)
        (loss / 7).backward()
        found.append((loss.detach(), h.grad, w.grad))
    for exact, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours.double(), exact, rtol=1e-5, atol=1e-5)


def test_a_frozen_head_gets_no_gradient_and_nothing_to_learn_is_no_error():
    hidden, weight = torch.randn(4, 8, requires_grad=True), torch.randn(5, 8)
    SummedLoss.apply(hidden, weight, torch.tensor([0, 1, 2, 3])).backward()
    assert weight.grad is None
    assert hidden.grad.abs().sum() > 0
    none = SummedLoss.apply(hidden[:0], weight, torch.tensor([], dtype=torch.long))
    none.backward()
    assert none == 0


@pytest.mark.parametrize("autocast", [False, True])
def test_a_model_sums_its_own_loss(tiny, autocast):
    batch = packed((9, 4), (6, 2))
    model = load(tiny)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        mean = model(**batch).loss
        before = model.forward.__func__
        assert add_summed_loss(model)
        total, count = model(**batch, summed_loss=True).unbind()
    assert before is not model.forward.__func__
    assert count == (batch["labels"][:, 1:] != -100).sum()
    assert (total / count).item() == pytest.approx(mean.item(), rel=1e-2 if autocast else 1e-5)
    assert model(**batch).loss.item() == pytest.approx(mean.item(), rel=1e-2)


def test_what_is_more_than_plain_is_left_as_it_is(tiny):
    sizes = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
             "num_key_value_heads": 1, "vocab_size": 20}  # fmt: skip
    assert not attend_within_texts(MistralForCausalLM(MistralConfig(sliding_window=4, **sizes)))
    assert attend_within_texts(MistralForCausalLM(MistralConfig(sliding_window=None, **sizes)))
    assert not attend_within_texts(load(tiny, attn_implementation="eager"))
    model = load(tiny)
    model.config.final_logit_softcapping = 30.0
    assert not add_summed_loss(model)
    assert add_summed_loss(GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=1, n_embd=8, vocab_size=20)))


def test_the_ways_of_a_processor_are_not_saved(tiny, tmp_path):
    model = load(tiny)
    attend_within_texts(model)
    add_summed_loss(model)
    model.save_pretrained(tmp_path)
    assert PACKED not in (tmp_path / "config.json").read_text()
    assert AutoModelForCausalLM.from_pretrained(tmp_path).config._attn_implementation == "sdpa"
