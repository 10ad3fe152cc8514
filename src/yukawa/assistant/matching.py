"""Which facts meet what a plan wants: state or antiparticle, final state, qualifiers, preference."""

import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from yukawa.assistant.algebra import Unanswerable
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing.modes import (
    BOTH_CHARGES,
    MORE_SPECIFIC,
    SAME,
    best_modes,
    flavour_violation,
    level_of,
    mode_of,
)
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Channel
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.records import FoundFact
from yukawa.knowledge.sources.pdg.text import pretty

_COMBINATIONS = 5000  # of products that are looked through
_LIMITS = {"upper": "less than", "lower": "greater than"}  # as sources print several in one
_SOURCE_ONLY = frozenset({"experiment", "predicted"})


def as_particle(state: str, channel: Channel | None = None) -> tuple[str, Channel | None]:
    """A state and its final state, conjugated if it is an antiparticle: sources list one value for both."""
    table = particle_table().particles
    particle = table.get(state)
    if particle is None or not particle.is_antiparticle:
        return state, channel
    if channel is None:
        return particle.conjugate, None

    def turned(products: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(table[n].conjugate if n in table else n for n in names) for names in products)

    steps = tuple(((turned(((parent,),))[0][0]), turned(products)) for parent, products in channel.steps)
    return particle.conjugate, replace(channel, products=turned(channel.products), steps=steps)


def decays(facts: Sequence[FoundFact], state: str, channel: Channel) -> list[FoundFact]:
    """The facts with the final state `channel` of `state`, or with the nearest that a source lists.

    Facts hold for the particle, and for its antiparticle with the conjugate final state; what a source lists of the
    antiparticle itself is looked for as written.
    """
    own = any(state in f.fact.subjects for f in facts)
    best = best_modes(("" if own else state,), channel, [mode_of(f.fact) for f in facts])
    met = [facts[place] for place, _ in best]
    return [
        f for f in met if not f.fact.name.startswith(("G(", "tau("))
    ] or met  # modes, not the ratios they were taken from


def with_neutrinos(facts: Sequence[FoundFact], channel: Channel) -> list[FoundFact]:
    """The decay that 'τ → μ' can only mean: with neutrinos, where hardly any other decay gives this lepton."""
    lepton = set(channel.products[0]) if len(channel.products) == 1 else set()
    if not lepton or not lepton <= _CHARGED_LEPTONS:
        return []
    measured = [f for f in facts if f.fact.bound not in ("upper", "lower") and f.fact.preferred]
    giving = [f for f in measured if len(lepton & set(f.fact.channel)) == 1]  # not 'π e+ e- ν'
    plain = [f for f in giving if _one_with_neutrinos(f.fact.channel, lepton)]
    others = [
        f for f in giving if f not in plain and not _one_with_neutrinos(f.fact.channel, {*lepton, "gamma"})
    ]
    least = min((_part(f.fact) for f in plain), default=0.0)
    return plain if sum(_part(f.fact) for f in others) < _HARDLY * least else []


def _one_with_neutrinos(names: Sequence[str], lepton: set[str]) -> bool:
    """Whether all but one of the products of a decay are neutrinos; photons where `lepton` allows them."""
    others = [name for name in names if not name.startswith("nu")]
    photons = others.count("gamma") if "gamma" in lepton else 0
    return len(others) - photons == 1 < len(names) and set(others) <= lepton


def _part(fact: Fact) -> float:
    """The fraction of all decays; of one that a source calls 'dominant' or 'seen' all of them."""
    return 1.0 if fact.value is None else fact.value


_CHARGED_LEPTONS = frozenset(name + sign for name in ("e", "mu", "tau") for sign in "+-")
_HARDLY = 0.01


def meets(fact: Fact, channel: Channel) -> bool:
    """Whether the final state of `fact` is `channel`, under the same conditions and by the same steps."""
    return level_of(channel, mode_of(fact)) in (SAME, MORE_SPECIFIC, BOTH_CHARGES)


def with_flavour(channel: Channel) -> Channel | None:
    """`channel` with K0 for the neutral kaons of definite lifetime, as sources often list it; None if it has none."""
    kaons = ("K0", "Kbar0")
    products = tuple(kaons if set(names) & {"K(S)0", "K(L)0"} else names for names in channel.products)
    return None if products == channel.products else replace(channel, products=products)


def as_invisible(channel: Channel) -> Channel | None:
    """Two neutrinos as sources list them, 'invisible'; None for other products."""
    neutrinos = all(n.startswith("nu") for names in channel.products for n in names)
    return replace(channel, products=(("invisible",),)) if len(channel.products) == 2 and neutrinos else None


def check_charge(states: Sequence[str], channel: Channel) -> None:
    """Refuse a decay whose products cannot have the charge of the decaying state.

    Raises:
        Unanswerable: names both charges.
    """
    table = particle_table().particles
    charges = [{table[n].charge for n in names if n in table} for names in channel.products]
    if channel.inclusive or any(not c or None in c for c in charges):
        return
    sums = {0.0}
    for options in charges:
        sums = {round(s + c, 2) for s in sums for c in options if c is not None}
    mothers = {table[s].charge for s in states if s in table}
    if None not in mothers and not sums & {round(m, 2) for m in mothers if m is not None}:
        products = " ".join(alternatives(names) for names in channel.products)
        raise Unanswerable(f"{pretty(states[0])} → {products} does not conserve electric charge")


def definite(states: Sequence[str], channel: Channel) -> tuple[str, tuple[str, ...]]:
    """One decaying state and one set of products that conserve charge, and lepton flavour if any do, of all that a question can mean.

    Raises:
        Unanswerable: there is none.
    """
    check_charge(states, channel)
    table = particle_table().particles
    charges = {name: p.charge for name, p in table.items()}
    fitting = []
    for state in sorted(states, key=lambda s: as_particle(s)[0] != s):
        for names in itertools.islice(
            itertools.product(*(map(_with_antineutrinos, channel.products))), _COMBINATIONS
        ):
            known = [charges.get(name) for name in names]
            if None in known or charges.get(state) is None:
                return state, names
            if abs(sum(c for c in known if c is not None) - (charges[state] or 0.0)) < 0.01:
                fitting.append((state, names))
    if not fitting:
        raise Unanswerable("the products leave their charges open: give them")
    return min(fitting, key=lambda found: flavour_violation(found[:1], found[1]))


def _with_antineutrinos(names: tuple[str, ...]) -> tuple[str, ...]:
    """'nu' without a flavour is also the antineutrino: 'tau → e nu nu'."""
    if set(names) <= {"nu_e", "nu_mu", "nu_tau"} and len(names) > 1:
        return (*names, *(n.replace("nu", "nubar") for n in names))
    return names


def alternatives(names: Sequence[str]) -> str:
    """What a product can mean, as text."""
    return "/".join(pretty(n) for n in names[:3])


def has(fact: Fact, key: str, value: str) -> bool:
    """Whether `fact` meets one qualifier."""
    if key in ("edition", "year"):
        return fact.edition == value
    if key in _SOURCE_ONLY:
        return False
    if key == "bound":
        kinds = ("upper", "lower") if value == "any" else (value,)
        return fact.bound in kinds or any(_LIMITS[kind] in fact.printed for kind in kinds)
    if key == "confidence":
        return fact.confidence_level == float(value)
    if key == "scheme" and is_pole(fact):
        return value.lower() == "pole"
    if key == "scheme":  # sources say which scheme only where there are several
        return fact.qualifiers.get("scheme", "Breit-Wigner").lower() == value.lower()
    return value.lower() in fact.qualifiers.get(key, "").lower() or value.lower() in fact.name.lower()


def worded(words: str, name: str, subject: str) -> bool:
    """Whether words of a question name what a source describes as `name`: all are in it, and no word of it is missing.

    Of the description its own subject, symbols and words such as 'parameter' may be missing: 'electric polarisability' is
    'p ELECTRIC POLARIZABILITY alpha(p)'.
    """
    asked, described = _described_pieces(words), _described_pieces(name)
    own = _described_pieces(subject) | _described_pieces(pretty(subject))
    if "alpha" in described and "asymmetry" not in described:  # the asymmetry parameter of a decay
        asked = frozenset("alpha" if piece == "asymmetry" else piece for piece in asked)
    asked -= own
    symbols = {piece for piece in described if _SYMBOL.fullmatch(piece)}
    settled = not asked <= symbols or symbols <= asked
    return bool(asked) and asked <= described and described - symbols - own <= asked and settled


@functools.lru_cache(maxsize=8192)
def _described_pieces(text: str) -> frozenset[str]:
    """The words and names of a description, in one spelling."""
    plain = text if text.isascii() else plain_ascii(text)
    pieces = _PIECE.findall(plain.lower().replace("polaris", "polariz"))
    named = (_PIECES_AS.get(piece, piece) for piece in pieces)
    return frozenset(p.removesuffix("s") if len(p) > _SHORT else p for p in named) - _GENERIC


_PIECE = re.compile(r"[a-z]+(?:[+-]+(?![a-z])|0(?!\d))?|\d+")
_PIECES_AS = {"e-": "electron", "nubar": "antineutrino", "asymmetries": "asymmetry", "radii": "radius"}
_GENERIC = frozenset("parameter michel coefficient value decay for of in the".split())
_SYMBOL = re.compile(
    r"[a-z]|\d+|alpha|beta|gamma|delta|epsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|chi|psi|omega|(?:av|sw)"
)
_SHORT = 4  # letters of a word that may end in an 's' of its own


def is_pole(fact: Fact) -> bool:
    """Whether it is a part of the position of a pole."""
    return fact.qualifiers.get("kind") == "pole position"


def is_massless(name: str) -> bool:
    """Whether a product has a mass that does not count in an energy balance."""
    return name in ("gamma", "g") or name.startswith("nu")


def preference(found: FoundFact) -> tuple[bool, int, int, bool]:
    """A key to sort by: preferred values first, then those of fewest states, with fewest qualifiers, measured ones before limits."""
    fact = found.fact
    qualifiers = len({"method", "condition", "steps"} & set(fact.qualifiers))
    return not fact.preferred, len(fact.subjects), qualifiers, fact.bound in ("upper", "lower")


def assumes_otherwise(fact: Fact, first: Fact) -> bool:
    """Whether a value is given beside another under another assumption: 'assuming normal ordering'."""
    said = [f.qualifiers.get("comment", "").lower() for f in (fact, first)]
    return fact.basis == first.basis and said[0] != said[1] and all("assuming" in text for text in said)


def by_mode(facts: Sequence[FoundFact]) -> list[list[FoundFact]]:
    """The facts by final state, each of which has a value of its own; one group for what is not of a decay."""
    groups: dict[tuple[object, ...], list[FoundFact]] = {}
    for found in facts:
        mode = mode_of(found.fact)
        is_decay = mode.channel or found.fact.property == "branching-fraction"
        key = (mode.channel, *mode.qualifiers.items()) if is_decay else ()
        groups.setdefault(key, []).append(found)
    return list(groups.values())


def told_apart(fact: Fact) -> tuple[str, ...]:
    """What distinguishes a value from others of the same property."""
    return tuple(fact.qualifiers.get(key, "") for key in ("scheme", "method", "condition", "steps"))
