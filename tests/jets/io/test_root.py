"""What the ROOT formats share: clear words for damage, and flat arrays."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.jets.io.jetclass import write_jetclass
from yukawa.jets.io.root import flat, native, opened


def test_jagged_arrays_become_flat():
    counts, values = flat(ak.Array([[1.5, 2.5], [], [3.5]]))
    assert counts.tolist() == [2, 0, 1]
    assert values.tolist() == [1.5, 2.5, 3.5]


def test_numbers_take_the_byte_order_of_the_machine():
    big = np.array([1.5, -2.5], ">f4")
    assert native(big).dtype == np.dtype("f4")
    assert native(big).tolist() == [1.5, -2.5]


@pytest.mark.parametrize("keep", [4, 60, 300, 2000, -300])
def test_damage_is_one_clear_line(tmp_path: Path, make_jets, keep: int):
    path = tmp_path / "jets.root"
    write_jetclass(path, make_jets(200))
    path.write_bytes(path.read_bytes()[:keep])
    with (
        pytest.raises(InputError, match=r"jets\.root cannot be read as ROOT") as caught,
        opened(path) as file,
    ):
        file["tree"].arrays()
    assert "\n" not in str(caught.value)


def test_other_content_and_no_file_are_clear(tmp_path: Path):
    (tmp_path / "a.root").write_text("not ROOT at all" * 100)
    with pytest.raises(InputError, match=r"a\.root cannot be read as ROOT"), opened(tmp_path / "a.root"):
        pass
    with pytest.raises(InputError, match="no such file"), opened(tmp_path / "b.root"):
        pass
