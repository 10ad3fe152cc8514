"""Makes the table of the fundamental constants from the CODATA values in scipy.

    python tools/constants.py

Each line has name, value, standard uncertainty and unit; the first line names the adjustment.
"""

from __future__ import annotations

from pathlib import Path

from scipy import constants
from scipy.constants import _codata

TABLE = Path(__file__).parents[1] / "src/yukawa/knowledge/sources/constants.tsv"


def edition() -> str:
    """The adjustment whose values scipy gives, such as '2022'."""
    return max(str(name)[3:] for name in vars(_codata) if name.startswith("txt"))


def lines() -> list[str]:
    """The table, sorted by name."""
    found = [f"# CODATA {edition()}"]
    for name in sorted(constants.find(None), key=str.lower):
        value, unit, uncertainty = constants.physical_constants[name]
        found.append(f"{name}\t{value!r}\t{uncertainty!r}\t{unit}")
    return found


if __name__ == "__main__":
    TABLE.write_text("\n".join(lines()) + "\n", encoding="utf-8")
