"""Gives every token of a sentence the kind that fits its neighbours: 'light' an adjective or a speed, 'its' the last thing named."""

from collections.abc import Sequence
from dataclasses import replace

from yukawa.knowledge.parsing import counting, described, flavours, naming
from yukawa.knowledge.parsing.contrasts import between_two, contrasts, findings, given, having, methods
from yukawa.knowledge.parsing.lexicon import is_physics
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Channel
from yukawa.knowledge.parsing.several_decays import bare, beta, separated
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.tokens import Token

_PRONOUNS = frozenset("its their it they them theirs it's that those he she".split())
_JOINS = frozenset({"and", "or", ",", "/", "&", "as well as", "plus", "vs", "versus"})
_SMALL = 100  # numbers up to here count things: 'mass of 5 kaons'


def settled(tokens: list[Token]) -> list[Token]:
    """Give each token of a sentence the kind and the value that fit its neighbours; some rules join tokens."""
    for step in (
        _joins,
        beta,
        flavours.flavours,
        naming.experiments,
        separated,
        bare,
        counting.units_alone,
        counting.significances,
        counting.powers,
        counting.multiples,
        counting.coefficients,
        naming.ones,
        _modes,
        flavours.made_of,
        flavours.quarks,
        _systems,
        _predicates,
        _alternatives,
        described.descriptions,
        described.glosses,
        naming.genus,
        naming.of_the_model,
        naming.signs,
        counting.numbers,
        counting.ranges,
        _relations,
        naming.codes,
        naming.counts,
        contrasts,
        naming.antiparticles,
        naming.appositions,
        naming.families,
        given,
        findings,
        methods,
        having,
        flavours.scales,
        counting.operators,
        counting.per,
        _appended,
        between_two,
        _readings,
        counting.lasting,
        _fixed,
    ):
        tokens = step(tokens)
    return tokens


def _joins(tokens: list[Token]) -> list[Token]:
    """Tell conjunctions and pronouns from other function words."""

    def change(_: int, token: Token) -> Token:
        """The token as a conjunction or a pronoun, if it is one."""
        word = token.text.lower()
        if token.kind in ("function", "mark") and word in _JOINS:
            return replace(token, kind="join")
        if token.kind == "function" and word in _PRONOUNS:
            return replace(token, kind="pronoun")
        return token

    return naming.changed(tokens, change)


def _systems(tokens: list[Token]) -> list[Token]:
    """'Invariant mass of mu+ mu-': the mass of a pair is that of what it comes from, and of no particle alone."""
    properties = [t for t in tokens if t.kind == "property"]
    if len(properties) != 1 or properties[0].value not in ("mass", "width", "lifetime"):
        return tokens
    things = [i for i, t in enumerate(tokens) if t.kind == "thing"]
    place = tokens.index(properties[0])
    if properties[0].value == "width" and [i < place for i in things] == [True, True, False]:
        return tokens  # 'the e+ e- width of the J/psi'
    invariant = properties[0].text.lower() == "invariant mass" and len(things) > 1
    operated = any(
        t.kind in ("compare", "difference", "minus", "plus", "ratio", "sum", "count") for t in tokens
    )

    def change(place: int, token: Token) -> Token:
        """A thing of a pair becomes a mere word, so that no mass of it alone is given."""
        beside = place - 1 in things and place in things
        pair = beside and _conjugate(tokens[place - 1], token) and not operated
        return replace(token, kind="word") if place in things and (pair or invariant) else token

    return naming.changed(tokens, change)


def _conjugate(one: Token, other: Token) -> bool:
    """Whether one thing is the antiparticle of the other: e- and e+, but not pi0 and pi0."""
    table = particle_table().particles
    turned = {table[n].conjugate for n in one.value.names if n in table}
    names = set(other.value.names)
    return bool(turned) and names <= turned and names.isdisjoint(one.value.names)


def _predicates(tokens: list[Token]) -> list[Token]:
    """'Is the neutron charged?', 'is the pion positive?': a word of charge behind all else is what is asked."""
    asks = any(t.text.lower() in ("is", "are", "ist", "sind") for t in tokens[:3])
    things = [i for i, t in enumerate(tokens) if t.kind == "thing"]
    asked = any(t.kind in ("property", "compare", "most", "channel", "class") for t in tokens)
    last = next(
        (i for i in range(len(tokens) - 1, -1, -1) if tokens[i].kind not in ("mark", "neutral")), None
    )
    subjects = things or [i for i, t in enumerate(tokens) if t.kind == "pronoun"]
    if len(subjects) != 1 or not asks or asked or last is None:
        return tokens
    if tokens[last].kind != "sign" or subjects[0] > last:
        return tokens
    found = list(tokens)
    found[last] = replace(tokens[last], kind="state")
    return found


def _alternatives(tokens: list[Token]) -> list[Token]:
    """'Even or odd', 'a boson or a fermion': where both are named the value is asked, or what the words speak of."""
    ors = [i for i, t in enumerate(tokens) if t.kind == "join" and t.text.lower() in _OR]
    if not ors:
        return tokens
    amounts = [i for i, t in enumerate(tokens) if t.kind == "amount"]
    valued = any(t.kind in ("property", "difference-of", "ratio") for t in tokens) and not any(
        t.kind in ("relation", "compare") for t in tokens
    )
    if (
        len(amounts) > 1 and valued and any(amounts[0] < i < amounts[-1] for i in ors)
    ):  # '91, 125 or 173 GeV?'
        return [replace(t, kind="aside") if i in amounts or i in ors else t for i, t in enumerate(tokens)]
    signed = any(t.kind == "thing" and t.text.endswith(("positive", "negative")) for t in tokens)
    if signed and any(
        t.kind == "property" and t.value in ("parity", "charge") for t in tokens
    ):  # '… of the D+ positive or negative?'
        tokens = [replace(t, kind="aside") if t.kind == "sign" else t for t in tokens]
    places = [i for i, t in enumerate(tokens) if _alternative_of(t)]
    joined = [
        i
        for i in places
        if any(t.text.lower() in _OR for t in tokens[i + 1 :])
        or any(t.text.lower() in _OR for t in tokens[:i])
    ]
    if len(joined) < 2 or not any(t.kind == "thing" for t in tokens):
        return tokens
    spoken = _alternative_of(tokens[joined[0]])
    asked = any(t.kind == "property" and i not in joined for i, t in enumerate(tokens))
    found = list(tokens)
    for number, i in enumerate(joined):
        first = number == 0 and (tokens[i].kind == "class" or not asked)
        found[i] = (
            replace(tokens[i], kind="property", value=spoken)
            if first and spoken
            else replace(tokens[i], kind="aside")
        )
    return found


_OR = frozenset({"or", "oder", "ou", "还是", "或"})
_SPIN_CLASSES = ("scalar", "vector", "tensor")


def _alternative_of(token: Token) -> str:
    """The property of which a word names one of several values."""
    if token.kind == "alternative":
        return str(token.value)
    if token.kind == "class" and token.value not in ("particle", "quark"):
        return "quantum-numbers" if any(w in token.value for w in _SPIN_CLASSES) else "class"
    if token.kind == "property" and token.text.lower() in ("wide", "broad"):
        return "width"
    if token.kind == "sign" and token.text.lower().endswith("charged"):
        return "charge"
    return "parity" if token.kind == "sign" and token.value in "+-" else ""


def _relations(tokens: list[Token]) -> list[Token]:
    """Read 'above' as a bound before an amount; elsewhere it compares, divides, or is a preposition."""

    def change(place: int, token: Token) -> Token:
        """The token as a bound on an amount, as a comparison of two things, or as a preposition."""
        after = naming.following(tokens, place, over=("function", "neutral"))
        amount = after is not None and tokens[after].kind == "amount"
        if not token.text.isascii() and place and tokens[place - 1].kind == "amount":  # '10 % 以上'
            amount = True
        if token.kind == "relation" and not amount:
            divides = any(t.kind == "thing" for t in tokens[:place]) and any(
                t.kind in ("thing", "property") for t in tokens[place:]
            )
            if meant := naming.other_meaning(token, "compare", *(("divided",) if divides else ())):
                return meant
            if found := _COMPARING.get(token.text.lower().removesuffix(" than")):
                return replace(token, kind="compare", value=found)
            # 'is twice the kaon mass below the phi mass'
            if token.text.lower() in _PLACED and counting.both_sides(tokens, place):
                return replace(token, kind="compare", value=("", str(token.value)))
            if token.text.lower() in _PLACED and divides:  # 'the mass of the psi(2S) above the J/psi'
                return replace(token, kind="word")
            return replace(token, kind="function")
        if token.kind == "divided" and token.text.lower() == "over" and amount:
            return replace(token, kind="relation", value=">")
        if token.kind == "compare" and token.value[1] in "<>" and _with_amount(tokens, place, amount):
            return replace(
                token, kind="relation", value=token.value[1], otherwise=(("compare", token.value),)
            )
        return token

    return naming.changed(tokens, change)


_THAN = frozenset(plain_ascii("than als que より").split())


def _with_amount(tokens: Sequence[Token], place: int, follows: bool) -> bool:
    """'longer than 2 s', '大于 2 s', '2 s より長い': whether a comparison is one with an amount."""
    if follows:
        between = {t.text.lower() for t in tokens[place + 1 : place + 3]}
        return (
            bool(_THAN & {*between, *tokens[place].text.lower().split()}) or not tokens[place].text.isascii()
        )
    before = tokens[max(0, place - 2) : place]
    return len(before) == 2 and before[0].kind == "amount" and before[1].text in _THAN


_PLACED = frozenset({"above", "below", "exceeding"})
_COMPARING = {
    "greater": ("", ">"), "larger": ("", ">"), "longer": ("", ">"), "heavier": ("mass", ">"), "higher": ("", ">"), "bigger": ("", ">"),
    "more": ("", ">"),
    ">": ("", ">"), "<": ("", "<"),
    "less": ("", "<"), "smaller": ("", "<"), "shorter": ("", "<"), "lighter": ("mass", "<"), "lower": ("", "<"), "fewer": ("", "<"),
}  # fmt: skip


def _appended(tokens: list[Token]) -> list[Token]:
    """'… and a unicorn', '… and its history': a further thing that nothing knows; what is said of the asker is none."""
    found = list(tokens)
    for place, token in enumerate(tokens):
        if token.kind != "join" or token.text.lower() not in ("and", "or", "as well as"):
            continue
        phrase = _phrase_behind(tokens, place)
        words = {word for i in phrase for word in tokens[i].text.lower().split()}
        strange = [i for i in phrase if tokens[i].kind == "word"]
        known = any(tokens[i].kind not in ("word", "function", "neutral", "pronoun", "aside") for i in phrase)
        asked = any(t.kind in ("thing", "property", "class") for t in tokens[:place])
        verb = strange and tokens[strange[0]].text.endswith("ed") and not is_physics(tokens[strange[0]].text)
        if strange and asked and not known and not verb and not words & (_ASKERS | _VERBS_OF_ASIDES):
            for i in strange:
                found[i] = replace(tokens[i], kind="appended")
    return found


def _phrase_behind(tokens: Sequence[Token], place: int) -> range:
    """The places behind `place` up to the next mark or conjunction."""
    end = place + 1
    while end < len(tokens) and tokens[end].kind not in ("mark", "join"):
        end += 1
    return range(place + 1, end)


_ASKERS = frozenset(
    "i i'm i've i'd i'll my me we we're we've our us mine you your please thanks thank then".split()
)
_VERBS_OF_ASIDES = frozenset(
    "is are was were will would has have had does do did can could should must".split()
)


def _modes(tokens: list[Token]) -> list[Token]:
    """'Invisible branching fraction', 'hadronic width', 'decays hadronically': a word that names the final state."""
    names = ("branching-fraction", "width", "partial-width", "decays")
    of_decays = any(t.kind == "property" and t.value in names for t in tokens)

    def change(_: int, token: Token) -> Token:
        """The word as a final state, or as a mere word where the sentence is not about decays."""
        if token.kind != "mode":
            return token
        if not of_decays:
            return replace(token, kind="word")
        return replace(
            token,
            kind="channel",
            value=Channel(tuple((name,) for name in token.value.split()), span=(token.start, token.end)),
        )

    return naming.changed(tokens, change)


def _readings(tokens: list[Token]) -> list[Token]:
    """Words that mean one thing or another by what the whole sentence holds."""
    things = sum(t.kind == "thing" for t in tokens)
    several = things > 1 or any(t.kind == "class" for t in tokens)
    several |= sum(t.kind == "channel" for t in tokens) > 1
    of_unit = any(t.kind == "unit" for t in tokens)
    multiplet = things == 1 and _of_several_masses(tokens)
    made_of = any(t.kind == "property" and t.value == "quark-content" for t in tokens)
    decays = any(t.kind == "channel" for t in tokens)
    allowed = any(t.text.lower() in ("allowed", "possible") for t in tokens)
    asks_who = any(t.kind == "measured" for t in tokens)

    def change(place: int, token: Token) -> Token:
        """The token as what it means beside the things, classes and decays of this sentence."""
        text = token.text.lower()
        after = tokens[place + 1] if place + 1 < len(tokens) else token
        if token.kind == "property":
            if text in ("decay rate", "rate of decay") and not decays and things == 1 and of_unit:
                return replace(token, value="width")  # 'the decay rate of the muon in s^-1'
            # 'combien de fois plus lourd', but not 'combien de fois … en deux photons'
            times = None if decays else naming.other_meaning(token, "ratio")
            return times or _property(tokens, place, things)
        if token.kind == "into-before" and not any(sign in text for sign in _BREAKING):
            return replace(token, kind="function")  # '何秒になりますか'
        if token.kind == "neutral" and (several or multiplet) and text in _AVERAGES:
            of_pdg = place > 0 and tokens[place - 1].kind == "neutral"
            if after.text.lower() in _OF or after.kind == "property" or (multiplet and after.kind == "thing"):
                return token if of_pdg else replace(token, kind="average")
            return replace(token, kind="word") if things > 1 else token
        if (
            token.kind == "neutral"
            and (several or decays)
            and text in ("total", "combined")
            and _of_property(tokens, place)
        ):
            return replace(token, kind="sum")
        if text == "比" and things > 1 and place and tokens[place - 1].kind == "property":  # 'W和Z的质量比'
            return token if any(t.kind == "thing" for t in tokens[place:]) else replace(token, kind="ratio")
        named = token.kind == "into" and text in ("mode", "channel", "final state")
        if token.kind == "into-before" or named or (token.kind == "into" and text.startswith("decay")):
            return replace(token, kind="property", value="decays")  # 'what does it decay into?'
        if token.kind == "explain" and asks_who and text.removeprefix("in ").split()[0] in _WHEN:
            return replace(
                token, kind="aside"
            )  # '…, and in what year?': a measurement is shown with its paper
        if token.kind == "qualifier" and token.value[0] == "experiment" and token.text in _SMALL_NAMES:
            return replace(token, kind="word")
        if (token.kind == "most" and not token.value[0] and allowed) or (token.kind == "sum" and made_of):
            return replace(token, kind="aside")
        return (
            replace(token, kind="aside")
            if token.kind == "class" and token.value == "quark" and made_of
            else token
        )

    return naming.changed(tokens, change)


def _of_several_masses(tokens: Sequence[Token]) -> bool:
    """Whether the only thing named means several particles, as 'pions' or 'nucleon' do."""
    names = next(t.value.names for t in tokens if t.kind == "thing")
    table = particle_table().particles
    return sum(n in table and not table[n].is_antiparticle for n in names) > 1


_BREAKING = [plain_ascii(sign) for sign in "崩壊"]


def _of_property(tokens: Sequence[Token], place: int) -> bool:
    """Whether a property follows at once, but for words between."""
    after = naming.following(tokens, place, over=("function", "neutral"))
    return after is not None and tokens[after].kind == "property"


def _property(tokens: Sequence[Token], place: int, things: int) -> Token:
    """A property, or what else its word is: a verb, a comparison, nothing that is asked."""
    token = tokens[place]
    if _needs_verb(tokens, place):
        return replace(token, kind="word")
    if things in (0, 2) and (turned := naming.other_meaning(token, "difference")):
        return turned
    chosen = place > 0 and tokens[place - 1].kind == "most"  # 'the dominant decay, and how often?'
    verb = (
        not chosen
        and _other_property(tokens, place)
        and (
            token.text.lower() in ("decay", "decays", "decayed")
            # 'wie lange dauert es, bis es zerfällt?'
            or any(t.text.lower().split()[0] == "bis" for t in tokens[:place])
        )
    )
    return replace(token, kind="aside") if verb else token


_WHEN = frozenset({"when", "what", "which"})
_AVERAGES = frozenset("average averages mean mittelwert durchschnitt moyenne".split())
_OF = frozenset("of der des von de".split())
_LISTED = frozenset(
    {"charge states", "decays", "decay modes", "decay channels", "channels", "modes"}
)  # what can be counted


def _fixed(tokens: list[Token]) -> list[Token]:
    """Words that have a part only before certain others."""
    properties = sum(t.kind == "property" for t in tokens)
    things = sum(t.kind in ("thing", "class", "code") for t in tokens)

    def change(place: int, token: Token) -> Token:
        """The token at `place` as this rule reads it."""
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        kind = after.kind if after is not None else ""
        if token.kind == "difference" and token.text.lower().startswith("how much do") and things < 2:
            return replace(token, kind="function")  # 'how much does a muon weigh?'
        if token.kind == "difference" and things == 1 and (asking := naming.other_meaning(token, "function")):
            return asking  # '…割合はどれくらいですか'
        verb = token.kind == "qualifier" and token.text.endswith("ing")
        object_ = after is not None and after.text.lower() in _PRONOUNS  # 'I keep mixing it up'
        if token.kind == "talk" or (verb and object_):
            return replace(token, kind="function")
        if token.kind == "count" and after is not None:
            idle = kind == "unit" or (
                kind == "property"
                and after.value != "decays"
                and after.text.lower() not in _LISTED | counting.PLURALS
            )
            return replace(token, kind="function") if idle else token
        if (
            token.kind == "qualifier"
            and token.value[0] == "year"
            and place
            and tokens[place - 1].text.lower() in _SIDES
        ):
            return replace(token, kind="word")  # 'before 2012' is not in 2012
        if (
            token.kind == "property"
            and token.text.lower() in ("pdg number", "pdg numbers")
            and properties > 1
        ):
            return replace(token, kind="neutral")  # 'the PDG number for the width'
        if token.text.lower() == "forbidden" and any(t.kind == "channel" for t in tokens):
            return replace(token, kind="aside")
        if token.kind == "out-of" and kind not in ("amount", "number", "factor"):
            return replace(token, kind="function")
        if token.kind == "ordinal" and kind != "most":
            return replace(token, kind="word")
        if token.kind == "qualifier" and token.text.lower() == "bound" and kind != "thing":
            return replace(token, kind="neutral")
        if token.kind == "alternative":
            return replace(token, kind="neutral" if token.value == "lifetime" and kind != "thing" else "word")
        named = naming.following(tokens, place)
        ranked = (
            named is not None and tokens[named].kind == "class" and any(t.kind == "most" for t in tokens)
        )  # 'the three quarks that are heaviest'
        ranked |= place > 0 and tokens[place - 1].kind == "most"  # '前三个'
        if token.kind == "number" and not token.text.isdigit() and kind != "most" and not ranked:
            return replace(token, kind="function" if token.value < _SMALL else "number")
        return token

    return naming.changed(tokens, change)


_SIDES = frozenset("before after until till vor nach bis avant après apres jusqu'en".split())
# Experiments whose names in lower case are words of their own.
_SMALL_NAMES = frozenset(
    "focus meg lux twist reno xenon zeus alice belle planck minos argus delphi charm opal aleph".split()
)
_VERBS = {
    "how fast": "decay disintegrate break", "how quickly": "decay disintegrate break", "how soon": "decay disintegrate break",
    "how far": "travel fly go move get come live decay average",
}  # fmt: skip


def _needs_verb(tokens: Sequence[Token], place: int) -> bool:
    """'How fast' asks for a lifetime only of what decays, 'how long is it' for a length."""
    text = tokens[place].text.lower()
    if text in _VERBS:
        return not any(
            word.startswith(tuple(_VERBS[text].split())) for t in tokens for word in t.text.lower().split()
        )
    after = tokens[place + 1].text.lower() if place + 1 < len(tokens) else ""
    return (
        text == "how long"
        and after in ("is", "are")
        and sum(t.kind == "property" for t in tokens) == 1
        and "life" not in " ".join(t.text for t in tokens)
    )


def _other_property(tokens: Sequence[Token], place: int) -> bool:
    """Whether 'decays' is but the verb of a sentence that asks for something else."""
    joined = any(0 <= i < len(tokens) and tokens[i].kind == "join" for i in (place - 1, place + 1))
    return not joined and any(t.kind == "property" and t.value != "decays" for t in tokens)
