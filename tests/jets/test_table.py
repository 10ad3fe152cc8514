"""Jets in memory: slicing, picking and putting together are what lists of jets would do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.table import (
    JET_COLUMNS,
    JET_ORIGIN,
    PARTICLE,
    PARTICLE_COLUMNS,
    PDG_ID,
    Jets,
    check_columns,
    concatenate,
    conjugate,
    flavours,
    label_column,
    offsets_of,
    rows_of,
)


def test_names_are_unique_and_types_known():
    columns = (*PARTICLE_COLUMNS, *JET_COLUMNS)
    assert len({column.name for column in columns}) == len(columns)
    for column in columns:
        assert np.dtype(column.dtype).kind in "bif"
        assert column.meaning


def test_the_name_tells_whose_the_values_are():
    assert all(column.name.startswith(PARTICLE) for column in PARTICLE_COLUMNS)
    assert not any(column.name.startswith(PARTICLE) for column in JET_COLUMNS)
    assert label_column("bbar") == "label_bbar"


def test_a_missing_column_is_told_with_its_neighbours():
    names = [column.name for column in PARTICLE_COLUMNS]
    check_columns(names, names, "the file")
    check_columns([], [], "the file")
    with pytest.raises(InputError, match=r"^the file: no column part_d0vall \(near it: part_d0val\)$"):
        check_columns(["part_px", "part_d0vall"], names, "the file")
    with pytest.raises(InputError, match=r"^x\.root: no column zzz, qqq \(it has: part_px, jet_pt\)$"):
        check_columns(["zzz", "qqq"], ["part_px", "jet_pt"], "x.root")
    with pytest.raises(InputError, match="it has: none"):
        check_columns(["part_px"], [], "x.root")


@pytest.mark.parametrize("name", [*JET_ORIGIN, "QCD", "t", "tbar", "", "bar", "crowbar", "gbar"])
def test_the_antiparticle_of_the_antiparticle_is_the_particle(name: str):
    assert conjugate(conjugate(name)) == name


def test_antiparticles_have_the_opposite_code():
    for name in JET_ORIGIN:
        assert PDG_ID[conjugate(name)] == (21 if name == "g" else -PDG_ID[name])
    assert len(JET_ORIGIN) == len(PDG_ID) == 11


def test_flavours_are_the_pairs_that_are_there():
    assert flavours(JET_ORIGIN) == tuple((name, f"{name}bar") for name in "bcsud")
    assert flavours(["dbar", "g", "b", "d", "bbar", "u"]) == (("b", "bbar"), ("d", "dbar"))
    assert flavours([]) == ()


COUNTS = st.lists(st.integers(0, 4), max_size=8)


def _jets(counts: list[int], first: int = 0) -> Jets:
    total = sum(counts)
    return Jets.from_counts(
        np.array(counts, np.int64),
        {
            "part_px": np.arange(first, first + total, dtype=np.float32),
            "part_charge": np.zeros(total, np.int8),
        },
        {"jet_pt": np.arange(len(counts), dtype=np.float32) + first},
    )


def _lists(jets: Jets) -> list[tuple[list[float], float]]:
    """The jets as plain lists, one after another."""
    bounds = zip(jets.offsets[:-1], jets.offsets[1:], strict=True)
    pts = jets.scalars["jet_pt"].tolist()
    return [(jets.particles["part_px"][a:b].tolist(), pt) for (a, b), pt in zip(bounds, pts, strict=True)]


@given(counts=COUNTS, data=st.data())
def test_an_index_takes_what_it_takes_of_a_list(counts: list[int], data: st.DataObject):
    jets = _jets(counts)
    expected = np.empty(len(counts), object)
    expected[:] = _lists(jets)
    piece = data.draw(st.slices(len(counts)))
    assert _lists(jets[piece]) == expected[piece].tolist()
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(counts), max_size=len(counts))), bool)
    assert _lists(jets[mask]) == expected[mask].tolist()
    if counts:
        positions = data.draw(st.lists(st.integers(-len(counts), len(counts) - 1), max_size=9))
        where = np.array(positions, np.int64)
        assert _lists(jets[where]) == expected[where].tolist()


@given(parts=st.lists(COUNTS, min_size=1, max_size=4))
def test_putting_together_is_adding_lists(parts: list[list[int]]):
    jets = [_jets(counts, 100 * at) for at, counts in enumerate(parts)]
    together = concatenate(jets)
    assert _lists(together) == [one for part in jets for one in _lists(part)]
    cuts = np.cumsum([0, *map(len, jets)])
    again = [together[a:b] for a, b in pairwise(cuts)]
    assert [_lists(part) for part in again] == [_lists(part) for part in jets]


@given(counts=COUNTS)
def test_rows_of_all_groups_are_all_rows(counts: list[int]):
    offsets = offsets_of(np.array(counts, np.int64))
    assert offsets.dtype == np.int64
    assert rows_of(offsets, np.arange(len(counts))).tolist() == list(range(sum(counts)))
    turned = rows_of(offsets, np.arange(len(counts))[::-1])
    assert sorted(turned.tolist()) == list(range(sum(counts)))


def test_a_plain_slice_copies_nothing():
    jets = _jets([2, 3, 1])
    assert np.shares_memory(jets[1:3].particles["part_px"], jets.particles["part_px"])
    assert not np.shares_memory(jets[::2].particles["part_px"], jets.particles["part_px"])


def test_picking_keeps_the_jets():
    jets = _jets([2, 0])
    picked = jets.pick(["jet_pt", "part_charge"])
    assert picked.columns == ("part_charge", "jet_pt")
    assert picked.counts.tolist() == [2, 0]
    assert jets.pick(iter(["part_px"])).columns == ("part_px",)
    with pytest.raises(InputError, match=r"the jets: no column part_pX \(near it: part_px\)"):
        jets.pick(["part_pX"])


def test_labels_are_places_in_the_list_of_classes():
    labels = {"label_b": np.array([1.0, 0.0, 0.0]), "label_g": np.array([False, True, False])}
    jets = Jets(np.zeros(4, np.int64), {}, labels)
    assert jets.classes == ("b", "g")
    assert jets.labels(["g", "b"]).tolist() == [1, 0, -1]
    assert jets.labels(["g"]).tolist() == [-1, 0, -1]
    assert jets.labels([]).tolist() == [-1, -1, -1]
    with pytest.raises(InputError, match="no label column for c; they have: b, g"):
        jets.labels(["b", "c"])
    both = Jets(jets.offsets, {}, {**labels, "label_g": np.array([True, True, False])})
    with pytest.raises(InputError, match="1 jets belong to two classes at once"):
        both.labels(["b", "g"])


@pytest.mark.parametrize("offsets", [[], [1, 2], [0, 2, 1], [[0, 1]]])
def test_offsets_that_make_no_sense_are_refused(offsets: list):
    with pytest.raises(InputError, match="must begin at 0 and never fall"):
        Jets(np.array(offsets, np.int64), {}, {})


def test_columns_of_wrong_length_are_named():
    offsets = np.array([0, 2, 3])
    with pytest.raises(InputError, match="the column part_px has 2 values, 3 are expected"):
        Jets(offsets, {"part_px": np.zeros(2)}, {})
    with pytest.raises(InputError, match="the column jet_pt has 3 values, 2 are expected"):
        Jets(offsets, {}, {"jet_pt": np.zeros(3)})


def test_parts_of_different_columns_are_refused():
    with pytest.raises(InputError, match="different columns cannot be concatenated: part_charge"):
        concatenate([_jets([1]), _jets([1]).pick(["part_px", "jet_pt"])])
    with pytest.raises(InputError, match="no jets to concatenate"):
        concatenate([])
