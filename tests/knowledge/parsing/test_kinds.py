"""The kind of a question comes from its plan, and from its form where nothing was planned."""

from __future__ import annotations

from typing import get_args

import pytest

from yukawa.core.settings import Kind
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.kinds import _FORMS, _KINDS, kind_of
from yukawa.knowledge.parsing.plan import Operation


def test_every_operation_has_a_kind_and_every_kind_can_come_out() -> None:
    assert set(_KINDS) == set(get_args(Operation))
    assert {*_KINDS.values(), *(kind for kind, _ in _FORMS), "other"} == set(get_args(Kind))


@pytest.mark.parametrize(("question", "kind"), [
    ("What is the mass of the tau?", "value"), ("Masse des Myons", "value"), ("τ子的寿命是多少?", "value"),
    ("List the decays of the tau", "list"), ("Which particles decay to mu+ mu-?", "list"),
    ("Is the W heavier than the tau?", "comparison"), ("Which is heavier, the muon or the pion?", "comparison"),
    ("mass of the tau divided by the mass of the muon", "calculation"), ("Who measured the W mass?", "literature"),
])  # fmt: skip
def test_a_plan_tells_the_kind(question: str, kind: str) -> None:
    found = plan(question)
    assert found.goals
    assert kind_of(found) == kind


@pytest.mark.parametrize(("question", "kind"), [
    ("What is a storage ring?", "definition"), ("What does RFQ stand for?", "definition"),
    ("Why does a beam lose energy in a ring?", "explanation"), ("How does a klystron work?", "explanation"),
    ("Warum ist der Strahl instabil?", "explanation"),
    ("How do I build the software?", "method"), ("how to align a drift chamber", "method"),
    ("How is the emittance measured?", "method"), ("Which paper describes the detector?", "literature"),
    ("Who invented the bubble chamber?", "literature"), ("Which cavity is better, copper or niobium?", "comparison"),
    ("How long is the tunnel?", "value"), ("What is the circumference of the ring?", "value"),
    ("Name some synchrotron light sources", "list"), ("the ring of the BEPCII", "other"), ("hello", "other"), ("", "other"),
    ("/help", "other"),
])  # fmt: skip
def test_the_form_tells_it_where_nothing_was_planned(question: str, kind: str) -> None:
    assert kind_of(plan(question)) == kind
