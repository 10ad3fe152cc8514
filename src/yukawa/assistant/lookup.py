"""From one quantity that a plan wants to rows: which facts meet it, which is preferred, what can be derived."""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from yukawa.assistant import algebra, kinematics, matching
from yukawa.assistant.algebra import Derivation, Measured, Unanswerable
from yukawa.assistant.comparing import compared, hold_for, minus, of_state
from yukawa.assistant.results import Facts, Row
from yukawa.assistant.rows import (
    SCHEMES,
    compatible,
    computed,
    less_than_one,
    named,
    of_one,
    quoted_row,
    shared,
    times,
    title,
)
from yukawa.knowledge.facts import OF_EACH_STATE, plain_name, unique
from yukawa.knowledge.parsing.final_state import title as family
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Wanted
from yukawa.knowledge.parsing.units import find_unit
from yukawa.knowledge.records import FoundFact, Moment
from yukawa.knowledge.sources.pdg.text import ascii_text, pretty, unicode_text

_DECAYS = frozenset(
    {"branching-fraction", "cp-asymmetry", "partial-width", "momentum", "partial-lifetime", "branching-ratio"}
)
# A mass or width 'of the pole' is a part of its position in the complex plane, sqrt(s) = M - i Gamma/2.
_AT_POLES = {"mass": "real part", "width": "imaginary part"}


@dataclass
class Looked:
    """The rows of one wanted quantity: preferred ones, further values, and what is said against them or beside them.

    Preferred are a source's data, unless a reviewed statement contradicts them: then it is preferred, and `disputed` holds
    the data. Otherwise `disputed` holds what people taught.
    """

    rows: list[Row] = field(default_factory=list)
    others: list[Row] = field(default_factory=list)
    disputed: list[Row] = field(default_factory=list)

    @property
    def known(self) -> list[Row]:
        """The preferred rows, or what people taught where there are none."""
        return self.rows or self.disputed


class Lookup:
    """Finds the facts of what a plan wants.

    Args:
        base: where facts are.
        as_of: the moment from whose knowledge to answer.
        unit: the unit wanted; a value that the source gives in it goes before one to convert.
    """

    def __init__(self, base: Facts, as_of: Moment = None, unit: str = "") -> None:
        self._base, self._as_of = base, as_of
        known = find_unit(unit) if unit else None
        self._unit = known.text if known else ""

    def rows(self, wanted: Wanted) -> Looked:
        """The rows of `wanted`, at least one.

        Raises:
            Unanswerable: nothing meets it; the message names what was looked for and what there is.
        """
        if wanted.name and not wanted.thing.names:
            return self._by_name(wanted)
        if kinematic := kinematics.rule_of(wanted):
            return Looked(kinematic(self, wanted))
        derive = _DERIVED.get(wanted.property)
        looked = derive(self, wanted) if derive else self._quoted(wanted)
        if not looked.rows and not derive and wanted.property in _INSTEAD:
            instead = _INSTEAD[wanted.property](self, wanted)
            looked = _with_prevailing(replace(instead, disputed=[*instead.disputed, *looked.disputed]))
        if not looked.known:
            raise Unanswerable(self._missing(wanted))
        return looked

    def single(self, wanted: Wanted) -> list[Row]:
        """The preferred rows with numbers, times the factor of `wanted`: operands of arithmetic."""
        looked = self.rows(wanted)
        rows = [row for row in looked.known if row.value is not None]
        if not rows:
            first = looked.known[0]
            raise Unanswerable(f"the {first.what} is not a number ({first.shown})")
        return rows if wanted.factor == 1 else [times(row, wanted.factor) for row in rows]

    def find(self, **arguments: Any) -> Sequence[FoundFact]:
        """The base's facts that match, at the moment in question."""
        return self._base.find_facts(**arguments, as_of=self._as_of)

    # ---- quoted values --------------------------------------------------------------------------

    def facts(self, wanted: Wanted) -> dict[str, list[FoundFact]]:
        """Facts that meet `wanted`, by state, each state's in the order of preference."""
        if wanted.channel is not None and (mixed := self._of_mixture(wanted)):
            return self._qualified(wanted, mixed)
        found: dict[str, list[FoundFact]] = {}
        property_name = None if wanted.property in ("", "other", "constant") else wanted.property
        for state in _states(wanted, property_name):
            found[state] = sorted(self._of(state, property_name, wanted), key=self._preference)
        if wanted.channel is not None and not any(found.values()):
            if unseen := matching.as_invisible(wanted.channel):
                return self.facts(replace(wanted, channel=unseen))
            matching.check_charge(wanted.thing.names, wanted.channel)
        return self._qualified(wanted, found)

    def _of_mixture(self, wanted: Wanted) -> dict[str, list[FoundFact]]:
        """What a source lists of states produced together, such as B+ and B0 as 'B', where no charge was said."""
        names = wanted.thing.names
        mixture = "" if wanted.thing.state_given or len(names) < 2 else family(tuple(sorted(names)))
        if not mixture or mixture in particle_table().particles:
            return {}
        facts = self._met(mixture, self._find(mixture, wanted.property, wanted), wanted)
        return {mixture: sorted(facts, key=self._preference)} if facts else {}

    def _of(self, state: str, property_name: str | None, wanted: Wanted) -> Sequence[FoundFact]:
        """The facts on one state; where a source lists none for an antiparticle itself those of its particle."""
        particle = matching.as_particle(state)[0]
        if property_name in OF_EACH_STATE or particle == state:
            return self._met(state, self._find(state, property_name, wanted), wanted)
        own = self._find(state, property_name, wanted) if property_name else ()
        met = self._met(state, own, wanted)
        listed = self._find(particle, property_name, wanted)
        of_particle = [f for f in listed if not f.fact.subjects[0].startswith("constant:")]
        return met or self._met(state, hold_for(state, of_particle), wanted)

    def _met(self, state: str, facts: Sequence[FoundFact], wanted: Wanted) -> Sequence[FoundFact]:
        """Of the facts on a state those with the final state that is wanted; with its poles where these are."""
        if wanted.property in _AT_POLES and wanted.qualifiers.get("scheme", "").lower() == "pole":
            facts = [*facts, *self._poles(matching.as_particle(state)[0], _AT_POLES[wanted.property])]
        if "bound" in wanted.qualifiers:
            facts = [*facts, *self._limits(matching.as_particle(state)[0], wanted.property)]
        if wanted.channel is not None and wanted.property in _DECAYS:
            return matching.decays(facts, state, wanted.channel) or matching.with_neutrinos(
                facts, wanted.channel
            )
        return facts

    def _poles(self, subject: str, part: str) -> list[FoundFact]:
        """Real or imaginary part of the pole position, which sources list beside Breit-Wigner masses and widths."""
        facts = self.find(subjects=(subject,), property="other")
        return [
            f for f in facts if matching.is_pole(f.fact) and (part in f.fact.name or "sqrt(s)" in f.fact.name)
        ]

    def _limits(self, subject: str, property_name: str) -> Sequence[FoundFact]:
        """Limits that sources list by name beside a value given by definition, as on the charge of the photon."""
        name = plain_name(f"{subject} {property_name}")
        return [
            f for f in self.find(subjects=(subject,), property="other") if plain_name(f.fact.name) == name
        ]

    def _preference(self, found: FoundFact) -> tuple[bool | int, ...]:
        return found.fact.unit != self._unit if self._unit else False, *matching.preference(found)

    def _find(self, subject: str, property_name: str | None, wanted: Wanted) -> Sequence[FoundFact]:
        if wanted.name:
            return self.described(wanted.name, subjects=(subject,), property=property_name)
        facts = self.find(subjects=(subject,), property=property_name)
        if facts:
            return facts
        if property_name == "magnetic-moment":  # 'muon magnetic moment' is a constant of CODATA
            return self.find(
                subjects=(f"constant:{named(subject).partition(' (')[0]} {title(property_name)}",)
            )
        if subject.startswith("constant:"):  # what only the description of a source names
            return self.find(name=plain_name(subject.removeprefix("constant:")))
        return facts

    def _quoted(self, wanted: Wanted) -> Looked:
        """The preferred value of each state, further values that differ in method or scheme, and what people taught."""
        looked = Looked()
        groups: dict[object, tuple[FoundFact, list[str]]] = {}  # one value may be that of several states
        for state, facts in self.facts(wanted).items():
            looked.disputed += [
                quoted_row(f, state) for f in facts if f.kind != "data" and _new(f, looked.disputed)
            ]
            for data in matching.by_mode([f for f in facts if f.kind == "data"]):
                groups.setdefault(_key(data[0]), (data[0], []))[1].append(state)
                told = [matching.told_apart(data[0].fact)]
                for further in data[1:]:
                    if matching.told_apart(further.fact) not in told and _new(further, looked.others):
                        told.append(matching.told_apart(further.fact))
                        looked.others.append(quoted_row(further, state))
        looked.rows = [
            of_state(shared(quoted_row(f, states[0]), states, wanted.thing), states[0])
            for f, states in groups.values()
        ]
        return _with_prevailing(looked)

    def described(self, words: str, **arguments: Any) -> Sequence[FoundFact]:
        """The facts that a source describes by these words, in its own spelling or another."""
        own = ascii_text(words.replace("→", "-->"))
        found = self.find(name=plain_name(words), **arguments) or self.find(name=plain_name(own), **arguments)
        return found or self._worded(words, arguments.get("subjects", ()))

    def _worded(self, words: str, subjects: Sequence[str]) -> Sequence[FoundFact]:
        """The facts of the only quantity of a thing that its source describes by these words among others."""
        met = [
            f
            for subject in subjects
            for f in self.find(subjects=(matching.as_particle(subject)[0],), property="other")
            if matching.worded(words, f.fact.name, subject)
        ]
        return met if len({f.fact.name for f in met}) == 1 else ()

    def _by_name(self, wanted: Wanted) -> Looked:
        """Facts found by the source's own description or identifier.

        Raises:
            Unanswerable: there are none, or those of several particles.
        """
        found = self.find(identifier=wanted.name) or self.described(wanted.name)
        facts = [f for f in found if f.kind == "data"]
        if not facts:
            raise Unanswerable(f"the base has no quantity {wanted.name!r}")
        subjects = unique(f.fact.subjects[0] for f in facts if f.fact.subjects)
        if len({f.fact.identifier for f in facts}) > 1 and len(subjects) > 1:
            of = ", ".join(named(name) for name in subjects[:6])
            raise Unanswerable(
                f"several quantities are described as {wanted.name!r}: say whether that of {of}"
            )
        first, *others = sorted(facts, key=matching.preference)
        beside = [f for f in others if matching.assumes_otherwise(f.fact, first.fact)]
        rows, rest = [first, *beside], [f for f in others if f not in beside]
        return Looked(*([quoted_row(f, (*f.fact.subjects, "")[0]) for f in some] for some in (rows, rest)))

    # ---- qualifiers -----------------------------------------------------------------------------

    def _qualified(self, wanted: Wanted, found: dict[str, list[FoundFact]]) -> dict[str, list[FoundFact]]:
        """The facts that meet every qualifier of `wanted`.

        Raises:
            Unanswerable: none does; the message names what there is instead.
        """
        for key, value in wanted.qualifiers.items():
            kept = {
                state: [f for f in facts if matching.has(f.fact, key, value)]
                for state, facts in found.items()
            }
            if not any(kept.values()) and not (key == "bound" and not any(found.values())):
                raise Unanswerable(self._unmet(wanted, key, value, found))
            found = kept
        return found

    def _unmet(self, wanted: Wanted, key: str, value: str, found: dict[str, list[FoundFact]]) -> str:
        there = [f for facts in found.values() for f in facts if f.kind == "data"]
        its = f"it has {_there(there)}"
        what = f"{title(wanted.property)} of the {named(next(iter(found)))}"
        if key in ("edition", "year"):
            editions = unique(f"PDG {f.fact.edition}" for f in there if f.fact.edition)
            return f"the base does not hold the edition {value}; it holds {', '.join(editions) or 'none'} ({_there(there)})"
        if key == "experiment":
            return f"the base has no {what} by {value} alone; {its}"
        if key == "predicted":
            return f"the base has measured values, no predicted {what}; {its}"
        if key == "bound":
            kind = "" if value == "any" else f"{value} "
            return f"the base has no {kind}limit on the {what}; {its}"
        if key == "scheme":
            return f"the base has no {SCHEMES.get(value.lower(), value)} {what}; {its}"
        return f"the base has no {what} for {key} '{value}'; {its}"

    def _missing(self, wanted: Wanted) -> str:
        """What was looked for, and what there is instead."""
        state = _states(wanted, None)[0]
        if state.startswith("constant:"):
            return self._like(state.removeprefix("constant:"))
        if wanted.channel is not None:
            products = " ".join(matching.alternatives(names) for names in wanted.channel.products)
            text = f"the base has no {title(wanted.property)} of {pretty(state)} → {products}"
            near = matching.with_flavour(wanted.channel)
            rows = self._quoted(replace(wanted, channel=near)).rows if near is not None else []
            return text + (f"; it has {rows[0].channel}: {rows[0].shown}" if rows else "")
        there = unique(
            title(f.fact.property)
            for f in self.find(subjects=(matching.as_particle(state)[0],))
            if f.fact.property not in ("other", "class")
        )
        its = f"; of it the base has: {', '.join(there[:8])}" if there else ""
        return f"the base has no {title(wanted.property)} of the {named(state)}{its}"

    def _like(self, symbol: str) -> str:
        """That a constant is missing, and which quantities have its symbol in their description."""
        key = plain_name(symbol)
        named_so = [
            f.fact for f in self.find(property="other") if len(key) > 2 and key in plain_name(f.fact.name)
        ]
        there = "; ".join(unique(f"{unicode_text(f.name)}: {f.printed}" for f in named_so)[:3])
        return f"the base has no value of the {symbol} alone" + (f"; it lists {there}" if there else "")

    # ---- derived values -------------------------------------------------------------------------

    def _transformed(
        self, wanted: Wanted, source: str, formula: Callable[[Measured], tuple[Measured, Derivation]]
    ) -> Looked:
        """Rows computed from those of the property `source`."""
        looked = self._quoted(replace(wanted, property=source))
        if not looked.rows and source in _INSTEAD and wanted.property not in ("lifetime", "width"):
            looked = _INSTEAD[source](self, replace(wanted, property=source))
        rows = []
        for row in looked.rows:
            if row.value is None:
                continue
            value, derivation = formula(row.number)
            rows.append(
                computed(
                    f"{title(wanted.property)} of the {named(row.subject)}",
                    value,
                    derivation,
                    [row],
                    wanted.property,
                )
            )
        return Looked(rows)

    def _energy_release(self, wanted: Wanted) -> Looked:
        if wanted.channel is None:
            raise Unanswerable("an energy release is that of a decay: name its products")
        state, names = matching.definite(wanted.thing.names, wanted.channel)
        heavy = [name for name in names if not matching.is_massless(name)]
        masses = [self.mass(name) for name in (state, *heavy)]
        value = algebra.energy_release_of(masses[0].number, [row.number for row in masses[1:]])
        terms = [f"m({pretty(n)})" for n in (state, *heavy)]
        if better := self._from_difference(state, heavy, value):
            masses, value, terms = better
        derivation = Derivation(
            " − ".join(terms),
            ("neutrinos, photons and gluons taken as massless",) if len(heavy) < len(names) else (),
        )
        what = f"energy release (Q value) of {pretty(state)} → {' '.join(pretty(n) for n in names)}"
        return Looked([computed(what, value, derivation, masses, wanted.property, state)])

    def _from_difference(
        self, state: str, products: Sequence[str], plain: Measured
    ) -> tuple[list[Row], Measured, list[str]] | None:
        """A Q value from the measured difference of the masses of `state` and a product, where it is known better than `plain`."""
        for place, name in enumerate(products):
            measured = compared(self.find, of_one(state, "mass"), of_one(name, "mass"), "difference")
            if len(measured) != 1 or not measured[0].number.measured:
                continue
            rest = [self.mass(other) for i, other in enumerate(products) if i != place]
            value = algebra.energy_release_of(measured[0].number, [row.number for row in rest])
            if value.plus and plain.plus and value.plus < plain.plus:
                others = [f"m({pretty(n)})" for i, n in enumerate(products) if i != place]
                terms = [f"[m({pretty(state)}) − m({pretty(name)})]", *others]
                return [measured[0], *rest], value, terms
        return None

    def mass(self, state: str) -> Row:
        """The preferred mass of one state.

        Raises:
            Unanswerable: it is unknown.
        """
        return self.single(of_one(state, "mass"))[0]

    def _mass_difference(self, wanted: Wanted) -> Looked:
        """The measured difference where there is one, else that of the masses, the larger one first."""
        if wanted.other is None:
            return self._quoted(wanted)
        masses = [replace(wanted, property="mass", thing=t, other=None) for t in (wanted.thing, wanted.other)]
        if measured := compared(self.find, masses[0], masses[1], "difference"):
            return Looked(measured)
        rows = [self.single(one) for one in masses]
        sides = [matching.as_particle(side[0].subject)[0] for side in rows]
        if sides[0] != sides[1] and rows[0][0].facts == rows[1][0].facts:
            raise Unanswerable(
                f"the base lists one mass for {named(sides[0])} and {named(sides[1])}: {rows[0][0].shown}"
            )
        return Looked([_difference(a, b) for a, b in itertools.product(*rows)])

    def _double_angle(self, wanted: Wanted) -> Looked:
        """sin²2θ of neutrino mixing from sin²θ, which sources list."""
        match = _DOUBLE.fullmatch(wanted.thing.names[0])
        if match is None:
            return Looked()
        single = f"sin^2({match[1]})"
        rows = []
        for row in self._by_name(replace(wanted, name=single)).rows:
            x = row.number
            slope = 4 * (1 - 2 * x.value)
            errors = {key: (plus * slope, minus * slope) for key, (plus, minus) in x.errors.items()}
            value = Measured(4 * x.value * (1 - x.value), "", errors)
            what = wanted.thing.names[0].partition(":")[2]
            rows.append(
                computed(what, value, Derivation("sin²2θ = 4 sin²θ (1 − sin²θ)"), [row], wanted.property)
            )
        return Looked(rows)

    def _of_flavour(self, wanted: Wanted) -> Looked:
        """Of K_S and K_L, whose masses differ by 10^-15 of them, the mass of the K0."""
        if not set(wanted.thing.names) <= {"K(S)0", "K(L)0"}:
            return Looked()
        return self._quoted(replace(wanted, thing=replace(wanted.thing, names=("K0",), state_given=True)))

    def _partial_width(self, wanted: Wanted) -> Looked:
        """Branching fraction times full width."""
        fraction = self._quoted(replace(wanted, property="branching-fraction"))
        rows = []
        for row in fraction.rows:
            if row.value is None:
                continue
            widths = self.single(Wanted(replace(wanted.thing, names=(row.subject,)), "width"))
            value = algebra.product(row.number, widths[0].number)
            what, formula = f"partial width of {row.channel}", Derivation("Γᵢ = B · Γ")
            rows.append(computed(what, value, formula, [row, widths[0]], wanted.property))
        return Looked(rows)


_DOUBLE = re.compile(r"constant:sin\^2\(2(theta_\d\d)\)")


_DERIVED: dict[str, Callable[[Lookup, Wanted], Looked]] = {
    "half-life": lambda lookup, w: lookup._transformed(w, "lifetime", algebra.half_life_of),
    "decay-length": lambda lookup, w: lookup._transformed(w, "lifetime", algebra.decay_length_of),
    "rest-energy": lambda lookup, w: lookup._transformed(w, "mass", lambda m: (m, Derivation("E = m c²"))),
    "energy-release": Lookup._energy_release,
    "other-decays": lambda lookup, w: Looked(
        [less_than_one(r) for r in lookup.single(replace(w, property="branching-fraction"))]
    ),
    "mass-difference": Lookup._mass_difference,
}
# What is computed where no source states it.
_INSTEAD: dict[str, Callable[[Lookup, Wanted], Looked]] = {
    "mass": lambda lookup, w: lookup._of_flavour(w),
    "lifetime": lambda lookup, w: lookup._transformed(w, "width", algebra.lifetime_of),
    "width": lambda lookup, w: lookup._transformed(w, "lifetime", algebra.width_of),
    "partial-width": Lookup._partial_width,
    "charge-radius": lambda lookup, w: lookup._quoted(replace(w, property="mean-square-charge-radius")),
    "constant": Lookup._double_angle,
    # Of nucleon decays sources list the partial mean life.
    "branching-fraction": lambda lookup, w: lookup._quoted(replace(w, property="partial-lifetime")),
}


def _difference(a: Row, b: Row) -> Row:
    """The difference of two masses, which is not negative."""
    value = algebra.difference(a.number, b.number)
    if value.value < 0:
        return _difference(b, a)
    formula = Derivation(f"m({pretty(a.subject)}) − m({pretty(b.subject)})")
    return computed(minus(a.subject, b.subject), value, formula, [a, b], "mass-difference", a.subject)


def _states(wanted: Wanted, property_name: str | None) -> Sequence[str]:
    """The states meant, particles first; antiparticles only where they were named or have values of their own."""
    names = sorted(wanted.thing.names, key=lambda n: matching.as_particle(n)[0] != n)
    if wanted.thing.state_given or wanted.channel is not None or property_name in OF_EACH_STATE:
        return names
    return unique(matching.as_particle(n)[0] if matching.as_particle(n)[0] in names else n for n in names)


def _with_prevailing(looked: Looked) -> Looked:
    """Reviewed statements in front of the data that they contradict, unless reviewers contradict each other."""
    reviewed = [row for row in looked.disputed if row.facts[0].trust == "reviewed"]
    if any(compatible(one, other) is False for one, other in itertools.combinations(reviewed, 2)):
        return looked
    for row in reviewed:
        against = [data for data in looked.rows if compatible(row, data) is False]
        if against and not any(compatible(row, other) for other in looked.others):
            looked.rows = [row, *(one for one in looked.rows if one not in against)]
            looked.disputed = [*against, *(one for one in looked.disputed if one is not row)]
    return looked


def _key(found: FoundFact) -> tuple[object, ...]:
    """What makes two found facts one: an item may hold several, such as the charges of particle and antiparticle."""
    fact = found.fact
    return found.item_id, fact.identifier, fact.property, fact.subjects, fact.printed


def _new(found: FoundFact, rows: Sequence[Row]) -> bool:
    return all(f.fact != found.fact for row in rows for f in row.facts)


def _there(facts: Sequence[FoundFact]) -> str:
    """Up to three values with their schemes, for a refusal."""
    texts = []
    for fact in (found.fact for found in facts[:3]):
        scheme = fact.qualifiers.get("scheme", "")
        before = f"{SCHEMES.get(scheme.lower(), scheme)} " if scheme else ""
        texts.append(f"{before}{fact.printed or fact.words or fact.value}")
    return ", ".join(unique(texts)) or "no value of it"
