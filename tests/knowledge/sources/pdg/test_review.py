"""The data file's description of itself, and files that are not one."""

from __future__ import annotations

from pathlib import Path

import pytest

from yukawa.core.errors import MissingPackage, NotFound, StoreError
from yukawa.knowledge.sources.pdg.facts import statements
from yukawa.knowledge.sources.pdg.review import LICENCE, edition


def test_edition_names_year_citation_and_licence() -> None:
    info = edition()
    assert info["edition"] == "2026"
    assert info["license"] == LICENCE == "CC BY 4.0"
    assert info["citation"].startswith("F. Takahashi et al. (Particle Data Group)")


def test_a_missing_package_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yukawa.core.errors.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match="pip install pdg"):
        next(statements())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        next(statements(tmp_path / "nowhere.sqlite"))


def test_a_file_that_is_no_data_base_is_refused(tmp_path: Path) -> None:
    for content in (b"no data base at all" * 100, b""):
        path = tmp_path / "other.sqlite"
        path.write_bytes(content)
        with pytest.raises(StoreError, match="not a PDG database"):
            edition(path)
