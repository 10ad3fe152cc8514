"""Which value is wanted first, and which branching ratios merely repeat a fraction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from yukawa.knowledge.parsing.channels import mode
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.particles import database_path, particle_table
from yukawa.knowledge.sources.pdg.facts import Statement
from yukawa.knowledge.sources.pdg.review import Review
from yukawa.knowledge.sources.pdg.rows import Rows, asymmetric_mode, preferred, property_of, ratios
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


def test_a_cp_asymmetry_asked_by_its_own_decay_is_that_one(pdg_statements: list[Statement]) -> None:
    facts = [f for s in pdg_statements for f in s.facts if f.property == "cp-asymmetry"]
    assert len(facts) > 300
    known = particle_table().particles
    for fact in [f for f in facts if set(f.channel) <= set(known)][::5]:
        plain = fact.subjects[0].replace("()", "")
        (goal,) = plan(f"CP asymmetry of {plain} --> {' '.join(fact.channel)}").goals
        (wanted,) = goal.operands
        assert wanted.property == "cp-asymmetry"
        assert wanted.channel is not None
        assert mode(wanted.channel).channel == fact.channel


@pytest.mark.parametrize(
    ("description", "channel"),
    [
        ("A(CP)(B+ --> omega pi+)", ("omega(782)0", "pi+")),
        ("A(CP) (B0 --> K+ pi-)", ("K+", "pi-")),
        ("A(CP)(K0S pi+-) in D+- --> K0S pi+-", ("K(S)0", "pi+")),
        ("A(CP)(K+ K-) in D0, Dbar0 --> K+ K-", ("K+", "K-")),
        ("DeltaA(CP) = A(CP)(K+ K-) - A(CP)(pi+ pi-)", None),  # of two decays
        ("A(CP)(B+ --> [ K- pi+ ]_D K+)", None),  # of the decay that follows
        ("A(CP)**0 in B0 --> phi K*(892)0", None),  # of one polarisation
        ("A(CP)(B --> X_s lepton+ lepton-) (10.1 < q**2< 12.9 or q**2> 14.2 GeV**2/c**4)", None),  # of a part
        ("B+ --> omega pi+", None),
    ],
)
def test_what_the_asymmetry_of_a_decay_is(description: str, channel: tuple[str, ...] | None) -> None:
    found = asymmetric_mode(description)
    assert (None if found is None else found.channel) == channel
