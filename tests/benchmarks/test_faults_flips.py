"""Flipped bits in a base of many items, in its log, which was not yet written into the file, and in copies of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def flips(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("faults_flips")


def test_no_flip_changes_what_is_said_unnoticed_and_no_damaged_copy_is_restored(
    flips: ModuleType, tmp_path: Path
) -> None:
    found = flips.study(tmp_path, 90)
    assert [name for name, row in found.items() if row["changed"]] == []
    assert (
        found["knowledge.sqlite-wal"]["noticed"] >= 10
    )  # its last change may be one that was never finished
    assert found["export.jsonl"]["noticed"] >= 10
