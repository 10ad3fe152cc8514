"""Whether stored final states are those wanted, product by product, as an index over many of them asks."""

import functools
import re
from collections.abc import Sequence

from yukawa.knowledge.parsing.final_state import FAMILIES
from yukawa.knowledge.parsing.modes import BOTH_CHARGES, MORE_SPECIFIC, SAME, product_level


def same_channel(stored: Sequence[str], wanted: Sequence[Sequence[str]]) -> bool:
    """Whether a stored final state is the one wanted.

    Args:
        stored: products as a fact lists them.
        wanted: for each product the names that it can mean.

    Returns:
        True if the products can be paired: a state with a product that can mean it, 'pi+-' with either charge, any
        other generic name ('rho(770)', 'lepton+') only with a product that can mean all of its states.
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
    if stored in names:
        return True
    if stored not in FAMILIES and _letters(stored) not in map(_letters, names):
        return False  # most products: no need to look up what they mean
    return product_level(tuple(sorted(names)), stored) in (SAME, MORE_SPECIFIC, BOTH_CHARGES)


@functools.lru_cache(maxsize=8192)
def _letters(name: str) -> str:
    """The letters that begin a name, the same for all states of a family: 'K' of 'Kbar*(892)0'."""
    match = re.match(r"[A-Za-z/]+", name)
    return match[0].replace("bar", "") if match else ""
