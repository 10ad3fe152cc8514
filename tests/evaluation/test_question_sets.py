"""The sets at hand: unique, judged rightly by their own answers, and apart from training by claim."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.data.rows import Conversation, Document, Turn
from yukawa.evaluation import question_sets
from yukawa.evaluation.question_sets import DERIVATIONS, GENERAL, PDG, claim_of, claims_of, question_set
from yukawa.evaluation.questions import judge


@pytest.fixture(scope="module")
def pdg(pdg_statements):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(question_sets, "statements", lambda: iter(pdg_statements))
        yield pdg_statements, question_set(PDG)


def test_of_the_pdg(pdg):
    found = pdg[1]
    assert len(found) == len({one.id for one in found}) == len({one.claim for one in found}) == 1000
    assert {one.judged for one in found} == {"choice", "numeric"}
    numbers = [one for one in found if one.judged == "numeric"]
    assert all(judge(numbers, [one.answer for one in numbers]))
    choices = [one for one in found if one.judged == "choice"]
    assert len(choices) > 400
    assert all(len(one.choices) == 4 for one in choices)


def test_what_was_taught_is_not_asked(pdg, monkeypatch):
    statements, found = pdg
    monkeypatch.setattr(question_sets, "statements", lambda: iter(statements))
    asked = {one.claim: one for one in found}
    taught = [one for one in statements if claim_of(one) in asked][:3]
    rows = [Document(id="d", text="\n".join(one.text for one in taught), source="s")]
    claims = claims_of(rows)
    assert claims == {claim_of(one) for one in taught}
    again = question_set(PDG, without=claims)
    assert len(again) == 1000
    assert not claims & {one.claim for one in again}
    turns = (
        Turn(role="user", content="What is the mass of the tau lepton?"),
        Turn(role="assistant", content="1777 MeV"),
    )
    assert "S035:1|mass|" in claims_of([Conversation(id="c", messages=turns, source="s")])


@pytest.mark.parametrize(("name", "least"), [(DERIVATIONS, 60), (GENERAL, 50)])
def test_of_the_package(name, least):
    found = question_set(name)
    assert len(found) == len({one.question for one in found}) >= least
    assert all(judge(found, [one.answer for one in found]))


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        question_set(str(tmp_path / "nowhere.jsonl"))
