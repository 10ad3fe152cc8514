"""Byte models: what is saved comes back, and what does not fit is refused."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
)

from yukawa.bytelm import modeling
from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import (
    ByteLMForCausalLM,
    ByteLMForRegression,
    ByteLMForSequenceClassification,
    ByteLMModel,
)
from yukawa.core.errors import InputError

Make = Callable[..., Any]
Draw = Callable[..., Tensor]
MODELS = (ByteLMForCausalLM, ByteLMForSequenceClassification, ByteLMForRegression)


# Saving and loading.


@pytest.mark.parametrize("kind", [*MODELS, ByteLMModel])
@pytest.mark.parametrize(("size", "inner"), [(1, 0), (4, 1)])
def test_what_is_saved_comes_back(
    build: Make, draw: Draw, shaken: Make, kind: Any, size: int, inner: int, tmp_path: Path
):
    model = shaken(build(kind, size, inner_layers=inner, num_labels=5))
    model.save_pretrained(tmp_path)
    loaded = kind.from_pretrained(tmp_path)
    assert loaded.config.to_dict() | {"_name_or_path": ""} == model.config.to_dict()
    assert loaded.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(weight, loaded.state_dict()[name]) for name, weight in model.state_dict().items())
    with torch.no_grad():
        ids = draw(2, 4 * size)
        assert torch.equal(loaded(ids)[0], model(ids)[0])


AUTO = {
    AutoModel: ByteLMModel,
    AutoModelForCausalLM: ByteLMForCausalLM,
    AutoModelForSequenceClassification: ByteLMForSequenceClassification,
}


def test_the_auto_classes_know_byte_models(build: Make, tmp_path: Path):
    build().save_pretrained(tmp_path)
    assert isinstance(AutoConfig.from_pretrained(tmp_path), ByteLMConfig)
    for auto, kind in AUTO.items():
        assert type(auto.from_pretrained(tmp_path)) is kind


def test_a_second_import_does_no_harm(build: Make, tmp_path: Path):
    first = dict(vars(modeling))
    try:
        importlib.reload(modeling)
        build().save_pretrained(tmp_path)
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
        assert type(loaded) is modeling.ByteLMForCausalLM is not ByteLMForCausalLM
    finally:
        vars(modeling).update(first)
        for auto, kind in AUTO.items():
            auto.register(ByteLMConfig, kind, exist_ok=True)


@pytest.mark.parametrize("kind", MODELS[1:])
@pytest.mark.parametrize(("size", "inner"), [(1, 0), (4, 0), (4, 1)])
def test_another_head_keeps_the_trunk_to_the_bit(
    build: Make, shaken: Make, kind: Any, size: int, inner: int, tmp_path: Path
):
    causal = shaken(build(size=size, inner_layers=inner))
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


def test_a_trunk_of_its_own_gets_a_head(build: Make, shaken: Make, tmp_path: Path):
    trunk = shaken(build(ByteLMModel))
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
    configure: Make, kind: Any, way: str, changes: dict[str, Any], says: str, tmp_path: Path
):
    kind(configure()).save_pretrained(tmp_path)
    renamed = {name.replace("patch_size", "size"): value for name, value in changes.items()}
    options = changes if way == "named" else {"config": configure(**({"size": 4} | renamed))}
    with pytest.raises(InputError, match=says):
        kind.from_pretrained(tmp_path, **options)


def test_a_head_of_another_width_is_refused(build: Make, tmp_path: Path):
    build(ByteLMForSequenceClassification, num_labels=3).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"score.bias has the shape \[3\], \[5\] is expected"):
        ByteLMForSequenceClassification.from_pretrained(tmp_path, num_labels=5)
    loaded = ByteLMForSequenceClassification.from_pretrained(
        tmp_path, num_labels=5, ignore_mismatched_sizes=True
    )
    assert loaded.score.weight.shape == (5, 64)


def test_what_was_loaded_is_told_to_those_who_ask(build: Make, tmp_path: Path):
    build().save_pretrained(tmp_path)
    _, info = ByteLMForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert info["missing_keys"] == {"score.weight", "score.bias"}
