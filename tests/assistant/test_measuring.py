"""Who measured what: against the Review's own tables."""

from __future__ import annotations

from typing import Any

import pytest

from yukawa.assistant.execution import execute
from yukawa.assistant.measuring import bibtex
from yukawa.assistant.rendering import Rendering
from yukawa.assistant.results import Result
from yukawa.knowledge.parsing.plan import Amount, Filter, Goal, Plan, Thing, Wanted


def asked(facts: Any, state: str, property_name: str = "mass", **more: Any) -> Result:
    wanted = Wanted(
        Thing((state,), state, (0, 0), True), property_name, qualifiers=more.pop("qualifiers", {})
    )
    (result,) = execute(Plan("q", (Goal("measurements", (wanted,), **more),)), facts)
    return result


AVERAGE = Filter("used-in-average", "=", "yes", (0, 0))
PRECISE: dict[str, Any] = {"order": ("precision", "descending"), "most": 1}


def test_the_most_precise_measurement_with_its_paper(facts: Any) -> None:
    text = Rendering([asked(facts, "tau-", **PRECISE)]).text
    assert text.startswith(
        "The most precise measurement of the mass of the tau lepton (τ⁻): Belle II: 1777.09 ± 0.08 ± 0.11 MeV (Adachi 2023C,"
    )
    assert "doi:10.1103/PhysRevD.108.032006" in text
    assert text.endswith("[1].")


def test_the_experiments_of_an_average(facts: Any) -> None:
    result = asked(facts, "W+", filters=(AVERAGE,))
    assert {"CMS", "ATLAS", "LHCb"} <= {row.measurement.experiment for row in result.rows if row.measurement}
    assert "in the average" in Rendering([result]).text


def test_one_experiment_and_one_year(facts: Any) -> None:
    (row,) = asked(facts, "W+", qualifiers={"experiment": "CDF", "year": "2022"}).rows
    assert row.shown.startswith("80.4335")
    made = row.as_json()["measurement"]
    assert made["reference"]["doi"] == "10.1126/science.abk1781"


@pytest.mark.parametrize(("state", "property_name", "qualifiers", "said"), [
    ("W+", "mass", {"experiment": "JUNO"}, "no measurement by JUNO is listed"), ("H", "lifetime", {}
    , "is not measured itself but derived"),
    ("p", "lifetime", {}, "no mean lifetime"), ("tau-", "charge", {}, "lists no single measurements"),
])  # fmt: skip
def test_what_nobody_measured(
    facts: Any, state: str, property_name: str, qualifiers: dict[str, str], said: str
) -> None:
    assert said in asked(facts, state, property_name, qualifiers=qualifiers).problem


def test_bibtex_of_a_measurement_and_of_what_an_average_uses(facts: Any) -> None:
    one = bibtex([asked(facts, "tau-", **PRECISE)])
    assert one.count("@article{") == 1
    assert "10.1103/PhysRevD.108.032006" in one
    value = execute(Plan("q", (Goal("value", (Wanted(Thing(("W+",), "W", (0, 0)), "mass"),)),)), facts)
    assert bibtex(value).count("@article{") >= 3
    assert bibtex([asked(facts, "p", "lifetime")]) == ""


def held_against(facts: Any, value: float, unit: str, error: float | None, *, verdict: bool = True) -> Result:
    wanted = Wanted(Thing(("W+",), "W+", (0, 0), True), "mass")
    own = Amount(value, unit, (0, 0), error and (error, error))
    goal = Goal("deviation", (wanted,), asserted=own, relation="=" if verdict else None)
    (result,) = execute(Plan("q", (goal,)), facts)
    return result


@pytest.mark.parametrize(("value", "error", "verdict"), [
    (80.36, 0.01, True), (80.40, 0.02, True), (80.39, 0.01, None), (80.6, 0.05, False), (79.9, 0.1, False),
])  # fmt: skip
def test_values_agree_up_to_two_standard_deviations_and_contradict_from_three(
    facts: Any, value: float, error: float, verdict: bool | None
) -> None:
    for unit, size in (("GeV", 1.0), ("eV", 1e9)):
        assert held_against(facts, value * size, unit, error * size).verdict is verdict


def test_the_distance_has_both_errors_and_its_side(facts: Any) -> None:
    result = held_against(facts, 81.0, "GeV", 0.5, verdict=False)
    known = result.rows[0].value
    assert known is not None
    assert known.plus is not None
    assert result.comparison is not None
    assert result.comparison.sigmas == pytest.approx((81.0 - known.value) / (0.5**2 + known.plus**2) ** 0.5)
    assert (
        Rendering([result]).text.splitlines()[1].startswith("81.0 ± 0.5 GeV is 0.6 ± 0.5 GeV above it, 1.3 ")
    )
    assert " below it, " in held_against(facts, 80.0, "GeV", 0.5).note
    assert "I cannot answer" in Rendering([held_against(facts, 80.0, "s", 0.5)]).text


@pytest.mark.parametrize(
    ("value", "begins"),
    [(80.36, "Yes, they agree. The mass"), (80.39, "That stays open. "), (82.0, "No, they do not ")],
)
def test_a_verdict_is_said_first(facts: Any, value: float, begins: str) -> None:
    assert Rendering([held_against(facts, value, "GeV", 0.01)]).text.startswith(begins)
