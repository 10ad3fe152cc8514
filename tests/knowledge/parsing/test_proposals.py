"""Proposed plans: what the words bear out becomes a plan, hostile ones are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.proposals import Proposal, plan_from_json


def goal(
    operation: str = "value", words: str = "", *, quantities: list[dict[str, Any]] | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "goals": [{"operation": operation, "words": words, "quantities": quantities or [quantity()], **more}]
    }


def quantity(thing: str = "the Z", property: str = "mass", **more: Any) -> dict[str, Any]:  # noqa: A002
    return {"thing": thing, "property": property, **more}


Q = "What is the mass of the Z in GeV?"
MUON_TAU = "which lives longer, the muon or the tau?"
DECAY = "how often does the K+ decay to mu+ nu_mu?"
POLE = "pole mass of the top quark, not the direct one"
ANTI = "charge of the antiproton"
TWICE = "twice the mass of the tau"
RATIO = "mass of the tau divided by the mass of the muon"
YEAR = "mass of the W boson in 2018"
WATER = "lifetime of the muon in water"
MINE = "What is the mass of the zorblon and the Z?"
LIST = "decays of the tau above 10%"
PLAIN = "is the eta a pseudoscalar?"


@pytest.mark.parametrize(
    ("question", "proposal"),
    [
        (Q, goal(unit="in GeV")),
        (MUON_TAU, goal("which", "lives longer", quantities=[quantity("the muon", ""), quantity("the tau", "")])),
        (DECAY, goal(quantities=[quantity("the K+", "how often", final_state="decay to mu+ nu_mu")])),
        (ANTI, goal(quantities=[quantity("the antiproton", "charge")])),
        (TWICE, goal("multiple", "twice", quantities=[quantity("the tau", "mass", factor="twice")])),
        (RATIO, goal("ratio", "divided by", quantities=[quantity("tau", "mass"), quantity("muon", "mass")])),
        (TWICE, goal("multiple", "", quantities=[quantity("the tau", "mass", factor="twice")])),
        (YEAR, goal(quantities=[quantity("W boson", "mass", qualifiers=["2018"])])),
        (LIST, goal("list", quantities=[quantity("the tau", "decays")], conditions=[{"relation": "above", "amount": "10%"}])),
        (PLAIN, goal("is", quantities=[quantity("the eta", "")], asserted="a pseudoscalar")),
    ],
)  # fmt: skip
def test_a_good_proposal_is_the_grammars_plan(question: str, proposal: dict[str, Any]) -> None:
    found = plan_from_json(question, json.dumps(proposal))
    assert found.complete, found
    assert reading(found) == reading(plan(question))
    assert reading(plan_from_json(question, proposal)) == reading(found)


def test_a_model_may_see_what_the_grammar_does_not() -> None:
    question = "I have a tau here. And, well, a muon: I would like the masses of those, in MeV"
    both = [quantity("a tau", "masses"), quantity("a muon", "masses")]
    assert (
        reading(plan_from_json(question, goal(quantities=both, unit="in MeV")))
        == "value mass(tau-|tau+) in MeV; value mass(mu-|mu+) in MeV"
    )


HOSTILE: list[tuple[str, Any]] = [
    # no JSON, no object, wrong schema
    (Q, ""), (Q, "{"), (Q, "null"), (Q, "[]"), (Q, "{}"), (Q, '{"goals": []}'), (Q, '{"goals": [{}]}'),
    (Q, "DROP TABLE facts"), (Q, "[" * 5000),
    (Q, goal() | {"answer": "91.2 GeV"}), (Q, goal(value=91.2)), (Q, goal("delete")),
    (Q, goal("value", quantities=[quantity(names=["H"])])),
    (Q, {"goals": goal()["goals"] * 13}), (Q, goal(quantities=[quantity()] * 13)),
    (Q, goal(quantities=[quantity("the Z" * 100)])),
    (Q, goal(quantities=[{"thing": 5, "property": "mass"}])), (Q, goal(most=3)),
    # words that are not in the question
    (Q, goal(quantities=[quantity("the Higgs")])), (Q, goal(quantities=[quantity(property="width")])),
    (Q, goal(unit="in eV")),
    (Q, goal(quantities=[quantity("THE Z")])), (Q, goal(quantities=[quantity("Z0")])),
    (Q, goal(quantities=[quantity("")])),
    (Q, goal(quantities=[quantity(qualifiers=["pole"])])), (Q, goal(quantities=[quantity(factor="twice")])),
    (Q, goal("list", "list", quantities=[quantity()])),
    (YEAR, goal(quantities=[quantity("W boson", qualifiers=["2026"])])),
    # words that mean something else
    (Q, goal(quantities=[quantity("the mass")])), (Q, goal(quantities=[quantity(property="the Z")])),
    (Q, goal(quantities=[quantity(property="What is")])),
    (Q, goal(quantities=[quantity(property="GeV")])), (Q, goal(unit="mass")),
    (ANTI, goal(quantities=[quantity("proton", "charge")])),
    (DECAY, goal(quantities=[quantity("the K+", "how often", final_state="decay to mu+")])),
    (DECAY, goal(quantities=[quantity("mu+", "how often")])),
    (DECAY, goal(quantities=[quantity("the K+", "decay")])),
    (MUON_TAU, goal("which", "the muon", quantities=[quantity("the muon", ""), quantity("the tau", "")])),
    # operations that nobody asks for
    (Q, goal("ratio", "mass", quantities=[quantity(), quantity()])), (Q, goal("is")),
    (Q, goal("sum", "in", quantities=[quantity(), quantity()])),
    (Q, goal("measurements")), (Q, goal("count", "What is")), (Q, goal("multiple")), (Q, goal("difference")),
    (Q, goal("which", "mass")),
    (RATIO, goal("sum", "divided by", quantities=[quantity("tau"), quantity("muon")])), (Q, goal(asserted="in GeV")),
    # parts left out
    (MUON_TAU, goal(quantities=[quantity("the muon", "lives longer")])),
    (POLE, goal(quantities=[quantity("the top quark", "mass")])),
    (TWICE, goal(quantities=[quantity("the tau")])), (RATIO, goal(quantities=[quantity("tau")])),
    (YEAR, goal(quantities=[quantity("W boson")])),
    (WATER, goal(quantities=[quantity("the muon", "lifetime")])), (MINE, goal()),
    (LIST, goal("list", quantities=[quantity("the tau", "decays")])),
    (PLAIN, goal("overview", quantities=[quantity("the eta", "")])),
    (ANTI + " and of the W in MeV", goal(quantities=[quantity("the antiproton", "charge")])),
    # two at once, dimensions
    ("MS-bar pole mass of the top quark", goal(quantities=[quantity("the top quark", qualifiers=["MS-bar", "pole"])])),
    ("mass of the Z in seconds", goal(unit="in seconds")), ("mass of the Z and lifetime of the tau, sum of them",
     goal("sum", "sum of", quantities=[quantity("Z"), quantity("tau", "lifetime")])),
    ("why has the Z its mass?", goal(quantities=[quantity("the Z")])),
    ("mass of the Z \u202e", goal()),
]  # fmt: skip


@pytest.mark.parametrize(("question", "proposal"), HOSTILE)
def test_a_hostile_proposal_is_refused(question: str, proposal: Any) -> None:
    found = plan_from_json(question, proposal)
    assert not found.complete
    assert found.problem or found.unread
    assert "\n" not in found.problem


def test_there_are_sixty_of_them() -> None:
    assert len(HOSTILE) >= 60


def test_the_schema_is_what_a_model_is_given() -> None:
    schema = Proposal.model_json_schema()
    assert schema["additionalProperties"] is False
    assert "copied from the question" in json.dumps(schema)
