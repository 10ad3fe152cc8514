"""A recipe becomes a run: continued pre-training, questions and answers, preferences; adapters or all weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yukawa.training.describing import describe
    from yukawa.training.merging import merge
    from yukawa.training.recipe import load_recipe
    from yukawa.training.run import train

__all__ = ["describe", "load_recipe", "merge", "train"]
_HOMES = {"describe": "describing", "load_recipe": "recipe", "merge": "merging", "train": "run"}


def __getattr__(name: str) -> Any:
    # Imported when first used, so that `import yukawa.training` costs nothing.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
