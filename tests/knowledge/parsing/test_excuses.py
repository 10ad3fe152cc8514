"""Wishes for the reply and excuses are set aside; a wish that changes what is wanted is not."""

import pytest

from yukawa.knowledge.parsing.excuses import is_due, is_reason, is_refrain, is_scene, knows_nothing
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.tokens import tokenise

WISHES = (
    "no theory please", "without any explanation", "not that I doubt it", "please don't guess", "no rush",
    "whatever the reason for it may be",
)  # fmt: skip


@pytest.mark.parametrize("wish", WISHES)
def test_a_wish_for_the_reply_changes_no_plan(wish: str) -> None:
    assert is_refrain(tokenise(wish))
    assert plan(f"What is the mass of the muon, {wish}?").complete


@pytest.mark.parametrize(
    "wish",
    [
        "without radiative corrections",
        "no QED corrections",
        "not the newest value",
        "no electroweak corrections",
    ],
)
def test_a_wish_for_another_value_is_none(wish: str) -> None:
    assert not is_refrain(tokenise(wish))
    assert not plan(f"What is the mass of the muon, {wish}?").complete


def test_reasons_scenes_and_terms() -> None:
    reason = tokenise("because the textbook skips it")
    assert is_reason([t.text for t in reason], reason)
    assert not is_reason(["in", "vacuum"], tokenise("in vacuum"))
    scene = tokenise("there is no bookshop here")
    assert is_scene([t.text for t in scene], scene)
    assert is_due(tokenise("exam in 20 min"))
    assert not is_due(tokenise("decay in 20 min of flight"))
    assert knows_nothing(tokenise("no idea")) or knows_nothing(tokenise("not sure"))
