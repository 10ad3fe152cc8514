"""Configurations of byte models: names, sizes that are checked, and what reaches the decoders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import ByteLMForCausalLM
from yukawa.core.errors import InputError


def _parameters(name: str, **changes: Any) -> int:
    with torch.device("meta"):
        model = ByteLMForCausalLM(ByteLMConfig.named(name, **changes))
    return sum(weight.numel() for weight in model.parameters())


def test_the_published_configuration_has_about_160_million_parameters():
    assert _parameters("160m") == pytest.approx(157e6, rel=0.005)


@pytest.mark.parametrize(("name", "most"), [("laptop", 2e6), ("tiny", 0.6e6)])
def test_small_configurations_are_small(name: str, most: float):
    assert _parameters(name) < most


def test_a_name_with_changes():
    config = ByteLMConfig.named("tiny", patch_size=4, num_labels=11)
    assert (config.patch_size, config.hidden_size, config.num_labels) == (4, 64, 11)


def test_a_configuration_comes_back_from_its_file(tmp_path: Path):
    config = ByteLMConfig.named(
        "tiny", patch_size=8, inner_layers=2, pooling="last", smooth_bytes=False, num_labels=5
    )
    config.save_pretrained(tmp_path)
    assert ByteLMConfig.from_pretrained(tmp_path).to_dict() == config.to_dict()


def test_sizes_reach_the_decoders():
    config = ByteLMConfig.named(
        "tiny", patch_size=8, num_key_value_heads=2, rope_theta=500.0, attention_dropout=0.25, inner_size=32,
        inner_layers=3, rms_norm_eps=1e-3, max_position_embeddings=77, initializer_range=0.5,
    )  # fmt: skip
    over, within = config.over_patches(), config.within_patch()
    assert (over.hidden_size, over.intermediate_size, over.num_hidden_layers) == (64, 176, 4)
    assert (over.num_attention_heads, over.num_key_value_heads, over.max_position_embeddings) == (8, 2, 77)
    assert (within.hidden_size, within.num_hidden_layers, within.num_attention_heads) == (32, 3, 4)
    for decoder in (over, within):
        assert decoder.rope_parameters["rope_theta"] == 500.0
        assert (decoder.attention_dropout, decoder.rms_norm_eps) == (0.25, 1e-3)
        assert decoder.initializer_range == 0.5


def test_first_weights_of_narrow_decoders_are_larger():
    config = ByteLMConfig.named("tiny", inner_size=16)
    assert config.over_patches().initializer_range == pytest.approx(0.02 * (768 / 64) ** 0.5)
    assert config.within_patch().initializer_range == pytest.approx(0.02 * (768 / 16) ** 0.5)
    assert ByteLMConfig.named("160m").over_patches().initializer_range == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"patch_size": 0}, "patch_size is 0"),
        ({"patch_size": "8"}, "patch_size is '8', a whole number of at least 1"),
        ({"patch_size": 8.0}, "patch_size is 8.0"),
        ({"patch_size": True}, "patch_size is True"),
        ({"vocab_size": 256}, "vocab_size is 256, a whole number of at least 272"),
        ({"num_hidden_layers": -1}, "num_hidden_layers is -1"),
        ({"inner_layers": -1}, "inner_layers is -1"),
        ({"max_position_embeddings": 0}, "max_position_embeddings is 0"),
        ({"num_attention_heads": 5}, "choose a multiple of 10 for hidden_size"),
        ({"num_attention_heads": 64}, "choose a multiple of 128 for hidden_size"),  # rotation needs pairs
        ({"inner_heads": 3}, "choose a multiple of 6 for inner_size"),
        ({"num_key_value_heads": 3}, "num_key_value_heads is 3"),
        ({"num_key_value_heads": 0}, "num_key_value_heads is 0"),
        ({"attention_dropout": 1.0}, "attention_dropout is 1.0"),
        ({"attention_dropout": float("nan")}, "attention_dropout is nan"),
        ({"rope_theta": -1.0}, "rope_theta is -1.0"),
        ({"initializer_range": -0.1}, "initializer_range is -0.1"),
        ({"num_labels": 0}, "num_labels is 0"),
        ({"pooling": "max"}, "pooling is 'max', allowed are mean, last"),
        ({"patchsize": 4}, "unknown setting 'patchsize' .did you mean 'patch_size'"),
    ],
)
def test_sizes_out_of_range_are_named(changes: dict[str, Any], says: str):
    with pytest.raises(InputError, match=says):
        ByteLMConfig.named("tiny", **changes)


def test_an_unknown_name_is_answered_with_a_near_one():
    with pytest.raises(
        InputError, match=r"unknown configuration '160M' .did you mean '160m'. allowed: 160m, laptop, tiny"
    ):
        ByteLMConfig.named("160M")
