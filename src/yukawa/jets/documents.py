"""The YAML documents of the jet tools are those of the ground floor."""

from __future__ import annotations

from yukawa.documents import (
    Document,
    Table,
    change,
    checked,
    find,
    merged,
    read_on_base,
    read_table,
)

__all__ = ["Document", "Table", "change", "checked", "find", "merged", "read_on_base", "read_table"]
