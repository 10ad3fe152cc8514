"""Values straight from the pages of our Parquet files are those that Arrow reads, and pages of others are left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.jets.io.parquet import open_parquet, write_parquet
from yukawa.jets.io.parquet_pages import list_values
from yukawa.jets.table import Jets


def values_of(path: Path, group: int = 0, names: list[str] | None = None) -> dict[str, np.ndarray]:
    with pq.ParquetFile(path) as file:
        return list_values(file, path, group, names or file.schema_arrow.names)


def by_arrow(path: Path, name: str) -> np.ndarray:
    column = pq.read_table(path)[name].combine_chunks()
    return column.flatten().to_numpy(zero_copy_only=False)


def bits(column: np.ndarray) -> np.ndarray:
    return column.view(f"u{column.itemsize}")


@settings(max_examples=25)
@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=40),
    kinds=st.lists(st.sampled_from(["float32", "bool"]), min_size=2, max_size=4),
    seed=st.integers(0, 99),
)
def test_values_are_those_of_arrow_to_the_bit(
    tmp_path_factory, counts: list[int], kinds: list[str], seed: int
):
    random = np.random.default_rng(seed)
    total = sum(counts)
    words = random.integers(0, 2**32, (len(kinds), total), np.uint32)  # of any number, NaN and infinity
    particles = {
        f"part.{i}": row.view(np.float32) if kind == "float32" else row % 2 == 1
        for i, (kind, row) in enumerate(zip(kinds, words, strict=True))
    }
    path = tmp_path_factory.mktemp("pages") / "jets.parquet"
    write_parquet(path, Jets.from_counts(np.array(counts), particles, {}))
    found = values_of(path)
    assert len(found) == len(kinds) - 1  # Arrow is left with one, for the offsets
    for name, column in found.items():
        assert total <= len(column) < total + 8
        np.testing.assert_array_equal(bits(column[:total]), bits(by_arrow(path, name)))


def test_all_wanted_columns_of_numbers_and_truths_but_one_are_found(tmp_path: Path, jets: Jets):
    path = tmp_path / "jets.parquet"
    write_parquet(path, jets)
    ours = [name for name, column in jets.particles.items() if column.dtype in (np.float32, np.bool_)]
    assert len(ours) == 18
    found = values_of(path)
    assert len(found) == 17
    assert set(found) < set(ours)
    assert set(values_of(path, names=["part_px", "part_isMuon", "jet_pt"])) == {"part_px"}
    assert values_of(path, names=["part_px", "part_charge"]) == {}
    assert open_parquet(path).read().columns == jets.columns  # in their order, whoever read them


@pytest.mark.parametrize(
    "option",
    [
        {"compression": "snappy"},
        {"write_page_checksum": False},
        {"use_dictionary": True, "column_encoding": None},
        {"column_encoding": None},
        {"data_page_version": "2.0"},
        {"data_page_size": 64},
    ],
    ids=str,
)
def test_pages_that_we_do_not_write_are_left_to_arrow(tmp_path: Path, jets: Jets, option: dict[str, Any]):
    path = tmp_path / "jets.parquet"
    numbers = {name: column for name, column in jets.particles.items() if column.dtype == np.float32}
    jets = Jets(jets.offsets, numbers, {})
    write_parquet(path, jets)
    table = pq.read_table(path)
    ours = {
        "compression": "zstd",
        "use_dictionary": False,
        "column_encoding": {f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in numbers},
        "write_page_checksum": True,
    }
    pq.write_table(table, path, **ours)
    assert len(values_of(path)) == len(numbers) - 1
    small = {"write_batch_size": 8} if "data_page_size" in option else {}
    pq.write_table(table, path, **ours | option | small)
    assert values_of(path) == {}
    for name, column in open_parquet(path).read().particles.items():
        np.testing.assert_array_equal(column, numbers[name])


def test_lists_with_missing_values_or_of_other_lengths_are_left(tmp_path: Path):
    path = tmp_path / "jets.parquet"
    required = pa.list_(pa.field("element", pa.float32(), nullable=False))
    options = {"compression": "zstd", "use_dictionary": False, "write_page_checksum": True}
    names = ["one", "same", "other", "missing"]
    columns = [
        pa.array([[1.0, 2.0], [3.0]], required),
        pa.array([[4.0, 5.0], [6.0]], required),
        pa.array([[1.0], [2.0, 3.0]], required),
        pa.array([[1.0, None], [3.0]], pa.list_(pa.float32())),
    ]
    fields = [
        pa.field(name, array.type, nullable=name == "missing")
        for name, array in zip(names, columns, strict=True)
    ]
    split = {f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in names}
    pq.write_table(pa.table(columns, schema=pa.schema(fields)), path, column_encoding=split, **options)
    found = values_of(path)
    assert set(found) == {"same"}
    assert found["same"].tolist() == [4.0, 5.0, 6.0]


def test_whatever_bit_is_flipped_no_other_value_comes(tmp_path: Path, make_jets):
    path = tmp_path / "jets.parquet"
    whole = make_jets(count=4)
    write_parquet(
        path, Jets(whole.offsets, {name: whole.particles[name] for name in ("part_px", "part_py")}, {})
    )
    right, data = values_of(path)["part_py"], path.read_bytes()
    with pq.ParquetFile(path) as file:
        chunk = file.metadata.row_group(0).column(1)
        found = 0
        for bit in range(
            8 * chunk.data_page_offset, 8 * (chunk.data_page_offset + chunk.total_compressed_size), 5
        ):
            harmed = bytearray(data)
            harmed[bit // 8] ^= 1 << bit % 8
            path.write_bytes(harmed)
            values = list_values(file, path, 0, ["part_px", "part_py"])
            found += "part_py" in values
            np.testing.assert_array_equal(values.get("part_py", right), right)
    assert (
        0 < found < 8 * chunk.total_compressed_size / 2
    )  # statistics in the header may be wrong, nothing else
