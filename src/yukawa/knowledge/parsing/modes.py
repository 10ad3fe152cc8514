"""Which of a particle's stored decay modes a question means: exactly the one written, or the nearest it allows."""

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Final

from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing.channels import Mode, Product, canonical_product
from yukawa.knowledge.parsing.channels import mode as canonical_mode
from yukawa.knowledge.parsing.final_state import FAMILIES, states
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Channel

# How a stored product answers a product of the question, the best first. Everything else does not.
SAME: Final = 0  # both mean the same states
MORE_SPECIFIC: Final = 1  # stored 'K^*(892)0' for 'K*'
ANY_FLAVOUR: Final = 2  # stored 'nu' for 'nu_e'
BOTH_CHARGES: Final = 3  # stored 'e+- mu-+' or '… + c.c.', a sum, for 'e+ mu-'
EITHER_LEPTON: Final = 4  # stored 'lepton+', the fraction of each, for 'e+'
_NEUTRINOS = ({"nu_e", "nu_mu", "nu_tau"}, {"nubar_e", "nubar_mu", "nubar_tau"})
_FLAVOURS = ("e", "mu", "tau")
_VIRTUAL: Final = {"W*": "W", "Z*": "Z0"}  # people do not write the star of a boson off its mass shell


def mode_of(fact: Fact) -> Mode:
    """The decay mode that a fact is on."""
    of = {key: fact.qualifiers[key] for key in ("steps", "condition") if key in fact.qualifiers}
    return Mode(fact.channel, of)


def best_modes(subjects: Sequence[str], channel: Channel, stored: Sequence[Mode]) -> list[tuple[int, int]]:
    """The stored modes that answer for `channel`, as (place in `stored`, level), all of the best level there is.

    Of modes that are equally near, those that conserve lepton flavour and those that sum over others win: 'pi+ → mu nu'
    means nu_mu, 'K Kbar' is meant rather than 'K+ K-'.

    Args:
        subjects: PDG names that the decaying particle can mean. For an antiparticle the conjugate final state is looked
            for, since sources list the particle's decays.
        channel: the final state of the question.
        stored: the modes that a source lists for this particle.
    """
    table = particle_table().particles
    anti = [
        s in table and table[s].is_antiparticle for s in subjects
    ]  # a subject may be a mixture, 'B+-/B0 admixture'
    wanted = [] if subjects and all(anti) else [channel]
    if any(anti):
        wanted.append(conjugate(channel))
    keys = [canonical_mode(one) for one in wanted]
    if exact := [place for place, mode in enumerate(stored) if any(_is(mode, key) for key in keys)]:
        return [(place, SAME) for place in exact]
    levels = {}
    for place, mode in enumerate(stored):
        found = [level for one in wanted if (level := level_of(one, mode)) is not None]
        if found:
            levels[place] = min(found)
    best = min(levels.values(), default=SAME)
    places = [place for place, level in levels.items() if level == best]
    if best == MORE_SPECIFIC and len(places) > 1:
        particle = [table[s].conjugate if is_anti else s for s, is_anti in zip(subjects, anti, strict=True)]
        fewest = min(flavour_violation(particle, stored[p].channel) for p in places)
        places = [p for p in places if flavour_violation(particle, stored[p].channel) == fewest]
        places = [p for p in places if not any(_sums_over(stored[q], stored[p]) for q in places if q != p)]
    return [(place, best) for place in places]


def _is(mode: Mode, key: Mode) -> bool:
    return mode.channel == key.channel and all(
        mode.qualifiers.get(name) == key.qualifiers.get(name) for name in ("steps", "condition")
    )


def conjugate(channel: Channel) -> Channel:
    """The final state with every particle replaced by its antiparticle."""
    return Channel(
        tuple(_conjugate(p) for p in channel.products),
        tuple(
            (conjugate_name(parent), tuple(_conjugate(p) for p in products))
            for parent, products in channel.steps
        ),
        channel.conditions,
        channel.inclusive,
        channel.span,
    )


def _conjugate(product: Product) -> Product:
    return tuple(conjugate_name(name) for name in product)


def conjugate_name(name: str) -> str:
    """The antiparticle of a stored product: of a state, a family, or each state of a name; a literal stays."""
    particles = particle_table().particles
    if name in particles:
        return particles[name].conjugate
    parts = [_conjugate_of(part) for part in states(name)]
    return canonical_product(tuple(sorted(parts))) if parts else name


def _conjugate_of(name: str) -> str:
    return particle_table().particles[name].conjugate


# ---- levels ---------------------------------------------------------------------------------------


def level_of(channel: Channel, mode: Mode) -> int | None:
    """How well `mode` answers for `channel`, or None."""
    if len(channel.products) != len(mode.channel):
        return None
    level = _conditions_level(channel.conditions, _listed(mode.qualifiers.get("condition", "")))
    if level is None:
        return None
    steps = _stored_steps(mode.qualifiers.get("steps", ""))
    if len(steps) != len(channel.steps):
        return None
    pairs = [(channel.products, mode.channel)]
    for (parent, products), (stored_parent, stored_products) in zip(channel.steps, steps, strict=True):
        if parent != stored_parent and not set(states(stored_parent)) & set(states(parent)):
            return None
        pairs.append((products, stored_products))
    for products, names in pairs:
        found = _products_level(products, names)
        if found is None:
            return None
        level = max(level, found)
    return level


def _conditions_level(wanted: Iterable[str], stored: Iterable[str]) -> int | None:
    wanted, stored = set(wanted), set(stored)
    if wanted == stored:
        return SAME
    return BOTH_CHARGES if wanted ^ stored == {"c.c."} else None


def _products_level(products: Sequence[Product], names: Sequence[str]) -> int | None:
    """The worst level in the best pairing of the products with the stored names."""
    if len(products) != len(names):
        return None
    if not names:
        return SAME
    best: int | None = None
    tried = set()
    for place, product in enumerate(products):
        if product in tried:
            continue
        tried.add(product)
        own = product_level(tuple(sorted(product)), names[0])
        if own is None or (best is not None and own >= best):
            continue
        rest = _products_level([*products[:place], *products[place + 1 :]], names[1:])
        if rest is not None and (best is None or max(own, rest) < best):
            best = max(own, rest)
    return best


@functools.lru_cache(maxsize=65536)
def product_level(product: Product, name: str) -> int | None:
    """How well the stored product `name` answers for one product of a question, or None."""
    if product[0] not in particle_table().particles:
        return SAME if product[0] == name else None
    wanted, stored = set(product), set(states(_VIRTUAL.get(name, name)))
    if wanted == stored:
        return SAME
    if wanted == _NEUTRINOS[0]:  # 'tau → e nu nu'
        wanted = _NEUTRINOS[0] | _NEUTRINOS[1]
    if not stored:
        return None
    if stored <= wanted:
        return MORE_SPECIFIC
    if not wanted < stored:
        return None
    if stored in _NEUTRINOS or name == "neutrino":
        return ANY_FLAVOUR
    if name.endswith(("+-", "-+")):
        return BOTH_CHARGES
    return EITHER_LEPTON if name in FAMILIES and name.startswith("lepton") else None


def _sums_over(general: Mode, special: Mode) -> bool:
    """Whether `general` counts every state of `special`: 'K Kbar' is 'K+ K-' and more."""
    products = [states(name) or (name,) for name in general.channel]
    return general.channel != special.channel and _products_level(products, special.channel) in (
        SAME,
        MORE_SPECIFIC,
    )


# ---- what is stored, taken apart ------------------------------------------------------------------


def _listed(text: str) -> list[str]:
    return [part for part in text.split("; ") if part]


@functools.lru_cache(maxsize=4096)
def _stored_steps(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    steps = []
    for step in _listed(text):
        parent, _, products = step.partition(" → ")
        steps.append((parent, tuple(_outside(products))))
    return tuple(steps)


def _outside(text: str) -> list[str]:
    """The parts of a text between spaces that the next bracket does not close over."""
    pieces = re.split(r"([()])", text)
    pieces[::2] = [
        piece if after == ")" else piece.replace(" ", "\n")
        for piece, after in zip(pieces[::2], [*pieces[1::2], ""], strict=True)
    ]
    return "".join(pieces).split("\n")


# ---- conservation ---------------------------------------------------------------------------------


def flavour_violation(subjects: Sequence[str], products: Sequence[str]) -> int:
    """The changes of the numbers of e-, mu- and tau-leptons; products that mean several states do not count."""
    change = dict.fromkeys(_FLAVOURS, 0)
    for sign, names in ((-1, subjects[:1]), (1, products)):
        for name in names:
            base = name.rstrip("+-").replace("nubar_", "").replace("nu_", "")
            if base in change and name in particle_table().particles:
                anti = name.endswith("+") or name.startswith("nubar")
                change[base] += -sign if anti else sign
    return sum(abs(number) for number in change.values())


def charges(products: Sequence[Product]) -> set[float] | None:
    """All sums of charges that the products can have; None if the charge of one is not known."""
    table = particle_table().particles
    sums = {0.0}
    for product in products:
        if product[0] not in table:
            return None
        of_product = {table[name].charge for name in product}
        if None in of_product:
            return None
        sums = {round(total + charge, 3) for total in sums for charge in of_product if charge is not None}
    return sums


def charge_problem(subjects: Sequence[str], channel: Channel) -> str:
    """Why the decay cannot be: 'the charge of D0 is 0, that of K- pi+ pi+ is +1'; '' if it can.

    Sources list limits on some decays that violate charge: a stored mode comes before this verdict.
    """
    found = charges(channel.products)
    own = charges([tuple(subjects)]) if subjects else None
    if found is None or own is None or found & own or channel.inclusive or not channel.products:
        return ""
    final = " ".join(canonical_product(product) for product in channel.products)
    said = ", ".join(_signed(charge) for charge in sorted(own))
    sums = ", ".join(_signed(charge) for charge in sorted(found))
    return f"the charge of {canonical_product(tuple(subjects))} is {said}, that of {final} is {sums}"


def _signed(charge: float) -> str:
    return f"{charge:+g}" if charge else "0"
