"""A version makes the same draft again that it was written from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from yukawa.knowledge import Draft, KnowledgeBase, draft
from yukawa.knowledge.items import with_keys
from yukawa.knowledge.parsing import find_quantities
from yukawa.knowledge.store.stored_items import last_draft

TEXT = "The mass of the tau is 1776.93 ± 0.09 MeV."
DATA = draft("tau: 1776.93 ± 0.09 MeV", kind="data", attributes={"meaning": "mass of tau"}, item_id="pdg:x")
DRAFTS = [
    draft(TEXT, author="A", source="S", url="https://example.org", licence="CC0"),
    draft(
        "1776.93 MeV", question="What is the mass of the tau?", attributes={"a": [1, None, {"ä": "\u2028"}]}
    ),
    draft("# Title\n\n" + "A sentence about it. " * 200),
    with_keys(DATA, ("S035|mass|",), find_quantities(DATA.text)[0]),
    draft("The branching fraction of tau- → mu- gamma is < 4.2E-8."),
]


def comparable(item: Draft) -> Draft:
    """Without where in the text a value stood, which is not stored."""
    claims = tuple(
        replace(c, quantity=c.quantity and replace(c.quantity, start=0, end=0)) for c in item.claims
    )
    return replace(item, item_id=None, claims=claims)


@pytest.mark.parametrize("item", DRAFTS)
def test_a_draft_comes_back(base: KnowledgeBase, item: Draft) -> None:
    (taught,) = base.teach_many([item])
    base.unload(taught.id)
    with base.store.read() as connection:
        again = last_draft(connection, taught.id)
    assert again.item_id == taught.id
    assert comparable(again) == comparable(item)


def test_restored_data_keep_what_their_text_does_not_say(base: KnowledgeBase) -> None:
    base.teach_many([DRAFTS[3]])
    (before,) = base.search("mass of tau")
    base.unload("pdg:x")
    base.restore("pdg:x")
    (after,) = base.search("mass of tau")
    assert before.keys == after.keys == ("S035|mass|",)
    assert after.similarity == before.similarity
    assert after.version == 2
