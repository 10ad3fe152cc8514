from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor

Batch = dict[str, Tensor]


@pytest.fixture
def quiet_weaver() -> Iterator[None]:
    """weaver-core prints all its settings whenever a network is built."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def jets_of() -> Callable[..., Batch]:
    """Random massive and massless particles around a random axis, packed, for the given lengths."""

    def make(
        lengths: Sequence[int], features: int = 6, seed: int = 1, dtype: torch.dtype = torch.float32
    ) -> Batch:
        generator = torch.Generator().manual_seed(seed)
        particles = sum(lengths)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        pt, points = normal(particles).exp(), 0.4 * normal(particles, 2)
        eta, phi = points[:, 0] + 0.8, points[:, 1] + 2.9
        mass = 0.4 * normal(particles).abs() * (normal(particles) > 0)
        px, py, pz = pt * phi.cos(), pt * phi.sin(), pt * eta.sinh()
        energy = (px**2 + py**2 + pz**2 + mass**2).sqrt()
        return {
            "features_NF": normal(particles, features).to(dtype),
            "momenta_N4": torch.stack([px, py, pz, energy], dim=1).to(dtype),
            "points_N2": points.to(dtype),
            "counts_B": torch.tensor(lengths),
        }

    return make
