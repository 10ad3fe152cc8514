"""Whose a quantity of the Review is: charge states, an antiparticle of its own, neutrinos, or two states compared."""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from yukawa.knowledge.facts import unique
from yukawa.knowledge.parsing.final_state import FAMILIES, states
from yukawa.knowledge.parsing.listed import UNLISTED
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.sources.pdg.review import Review
from yukawa.knowledge.sources.pdg.sentences import DataBlock
from yukawa.knowledge.sources.pdg.text import ascii_text

# 'nbar mass', 'Xibar+ mean life', 'pbar magnetic moment', 'nu mass (muon based)': all that a description says.
_OF_ONE = re.compile(
    r"(?P<name>\S+) (?P<what>mass|mean life|magnetic moment)(?: \((?P<flavour>\w+) based\))?"
)
_MEANT = {"mass": "mass", "mean life": "lifetime", "magnetic moment": "magnetic-moment"}
_FLAVOURS = {"electron": "e", "muon": "mu", "tau": "tau"}
_NAME = r"[^()]*(?:\([^()]*\)[^()]*)*"
_COMPARED = re.compile(
    rf"(?:ABS\(|[|(])?(?P<of>mass|meanlife|width)\((?P<first>{_NAME})\) ?(?P<sign>[-/]) ?(?P=of)\((?P<second>{_NAME})\)"
    r" ?[|)]?(?P<over> ?/ ?[a-z]+\(.*\))?(?: mean life ratio| mass ratio| quark mass difference| \(direct measurements\))?",
    re.IGNORECASE,
)
_COMPARES = {"mass": "mass", "meanlife": "lifetime", "width": "width"}
_MASSES = re.compile(r"(\S{1,60}?[+\-0)])-(\S{1,60}+) mass difference", re.IGNORECASE)
_OF_GROUP = re.compile(r"\)(\+-|\+|-|0)$")
_SIGNS = {"+": 1, "-": -1, "0": 0}
_CHARGED = re.compile(r"[+\-0]$")
_MIXED = frozenset({"K(S)0", "K(L)0"})
# Listed as 'Delta(m)' alone.
_DIFFERENCES = {"S013D": ("K(L)0", "K(S)0")}


class Subjects:
    """Finds the states that the quantities of one edition hold for."""

    def __init__(self, review: Review) -> None:
        self._review = review

    def of(self, block: DataBlock, root: str, products: Sequence[str] = ()) -> tuple[str, ...]:
        """PDG names of the states that a block is on, particles where it holds for antiparticles too.

        Args:
            block: the words for its identifier.
            root: the particle or section that it is listed under.
            products: of a decay; states whose charge these cannot have are dropped, unless all are such.
        """
        if nucleons := self._nucleons(block):
            return nucleons
        states = self._review.states.get(root, [])
        if not states:
            return (
                self._neutrinos(block)
                or self._mixture(block)
                or (ascii_text(self._review.blocks[root]["description"]),)
            )
        everyone = [row["name"] for row in states]
        particles = [row["name"] for row in states if row["cc_type"] != "A"] or everyone
        if block.is_fraction:  # 'Xi_c(3055) --> Lambda D+': a name without a charge is that of all states
            decaying = [n for n in self._review.decaying(block.pdgid) if _CHARGED.search(n)]
            named = [s for n in decaying for s in self._review.names.states(n)]
        else:
            named = list(self._review.names.states(block.description.split(" ")[0]))
            named = [n for n in named if n in everyone] or self._of_charge(block, states)
        found = [n for n in named if n in particles] or [n for n in named if n in everyone] or particles
        also = [listed for listed, (name, _) in UNLISTED.get(root, {}).items() if name in found]
        return self._conserving(unique([*found, *also]), products)

    def own_property(self, block: DataBlock) -> str:
        """The property that a description gives of an antiparticle or of neutrinos of one flavour, however it is coded; or ''."""
        match = _OF_ONE.fullmatch(ascii_text(block.description))
        if match is None:
            return ""
        table = particle_table().particles
        anti = [
            name in table and table[name].is_antiparticle for name in self._review.names.states(match["name"])
        ]
        miscoded = block.data_type == "D" and bool(anti)
        return _MEANT[match["what"]] if match["flavour"] or miscoded or (anti and all(anti)) else ""

    def compared(self, block: DataBlock) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, str]] | None:
        """The states on both sides of a comparison, and what of them is compared in which way; None if nothing is.

        The way is 'difference', 'relative difference' or 'ratio'.
        """
        if block.pdgid in _DIFFERENCES:
            heavy, light = _DIFFERENCES[block.pdgid]
            return (heavy,), (light,), {"of": "mass", "compared": "difference"}
        text = ascii_text(block.description)
        if match := _MASSES.fullmatch(text):
            sides, of, way = (match[1], match[2]), "mass", "difference"
        elif match := _COMPARED.fullmatch(text):
            sides, of = (match["first"], match["second"]), _COMPARES[match["of"].lower()]
            way = (
                "ratio" if match["sign"] == "/" else "relative difference" if match["over"] else "difference"
            )
        else:
            return None
        first, second = map(self._side, sides)
        return (first, second, {"of": of, "compared": way}) if first and second else None

    def charged(self, state: str, products: tuple[str, ...]) -> tuple[str, ...]:
        """The products with the charges that `state` can decay to: of 'N --> e+ pi' e+ pi0 for the proton; unchanged if open."""
        table = particle_table().particles
        options = [() if p in FAMILIES else tuple(n for n in states(p) if n not in _MIXED) for p in products]
        found = [
            chosen
            for chosen in itertools.product(
                *[names or (p,) for names, p in zip(options, products, strict=True)]
            )
            if round(
                sum(table[n].charge or 0.0 for n in chosen if n in table) - (table[state].charge or 0.0), 3
            )
            == 0
        ]
        return tuple(sorted(min(found, key=lambda names: sum("bar" in n for n in names), default=products)))

    def _side(self, text: str) -> tuple[str, ...]:
        table = particle_table().particles
        states = self._review.names.states(text)
        return tuple(n for n in states if not table[n].is_antiparticle) or states

    def _nucleons(self, block: DataBlock) -> tuple[str, ...]:
        """Who decays in a violation of baryon number: 'N' is either nucleon."""
        decay = block.description.removeprefix("tau(") if block.pdgid.startswith("S016") else ""
        left, arrow, _ = decay.partition("-->")
        return unique(s for n in left.split() for s in self._review.names.states(n)) if arrow else ()

    def _mixture(self, block: DataBlock) -> tuple[str, ...]:
        """What decays in a table of no one particle: 'B' for B+ and B0 as they are produced together, 'bbar', 'b-baryon'."""
        return tuple(self._review.decaying(block.pdgid)[:1]) if block.is_fraction else ()

    def _neutrinos(self, block: DataBlock) -> tuple[str, ...]:
        """The neutrinos that a quantity of no particle is on: of one flavour, or all; mass limits hold for antineutrinos too."""
        text = ascii_text(block.description)
        if not re.match(r"nu(bar)? ", text):
            return ()
        match = _OF_ONE.fullmatch(text)
        flavours = [_FLAVOURS[match["flavour"]]] if match and match["flavour"] else [*_FLAVOURS.values()]
        return tuple(f"nu_{flavour}" for flavour in flavours)

    def _of_charge(self, block: DataBlock, states: Sequence[Mapping[str, Any]]) -> list[str]:
        """The particles with the charge that the block's flags name: '0', '1', '2', with a sign where it matters."""
        sizes, signs = set(block.flags) & set("012"), set(block.flags) & set("+-")
        return [
            row["name"]
            for row in states
            if row["cc_type"] != "A"
            and (not sizes or str(round(abs(row["charge"]))) in sizes)
            and (not signs or not row["charge"] or ("+" if row["charge"] > 0 else "-") in signs)
        ]

    def _conserving(self, states: tuple[str, ...], products: Sequence[str]) -> tuple[str, ...]:
        """The states whose charge the products can have: of 'rho(770) --> e+ e-' the neutral one; all if none has it."""
        table = particle_table().particles
        if not products:
            return states
        sums = {0.0}
        for product in products:
            charges: set[float | None] = {
                table[name].charge for name in self._review.names.states(product) if name in table
            }
            if group := _OF_GROUP.search(product):  # '(K pi)+-'
                charges = {float(_SIGNS[sign]) for sign in group[1].replace("+-", "+,-").split(",")}
            if not charges or None in charges:
                return states
            sums = {round(total + charge, 3) for total in sums for charge in charges if charge is not None}
        return tuple(s for s in states if s in table and table[s].charge in sums) or states
