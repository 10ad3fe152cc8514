"""From the properties, things and decays of a sentence to the quantities that are wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from yukawa.knowledge.parsing.channels import read_channel
from yukawa.knowledge.parsing.clauses import Clause
from yukawa.knowledge.parsing.naming import COUNTED
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Channel, Thing, Wanted
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.tokens import Token

# What a property is called where it is that of a decay.
OF_DECAYS: Mapping[str, str] = {
    "width": "partial-width", "lifetime": "partial-lifetime", "decays": "branching-fraction",
    **{name: name for name in ("branching-fraction", "cp-asymmetry", "partial-width", "partial-lifetime", "momentum", "energy-release")},
}  # fmt: skip
ANY = Thing(("class:particle",), "", (0, 0), True)  # of a search among all particles
_SUBJECTS = ("thing", "constant", "class", "code")


@dataclass
class _Subject:
    """A thing of the sentence, with its decay and factor."""

    place: int
    thing: Thing
    channel: Channel | None = None
    factor: float = 1.0
    places: list[int] = field(default_factory=list)


@dataclass
class _Property:
    place: int
    name: str
    qualifiers: dict[str, str] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)


@dataclass
class _Block:
    """Properties and the things whose they are."""

    properties: list[_Property] = field(default_factory=list)
    subjects: list[_Subject] = field(default_factory=list)


class Contradiction(Exception):
    """Two qualifiers of one kind are said of one property."""


def quantities(
    clause: Clause,
    before: Sequence[Wanted] = (),
    *,
    property_name: str = "",
    places: Sequence[int] | None = None,
) -> list[Wanted]:
    """The quantities that the properties and things of a sentence mean, all of them used.

    Args:
        clause: the sentence.
        before: quantities of the sentences before, whose thing or property is meant where this one names none.
        property_name: the property that a word outside says ('heavier'), for things without one.
        places: only the tokens at these places; all where None.

    Returns:
        In the order of the question; nothing where a part is missing.

    Raises:
        Contradiction: two schemes are said of one property.
    """
    chosen = set(range(len(clause.tokens)) if places is None else places) - clause.used
    subjects = _subjects(clause, chosen)
    properties = _properties(clause, chosen)
    if _of_the_quarks(clause, before, properties):
        return []
    if not subjects and (further := _further_decays(clause, chosen, before)):
        subjects = further
    elif not subjects and properties and before:
        subjects = [_from(w) for w in _unique_things(before)]
        for prop in properties:  # 'I fit a Breit-Wigner for it; which width …'
            prop.qualifiers |= {
                k: v
                for w in before
                if not w.property
                for k, v in w.qualifiers.items()
                if k not in prop.qualifiers
            }
    if not properties and subjects:
        properties = [_Property(-1, name) for name in _default_properties(subjects, before, property_name)]
        for place in (i for i in chosen if clause.tokens[i].kind == "qualifier" and properties):
            _qualify(clause, properties, place)
    if not subjects or not properties:
        return []
    if any(s.thing.names[0].startswith("class:") for s in subjects) and any(
        p.name in OF_DECAYS and p.name not in ("width", "lifetime") for p in properties
    ):
        return []  # 'the decays of the W into leptons'
    found: list[Wanted] = []
    for block in _blocks(clause, properties, subjects):
        found += [
            _wanted(clause, p, s) for p in block.properties for s in block.subjects if _may_have(s, p.name)
        ]
    return _once(found)


def _further_decays(clause: Clause, chosen: set[int], before: Sequence[Wanted]) -> list[_Subject]:
    """'And how often to n pi0?', 'is pi+ pi- more common than pi0 pi0?': other decays of what was spoken of before."""
    decays = [i for i in sorted(chosen) if clause.tokens[i].kind == "channel"]
    if not decays or not before or not (before[0].channel or len(decays) > 1):
        return []
    things = dict.fromkeys(w.thing for w in before)
    return [_Subject(-1, thing, clause.tokens[i].value, places=[i]) for thing in things for i in decays]


def _of_the_quarks(clause: Clause, before: Sequence[Wanted], properties: Sequence[_Property]) -> bool:
    """'Which quarks … and which charges do they have?': what is wanted last is not that of what the quarks make."""
    made_of = "quark-content" in [*(w.property for w in before), *(p.name for p in properties)]
    last = properties[-1:] != [] and properties[-1].name != "quark-content"
    return made_of and last and clause.contains(_SEVERAL)


_SEVERAL = frozenset(
    plain_ascii("they these those their diese dieser deren ils elles leurs 它们 这些 它們").split()
)


def _may_have(subject: _Subject, name: str) -> bool:
    """Whether a thing can have the property: a constant has nothing but its value."""
    return name == "constant" or not subject.thing.names[0].startswith("constant:")


def _once(found: Sequence[Wanted]) -> list[Wanted]:
    """Each quantity once, where it was said twice."""
    kept: dict[object, Wanted] = {}
    for wanted in found:
        key = (
            wanted.thing.names,
            wanted.property,
            wanted.channel and wanted.channel.products,
            tuple(wanted.qualifiers.items()),
            wanted.factor,
        )
        kept[key] = replace(wanted, spans=kept[key].spans + wanted.spans) if key in kept else wanted
    return list(kept.values())


def _from(wanted: Wanted) -> _Subject:
    """What was wanted before as a thing; where that was an antiparticle 'its' charge is that of the antiparticle."""
    table = particle_table().particles
    thing = wanted.thing
    if wanted.property == "antiparticle" and all(name in table for name in thing.names):
        thing = replace(thing, names=tuple(table[name].conjugate for name in thing.names))
    return _Subject(-1, thing, wanted.channel, 1.0)


def only_named(clause: Clause) -> list[Wanted]:
    """The things that a sentence names without asking anything of them; not yet used."""
    if clause.used:
        return []
    found = [(i, subject_of(t)) for i, t in enumerate(clause.tokens) if t.kind in ("thing", "code")]
    history = ("experiment", "year") if clause.states else ()  # 'the top was found by CDF in 1995'
    said = {
        t.value[0]: t.value[1] for t in clause.tokens if t.kind == "qualifier" and t.value[0] not in history
    }
    return [
        Wanted(thing, "", qualifiers=said, spans=((clause.tokens[i].start, clause.tokens[i].end),))
        for i, thing in found
        if thing
    ]


def _unique_things(before: Sequence[Wanted]) -> list[Wanted]:
    """The last quantities, each thing once."""
    found: dict[object, Wanted] = {}
    for wanted in before:
        found.setdefault((wanted.thing.names, wanted.channel and wanted.channel.products), wanted)
    return list(found.values())


def _default_properties(subjects: Sequence[_Subject], before: Sequence[Wanted], name: str) -> list[str]:
    if name:
        return [name]
    if any(s.channel for s in subjects):
        return ["branching-fraction"]
    if all(s.thing.names[0].startswith("constant:") for s in subjects):
        return ["constant"]
    return list(dict.fromkeys(w.property for w in before))


# ---- parts ---------------------------------------------------------------------------------------


def subject_of(token: Token) -> Thing | None:
    """The thing that a token names."""
    span = (token.start, token.end)
    if token.kind == "thing":
        return token.value if isinstance(token.value, Thing) else None
    if token.kind in ("constant", "class"):
        return Thing((f"{token.kind}:{token.value}",), token.text, span, True)
    if token.kind == "code":
        name = particle_table().numbers.get(token.value)
        return Thing((name,), token.text, span, True) if name else None
    return None


def _subjects(clause: Clause, chosen: set[int]) -> list[_Subject]:
    """The things of a clause, each with the factor before it and the final state behind it."""
    found: list[_Subject] = []
    tokens = clause.tokens
    ahead = next(
        (i for i in sorted(chosen) if tokens[i].kind == "channel" and tokens[i].value.products in ADJECTIVES),
        None,
    )
    for place, token in enumerate(tokens):
        if place not in chosen:
            continue
        if token.kind in _SUBJECTS:
            finals = (
                [i for i in sorted(chosen) if i < place and tokens[i].kind == "channel"] if not found else []
            )
            if len(finals) > 1 and _decays_of(tokens, place) and (thing := subject_of(token)):
                found += [_Subject(place, thing, tokens[i].value, places=[place, i]) for i in finals]
                continue  # 'the ratio of pi+ pi- to pi0 pi0 in K_S decays'
            thing = subject_of(token)
            if thing is None or (token.kind == "class" and _only_genus(clause, place)):
                continue
            subject = _Subject(place, thing, places=[place])
            if (ahead_of := _factor_of(tokens, place, chosen)) is not None:
                subject.factor, subject.places = tokens[ahead_of].value, [ahead_of, place]
            if ahead is not None and ahead < place and not found:  # 'invisible branching fraction of the Z'
                subject.channel, subject.places = tokens[ahead].value, [*subject.places, ahead]
            found.append(subject)
        elif token.kind == "channel" and found and found[-1].channel is None and found[-1].place >= 0:
            found[-1].channel = token.value
            found[-1].places.append(place)
        elif token.kind == "channel" and found and _joined_to(tokens, found[-1], place):  # 'to e nu, mu nu'
            found.append(_Subject(place, found[-1].thing, token.value, places=[place]))
    return found


def _decays_of(tokens: Sequence[Token], place: int) -> bool:
    """'In K_S decays', 'for the eta': whether a thing behind final states is what decays."""
    before = [t.text.lower() for t in tokens[max(0, place - 2) : place]]
    return bool({"in", "of", "for", "by"} & set(before)) and not any(
        t.kind == "channel" for t in tokens[place:]
    )


def _joined_to(tokens: Sequence[Token], subject: _Subject, place: int) -> bool:
    """Whether only a conjunction, and at most the question again, separates the decay of a subject from what is at `place`."""
    between = tokens[max(subject.places) + 1 : place]
    again = [
        t
        for t in between
        if t.kind not in ("join", "function", "compare", "against", "neutral", "aside")
        and not (t.kind == "property" and t.value in OF_DECAYS)
    ]
    joined = any(t.kind in ("join", "compare", "against") or t.text.lower() in _THAN for t in between)
    return joined and not again


_THAN = frozenset("than als que as over to against rather from".split())
# Of these several things have as many times as one has.
_EXTENSIVE = frozenset(
    {"mass", "rest-energy", "charge", "baryon-number", "lepton-number", "strangeness", "charm", "bottomness"}
)


def _factor_of(tokens: Sequence[Token], place: int, chosen: set[int]) -> int | None:
    """The place of the factor said of a thing: 'two kaons', 'twice the K+ mass', 'twice the mass of the K+'."""
    said = {t.value for i, t in enumerate(tokens) if i in chosen and t.kind == "property"}
    for i in range(place - 1, -1, -1):
        if tokens[i].kind == "factor":
            counts = COUNTED in tokens[i].otherwise and not said <= _EXTENSIVE
            return i if i in chosen and not counts else None
        if (tokens[i].kind not in ("function", "property", "aside") and tokens[i].text != "(") or tokens[
            i
        ].text.lower() == "and":
            return None
    return None


# Final states that a word before the thing can name: 'invisible width', 'two-photon width' (the modes of the lexicon).
ADJECTIVES = frozenset(
    {
        (("invisible",),),
        (("hadrons",),),
        (("gamma",),) * 2,
        (("e+",), ("e-",)),
        (("mu+",), ("mu-",)),
        (("tau+",), ("tau-",)),
    }
)


def _only_genus(clause: Clause, place: int) -> bool:
    """Whether a class word only says what a named thing is: 'the particle with code 443', 'quarks of the Xi'."""
    token = clause.tokens[place]
    if token.value == "particle":
        return True
    return (
        any(t.kind == "property" and t.value == "quark-content" for t in clause.tokens)
        and token.value == "quark"
    )


_SCHEMES = frozenset({"scheme"})


def _properties(clause: Clause, chosen: set[int]) -> list[_Property]:
    """The properties that a clause asks for, each with its qualifiers; a mass scheme alone asks for the mass."""
    tokens = clause.tokens
    found = [
        _Property(i, t.value, places=[i])
        for i, t in enumerate(tokens)
        if i in chosen and t.kind == "property" and not _is_code_word(clause, i)
    ]
    qualifiers = [i for i, t in enumerate(tokens) if i in chosen and t.kind == "qualifier"]
    if (
        not found
        and any(tokens[i].value[0] in _SCHEMES for i in qualifiers)
        and not any(t.kind == "word" for t in tokens)
    ):
        found = [_Property(i, "mass") for i in qualifiers if tokens[i].value[0] in _SCHEMES]
    for place in qualifiers:
        if found:
            _qualify(clause, found, place)
    return found


def _is_code_word(clause: Clause, place: int) -> bool:
    """Whether 'MC id' only introduces a number that stands for the thing."""
    return clause.tokens[place].value == "monte-carlo-number" and any(t.kind == "code" for t in clause.tokens)


def _qualify(clause: Clause, properties: list[_Property], place: int) -> None:
    """Give a qualifier to the nearest property, a general one (edition, experiment) to all."""
    key, value = clause.tokens[place].value
    if key not in _SCHEMES:
        for prop in properties:
            _set(prop, key, value, place)
        return
    after = [p for p in properties if p.place >= place]
    before = [p for p in properties if p.place < place]
    near = min(properties, key=lambda p: abs(p.place - place))
    if after and before and key in near.qualifiers:
        near = next((p for p in (*after, *before) if key not in p.qualifiers), near)
    if key in near.qualifiers and near.qualifiers[key] != value:
        extra = _Property(place, near.name, {key: value}, [place])
        if not _joined_before(clause, place):
            raise Contradiction(f"{near.qualifiers[key]} and {value}")
        properties.append(extra)
        return
    _set(near, key, value, place)


def _joined_before(clause: Clause, place: int) -> bool:
    return any(t.kind == "join" for t in clause.tokens[:place])


def _set(prop: _Property, key: str, value: str, place: int) -> None:
    if prop.qualifiers.get(key, value) != value:
        raise Contradiction(f"{prop.qualifiers[key]} and {value}")
    prop.qualifiers[key] = value
    prop.places.append(place)


# ---- which property of which thing ---------------------------------------------------------------


def _blocks(clause: Clause, properties: Sequence[_Property], subjects: Sequence[_Subject]) -> list[_Block]:
    """Runs of properties and of things, joined in pairs: 'mass of A and width of B', 'A and B masses', 'mass and width of A'."""
    both: list[_Property | _Subject] = [*properties, *subjects]
    items = sorted(both, key=lambda item: item.place)
    runs: list[list[_Property | _Subject]] = []
    for item in items:
        if runs and type(runs[-1][0]) is type(item):
            runs[-1].append(item)
        else:
            runs.append([item])
    runs = _split(clause, runs)
    blocks: list[_Block] = []
    place = 0
    while place < len(runs):
        pair = runs[place : place + 2]
        if len(pair) == 2:
            blocks.append(_block([*pair[0], *pair[1]]))
        elif not blocks:
            blocks.append(_block(pair[0]))
        elif isinstance(pair[0][0], _Property):
            blocks.append(_block([*pair[0], *blocks[-1].subjects]))
        else:
            blocks.append(_block([*pair[0], *blocks[-1].properties]))
        place += 2
    return [b for b in blocks if b.properties and b.subjects]


def _block(items: Sequence[_Property | _Subject]) -> _Block:
    return _Block(
        [i for i in items if isinstance(i, _Property)], [i for i in items if isinstance(i, _Subject)]
    )


def _split(clause: Clause, runs: list[list[_Property | _Subject]]) -> list[list[_Property | _Subject]]:
    """Cut a run of two between two of the other kind where its last member belongs to what follows: 'mass of A and B width'."""
    found: list[list[_Property | _Subject]] = []
    for number, run in enumerate(runs):
        after = runs[number + 1] if number + 1 < len(runs) else None
        odd = len(run) > 1 and after is not None and len(found) % 2 == 1
        if odd and after and _close(clause, run[-1], after[0]):
            found += [run[:-1], run[-1:]]
        else:
            found.append(run)
    return found


def _close(clause: Clause, one: _Property | _Subject, other: _Property | _Subject) -> bool:
    """Whether two parts belong together: 'the W width', 'width of the W'."""
    between = clause.tokens[max(one.places or [one.place]) + 1 : min(other.places or [other.place])]
    if isinstance(one, _Subject):
        return not between
    return (
        bool(between)
        and all(t.kind == "function" for t in between)
        and any(t.text.lower() in ("of", "for") for t in between)
    )


def _wanted(clause: Clause, prop: _Property, subject: _Subject) -> Wanted:
    """Make a quantity of a property and a subject, and mark their tokens as used."""
    name, channel = prop.name, subject.channel
    if channel is not None:
        name = OF_DECAYS.get(name, name)
        if name not in OF_DECAYS.values():  # 'the mass of K → pi pi': the decay is left unread
            channel = None
    if name == "isospin" and prop.qualifiers.pop("component", ""):
        name = "isospin-3"
    places = [
        p
        for p in (*prop.places, *subject.places)
        if p >= 0 and (channel or clause.tokens[p].kind != "channel")
    ]
    if subject.thing.names[0].startswith("constant:"):
        name = "constant" if name in ("constant", "") else name
    spans = clause.use(*places)
    return Wanted(
        subject.thing, name, channel, qualifiers=dict(prop.qualifiers), factor=subject.factor, spans=spans
    )


def listed_decay(clause: Clause) -> Wanted | None:
    """Read 'J/psi e+ e- branching fraction', 'e+ e- branching fraction of the J/psi': a decay without an arrow."""
    things = clause.places("thing")
    properties = [
        i
        for i in clause.places("property")
        if clause.tokens[i].value in _DECAY_PROPERTIES
        # 'the e+ e- width of the J/psi'
        or (clause.tokens[i].value == "width" and {i - 2, i - 1} <= set(things[:-1]) and i < things[-1])
    ]
    verbs = [i for i in clause.places("property") if clause.tokens[i].value == "decays"]
    if len(properties) != 1 or len(things) < 2 or clause.has("channel", "class", "compare", "most"):
        return None
    tokens = clause.tokens
    last_words = [t.text.lower() for t in tokens[things[-2] + 1 : things[-1]]]
    parent, products = (
        (things[-1], things[:-1])
        if {"of", "from", "in", "when", "if"} & set(last_words)
        else (things[0], things[1:])
    )
    if {"and", "or", ","} & {
        t.text.lower() for t in tokens[min(parent, products[-1]) + 1 : max(parent, products[0])]
    }:
        return None  # 'branching fractions of the B+ and the B0'
    first, last = products[0], products[-1]
    counted = first > 0 and tokens[first - 1].kind in ("factor", "number") and first - 1 != parent
    begin = tokens[first - 1 if counted else first].start
    channel, end = read_channel(clause.plain, begin, tokens[last].end)
    if end < tokens[last].end or not channel.products:
        return None
    span = (begin, end)
    covered = [i for i, t in enumerate(tokens) if begin <= t.start and t.end <= end]
    bounds = [i for i in clause.places("qualifier") if tokens[i].value[0] == "bound"]
    spans = clause.use(*properties, *verbs, parent, *covered, *bounds)
    thing = tokens[parent].value
    name = OF_DECAYS[tokens[properties[0]].value]
    said = dict(tokens[i].value for i in bounds)
    return Wanted(thing, name, replace(channel, span=span), qualifiers=said, spans=spans)


_DECAY_PROPERTIES = frozenset(
    {"branching-fraction", "cp-asymmetry", "partial-width", "partial-lifetime", "momentum", "energy-release"}
)
