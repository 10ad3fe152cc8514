"""Words for results: markers, tables of 80 columns, formulas with their inputs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from yukawa.assistant.execution import execute
from yukawa.assistant.rendering import WIDTH, Rendering
from yukawa.assistant.results import Result
from yukawa.knowledge.parsing.plan import Goal, Operation, Plan, Thing, Wanted


def goal(operation: Operation, *names: str, property_name: str = "mass") -> Goal:
    return Goal(operation, tuple(Wanted(Thing((name,), name, (0, 0), True), property_name) for name in names))


def rendered(facts: Any, *goals: Goal) -> Rendering:
    return Rendering(execute(Plan("q", goals), facts))


def test_markers_count_sources_from_one_in_the_order_of_their_first_mention(facts: Any) -> None:
    made = rendered(facts, goal("value", "tau-", "mu-"), goal("ratio", "mu-", "tau-"))
    assert [f.fact.identifier for f in made.facts] == ["S035M", "S004M"]
    assert re.findall(r"\[\d\]", made.text) == ["[1]", "[2]", "[2]", "[1]"]


@pytest.mark.parametrize("wanted", [
    goal("list", "class:lepton"), goal("list", "class:meson"), goal("list", "tau-", property_name="decays"), goal("overview",
    "tau-", property_name=""),
    goal("sum", "tau-", "mu-", "e-", "p", "n"),
])  # fmt: skip
def test_tables_and_formulas_fit_80_columns(facts: Any, wanted: Goal) -> None:
    lines = rendered(facts, wanted).text.splitlines()
    assert lines
    assert all(len(line) <= WIDTH for line in lines if line.startswith("  "))


def test_every_line_with_a_number_of_a_source_has_its_marker(facts: Any) -> None:
    for line in rendered(facts, goal("list", "class:lepton"), goal("value", "Z0", "W+")).text.splitlines():
        assert "±" not in line or re.search(r"\[\d+\]\.?$", line), line


def test_derived_values_say_so_and_show_formula_inputs_and_constants(facts: Any) -> None:
    text = rendered(facts, goal("value", "H", property_name="lifetime")).text
    assert "(derived, not quoted)" in text
    assert "τ = ħ/Γ, with Γ(H) = 3.0 +1.5 −0.7 MeV [1]" in text
    assert "(CODATA, exact)" in " ".join(text.split())


def test_a_problem_is_one_line() -> None:
    assert (
        Rendering([Result(goal("value"), problem="there is none")]).text == "I cannot answer: there is none."
    )
