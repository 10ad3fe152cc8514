"""A knowledge base that can be taught: an append-only ledger, search over it, and the sources that fill it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yukawa.facades import from_homes

if TYPE_CHECKING:
    from yukawa.knowledge.base import KnowledgeBase
    from yukawa.knowledge.drafts import Draft, draft
    from yukawa.knowledge.records import Conflict, Event, Hit, Item, Provenance, Report

__all__ = ["Conflict", "Draft", "Event", "Hit", "Item", "KnowledgeBase", "Provenance", "Report", "draft"]
_HOMES = {
    "Conflict": "records",
    "Draft": "drafts",
    "Event": "records",
    "Hit": "records",
    "Item": "records",
    "KnowledgeBase": "base",
    "Provenance": "records",
    "Report": "records",
    "draft": "drafts",
}
# Imported when first used: the tables need SQLAlchemy, the language of physics does not.
__getattr__ = from_homes(__name__, _HOMES)
