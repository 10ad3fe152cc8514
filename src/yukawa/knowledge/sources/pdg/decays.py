"""Decay modes of the PDG: their final states, and decay momenta from the PDG's masses."""

import itertools
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.sources.pdg.names import Names, is_short_form
from yukawa.knowledge.sources.pdg.text import ascii_text, plain

_TO_MEV = {"MeV": 1.0, "GeV": 1e3, "keV": 1e-3, "eV": 1e-6}
_MASSLESS = re.compile(r"(gamma|nu(bar)?(_(e|mu|tau|lepton))?)$")
_CHARGE = re.compile(r"(\+-|-\+|[+\-0])$")
# Short names that the decay tables use for one definite state.
_SHORT = {
    "rho": "rho(770)", "omega": "omega(782)", "eta'": "eta'(958)", "eta_c": "eta_c(1S)",
    "chi_c0": "chi_c0(1P)", "chi_c1": "chi_c1(1P)", "chi_c2": "chi_c2(1P)", "h_c": "h_c(1P)",
    "J/psi": "J/psi(1S)",
}  # fmt: skip
_ALTERNATIVES = {"/", "or", "+", "Sum", "in"}  # words between alternatives: no one final state
_BRACKETS = {"(", "["}
_MULTIPLE = re.compile(
    r"(?P<count>\d)?(?:\((?P<group>[^()]*(?:\([^()]*\)[^()]*)* [^()]*(?:\([^()]*\)[^()]*)*)\)|(?P<single>(?<=\d)[A-Za-z].*))"
)
_REMARK = re.compile(r"\([^()\s]*\)")  # '(SD+)', '(L=1)'
_CONDITIONS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\bx ?B\(.*$",  # times the fraction of a further decay
        r"\(exc?l?\. ?(?:[^()]|\([^()]*\))*\)?(?: *\(.*\))?",
        r"\+ ?c\.c\.?",
        r",? ?\bS=\d/2",
        r",? ?(?<![(\w])[SPDFGH]-wave\b(?!\))",
        r",? ?helicity=\d/2",
        r"\(?\bnon-?res(?:onant)?\b\)?",
        r"\b3-body\b|\btotal\b|\(direct\)|\btransverse\b",
        r",? ?\bno [A-Za-z]\S*(?: or \S+)?$|\bnon?-(?:phi|rho|eta)\b|\(no(?:t| )[^()]*(?:\([^()]*\)[^()]*)*\)",
        r"\bvia \S+$",
        r"\bat (?:Z|p p(?:bar)?)$",
        r",? ?(?:\d[.\d]* < )?(?:m|mass)\([^()]*\) ?[<>] ?[\d.]+ (?:MeV|GeV)",
        r'\(?"\d-prong"\)?',
        r"\(charmless\)|\(CP-averaged\)",
    )
)


@dataclass(frozen=True)
class DecayItem:
    """One entry of the PDG's decay table: a particle, a piece of text, ',' or '-->'."""

    name: str
    multiplier: int = 1


@dataclass(frozen=True)
class FinalState:
    """A final state.

    Args:
        products: PDG names, or the PDG's own text where they name no single state, sorted and repeated.
        by_way: the resonances that decayed to them, as far as the PDG names any.
        conditions: what else the PDG says of it, such as 'nonresonant', 'D-wave', 'c.c.'.
    """

    products: tuple[str, ...]
    by_way: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


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


def mode(items: Sequence[DecayItem], names: Names) -> FinalState:
    """The final state of a decay from the entries of the PDG's table right of the first arrow.

    'K^*(892)+ pi- , K^*()+ --> K0S pi+' gives pi-, K(S)0, pi+ by way of K^*(892)+; of 'gamma X --> gamma p pbar' the
    last state counts. Entries that hold several products in one text ('Delta(1232) pi, D-wave') are taken apart. Of
    two conjugate states ('mu+ e- + mu- e+') the first stands for both; other alternatives stay one piece of text.
    """
    conditions: list[str] = []
    tokens = _grouped([token for item in items for token in _tokens(item, conditions)])
    first, plus, second = _partition(tokens, "+")
    if plus and _conjugate(first, names) == sorted(names.canonical(name) for name in second):
        tokens = first
        conditions.append("c.c.")
    if any(token in _ALTERNATIVES or token.count("(") != token.count(")") for token in tokens):
        whole = ascii_text(" ".join(item.name for item in items))
        return FinalState((whole,), (), tuple(conditions))
    conditions += [token.strip("()") for token in tokens if _REMARK.fullmatch(token)]
    state, by_way = _final_state([token for token in tokens if not _REMARK.fullmatch(token)], names)
    if not state:
        return FinalState((ascii_text(" ".join(item.name for item in items)),))
    return FinalState(
        tuple(sorted(_known(name, by_way, names) for name in state)),
        tuple(names.canonical(name) for name in by_way),
        tuple(dict.fromkeys(conditions)),
    )


def _partition(tokens: list[str], at: str) -> tuple[list[str], bool, list[str]]:
    place = tokens.index(at) if at in tokens else len(tokens)
    return tokens[:place], place < len(tokens), tokens[place + 1 :]


def _conjugate(names_of: Sequence[str], names: Names) -> list[str] | None:
    """PDG names of the antiparticles, sorted; None if one of the names means no single state."""
    table = particle_table().particles
    found = [names.canonical(name) for name in names_of]
    return sorted(table[name].conjugate for name in found) if all(name in table for name in found) else None


def _tokens(item: DecayItem, conditions: list[str]) -> list[str]:
    """Product names, ',' and '-->' of one entry, repeated by multiplicity; what else it says goes to `conditions`."""
    if " " not in item.name and not item.name.startswith("("):
        return [item.name] * item.multiplier
    text = ascii_text(item.name)
    for pattern in _CONDITIONS:
        conditions += [_condition(m[0]) for m in pattern.finditer(text)]
        text = pattern.sub(" ", text)
    return _split(text) * item.multiplier


def _grouped(tokens: list[str]) -> list[str]:
    """`tokens` with numbers and brackets worked out: '2', 'pi+' and '3', '(', 'K+', 'K-', ')' and '2(pi+ pi-)'."""
    found: list[str] = []
    left = list(tokens)
    while left:
        count, group = 1, None
        if left[0].isdigit() and len(left) > 1:
            count = int(left.pop(0))
        if left[0] in _BRACKETS and (end := next((i for i, t in enumerate(left) if t[0] in ")]"), None)):
            inside, last = left[1:end], left[end]
            # '[ K- pi+ ](D)' is the D meson seen in that state, '( Xi pi )' just these two.
            group = inside if left[0] == "(" and last == ")" else [f"{left[0]}{' '.join(inside)}{last}"]
            del left[: end + 1]
        else:
            token = left.pop(0)
            multiple = _MULTIPLE.fullmatch(token)
            if multiple and (multiple["group"] or multiple["single"]):
                count *= int(multiple["count"] or 1)
                group = _split(multiple["group"]) if multiple["group"] else [multiple["single"]]
            else:
                group = [token]
        found += group * count
    return found


def _condition(text: str) -> str:
    text = text.strip(" ,+")
    return {"c.c": "c.c.", "non-resonant": "nonresonant"}.get(text.strip("()"), text)


def _split(text: str) -> list[str]:
    """Words outside brackets; a bracket with spaces in it stays whole: '(K- pi+)(S-wave) e+'."""
    found, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character in " ," and depth <= 0:
            found += [","] * (character == ",") + [""]
        else:
            found[-1] += character
    return [word for word in found if word]


def _final_state(tokens: Sequence[str], names: Names) -> tuple[list[str], list[str]]:
    """The products left in the end, and those that decayed on the way."""
    steps = [
        [list(step) for arrow, step in itertools.groupby(chain, lambda t: t == "-->") if not arrow]
        for comma, chain in itertools.groupby(tokens, lambda t: t == ",")
        if not comma
    ]
    steps = [chain for chain in steps if chain]
    if not steps:
        return [], []
    state, by_way = _last(steps[0])
    for chain in steps[1:]:
        if len(chain) < 2:  # a list of states, such as 'D_s+ pi-, D_s*+ pi-'
            return [name for one in steps for name in one[-1]], []
        for parent in chain[0]:
            states = names.states(parent)
            match = next(
                (n for n in state if is_short_form(parent, n) or (states and states == names.states(n))), None
            )
            if match is not None:
                state.remove(match)
                by_way.append(match)
        state.extend(chain[-1])
    return state, by_way


def _last(chain: list[list[str]]) -> tuple[list[str], list[str]]:
    """The last state of a chain of arrows, and the products of earlier ones that it lacks."""
    state = list(chain[-1])
    left = Counter(state)
    by_way = []
    for name in chain[0] if len(chain) > 1 else ():
        if left[name]:
            left[name] -= 1
        else:
            by_way.append(name)
    return state, by_way


def _known(name: str, by_way: Sequence[str], names: Names) -> str:
    full = next((full for full in by_way if name != full and is_short_form(name, full)), name)
    return names.canonical(full)


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
