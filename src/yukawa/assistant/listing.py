"""Lists and reverse look-ups: all decays of a particle, all members of a class, everything that decays to these products."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from yukawa.assistant import algebra
from yukawa.assistant.algebra import Measured, Unanswerable
from yukawa.assistant.lookup import Lookup
from yukawa.assistant.matching import as_particle, meets
from yukawa.assistant.results import Result, Row
from yukawa.assistant.rows import named, quoted_row, shared
from yukawa.knowledge.facts import Fact, plain_name, unique
from yukawa.knowledge.parsing.families import families
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Amount, Filter, Goal, Relation, Thing, Wanted
from yukawa.knowledge.parsing.searching import contents_equal, contents_hold
from yukawa.knowledge.records import FoundFact

# Products that gather several final states: such a mode repeats others of the list.
_GATHERED = re.compile(r">=|≥|particle|neutrals|anything|\bX\b|^h[+-]|prong|charged$|\(s\)")
_NO_PROPERTY = frozenset({"", "class", "overview", "other"})
_LONGEST = 60
_MANY = 2000  # members of a class: more are not looked at one by one


class Listing:
    """Lists of facts."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    # ---- operations -----------------------------------------------------------------------------

    def listed(self, goal: Goal) -> Result:
        """Decays, members of classes, or a property of several things, filtered, sorted and cut as the goal says.

        Raises:
            Unanswerable: nothing remains, or a condition cannot be tested.
        """
        if goal.operands[0].property == "decays":
            return self.decays(goal)
        made_of = [f for f in goal.filters if f.property == "quark-content"]
        goal = replace(goal, filters=tuple(f for f in goal.filters if f.property != "quark-content"))
        rows: list[Row] = []
        for wanted in goal.operands:
            if made_of:  # the members with these quarks, each as a thing of its own
                quarks = replace(wanted, property="quark-content")
                content = Goal(
                    "reverse", (quarks,), asserted=str(made_of[0].amount), relation=made_of[0].relation
                )
                for name in unique(row.subject for row in self.reverse(content).rows):
                    rows += self._known(replace(wanted, thing=Thing((name,), name, (0, 0), True)))
                if not rows:
                    raise Unanswerable(f"the base has no {wanted.property} of any of them")
            elif wanted.thing.names and wanted.thing.names[0].startswith("class:"):
                rows += self._of_members(wanted, goal)
            else:
                rows += self._lookup.rows(wanted).rows
        return self._cut(goal, rows)

    def decays(self, goal: Goal, *, main: bool = False) -> Result:
        """The decay modes of a particle; `main` drops limits, and no modes at all are then no failure.

        Raises:
            Unanswerable: no mode is known, or none meets the conditions.
        """
        wanted = replace(goal.operands[0], property="branching-fraction")
        found: dict[str, tuple[FoundFact, str]] = {}
        for state, facts in self._lookup.facts(wanted).items():
            for fact in facts:
                if (
                    fact.kind == "data"
                    and fact.fact.channel
                    and not any(_GATHERED.search(p) for p in fact.fact.channel)
                ):
                    found.setdefault(fact.item_id, (fact, state))
        rows = [quoted_row(fact, state) for fact, state in found.values()]
        limits = "bound" in wanted.qualifiers
        rows = [row for row in rows if row.value is not None and (limits or row.value.measured)]
        if main and not rows:
            return Result(goal)
        if not rows:
            raise Unanswerable(
                f"the base has no decay modes of the {wanted.thing.text or wanted.thing.names[0]}"
            )
        order = goal.order or ("branching-fraction", "descending")
        return self._cut(replace(goal, order=order), rows)

    def reverse(self, goal: Goal) -> Result:
        """What decays to these products, or has this value of a property.

        Raises:
            Unanswerable: nothing does, as far as the base says.
        """
        wanted = goal.operands[0]
        rows = self._decaying_to(wanted) if wanted.channel is not None else self._having(goal)
        allowed = self._allowed(wanted.thing)
        if allowed is not None:
            rows = [row for row in rows if row.subject in allowed or _particle(row.subject) in allowed]
        if not rows:
            raise Unanswerable("the base has nothing that meets this")
        return self._cut(goal, rows)

    def _known(self, wanted: Wanted) -> list[Row]:
        """The rows of a quantity; none where the base has none."""
        try:
            return self._lookup.rows(wanted).rows
        except Unanswerable:
            return []

    def is_member(self, goal: Goal, asserted: str) -> Result:
        """Whether a particle belongs to a class.

        Raises:
            Unanswerable: the base does not classify it.
        """
        wanted = goal.operands[0]
        name = asserted.partition(":")[2]
        rows, classes = [], set()
        for state in unique(as_particle(s)[0] for s in wanted.thing.names):
            facts = self._lookup.find(subjects=(state,), property="class")
            classes |= {f.fact.words for f in facts}
            rows += [quoted_row(f, state) for f in facts if f.fact.words == name] or [
                quoted_row(f, state) for f in facts
            ]
        if not rows:
            raise Unanswerable(f"the base does not classify the {wanted.thing.text}")
        if (
            name.endswith(" meson") and "meson" not in classes
        ):  # the Higgs boson is a scalar, and the photon a vector
            raise Unanswerable(f"the {wanted.thing.text} is not a meson; ask for its quantum numbers")
        return Result(goal, tuple(rows), verdict=name in classes)

    # ---- members --------------------------------------------------------------------------------

    def members(self, thing: Thing) -> list[str]:
        """PDG names of the members of every class of `thing`, particles and not antiparticles.

        Raises:
            Unanswerable: there is no such class.
        """
        found: list[str] = []
        for name in thing.names:
            found += self._class(name.partition(":")[2]) if name.startswith("class:") else [name]
        if not found:
            raise Unanswerable(f"the base has no class of particles {thing.text!r}")
        return list(unique(found))

    def _class(self, name: str) -> list[str]:
        if name.startswith("family "):
            return list(families()[name.removeprefix("family ")])
        facts = [
            f for f in self._lookup.find(property="class", name=plain_name(name)) if f.fact.words == name
        ]
        table = particle_table().particles
        return [s for f in facts for s in f.fact.subjects if s not in table or not table[s].is_antiparticle]

    def _of_members(self, wanted: Wanted, goal: Goal) -> list[Row]:
        """The property of each member, or its mass where the question names no property."""
        single = "mass" if wanted.property in _NO_PROPERTY else wanted.property
        members = self.members(wanted.thing)
        if len(members) > _MANY:
            raise Unanswerable(f"{wanted.thing.text!r} has {len(members):,} members: name a smaller class")
        rows: list[Row] = []
        for name in members:
            one = replace(wanted, property=single, thing=Thing((name,), name, wanted.thing.span, True))
            if not self._passes_names(goal.filters, name):
                continue
            try:
                known = {row.what for row in rows}  # the K_S has the mass of the K0
                rows += [row for row in self._lookup.rows(one).rows[:1] if row.what not in known]
            except Unanswerable:
                if wanted.property in _NO_PROPERTY:
                    rows.append(Row(f"mass of the {named(name)}", None, "not known", (), name, "mass"))
        return rows

    def _passes_names(self, filters: Iterable[Filter], name: str) -> bool:
        """Conditions in words: 'charged', 'neutral', or a further class."""
        particle = particle_table().particles.get(name)
        for condition in filters:
            if not isinstance(condition.amount, str):
                continue
            word = condition.amount
            if word in ("charged", "neutral"):
                if (
                    particle is None
                    or particle.charge is None
                    or bool(particle.charge) != (word == "charged")
                ):
                    return False
            elif word in ("+", "-"):
                charge = particle.charge if particle is not None else None
                if not charge or (charge > 0) != (word == "+"):
                    return False
            elif word == "stable":
                if not self._is_stable(name):
                    return False
            elif word.startswith("class:"):
                if (name in self._class(word.partition(":")[2])) is (condition.relation == "!="):
                    return False
            else:
                raise Unanswerable(f"a list cannot be filtered by {word!r}")
        return True

    def _is_stable(self, name: str) -> bool:
        """Whether no decay of it has been seen: a source then gives a lower limit on its lifetime.

        Raises:
            Unanswerable: nothing is listed from which that can be seen.
        """
        facts = self._lookup.find(subjects=(name,), property="lifetime")
        if facts:
            return all(f.fact.bound == "lower" for f in facts)
        decays = (
            self._lookup.find(subjects=(name,), property=known) for known in ("width", "branching-fraction")
        )
        if "(" in name or any(decays):  # a name with a mass is that of a resonance
            return False
        raise Unanswerable(f"the base does not say whether the {named(name)} is stable")

    # ---- reverse --------------------------------------------------------------------------------

    def _decaying_to(self, wanted: Wanted) -> list[Row]:
        """Every state with a measured decay to the products, antiparticles where their particle decays to the conjugates."""
        assert wanted.channel is not None  # noqa: S101  # the caller looked
        rows: dict[str, Row] = {}  # one for each item
        for channel, turned in ((wanted.channel, False), (as_particle("pbar", wanted.channel)[1], True)):
            assert channel is not None  # noqa: S101
            facts = self._lookup.find(property="branching-fraction", products=channel.products)
            for fact in facts:
                if _stated(fact) and fact.item_id not in rows and meets(fact.fact, channel):
                    rows[fact.item_id] = self._of_all(fact, turned=turned)
        return sorted(rows.values(), key=lambda r: -(r.value.value if r.value else 0.0))

    def _of_all(self, found: FoundFact, *, turned: bool) -> Row:
        """The row of a decay for all states it holds for, or for their antiparticles."""
        table = particle_table().particles
        states = [table[s].conjugate if turned and s in table else s for s in found.fact.subjects]
        return shared(quoted_row(found, states[0]), states, Thing((), "", (0, 0), True))

    def _having(self, goal: Goal) -> list[Row]:
        """Every state with the asserted value of a property."""
        wanted, asserted = goal.operands[0], goal.asserted
        if asserted is None or wanted.property in _NO_PROPERTY:
            raise Unanswerable("a search for particles needs what they should have")
        rows, table = [], particle_table().particles
        unit = "e" if wanted.property == "charge" else ""  # nobody writes it
        for fact in self._lookup.find(property=wanted.property):
            value = algebra.of_fact(fact.fact)
            if isinstance(asserted, Amount):
                same = value is not None and _holds(
                    value, goal.relation or "=", Measured(asserted.value, asserted.unit or unit)
                )
            elif goal.relation == ">=":
                same = contents_hold(fact.fact.words, asserted)
            else:
                same = _states(fact.fact, asserted)
            rows += [
                quoted_row(fact, state)
                for state in fact.fact.subjects
                if same
                and state in table
                and not (goal.relation == ">=" and state.removesuffix("bar") in "udscbt")
            ]
        if isinstance(asserted, Amount) and wanted.property == "mass":  # to the rounding given, where any is
            near = [
                row for row in rows if row.value and row.value.measured and _rounds_to(row.value, asserted)
            ]
            rows = near or rows
        best = {row.subject for row in rows if row.facts[0].fact.preferred}
        return [row for row in rows if row.facts[0].fact.preferred or row.subject not in best]

    def _allowed(self, thing: Thing) -> set[str] | None:
        """The members among which a reverse look-up searches; None for all particles."""
        classes = tuple(n for n in thing.names if n.startswith("class:") and n != "class:particle")
        return set(self.members(replace(thing, names=classes))) if classes else None

    # ---- conditions, order ----------------------------------------------------------------------

    def _cut(self, goal: Goal, rows: Sequence[Row]) -> Result:
        """The rows that meet the goal's conditions, sorted, at most as many as it wants."""
        kept = [row for row in rows if all(self._passes(f, row) for f in goal.filters)]
        if not kept:
            raise Unanswerable(f"none of {len(rows)} values meets the condition")
        if goal.order is not None:
            down = goal.order[1] == "descending"
            kept.sort(key=lambda row: algebra.in_base(row.value) if row.value else 0.0, reverse=down)
        kept = kept[goal.rank - 1 :]
        if not kept:
            raise Unanswerable(f"there are only {len(rows)} to choose from")
        shown = kept[: goal.most or _LONGEST]
        return Result(
            goal, tuple(shown), more=0 if goal.most and goal.operation == "list" else len(kept) - len(shown)
        )

    def _passes(self, condition: Filter, row: Row) -> bool:
        """Whether a row meets one condition: a name, a bound, or the value of another quantity."""
        if condition.amount == "leptonic":
            return _leptonic(row)
        if isinstance(condition.amount, str):
            return self._passes_names([condition], row.subject)
        if isinstance(condition.amount, Wanted):
            other = self._lookup.single(condition.amount)[0]
            threshold = other.value
        else:
            threshold = Measured(condition.amount.value, condition.amount.unit)
        assert threshold is not None  # noqa: S101  # operands have numbers
        value = row.value
        if condition.property not in (row.property_name, "", "value"):
            own = Wanted(Thing((row.subject,), row.subject, (0, 0), True), condition.property)
            try:
                value = self._lookup.single(own)[0].value
            except Unanswerable:
                return False
        return value is not None and _holds(value, condition.relation, threshold)


def _holds(value: Measured, relation: Relation, threshold: Measured) -> bool:
    """Whether the relation certainly holds: a limit or range that leaves it open does not count."""
    if relation in ("=", "!="):
        claimed = threshold.value  # to its own rounding, so in the unit it is said in
        said = algebra.convert(value, threshold.unit) if threshold.unit else value
        return (algebra.equal(said, claimed) is True) == (relation == "=")
    sign = algebra.compare(value, threshold).sign
    return sign is not None and algebra.HOLDS[relation](sign)


def _rounds_to(value: Measured, claimed: Amount) -> bool:
    """Whether a value, its error apart, is the claimed number to the last digit of this."""
    said = algebra.convert(value, claimed.unit) if claimed.unit else value
    return algebra.equal(Measured(said.value), claimed.value) is True


def _states(fact: Fact, asserted: str) -> bool:
    """Whether a fact in words is what was asserted: quarks in any order, J^P without the isospin and G-parity before it."""
    if fact.property == "antiparticle" and asserted == "itself":
        return fact.words in fact.subjects
    if fact.property == "quark-content":
        return contents_equal(fact.words, asserted)
    if fact.property == "quantum-numbers":
        numbers = fact.words.replace(" ", "").rpartition("(")[2].removesuffix(")")
        return asserted in (numbers, fact.words) or (
            len(asserted.rpartition("^")[2]) == 1 and numbers[:-1] == asserted
        )
    return fact.words.replace(" ", "") == asserted.replace(" ", "")


def _stated(found: FoundFact) -> bool:
    """Whether it is a decay mode that was seen, and not the ratio it was taken from."""
    if not found.fact.preferred or found.fact.name.startswith("G("):
        return False
    value = algebra.of_fact(found.fact)
    return found.fact.words == "seen" or (value is not None and value.measured and value.value > 0)


def _leptonic(row: Row) -> bool:
    """Whether a decay goes to leptons alone, with no further pair of charged ones; 'lepton+' gathers others of the list."""
    names = [name.rstrip("+-") for name in row.facts[0].fact.channel]
    charged = sum(name in ("e", "mu", "tau") for name in names)
    neutral = sum(name.startswith("nu") for name in names)
    return charged + neutral == len(names) and charged <= (1 if neutral else 2)


def _particle(state: str) -> str:
    return as_particle(state)[0]
