"""Monte Carlo numbers of particles."""

from __future__ import annotations

import functools
import sqlite3
from collections import defaultdict

from yukawa.knowledge.parsing.particles import database_path


def particles_numbered(number: int) -> tuple[str, ...]:
    """PDG names of the particle with a Monte Carlo number."""
    return _numbers().get(number, ())


@functools.lru_cache(maxsize=1)
def _numbers() -> dict[int, tuple[str, ...]]:
    connection = sqlite3.connect(f"file:{database_path()}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT mcid, name FROM pdgparticle WHERE mcid IS NOT NULL").fetchall()
    finally:
        connection.close()
    found: dict[int, list[str]] = defaultdict(list)
    for number, name in rows:
        if name not in found[number]:
            found[number].append(name)
    return {number: tuple(names) for number, names in found.items()}
