"""A power cut at any moment loses nothing acknowledged and brings nothing erased back; a program that syncs less is found out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def disk(script: Callable[[str], ModuleType]) -> ModuleType:
    found = script("faults_disk")
    if why := found.available():
        pytest.skip(why)
    return found


@pytest.fixture(scope="module")
def power(disk: ModuleType, script: Callable[[str], ModuleType]) -> ModuleType:
    return script("faults_power")


@pytest.mark.parametrize("act", ["teach", "purge", "carry", "begin"])
def test_every_disk_that_a_cut_may_leave_holds_what_was_acknowledged(
    power: ModuleType, tmp_path: Path, act: str
) -> None:
    found = power.study(act, tmp_path, draws=1, most=25)
    assert found["wrong"] == []
    assert found["disks"] == 25
    assert found["operations"] > 50


@pytest.mark.parametrize(
    ("act", "without"), [("teach", "synchronous"), ("purge", "secure_delete"), ("carry", "fsync")]
)
def test_a_program_that_lacks_a_safeguard_is_found_out(
    power: ModuleType, tmp_path: Path, act: str, without: str
) -> None:
    assert power.study(act, tmp_path, draws=0, without=without, enough=1)["wrong"]


def test_what_is_not_synced_may_be_lost_and_nothing_else(disk: ModuleType) -> None:
    done = [
        disk.Operation("C", 1, names=("/r/a",)),
        disk.Operation("W", 1, 0, b"old" * 400),
        disk.Operation("S", 1),
        disk.Operation("D", 9),
        disk.Operation("W", 1, 0, b"new" * 400),
        disk.Operation("C", 2, names=("/r/b",)),
        disk.Operation("R", names=("/r/b", "/r/c")),
    ]
    before = disk.Disk("/r", {"/r": 9})
    left = [content for count, content in disk.cuts(before, done, 0, 20) if count == len(done)]
    assert {tuple(sorted(content)) for content in left} == {("a",), ("a", "b"), ("a", "c")}
    old, new = b"old" * 400, b"new" * 400
    assert {content["a"] for content in left} == {old, new, new[:512] + old[512:]}
