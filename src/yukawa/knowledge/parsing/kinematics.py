"""Rules for questions of kinematics: particles in flight, products of a decay at rest, thresholds of reactions."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.channels import read_channel
from yukawa.knowledge.parsing.clauses import Clause, Context, amount_of
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Channel, Goal, Thing, Wanted
from yukawa.knowledge.parsing.things import find_things
from yukawa.knowledge.parsing.units import find_unit
from yukawa.knowledge.parsing.wanted import subject_of

# What can be asked of a moving particle, as words of the question; a longer phrase goes before a shorter one.
_KINDS: tuple[tuple[str, str], ...] = (
    ("lorentz-factor", r"(?:relativistic )?(?:lorentz|gamma|boost)[- ]factor(?: gamma)?|(?:relativistic|lorentz) gamma"
                       r"|gamma(?= ?(?:of|for|=|is|does|do|has|have)(?![a-z]))"),
    ("wavelength", r"(?:de ?broglie )?wave-?length"),
    ("decay-length", r"(?:(?:mean|average) )?(?:decay|flight) (?:length|distance|path)|how far|(?:mean|average|what) distance"
                     r"|how many (?:kilo|centi|milli)?met(?:er|re)s(?= do)"),
    ("lifetime", r"(?:mean |average )?life-?time|mean life|how long"),
    ("kinetic-energy", r"(?:maximum |largest |total )?kinetic energ(?:y|ies)|e_kin|t_kin"),
    ("energy", r"(?:total |relativistic |beam )?energ(?:y|ies)"),
    ("momentum", r"moment(?:um|a)"),
    ("speed", r"speed|velocity|how fast(?! (?:do|does|did|can|will) (?:(?!mov|go\b|fly|travel)[^?]){1,40}\bdecay)|velocities|beta"),
)  # fmt: skip
_ASKED = re.compile(
    "|".join(rf"(?P<{name.replace('-', '_')}>(?<![\w-])(?:{words})(?![\w(]))" for name, words in _KINDS),
    re.IGNORECASE,
)
_SYMBOLS = {
    "p": "momentum", "e": "energy", "t": "kinetic-energy", "v": "speed", "beta": "speed", "gamma": "lorentz-factor",
}  # fmt: skip
_GIVEN = re.compile(
    r"(?:(?:and |with |of |at |has |have |having ){0,4}+(?:an? |the )?+(?:mean |constant |total |relativistic |lab ){0,4}+(?:"
    + "|".join(
        rf"(?P<{name.replace('-', '_')}>{words})" for name, words in _KINDS if name in {*_SYMBOLS.values()}
    )
    + r"|(?P<boost>beta ?\*? ?gamma|gamma ?\*? ?beta)"
    r"|(?P<symbol>\b(?:p|E|T|v|beta|gamma)(?:_?lab)?(?= ?=)))(?: of| is| equal to|,)? ?=? ?(?:about )?)$",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r" (?:of )?(?:(?P<kinetic_energy>kinetic energy)|(?P<energy>(?:total )?energy)|(?P<momentum>momentum))(?!\w)"
)
_MOVING = re.compile(
    r"\b(?:cosmic[- ]ray|atmospheric|mov(?:es|ing)|(?:travel|mov|fl[yi]|go)(?:e?s|ing|ling)? (?:at|with)|with (?:an?|the)|is produced"
    r"|reach(?:es)?)\b|time[- ]dilat\w*|dilated|relativistic(?:ally)?|in the lab(?:oratory)?(?: frame| system)?|lab(?:oratory)?[- ]frame"
    r"|as seen (?:in|from) the lab\w*|in units of c\b|as a fraction of (?:c\b|the speed of light)"
    r"|(?:towards|on|reaching|for) (?:the )?earth\b|\(earth(?: observer)?\)|\bearth observer\b|in the earth(?:'s)? frame"
    r"|\bcover(?:s|ed)?\b",
    re.IGNORECASE,
)


def span_of(clause: Clause) -> tuple[int, int]:
    """The characters of a sentence."""
    return clause.tokens[0].start, clause.tokens[-1].end


def covered(clause: Clause, start: int, end: int) -> list[int]:
    """The places of the tokens within a stretch of the text."""
    return [i for i, t in enumerate(clause.tokens) if t.start < end and start < t.end]


def use_words(clause: Clause, pattern: re.Pattern[str]) -> None:
    """Mark the words that a pattern finds as used."""
    start, end = span_of(clause)
    for match in pattern.finditer(clause.plain, start, end):
        clause.use(*covered(clause, *match.span()))


def _asked(clause: Clause) -> list[str]:
    """What is asked, in order, words that are used already apart."""
    found: list[str] = []
    for match in _ASKED.finditer(clause.plain, *span_of(clause)):
        places = covered(clause, *match.span())
        if any(i in clause.used for i in places):
            continue
        clause.use(*places)
        found += [name] if (name := (match.lastgroup or "").replace("_", "-")) not in found else []
    return found


def things_of(clause: Clause) -> Iterator[tuple[int, Thing]]:
    """The things that nothing has used."""
    for place in clause.places("thing"):
        thing = subject_of(clause.tokens[place])
        if thing is not None:
            yield place, thing


# ---- in flight -----------------------------------------------------------------------------------


def in_flight(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Mean decay length of a muon of 10 GeV', 'lifetime of a pion with gamma = 20', 'speed of a 1 GeV proton'."""
    if clause.has("channel", "class", "compare", "most", "ratio") and not clause.contains(["factor"]):
        return None
    amounts = clause.places("amount")
    given = [(i, condition) for i in amounts if (condition := condition_of(clause, i))]
    if len(given) != 1 or len(amounts) != 1:
        return None
    place, condition = given[0]
    clause.use(place)
    use_words(clause, _MOVING)
    asked = _asked(clause)
    things = list(things_of(clause))
    if len(things) != 1 or not asked or condition.partition(" ")[0] in asked:
        return None
    spans = clause.use(
        things[0][0],
        *[i for i in clause.places("qualifier") if clause.tokens[i].value == ("condition", "relativistic")],
    )
    said = {"given": condition}
    return [
        Goal("value", (Wanted(particle_of(things[0][1]), name, qualifiers=said, spans=spans),))
        for name in asked
    ]


def condition_of(clause: Clause, place: int) -> str:
    """Read an amount that says how a particle moves as 'momentum 10.0 GeV' and use its words; '' of any other."""
    token = clause.tokens[place]
    amount = amount_of(token)
    unit = find_unit(amount.unit)
    start = span_of(clause)[0]
    said = _GIVEN.search(clause.plain, start, token.start)
    behind = _BEHIND.match(clause.plain, token.end, span_of(clause)[1])
    dimension = unit.dimension if unit is not None else ""
    name = ""
    if said is not None:
        groups = {k: v for k, v in said.groupdict().items() if v}
        symbol = groups.pop("symbol", "").lower().partition("_")[0]
        name = _SYMBOLS.get(symbol) or next(iter(groups), "").replace("_", "-")
    elif behind is not None:
        name = (behind.lastgroup or "").replace("_", "-")
    elif dimension == "momentum":
        name = "momentum"
    elif amount.unit == "c" or dimension == "speed":
        name = "speed"
    elif (
        dimension == "energy" and place + 1 < len(clause.tokens) and clause.tokens[place + 1].kind == "thing"
    ):
        name = "bare-energy"  # '1 GeV protons': total or kinetic
    elif (
        dimension == "length"
        and place + 1 < len(clause.tokens)
        and clause.text(place + 1).startswith("photon")
    ):
        name = "wavelength"
    fits = {
        "momentum": ("energy", "momentum"),
        "energy": ("energy",),
        "kinetic-energy": ("energy",),
        "lorentz-factor": ("a pure number",),
        "boost": ("a pure number",),
    }
    if (
        not name
        or (dimension not in fits.get(name, (dimension,)))
        or (name == "speed" and amount.unit not in ("c", "", "m/s"))
    ):
        return ""
    if said is not None:
        clause.use(*covered(clause, said.start(), token.start))
    elif behind is not None:
        clause.use(*covered(clause, *behind.span()))
    written = amount.unit.removesuffix("/c") if name == "momentum" else amount.unit
    return f"{name} {amount.value:.15g} {'c' if name == 'speed' and not written else written}".rstrip()


def particle_of(thing: Thing) -> Thing:
    """A thing without its antiparticles where its charge was not said."""
    table = particle_table().particles
    names = tuple(n for n in thing.names if n in table and not table[n].is_antiparticle)
    return thing if thing.state_given or not names else replace(thing, names=names)


# ---- products of a decay at rest -----------------------------------------------------------------

_Q = re.compile(r"\(Q\)|\bQ\b")
_SPEAKS = re.compile(r"energ|moment|speed|veloc|fast|wave|factor|value", re.IGNORECASE)
_RELEASED = re.compile(
    r"(?:how much |what |the |total |kinetic |available ){0,6}energ(?:y|ies)(?: is| are| does| gets?| becomes| comes| do)?[^.?;]{0,60}?"
    r"\b(?=[rlsfgac])(?:released?|liberated?|left(?: over)?|set"
    r" free|(?:there )?to share|share|freed|given off|gained|available|carried away"
    r"|shared|comes? out|goes)"
    r"(?: (?:to|by|among|between|for|as kinetic energy of) (?:the )?(?:decay )?(?:products?|daughters?))?"
    r"|(?:left-?over|released|available|total kinetic) energy(?: of the (?:decay )?(?:products?|daughters?))?"
    r"|(?:total )?kinetic energy of (?:the|all) (?:decay )?products|q[- ]?value|disintegration energy",
    re.IGNORECASE,
)
_AT_REST = re.compile(
    r"\b(?:each|both|either|every|the other|one of|emitted|outgoing|emerging|resulting|produced|comes? out|recoil(?:s|ing)?|monochromatic"
    r"|(?:decay )?products?|daughters?|two-body|(?:in|of|from) the decay|decays?|decaying|stationary|resting|initially|parent|mother"
    r"|carry|carries|carried|away|moves?|go|frame|end up)\b|as a fraction of (?:c\b|the speed of light)"
    r"|in the (?:rest frame of the|cent(?:re|er)[- ]of[- ]mass)(?: frame)?|rest[- ]frame",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"\b(?:maximum|maximal|max|largest|highest|greatest|endpoint|end-point|most|maximally)\b", re.IGNORECASE
)


def of_products(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Momentum of the muon in pi+ -> mu+ nu_mu at rest', 'energy of each photon when a pi0 decays'; energy that a decay sets free."""
    speaks = _SPEAKS.search(clause.plain, *span_of(clause))
    if speaks is None or clause.has("compare", "amount", "class", "difference", "relation"):
        return None
    released = _RELEASED.search(clause.plain, *span_of(clause))
    if released is not None:
        clause.use(*covered(clause, *released.span()))
        if left := _left_of_masses(clause, context):
            return left
        asked = ["energy-release"]
    else:
        asked = _asked(clause)
    channels, things = clause.places("channel"), list(things_of(clause))
    if not asked or len(channels) > 1 or not set(asked) <= {"energy-release", *_OF_PRODUCTS}:
        return None
    use_words(clause, _PER_LIGHT)
    if clause.has("ratio"):
        return None
    at_rest = _RESTING.search(clause.plain, *span_of(clause)) is not None
    if clause.has("measured", "list", "count"):
        return None
    found = _decay_of(clause, context, things, channels)
    if found is None:
        return None
    parent, channel, daughters, places = found
    daughter = daughters[0] if daughters else None
    use_words(clause, _AT_REST)
    most = _MOST.search(clause.plain, *span_of(clause))
    if most is not None:
        clause.use(*covered(clause, *most.span()))
    spans = clause.use(*places)
    all_alike = daughter is not None and all(set(names) & set(daughter.names) for names in channel.products)
    if (
        asked == ["energy-release"] and daughter is not None and not all_alike
    ):  # 'how much energy does the photon carry away?'
        asked = ["kinetic-energy" if clause.contains(["kinetic"]) else "energy"]
    if asked == ["energy-release"]:
        use_words(clause, _Q)
        return [Goal("value", (Wanted(parent, "energy-release", channel, spans=spans),))]
    if (asked == ["momentum"] and not (at_rest or daughter)) or (len(channel.products) != 2 and most is None):
        return None  # sources list the largest momentum of any product
    said = {"given": "most" if most is not None else "rest"}
    each: list[Thing | None] = [*daughters] or [None]
    return [
        Goal("value", (Wanted(parent, name, channel, one, said, spans=spans),))
        for name in asked
        for one in each
    ]


def _left_of_masses(clause: Clause, context: Context) -> list[Goal] | None:
    """'Is the phi heavier than two kaons? How much energy is left over?': the difference of the masses compared."""
    last = context.goals[-1] if context.goals else None
    alone = not clause.has("thing", "channel", "property")
    masses = (
        last is not None
        and last.operation == "is"
        and [w.property for w in last.operands] == ["mass", "mass"]
    )
    return [Goal("difference", last.operands)] if last is not None and masses and alone else None


_PER_LIGHT = re.compile(r",? ?(?:as a fraction of|in units of|relative to) (?:c\b|the speed of light)")
_RESTING = re.compile(r"\bat rest\b|\brest frame\b|\b(?:each|both|either)\b")
_OF_PRODUCTS = frozenset({"momentum", "energy", "kinetic-energy", "speed", "lorentz-factor", "wavelength"})


def _decay_of(
    clause: Clause, context: Context, things: Sequence[tuple[int, Thing]], channels: Sequence[int]
) -> tuple[Thing, Channel, list[Thing], list[int]] | None:
    """What decays, into what, the products in question, and the places of all these."""
    if channels:
        channel: Channel = clause.tokens[channels[0]].value
        before = [one for one in things if one[0] < channels[0]]
        if not before:
            return None
        parent = before[-1][1]
    elif (things or _WITHOUT_THING.search(clause.plain, *span_of(clause))) and (
        told := _told(clause, context)
    ):
        parent, channel = told
    elif len(things) == 2:  # 'energy of each photon when a pi0 decays'
        parent, daughter = things[1][1], things[0][1]
        inferred = _inferred(clause, daughter, _particle_name(parent))
        if inferred is None:
            return None
        return particle_of(parent), inferred, [daughter], [i for i, _ in things]
    elif (
        len(things) == 1
        and _particle_name(things[0][1]) in _LEPTONIC
        and _BETA.search(clause.plain, *span_of(clause))
    ):
        use_words(clause, _BETA)
        parent = particle_of(things[0][1])
        return parent, Channel(tuple((name,) for name in _LEPTONIC[parent.names[0]])), [], [things[0][0]]
    else:
        return None
    daughters = [t for _, t in things if not set(t.names) & set(parent.names) and _is_product(t, channel)]
    others = [t for _, t in things if not set(t.names) & set(parent.names) and t not in daughters]
    if others:
        return None
    each = list({t.names: t for t in daughters}.values())
    return parent, channel, each, [*channels, *(i for i, _ in things)]


_LEPTONIC = {
    "n": ("p", "e-", "nubar_e"),
    "mu-": ("e-", "nubar_e", "nu_mu"),
}  # all that they decay to but for photons
_WITHOUT_THING = re.compile(
    r"\b(?:each|both|either|release|released|left|this decay|the decay|share|the two|products)\b"
)
_BETA = re.compile(r"\b(?:beta|β)[- ]?decay(?:s|ing)?|\bdecays?\b", re.IGNORECASE)


def _is_product(thing: Thing, channel: Channel) -> bool:
    return any(set(thing.names) & set(names) for names in channel.products)


def _told(clause: Clause, context: Context) -> tuple[Thing, Channel] | None:
    """The decay that a sentence before speaks of; where it asks nothing of it, the goal of its words is replaced."""
    last = context.goals[-1] if context.goals else None
    if last is None or last.operation not in ("value", "is") or len(last.operands) != 1:
        return None
    wanted = last.operands[0]
    if wanted.channel is None or wanted.property not in ("branching-fraction", "decays"):
        return None
    begin = wanted.channel.span[0]
    others = [clause.plain[slice(*s)] for s in wanted.spans if s[1] <= begin and s != wanted.thing.span]
    context.replaced = (
        last.operation == "value"
        and context.same_question
        and all(words.startswith(("decay", "to", "into", "zerf", "go")) for words in others)
    )
    return wanted.thing, wanted.channel


def _particle_name(thing: Thing) -> str:
    return particle_of(thing).names[0]


def _inferred(clause: Clause, daughter: Thing, parent: str) -> Channel | None:
    """The products of which one kind was named: 'each photon', 'the muon of a pion decay' with its neutrino, those of a beta decay."""
    if not re.search(r"\bdecays?\b|\bdecaying\b", clause.plain):
        return None
    if clause.contains(["each", "both", "two", "either", "every"]) or re.search(r"photons\b", clause.plain):
        table = particle_table().particles
        both = tuple(dict.fromkeys([*daughter.names, *(table[n].conjugate for n in daughter.names)]))
        return Channel((both, both))
    if {"e-", "e+"} & set(daughter.names) and parent in _LEPTONIC:
        use_words(clause, _BETA)
        return Channel(tuple((name,) for name in _LEPTONIC[parent]))
    if (
        parent[0] in "pKDB"
        and set(daughter.names) & {"e-", "e+", "mu-", "mu+"}
        and clause.contains(["muon", "electron", "positron"])
    ):
        own = "nu_e" if {"e-", "e+"} & set(daughter.names) else "nu_mu"
        return Channel((daughter.names, (own, own.replace("nu", "nubar"))))
    return None


# ---- thresholds ----------------------------------------------------------------------------------

_REACTION = re.compile(r"(?P<arrow>→|->)")
_THRESHOLD = re.compile(
    r"threshold|(?:at|above|from) (?:what|which) (?=cent(?:re|er)|energ|sqrt)|open(?:s)? up|becomes? (?:energetically )?possible"
    r"|(?:minimum|minimal|least|lowest|smallest)(?= (?:possible |cent(?:re|er)[- ]of[- ]mass |cm |c\.m\. |beam |kinetic |total |photon "
    r"|pion |proton |lab(?:oratory)? )*(?:energy|momentum))"
    r"|(?<=energy )(?:do (?:you|we|i) need|must (?:the|a)|is (?:needed|required|necessary))"
    r"(?: to (?:make|produce|create))?",
    re.IGNORECASE,
)
_IN_CM = re.compile(
    r"cent(?:re|er)[- ]of[- ](?:mass|momentum)(?:[- ]frame| system)?|\bcms?\b|c\.m\.|sqrt ?\(?s\)?|√s|collider",
    re.IGNORECASE,
)
_FIXED = re.compile(  # words around a reaction
    r"(?:(?:on|with|for|of|against|and) )?(?:an? |the )?(?:fixed|stationary)[- ]target"
    r"|(?:with |on |if |and |for |of )?(?:an?|the) [\w +-]{1,20} (?:target )?(?:is )?(?:initially )?at rest(?: as (?:the )?target)?"
    r"|at rest|in the lab(?:oratory)?(?: frame)?|as (?:the )?target|at (?:what|which)|to (?:occur|proceed|happen|take place|go)"
    r"|\b(?:beam|reaction|process|becomes? (?:energetically )?possible|produc(?:e|es|ing|tion)|needed|required|necessary|possible"
    r"|collisions?|incident|incoming|projectile)\b",
    re.IGNORECASE,
)


def threshold(clause: Clause, context: Context) -> list[Goal] | None:
    """Read 'Threshold energy of p p -> p p pi0 on a target at rest', 'threshold centre-of-mass energy for e+ e- -> W+ W-'."""
    start, end = span_of(clause)
    arrow = _REACTION.search(clause.plain, start, end)
    if not _THRESHOLD.search(clause.plain, start, end):
        return None
    if arrow is None:
        return _pair_threshold(clause)
    pair = [t for t in find_things(clause.plain[start : arrow.start()]) if t.names]
    if len(pair) < 2:
        return None
    beam, target = (replace(t, span=(t.span[0] + start, t.span[1] + start)) for t in pair[-2:])
    if (
        clause.plain[beam.span[1] : target.span[0]].strip(" +")
        or clause.plain[target.span[1] : arrow.start()].strip()
    ):
        return None
    rest = _AFTER.search(clause.plain, arrow.end(), end)
    channel, stop = read_channel(
        clause.plain, arrow.end() + (clause.plain[arrow.end()] == " "), rest.start() if rest else end
    )
    if len(channel.products) < 2 or any(len(names) != 1 for names in channel.products):
        return None
    clause.use(*covered(clause, beam.span[0], stop))
    cm = _IN_CM.search(clause.plain, start, end) is not None
    for pattern in (_THRESHOLD, _IN_CM):
        use_words(clause, pattern)
    asked = _asked(clause) or ["energy"]
    use_words(clause, _FIXED)
    collider = {beam.names[0], target.names[0]} == {"e+", "e-"} and not re.search(
        r"fixed|at rest|target|beam", clause.plain
    )
    name = "threshold-cm" if cm or collider else f"threshold-{asked[0]}"
    if len(asked) > 1 or name.removeprefix("threshold-") not in (
        "cm",
        "energy",
        "kinetic-energy",
        "momentum",
    ):
        return None
    taking_part = {beam.names[0], target.names[0], *(names[0] for names in channel.products)}
    named = [i for i, t in things_of(clause) if taking_part & set(t.names)]
    spans = clause.use(*named, *covered(clause, beam.span[0], stop))
    pair_of = Thing(
        (beam.names[0], target.names[0]), f"{beam.text} {target.text}", (beam.span[0], target.span[1]), True
    )
    return [Goal("value", (Wanted(pair_of, name, channel, spans=spans),))]


def _pair_threshold(clause: Clause) -> list[Goal] | None:
    """'The centre-of-mass energy at which a pair of tau leptons can be produced'."""
    start, end = span_of(clause)
    channels, things = clause.places("channel"), list(things_of(clause))
    beams = [
        i for i, t in things if set(t.names) <= {"e+", "e-"} and _COLLIDING.search(clause.plain, start, end)
    ]
    made = [(i, t) for i, t in things if i not in beams]
    if not (_IN_CM.search(clause.plain, start, end) or beams) or len(channels) + len(made) != 1:
        return None
    if channels:
        products = clause.tokens[channels[0]].value.products
    elif _PAIR.search(clause.plain, start, end):
        products = (made[0][1].names[:1],) * 2
    elif len(made[0][1].names) == 1 and _of_itself(made[0][1].names[0]):  # 'to produce a Z'
        products = (made[0][1].names,)
    else:
        return None
    first, *others = (names[0] for names in products)
    if first not in particle_table().particles or (not others and not _of_itself(first)):
        return None
    last = particle_table().particles[first].conjugate
    if len(others) > 1 or (others and last not in products[1] and not made):
        return None
    use_words(clause, _THRESHOLD)
    use_words(clause, _IN_CM)
    use_words(clause, _PAIR)
    _asked(clause)
    use_words(clause, _FIXED)
    spans = clause.use(*channels, *beams, *(i for i, _ in made))
    pair = Thing(("e-", "e+"), "e- e+", (0, 0), True)
    channel = Channel(((first,), (last,)) if others else ((first,),), span=spans[0])
    return [Goal("value", (Wanted(pair, "threshold-cm", channel, spans=spans),))]


def _of_itself(name: str) -> bool:
    """Whether one of it can be made alone: a neutral particle that is its own antiparticle."""
    table = particle_table().particles
    return name in table and table[name].conjugate == name and name != "gamma"


_PAIR = re.compile(r"\bpairs?\b")
_COLLIDING = re.compile(r"e\+ ?e-|collision|annihilation|collider")
_AFTER = re.compile(r"[?.;,]|\b(?:with|on|if|when|in|for|where|at|to|and the)\b")


RULES = (threshold, in_flight, of_products)
