"""What a name in a table of decays can mean: one charge state, several ('pi+-', 'rho', 'lepton+'), or none ('hadrons')."""

import functools
import re
from collections.abc import Sequence

from yukawa.knowledge.parsing.particles import find_particles, particle_table, squeeze
from yukawa.knowledge.parsing.spelling import plain_ascii

# Either lepton, each with the fraction given, not their sum (note to the PDG's tables).
_LEPTONS = {
    "lepton+": ("e+", "mu+"), "lepton-": ("e-", "mu-"), "nu_lepton": ("nu_e", "nu_mu"), "nubar_lepton": ("nubar_e", "nubar_mu"),
}  # fmt: skip
_GENERIC = {*_LEPTONS, "N", "Nbar"}  # names whose letters are not those of their states
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
    # Spellings without regard to case: 'B_1' is not 'b_1(1235)'.
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
    return len(stored) == len(wanted) and has_products(stored, wanted)


def has_products(stored: Sequence[str], wanted: Sequence[Sequence[str]]) -> bool:
    """Whether a stored final state has all the products wanted, each one once (see `same_channel`)."""
    if not wanted:
        return True
    names, *others = wanted
    return any(
        _meets(product, names) and has_products([*stored[:place], *stored[place + 1 :]], others)
        for place, product in enumerate(stored)
    )


def _meets(stored: str, names: Sequence[str]) -> bool:
    if stored in names or (stored == ANYTHING and "X" in names):
        return True
    if stored not in _GENERIC and _letters(stored) not in map(_letters, names):
        return False  # most products: no need to look up what they mean
    states = product_states(stored)
    if _BOTH_CHARGES.search(stored):
        return not states or any(state in names for state in states)
    return bool(states) and all(state in names for state in states)


@functools.lru_cache(maxsize=8192)
def _letters(name: str) -> str:
    """The letters that begin a name, the same for all states of a family: 'K' of 'Kbar*(892)0'."""
    match = re.match(r"[A-Za-z/]+", name)
    return match[0].replace("bar", "") if match else ""
