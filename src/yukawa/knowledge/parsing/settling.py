"""Gives every word of a sentence the part that fits what stands around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.particles import find_particles, particle_table
from yukawa.knowledge.parsing.plan import Amount, Channel, Thing
from yukawa.knowledge.parsing.tokens import Token

_PRONOUNS = frozenset("its their it they them theirs it's that those he she".split())
_JOINS = frozenset({"and", "or", ",", "/", "&", "as well as", "plus", "vs", "versus"})
_SMALL = 100  # numbers up to here count things: 'mass of 5 kaons'


def settled(tokens: list[Token]) -> list[Token]:
    """Tokens with the part that fits what stands around them."""
    for step in (
        _joins,
        _ones,
        _modes,
        _quarks,
        _alternatives,
        _genus,
        _signs,
        _numbers,
        _relations,
        _codes,
        _counts,
        _contrasts,
        _antiparticles,
        _appositions,
        _families,
        _given,
        _minus_signs,
        _fixed,
    ):
        tokens = step(tokens)
    return tokens


def _changed(tokens: Sequence[Token], change: Callable[[int, Token], Token]) -> list[Token]:
    return [change(i, t) for i, t in enumerate(tokens)]


def _joins(tokens: list[Token]) -> list[Token]:
    def change(_: int, token: Token) -> Token:
        word = token.text.lower()
        if token.kind in ("function", "mark") and word in _JOINS:
            return replace(token, kind="join", value="or" if word == "or" else "and")
        if token.kind == "function" and word in _PRONOUNS:
            return replace(token, kind="pronoun")
        return token

    return _changed(tokens, change)


def following(tokens: Sequence[Token], place: int, *, over: Iterable[str] = ("function",)) -> int | None:
    """The next place whose token is none of the kinds `over`."""
    kinds = set(over)
    return next((i for i in range(place + 1, len(tokens)) if tokens[i].kind not in kinds), None)


def other_meaning(token: Token, *kinds: str) -> Token | None:
    """The token with another of its meanings, of one of these kinds."""
    for kind, value in token.otherwise:
        if kind in kinds:
            return replace(token, kind=kind, value=value)
    return None


def _alternatives(tokens: list[Token]) -> list[Token]:
    """'Even or odd', 'a boson or a fermion': where both are named the value is asked, or what the words speak of."""
    if not any(t.kind == "join" and t.text.lower() in _OR for t in tokens):
        return tokens
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


def _minus_signs(tokens: list[Token]) -> list[Token]:
    """'m(A) - m(B)', 'm(A) / m(B)': a sign between two quantities subtracts or divides."""

    def change(place: int, token: Token) -> Token:
        if token.text == "/" and token.kind == "join" and _both_sides(tokens, place):
            return replace(token, kind="divided")
        if token.text != "-" or token.kind != "mark" or not 0 < place < len(tokens) - 1:
            return token
        apart = tokens[place - 1].end < token.start and token.end < tokens[place + 1].start
        before = (
            any(t.kind == "property" for t in tokens[:place]) and tokens[place - 1].text in ")]"
        ) or tokens[place - 1].kind == "thing"
        return (
            replace(token, kind="minus")
            if apart and before and tokens[place + 1].kind == "property"
            else token
        )

    return _changed(tokens, change)


def _both_sides(tokens: Sequence[Token], place: int) -> bool:
    """Whether a thing and a property stand on either side."""
    sides = (tokens[:place], tokens[place + 1 :])
    return all(
        any(t.kind == "thing" for t in side) and any(t.kind == "property" for t in side) for side in sides
    )


def _genus(tokens: list[Token]) -> list[Token]:
    """'Boson Z', 'J/psi 粒子': a class word right beside a thing says nothing new."""

    def change(place: int, token: Token) -> Token:
        near = [tokens[i] for i in (place - 1, place + 1) if 0 <= i < len(tokens)]
        beside = [
            t for t in near if t.kind == "thing" and max(t.start, token.start) - min(t.end, token.end) <= 1
        ]
        return replace(token, kind="aside") if token.kind == "class" and beside else token

    return _changed(tokens, change)


def _signs(tokens: list[Token]) -> list[Token]:
    """'The positive kaon', 'pion chargé': a word of charge beside a thing chooses among its states."""
    found = list(tokens)
    for place, token in enumerate(tokens):
        if (
            token.kind == "property"
            and place
            and found[place - 1].kind == "thing"
            and (sign := other_meaning(token, "sign"))
        ):
            token = sign  # 'pion chargé' without its accent
        if token.kind != "sign":
            continue
        after = next(
            (i for i in range(place + 1, min(place + 3, len(tokens))) if tokens[i].kind != "aside"), None
        )
        beside = [
            i
            for i in (after, place - 1 if place and tokens[place - 1].kind != "aside" else place - 2)
            if i is not None and i >= 0 and found[i].kind == "thing"
        ]
        chosen = next((c for i in beside if (c := _of_charge(found[i], token.value))), None)
        if chosen is None:
            found[place] = replace(token, kind="word")
            continue
        found[place] = replace(token, kind="aside")
        found[next(i for i in beside if found[i].start == chosen.start)] = chosen
    return found


def _of_charge(token: Token, sign: str) -> Token | None:
    """The thing with the states of one charge, if it has any."""
    table = particle_table().particles
    charges = {name: table[name].charge for name in token.value.names if name in table}
    names = tuple(name for name, charge in charges.items() if charge is not None and _fits(charge, sign))
    return replace(token, value=replace(token.value, names=names, state_given=True)) if names else None


def _fits(charge: float, sign: str) -> bool:
    if sign in ("charged", "neutral"):
        return bool(charge) == (sign == "charged")
    return charge > 0 if sign == "+" else charge < 0


def _numbers(tokens: list[Token]) -> list[Token]:
    """'Ten percent', 'two seconds': a number in words with its unit is an amount."""
    found: list[Token] = []
    for token in tokens:
        before = found[-1] if found else None
        percent = token.text.lower() in ("percent", "per cent", "per mille")
        if before is not None and before.kind == "number" and (token.kind == "unit" or percent):
            unit = "%" if percent and token.text.lower() != "per mille" else str(token.value)
            span = (before.start, token.end)
            found[-1] = Token(
                "amount", *span, f"{before.text} {token.text}", Amount(float(before.value), unit, span)
            )
        else:
            found.append(token)
    return found


def _relations(tokens: list[Token]) -> list[Token]:
    """'above' stands before an amount; else it compares, divides, or is a preposition."""

    def change(place: int, token: Token) -> Token:
        after = following(tokens, place, over=("function", "neutral"))
        amount = after is not None and tokens[after].kind == "amount"
        if token.kind == "relation" and not amount:
            divides = any(t.kind == "thing" for t in tokens[:place]) and any(
                t.kind in ("thing", "property") for t in tokens[place:]
            )
            if meant := other_meaning(token, "compare", *(("divided",) if divides else ())):
                return meant
            if found := _COMPARING.get(token.text.lower().removesuffix(" than")):
                return replace(token, kind="compare", value=found)
            return replace(token, kind="function")
        if token.kind == "divided" and token.text.lower() == "over" and amount:
            return replace(token, kind="relation", value=">")
        if token.kind == "compare" and amount and token.value[1] in "<>" and "than" in token.text.lower():
            return replace(token, kind="relation", value=token.value[1])
        return token

    return _changed(tokens, change)


_COMPARING = {
    "greater": ("", ">"), "larger": ("", ">"), "longer": ("", ">"), "heavier": ("mass", ">"), "higher": ("", ">"), "bigger": ("", ">"),
    "more": ("", ">"),
    ">": ("", ">"), "<": ("", "<"),
    "less": ("", "<"), "smaller": ("", "<"), "shorter": ("", "<"), "lighter": ("mass", "<"), "lower": ("", "<"), "fewer": ("", "<"),
}  # fmt: skip


def _codes(tokens: list[Token]) -> list[Token]:
    """'particle 443', 'MC id 4122', 'code -321': numbers that stand for a particle."""
    speaks = any(t.kind == "property" and t.value == "monte-carlo-number" for t in tokens)

    def number(place: int, token: Token) -> Token:
        if token.kind != "amount" or token.value.unit or token.value.value % 1 or len(token.text) > 12:
            return token
        before = [t.text.lower() for t in tokens[max(0, place - 3) : place] if t.kind != "mark"]
        last = before[-1] if before else ""
        named = last in _CODE_WORDS or "code" in before[-2:] or (last == "is" and "particle" in before)
        return replace(token, kind="code", value=int(token.value.value)) if speaks or named else token

    found = _changed(tokens, number)
    if not any(t.kind == "code" for t in found):
        return found
    introduced = any(t.kind == "property" and t.value != "monte-carlo-number" for t in found)

    def word(_: int, token: Token) -> Token:
        says_so = token.text.lower() in _CODE_WORDS or (
            token.kind == "property" and token.value == "monte-carlo-number"
        )
        return replace(token, kind="aside") if says_so and (introduced or token.kind == "word") else token

    return _changed(found, word)


_CODE_WORDS = frozenset({"particle", "code", "id", "mcid", "pdgid", "pdg"})


def _counts(tokens: list[Token]) -> list[Token]:
    """'two protons', '5 kaons': a number in front of a thing multiplies it, unless an article makes it a count of states."""

    def change(place: int, token: Token) -> Token:
        number = token.kind == "number" or (token.kind == "amount" and not token.value.unit)
        if not number or place + 1 >= len(tokens) or tokens[place + 1].kind not in ("thing", "class"):
            return token
        value = token.value if token.kind == "number" else token.value.value
        before = tokens[place - 1].text.lower() if place else ""
        if place and tokens[place - 1].kind == "out-of":
            return replace(token, kind="number", value=float(value))
        if before in _ARTICLES:
            return replace(token, kind="neutral")
        if tokens[place + 1].kind == "thing" and 1 < value <= _SMALL and value % 1 == 0:
            return replace(token, kind="factor", value=float(value))
        return token

    return _changed(tokens, change)


_ARTICLES = frozenset("the these those both all its".split())


def _contrasts(tokens: list[Token]) -> list[Token]:
    """'not the Breit-Wigner mass' where another scheme is wanted: said to make clear what is not meant."""
    found = list(tokens)
    for place, token in enumerate(tokens):
        if token.kind != "negation" or token.text.lower() not in _CONTRASTING:
            continue
        opposed = _opposed(tokens, place)
        rest = [t for i, t in enumerate(tokens) if i != place and i not in opposed]
        schemes = [i for i in opposed if tokens[i].kind == "qualifier"]
        if opposed and all(any(_alternative(tokens[i], other) for other in rest) for i in schemes or opposed):
            for i in (place, *opposed):
                found[i] = replace(found[i], kind="aside")
    return found


_CONTRASTING = frozenset({"not", "but not", "instead of", "rather than", "not the", "isn't"})


def _opposed(tokens: Sequence[Token], place: int) -> list[int]:
    """What a negation speaks of: the things, properties or qualifiers right behind it."""
    found = []
    for i in range(place + 1, len(tokens)):
        if tokens[i].kind in ("thing", "property", "qualifier"):
            found.append(i)
        elif tokens[i].kind not in ("function", "pronoun") or tokens[i].text.lower() in ("of", "for"):
            break
    return found


def _alternative(token: Token, other: Token) -> bool:
    """Whether `other` says what is meant in place of `token`."""
    if token.kind == "qualifier":
        return other.kind == "qualifier" and other.value[0] == token.value[0]
    return other.kind == token.kind and (token.kind != "property" or other.value != "")


def _antiparticles(tokens: list[Token]) -> list[Token]:
    """'Charge of the antiparticle of the Sigma+' is a question on the antiparticle."""
    words = [i for i, t in enumerate(tokens) if t.kind == "property" and t.value == "antiparticle"]
    others = any(
        t.kind in ("property", "channel", "difference-of") and t.value != "antiparticle" for t in tokens
    )
    if len(words) != 1 or not others:
        return tokens
    thing = following(tokens, words[0])
    if (
        thing is None
        or tokens[thing].kind != "thing"
        or "of" not in [t.text.lower() for t in tokens[words[0] : thing]]
    ):
        return tokens
    meant: Thing = tokens[thing].value
    table = particle_table().particles
    names = tuple(dict.fromkeys(table[n].conjugate for n in meant.names if n in table))
    found = list(tokens)
    found[thing] = replace(tokens[thing], value=replace(meant, names=names))
    found[words[0]] = replace(tokens[words[0]], kind="aside")
    return found


def _families(tokens: list[Token]) -> list[Token]:
    """'The two neutral kaons, K-short and K-long', 'kaon K+': a family beside its members only announces them."""
    things = [(i, set(t.value.names)) for i, t in enumerate(tokens) if t.kind == "thing"]

    def change(place: int, token: Token) -> Token:
        if token.kind != "thing":
            return token
        names = set(token.value.names)
        inside = [i for i, other in things if i != place and other < names]
        return replace(token, kind="aside") if len(inside) > 1 or place + 1 in inside else token

    return _changed(tokens, change)


def _given(tokens: list[Token]) -> list[Token]:
    """'Given its width, how long …': what a value is to be computed from is not asked; in Chinese and Japanese it comes before."""

    def change(place: int, token: Token) -> Token:
        if token.kind == "based-on":
            return replace(token, kind="function")
        beside = place - 1 if token.text.isascii() else place + 1
        based = 0 <= beside < len(tokens) and tokens[beside].kind == "based-on"
        others = sum(t.kind == "property" for t in tokens) > 1
        return replace(token, kind="aside") if based and others and token.kind == "property" else token

    return _changed(tokens, change)


def _ones(tokens: list[Token]) -> list[Token]:
    """'The neutral kaon or the charged one': the other states of what was named."""

    def change(place: int, token: Token) -> Token:
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        if token.kind != "sign" or after is None or after.text.lower() not in ("one", "ones"):
            return token
        named = min(
            (t for t in tokens if t.kind == "thing"), key=lambda t: abs(t.start - token.start), default=None
        )
        family = named and find_particles(named.text.split(" ", 1)[-1])
        if not named or not family:
            return token
        thing = replace(named.value, names=family[0].names, text=token.text, span=(token.start, token.end))
        return _of_charge(replace(token, kind="thing", value=thing), token.value) or token

    return _changed(tokens, change)


def _modes(tokens: list[Token]) -> list[Token]:
    """'Invisible branching fraction', 'hadronic width', 'decays hadronically': a word that names the final state."""
    names = ("branching-fraction", "width", "partial-width", "decays")
    of_decays = any(t.kind == "property" and t.value in names for t in tokens)

    def change(_: int, token: Token) -> Token:
        if token.kind != "mode":
            return token
        if not of_decays:
            return replace(token, kind="word")
        return replace(token, kind="channel", value=Channel(((token.value,),), span=(token.start, token.end)))

    return _changed(tokens, change)


def _quarks(tokens: list[Token]) -> list[Token]:
    """'Which quarks make up a neutron?', 'how many quarks does a proton contain?': what it is made of."""
    things = [t for t in tokens if t.kind == "thing"]
    if len(things) != 1 or any(t.kind in ("property", "channel", "compare", "most") for t in tokens):
        return tokens
    if not any(word in _CONTAINING for t in tokens for word in t.text.lower().split()):
        return tokens

    def change(_: int, token: Token) -> Token:
        quark = token.kind == "class" and token.value == "quark"
        return replace(token, kind="property", value="quark-content") if quark else token

    return _changed(tokens, change)


_CONTAINING = frozenset("contain contains make makes inside in within comprise comprises".split())


def _appositions(tokens: list[Token]) -> list[Token]:
    """'Proton decay limit p → e+ pi0': beside a decay its name and the word for it say nothing new."""
    parents = [
        tokens[i - 1]
        for i, t in enumerate(tokens)
        if t.kind == "channel" and i and tokens[i - 1].kind == "thing"
    ]
    if not parents:
        return tokens

    def change(place: int, token: Token) -> Token:
        after = tokens[place + 1].kind if place + 1 < len(tokens) else ""
        if token.kind == "property" and token.value == "decays":
            return replace(token, kind="aside")
        if (
            token.kind == "thing"
            and after != "channel"
            and any(p.value.names == token.value.names for p in parents)
        ):
            return replace(token, kind="aside")
        return token

    return _changed(tokens, change)


def _fixed(tokens: list[Token]) -> list[Token]:
    """Words that have a part only beside certain others."""

    def change(place: int, token: Token) -> Token:
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        two = sum(t.kind == "thing" for t in tokens) == 2
        if token.kind == "property" and two and (turned := other_meaning(token, "difference")):
            return turned
        if token.kind == "into-before" or (token.kind == "into" and token.text.lower().startswith("decay")):
            return replace(token, kind="property", value="decays")  # 'what does it decay into?'
        if token.kind == "talk":
            return replace(token, kind="function")
        if token.kind == "count" and after is not None:
            if after.kind == "unit":
                return replace(token, kind="function")
            if after.kind == "property" and after.text.lower() not in (
                "charge states",
                "decays",
                "decay modes",
                "decay channels",
                "channels",
                "modes",
            ):
                return replace(token, kind="function")
        if (
            token.kind == "property"
            and token.text.lower() in ("decay", "decays", "decayed")
            and _other_property(tokens, place)
        ):
            return replace(token, kind="aside")
        if token.kind == "out-of" and (after is None or after.kind not in ("amount", "number", "factor")):
            return replace(token, kind="function")
        if (
            token.kind == "qualifier"
            and token.text.lower() == "bound"
            and (after is None or after.kind != "thing")
        ):
            return replace(token, kind="neutral")
        if (
            token.kind == "most"
            and not token.value[0]
            and any(t.text.lower() in ("allowed", "possible") for t in tokens)
        ):
            return replace(token, kind="aside")
        if token.kind == "alternative":
            predicate = token.value == "lifetime" and (after is None or after.kind != "thing")
            return replace(token, kind="neutral" if predicate else "word")
        if (
            token.kind == "class"
            and token.value == "quark"
            and any(t.kind == "property" and t.value == "quark-content" for t in tokens)
        ):
            return replace(token, kind="aside")
        if token.kind == "number" and not token.text.isdigit() and (after is None or after.kind != "most"):
            return replace(token, kind="function" if token.value < _SMALL else "number")
        return token

    return _changed(tokens, change)


def _other_property(tokens: Sequence[Token], place: int) -> bool:
    """Whether 'decays' is but the verb of a sentence that asks for something else."""
    joined = any(0 <= i < len(tokens) and tokens[i].kind == "join" for i in (place - 1, place + 1))
    return not joined and any(t.kind == "property" and t.value != "decays" for t in tokens)
