"""The decay modes that the PDG gives values for."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from yukawa.knowledge.parsing.particles import database_path


@pytest.fixture(scope="session")
def decay_modes() -> dict[str, str]:
    """Descriptions of all branching fractions and limits with a value, by identifier."""
    with closing(sqlite3.connect(f"file:{database_path()}?mode=ro", uri=True)) as connection:
        return dict(
            connection.execute(
                "SELECT pdgid, description FROM pdgid i WHERE data_type LIKE 'BF%'"
                " AND EXISTS (SELECT 1 FROM pdgdata d WHERE d.pdgid = i.pdgid) ORDER BY sort"
            )
        )
