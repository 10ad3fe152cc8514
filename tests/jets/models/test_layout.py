from __future__ import annotations

import importlib
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from yukawa.jets.models.layout import (
    FEATURES,
    LengthGroup,
    PairEmbedding,
    attendable,
    features_ee,
    features_pp,
    group_by_length,
    spread,
)
from yukawa.jets.models.tagger import unpack

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=60)


@given(LENGTHS, st.integers(1, 300))
def test_sorting_into_groups_and_back_loses_nothing(lengths: list[int], slots: int) -> None:
    counts = torch.tensor(lengths)
    rows = torch.arange(float(sum(lengths)))[:, None]
    layout = group_by_length(counts, slots)
    sums = torch.cat([group.pad(rows[layout.rows]).sum((1, 2)) for group in layout.groups])[layout.places]
    assert torch.equal(sums, unpack(rows, counts, 40)[0].sum((1, 2)))
    again = torch.cat([group.counts_b for group in layout.groups])[layout.places]
    assert torch.equal(again, counts)


@given(LENGTHS, st.integers(1, 300))
def test_a_group_keeps_to_its_slots_and_to_its_longest_jet(lengths: list[int], slots: int) -> None:
    for group in group_by_length(torch.tensor(lengths), slots).groups:
        assert len(group.counts_b) * group.length <= slots or len(group.counts_b) == 1
        assert group.length == max(int(group.counts_b.max()), 1)
        assert group.rows == group.counts_b.sum()


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5))
def test_each_pair_of_particles_is_counted_once_and_seen_from_both_sides(lengths: list[int]) -> None:
    group = LengthGroup(torch.tensor(lengths), max(1, *lengths), 0, sum(lengths))
    b, length = len(lengths), group.length
    seen = torch.zeros(b * length * length)
    seen[group.pairs] += 1
    mirrored = torch.arange(len(seen)).view(b, length, length).mT.flatten()[group.pairs]
    seen[mirrored] += 1
    real = group.mask[:, :, None] & group.mask[:, None, :]
    twice = real & torch.eye(length, dtype=torch.bool)
    assert torch.equal(seen.view(b, length, length) > 0, real)
    assert len(group.pairs) == int(real.sum() + twice.sum()) // 2

    slots = group.pair_of_slots
    numbers = torch.arange(len(group.pairs))
    assert torch.equal(slots[group.pairs], numbers)
    assert torch.equal(slots[mirrored], numbers)
    others = slots.view(b, length, length)[~real]
    hidden = ~group.keys[:, None, :].expand(b, length, length)[~real]
    assert torch.equal(others, len(group.pairs) + hidden.long())


def test_equal_lengths_make_no_padding_and_few_groups() -> None:
    groups = group_by_length(torch.full((64,), 16), 512).groups
    assert [len(group.counts_b) for group in groups] == [32, 32]


@pytest.mark.parametrize("mask", [[True, True, False], [False, False, False]])
def test_attention_looks_at_particles_or_at_the_first_slot(mask: list[bool]) -> None:
    assert attendable(torch.tensor([mask])).tolist() == [[True, *mask[1:]]]


@given(LENGTHS, st.integers(1, 300), st.integers(1, 500))
def test_chunks_hold_all_groups_in_their_order(lengths: list[int], slots: int, particles: int) -> None:
    layout = group_by_length(torch.tensor(lengths), slots)
    bundles = list(layout.bundles(particles))
    assert [group for bundle in bundles for group in bundle.groups] == list(layout.groups)
    for bundle in bundles:
        assert bundle.whole.rows <= particles or len(bundle.groups) == 1
        assert bundle.whole.rows == sum(group.rows for group in bundle.groups)
        assert bundle.whole.length == max(group.length for group in bundle.groups)
    rows = torch.arange(float(sum(lengths)))[:, None]
    assert torch.equal(torch.cat([bundle.whole.take(rows) for bundle in bundles]), rows)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5))
def test_padding_and_back_is_nothing(lengths: list[int]) -> None:
    group = LengthGroup(torch.tensor(lengths), max(1, *lengths), 0, sum(lengths))
    particles = torch.randn(sum(lengths), 2)
    padded = group.padded(particles)
    assert torch.equal(group.unpad(padded), particles)
    assert torch.equal(padded, group.pad(particles))
    assert torch.equal(padded.any(-1), group.mask)
    assert group.full == bool(group.mask.all())


Batch = dict[str, Tensor]
KINDS = list(FEATURES)


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
@pytest.mark.parametrize("kind", KINDS)
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


def test_pp_features_do_not_change_when_the_jet_turns_about_the_beam(momenta: Tensor) -> None:
    for angle in (0.3, 2.0, 3.1):
        turned = features_pp(momenta @ rotation(angle, 2).T)
        torch.testing.assert_close(
            off_diagonal(turned), off_diagonal(features_pp(momenta)), rtol=0, atol=1e-8
        )


def test_pp_features_do_not_change_in_a_boost_along_the_beam(momenta: Tensor) -> None:
    boosted = features_pp(momenta @ boost(0.7).T)
    torch.testing.assert_close(off_diagonal(boosted), off_diagonal(features_pp(momenta)), rtol=0, atol=1e-7)


def test_ee_features_do_not_change_in_any_rotation_but_in_a_boost(momenta: Tensor) -> None:
    before = off_diagonal(features_ee(momenta))
    turned = momenta @ (rotation(0.4, 0) @ rotation(1.2, 1) @ rotation(2.5, 2)).T
    torch.testing.assert_close(off_diagonal(features_ee(turned)), before, rtol=0, atol=1e-7)
    assert (off_diagonal(features_ee(momenta @ boost(0.7).T)) - before).abs().max() > 0.1


def test_features_of_two_known_particles() -> None:
    momenta = torch.tensor([[[3.0, 0, 0, 3], [0, 4, 0, 4]]], dtype=torch.float64)
    ln = math.log
    delta = math.pi / 2
    expected = [ln(3 * delta), ln(3 / 7), ln(delta), ln(24)]
    assert features_pp(momenta)[:, 0, 1, 0].tolist() == pytest.approx(expected)
    assert features_ee(momenta)[:, 0, 1, 0].tolist() == pytest.approx(
        [ln(24), 0, 1, ln(3), ln(3 / 7), ln(12)]
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
