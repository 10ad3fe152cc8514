from __future__ import annotations

import copy
import logging
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from yukawa.core.errors import InputError
from yukawa.jets.features.config import load_data_config
from yukawa.jets.features.encoder import FeatureEncoder
from yukawa.jets.models.layout import group_by_length
from yukawa.jets.models.onnx import made_up
from yukawa.jets.models.particle_net import (
    EdgeConvolution,
    ParticleNet,
    ParticleNetConfig,
    nearest_neighbours,
    nearest_neighbours_padded,
    weights_from_weaver,
)
from yukawa.jets.models.tagger import pack, unpack
from yukawa.jets.table import Jets

FEATURES, NEIGHBOURS = 5, 4
LENGTHS = [1, 2, 3, 5, 9, 30, 17, 4]


def weaver_net(fusion: bool = False, input_norm: bool = True, **changes: Any) -> nn.Module:
    """A small network of weaver-core, with statistics as after training and without its trimmer."""
    from weaver.nn.model.ParticleNet import ParticleNet as Peer

    logging.disable(logging.INFO)
    torch.manual_seed(3)
    sizes = {"conv_params": [(NEIGHBOURS, (8, 8, 8)), (NEIGHBOURS, (16, 16, 12))], "fc_params": [(16, 0.1)]}
    peer = Peer(FEATURES, 3, use_fusion=fusion, use_fts_bn=input_norm, trim=False, **(sizes | changes))
    logging.disable(logging.NOTSET)
    for module in peer.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.3)
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return peer.eval()


def small(**changes: Any) -> ParticleNet:
    tagger = ParticleNet.from_weaver(
        weaver_net(**changes).state_dict(), {"neighbours": NEIGHBOURS, "dropout": 0.0}
    )
    return tagger.double()


def batch(lengths: list[int], seed: int = 0, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    total = sum(lengths)
    return {
        "features_NF": torch.randn(total, FEATURES, dtype=dtype, generator=generator),
        "momenta_N4": torch.randn(total, 4, dtype=dtype, generator=generator),
        "points_N2": torch.randn(total, 2, dtype=dtype, generator=generator) * 0.3,
        "counts_B": torch.tensor(lengths),
    }


def padded(packed: dict[str, Tensor], length: int | None = None) -> tuple[Tensor, ...]:
    counts = packed["counts_B"]
    columns = [unpack(packed[name], counts, length) for name in ("features_NF", "momenta_N4", "points_N2")]
    return (*(values for values, _ in columns), columns[0][1])


def peer_call(peer: nn.Module, packed: dict[str, Tensor], length: int | None = None) -> Tensor:
    features, _, points, mask = padded(packed, length)
    return peer(points.mT, features.mT, mask[:, None])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("fusion", "input_norm"), [(False, True), (True, True), (False, False)])
def test_logits_equal_weavers_in_both_entrances(dtype: torch.dtype, fusion: bool, input_norm: bool) -> None:
    peer = weaver_net(fusion, input_norm).to(dtype)
    ours = small(fusion=fusion, input_norm=input_norm).to(dtype)
    jets = batch(LENGTHS, dtype=dtype)
    with torch.no_grad():
        wanted = peer_call(peer, jets)
        torch.testing.assert_close(ours(**jets), wanted, rtol=0, atol=1e-5)
        torch.testing.assert_close(ours.forward_padded(*padded(jets)), wanted, rtol=0, atol=1e-5)
    torch.testing.assert_close(ours(**jets), wanted, rtol=0, atol=1e-5)  # the path that learns


def test_published_sizes_equal_weavers_and_count_370413_parameters() -> None:
    layers = [(16, (64,) * 3), (16, (128,) * 3), (16, (256,) * 3)]
    peer = weaver_net(conv_params=layers, fc_params=[(256, 0.1)])
    ours = ParticleNet.from_weaver(peer.state_dict())
    assert ours.config.blocks == ParticleNetConfig(features=FEATURES, classes=("a",)).blocks
    published = ParticleNet(ParticleNetConfig(features=17, classes=tuple("abcdefghijk")))
    assert sum(p.numel() for p in published.parameters()) == 370_413
    jets = batch([30, 3, 18], dtype=torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(ours(**jets), peer_call(peer, jets), rtol=0, atol=1e-5)


def our_gradients(ours: ParticleNet, jets: dict[str, Tensor]) -> dict[str, Tensor]:
    jets = jets | {"features_NF": jets["features_NF"].clone().requires_grad_()}
    ours.zero_grad()
    ours(**jets).sin().sum().backward()
    return {name: p.grad.clone() for name, p in ours.named_parameters()} | {
        "inputs": jets["features_NF"].grad
    }


def peer_gradients(peer: nn.Module, jets: dict[str, Tensor]) -> dict[str, Tensor]:
    features, _, points, mask = padded(jets)
    features.requires_grad_()
    peer.zero_grad()
    peer(points.mT, features.mT, mask[:, None]).sin().sum().backward()
    found = weights_from_weaver({name: p.grad for name, p in peer.named_parameters()})
    return found | {"inputs": pack(features.grad, mask)}


@pytest.mark.parametrize("training", [False, True])
def test_gradients_equal_weavers(training: bool) -> None:
    peer, ours = weaver_net().double().train(training), small().train(training)
    jets = batch([20] * 6 if training else LENGTHS)  # padding would enter weaver's statistics
    wanted, found = peer_gradients(peer, jets), our_gradients(ours, jets)
    assert found.keys() == wanted.keys()
    for name in found:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-9, atol=1e-12, msg=name)
    for name, value in weights_from_weaver(peer.state_dict()).items():  # running statistics too
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-9, atol=1e-12, msg=name)


def test_padding_changes_nothing_even_in_training() -> None:
    jets = batch(LENGTHS)
    ours = small()
    torch.testing.assert_close(ours.forward_padded(*padded(jets, 45)), ours(**jets), rtol=0, atol=1e-12)
    packed, filled = small().train(), small().train()
    torch.testing.assert_close(filled.forward_padded(*padded(jets, 45)), packed(**jets), rtol=0, atol=0)
    torch.testing.assert_close(filled.state_dict(), packed.state_dict(), rtol=0, atol=0)


def test_order_of_particles_does_not_matter() -> None:
    jets = batch(LENGTHS)
    starts = torch.tensor([0, *LENGTHS]).cumsum(0)
    order = torch.cat([start + torch.randperm(n) for start, n in zip(starts, LENGTHS, strict=False)])
    moved = {name: x if name == "counts_B" else x[order] for name, x in jets.items()}
    ours = small()
    torch.testing.assert_close(ours(**moved), ours(**jets), rtol=0, atol=1e-12)


def test_a_jet_does_not_depend_on_the_others() -> None:
    jets, ours = batch(LENGTHS), small()
    together, start = ours(**jets), 0
    for number, length in enumerate(LENGTHS):
        one = {name: x[start : start + length] for name, x in jets.items() if name != "counts_B"}
        alone = ours(**one, counts_B=torch.tensor([length]))
        torch.testing.assert_close(alone[0], together[number], rtol=0, atol=1e-12)
        start += length


def test_turning_the_points_changes_nothing() -> None:
    jets, ours = batch(LENGTHS), small()
    cos, sin = torch.tensor(0.6, dtype=torch.float64), torch.tensor(0.8, dtype=torch.float64)
    turned = jets | {
        "points_N2": jets["points_N2"] @ torch.stack([torch.stack([cos, sin]), torch.stack([-sin, cos])])
    }
    torch.testing.assert_close(ours(**turned), ours(**jets), rtol=0, atol=1e-12)


def test_turning_a_jet_about_the_beam_changes_nothing() -> None:
    config = load_data_config("jet-origin")
    encoder = FeatureEncoder(config, prediction=True)
    jets = made_up(encoder.columns, 6, 30)
    px, py = jets.particles["part_px"].astype("f8"), jets.particles["part_py"].astype("f8")
    turned = {"part_px": (0.6 * px - 0.8 * py).astype("f4"), "part_py": (0.8 * px + 0.6 * py).astype("f4")}
    torch.manual_seed(0)
    settings = {
        "features": len(config.features),
        "classes": config.classes,
        "blocks": ((4, (8, 8)), (4, (8, 8))),
    }
    ours = ParticleNet(ParticleNetConfig(**settings)).eval()
    logits = []
    for columns in (jets.particles, {**jets.particles, **turned}):
        encoded = encoder.encode(Jets(jets.offsets, columns, jets.scalars))
        tensors = {name: torch.from_numpy(rows) for name, rows in encoded.rows.items()}
        logits.append(ours(**tensors, counts_B=torch.from_numpy(encoded.counts)))
    assert not torch.equal(tensors["momenta_N4"][:, 0], torch.from_numpy(jets.particles["part_px"]))
    torch.testing.assert_close(logits[1], logits[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("lengths", [[0], [0, 0, 0], [0, 3, 0, 20], [1], [1, 1]])
def test_empty_and_lonely_jets_give_finite_logits_and_gradients(lengths: list[int], training: bool) -> None:
    ours, jets = small().train(training), batch(lengths)
    logits = ours(**jets)
    logits.sum().backward()
    assert logits.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in ours.parameters())
    if not training:
        torch.testing.assert_close(
            ours.forward_padded(*padded(jets, 4 + max(lengths))), logits, rtol=0, atol=1e-12
        )


def test_particles_at_one_place_stay_finite_and_apart_from_themselves() -> None:
    ours, jets = small(), batch([12, 12])
    jets["points_N2"][:] = 0.25
    jets["features_NF"][:] = jets["features_NF"][:1]
    logits = ours(**jets)
    assert logits.isfinite().all()
    torch.testing.assert_close(logits[0], logits[1], rtol=0, atol=1e-12)


def test_a_foreign_prefix_of_names_is_taken_off() -> None:
    state = weaver_net().state_dict()
    plain = ParticleNet.from_weaver(state, {"neighbours": 4})
    wrapped = ParticleNet.from_weaver(
        {f"module.mod.{name}": x for name, x in state.items()}, {"neighbours": 4}
    )
    torch.testing.assert_close(wrapped.state_dict(), plain.state_dict())
    assert plain.config.classes == ("class_0", "class_1", "class_2")


def test_weights_that_do_not_fit_are_refused() -> None:
    state = weaver_net().state_dict()
    with pytest.raises(InputError, match="has 3 outputs, but 2 classes"):
        ParticleNet.from_weaver(state, {"classes": ("a", "b")})
    with pytest.raises(InputError, match="not the weights of a ParticleNet"):
        ParticleNet.from_weaver({"fc.weight": torch.zeros(2, 2)})
    with pytest.raises(InputError, match=r"pf_conv\.bias is not one of its weights"):
        ParticleNet.from_weaver(state | {"pf_conv.bias": torch.zeros(2)})
    with pytest.raises(InputError, match=r"norms\.0\.weight is missing"):
        ParticleNet.from_weaver({name: x for name, x in state.items() if name != "edge_convs.0.bns.0.weight"})


def by_hand(x_NC: Tensor, counts: list[int], k: int) -> list[set[int]]:
    """The neighbours of each particle, by sorting all distances."""
    found, start = [], 0
    for count in counts:
        for i in range(start, start + count):
            others = [j for j in range(start, start + count) if j != i]
            found.append(set(sorted(others, key=lambda j: float((x_NC[i] - x_NC[j]).square().sum()))[:k]))
        start += count
    return found


@pytest.mark.parametrize("k", [1, 4, 16])
def test_neighbours_are_the_nearest_others_of_the_same_jet(k: int) -> None:
    torch.manual_seed(0)
    counts = torch.tensor([1, 3, 0, 30, 7, 12])
    layout = group_by_length(counts)
    x_NC = torch.randn(int(counts.sum()), 3, dtype=torch.float64)[layout.rows]
    lengths = torch.cat([group.counts_b for group in layout.groups])
    wanted = by_hand(x_NC, lengths.tolist(), k)
    found = nearest_neighbours(x_NC, layout.groups, k)
    assert found.shape == (len(x_NC), k)
    assert [set(row.tolist()) - {len(x_NC)} for row in found] == wanted
    assert [int((row == len(x_NC)).sum()) for row in found] == [k - len(near) for near in wanted]
    padded, mask = unpack(x_NC, lengths)
    of_padded = nearest_neighbours_padded(padded, mask, k)[mask.flatten()]
    number = torch.full((mask.numel() + 1,), len(x_NC))
    number[:-1][mask.flatten()] = torch.arange(len(x_NC))
    assert [set(row.tolist()) - {len(x_NC)} for row in number[of_padded]] == wanted


def test_neighbours_do_not_depend_on_how_jets_are_grouped() -> None:
    counts = torch.tensor([20, 19, 18, 3])
    x_NC = torch.randn(60, 2)
    one, many = group_by_length(counts), group_by_length(counts, slots=1)
    assert len(one.groups) < len(many.groups)
    found = [nearest_neighbours(x_NC, layout.groups, 5).sort()[0] for layout in (one, many)]
    assert torch.equal(*found)


def definition(layer: EdgeConvolution, x_NC: Tensor, neighbours_NK: Tensor) -> Tensor:
    """The layer written out: every layer over (x_i, x_j - x_i) along each edge."""
    near_NKC = torch.cat([x_NC, torch.zeros_like(x_NC[:1])])[neighbours_NK]
    centre_NKC = x_NC[:, None].expand_as(near_NKC)
    z_EC = torch.cat([centre_NKC, near_NKC - centre_NKC], dim=2).flatten(0, 1)
    for linear, norm in zip(layer.linears, layer.norms, strict=True):
        z_EC = norm(linear(z_EC)).relu()
    messages = z_EC.unflatten(0, neighbours_NK.shape).mean(dim=1)
    shortcut = x_NC if layer.shortcut is None else layer.shortcut_norm(layer.shortcut(x_NC))
    return (shortcut + messages).relu()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("widths", [(6,), (4, 4), (6, 6, 6), (8, 4, 6), (4, 7, 7, 3)])
def test_values_gradients_and_statistics_equal_the_definition(
    widths: tuple[int, ...], training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yukawa.jets.models.particle_net.BLOCK", 100)
    torch.manual_seed(0)
    layer = EdgeConvolution(4, widths, 3).double().train(training)
    for norm in layer.norms:
        norm.weight.data.uniform_(-1, 1)
        norm.bias.data.normal_()
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    neighbours = torch.randint(0, 32, (31, 3))  # 31: a missing neighbour
    results = []
    for call, network in ((EdgeConvolution.forward, layer), (definition, copy.deepcopy(layer))):
        x_NC = torch.randn(31, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        out = call(network, x_NC.requires_grad_(), neighbours)
        out.cos().sum().backward()
        gradients = [weight.grad for weight in network.parameters()]
        results.append([out, x_NC.grad, *gradients, *network.state_dict().values()])
    for found, wanted in zip(*results, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)


def test_normalisations_can_be_made_synchronous() -> None:
    layer = torch.nn.SyncBatchNorm.convert_sync_batchnorm(EdgeConvolution(4, (6, 6), 3))
    assert all(isinstance(norm, torch.nn.SyncBatchNorm) for norm in (*layer.norms, layer.shortcut_norm))


def test_a_missing_neighbour_counts_as_one_at_zero() -> None:
    layer = EdgeConvolution(4, (6, 6), 3).eval()
    x_NC = torch.randn(5, 4)
    missing = torch.tensor([[1, 2, 5]]).expand(5, 3).contiguous()
    there = missing.clone()  # the sixth particle has features 0
    with torch.no_grad():
        found = layer(torch.cat([x_NC, torch.zeros(1, 4)]), torch.cat([there, there[:1]]))[:5]
        torch.testing.assert_close(layer(x_NC, missing), found)
