"""A recipe becomes a run: continued pre-training, questions and answers, preferences; adapters or all weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yukawa.facades import from_homes

if TYPE_CHECKING:
    from yukawa.training.describing import describe
    from yukawa.training.merging import merge
    from yukawa.training.recipe import load_recipe
    from yukawa.training.run import train

__all__ = ["describe", "load_recipe", "merge", "train"]
_HOMES = {"describe": "describing", "load_recipe": "recipe", "merge": "merging", "train": "run"}
# Imported when first used, so that `import yukawa.training` costs nothing.
__getattr__ = from_homes(__name__, _HOMES)
