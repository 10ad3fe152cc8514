"""A knowledge base that can be taught: an append-only ledger, search over it, and the sources that fill it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yukawa.knowledge.base import KnowledgeBase
    from yukawa.knowledge.drafts import Draft, draft
    from yukawa.knowledge.records import Conflict, Event, Hit, Item, Provenance, Report

__all__ = ["Conflict", "Draft", "Event", "Hit", "Item", "KnowledgeBase", "Provenance", "Report", "draft"]
_HOMES = {"KnowledgeBase": "base", "Draft": "drafts", "draft": "drafts"}


def __getattr__(name: str) -> Any:
    # Imported when first used: the tables need SQLAlchemy, the language of physics does not.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'records')}"), name)
