"""Ids as patches, masks of patches, and embeddings in which near bytes are near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from yukawa.bytelm import patches
from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import ByteLMForCausalLM, ByteLMModel
from yukawa.bytelm.patches import PatchDecoder, PatchEmbedding, as_patches, patch_mask, smooth_rows
from yukawa.bytelm.segments import BYTES, Mark, Text
from yukawa.bytelm.tokenizer import ByteTokenizer
from yukawa.core.errors import InputError

WIDTHS = (8, 16, 64, 768)


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 5))
def test_patches_laid_end_to_end_are_the_sequence(batch: int, patches: int, size: int):
    ids = torch.arange(batch * patches * size).reshape(batch, -1)
    cut = as_patches(ids, size)
    assert cut.shape == (batch, patches, size)
    assert torch.equal(cut.flatten(1), ids)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_whole_numbers_of_any_type_are_ids(dtype: torch.dtype):
    patches = as_patches(torch.arange(12).reshape(1, 12).to(dtype), 4)
    assert patches.dtype == torch.int64
    assert torch.equal(patches.flatten(), torch.arange(12))


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (torch.zeros(2, 7, dtype=torch.long), "7 bytes is not made of patches of 4"),
        (torch.zeros(2, 8), "torch.float32"),
        (torch.zeros(8, dtype=torch.long), r"shape \[8\]"),
        (torch.zeros(1, 2, 4, dtype=torch.long), r"shape \[1, 2, 4\]"),
        (torch.zeros(2, 0, dtype=torch.long), "at least one byte"),
        (torch.zeros(0, 8, dtype=torch.long), "at least one byte"),
        (torch.zeros(2, 8, dtype=torch.bool), "torch.bool"),
        (torch.zeros(2, 8, dtype=torch.cfloat), "torch.complex64"),
        (np.zeros((2, 8), np.int64), "came as ndarray, a tensor .*torch.as_tensor"),
        ([[0] * 8], "came as list, a tensor"),
    ],
)
def test_what_is_no_sequence_of_patches_is_refused(ids: Any, says: str):
    with pytest.raises(InputError, match=says):
        as_patches(ids, 4)


def test_a_mask_of_bytes_a_mask_of_patches_and_no_mask_agree():
    pad, patches = (
        int(Mark.PAD),
        torch.tensor([[[0, 0], [1, 256], [256, 256]], [[256, 256], [256, 7], [0, 0]]]),
    )
    expected = torch.tensor([[True, True, False], [False, True, True]])
    assert torch.equal(patch_mask(patches, None), expected)
    assert torch.equal(patch_mask(patches, (patches.flatten(1) != pad).long()), expected)
    assert torch.equal(patch_mask(patches, expected.float()), expected)


def test_a_mask_that_is_no_tensor_is_refused():
    with pytest.raises(InputError, match="attention_mask came as ndarray, a tensor is expected"):
        patch_mask(torch.zeros(1, 2, 4, dtype=torch.long), np.ones((1, 8)))  # type: ignore[arg-type]


def test_patches_before_are_there_unless_the_mask_says_otherwise():
    patches = torch.tensor([[[5, 256]], [[256, 256]]])
    assert patch_mask(patches, None, before=2).tolist() == [[True, True, True], [True, True, False]]
    given_mask = torch.tensor([[0, 1, 1], [1, 1, 0]])
    assert torch.equal(patch_mask(patches, given_mask, before=2), given_mask.bool())
    assert torch.equal(patch_mask(patches, given_mask.repeat_interleave(2, 1), before=2), given_mask.bool())


@pytest.mark.parametrize("shape", [(2, 5), (1, 6), (2, 3, 2), (6,)])
def test_a_mask_of_another_shape_is_refused(shape: tuple[int, ...]):
    with pytest.raises(InputError, match=r"attention_mask has the shape .* \[2, 6\] is expected"):
        patch_mask(torch.zeros(2, 3, 2, dtype=torch.long), torch.ones(shape))


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("wrong", [-1, 272, 1000])
def test_an_id_outside_the_vocabulary_is_named(size: int, wrong: int):
    embedding = PatchEmbedding(ByteLMConfig.named("tiny", patch_size=size))
    ids = torch.zeros(2, 3, size, dtype=torch.long)
    ids[1, 2, 0] = wrong
    with pytest.raises(InputError, match=f"id {wrong} is not in the vocabulary, allowed are 0 to 271"):
        embedding(ids)


def test_the_patch_of_one_byte_is_its_embedding():
    embedding = PatchEmbedding(ByteLMConfig.named("tiny", patch_size=1))
    ids = torch.arange(272).reshape(1, 272, 1)
    assert torch.equal(embedding(ids)[0], embedding.bytes.weight)


def test_a_patch_is_two_layers_with_a_relu_over_its_bytes_in_order():
    embedding = PatchEmbedding(ByteLMConfig.named("tiny", patch_size=3))
    first, _, second = embedding.patch
    side_by_side = torch.cat([embedding.bytes.weight[byte] for byte in (7, 0, 256)])
    by_hand = second.weight @ (first.weight @ side_by_side + first.bias).clamp(min=0) + second.bias
    torch.testing.assert_close(embedding(torch.tensor([[[7, 0, 256]]]))[0, 0], by_hand)


@pytest.mark.parametrize("width", WIDTHS)
def test_smooth_rows_have_the_size_asked_for(width: int):
    assert smooth_rows(width, 0.3).pow(2).mean().sqrt() == pytest.approx(0.3, rel=0.03)


@pytest.mark.parametrize("width", WIDTHS)
def test_smooth_rows_tell_every_byte_from_every_other(width: int):
    rows = smooth_rows(width, 1.0)
    apart = torch.cdist(rows.double(), rows.double()) / width**0.5 + torch.eye(BYTES)
    assert apart.min() > 0.05  # in units of the root mean square


@pytest.mark.parametrize("width", WIDTHS)
def test_in_smooth_rows_the_nearer_byte_is_the_nearer_row(width: int):
    rows = functional.normalize(smooth_rows(width, 1.0), dim=1)
    likeness = rows @ rows.T
    by_distance = torch.stack([likeness.diagonal(step).mean() for step in (0, 1, 2, 4, 8, 16)])
    assert by_distance.diff().max() < 0
    assert by_distance[1] > 0.8
    far = torch.stack([likeness.diagonal(step).mean() for step in range(32, 224)])
    assert far.max() < by_distance[3]


def _decoder(size: int, layers: int = 2, attention: str = "sdpa") -> PatchDecoder:
    torch.manual_seed(0)
    config = ByteLMConfig.named("tiny", patch_size=size, inner_layers=layers, inner_size=16, inner_heads=2)
    config._attn_implementation = attention
    head = ByteLMForCausalLM(config).eval().head
    assert isinstance(head, PatchDecoder)
    return head


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("size", [2, 5, 8])
def test_a_byte_changes_only_what_predicts_later_bytes_of_its_patch(size: int, attention: str):
    head = _decoder(size, attention=attention)
    vectors, bytes_BTP = torch.randn(2, 3, 64), torch.randint(0, 256, (2, 3, size))
    before = head(vectors, bytes_BTP)
    assert before.shape == (2, 3, size, 272)
    for byte in range(size):
        changed = bytes_BTP.clone()
        changed[:, 1, byte] += 1
        after = head(vectors, changed)
        assert torch.equal(after[:, [0, 2]], before[:, [0, 2]])
        assert torch.equal(after[:, 1, : byte + 1], before[:, 1, : byte + 1])
        for later in range(byte + 1, size):
            assert not torch.equal(after[:, 1, later], before[:, 1, later])


def test_every_byte_sees_the_patch_before():
    head = _decoder(4)
    vectors, following = torch.randn(1, 2, 64), torch.randint(0, 256, (1, 2, 4))
    changed = vectors.clone()
    changed[:, 0] += 1
    before, after = head(vectors, following), head(changed, following)
    assert (after[0, 0] != before[0, 0]).any(-1).all()
    assert torch.equal(after[0, 1], before[0, 1])


@pytest.mark.parametrize("size", [1, 2, 7])
def test_byte_by_byte_gives_the_logits_of_all_at_once(size: int):
    head = _decoder(size)
    vectors, following = torch.randn(5, 64), torch.randint(0, 256, (5, size))
    steps = head.steps(vectors)
    with torch.no_grad():
        logits = [next(steps)] + [steps.send(following[:, byte]) for byte in range(size - 1)]
        whole = head(vectors[:, None], following[:, None])[:, 0]
    torch.testing.assert_close(torch.stack(logits, 1), whole, atol=1e-5, rtol=0)


LENGTHS = [(5, 4, 4), (1,), (9, 2)]


@dataclass
class Rows:
    """A group of sequences, padded by a loop."""

    lengths: tuple[int, ...]

    @property
    def rows(self) -> int:
        return sum(self.lengths)

    def padded(self, rows_nX: Tensor, /) -> Tensor:
        return torch.nn.utils.rnn.pad_sequence(rows_nX.split(self.lengths), batch_first=True)

    def unpad(self, padded_bPX: Tensor, /) -> Tensor:
        return torch.cat([rows[:length] for rows, length in zip(padded_bPX, self.lengths, strict=True)])


def model(attention: str | None = None, **sizes: int) -> ByteLMModel:
    torch.manual_seed(0)
    small = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = ByteLMConfig(patch_size=2, byte_size=4, patch_hidden_size=8, **(small | sizes))
    return ByteLMModel._from_config(config, attn_implementation=attention).double().eval()


@pytest.mark.parametrize(("attention", "shared"), [("sdpa", 4), ("sdpa", 2), ("sdpa", 1), ("eager", 2)])
def test_packed_sequences_are_decoded_as_each_alone(attention: str, shared: int) -> None:
    decoder = model(attention, num_key_value_heads=shared)
    each = [torch.randn(length, 16, dtype=torch.float64) for group in LENGTHS for length in group]
    groups = [Rows(lengths) for lengths in LENGTHS]
    places = torch.cat([torch.arange(len(rows)) for rows in each])
    together = torch.cat(each).requires_grad_()
    found = decoder.decode_packed(together, places, groups)
    expected = torch.cat([decoder.decode(rows[None]).last_hidden_state[0] for rows in each])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    (changed,) = torch.autograd.grad(found[:5].sum(), together)
    assert changed[:5].abs().min() > 0
    assert changed[5:].abs().max() == 0  # one sequence does not see another


def test_recomputed_activations_give_the_same_gradients() -> None:
    decoder = model().train()
    rows, groups = torch.randn(6, 16, dtype=torch.float64), [Rows((4, 2))]
    places = torch.tensor([0, 1, 2, 3, 0, 1])
    gradients = []
    for recompute in (False, True):
        if recompute:
            decoder.decoder.activation_checkpointing_enable()
        decoder.zero_grad()
        decoder.decode_packed(rows, places, groups).square().sum().backward()
        gradients.append([p.grad.clone() for p in decoder.decoder.parameters() if p.grad is not None])
    assert len(gradients[0]) == len(gradients[1]) > 10
    assert all(torch.equal(one, two) for one, two in zip(*gradients, strict=True))


def test_without_groups_it_is_sdpa() -> None:
    ours = model()
    assert ours.decoder.config._attn_implementation == patches.PACKED_ATTENTION
    ids = torch.randint(0, 256, (2, 8))
    mask = torch.tensor([[0, 0, 1, 1, 1, 1, 1, 1], [1] * 8])
    theirs = model()
    theirs.set_attn_implementation("sdpa")
    assert theirs.decoder.config._attn_implementation == "sdpa"
    assert torch.equal(ours(ids, mask).last_hidden_state, theirs(ids, mask).last_hidden_state)


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
        filled = torch.tensor([ids + [0] * (size - byte)])  # this byte and what follows must not matter
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


@pytest.mark.slow
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
        (torch.zeros(1, 0, dtype=torch.long), "at least one byte"),
        (torch.zeros(8, dtype=torch.long), r"shape \[8\]"),
        (torch.zeros(1, 8), "torch.float32"),
        (torch.full((1, 8), 300), "id 300 is not in the vocabulary"),
        (torch.tensor([[1, 2, 3, 4, 5, -1]]), "id -1 is not in the vocabulary"),
        (torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, PAD, PAD, PAD, PAD]]), "pad on the left"),
        (torch.tensor([[1, 2, 3, 4, 5, 6, EOS, PAD]]), r"holds EOS .id 258.*eos=False, whole=False"),
        ([[1, 2, 3, 4]], "came as list, a tensor"),
        (None, "came as NoneType, a tensor"),
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
