"""Plans in words: what was read, from which words, and what could not be used."""

from __future__ import annotations

from dataclasses import replace

from yukawa.assistant.explaining import describe, explain, reading, refusal
from yukawa.knowledge.parsing.plan import Amount, Channel, Filter, Goal, Plan, Thing, Wanted

QUESTION = "mass of the Z in GeV in 2018"
Z = Wanted(Thing(("Z0",), "Z", (12, 13), True), "mass", spans=((0, 4),))
PLAN = Plan(QUESTION, (Goal("value", (Z,), unit="GeV"),), unread=(("in 2018", (21, 28)),))


def test_a_refusal_says_what_was_read_and_what_was_not_used() -> None:
    assert refusal(PLAN) == "I read: mass of the Z boson (Z⁰) in GeV; I do not understand 'in 2018'."
    assert refusal(Plan("x", unread=(("x", (0, 1)),))) == "I do not understand 'x'."
    assert refusal(Plan("x", problem="two schemes are wanted")) == "two schemes are wanted."
    assert refusal(Plan("x")).startswith("I do not understand this")
    assert reading(replace(PLAN, goals=PLAN.goals * 2)) == "mass of the Z boson (Z⁰) in GeV"


def test_each_element_is_shown_with_the_words_it_was_read_from() -> None:
    assert list(explain(PLAN)) == [
        "goal 1: value", "  quantity: mass of the Z boson (Z⁰) (from 'mass')", "    thing: Z⁰ (from 'Z')", "  unit: GeV",
        "not used: 'in 2018' (characters 21 to 28)",
    ]  # fmt: skip


def test_goals_in_words() -> None:
    tau = Wanted(
        Thing(("tau-",), "tau", (0, 0)),
        "branching-fraction",
        Channel((("e-", "mu-"), ("gamma",)), conditions=("nonresonant",)),
    )
    assert describe(Goal("value", (tau,))) == "branching fraction of tau lepton (τ⁻) → e⁻/μ⁻ γ (nonresonant)"
    heavier = Goal("is", (Z, replace(Z, qualifiers={"scheme": "pole", "edition": "2018"})), relation=">")
    assert (
        describe(heavier)
        == "whether: mass of the Z boson (Z⁰) and pole mass of the Z boson (Z⁰), edition 2018 (>)"
    )
    above = Filter("branching-fraction", ">", Amount(10, "%", (0, 0)), (0, 0))
    assert describe(Goal("list", (replace(tau, property="decays", channel=None),), (above,))) == (
        "list of decay modes of the tau lepton (τ⁻), branching fraction > 10 %"
    )
    assert (
        describe(Goal("list", (Wanted(Thing(("class:lepton",), "leptons", (0, 0)), ""),))) == "list of lepton"
    )
    assert describe(Goal("multiple", (replace(Z, factor=2),))) == "2 times mass of the Z boson (Z⁰)"
    assert describe(Goal("value", (Wanted(Thing((), "", (0, 0)), "other", name="S035M"),))) == "S035M"
    assert (
        describe(Goal("is", (Z,), asserted=Amount(91, "GeV", (0, 0))))
        == "whether: mass of the Z boson (Z⁰) = 91 GeV"
    )
