from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional as F

from yukawa.core.errors import InputError
from yukawa.jets.models.pairs import FEATURES
from yukawa.jets.models.particle_transformer import (
    ParticleTransformer,
    ParticleTransformerConfig,
    weights_from_weaver,
)
from yukawa.jets.models.tagger import unpack

Batch = dict[str, Tensor]
CLASSES = ("b", "c", "g", "s", "u")
SMALL: dict[str, Any] = {
    "features": 6,
    "classes": CLASSES,
    "embed_sizes": (16, 24),
    "pair_sizes": (8, 8),
    "heads": 4,
    "layers": 2,
    "class_layers": 2,
    "head_sizes": (12,),
}
LENGTHS = [5, 1, 12, 3, 20, 1, 8]


def shake(network: nn.Module) -> nn.Module:
    """Statistics and parameters as after training, in `eval` mode."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.get_buffer("running_mean").normal_(0, 0.5)
            module.get_buffer("running_var").uniform_(0.5, 2)
    for parameter in network.parameters():
        parameter.data.add_(torch.randn_like(parameter) * 0.05)
    return network.eval()


def tagger(seed: int = 0, dtype: torch.dtype = torch.float32, **settings: Any) -> ParticleTransformer:
    torch.manual_seed(seed)
    made = ParticleTransformer(ParticleTransformerConfig(**{**SMALL, **settings}))
    shake(made)
    return made.to(dtype)


def peer(features: int = 6, classes: int = 5, **settings: Any) -> Any:
    from weaver.nn.model.ParticleTransformer import ParticleTransformer as Peer

    torch.manual_seed(0)
    return shake(Peer(features, classes, **settings))


def padded(jets: Batch, length: int | None = None) -> dict[str, Tensor]:
    found = {}
    for name in ("features", "momenta", "points"):
        packed = next(value for key, value in jets.items() if key.startswith(name))
        found[f"{name}_BP{name_of(packed, name)}"], mask = unpack(packed, jets["counts_B"], length)
    return found | {"mask_BP": mask}


def name_of(packed: Tensor, name: str) -> str:
    return "F" if name == "features" else str(packed.shape[1])


def of_peer(network: nn.Module, jets: Batch, length: int | None = None) -> Tensor:
    given = padded(jets, length)
    logits: Tensor = network(
        given["features_BPF"].mT,
        given["momenta_BP4"].mT,
        given["mask_BP"][:, None].to(given["features_BPF"].dtype),
    )
    return logits


@pytest.mark.usefixtures("quiet_weaver")
@pytest.mark.parametrize("kind", ["pp", "ee"])
def test_full_size_logits_equal_weavers_in_both_entrances(kind: str, jets_of: Callable[..., Batch]) -> None:
    network = peer(17, 11, pair_input_type=kind, fc_params=[])
    ours = ParticleTransformer.from_weaver(network.state_dict()).eval()
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in network.parameters())
    jets = jets_of([1, 1, 2, 3, 7, 13, 30, 39, 40, 41, 64, 100, 128, 1], features=17)
    with torch.no_grad():
        expected = of_peer(network, jets, 128)
        torch.testing.assert_close(ours(**jets), expected, rtol=0, atol=1e-5)
        torch.testing.assert_close(ours.forward_padded(**padded(jets)), expected, rtol=0, atol=1e-5)


@pytest.mark.usefixtures("quiet_weaver")
@pytest.mark.parametrize("kind", ["pp", "ee"])
@pytest.mark.parametrize("activated", [False, True])
def test_logits_and_gradients_equal_weavers(
    kind: str, activated: bool, jets_of: Callable[..., Batch]
) -> None:
    sizes = {
        "embed_dims": [16, 24],
        "pair_embed_dims": [8, 8],
        "num_heads": 4,
        "num_layers": 3,
        "num_cls_layers": 1,
    }
    network = peer(
        pair_input_type=kind, use_pre_activation_pair=not activated, fc_params=[(12, 0.1), (10, 0)], **sizes
    ).double()
    state = {f"mod.{name}": value for name, value in network.state_dict().items()}
    ours = ParticleTransformer.from_weaver(state, {"pair_activated": activated, "classes": CLASSES})
    ours.double().eval()
    jets = jets_of(LENGTHS, dtype=torch.float64)
    labels = torch.arange(len(LENGTHS)) % 5
    mine, theirs = ours(**jets), of_peer(network, jets, 25)
    torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)
    F.cross_entropy(mine, labels).backward()
    F.cross_entropy(theirs, labels).backward()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    expected = weights_from_weaver({name: value for name, value in gradients.items() if value is not None})
    for name, parameter in ours.named_parameters():
        assert parameter.grad is not None, name
        scale = expected[name].abs().max().clamp(min=1e-6)
        assert (parameter.grad - expected[name]).abs().max() <= 1e-4 * scale, name


@pytest.mark.parametrize("kind", list(FEATURES))
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_the_order_of_particles_does_not_matter(
    kind: str, dtype: torch.dtype, tolerance: float, jets_of: Callable[..., Batch]
) -> None:
    ours, jets = tagger(dtype=dtype, pair_features=kind), jets_of(LENGTHS, dtype=dtype)
    parts = torch.arange(sum(LENGTHS)).split(LENGTHS)
    order = torch.cat([part[torch.randperm(len(part))] for part in parts])
    mixed = {name: value if name == "counts_B" else value[order] for name, value in jets.items()}
    torch.testing.assert_close(ours(**mixed), ours(**jets), rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", list(FEATURES))
def test_padding_changes_nothing(kind: str, jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger(dtype=torch.float64, pair_features=kind), jets_of(LENGTHS, dtype=torch.float64)
    expected = ours(**jets)
    for length in (20, 33):
        given = padded(jets, length)
        logits = ours.forward_padded(**given)
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)
        given["features_BPF"][~given["mask_BP"]] = math.nan
        given["momenta_BP4"][~given["mask_BP"]] = math.nan
        torch.testing.assert_close(ours.forward_padded(**given), logits, rtol=0, atol=1e-12)


def test_both_entrances_train_alike(jets_of: Callable[..., Batch]) -> None:
    ours, jets = (
        tagger(dtype=torch.float64, dropout=0.0, head_dropout=0.0).train(),
        jets_of(LENGTHS, dtype=torch.float64),
    )
    packed = ours(**jets)
    torch.testing.assert_close(ours.forward_padded(**padded(jets, 30)), packed, rtol=0, atol=1e-12)


def test_a_jet_does_not_depend_on_its_neighbours(jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger(dtype=torch.float64), jets_of(LENGTHS, dtype=torch.float64)
    together, begin = ours(**jets), 0
    for number, length in enumerate(LENGTHS):
        alone = {name: value[begin : begin + length] for name, value in jets.items()} | {
            "counts_B": torch.tensor([length])
        }
        torch.testing.assert_close(ours(**alone)[0], together[number], rtol=0, atol=1e-12)
        begin += length


def test_turning_jets_about_the_beam_changes_nothing(jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger(dtype=torch.float64), jets_of(LENGTHS, dtype=torch.float64)
    cos, sin = math.cos(1.1), math.sin(1.1)
    px, py, pz, energy = jets["momenta_N4"].T
    turned = torch.stack([cos * px - sin * py, sin * px + cos * py, pz, energy], dim=1)
    # A particle's mass, and so its pair with itself, is known only to rounding.
    torch.testing.assert_close(ours(**{**jets, "momenta_N4": turned}), ours(**jets), rtol=0, atol=1e-6)


@pytest.mark.parametrize("lengths", [[0], [0, 0], [1], [0, 1, 0], [4, 0, 2]])
@pytest.mark.parametrize("training", [False, True])
def test_empty_and_lonely_jets_give_finite_logits_and_gradients(
    lengths: list[int], training: bool, jets_of: Callable[..., Batch]
) -> None:
    ours, jets = tagger().train(training), jets_of(lengths)
    logits = ours(**jets)
    logits.sum().backward()
    assert logits.shape == (len(lengths), 5)
    assert logits.isfinite().all()
    assert all(p.grad.isfinite().all() for p in ours.parameters() if p.grad is not None)
    assert ours.eval().forward_padded(**padded(jets, 4)).isfinite().all()


def test_an_empty_jet_is_the_same_in_both_entrances(jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger(), jets_of([4, 0, 2])
    torch.testing.assert_close(ours.forward_padded(**padded(jets)), ours(**jets), rtol=0, atol=1e-5)


def test_every_parameter_learns(jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger().train(), jets_of(LENGTHS)
    optimiser = torch.optim.Adam(ours.parameters(), lr=3e-3)
    labels, losses = torch.arange(len(LENGTHS)) % 5, []
    for _ in range(40):
        optimiser.zero_grad()
        loss = F.cross_entropy(ours(**jets), labels)
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in ours.parameters())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("training", [False, True])
def test_bfloat16_gives_nearly_the_same(training: bool, jets_of: Callable[..., Batch]) -> None:
    ours, jets = tagger(dropout=0.0, head_dropout=0.0).train(training), jets_of(LENGTHS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = ours(**jets)
        padded_logits = ours.forward_padded(**padded(jets))
    logits.float().sum().backward()
    torch.testing.assert_close(logits.float(), ours(**jets), rtol=0, atol=0.1)
    torch.testing.assert_close(padded_logits.float(), logits.float(), rtol=0, atol=0.1)


@pytest.mark.slow_but("pp")
@pytest.mark.parametrize("kind", list(FEATURES))
def test_an_export_takes_any_number_of_jets_and_particles(kind: str, jets_of: Callable[..., Batch]) -> None:
    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tagger = tagger(pair_features=kind, layers=1, class_layers=1)

        def forward(self, *given: Tensor) -> Tensor:
            return self.tagger.forward_padded(*given)

    network = Padded().eval()
    jets, particles = torch.export.Dim("jets"), torch.export.Dim("particles")
    with torch.no_grad():
        exported = torch.export.export(
            network,
            tuple(padded(jets_of([3, 5, 2])).values()),
            dynamic_shapes=(({0: jets, 1: particles},) * 4,),
        ).module()
        given = tuple(padded(jets_of(LENGTHS)).values())
        torch.testing.assert_close(exported(*given), network(*given), rtol=0, atol=1e-6)


def test_weights_come_back_and_must_all_be_there(jets_of: Callable[..., Batch]) -> None:
    first, second, jets = tagger(1), tagger(2), jets_of(LENGTHS)
    state = first.state_dict()
    assert not torch.equal(first(**jets), second(**jets))
    second.load_state_dict(state)
    assert torch.equal(first(**jets), second(**jets))
    del state["class_token_D"]
    with pytest.raises(RuntimeError, match="class_token_D"):
        second.load_state_dict(state)


def test_published_sizes_have_the_published_number_of_parameters() -> None:
    config = ParticleTransformerConfig(features=17, classes=[f"class {number}" for number in range(11)])
    assert sum(p.numel() for p in ParticleTransformer(config).parameters()) == 2_143_615


@pytest.mark.usefixtures("quiet_weaver")
def test_the_start_is_as_wide_as_weavers() -> None:
    from weaver.nn.model.ParticleTransformer import ParticleTransformer as Peer

    torch.manual_seed(0)
    theirs = weights_from_weaver(Peer(17, 11, fc_params=[]).state_dict())
    config = ParticleTransformerConfig(features=17, classes=[f"class {number}" for number in range(11)])
    for name, weight in ParticleTransformer(config).state_dict().items():
        if weight.numel() > 1000:
            assert weight.std().item() == pytest.approx(theirs[name].std().item(), rel=0.1), name


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(InputError, match="5 heads do not divide the width 24") as caught:
        tagger(heads=5)
    assert "embed_sizes" in caught.value.hint


@pytest.mark.parametrize(
    "wrong", [{"heads": 0}, {"dropout": 1.0}, {"embed_sizes": ()}, {"pair_features": "pe"}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ParticleTransformerConfig(**{**SMALL, **wrong})


@pytest.mark.usefixtures("quiet_weaver")
@pytest.mark.parametrize("settings", [{"version": 2}, {"pair_input_dim": 5}, {"use_conv_embed": True}])
def test_other_networks_of_weaver_are_refused(settings: dict[str, Any]) -> None:
    network = peer(
        embed_dims=[16, 24], pair_embed_dims=[8], num_heads=4, num_layers=1, fc_params=[], **settings
    )
    with pytest.raises(InputError, match="version 1"):
        ParticleTransformer.from_weaver(network.state_dict())


@pytest.mark.usefixtures("quiet_weaver")
def test_weights_of_something_else_and_contradicting_hints_are_refused() -> None:
    with pytest.raises(InputError, match="not the weights of a Particle Transformer"):
        ParticleTransformer.from_weaver({"weight": torch.zeros(3)})
    state = peer(
        embed_dims=[16, 24], pair_embed_dims=[8], num_heads=4, num_layers=1, fc_params=[]
    ).state_dict()
    with pytest.raises(InputError, match="does not fit"):
        ParticleTransformer.from_weaver(state, {"layers": 2})
    with pytest.raises(InputError, match="unknown key layer"):
        ParticleTransformer.from_weaver(state, {"layer": 1})
