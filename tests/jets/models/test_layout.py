from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yukawa.jets.models.layout import LengthGroup, attendable, group_by_length
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
