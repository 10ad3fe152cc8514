"""Answers a missing optional package of the text tools."""

from __future__ import annotations

from types import ModuleType

from yukawa import extras


def require(package: str, purpose: str) -> ModuleType:
    """Import `package`, which `purpose` (such as "reading Parquet files") needs; see `yukawa.extras.require`."""
    return extras.require(package, purpose, "train")
