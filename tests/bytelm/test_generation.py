"""Generation: the same bytes as full passes give, stopping, drawing, and a memorised text byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import ByteLMForCausalLM
from yukawa.bytelm.segments import Mark, Text
from yukawa.bytelm.tokenizer import ByteTokenizer
from yukawa.core.errors import InputError

PAD, EOS = int(Mark.PAD), int(Mark.EOS)
# Patch size and blocks within the patch.
KINDS = [(1, 0), (4, 0), (4, 1), (1, 1)]
SENTENCE = "The mass of the W boson is 80.3692 ± 0.0133 GeV, that of the Z boson 91.1880 ± 0.0020 GeV."


def _model(size: int, inner: int = 0, **changes: Any) -> ByteLMForCausalLM:
    torch.manual_seed(1)
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64} | changes
    config = ByteLMConfig.named("tiny", **sizes, patch_size=size, inner_layers=inner, inner_size=32)
    return ByteLMForCausalLM(config).eval()


def _greedy(model: ByteLMForCausalLM, prompt: list[int], new: int) -> list[int]:
    """The most probable bytes one after another, each from a full pass over all before it."""
    size, ids = model.config.patch_size, list(prompt)
    for _ in range(new):
        patch, byte = divmod(len(ids), size)
        filled = torch.tensor(
            [ids + [0] * (size - byte)]
        )  # what stands at and after this byte must not matter
        with torch.no_grad():
            logits = model(filled).logits
        ids.append(int(logits[0, patch - 1, byte].argmax()))
        if ids[-1] == EOS:
            break
    return ids


@pytest.mark.parametrize(("size", "inner"), KINDS)
@pytest.mark.parametrize("length", [4, 6, 11])
def test_greedy_generation_is_the_most_probable_byte_of_full_passes(size: int, inner: int, length: int):
    model = _model(size, inner)
    prompt = torch.randint(0, 256, (1, length))
    made = model.generate(prompt, max_new_bytes=13)
    assert made[0].tolist() == _greedy(model, prompt[0].tolist(), 13)


@pytest.mark.parametrize(("size", "inner"), KINDS)
def test_a_batch_is_each_of_its_prompts_alone(size: int, inner: int):
    model = _model(size, inner)
    prompts = torch.randint(0, 256, (3, 9))
    together = model.generate(prompts, max_new_bytes=10)
    alone = [model.generate(prompt[None], max_new_bytes=10)[0] for prompt in prompts]
    assert torch.equal(together, torch.stack(alone))


@pytest.mark.parametrize("by_mask", [False, True])
def test_prompts_padded_on_the_left_go_on_as_without(by_mask: bool):
    model = _model(4, 1)
    torch.manual_seed(2)
    short, long = torch.randint(0, 256, (1, 6)), torch.randint(0, 256, (1, 14))
    padding = torch.full((1, 8), 0 if by_mask else PAD)
    mask = torch.ones(2, 14)
    mask[0, :8] = 0
    made = model.generate(
        torch.cat([torch.cat([padding, short], 1), long]),
        attention_mask=mask if by_mask else None,
        max_new_bytes=10,
    )
    assert torch.equal(made[:1, 8:], model.generate(short, max_new_bytes=10))
    assert torch.equal(made[1:], model.generate(long, max_new_bytes=10))


@pytest.mark.parametrize("sample", [False, True])
@pytest.mark.parametrize(("size", "inner"), KINDS)
def test_a_stream_is_what_is_generated(size: int, inner: int, sample: bool):
    model, prompts = _model(size, inner), torch.randint(0, 256, (2, 5))
    options: dict[str, Any] = {"max_new_bytes": 9, "do_sample": sample}
    made = model.generate(prompts, generator=torch.Generator().manual_seed(3), **options)
    stream = list(model.stream(prompts, generator=torch.Generator().manual_seed(3), **options))
    assert [byte.shape for byte in stream] == [(2,)] * 9
    assert torch.equal(made, torch.cat([prompts, torch.stack(stream, 1)], 1))


def test_the_first_byte_of_a_stream_costs_one_patch_only():
    model = _model(4)
    patches = []
    model.model.register_forward_hook(lambda *_: patches.append(1))
    stream = model.stream(torch.randint(0, 256, (1, 8)), max_new_bytes=100)
    next(stream)
    assert len(patches) == 1


@pytest.mark.parametrize(("size", "inner"), [(1, 0), (4, 0), (4, 1)])
def test_a_sequence_ends_at_its_end_mark_and_the_others_go_on(size: int, inner: int):
    model = _model(size, inner)
    prompts = torch.randint(0, 256, (2, 8))
    free = model.generate(prompts, max_new_bytes=12)[:, 8:]
    # A byte that the first sequence makes becomes the end mark: the two change places in the head.
    at = max(at for at in range(11) if free[0, at] not in free[0, :at])
    stop = int(free[0, at])
    heads = [model.head.head.weight] if inner else list(model.head.weight.data.unflatten(0, (size, 272)))
    with torch.no_grad():
        for head in heads:
            head[[stop, EOS]] = head[[EOS, stop]]
        first = model.generate(prompts[:1], max_new_bytes=12)
        both = model.generate(prompts, max_new_bytes=12)
    assert first[0, 8:].tolist() == [*free[0, :at].tolist(), EOS]  # it stops early
    after = both[0, 8:].tolist()
    assert after[: at + 1] == first[0, 8:].tolist()
    assert set(after[at + 1 :]) <= {PAD}
    second = model.generate(prompts[1:], max_new_bytes=12)[0]
    assert torch.equal(both[1, : len(second)], second)


def test_the_same_random_numbers_draw_the_same_bytes():
    model, prompt = _model(4, 1), torch.randint(0, 256, (1, 8))

    def drawn(seed: int, **options: Any) -> list[int]:
        made = model.generate(
            prompt, max_new_bytes=24, do_sample=True, generator=torch.Generator().manual_seed(seed), **options
        )
        return made[0, 8:].tolist()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    greedy = model.generate(prompt, max_new_bytes=24)[0, 8:].tolist()
    assert drawn(1, top_k=1) == drawn(2, temperature=1e-4) == drawn(3, top_p=1e-6) == greedy


def test_draws_follow_the_probabilities():
    model, prompt = _model(1), torch.randint(0, 256, (1, 4)).expand(4000, 4)
    with torch.no_grad():
        probability = (model(prompt[:1]).logits[0, -1, 0] / 0.3).softmax(-1)
    made = model.generate(
        prompt, max_new_bytes=1, do_sample=True, temperature=0.3, generator=torch.Generator().manual_seed(0)
    )
    often = torch.bincount(made[:, -1], minlength=272) / 4000
    error = (probability * (1 - probability) / 4000).sqrt()
    assert ((often - probability).abs() < 5 * error + 1e-3).all()


def _memorise(model: ByteLMForCausalLM, ids: torch.Tensor, steps: int) -> None:
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = model(ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()


@pytest.mark.parametrize(("size", "inner", "steps"), [(1, 0, 120), (8, 0, 120), (8, 1, 150)])
def test_a_memorised_text_comes_back_byte_for_byte(size: int, inner: int, steps: int):
    text = [*SENTENCE.encode(), EOS]
    begin = [int(Mark.BOS)] + [PAD] * (size - 1)
    ids = torch.tensor([begin + text + [PAD] * (-len(text) % size)])
    model = _model(size, inner, max_position_embeddings=128)
    _memorise(model, ids, steps)
    made = model.generate(torch.tensor([begin]), max_new_bytes=120)[0, size:].tolist()
    assert bytes(made[:-1]).decode() == SENTENCE
    assert made[-1] == EOS


def test_a_model_in_training_with_checkpointing_is_told_to_stop_training():
    model, prompt = _model(4), torch.randint(0, 256, (1, 8))
    model.activation_checkpointing_enable()
    expected = model.generate(prompt, max_new_bytes=6)
    model.train()
    with pytest.raises(InputError, match=r"call model.eval\(\)"):
        model.generate(prompt, max_new_bytes=6)
    model.eval()
    assert torch.equal(model.generate(prompt, max_new_bytes=6), expected)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_new_bytes": 0}, "max_new_bytes is 0"),
        ({"max_new_bytes": 2.5}, "max_new_bytes is 2.5, a whole number"),
        ({"max_new_bytes": "5"}, "max_new_bytes is '5', a whole number"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"top_k": 0}, "top_k is 0"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"max_new_bytes": 249}, "249 bytes after a prompt of 8 are more .* take at most 248"),
        ({"attention_mask": torch.ones(1, 3)}, "attention_mask has the shape"),
        ({"attention_mask": torch.tensor([[1, 1, 1, 1, 0, 0, 0, 0]])}, "ends with padding"),
    ],
)
def test_arguments_out_of_range_are_named(options: dict[str, Any], says: str):
    with pytest.raises(InputError, match=says):
        _model(4).generate(torch.zeros(1, 8, dtype=torch.long), **options)


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        (torch.zeros(1, 3, dtype=torch.long), "3 bytes fills no patch of 4"),
        (torch.zeros(1, 0, dtype=torch.long), "there is no byte"),
        (torch.zeros(8, dtype=torch.long), r"shape \[8\]"),
        (torch.zeros(1, 8), "torch.float32"),
        (torch.full((1, 8), 300), "id 300 is not in the vocabulary"),
        (torch.tensor([[1, 2, 3, 4, 5, -1]]), "id -1 is not in the vocabulary"),
        (torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, PAD, PAD, PAD, PAD]]), "pad on the left"),
        (torch.tensor([[1, 2, 3, 4, 5, 6, EOS, PAD]]), r"holds EOS .id 258.*eos=False, whole=False"),
        ([[1, 2, 3, 4]], "came as list, a tensor"),
        (None, "no prompt"),
    ],
)
def test_what_is_no_prompt_is_refused(prompt: Any, says: str):
    with pytest.raises(InputError, match=says):
        _model(4).generate(prompt, max_new_bytes=9)


def test_a_prompt_of_text_goes_on_at_the_next_byte():
    model, prompt = _model(4), ByteTokenizer(4).encode(Text("a jet"), eos=False, whole=False)
    assert prompt.tolist() == [Mark.BOS, Mark.TEXT, *b"a jet"]
    made = model.generate(torch.from_numpy(prompt)[None], max_new_bytes=3)
    assert made.shape == (1, 10)
    assert made[0, :7].tolist() == prompt.tolist()


def test_the_context_is_used_to_its_last_byte():
    model = _model(4)
    made = model.generate(torch.zeros(1, 6, dtype=torch.long), max_new_bytes=250)
    assert made.shape[1] <= 256
