"""Sources put chunks together; writer cut what is written to size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.io.chunks import ChunkWriter, JetChunk, JetSource, join_sources
from yukawa.jets.table import Jets, concatenate


@dataclass(frozen=True)
class Held(JetChunk):
    """A chunk that is in memory."""

    jets: Jets

    def _read(self, columns: tuple[str, ...]) -> Jets:
        return self.jets.pick(columns)


def held(jets: Jets, path: str = "held") -> Held:
    return Held(Path(path), len(jets), jets.columns, jets)


def test_a_source_is_its_pieces_in_order(jets: Jets, assert_same):
    source = JetSource(jets.columns, tuple(held(jets[at : at + 20], f"{at}") for at in (0, 20, 40)))
    assert len(source) == len(jets)
    assert source.paths == (Path("0"), Path("20"), Path("40"))
    assert [len(chunk) for chunk in source.read_chunks()] == [20, 20, 10]
    assert_same(source.read(), jets)
    assert_same(source.read(["part_px", "label_b"]), jets.pick(["part_px", "label_b"]))


def test_a_missing_column_is_named_before_anything_is_read(jets: Jets):
    source = JetSource(jets.columns, (held(jets),))
    with pytest.raises(InputError, match=r"held: no column part_pX .*near it: part_p"):
        next(source.read_chunks(["part_pX"]))


def test_joining_needs_the_same_columns_in_any_order(jets: Jets):
    one = JetSource(jets.columns, (held(jets, "one"),))
    turned = JetSource(jets.columns[::-1], (held(jets, "two"),))
    both = join_sources([one, turned])
    assert (len(both), both.columns) == (2 * len(jets), jets.columns)
    less = JetSource(jets.columns[1:], (held(jets, "less"),))
    more = JetSource((*jets.columns, "jet_tau"), (held(jets, "more"),))
    with pytest.raises(
        InputError, match="less and one do not hold the same columns: only one of them has part_px"
    ):
        join_sources([one, turned, less])
    with pytest.raises(InputError, match=r"more and one .* has jet_tau"):
        join_sources([one, more])


@given(sizes=st.lists(st.integers(0, 9), min_size=1, max_size=8), size=st.integers(1, 7))
def test_portions_are_of_the_size_but_for_the_last(make_jets, assert_same, sizes, size):
    jets = make_jets(sum(sizes))
    written: list[Jets] = []
    writer = ChunkWriter(Path("file"), size, written.append)
    start = 0
    for count in sizes:
        writer.append(jets[start : start + count])
        start += count
    writer.close()
    assert all(len(part) == size for part in written[:-1])
    assert len(written[-1]) <= size
    assert_same(concatenate(written), jets)


def test_portions_of_nothing_are_an_error():
    with pytest.raises(InputError, match="no jets"):
        ChunkWriter(Path("file"), 8, lambda jets: None).close()


def test_portions_are_all_of_the_same_columns_and_types(jets: Jets):
    writer = ChunkWriter(Path("file"), 8, lambda jets: None)
    writer.append(jets)
    double = {**jets.scalars, "jet_pt": jets.scalars["jet_pt"].astype("f8")}
    for other, message in (
        (
            Jets(jets.offsets, jets.particles, double),
            "file: jet_pt was float32 in the first jets and is float64",
        ),
        (jets.pick(["part_px"]), "file: part_py was float32 in the first jets and is not there in later"),
        (
            Jets(
                jets.offsets,
                jets.particles,
                {**double, "jet_pt": jets.scalars["jet_pt"], "x": double["jet_pt"]},
            ),
            "x was not there in the first jets and is float64",
        ),
    ):
        with pytest.raises(InputError, match=message):
            writer.append(other)
