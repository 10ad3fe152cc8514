"""Byte models: nothing leaks, padding changes nothing, what is saved comes back, and what transformers does works."""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    Trainer,
    TrainingArguments,
)

from yukawa.bytelm import modeling, packed
from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import (
    ByteLMForCausalLM,
    ByteLMForRegression,
    ByteLMForSequenceClassification,
    ByteLMModel,
    next_patch_loss,
    pool,
)
from yukawa.bytelm.patches import as_patches, smooth_rows
from yukawa.bytelm.vocabulary import Mark
from yukawa.errors import InputError

PAD = int(Mark.PAD)
SIZES = (1, 4, 16)
MODELS = (ByteLMForCausalLM, ByteLMForSequenceClassification, ByteLMForRegression)
ATTENTION = ("sdpa", "eager")


def _config(size: int = 4, **changes: Any) -> ByteLMConfig:
    sizes = {"num_hidden_layers": 2, "max_position_embeddings": 32, "inner_size": 16, "inner_heads": 2}
    return ByteLMConfig.named("tiny", **(sizes | {"patch_size": size} | changes))


def _model(kind: Any = ByteLMForCausalLM, size: int = 4, attention: str = "sdpa", **changes: Any) -> Any:
    torch.manual_seed(0)
    config = _config(size, **changes)
    config._attn_implementation = attention
    return kind(config).eval()


def _ids(batch: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (batch, length), generator=torch.Generator().manual_seed(seed))


def _shaken(model: Any) -> Any:
    """All weights off their first values, so that what is drawn anew is told from what is loaded."""
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return model


# Nothing leaks.


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("inner", [0, 1])
@pytest.mark.parametrize("size", SIZES)
def test_a_patch_changes_only_what_predicts_later_patches(size: int, inner: int, attention: str):
    model, patches = _model(size=size, inner_layers=inner, attention=attention), 6
    ids = _ids(2, patches * size)
    with torch.no_grad():
        before = model(ids).logits  # row t predicts patch t + 1
        for patch in range(patches):
            changed = ids.clone()
            changed[:, patch * size : (patch + 1) * size] = (
                ids[:, patch * size : (patch + 1) * size] + 7
            ) % 256
            after = model(changed).logits
            # What predicts a byte of the patch sees, with a decoder within it, the bytes before that byte.
            blind = 1 if inner else size
            assert torch.equal(after[:, : max(patch - 1, 0)], before[:, : max(patch - 1, 0)])
            assert torch.equal(after[:, :patch, :blind], before[:, :patch, :blind])
            for later in range(patch, patches):
                assert not torch.equal(after[:, later], before[:, later])


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("size", [4, 16])
def test_with_a_decoder_in_the_patch_a_byte_changes_only_what_predicts_later_bytes(size: int, attention: str):
    model, patch = _model(size=size, inner_layers=1, attention=attention), 2
    ids = _ids(2, 4 * size)
    with torch.no_grad():
        before = model(ids).logits.flatten(1, 2)  # row i predicts byte i + P
        for byte in range(size):
            changed = ids.clone()
            place = patch * size + byte
            changed[:, place] = (ids[:, place] + 7) % 256
            after = model(changed).logits.flatten(1, 2)
            same = place - size + 1  # rows up to the one that predicts this very byte
            assert torch.equal(after[:, :same], before[:, :same])
            assert not torch.equal(after[:, same:], before[:, same:])


def _copying(size: int, shift: int) -> tuple[Tensor, Tensor]:
    """Logits of a model that copies what it sees of targets `shift` bytes on, and the sequence."""
    ids = _ids(1, 8 * size)
    logits = torch.zeros(1, 8, size, 272)
    for patch in range(8):
        for byte in range(size):
            target = patch * size + byte + shift
            if target < (patch + 1) * size:  # it stands in the patch itself: the model has read it
                logits[0, patch, byte, ids[0, target]] = 20.0
    return logits, ids


def test_targets_shifted_by_one_byte_would_be_seen_and_are_not_what_is_learned():
    """A model that copies its input wins at targets one byte on, P - 1 of P times, and not at ours."""
    size = 8
    logits, ids = _copying(size, shift=1)
    shifted = torch.nn.functional.cross_entropy(logits.flatten(1, 2)[0, :-1], ids[0, 1:])
    assert shifted < 1.1 * math.log(272) / size
    ours = next_patch_loss(logits[:, :-1], as_patches(ids, size)[:, 1:])
    assert ours > math.log(272)


@pytest.mark.parametrize("inner", [0, 1])
@pytest.mark.parametrize("size", [4, 16])
def test_random_bytes_cannot_be_learned(size: int, inner: int):
    """Fresh random bytes at every step: a loss below ln 256 would be a leak."""
    model = _model(size=size, inner_layers=inner).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for step in range(60):
        ids = _ids(16, 4 * size, seed=step)
        loss = model(ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert min(losses) > math.log(256) - 0.05


# The loss.


@pytest.mark.parametrize("inner", [0, 1])
@pytest.mark.parametrize("size", SIZES)
def test_the_loss_is_that_of_a_plain_loop(size: int, inner: int):
    model = _model(size=size, inner_layers=inner)
    ids = _ids(3, 5 * size)
    ids[0, 3 * size + size // 2 :] = PAD  # ends within a patch, then a patch of padding
    ids[1, 3 * size :] = PAD
    labels = ids.clone()
    labels[2, 2 * size : 2 * size + 1] = -100
    with torch.no_grad():
        output = model(ids, labels=labels)
    terms = []
    for row in range(3):
        for place in range(size, 5 * size):
            patch, byte = divmod(place, size)
            target = int(labels[row, place])
            empty = bool((labels[row, patch * size : (patch + 1) * size] == PAD).all())
            if target != -100 and not empty:
                terms.append(-float(output.logits[row, patch - 1, byte].log_softmax(-1)[target]))
    assert output.loss.item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_padding_on_either_side_leaves_the_loss_as_it_is():
    model, ids = _model(), _ids(2, 12)
    padding = torch.full((2, 8), PAD)
    for padded in (torch.cat([ids, padding], 1), torch.cat([padding, ids], 1)):
        torch.testing.assert_close(model(padded, labels=padded).loss, model(ids, labels=ids).loss)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (torch.zeros(2, 4, dtype=torch.long), r"labels have the shape \[2, 4\] .* \[2, 8\] are expected"),
        (torch.zeros(2, 8), "torch.float32"),
        (torch.full((2, 8), 272), "a label is no id, allowed are 0 to 271"),
        (torch.full((2, 8), -1), "a label is no id"),
        (torch.full((2, 8), -100), "nothing is left to predict"),
        (torch.full((2, 8), PAD), "nothing is left to predict"),
    ],
)
def test_labels_that_are_none_are_refused(labels: Tensor, says: str):
    with pytest.raises(InputError, match=says):
        _model()(_ids(2, 8), labels=labels)


def test_a_single_patch_has_nothing_to_predict():
    with pytest.raises(InputError, match="one patch"):
        _model()(_ids(2, 4), labels=_ids(2, 4))


# Padding.


def _with_nuls(lengths: list[int], size: int) -> list[Tensor]:
    """Sequences of whole patches in which NUL bytes stand, also at the end."""
    sequences = []
    for seed, length in enumerate(lengths):
        ids = _ids(1, length * size, seed)
        ids[:, size // 2 :: 3] = 0
        ids[:, -size:] = 0
        sequences.append(ids)
    return sequences


def _padded(sequences: list[Tensor], left: bool) -> Tensor:
    longest = max(ids.shape[1] for ids in sequences)
    return torch.cat(
        [torch.nn.functional.pad(ids, ((longest - ids.shape[1]) * left, (longest - ids.shape[1]) * (not left)), value=PAD)
         for ids in sequences]
    )  # fmt: skip


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("pooling", ["mean", "last"])
@pytest.mark.parametrize("size", [1, 4])
def test_a_batch_is_each_of_its_sequences_alone(size: int, pooling: str, left: bool, attention: str):
    model = _model(ByteLMForSequenceClassification, size, attention, num_labels=11, pooling=pooling)
    sequences = _with_nuls([3, 7, 1, 5], size)
    with torch.no_grad():
        together = model(_padded(sequences, left)).logits
        alone = torch.cat([model(ids).logits for ids in sequences])
    torch.testing.assert_close(together, alone, atol=1e-5 if left else 1e-6, rtol=0)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("size", [1, 4])
def test_padding_changes_no_vector(size: int, left: bool):
    model = _model(ByteLMModel, size)
    sequences = _with_nuls([3, 7], size)
    with torch.no_grad():
        together = model(_padded(sequences, left)).last_hidden_state
        alone = [model(ids).last_hidden_state for ids in sequences]
    assert torch.isfinite(together).all()
    short = together[:1, 4:] if left else together[:1, :3]
    torch.testing.assert_close(short, alone[0], atol=1e-5 if left else 1e-6, rtol=0)
    torch.testing.assert_close(together[1:], alone[1], atol=1e-6, rtol=0)


def test_the_mask_says_what_is_padding_whatever_stands_there():
    model = _model(ByteLMForSequenceClassification, num_labels=3)
    ids = _ids(2, 16)
    mask = torch.ones(2, 16)
    mask[0, 8:] = 0
    by_bytes, by_patches = (
        model(ids, attention_mask=mask).logits,
        model(ids, attention_mask=mask[:, ::4]).logits,
    )
    assert torch.equal(by_bytes, by_patches)
    torch.testing.assert_close(by_bytes[:1], model(ids[:1, :8]).logits, atol=1e-6, rtol=0)
    assert not torch.allclose(by_bytes, model(ids).logits)


def test_a_gap_in_the_mask_is_as_if_nothing_stood_there():
    model = _model(ByteLMForSequenceClassification, num_labels=3)
    ids, mask = _ids(1, 24), torch.tensor([[1, 1, 0, 0, 1, 1]])
    whole = model(ids[:, [*range(8), *range(16, 24)]]).logits
    torch.testing.assert_close(model(ids, attention_mask=mask).logits, whole, atol=1e-6, rtol=0)


def test_pooling_takes_the_mean_and_the_last_of_what_the_mask_shows():
    vectors = torch.randn(3, 4, 5)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 1, 0]])
    mean = torch.stack([vectors[0].mean(0), vectors[1, :2].mean(0), vectors[2, 1:3].mean(0)])
    torch.testing.assert_close(pool(vectors, mask, "mean"), mean)
    assert torch.equal(
        pool(vectors, mask.bool(), "last"), torch.stack([vectors[0, 3], vectors[1, 1], vectors[2, 2]])
    )


def test_the_mean_of_many_patches_is_exact_in_half_precision():
    assert torch.equal(
        pool(torch.ones(1, 3001, 2).bfloat16(), torch.ones(1, 3001), "mean"), torch.ones(1, 2).bfloat16()
    )


# Keys and values of patches before.


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize("padding", [0, 2])
@pytest.mark.parametrize(("size", "inner"), [(1, 0), (4, 0), (4, 1)])
def test_piece_by_piece_gives_the_logits_of_a_full_pass(size: int, inner: int, padding: int, attention: str):
    model = _model(size=size, inner_layers=inner, attention=attention)
    ids = _ids(2, 9 * size)
    ids[0, : padding * size] = PAD
    mask = ids != PAD
    with torch.no_grad():
        full = model(ids).logits
        cache, pieces = None, []
        for begin, end in ((0, 4), (4, 5), (5, 9)):
            output = model(
                ids[:, begin * size : end * size], attention_mask=mask[:, : end * size], past_key_values=cache,
                use_cache=True,
            )  # fmt: skip
            cache = output.past_key_values
            pieces.append(output.logits)
    whole = torch.cat(pieces, 1)
    if (
        inner
    ):  # the last row of a piece does not know the patch that follows: of it the first byte alone counts
        full, whole = full[:, :, 0], whole[:, :, 0]
    torch.testing.assert_close(whole[0, padding:], full[0, padding:], atol=1e-5, rtol=0)
    torch.testing.assert_close(whole[1], full[1], atol=1e-5, rtol=0)


# Bad input.


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (torch.zeros(1, 33 * 4, dtype=torch.long), "33 patches is longer than the 32"),
        (torch.zeros(1, 7, dtype=torch.long), "7 bytes is not made of patches of 4"),
        (torch.zeros(1, 0, dtype=torch.long), "there is no byte"),
        (torch.zeros(0, 4, dtype=torch.long), "there is no byte"),
        (torch.full((1, 8), 272), "id 272 is not in the vocabulary"),
        (torch.full((1, 8), -1), "id -1 is not"),
        (torch.zeros(1, 8), "torch.float32"),
        (torch.zeros(8, dtype=torch.long), r"shape \[8\]"),
    ],
)
def test_what_is_no_sequence_is_refused(kind: Any, ids: Tensor, says: str):
    with pytest.raises(InputError, match=says):
        _model(kind)(ids)


def test_a_sequence_that_grows_beyond_the_context_is_refused():
    model = _model()
    cache = model(_ids(1, 32 * 4), use_cache=True).past_key_values
    with pytest.raises(InputError, match="33 patches is longer"):
        model(_ids(1, 4), past_key_values=cache)


@pytest.mark.parametrize("kind", MODELS)
def test_a_mask_of_another_shape_is_refused(kind: Any):
    with pytest.raises(InputError, match=r"attention_mask has the shape \[2, 7\]"):
        _model(kind)(_ids(2, 8), attention_mask=torch.ones(2, 7))


@pytest.mark.parametrize("kind", MODELS[1:])
@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_a_sequence_of_nothing_but_padding_is_refused(kind: Any, pooling: str):
    ids = _ids(2, 8)
    ids[1] = PAD
    with pytest.raises(InputError, match="nothing but padding"):
        _model(kind, pooling=pooling)(ids)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (torch.tensor([0, 3]), "a label is 3, allowed are 0 to 2"),
        (torch.tensor([-1, 0]), "a label is -1"),
        (torch.tensor([0, -100]), "a label is -100"),
        (torch.tensor([[0, 1]]), r"labels have the shape \[1, 2\]"),
        (torch.tensor([0]), r"labels have the shape \[1\]"),
        (torch.tensor([0.0, 1.0]), "torch.float32"),
    ],
)
def test_classes_out_of_range_are_refused(labels: Tensor, says: str):
    with pytest.raises(InputError, match=says):
        _model(ByteLMForSequenceClassification, num_labels=3)(_ids(2, 8), labels=labels)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (torch.tensor([[0.0, math.nan], [1.0, 2.0]]), "not finite"),
        (torch.tensor([[0.0, math.inf], [1.0, 2.0]]), "not finite"),
        (torch.tensor([0.0, 1.0]), r"labels have the shape \[2\], \[2, 2\] is expected"),
        (torch.zeros(2, 3), r"labels have the shape \[2, 3\]"),
    ],
)
def test_values_that_are_none_are_refused(labels: Tensor, says: str):
    with pytest.raises(InputError, match=says):
        _model(ByteLMForRegression, num_labels=2)(_ids(2, 8), labels=labels)


def test_the_vocabulary_is_not_resized():
    with pytest.raises(InputError, match="vocabulary of a byte model is fixed"):
        _model().resize_token_embeddings(300)


# Heads.


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_the_loss_of_classes_is_cross_entropy(dtype: torch.dtype):
    model = _model(ByteLMForSequenceClassification, num_labels=3)
    output = model(_ids(4, 8), labels=torch.tensor([0, 2, 1, 2], dtype=dtype))
    by_hand = -output.logits.log_softmax(1)[range(4), [0, 2, 1, 2]].mean()
    torch.testing.assert_close(output.loss, by_hand)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_the_loss_of_values_is_the_mean_square_error(shape: tuple[int, ...]):
    model = _model(ByteLMForRegression, num_labels=1)
    labels = torch.randn(shape, dtype=torch.float64)
    output = model(_ids(4, 8), labels=labels)
    torch.testing.assert_close(output.loss, (output.logits[:, 0] - labels.flatten().float()).pow(2).mean())


def test_a_tuple_is_given_to_those_who_ask():
    ids = _ids(2, 8)
    for kind in MODELS:
        model = _model(kind, num_labels=1)
        assert torch.equal(model(ids, return_dict=False)[0], model(ids).logits)
    assert isinstance(_model(ByteLMModel)(ids, return_dict=False), tuple)


def test_hidden_states_are_given_to_those_who_ask():
    output = _model()(_ids(2, 8), output_hidden_states=True)
    assert [tuple(state.shape) for state in output.hidden_states] == [(2, 2, 64)] * 3


# First weights.


@pytest.mark.parametrize("size", [1, 4])
def test_near_bytes_begin_near_if_asked_for(size: int):
    table = _model(size=size).model.embedding.bytes.weight
    assert torch.equal(table[:256], smooth_rows(table.shape[1], modeling.BYTE_RMS))
    rough = _model(size=size, smooth_bytes=False).model.embedding.bytes.weight
    assert (torch.nn.functional.cosine_similarity(rough[:255], rough[1:256]).mean().abs()) < 0.1


@pytest.mark.parametrize("name", ["tiny", "laptop"])
@pytest.mark.parametrize("size", SIZES)
def test_patches_begin_with_vectors_of_a_size_near_one(name: str, size: int):
    torch.manual_seed(0)
    embedding = ByteLMModel(ByteLMConfig.named(name, patch_size=size)).embedding
    assert 0.3 < embedding(_ids(8, 4 * size).unflatten(1, (4, size))).pow(2).mean().sqrt() < 3


def test_the_same_seed_gives_the_same_model():
    first, second = _model(inner_layers=1).state_dict(), _model(inner_layers=1).state_dict()
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())


# Saving and loading.


@pytest.mark.parametrize("kind", [*MODELS, ByteLMModel])
@pytest.mark.parametrize(("size", "inner"), [(1, 0), (4, 1)])
def test_what_is_saved_comes_back(kind: Any, size: int, inner: int, tmp_path: Path):
    model = _shaken(_model(kind, size, inner_layers=inner, num_labels=5))
    model.save_pretrained(tmp_path)
    loaded = kind.from_pretrained(tmp_path)
    assert loaded.config.to_dict() | {"_name_or_path": ""} == model.config.to_dict()
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(weight, loaded.state_dict()[name]) for name, weight in model.state_dict().items())
    with torch.no_grad():
        ids = _ids(2, 4 * size)
        assert torch.equal(loaded(ids)[0], model(ids)[0])


AUTO = {
    AutoModel: ByteLMModel,
    AutoModelForCausalLM: ByteLMForCausalLM,
    AutoModelForSequenceClassification: ByteLMForSequenceClassification,
}


def test_the_auto_classes_know_byte_models(tmp_path: Path):
    _model().save_pretrained(tmp_path)
    assert isinstance(AutoConfig.from_pretrained(tmp_path), ByteLMConfig)
    for auto, kind in AUTO.items():
        assert type(auto.from_pretrained(tmp_path)) is kind


def test_a_second_import_does_no_harm(tmp_path: Path):
    first = dict(vars(modeling))
    try:
        importlib.reload(modeling)
        _model().save_pretrained(tmp_path)
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
        assert type(loaded) is modeling.ByteLMForCausalLM is not ByteLMForCausalLM
    finally:
        vars(modeling).update(first)
        for auto, kind in AUTO.items():
            auto.register(ByteLMConfig, kind, exist_ok=True)


@pytest.mark.parametrize("kind", MODELS[1:])
@pytest.mark.parametrize(("size", "inner"), [(1, 0), (4, 0), (4, 1)])
def test_another_head_keeps_the_trunk_to_the_bit(kind: Any, size: int, inner: int, tmp_path: Path):
    causal = _shaken(_model(size=size, inner_layers=inner))
    causal.save_pretrained(tmp_path)
    torch.manual_seed(1)
    first = kind.from_pretrained(tmp_path, num_labels=11)
    torch.manual_seed(2)
    second = kind.from_pretrained(tmp_path, num_labels=11)
    trunk = causal.model.state_dict()
    assert all(torch.equal(weight, trunk[name]) for name, weight in first.model.state_dict().items())
    assert all(torch.equal(weight, trunk[name]) for name, weight in second.model.state_dict().items())
    assert first.score.weight.shape == (11, 64)
    assert not torch.equal(first.score.weight, second.score.weight)


def test_a_trunk_of_its_own_gets_a_head(tmp_path: Path):
    trunk = _shaken(_model(ByteLMModel))
    trunk.save_pretrained(tmp_path)
    loaded = ByteLMForCausalLM.from_pretrained(tmp_path).model.state_dict()
    assert all(torch.equal(weight, loaded[name]) for name, weight in trunk.state_dict().items())


@pytest.mark.parametrize("kind", [*MODELS, ByteLMModel])
@pytest.mark.parametrize("way", ["named", "configured"])
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"patch_size": 8}, "patch_size is 4, 8 is expected"),
        ({"patch_size": 1}, "patch_size is 4, 1 is expected"),
        ({"vocab_size": 288}, "vocab_size is 272, 288 is expected"),
        ({"num_hidden_layers": 1}, "num_hidden_layers is 2, 1 is expected"),
        ({"num_hidden_layers": 3}, "num_hidden_layers is 2, 3 is expected"),
    ],
)
def test_a_checkpoint_of_other_sizes_is_refused(
    kind: Any, way: str, changes: dict[str, Any], says: str, tmp_path: Path
):
    kind(_config()).save_pretrained(tmp_path)
    renamed = {name.replace("patch_size", "size"): value for name, value in changes.items()}
    options = changes if way == "named" else {"config": _config(**({"size": 4} | renamed))}
    with pytest.raises(InputError, match=says):
        kind.from_pretrained(tmp_path, **options)


def test_a_head_of_another_width_is_refused(tmp_path: Path):
    _model(ByteLMForSequenceClassification, num_labels=3).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"score.bias has the shape \[3\], \[5\] is expected"):
        ByteLMForSequenceClassification.from_pretrained(tmp_path, num_labels=5)
    loaded = ByteLMForSequenceClassification.from_pretrained(
        tmp_path, num_labels=5, ignore_mismatched_sizes=True
    )
    assert loaded.score.weight.shape == (5, 64)


def test_what_was_loaded_is_told_to_those_who_ask(tmp_path: Path):
    _model().save_pretrained(tmp_path)
    _, info = ByteLMForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert info["missing_keys"] == {"score.weight", "score.bias"}


# What transformers and PEFT do with models.


@pytest.mark.parametrize("attention", ATTENTION)
def test_the_attention_asked_for_reaches_the_decoders(attention: str, tmp_path: Path):
    _model(inner_layers=1).save_pretrained(tmp_path)
    model = ByteLMForCausalLM.from_pretrained(tmp_path, attn_implementation=attention)
    decoders = (model.model.decoder, model.head.decoder)
    over_patches = packed.NAME if attention == "sdpa" else attention  # SDPA, which takes packed sequences too
    assert [d.config._attn_implementation for d in decoders] == [over_patches, attention]
    other = ATTENTION[attention == "sdpa"]
    model.set_attn_implementation(other)
    assert [decoder.config._attn_implementation for decoder in decoders] == [other] * 2


@pytest.mark.parametrize("padded", [False, True])
def test_attention_implementations_agree(padded: bool):
    ids = _ids(2, 24)
    if padded:
        ids[0, :8] = PAD
    with torch.no_grad():
        first, second = (_model(attention=attention)(ids).logits for attention in ATTENTION)
    torch.testing.assert_close(first[:, 2 * padded :], second[:, 2 * padded :], atol=1e-5, rtol=0)


@pytest.mark.parametrize("inner", [0, 1])
def test_activation_checkpointing_gives_the_same_gradients(inner: int):
    ids = _ids(2, 24)
    gradients = []
    for checkpointing in (False, True):
        model = _model(inner_layers=inner).train()
        if checkpointing:
            model.activation_checkpointing_enable()
        model(ids, labels=ids).loss.backward()
        gradients.append({name: weight.grad for name, weight in model.named_parameters()})
    assert all(torch.equal(gradient, gradients[1][name]) for name, gradient in gradients[0].items())


@pytest.mark.parametrize("kind", MODELS)
def test_half_precision_runs_and_is_near(kind: Any, tmp_path: Path):
    model, ids = _model(kind, inner_layers=1, num_labels=1), _ids(2, 24)
    model.save_pretrained(tmp_path)
    half = kind.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    labels = {ByteLMForCausalLM: ids, ByteLMForSequenceClassification: torch.zeros(2, dtype=torch.long)}
    whole, rough = (each(ids, labels=labels.get(kind, torch.ones(2))) for each in (model, half))
    assert rough.logits.dtype == torch.bfloat16
    torch.testing.assert_close(rough.logits.float(), whole.logits, atol=0.1, rtol=0.1)
    torch.testing.assert_close(rough.loss, whole.loss, atol=0.05, rtol=0.05)


def _lora(model: Any, task: str) -> Any:
    torch.manual_seed(3)
    return peft.get_peft_model(
        model, peft.LoraConfig(task_type=task, r=2, lora_alpha=8, target_modules=["q_proj", "v_proj"])
    )


def _two_steps(model: Any, ids: Tensor, labels: Tensor) -> tuple[float, float]:
    optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.1)
    losses = []
    for _ in range(2):
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses[0], losses[1]


@pytest.mark.parametrize(
    ("kind", "task"), [(ByteLMForCausalLM, "CAUSAL_LM"), (ByteLMForSequenceClassification, "SEQ_CLS")]
)
def test_lora_trains_merges_and_comes_back(kind: Any, task: str, tmp_path: Path):
    base, ids = _shaken(_model(kind, num_labels=2)), _ids(4, 24)
    base.save_pretrained(tmp_path / "base")
    adapted = _lora(base, task)
    first, second = _two_steps(adapted, ids, ids if task == "CAUSAL_LM" else torch.tensor([0, 1, 1, 0]))
    assert second < first
    with torch.no_grad():
        expected = adapted(input_ids=ids).logits
        adapted.save_pretrained(tmp_path / "adapter")
        fresh = kind.from_pretrained(tmp_path / "base", num_labels=2)
        assert not torch.allclose(fresh(ids).logits, expected, atol=1e-3)
        loaded = peft.PeftModel.from_pretrained(fresh, tmp_path / "adapter")
        assert torch.equal(loaded(input_ids=ids).logits, expected)
        merged = adapted.merge_and_unload()
        assert type(merged) is kind
        torch.testing.assert_close(merged(ids).logits, expected, atol=1e-4, rtol=0)


def test_a_model_with_lora_generates():
    adapted = _lora(_model(), "CAUSAL_LM")
    made = adapted.generate(input_ids=_ids(1, 8), max_new_bytes=6)
    assert torch.equal(made, _model().generate(_ids(1, 8), max_new_bytes=6))  # LoRA begins as nothing


class _Sequences(torch.utils.data.Dataset):
    def __init__(self, count: int) -> None:
        self.ids = _ids(count, 16) % 4

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"input_ids": self.ids[index], "labels": self.ids[index]}


def _trainer(folder: Path, **options: Any) -> Trainer:
    arguments = TrainingArguments(
        str(folder), **({"max_steps": 6, "per_device_train_batch_size": 4, "save_strategy": "no"} | options),
        learning_rate=1e-3, report_to=[], use_cpu=True, disable_tqdm=True, logging_strategy="no", seed=1,
        dataloader_pin_memory=False,
    )  # fmt: skip
    return Trainer(_model(attention_dropout=0.1), arguments, train_dataset=_Sequences(40))


def _weights(trainer: Trainer) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in trainer.model.state_dict().items()}


def test_transformers_trainer_goes_on_as_if_never_stopped(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        whole = _trainer(tmp_path / "whole", save_strategy="steps", save_steps=3)
        losses = [whole.train().training_loss]
    resumed = _trainer(tmp_path / "resumed")
    losses.append(
        resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-3")).training_loss
    )
    assert losses[0] < math.log(272)
    expected = _weights(whole)
    assert all(torch.equal(weight, expected[name]) for name, weight in _weights(resumed).items())
    assert "unexpected" not in capfd.readouterr().err.lower()


def test_accumulated_gradients_are_those_of_the_whole_batch(tmp_path: Path):
    """The Trainer would not divide by the number of parts if it took the loss for a sum."""

    def gradient(**options: Any) -> Tensor:
        trainer = _trainer(tmp_path, max_steps=1, max_grad_norm=0.0, **options)
        trainer.model.config.attention_dropout = 0.0
        for layer in trainer.model.model.decoder.layers:
            layer.self_attn.attention_dropout = 0.0
        seen: list[Tensor] = []
        step: Callable[..., Any] = trainer.model.head.weight.register_hook(
            lambda grad: seen.append(grad.clone())
        )
        trainer.train()
        step.remove()  # type: ignore[attr-defined]
        return torch.stack(seen).sum(0)

    whole = gradient(per_device_train_batch_size=8)
    parts = gradient(per_device_train_batch_size=2, gradient_accumulation_steps=4)
    torch.testing.assert_close(parts, whole, atol=1e-6, rtol=1e-4)
