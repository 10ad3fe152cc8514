"""Jets in Parquet come back to the bit, whatever writer and writers they came from."""

from __future__ import annotations

import pickle
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError, StoreError
from yukawa.jets.io.parquet import (
    ROW_GROUP,
    open_parquet,
    parquet_jets,
    parquet_writer,
    write_parquet,
)
from yukawa.jets.table import Jets, concatenate

DTYPES = ["float32", "float64", "int8", "int32", "int64", "uint8", "bool"]


@given(
    counts=st.lists(st.integers(0, 4), max_size=12),
    dtypes=st.lists(st.sampled_from(DTYPES), min_size=1, max_size=3),
    seed=st.integers(0, 99),
)
def test_jets_of_any_lengths_and_types_come_back(
    tmp_path_factory: pytest.TempPathFactory, assert_same, counts, dtypes, seed
):
    random = np.random.default_rng(seed)
    special = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-40])

    def column(dtype: str, length: int) -> np.ndarray:
        values = (
            random.choice(special, length) if dtype.startswith("float") else random.integers(0, 2, length)
        )
        return values.astype(dtype)

    counts = np.array(counts, np.int64)
    particles = {f"part_{i}": column(dtype, counts.sum()) for i, dtype in enumerate(dtypes)}
    scalars = {f"jet_{i}": column(dtype, len(counts)) for i, dtype in enumerate(dtypes)}
    jets = Jets.from_counts(counts, particles, scalars)
    path = tmp_path_factory.mktemp("parquet") / "jets.parquet"
    write_parquet(path, jets)
    source = open_parquet(path)
    assert (len(source), parquet_jets(path), source.columns) == (len(jets), len(jets), jets.columns)
    assert_same(source.read(), jets)


def test_float_columns_share_the_memory_that_arrow_decoded_into(tmp_path: Path, jets: Jets):
    write_parquet(tmp_path / "jets.parquet", jets)
    read = open_parquet(tmp_path / "jets.parquet").chunks[0].read()
    for name in ("part_px", "part_charge", "part_truth_pdg"):
        assert isinstance(read.particles[name].base, (pa.Buffer, np.ndarray))
        assert not read.particles[name].flags.owndata
        assert not read.particles[name].flags.writeable


def test_only_the_columns_asked_for_are_read(tmp_path: Path, jets: Jets, assert_same):
    write_parquet(tmp_path / "jets.parquet", jets)
    columns = ["label_g", "part_px", "jet_pt"]
    chunk = open_parquet(tmp_path / "jets.parquet").chunks[0]
    assert_same(chunk.read(columns), jets.pick(columns))
    assert chunk.read(["jet_pt"]).particles == {}
    assert len(chunk.read(["jet_pt"])) == len(jets)


def test_a_missing_column_is_named_with_its_neighbour(tmp_path: Path, jets: Jets):
    write_parquet(tmp_path / "jets.parquet", jets)
    with pytest.raises(InputError, match=r"jets\.parquet: no column part_energi .*part_energy"):
        open_parquet(tmp_path / "jets.parquet").chunks[0].read(["part_energi"])


def test_portions_do_not_show_in_the_file(tmp_path: Path, make_jets, assert_same):
    small = make_jets(counts=np.ones(ROW_GROUP + 100, int))
    jets = concatenate([small, small[:500]])
    write_parquet(tmp_path / "whole.parquet", jets)
    with parquet_writer(tmp_path / "parts.parquet") as append:
        for start in range(0, len(jets), 1000):
            append(jets[start : start + 1000])
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "parts.parquet").read_bytes()
    source = open_parquet(tmp_path / "parts.parquet")
    assert [chunk.count for chunk in source.chunks] == [ROW_GROUP, 600]
    assert_same(source.chunks[1].read(), jets[ROW_GROUP:])


def test_pieces_travel_to_other_processes(tmp_path: Path, jets: Jets, assert_same):
    write_parquet(tmp_path / "jets.parquet", jets)
    chunk = open_parquet(tmp_path / "jets.parquet").chunks[0]
    message = pickle.dumps(chunk)
    assert len(message) < 1000
    assert_same(pickle.loads(message).read(), jets)  # noqa: S301 -- our own


def test_metadata_comes_back(tmp_path: Path, jets: Jets):
    write_parquet(tmp_path / "jets.parquet", jets, {"seed": "7", "card": "µ"})
    assert pq.read_schema(tmp_path / "jets.parquet").metadata == {b"seed": b"7", b"card": "µ".encode()}
    write_parquet(tmp_path / "jets.parquet", jets)
    assert not pq.read_schema(tmp_path / "jets.parquet").metadata


def test_no_jets_keep_their_columns(tmp_path: Path, jets: Jets, assert_same):
    write_parquet(tmp_path / "jets.parquet", jets[:0])
    source = open_parquet(tmp_path / "jets.parquet")
    assert len(source) == 0
    assert_same(source.read(), jets[:0])
    pq.write_table(pa.table({"jet_pt": pa.array([], pa.float32())}), tmp_path / "none.parquet")
    assert open_parquet(tmp_path / "none.parquet").read().columns == ("jet_pt",)


def test_the_same_jets_are_smaller_than_their_numbers(tmp_path: Path, make_jets):
    jets = make_jets(count=2000)
    write_parquet(tmp_path / "jets.parquet", jets)
    raw = sum(column.nbytes for column in (*jets.particles.values(), *jets.scalars.values()))
    assert (tmp_path / "jets.parquet").stat().st_size < 0.8 * raw


@pytest.mark.parametrize("kind", ["list", "large_list", "sliced", "awkward", "missing values"])
def test_lists_of_other_writers_are_read(tmp_path: Path, kind: str):
    rows = [[1.0, 2.0], [], [3.0], [4.0, 5.0, 6.0]]
    path = tmp_path / "other.parquet"
    if kind == "awkward":
        ak.to_parquet(ak.zip({"part_px": rows, "jet_pt": [1, 2, 3, 4]}, depth_limit=1), path)
    else:
        large = pa.large_list if kind == "large_list" else pa.list_
        array = pa.array(rows, large(pa.float32()))
        table = pa.table({"part_px": array, "jet_pt": [1, 2, 3, 4], "name": list("abcd")})
        if kind == "missing values":
            table = table.set_column(0, "part_px", pa.array([[1.0, None], [], [3.0], [4.0, 5.0, 6.0]]))
        if kind == "sliced":
            table = pa.concat_tables([table.slice(3), table]).slice(1)
        pq.write_table(table, path)
    source = open_parquet(path)
    assert source.columns == ("part_px", "jet_pt")
    jets = source.read()
    expected = [1, np.nan if kind == "missing values" else 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(jets.particles["part_px"], expected)
    np.testing.assert_array_equal(jets.counts, [2, 0, 1, 3])
    np.testing.assert_array_equal(jets.scalars["jet_pt"], [1, 2, 3, 4])


def test_lists_of_one_length_are_read(tmp_path: Path):
    table = pa.table({"part_px": pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2))})
    pq.write_table(table, tmp_path / "fixed.parquet")
    jets = open_parquet(tmp_path / "fixed.parquet").read()
    np.testing.assert_array_equal(jets.offsets, [0, 2, 4])
    np.testing.assert_array_equal(jets.particles["part_px"], [1, 2, 3, 4])


def test_particles_of_two_kinds_are_not_mixed(tmp_path: Path):
    pq.write_table(pa.table({"part_px": [[1.0], [2.0]], "sv_px": [[1.0], []]}), tmp_path / "two.parquet")
    source = open_parquet(tmp_path / "two.parquet")
    with pytest.raises(InputError, match=r"two\.parquet: part_px and sv_px differ in length"):
        source.read()
    assert source.read(["sv_px"]).counts.tolist() == [1, 0]


@pytest.mark.parametrize("keep", [0, 4, 100, -8, -1])
def test_a_truncated_shard_is_one_clear_line(tmp_path: Path, jets: Jets, keep: int):
    path = tmp_path / "shard.parquet"
    write_parquet(path, jets)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"shard\.parquet cannot be read as Parquet") as caught:
        open_parquet(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("at", [0.01, 0.2, 0.5, 0.7])
def test_one_flipped_bit_shows_when_it_is_read(tmp_path: Path, make_jets, at: float):
    path = tmp_path / "shard.parquet"
    write_parquet(path, make_jets(count=2000))
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 4
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"shard\.parquet cannot be read as Parquet"):
        open_parquet(path).read()


def test_other_columns_than_the_first_are_refused_and_the_old_file_stands(tmp_path: Path, jets: Jets, feed):
    path = tmp_path / "jets.parquet"
    path.write_text("old")
    other = Jets(
        jets.offsets, jets.particles, {**jets.scalars, "jet_pt": jets.scalars["jet_pt"].astype("f8")}
    )
    big = concatenate([jets] * (ROW_GROUP // len(jets) + 1))
    for later, message in (
        (other, "jet_pt was float32 in the first jets and is float64"),
        (jets.pick(["part_px"]), "part_py was float32 in the first jets and is not there"),
    ):
        with pytest.raises(InputError, match=message), parquet_writer(path) as append:
            feed(append, big[:ROW_GROUP], later)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["jets.parquet"]


def test_a_file_cannot_be_written_into_a_missing_folder(tmp_path: Path, jets: Jets):
    with pytest.raises(StoreError, match="folder does not exist"):
        write_parquet(tmp_path / "nowhere" / "jets.parquet", jets)


def test_no_file_and_no_numbers_are_clear(tmp_path: Path):
    with pytest.raises(InputError, match="No such file"):
        open_parquet(tmp_path / "absent.parquet")
    pq.write_table(pa.table({"name": ["a"]}), tmp_path / "text.parquet")
    with pytest.raises(InputError, match="no column of numbers"):
        open_parquet(tmp_path / "text.parquet")
