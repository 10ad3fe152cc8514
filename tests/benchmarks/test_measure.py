"""The page of benchmarks is what the kept results say, and each of its targets is met or explained."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from jinja2 import UndefinedError


@pytest.fixture(scope="module")
def page(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("page")


@pytest.fixture(scope="module")
def measure(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("measure")


def test_the_page_is_what_the_results_say(page: ModuleType) -> None:
    text, unexplained = page.render(page.results())
    assert page.PAGE.read_text(encoding="utf-8") == text, "type: python benchmarks/measure.py --page"
    assert not unexplained


def test_each_result_says_what_was_measured_when_and_where(page: ModuleType, measure: ModuleType) -> None:
    for name, result in page.results().items():
        assert result["command"] == measure.command(name)
        assert {"commit", "date", "load", "machine", "seconds"} < result.keys()


def test_each_command_runs_a_script_that_is_there(measure: ModuleType) -> None:
    for command in measure.COMMANDS.values():
        assert (measure.HERE / command.split()[0]).exists()


@pytest.mark.parametrize(
    ("given", "verdict", "missed"),
    [
        ({"least": 2.0}, "yes", 0),
        ({"most": 2.5}, "yes", 0),
        ({"least": 3.0}, "no: ", 1),
        ({"least": 3.0, "traded": "80 lines"}, "no: 80 lines", 0),
        ({"most": 2.0}, "no: ", 1),
    ],
)
def test_a_missed_target_needs_a_reason(page: ModuleType, given: dict, verdict: str, missed: int) -> None:
    targets = page.Targets()
    assert targets.row("speed", 2.5, "times", **given).endswith(f" | {verdict} |")
    assert len(targets.unexplained) == missed


@pytest.mark.parametrize("given", [{}, {"least": 1.0, "most": 2.0}])
def test_a_target_is_one_bound(page: ModuleType, given: dict) -> None:
    with pytest.raises(ValueError, match="least or most"):
        page.Targets().row("speed", 2.5, "times", **given)


def test_a_figure_that_nobody_measured_is_an_error(page: ModuleType) -> None:
    with pytest.raises(UndefinedError):
        page.render({})
