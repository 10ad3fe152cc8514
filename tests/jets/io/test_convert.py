"""Any format becomes any other, a piece at a time, whole or not at all."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.io.convert import WRITERS, convert
from yukawa.jets.io.parquet import ROW_GROUP, open_parquet, parquet_writer, write_parquet
from yukawa.jets.io.source import open_source
from yukawa.jets.table import Jets

SUFFIXES = (".parquet", ".root", ".h5", ".jsonl")


@pytest.mark.parametrize("first", SUFFIXES)
@pytest.mark.parametrize("second", SUFFIXES)
def test_any_format_becomes_any_other(tmp_path: Path, jets: Jets, first: str, second: str):
    write_parquet(tmp_path / "origin.parquet", jets)
    convert(open_source(tmp_path / "origin.parquet"), tmp_path / f"first{first}")
    source = open_source(tmp_path / f"first{first}")
    if (first, second) == (".h5", ".jsonl"):  # the usual HDF5 features tell no kaons from pions
        with pytest.raises(InputError, match="no column part_isChargedKaon"):
            convert(source, tmp_path / "second.jsonl")
        return
    done = convert(source, tmp_path / f"second{second}")
    read = open_source(tmp_path / f"second{second}").read()
    assert done == len(read) == len(jets)
    np.testing.assert_array_equal(read.counts, jets.counts)
    some = jets.counts > 0
    assert read.labels(jets.classes).tolist() == jets.labels(jets.classes).tolist()
    np.testing.assert_allclose(read.scalars["jet_energy"][some], jets.scalars["jet_energy"][some], rtol=1e-5)
    for name in ("part_px", "part_pz", "part_energy", "part_d0err"):
        np.testing.assert_allclose(read.particles[name], jets.particles[name], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(read.particles["part_charge"], jets.particles["part_charge"])


def test_parquet_and_root_keep_every_bit(tmp_path: Path, jets: Jets, assert_same):
    write_parquet(tmp_path / "a.parquet", jets)
    convert(open_source(tmp_path / "a.parquet"), tmp_path / "b.root")
    convert(open_source(tmp_path / "b.root"), tmp_path / "c.parquet")
    assert_same(open_source(tmp_path / "c.parquet").read(), jets)


def test_columns_are_chosen_and_progress_is_told(tmp_path: Path, make_jets):
    jets = make_jets(counts=np.ones(ROW_GROUP + 5, int))
    write_parquet(tmp_path / "a.parquet", jets)
    told: list[int] = []
    convert(open_source(tmp_path / "a.parquet"), tmp_path / "b.root", ["jet_pt", "part_px"], told.append)
    assert told == [ROW_GROUP, 5]
    assert set(open_source(tmp_path / "b.root").columns) == {"jet_pt", "part_px"}


def test_memory_stays_flat(tmp_path: Path, make_jets):
    jets = make_jets(counts=np.full(ROW_GROUP, 2)).pick(["part_px", "part_py", "jet_pt"])

    def peak(groups: int) -> int:
        with parquet_writer(tmp_path / f"{groups}.parquet") as append:
            for _ in range(groups):
                append(jets)
        source = open_parquet(tmp_path / f"{groups}.parquet")
        tracemalloc.start()
        convert(source, tmp_path / "out.root")
        _, high = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return high

    peak(2)  # what is loaded once
    assert peak(20) < 1.3 * peak(2) + 200_000


def test_a_set_may_be_converted_onto_itself(tmp_path: Path, jets: Jets, assert_same):
    write_parquet(tmp_path / "a.parquet", jets)
    convert(open_source(tmp_path / "a.parquet"), tmp_path / "a.parquet", ["part_px", "jet_pt"])
    assert_same(open_source(tmp_path / "a.parquet").read(), jets.pick(["part_px", "jet_pt"]))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_failure_leaves_what_stood_there(tmp_path: Path, make_jets, suffix: str):
    jets = make_jets(count=ROW_GROUP + 100)
    write_parquet(tmp_path / "a.parquet", jets)
    (tmp_path / f"b{suffix}").write_text("old")
    source = open_source(tmp_path / "a.parquet")
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.parquet is damaged"):
        convert(source, tmp_path / f"b{suffix}")
    assert (tmp_path / f"b{suffix}").read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.parquet", f"b{suffix}"]


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, jets: Jets):
    write_parquet(tmp_path / "a.parquet", jets)

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    for suffix in SUFFIXES:
        with pytest.raises(KeyboardInterrupt):
            convert(open_source(tmp_path / "a.parquet"), tmp_path / f"b{suffix}", progress=interrupt)
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]


def test_an_unknown_suffix_is_named(tmp_path: Path, jets: Jets):
    write_parquet(tmp_path / "a.parquet", jets)
    with pytest.raises(InputError, match=r"no format has the suffix '\.csv', \.parquet, \.root"):
        convert(open_source(tmp_path / "a.parquet"), tmp_path / "b.csv")
    with pytest.raises(InputError, match="no column part_pX"):
        convert(open_source(tmp_path / "a.parquet"), tmp_path / "b.root", ["part_pX"])
    assert set(SUFFIXES) <= set(WRITERS)
