"""Training of jet taggers: a recipe becomes a run."""

from __future__ import annotations
