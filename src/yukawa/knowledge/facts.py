"""Facts as rows: one value of one property of one thing, as one source states it.

A fact is what a plan is executed on; sentences are rendered from facts, never the other way round. In a knowledge
base every `data` item carries its fact in its attributes (so the ledger covers it), and the table `facts` of the
store, derived from these, answers "which facts are there of this subject and property?".
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Bound = Literal["upper", "lower", "range", "about"]


@dataclass(frozen=True, slots=True)
class Property:
    """What is said of a thing.

    Args:
        name: the identifier used in facts, plans and JSON, such as 'branching-fraction'.
        dimension: the SI-like base unit of its values, 'eV', 's', 'm', 'e', '' (a pure number); None for words.
        title: as a sentence names it, such as 'branching fraction'.
    """

    name: str
    dimension: str | None
    title: str


def _table(*rows: tuple[str, str | None, str]) -> dict[str, Property]:
    return {name: Property(name, dimension, title) for name, dimension, title in rows}


PROPERTIES: Mapping[str, Property] = _table(
    ("mass", "eV", "mass"),
    ("mass-difference", "eV", "mass difference"),
    ("width", "eV", "full width"),
    ("partial-width", "eV", "partial width"),
    ("lifetime", "s", "mean lifetime"),
    ("branching-fraction", "", "branching fraction"),
    ("cp-asymmetry", "", "CP asymmetry"),  # of the rates of a decay and its conjugate
    ("branching-ratio", "", "ratio of decay rates"),  # a ratio of two modes; its name holds both
    ("partial-lifetime", "s", "partial mean lifetime"),  # of nucleon decays
    ("momentum", "eV", "decay momentum"),
    ("charge", "e", "electric charge"),
    ("spin", "", "spin J"),
    ("parity", "", "parity P"),
    ("c-parity", "", "C-parity"),
    ("g-parity", "", "G-parity"),
    ("isospin", "", "isospin I"),
    ("isospin-3", "", "third component of isospin"),
    ("baryon-number", "", "baryon number"),
    ("lepton-number", "", "lepton number"),
    ("strangeness", "", "strangeness"),
    ("charm", "", "charm"),
    ("bottomness", "", "bottomness"),
    ("topness", "", "topness"),
    ("quark-content", None, "quark content"),
    ("quantum-numbers", None, "quantum numbers I^G(J^PC)"),
    ("antiparticle", None, "antiparticle"),
    ("class", None, "particle class"),  # 'lepton', 'meson', 'charmonium', …: several rows a particle
    ("monte-carlo-number", "", "Monte Carlo number"),
    ("pdg-identifier", None, "PDG identifier"),
    ("magnetic-moment", None, "magnetic moment"),
    ("magnetic-moment-anomaly", "", "magnetic moment anomaly"),
    ("electric-dipole-moment", None, "electric dipole moment"),
    ("charge-radius", "m", "charge radius"),
    ("mean-square-charge-radius", "m^2", "mean-square charge radius"),
    ("constant", None, "value"),  # of a subject 'constant:NAME'
    ("other", None, "quantity"),  # everything else the source lists, found by its own description
)

# Properties that have a row for every state, antiparticles too; of all others a state has those of its particle.
OF_EACH_STATE = frozenset(
    "charge isospin-3 baryon-number lepton-number strangeness charm bottomness topness antiparticle"
    " monte-carlo-number quark-content".split()
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One value of one property of one thing.

    Args:
        identifier: the source's own identifier of the quantity: 'S035M', 'S035.7', 'CODATA:Planck constant'.
        subjects: PDG names of the states it holds for, particles and not antiparticles where the source
            lists one value for both (`('K+',)`, `('Delta(1232)++', 'Delta(1232)+', …)`); a property that differs
            between particle and antiparticle (charge, additive quantum numbers) has one fact for each state.
            `('constant:fermi coupling constant',)` for a constant.
        property: a name in `PROPERTIES`.
        name: the source's own description of the quantity, in plain ASCII.
        value: the number in `unit`; for a limit the limit; the middle of a range; None for words.
        words: the value where it is not one number: 'seen', 'uud', '1/2', 'between 1 and 2'; else ''.
        error_plus, error_minus: positive numbers in `unit`, or None.
        errors: (kind, plus, minus) of errors given apart, such as ('statistical', .1, .1).
        unit: readable unit as the source gives it ('MeV', 's', ''), '' for a pure number.
        bound: 'upper' or 'lower' for limits, 'range', 'about', or None for a measured value.
        low, high: the ends of a range in `unit`.
        confidence_level: in percent, or None.
        channel: the final state as `yukawa.knowledge.parsing.channels.Mode` holds it: PDG names of states or families, or
            literals such as 'hadrons' and '(K- pi+)(S-wave)', sorted, repeated by multiplicity; () if it is not a decay.
        qualifiers: what tells this value from others of the same property, by name: 'scheme': 'MSbar' |
            'pole' | 'Breit-Wigner' | 'direct', 'method', 'steps' of a chain of decays, 'condition' (such as 'nonresonant'); of two states
            compared 'minus' (the second), 'of' (their property) and 'compared': 'difference' | 'relative difference' | 'ratio'.
        preferred: whether this is the value a physicist wants first for this property.
        edition: of the source, '2026'.
        scale: the source's scale factor of the error, or None.
        basis: how the source came to it: 'PDG average', 'PDG fit', 'best limit', 'derived', …, or ''.
        printed: the value with errors, power of ten and unit as the source rounds it, '(290.3 ± 0.5) × 10⁻¹⁵ s'.
        resolution: one unit of the last digit that the source prints, in `unit`, or None.
    """

    identifier: str
    subjects: tuple[str, ...]
    property: str
    name: str
    value: float | None = None
    words: str = ""
    error_plus: float | None = None
    error_minus: float | None = None
    errors: tuple[tuple[str, float, float], ...] = ()
    unit: str = ""
    bound: Bound | None = None
    low: float | None = None
    high: float | None = None
    confidence_level: float | None = None
    channel: tuple[str, ...] = ()
    qualifiers: Mapping[str, str] = field(default_factory=dict)
    preferred: bool = False
    edition: str = ""
    scale: float | None = None
    basis: str = ""
    printed: str = ""
    resolution: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain data without the fields that have their default, as stored in an item's attributes."""
        found = {name: getattr(self, name) for name in ("identifier", "subjects", "property", "name")}
        found |= {name: v for name, default in _defaults().items() if (v := getattr(self, name)) != default}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in found.items()}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Fact:
        """The fact that `as_json` wrote."""
        found: dict[str, Any] = dict(row)
        for name in ("subjects", "channel"):
            found[name] = tuple(found.get(name, ()))
        found["errors"] = tuple((kind, plus, minus) for kind, plus, minus in found.get("errors", ()))
        return cls(**found)


@functools.cache
def _defaults() -> dict[str, Any]:
    blank = Fact("", (), "", "")
    return {f.name: getattr(blank, f.name) for f in fields(Fact)[4:]}


def plain_name(name: str) -> str:
    """A description as it is looked up: small letters, digits and signs alone, so that spacing and brackets do not count."""
    return "".join(c for c in name.lower() if c.isalnum() or c in "+-*'/>")


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """`names` in order, each once."""
    return tuple(dict.fromkeys(names))
