"""Opens the settings and the knowledge base for a verb, and says who types."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yukawa.core.settings import Settings
    from yukawa.knowledge import KnowledgeBase

_BLAS_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def read_settings() -> Settings:
    """The settings; `threads` is set for linear algebra, which must happen before NumPy is loaded.

    Raises:
        SettingsError: an unknown key or a wrong value.
    """
    from yukawa.core.settings import load_settings

    settings = load_settings()
    if settings.threads is not None:
        os.environ.update(dict.fromkeys(_BLAS_VARIABLES, str(settings.threads)))
    return settings


@contextlib.contextmanager
def taught_base(settings: Settings) -> Iterator[KnowledgeBase]:
    """The knowledge base; if it is new it is first built from the PDG's data, with a progress bar."""
    from yukawa.cli.output import note, progress_bar
    from yukawa.knowledge import open_base

    built = False
    with progress_bar("building the knowledge base from the Review of Particle Physics, once") as progress:

        def follow(done: int, whole: int) -> None:
            nonlocal built
            built = True
            progress(done, whole)

        base = open_base(settings, progress=follow)
    with base:
        if built and base.embedding == "none" and settings.knowledge.embedding == "auto":
            from yukawa.embedding.minilm import INSTALL

            note(
                f"it is searched by words; to search by meaning too: {INSTALL} && yukawa knowledge reindex minilm"
            )
        yield base


@contextlib.contextmanager
def plain_base(settings: Settings | None = None) -> Iterator[KnowledgeBase]:
    """The knowledge base of `settings` (or of those that are read), which is not built if it is new."""
    from yukawa.knowledge import KnowledgeBase

    settings = settings or read_settings()
    with KnowledgeBase.open(url(settings), embedding=settings.knowledge.embedding) as base:
        yield base


def url(settings: Settings) -> str:
    """The address of the knowledge base."""
    return settings.knowledge.url or str(settings.home / "knowledge")


def me() -> str:
    """The name of the person at the keyboard, for the ledger."""
    import getpass

    try:
        return os.environ.get("USER", "").strip() or getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name, as in some containers
        return "unknown"
