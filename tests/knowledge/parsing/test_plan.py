"""A plan is executed only if it covers the question."""

from __future__ import annotations

from dataclasses import replace

from yukawa.knowledge.parsing.plan import Goal, Plan, Thing, Wanted

_GOAL = Goal("value", (Wanted(Thing(("Z0",), "Z", (16, 17)), "mass"),))


def test_unread_words_or_a_problem_make_a_plan_incomplete() -> None:
    plan = Plan("the mass of the Z", (_GOAL,))
    assert plan.complete
    assert not replace(plan, unread=(("prime", (18, 23)),)).complete
    assert not replace(plan, problem="mass in seconds").complete
    assert not replace(plan, goals=()).complete
