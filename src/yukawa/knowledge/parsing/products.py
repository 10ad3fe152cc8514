"""What a name in a table of decays can mean: one charge state, several ('pi+-', 'rho', 'lepton+'), or none ('hadrons')."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from yukawa.knowledge.parsing.particles import find_particles, particle_table, squeeze
from yukawa.knowledge.parsing.spelling import plain_ascii

# Either lepton, each with the fraction given, not their sum (note to the PDG's tables).
_LEPTONS = {
    "lepton+": ("e+", "mu+"), "lepton-": ("e-", "mu-"), "nu_lepton": ("nu_e", "nu_mu"), "nubar_lepton": ("nubar_e", "nubar_mu"),
}  # fmt: skip
_BOTH_CHARGES = re.compile(r"(\+-|-\+)$")
_CHARGED = re.compile(r"[+\-0]$")
ANYTHING = "anything"  # any other products at all: the PDG also writes X


@functools.lru_cache(maxsize=4096)
def product_states(name: str) -> tuple[str, ...]:
    """PDG names of the charge states that `name` can mean in a decay; none if it names no particle."""
    table = particle_table().particles
    if name in _LEPTONS:
        return _LEPTONS[name]
    if name in table:
        return (name,)
    if "bar" in name and not _CHARGED.search(name):  # 'Kbar' is K- or Kbar0
        straight = product_states(name.replace("bar", "", 1))
        return tuple(c for n in straight if not table[n].is_antiparticle and (c := table[n].conjugate) != n)
    text = plain_ascii(name)
    mentions = find_particles(text)
    whole = len(mentions) == 1 and squeeze(text[mentions[0].start : mentions[0].end]) == squeeze(text)
    # Spellings without regard to case: 'B_1' is no 'b_1(1235)'.
    return tuple(n for n in mentions[0].names if n[0] == name[0]) if whole else ()


def same_channel(stored: Sequence[str], wanted: Sequence[Sequence[str]]) -> bool:
    """Whether a stored final state is the one wanted.

    Args:
        stored: products as a fact lists them.
        wanted: for each product the names that it can mean.

    Returns:
        True if the products can be paired: a state with a product that can mean it, 'pi+-' with either charge, any
        other generic name ('rho', 'lepton+') only with a product that can mean all of its states.
    """
    if len(stored) != len(wanted):
        return False
    if not stored:
        return True
    first, *rest = stored
    return any(
        _meets(first, names) and same_channel(rest, [*wanted[:place], *wanted[place + 1 :]])
        for place, names in enumerate(wanted)
    )


def _meets(stored: str, names: Sequence[str]) -> bool:
    if stored in names or (stored == ANYTHING and "X" in names):
        return True
    states = product_states(stored)
    if _BOTH_CHARGES.search(stored):
        return not states or any(state in names for state in states)
    return bool(states) and all(state in names for state in states)
