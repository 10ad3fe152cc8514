"""Who measured what: against the Review's own tables."""

from __future__ import annotations

from typing import Any

import pytest

from yukawa.assistant.execution import execute
from yukawa.assistant.measuring import bibtex
from yukawa.assistant.rendering import Rendering
from yukawa.assistant.results import Result
from yukawa.knowledge.parsing.plan import Filter, Goal, Plan, Thing, Wanted


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
