"""Results as data: every row with its sources, no number without one."""

from __future__ import annotations

import pytest

from yukawa.assistant.algebra import Measured, Ordering, Unanswerable
from yukawa.assistant.results import Result, Row
from yukawa.knowledge.parsing.plan import Goal

GOAL = Goal("value", ())


def test_a_row_in_words_is_no_operand() -> None:
    with pytest.raises(Unanswerable, match="the spin of it is not a number"):
        Row("spin of it", None, "1/2 or 3/2", ()).number  # noqa: B018


def test_json_has_only_what_there_is() -> None:
    row = Row(
        "mass of it", Measured(1.0, "MeV", {"a": (0.2, -0.1)}), "1.00 +0.20 −0.10 MeV", (), "tau-", "mass"
    )
    made = Result(GOAL, (row,)).as_json()
    assert made == {
        "operation": "value",
        "rows": [{
            "what": "mass of it", "value": "1.00 +0.20 −0.10 MeV", "derived": False, "number": 1.0, "error_plus": 0.2,
            "error_minus": 0.1,
            "unit": "MeV", "bound": None, "subject": "tau-", "property": "mass", "identifiers": [], "sources": [],
        }],
    }  # fmt: skip
    assert Result(GOAL, problem="none").as_json() == {"operation": "value", "rows": [], "problem": "none"}
    full = Result(GOAL, (row,), (row,), (row,), True, Ordering(1, 2.0), "note", more=3).as_json()
    assert {"others", "disputed", "verdict", "comparison", "note", "more"} <= full.keys()


def test_facts_are_named_once(facts) -> None:  # type: ignore[no-untyped-def]
    found = facts.found[0]
    row = Row("mass", None, "", (found,))
    assert Result(GOAL, (row, row), (row,)).facts == (found,)
