"""Answers a missing optional package of the jet tools."""

from __future__ import annotations

from types import ModuleType

from yukawa import extras

_TRAIN = ("torch", "transformers", "accelerate")


def require(package: str, purpose: str) -> ModuleType:
    """Import `package`, which `purpose` (such as "reading ROOT files") needs; see `yukawa.extras.require`."""
    return extras.require(package, purpose, "train" if package.partition(".")[0] in _TRAIN else "jets")
