"""Sources that fill a knowledge base: the Review of Particle Physics, and the fundamental constants of CODATA."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yukawa.core.processes import Progress
    from yukawa.core.settings import Settings
    from yukawa.knowledge.base import KnowledgeBase

__all__ = ["open_base"]


def open_base(settings: Settings | None = None, *, progress: Progress | None = None) -> KnowledgeBase:
    """Open your own knowledge base; a new or half-built one is first filled from the PDG's data and CODATA's constants.

    Args:
        settings: where the base lies and what it embeds with; read from `yukawa.toml` and the environment by default.
        progress: called with the facts done and the facts in all while it is built, first with (0, 0).
    """
    from yukawa.knowledge.base import KnowledgeBase

    if settings is None:
        from yukawa.core.settings import load_settings

        settings = load_settings()
    chosen = settings.knowledge
    base = KnowledgeBase.open(
        chosen.url or settings.home / "knowledge", embedding=chosen.embedding, reviewers=chosen.reviewers
    )
    if base.get_meta("pdg") is None:
        if progress is not None:
            progress(0, 0)  # the facts are counted while they are read, which takes its time
        from yukawa.knowledge.sources.loader import build_constants, build_pdg

        build_constants(base)
        build_pdg(base, progress=progress)
    return base
