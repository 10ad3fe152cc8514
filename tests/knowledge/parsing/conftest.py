"""The decay modes that the PDG gives values for, and names written in LaTeX."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from yukawa.knowledge.parsing.particles import database_path

GREEK = "alpha beta gamma delta eta mu nu pi rho sigma tau phi chi psi omega Delta Lambda Xi Sigma Omega Upsilon".split()


def _latex(name: str) -> str:
    r"""The name in LaTeX: 'Lambdabar_c(2595)-' → '$\bar{\Lambda}_{c}(2595)^{-}$'."""
    parts = re.fullmatch(
        r"(J/psi|[A-Za-z]+?)(bar)?((?:_[A-Za-z0-9]+)*)(\^[*']+)?(\([^)]*\))?([+-]{1,2}|0)?", name
    )
    if parts is None:
        return name
    base, bar, sub, mark, mass, charge = (part or "" for part in parts.groups())
    base = base.replace("psi", "\\psi") if base == "J/psi" else "\\" + base if base in GREEK else base
    base = f"\\bar{{{base}}}" if bar else base
    below = sub[1:].replace("_", "")
    below = "\\" + below if below in GREEK else below
    raised, mass = mark[1:] + charge, mass.replace("~", "\\sim ")
    if mass and mass != "()":
        return f"${base}{f'_{{{below}}}' if below else ''}{f'^{{{mark[1:]}}}' if mark else ''}{mass}{f'^{{{charge}}}' if charge else ''}$"
    return f"${base}{f'_{{{below}}}' if below else ''}{f'^{{{raised}}}' if raised else ''}$"


@pytest.fixture(scope="session")
def latex() -> Callable[[str], str]:
    """Writes a PDG name in LaTeX."""
    return _latex


@pytest.fixture(scope="session")
def decay_modes() -> dict[str, str]:
    """Descriptions of all branching fractions and limits with a value, by identifier."""
    with closing(sqlite3.connect(f"file:{database_path()}?mode=ro", uri=True)) as connection:
        return dict(
            connection.execute(
                "SELECT pdgid, description FROM pdgid i WHERE data_type LIKE 'BF%'"
                " AND EXISTS (SELECT 1 FROM pdgdata d WHERE d.pdgid = i.pdgid) ORDER BY sort"
            )
        )
