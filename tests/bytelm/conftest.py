"""Tiny byte models with random weights, and random bytes for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import ByteLMForCausalLM


def _config(size: int = 4, **changes: Any) -> ByteLMConfig:
    sizes = {"num_hidden_layers": 2, "max_position_embeddings": 32, "inner_size": 16, "inner_heads": 2}
    return ByteLMConfig.named("tiny", **(sizes | {"patch_size": size} | changes))


def _build(kind: Any = ByteLMForCausalLM, size: int = 4, attention: str = "sdpa", **changes: Any) -> Any:
    torch.manual_seed(0)
    config = _config(size, **changes)
    config._attn_implementation = attention
    return kind(config).eval()


def _bytes(batch: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (batch, length), generator=torch.Generator().manual_seed(seed))


def _shake(model: Any) -> Any:
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return model


@pytest.fixture(scope="session")
def configure() -> Callable[..., ByteLMConfig]:
    """A configuration of two layers, with changes."""
    return _config


@pytest.fixture(scope="session")
def build() -> Callable[..., Any]:
    """A model of a kind, the same each time; causal unless said otherwise."""
    return _build


@pytest.fixture(scope="session")
def draw() -> Callable[..., Tensor]:
    """Random bytes (batch, length), the same each time."""
    return _bytes


@pytest.fixture(scope="session")
def shaken() -> Callable[..., Any]:
    """Puts all weights off their first values, so that what is drawn anew is told from what is loaded."""
    return _shake
