"""Text to unit vectors: one protocol, and one doorway that opens an embedder by its name."""

from __future__ import annotations

from yukawa.embedding.base import Embedder
from yukawa.embedding.registry import DEFAULT, open_embedder, settle

__all__ = ["DEFAULT", "Embedder", "open_embedder", "settle"]
