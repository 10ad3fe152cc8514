"""Products of the PDG's decay tables, and decay momenta from the PDG's masses."""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from yukawa.knowledge.sources.pdg.names import Names
from yukawa.knowledge.sources.pdg.text import plain

_TO_MEV = {"MeV": 1.0, "GeV": 1e3, "keV": 1e-3, "eV": 1e-6}
_MASSLESS = re.compile(r"(gamma|nu(bar)?(_(e|mu|tau|lepton))?)$")
_CHARGE = re.compile(r"(\+-|-\+|[+\-0])$")
# Short names that the decay tables use for one definite state.
_SHORT = {
    "rho": "rho(770)", "omega": "omega(782)", "eta'": "eta'(958)", "eta_c": "eta_c(1S)",
    "chi_c0": "chi_c0(1P)", "chi_c1": "chi_c1(1P)", "chi_c2": "chi_c2(1P)", "h_c": "h_c(1P)",
    "J/psi": "J/psi(1S)",
}  # fmt: skip


@dataclass(frozen=True)
class DecayItem:
    """One entry of the PDG's decay table: a particle, a piece of text, ',' or '-->'."""

    name: str
    multiplier: int = 1


def momentum(mass: float, products: Sequence[float]) -> float | None:
    """Largest momentum that any decay product can have, in the unit of the masses.

    Two products: p = sqrt(λ(M², m₁², m₂²)) / 2M with the Källén function λ (PDG review Kinematics, two-body
    decays). More products: one of them is fastest when all others move as one body of their summed mass.

    Args:
        mass: mass of the decaying particle.
        products: masses of all decay products, two or more.

    Returns:
        The momentum, or None if the decay is closed or has fewer than two products.
    """
    total = sum(products)
    if len(products) < 2 or mass < total:
        return None
    best = 0.0
    for own in products:
        rest = total - own
        kallen = (mass**2 - (own + rest) ** 2) * (mass**2 - (own - rest) ** 2)
        best = max(best, kallen**0.5 / (2 * mass))
    return best


class Masses:
    """Masses in MeV of all particles with one definite PDG mass, by any name of the decay tables."""

    def __init__(self, connection: sqlite3.Connection, names: Names) -> None:
        blocks = _mass_blocks(connection)
        self._names = names
        self._of_state = {
            row["name"]: _mass_of(row, blocks) for row in connection.execute("SELECT * FROM pdgparticle")
        }
        self.get = lru_cache(maxsize=None)(self._get)

    def _get(self, name: str) -> float | None:
        name = plain(name)
        if _MASSLESS.match(name):
            return 0.0
        for candidate in (name, re.sub(r"(\+-|-\+)$", "+", name), _long(name), name.replace("bar", "")):
            if states := self._names.listed(candidate):
                found = {self._of_state[state] for state in states}
                return found.pop() if len(found) == 1 else None
        return None

    def momentum(self, parent: str, products: Sequence[str]) -> float | None:
        """Decay momentum in MeV/c (see `momentum`), or None if a mass is unknown or the decay is closed."""
        mass = self.get(parent)
        masses = [self.get(name) for name in products]
        if mass is None or any(m is None for m in masses):
            return None
        return momentum(mass, [m for m in masses if m is not None])


def _long(name: str) -> str:
    bare = _CHARGE.sub("", name)
    return _SHORT.get(bare, bare) + name[len(bare) :].replace("+-", "+").replace("-+", "+")


def _mass_blocks(connection: sqlite3.Connection) -> dict[str, list[tuple[str, float]]]:
    """For each particle identifier the flags and values in MeV of its mass blocks, in the PDG's order."""
    rows = connection.execute(
        "SELECT i.pdgid, i.flags, d.value, d.unit_text FROM pdgid i JOIN pdgdata d ON d.pdgid = i.pdgid "
        "WHERE i.data_type = 'M' AND d.limit_type IS NULL AND d.value IS NOT NULL "
        "AND i.pdgid NOT LIKE 'Q00_M%' ORDER BY i.sort, d.sort"  # running quark masses make no decay momentum
    )
    blocks: dict[str, list[tuple[str, float]]] = defaultdict(list)
    seen = set()
    for row in rows:
        if row["pdgid"] not in seen and row["unit_text"] in _TO_MEV and not set("As") & set(row["flags"]):
            seen.add(row["pdgid"])
            blocks[row["pdgid"][:4]].append((row["flags"], row["value"] * _TO_MEV[row["unit_text"]]))
    return blocks


def _mass_of(row: sqlite3.Row, blocks: dict[str, list[tuple[str, float]]]) -> float | None:
    """The default mass of one charge state; the two neutral kaons of definite lifetime share the K0's."""
    candidates = blocks.get({"S012": "S011", "S013": "S011"}.get(row["pdgid"], row["pdgid"]), [])
    charge = row["charge"]
    if charge is not None:
        size, sign = str(int(abs(charge))), ("+" if charge >= 0 else "-")
        if row["cc_type"] == "A":
            sign = "-" if sign == "+" else "+"
        candidates = [(f, v) for f, v in candidates if not set("012") & set(f) or size in f]
        signed = [(f, v) for f, v in candidates if not set("+-") & set(f) or sign in f]
        candidates = signed or candidates
    default = [value for flags, value in candidates if "D" in flags] or [value for _, value in candidates]
    return default[0] if default else None
