"""Rows of values: how a fact or a computed number is named and shown."""

import re
from collections.abc import Sequence
from dataclasses import replace

from yukawa.assistant import algebra
from yukawa.assistant.algebra import Derivation, Measured
from yukawa.assistant.matching import as_particle
from yukawa.assistant.results import Row
from yukawa.assistant.rounding import text
from yukawa.knowledge.facts import PROPERTIES, Fact, unique
from yukawa.knowledge.parsing.final_state import states
from yukawa.knowledge.parsing.modes import conjugate_name
from yukawa.knowledge.parsing.plan import Thing, Wanted
from yukawa.knowledge.parsing.units import find_unit
from yukawa.knowledge.records import FoundFact
from yukawa.knowledge.sources.pdg.text import english, pretty, unicode_text
from yukawa.knowledge.store.contradictions import agree

_TITLES = {
    "half-life": "half-life", "decay-length": "mean decay length cτ", "energy-release": "energy release (Q value)",
    "rest-energy": "rest energy", "decays": "decay modes",
}  # fmt: skip
# Quantum numbers are given by their letters: 'the spin of the muon is J = 1/2'.
_LETTERS = {"spin": "J", "parity": "P", "c-parity": "C", "g-parity": "G", "isospin": "I", "isospin-3": "I₃"}
_WITH_SIGN = frozenset({"parity", "c-parity", "g-parity"})
_SIGNED = re.compile(r"[+-]")
# The decay in the name of a rate or of its ratio to the total: 'G(K+ → pi0 e+ nu_e)/G(total)'.
_RATE = re.compile(r"(?:G|tau|A\(CP\) ?)\((?P<decay>(?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)(?:/G\(total\))?")
SCHEMES = {
    "msbar": "MS-bar",
    "pole": "pole",
    "breit-wigner": "Breit-Wigner",
    "direct": "directly measured",
    "1s": "1S",
}


def title(property_name: str) -> str:
    """The property as a sentence names it."""
    known = PROPERTIES.get(property_name)
    if known and property_name in _LETTERS:
        return known.title.removesuffix(f" {_LETTERS[property_name]}")
    return known.title if known else _TITLES.get(property_name, property_name.replace("-", " "))


def named(state: str) -> str:
    """A state as a sentence names it: 'tau lepton (τ⁻)', 'K*(892)⁺'."""
    if ":" in state:
        return state.partition(":")[2]
    common, symbol = english(state), pretty(state)
    return f"{common[0]} ({symbol})" if common and common[0] != symbol else symbol


def quoted_row(found: FoundFact, state: str) -> Row:
    """The row of a fact, for one of its states."""
    fact = found.fact
    value = algebra.of_fact(fact)
    shown = fact.printed or fact.words or (text(value) if value else "")
    if fact.property == "antiparticle":
        shown = named(fact.words)
    if fact.property in _LETTERS:
        sign = "+" if fact.property in _WITH_SIGN and shown[:1].isdigit() else ""
        shown = f"{_LETTERS[fact.property]} = {sign}{shown}"
    channel = _decay(fact, state) if _is_decay(fact) else ""
    author = found.provenance.author if found.kind != "data" else ""
    return Row(
        _what(fact, state), value, shown, (found,), state, fact.property, channel=channel, author=author
    )


def _what(fact: Fact, state: str) -> str:
    """What a value is of, with the qualifiers that tell it from others."""
    if fact.property in ("other", "constant", "branching-ratio") or not state:
        kind = fact.qualifiers.get("kind", "")
        of = f" of the {named(state)}" if state and not state.startswith("constant:") else ""
        return f"{kind + ', ' if kind and kind not in fact.name else ''}{unicode_text(fact.name)}{of}"
    scheme = fact.qualifiers.get("scheme", "")
    before = f"{SCHEMES.get(scheme.lower(), scheme)} " if scheme else ""
    method = unicode_text(fact.qualifiers.get("method", ""))
    after = f" ({method})" if method and not (scheme and scheme.lower() in method.lower()) else ""
    if _is_decay(fact):
        return f"{title(fact.property)} of {_decay(fact, state)}{after}"
    if "-->" in fact.name:  # a product or ratio of rates, or a lifetime in one decay
        name = unicode_text(fact.name)
        return (
            name if fact.property != "lifetime" else f"{title(fact.property)} of the {named(state)} ({name})"
        )
    return f"{before}{title(fact.property)} of the {named(state)}{after}"


def _is_decay(fact: Fact) -> bool:
    return bool(fact.channel) or (
        fact.property == "branching-fraction" and "condition" in fact.qualifiers
    )  # 'charged modes'


def _decay(fact: Fact, state: str) -> str:
    """The decay as the source writes it; of an antiparticle with all charges turned round."""
    turned = as_particle(state)[0] != state and state not in fact.subjects
    if turned and any(_SIGNED.search(p) and not states(p) for p in fact.channel):
        return f"the charge conjugate of {unicode_text(fact.name)}"
    of_a_nucleon = fact.property == "partial-lifetime" and fact.name.startswith("N ")
    other_form = fact.property == "cp-asymmetry" and not fact.name.endswith(")")  # 'A(CP)(K+ K-) in D0, …'
    if not turned and "-->" in fact.name and not of_a_nucleon and not other_form:
        rate = _RATE.fullmatch(fact.name)
        return unicode_text(rate["decay"] if rate else fact.name)
    products = [conjugate_name(p) if turned else p for p in fact.channel]
    condition = fact.qualifiers.get("condition", "")
    return f"{pretty(state)} → {' '.join(pretty(p) for p in products)}" + (
        f" ({condition})" if condition else ""
    )


_MOST_SIGMAS = 3.0  # by which values differ that do not contradict each other


def compatible(row: Row, other: Row) -> bool | None:
    """Whether two values of one quantity, the second of which may be derived, can both be right; None if that is open."""
    if not other.derived:
        first, second = row.facts[0].fact, other.facts[0].fact
        return agree(first, second) if set(first.subjects) & set(second.subjects) else None
    sigmas = sigmas_between(row, other)
    return None if sigmas is None else sigmas <= _MOST_SIGMAS


def sigmas_between(row: Row, other: Row) -> float | None:
    """The difference of two values in standard deviations; None where that has no meaning."""
    if row.value is None or other.value is None:
        return None
    try:
        return algebra.compare(row.value, other.value).sigmas
    except algebra.Unanswerable:
        return None


def shared(row: Row, of: Sequence[str], thing: Thing) -> Row:
    """One value of several states, named together: charged pions by their particle, isospin partners by the family."""
    if len(of) == 1:
        return row
    particles = unique(as_particle(s)[0] for s in of)
    if len(particles) == 1:
        state = particles[0]
        name = named(state) if thing.state_given is False else named(of[0])
        return replace(row, what=row.what.replace(named(row.subject), name), subject=state)
    family = pretty(particles[0].rstrip("+-0"))
    return replace(row, what=row.what.replace(named(row.subject), family))


def of_one(state: str, property_name: str) -> Wanted:
    """A property of one state."""
    return Wanted(Thing((state,), pretty(state), (0, 0), True), property_name)


def times(row: Row, factor: float) -> Row:
    """A multiple of a row."""
    value = algebra.multiple(row.number, factor)
    what = f"{factor:g} times the {row.what}"
    return replace(
        computed(
            what, value, Derivation(f"{factor:g} × {symbol(row)}"), [row], row.property_name, row.subject
        ),
        channel=row.channel,
    )


def less_than_one(row: Row) -> Row:
    """1 minus a pure number: for a branching fraction, the sum of those of all other decays."""
    value = algebra.difference(Measured(1.0, exact=True), algebra.convert(row.number, "", what=row.what))
    if row.channel:
        what = f"fraction of all other decays of {pretty(row.subject)} than {row.channel}"
        formula = Derivation(f"1 − {symbol(row)}")
        return computed(what, algebra.convert(value, "%"), formula, [row], "other-decays", row.subject)
    given = row.derivation.formula if row.derivation else symbol(row)
    inputs = row.inputs if row.derivation else [row]
    return computed(
        f"1 less {with_article(row)}", value, Derivation(f"1 − {given}"), inputs, "number", row.subject
    )


def symbol(row: Row) -> str:
    """A short symbol of a quantity in formulas: 'm(τ⁻)', 'B(τ⁻ → e⁻ ν̄_e ν_τ)'."""
    if row.derivation is not None and _is_multiple(row):
        return row.derivation.formula
    letter = {
        "mass": "m",
        "width": "Γ",
        "lifetime": "τ",
        "branching-fraction": "B",
        "charge": "Q",
        "spin": "J",
    }.get(row.property_name)
    if row.property_name == "mass-difference" and row.what.startswith(_OF_MASSES):
        return f"({row.what.removeprefix(_OF_MASSES)})"
    return f"{letter}({row.channel or pretty(row.subject)})" if letter else row.what


_OF_MASSES = "mass difference "


def _is_multiple(row: Row) -> bool:
    """Whether it was made by `times`."""
    return len(row.inputs) == 1 and row.property_name == row.inputs[0].property_name


def with_article(row: Row) -> str:
    """What a row is of behind a preposition: 'the mass of …', '2 times the mass of …'."""
    return row.what if row.what[0].isdigit() else f"the {row.what}"


def computed(
    what: str,
    value: Measured,
    derivation: Derivation,
    inputs: Sequence[Row],
    property_name: str,
    subject: str = "",
) -> Row:
    """A row that no source states."""
    facts = {f.item_id: f for row in inputs for f in row.facts}
    return Row(
        what, value, text(value), tuple(facts.values()), subject or inputs[0].subject, property_name, derivation, tuple(inputs),
        channel=inputs[0].channel,
    )  # fmt: skip


def converted(row: Row, unit: str) -> Row:
    """`row` in another unit.

    Raises:
        Unanswerable: the unit has another dimension, or the row is not a number.
    """
    wanted, own = find_unit(unit), find_unit(row.facts[0].fact.unit) if row.facts else None
    if row.value is None and wanted is not None and own == wanted and own.text:  # words that have this unit
        return row
    inverse = {"width": "rate", "partial-width": "rate", "mass-difference": "rate", "lifetime": "eV^-1"}.get(
        row.property_name
    )
    if wanted is not None and wanted.dimension == inverse:
        unit += " in natural units"  # a decay rate is the width over hbar
    value = algebra.convert(row.number, unit, what=row.what)
    given = find_unit(row.number.unit)
    if given is not None and given.text == value.unit:  # the source's own rounding stays
        return row
    return replace(row, value=value, shown=text(value), quoted=row.quoted or row.shown)
