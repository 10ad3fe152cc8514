from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from yukawa.core.errors import InputError
from yukawa.jets.models.tagger import unpack
from yukawa.jets.models.transformer import PlainTransformer, PlainTransformerConfig

Batch = dict[str, Tensor]
LENGTHS = [5, 1, 12, 3, 20, 1, 8]


def tagger(dtype: torch.dtype = torch.float64, **settings: Any) -> PlainTransformer:
    torch.manual_seed(0)
    sizes = {"features": 6, "classes": ("b", "c", "g"), "embed": 24, "heads": 4, "layers": 2, **settings}
    return PlainTransformer(PlainTransformerConfig(**sizes)).to(dtype).eval()


def padded(jets: Batch, length: int | None = None) -> tuple[Tensor, ...]:
    found = [
        unpack(jets[name], jets["counts_B"], length) for name in ("features_NF", "momenta_N4", "points_N2")
    ]
    return (*(values for values, _ in found), found[0][1])


def test_padding_order_and_neighbours_change_nothing(jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger(), jets_of(LENGTHS, dtype=torch.float64)
    expected = ours(**jets)
    torch.testing.assert_close(ours.forward_padded(*padded(jets, 31)), expected, rtol=0, atol=1e-12)
    order = torch.cat([part.flip(0) for part in torch.arange(sum(LENGTHS)).split(LENGTHS)])
    mixed = {name: value if name == "counts_B" else value[order] for name, value in jets.items()}
    torch.testing.assert_close(ours(**mixed), expected, rtol=0, atol=1e-12)
    first = {name: value[: LENGTHS[0]] for name, value in jets.items()} | {"counts_B": jets["counts_B"][:1]}
    torch.testing.assert_close(ours(**first), expected[:1], rtol=0, atol=1e-12)


def test_every_particle_counts(jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger(), jets_of([6], dtype=torch.float64)
    for number in range(6):
        moved = jets["features_NF"].clone()
        moved[number, 0] += 1
        assert not torch.allclose(ours(**{**jets, "features_NF": moved}), ours(**jets))


@pytest.mark.parametrize("training", [False, True])
def test_empty_jets_give_finite_logits_and_gradients(training: bool, jets_of: Callable[..., Batch]) -> None:
    ours = tagger(torch.float32).train(training)
    for lengths in ([0], [3, 0, 1], [1]):
        jets = jets_of(lengths)
        logits = ours(**jets)
        logits.sum().backward()
        assert logits.isfinite().all()
        assert ours.forward_padded(*padded(jets, 4)).isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in ours.parameters())


def test_it_learns(jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger(torch.float32).train(), jets_of(LENGTHS)
    optimiser = torch.optim.Adam(ours.parameters(), lr=3e-3)
    labels, losses = torch.arange(len(LENGTHS)) % 3, []
    for _ in range(40):
        optimiser.zero_grad()
        loss = F.cross_entropy(ours(**jets), labels)
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    assert losses[-1] < 0.5 * losses[0]


def test_weights_come_back(jets_of: Callable[..., Batch]) -> None:
    first, jets = tagger(), jets_of(LENGTHS, dtype=torch.float64)
    second = tagger()
    for parameter in second.parameters():
        parameter.data.zero_()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(**jets), second(**jets))


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(InputError, match="5 heads do not divide the width 24"):
        tagger(heads=5)
