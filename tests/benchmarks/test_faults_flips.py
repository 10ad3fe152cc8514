"""Flipped bits in a base of many items and in copies of it; a log that was not yet written into the file is the exception."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def flips(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("faults_flips")


def test_no_flip_changes_what_is_said_unnoticed_and_no_damaged_copy_is_restored(
    flips: ModuleType, tmp_path: Path
) -> None:
    found = flips.study(tmp_path, 90)
    log = found.pop("knowledge.sqlite-wal")
    assert [name for name, row in found.items() if row["changed"]] == []
    assert len(log["changed"]) == log["earlier"]  # what precedes the damage, as a whole
    assert found["export.jsonl"]["noticed"] >= 10
