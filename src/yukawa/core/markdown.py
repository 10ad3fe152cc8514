"""Markdown of the pages that go with models and data."""

from __future__ import annotations

from collections.abc import Mapping


def facts(rows: Mapping[str, object]) -> str:
    """A table of two columns: the name of each fact, and what it is; a vertical bar is kept as one."""
    cells = ((str(name).replace("|", "\\|"), str(value).replace("|", "\\|")) for name, value in rows.items())
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in cells)])
