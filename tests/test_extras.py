"""A missing optional package is answered with the line that installs it, with or without importing it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from yukawa.errors import MissingPackage
from yukawa.extras import check_installed, require


@pytest.mark.parametrize("ask", [require, check_installed])
def test_a_missing_package_is_answered_with_its_extra(ask):
    with pytest.raises(MissingPackage, match=r"reading .*'no_such_package'.*yukawa\[jets\]"):
        ask("no_such_package", "reading", "jets")


def test_a_package_is_found_without_being_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "slow_to_import.py").write_text("raise RuntimeError\n")
    monkeypatch.syspath_prepend(tmp_path)
    check_installed("slow_to_import", "reading", "jets")
    assert "slow_to_import" not in sys.modules
    with pytest.raises(RuntimeError):
        require("slow_to_import", "reading", "jets")


def test_a_package_that_is_broken_itself_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "broken_package.py").write_text("import something_that_is_nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_that_is_nowhere"):
        require("broken_package", "reading", "train")
