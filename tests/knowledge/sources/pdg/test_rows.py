"""Which value is wanted first, and which branching ratios merely repeat a fraction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from yukawa.knowledge.parsing.particles import database_path
from yukawa.knowledge.sources.pdg.review import Review
from yukawa.knowledge.sources.pdg.rows import Rows, preferred, property_of, ratios
from yukawa.knowledge.sources.pdg.sentences import subject


@pytest.fixture(scope="module")
def review() -> Iterator[Review]:
    connection = sqlite3.connect(database_path())
    connection.row_factory = sqlite3.Row
    yield Review(connection)
    connection.close()


def test_the_default_mass_is_wanted_first(review: Review) -> None:
    members = [i for i in review.blocks if review.root(i) == "Q007"]
    masses = [i for i in preferred(review, members) if review.blocks[i]["data_type"] == "M"]
    assert masses == ["Q007TP"]


def test_a_ratio_to_the_total_width_repeats_its_mode(review: Review) -> None:
    rows = Rows(review)
    assert rows.repeats_fraction(rows.block("S043R1")) == "S043.1"
    assert rows.repeats_fraction(rows.block("S043R3")) is None
    assert "S043R1" in ratios(review, rows)["S043.1"]


def test_a_partial_width_has_the_channel_of_its_mode(review: Review) -> None:
    rows = Rows(review)
    about = subject("J/psi(1S)", "M")
    block = rows.block("M070W1")
    assert property_of(block, about, "keV") == "partial-width"
    found = rows.mode(block, "partial-width")
    assert found is not None
    assert found.channel == ("e+", "e-")
