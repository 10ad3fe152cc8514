from __future__ import annotations

import importlib
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from yukawa.jets.models.layout import attendable, group_by_length
from yukawa.jets.models.pairs import (
    FEATURES,
    LEAST_ANGLE,
    LEAST_MOMENTUM,
    PairEmbedding,
    features_ee,
    features_hadron,
    features_lepton,
    features_pp,
    spread,
)
from yukawa.jets.models.tagger import unpack

Batch = dict[str, Tensor]
KINDS = list(FEATURES)
WEAVERS = ["pp", "ee"]
OURS = ["hadron", "lepton"]


def rotation(angle: float, axis: int) -> Tensor:
    turn = torch.eye(4, dtype=torch.float64)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    turn[a, a] = turn[b, b] = math.cos(angle)
    turn[a, b], turn[b, a] = -math.sin(angle), math.sin(angle)
    return turn


def boost(rapidity: float) -> Tensor:
    turn = torch.eye(4, dtype=torch.float64)
    turn[2, 2] = turn[3, 3] = math.cosh(rapidity)
    turn[2, 3] = turn[3, 2] = math.sinh(rapidity)
    return turn


def off_diagonal(x: Tensor) -> Tensor:
    """Without pairs of a particle with itself, whose distance 0 is little but rounding."""
    return x[..., ~torch.eye(x.shape[-1], dtype=torch.bool)]


@pytest.fixture
def momenta(jets_of: Callable[..., Batch]) -> Tensor:
    return jets_of([14, 14], dtype=torch.float64)["momenta_N4"].view(2, 14, 4)


@pytest.mark.usefixtures("quiet_weaver")
@pytest.mark.parametrize("kind", WEAVERS)
def test_features_are_weavers_to_the_last_digits(kind: str, jets_of: Callable[..., Batch]) -> None:
    module = importlib.import_module("weaver.nn.model.ParticleTransformer")

    momenta = jets_of([40, 40])["momenta_N4"].view(2, 40, 4)
    x = momenta.mT
    theirs = getattr(module, f"pairwise_lv_fts_{kind}")(x[..., None], x[..., None, :]).transpose(0, 1)
    i, j = torch.tril_indices(40, 40)
    ours = FEATURES[kind][1](momenta)  # type: ignore[index]
    torch.testing.assert_close(ours[..., i, j], theirs[..., i, j], rtol=0, atol=3e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_looks_the_same_from_both_sides(kind: str, momenta: Tensor) -> None:
    features = FEATURES[kind][1](momenta)  # type: ignore[index]
    torch.testing.assert_close(features, features.mT, rtol=0, atol=1e-10)


@pytest.mark.parametrize("features", [features_pp, features_hadron])
def test_hadron_colliders_features_do_not_change_when_the_jet_turns_about_the_beam(
    features: Callable[[Tensor], Tensor], momenta: Tensor
) -> None:
    for angle in (0.3, 2.0, 3.1):
        turned = features(momenta @ rotation(angle, 2).T)
        torch.testing.assert_close(off_diagonal(turned), off_diagonal(features(momenta)), rtol=0, atol=1e-8)


@pytest.mark.parametrize("features", [features_pp, features_hadron])
def test_hadron_colliders_features_do_not_change_in_a_boost_along_the_beam(
    features: Callable[[Tensor], Tensor], momenta: Tensor
) -> None:
    boosted = features(momenta @ boost(0.7).T)
    torch.testing.assert_close(off_diagonal(boosted), off_diagonal(features(momenta)), rtol=0, atol=1e-7)


@pytest.mark.parametrize("features", [features_ee, features_lepton])
def test_lepton_colliders_features_do_not_change_in_any_rotation_but_in_a_boost(
    features: Callable[[Tensor], Tensor], momenta: Tensor
) -> None:
    before = off_diagonal(features(momenta))
    turned = momenta @ (rotation(0.4, 0) @ rotation(1.2, 1) @ rotation(2.5, 2)).T
    torch.testing.assert_close(off_diagonal(features(turned)), before, rtol=0, atol=1e-7)
    assert (off_diagonal(features(momenta @ boost(0.7).T)) - before).abs().max() > 0.1


def collimated(momenta: Tensor) -> Tensor:
    """Massless particles of single precision within some milliradians, at up to 50 GeV: rounding is all of their masses."""
    axis = momenta[..., :1, :3] / momenta[..., :1, :3].norm(dim=-1, keepdim=True)
    spread = momenta[..., :3] / momenta[..., :3].norm(dim=-1, keepdim=True)
    momentum = (axis + 3e-3 * spread) * torch.linspace(0.3, 50, momenta.shape[-2])[:, None]
    return torch.cat([momentum, momentum.norm(dim=-1, keepdim=True)], dim=-1).float()


@pytest.mark.parametrize("kind", OURS)
def test_rounding_of_the_momenta_is_not_seen(kind: str, momenta: Tensor) -> None:
    """Neither in its last digit, nor in that of a turned jet; weaver's features change by whole units there."""
    jets = collimated(momenta)
    up = torch.nextafter(jets, torch.full_like(jets, math.inf))
    down = torch.nextafter(jets, torch.full_like(jets, -math.inf))
    turned = (jets.double() @ rotation(2.0, 2).T).float()
    for changed in (torch.where(torch.rand(jets.shape) < 0.5, up, down), turned):
        now, before = (FEATURES[kind][1](x) for x in (changed, jets))  # type: ignore[index]
        torch.testing.assert_close(now, before, rtol=0, atol=3e-3)
        theirs = FEATURES["ee"][1]
        assert (theirs(changed) - theirs(jets)).abs().max() > 0.5


@pytest.mark.parametrize("kind", OURS)
def test_a_particle_and_itself_are_as_alike_as_can_be(kind: str, momenta: Tensor) -> None:
    """The diagonal is the floor of each feature, whatever the particle, its precision and its place."""
    for jets in (momenta, collimated(momenta)):
        diagonal = FEATURES[kind][1](jets).diagonal(dim1=-2, dim2=-1)  # type: ignore[index]
        floors = {
            "hadron": [LEAST_MOMENTUM, 0.5, LEAST_ANGLE, LEAST_MOMENTUM**2],
            "lepton": [LEAST_MOMENTUM**2, math.e, 1, LEAST_MOMENTUM, 0.5, LEAST_ANGLE],
        }[kind]
        expected = torch.tensor(floors, dtype=jets.dtype).log()
        if kind == "lepton":
            expected[2] = 0  # the sine, no logarithm
        torch.testing.assert_close(diagonal, expected[:, None, None].expand_as(diagonal), rtol=0, atol=1e-5)


def test_features_of_two_known_particles() -> None:
    momenta = torch.tensor([[[3.0, 0, 0, 3], [0, 4, 0, 4]]], dtype=torch.float64)
    ln = math.log
    delta = math.pi / 2
    expected = [ln(3 * delta), ln(3 / 7), ln(delta), ln(24)]
    assert features_pp(momenta)[:, 0, 1, 0].tolist() == pytest.approx(expected)
    assert features_hadron(momenta)[:, 0, 1, 0].tolist() == pytest.approx(expected, abs=1e-5)
    assert features_ee(momenta)[:, 0, 1, 0].tolist() == pytest.approx(
        [ln(24), 0, 1, ln(3), ln(3 / 7), ln(12)]
    )
    assert features_lepton(momenta)[:, 0, 1, 0].tolist() == pytest.approx(
        [ln(24), 0, 1, ln(3), ln(3 / 7), ln(math.sqrt(2))], abs=1e-5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_particles_along_the_beam_at_rest_and_absent_have_finite_features(kind: str) -> None:
    momenta = torch.tensor([[[0.0, 0, 5, 5], [0, 0, -5, 5], [0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 3]]])
    assert FEATURES[kind][1](momenta).isfinite().all()  # type: ignore[index]


def embedding(kind: str, activated: bool = False) -> PairEmbedding:
    torch.manual_seed(0)
    made = PairEmbedding(kind, (8, 8), 3, activated).double()  # type: ignore[arg-type]
    for norm in (made.input_norm, *made.norms):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return made


@pytest.mark.parametrize("activated", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_logits_of_real_pairs_equal_those_of_all_pairs(
    kind: str, activated: bool, jets_of: Callable[..., Batch]
) -> None:
    network = embedding(kind, activated).eval()
    jets = jets_of([9, 0, 4, 1, 9], dtype=torch.float64)
    (group,) = group_by_length(jets["counts_B"]).groups
    order = torch.tensor([0, 4, 2, 3, 1])
    padded, mask = unpack(jets["momenta_N4"], jets["counts_B"])
    dense = network.dense(padded[order], attendable(mask[order]))
    (packed,) = network(jets["momenta_N4"][group_by_length(jets["counts_B"]).rows], [group])
    real = (mask[order, :, None] & mask[order, None, :]).expand_as(dense)
    torch.testing.assert_close(packed[real], dense[real], rtol=0, atol=1e-12)
    assert torch.equal(packed.isinf(), dense.isinf())


def test_training_statistics_are_those_of_real_pairs_alone(jets_of: Callable[..., Batch]) -> None:
    network = embedding("pp")
    jets = jets_of([9, 0, 4, 1], dtype=torch.float64)
    layout = group_by_length(jets["counts_B"], 16)
    assert len(layout.groups) > 1
    network.input_norm.momentum = 1.0
    list(network(jets["momenta_N4"][layout.rows], layout.groups))
    pairs = [
        features_pp(momenta[None])[:, 0][:, *torch.tril_indices(len(momenta), len(momenta))]
        for momenta in jets["momenta_N4"].split(jets["counts_B"].tolist())
    ]
    expected = torch.cat(pairs, dim=1)
    torch.testing.assert_close(network.input_norm.running_mean, expected.mean(1))
    torch.testing.assert_close(network.input_norm.running_var, expected.var(1))


def test_the_derivative_of_spreading_is_right() -> None:
    group = group_by_length(torch.tensor([4, 0, 3, 1])).groups[0]
    logits = torch.randn(2, len(group.pairs), dtype=torch.float64, requires_grad=True)

    def finite(x: Tensor) -> Tensor:
        return spread(x, group).clamp(min=-1e3)

    assert torch.autograd.gradcheck(finite, logits)
