"""Rules for questions of yes or no: 'is the eta a pseudoscalar?', 'does the Z decay to mu+ mu-?', 'is the mass of the W 81 GeV?'."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from yukawa.knowledge.facts import PROPERTIES
from yukawa.knowledge.parsing.clauses import Clause, Context, amount_of
from yukawa.knowledge.parsing.combining import CHOOSING, named_by, relation_of, yes_or_no
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Amount, Goal, Operation, Relation, Wanted
from yukawa.knowledge.parsing.wanted import quantities, subject_of

_HAVING = frozenset("have has carry carries any hat haben a ont 有 持つ".split())


def is_it(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Is the eta a pseudoscalar?', 'does the Higgs have spin 1?', 'is the mass of the W 81 GeV?', 'does the Z decay to mu+ mu-?'."""
    if found := _which_are(clause):
        return found
    if mostly := _mostly(clause):
        return mostly
    if not yes_or_no(clause) or clause.has(
        "compare", "most", "minus", "plus", "ratio", "sum", "difference-of"
    ):
        return None
    things, classes, amounts = clause.places("thing", "code"), clause.places("class"), clause.places("amount")
    things = things or clause.places("constant")
    several = len(clause.places("channel")) > 1
    if len(things) != 1 or (clause.contains(["or", "oder", "ou"]) and not several):
        return None
    if clause.has("state") and not classes and not amounts and not clause.has("channel", "property"):
        return _is_state(clause, things[0])
    if classes and not amounts and not clause.has("channel", "property", "relation"):
        return _is_member(clause, things[0], classes)
    if len(amounts) == 1 and not classes:
        return _is_amount(clause, context, amounts[0])
    zeros = [i for i in clause.places("word") if clause.text(i) in ("zero", "null", "nulle")]
    if len(zeros) == 1 and not classes and clause.has("property"):
        clause.tokens[zeros[0]] = replace(clause.tokens[zeros[0]], kind="amount", value=0.0)
        return _is_amount(clause, context, zeros[0])
    if classes or amounts or not clause.has("property", "channel"):
        return None
    wanted = quantities(clause)
    if len(wanted) > 1 and all(w.channel and w.property == "branching-fraction" for w in wanted):
        return [Goal("is", (w,)) for w in wanted]
    if len(wanted) != 1:
        return None
    if wanted[0].channel is not None and wanted[0].property == "branching-fraction":
        return [Goal("is", tuple(wanted))]
    if clause.contains(_KNOWN):
        return [Goal("value", tuple(wanted))]  # 'has the isospin been determined?'
    dimension = PROPERTIES[wanted[0].property].dimension if wanted[0].property in PROPERTIES else None
    if (
        clause.contains(_HAVING)
        and dimension is not None
        and wanted[0].property not in ("parity", "c-parity", "g-parity")
    ):
        return [
            Goal("is", tuple(wanted), asserted=Amount(0.0, "", (0, 0)), relation=">" if dimension else "!=")
        ]
    return None


def _mostly(clause: Clause) -> list[Goal] | None:
    """'Does the omega mostly decay into three pions?': whether more than half of the decays do."""
    most = [
        i for i in clause.places("most") if clause.tokens[i].value == ("branching-fraction", "descending")
    ]
    if (
        len(most) != 1
        or len(clause.places("channel")) != 1
        or not yes_or_no(clause)
        or clause.has("compare", "class", "amount")
    ):
        return None
    wanted = quantities(clause, property_name="branching-fraction")
    if len(wanted) != 1 or wanted[0].channel is None:
        return None
    spans = clause.use(*most, *clause.places("property"))
    half = Amount(50.0, "%", spans[0])
    return [
        Goal(
            "is",
            (replace(wanted[0], property="branching-fraction"),),
            asserted=half,
            relation=">",
            spans=spans,
        )
    ]


def _which_are(clause: Clause) -> list[Goal] | None:
    """'Which of these is a baryon: pion, kaon or Lambda?': a verdict on each."""
    things = clause.places("thing")
    classes = [i for i in clause.places("class") if clause.tokens[i].value != "particle"]
    others = clause.has("property", "channel", "compare", "most", "count", "relation", "amount", "state")
    if (
        others
        or len(classes) != 1
        or len(things) < 2
        or not clause.contains(CHOOSING - {"or"})
        or not clause.contains(["or"])
    ):
        return None
    spans = clause.use(*clause.places("class"))
    said = f"class:{clause.tokens[classes[0]].value}"
    subjects = [(i, subject_of(clause.tokens[i])) for i in things]
    return [
        Goal("is", (Wanted(thing, "class", spans=clause.use(i)),), asserted=said, relation="=", spans=spans)
        for i, thing in subjects
        if thing is not None
    ]


def _is_state(clause: Clause, thing: int) -> list[Goal] | None:
    """'Is the neutron charged?', 'is the proton stable?'."""
    states = clause.places("state")
    subject = subject_of(clause.tokens[thing])
    if len(states) != 1 or subject is None or states[0] < thing:
        return None
    value = clause.tokens[states[0]].value
    spans = clause.use(thing, states[0])
    if value in _RELATIONS_OF_CHARGE:
        table = particle_table().particles
        particles = tuple(n for n in subject.names if n in table and not table[n].is_antiparticle)
        if len(particles) == 1 and not subject.state_given:  # 'the electron' is not the positron here
            subject = replace(subject, names=particles)
        wanted = Wanted(subject, "charge", spans=spans)
        zero = Amount(0.0, "", (0, 0))
        return [Goal("is", (wanted,), asserted=zero, relation=_RELATIONS_OF_CHARGE[value])]
    return [Goal("is", (Wanted(subject, "lifetime", spans=spans),), asserted=value, relation="=")]


_RELATIONS_OF_CHARGE: Mapping[str, Relation] = {"charged": "!=", "neutral": "=", "+": ">", "-": "<"}


def _is_member(clause: Clause, thing: int, classes: Sequence[int]) -> list[Goal] | None:
    if len(classes) != 1 or clause.tokens[classes[0]].value == "particle":
        return None
    subject = subject_of(clause.tokens[thing])
    if subject is None or classes[0] < thing:
        return None
    spans = clause.use(thing, classes[0])
    wanted = Wanted(subject, "class", spans=spans)
    return [Goal("is", (wanted,), asserted=f"class:{clause.tokens[classes[0]].value}", relation="=")]


_KNOWN = ("determined", "measured", "known", "established", "settled")
_LIVING = ("live", "lives", "last", "lasts", "survives", "survive")


def _is_amount(clause: Clause, context: Context, amount: int) -> list[Goal] | None:
    relations = clause.places("relation")
    lives = "lifetime" if clause.contains(_LIVING) else ""
    wanted = quantities(clause, property_name=named_by(clause, relations) or lives)
    if len(wanted) != 1 or clause.has("property", "count"):
        return None
    relation: Relation = "="
    for place in relations:
        relation = relation_of(clause.tokens[place].value)
    spans = clause.use(amount, *relations)
    asserted = amount_of(clause.tokens[amount])
    if asserted.error is not None and relation != "=":
        return None  # 'above 80.3 ± 0.1 GeV'
    operation: Operation = "is" if asserted.error is None else "deviation"
    return [Goal(operation, tuple(wanted), asserted=asserted, relation=relation, spans=spans)]
