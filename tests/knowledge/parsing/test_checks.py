"""What cannot be read or carried out is said in one line."""

from __future__ import annotations

import pytest

from yukawa.knowledge.parsing.checks import LONGEST, MOST, fits, impossible, unreadable
from yukawa.knowledge.parsing.plan import Amount, Goal, Thing, Wanted

THING = Thing(("Z0",), "Z", (0, 0))


def goal(name: str, unit: str = "", asserted: Amount | None = None) -> Goal:
    return Goal("value", (Wanted(THING, name),), unit=unit, asserted=asserted)


@pytest.mark.parametrize(
    "question",
    ["a" * 2000, "mass of the Z", "τ轻子的寿命", "Γ(Z → μ⁺μ⁻)", "mass in μs?", "ΜΑΣΣ", "naïve Größe"],
)
def test_ordinary_writing_is_readable(question: str) -> None:
    assert unreadable(question) == ""


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ("  ", "empty"), ("a" * (LONGEST + 1), "at most 2,000"),
        ("Z \u202e mass", "U+202E"), ("Z \u2066mass", "U+2066"), ("80.4 GеV", "alike"),
        ("80.1 ΜeV", "alike"), ("\u200fmass", "U+200F"),
    ],
)  # fmt: skip
def test_what_deceives_is_not_read(question: str, says: str) -> None:
    assert says in unreadable(question)
    assert "\n" not in unreadable(question)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("mass", "GeV"), ("mass", "kg"), ("mass", "MeV/c^2"), ("lifetime", "microseconds"), ("lifetime", "GeV^-1"), ("width", "keV"),

        ("decay-length", "mm"), ("energy-release", "MeV"), ("branching-fraction", "%"), ("magnetic-moment", "nuclear magnetons"),
        ("charge", "e"),
    ],
)  # fmt: skip
def test_units_that_fit(name: str, unit: str) -> None:
    assert fits(goal(name), unit)
    assert impossible([goal(name, unit)]) == ""


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("mass", "seconds"),
        ("lifetime", "GeV"),
        ("lifetime", "m"),
        ("branching-fraction", "GeV"),
        ("charge", "MeV"),
        ("decay-length", "s"),
    ],
)
def test_units_that_do_not(name: str, unit: str) -> None:
    assert not fits(goal(name), unit)
    assert f"cannot be given in {unit}" in impossible([goal(name, unit)])
    assert f"not measured in {unit}" in impossible([goal(name, asserted=Amount(1.0, unit, (0, 0)))])


def test_only_alike_quantities_are_compared_or_added() -> None:
    mixed = (Wanted(THING, "mass"), Wanted(THING, "lifetime"))
    assert "cannot be compared" in impossible([Goal("sum", mixed)])
    assert impossible([Goal("sum", (mixed[0], mixed[0]))]) == ""
    assert impossible([Goal("sum", (Wanted(THING, "mass"), Wanted(THING, "width")))]) == ""


def test_not_everything_at_once() -> None:
    assert impossible([goal("mass")] * MOST) == ""
    assert "at most" in impossible([goal("mass")] * (MOST + 1))
