"""Settles which things a sentence means: charges, families beside their members, numbers that name particles or multiply."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.described import belongs
from yukawa.knowledge.parsing.particles import find_particles, particle_table
from yukawa.knowledge.parsing.plan import Thing
from yukawa.knowledge.parsing.tokens import Token

_SMALL = 100  # numbers up to here count things: 'mass of 5 kaons'
# What else a factor says that is a number of things: 'two muons' do not live twice as long.
COUNTED = ("count", None)
CODE_WORDS = frozenset({"particle", "code", "id", "mcid", "pdgid", "pdg"})
_ARTICLES = frozenset("the these those both all its 这 那 该 この その".split())


def changed(tokens: Sequence[Token], change: Callable[[int, Token], Token]) -> list[Token]:
    """The tokens, each as `change` makes it of its place and itself."""
    return [change(i, t) for i, t in enumerate(tokens)]


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


def genus(tokens: list[Token]) -> list[Token]:
    """Read 'Boson Z', 'J/psi 粒子': a class word right beside a thing says nothing new; 'scalar' beside a lepton does."""

    def change(place: int, token: Token) -> Token:
        """The token as this rule reads it."""
        near = [tokens[i] for i in (place - 1, place + 1) if 0 <= i < len(tokens)]
        beside = [
            t
            for t in near
            if t.kind in ("thing", "identifier") and max(t.start, token.start) - min(t.end, token.end) <= 1
        ]
        if token.kind == "class" and not beside and _counted_apposition(tokens, place):
            return replace(token, kind="aside")
        bracket = [t.text for t in tokens[max(0, place - 1) : place + 2 : 2]] == ["(", ")"]
        if token.kind == "class" and bracket and place > 1 and tokens[place - 2].kind == "class":
            return replace(token, kind="aside")  # 'strange baryons (hyperons)'
        if token.kind != "class" or not beside:
            return token
        strange = not any(t.kind == "identifier" or belongs(str(token.value), t.value.names) for t in beside)
        return replace(token, kind="word" if strange else "aside")

    found = changed(tokens, change)
    for place in range(len(found) - 1, 0, -1):  # 'the doubly charmed tetraquark T_cc'
        idle = found[place].kind == "aside" and tokens[place].kind in ("class", "word", "function")
        listed = tokens[place].kind == "class" and place + 1 < len(tokens) and tokens[place + 1].text in "(:"
        idle |= listed and any(t.kind == "thing" for t in tokens[place:])
        if (
            idle
            and found[place - 1].kind in ("word", "function")
            and found[place - 1].text.lower() in _ADJECTIVES
        ):
            found[place - 1] = replace(found[place - 1], kind="aside")
    return found


_ADJECTIVES = frozenset(
    "doubly singly triply weakly strongly decaying charmed beautiful exotic famous new strange heavy light bottom hidden".split()
)


def _counted_apposition(tokens: Sequence[Token], place: int) -> bool:
    """'W和Z两个玻色子': whether a number behind things counts these."""
    first = place - 1
    while first > 0 and (tokens[first].kind == "number" or tokens[first].text in ("个", "種", "种", "这")):
        first -= 1
    counted = any(t.kind == "number" for t in tokens[first + 1 : place])
    return counted and first > 0 and tokens[first].kind == "thing"


def signs(tokens: list[Token]) -> list[Token]:
    """Read 'The positive kaon', 'pion chargé': a word of charge beside a thing chooses among its states."""
    found = list(tokens)
    for place, token in enumerate(tokens):
        if (
            token.kind == "property"
            and place
            and found[place - 1].kind in ("thing", "class")
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
            for i in (
                after,
                place - 1
                if place and tokens[place - 1].kind != "aside" and tokens[place - 1].text != "("
                else place - 2,
            )
            if i is not None and i >= 0 and found[i].kind == "thing"
        ]
        chosen = next((c for i in beside if (c := _of_charge(found[i], token.value))), None)
        if chosen is None:
            noun = following(tokens, place, over=("function", "most", "aside"))
            of_class = "class" in (
                noun is not None and tokens[noun].kind,
                place and tokens[place - 1].kind,
            )  # 'charged mesons'
            kept = token if of_class else replace(token, kind="appended")
            found[place] = _before_its_noun(tokens, place) or kept
            continue
        found[place] = replace(token, kind="aside")
        found[next(i for i in beside if found[i].start == chosen.start)] = chosen
    return found


def _before_its_noun(tokens: Sequence[Token], place: int) -> Token | None:
    """'The charged' of 'the charged and the neutral pion'."""
    after = following(tokens, place, over=("function", "join"))
    if (
        after is None
        or tokens[after].kind != "thing"
        or not any(t.text.lower() in _ANDS for t in tokens[place:after])
    ):
        return None
    noun = tokens[after].text.partition(" ")[2]
    named = [m for m in find_particles(f"{tokens[place].text} {noun}") if m.start == 0] if noun else []
    if not named:
        return None
    token = tokens[place]
    thing = Thing(named[0].names, token.text, (token.start, token.end), named[0].charge_given)
    return replace(token, kind="thing", value=thing)


_ANDS = frozenset("and or und oder et ou".split())


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


def of_the_model(tokens: list[Token]) -> list[Token]:
    """Read 'The elementary particles of the SM': where particles belong, and no prediction."""
    of_class = any(t.kind == "class" for t in tokens)

    def change(place: int, token: Token) -> Token:
        """The token at `place` as this rule reads it."""
        model = token.kind == "qualifier" and token.text.lower() in (
            "sm",
            "standard model",
            "the standard model",
        )
        before = [t.text.lower() for t in tokens[max(0, place - 2) : place]]
        return (
            replace(token, kind="aside")
            if model and of_class and before in (["of", "the"], ["in", "the"])
            else token
        )

    return changed(tokens, change)


def codes(tokens: list[Token]) -> list[Token]:
    """Read 'particle 443', 'MC id 4122', 'code -321': numbers that stand for a particle."""
    speaks = any(t.kind == "property" and t.value == "monte-carlo-number" for t in tokens)

    def number(place: int, token: Token) -> Token:
        """The token as this rule reads it."""
        if token.kind != "amount" or token.value.unit or token.value.value % 1 or len(token.text) > 12:
            return token
        before = [t.text.lower() for t in tokens[max(0, place - 3) : place] if t.kind != "mark"]
        last = before[-1] if before else ""
        named = last in CODE_WORDS or "code" in before[-2:] or (last == "is" and "particle" in before)
        return replace(token, kind="code", value=int(token.value.value)) if speaks or named else token

    found = changed(tokens, number)
    if not any(t.kind == "code" for t in found):
        return found
    introduced = any(t.kind == "property" and t.value != "monte-carlo-number" for t in found)

    def says_so(token: Token) -> bool:
        of_codes = token.kind == "property" and token.value == "monte-carlo-number"
        return of_codes or token.text.lower() in CODE_WORDS

    def word(place: int, token: Token) -> Token:
        """The token at `place` as this rule reads it."""
        # 'the baryon with MC code 4232': the code says which
        between = itertools.takewhile(lambda t: t.kind != "code", found[place + 1 :])
        named = token.kind == "class" and all(
            says_so(t) or t.kind in ("function", "neutral") for t in between
        )
        aside = named or (says_so(token) and (introduced or token.kind == "word"))
        return replace(token, kind="aside") if aside else token

    return changed(found, word)


_CLASSIFIERS = frozenset("个 個 つ の つの 個の 颗".split())


def counts(tokens: list[Token]) -> list[Token]:
    """Read 'two protons', '5 kaons': a number in front of a thing multiplies it, unless an article makes it a count of states."""

    def change(place: int, token: Token) -> Token:
        """The token as this rule reads it."""
        number = token.kind == "number" or (token.kind == "amount" and not token.value.unit)
        noun = next((t for t in tokens[place + 1 : place + 4] if t.text not in _CLASSIFIERS), None)
        if not number or noun is None or noun.kind not in ("thing", "class"):
            return token
        value = token.value if token.kind == "number" else token.value.value
        before = tokens[place - 1].text.lower() if place else ""
        if place and tokens[place - 1].kind == "out-of":
            return replace(token, kind="number", value=float(value))
        if before in _ARTICLES:
            return replace(token, kind="neutral")
        if noun.kind == "thing" and 1 < value <= _SMALL and value % 1 == 0:
            return replace(token, kind="factor", value=float(value), otherwise=(COUNTED,))
        return token

    return changed(tokens, change)


def antiparticles(tokens: list[Token]) -> list[Token]:
    """Read 'Charge of the antiparticle of the Sigma+' as a question on the antiparticle."""
    words = [i for i, t in enumerate(tokens) if t.kind == "property" and t.value == "antiparticle"]
    others = any(
        t.kind in ("property", "channel", "difference-of") and t.value != "antiparticle" for t in tokens
    )
    if len(words) != 1 or not others:
        return tokens
    place = words[0]
    owned = place > 1 and tokens[place - 1].text == "'s" and any(t.kind == "property" for t in tokens[:place])
    behind = tokens[place + 1].text if place + 1 < len(tokens) else ""
    owned |= place > 1 and {tokens[place - 1].text, behind} <= _OF_EAST_ASIAN  # '质子的反粒子的电荷'
    thing = place - 2 if owned else following(tokens, place)  # 'the mass of the proton's antiparticle'
    if (
        thing is None
        or tokens[thing].kind != "thing"
        or not (owned or "of" in [t.text.lower() for t in tokens[place:thing]])
    ):
        return tokens
    meant: Thing = tokens[thing].value
    table = particle_table().particles
    names = tuple(dict.fromkeys(table[n].conjugate for n in meant.names if n in table))
    found = list(tokens)
    found[thing] = replace(tokens[thing], value=replace(meant, names=names))
    found[words[0]] = replace(tokens[words[0]], kind="aside")
    return found


def families(tokens: list[Token]) -> list[Token]:
    """Read 'The two neutral kaons, K-short and K-long', 'kaon K+': a family beside its members only announces them."""
    things = [(i, set(t.value.names)) for i, t in enumerate(tokens) if t.kind == "thing"]

    def change(place: int, token: Token) -> Token:
        """The token at `place` as this rule reads it."""
        if token.kind != "thing":
            return token
        names = set(token.value.names)
        inside = [i for i, other in things if i != place and other < names]
        beside = (
            place + 2 if any(t.text in _OF_EAST_ASIAN for t in tokens[place + 1 : place + 2]) else place + 1
        )
        return replace(token, kind="aside") if len(inside) > 1 or beside in inside else token

    return changed(tokens, change)


_OF_EAST_ASIAN = frozenset("の的")


def ones(tokens: list[Token]) -> list[Token]:
    """Read 'The neutral kaon or the charged one': the other states of what was named."""

    def change(place: int, token: Token) -> Token:
        """The token as this rule reads it."""
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        if other := _other_kaon(tokens, place):
            return other
        alone = (
            token.kind == "sign"
            and after is not None
            and (after.kind == "join" or after.text.lower() in ("one", "ones"))
        )
        if not alone or (place and tokens[place - 1].kind == "thing"):
            return token
        named = min(
            (t for t in tokens if t.kind == "thing"), key=lambda t: abs(t.start - token.start), default=None
        )
        family = named and find_particles(named.text.split(" ", 1)[-1])
        if not named or not family:
            return token
        thing = replace(named.value, names=family[0].names, text=token.text, span=(token.start, token.end))
        return _of_charge(replace(token, kind="thing", value=thing), token.value) or token

    return changed(tokens, change)


def _other_kaon(tokens: Sequence[Token], place: int) -> Token | None:
    """'The long-lived neutral kaon and the short-lived one': the other of two that differ by their lifetimes."""
    said = "".join(t.text.lower() for t in tokens[place : place + 4]).replace("-", "")
    name = next((n for word, n in _BY_LIFE.items() if said.startswith(word + "one")), "")
    kaon = next((t for t in tokens if t.kind == "thing" and t.value.names in (("K(L)0",), ("K(S)0",))), None)
    if not name or kaon is None or kaon.value.names == (name,):
        return None
    token = tokens[place]
    thing = replace(kaon.value, names=(name,), text=token.text, span=(token.start, token.end))
    return replace(token, kind="thing", value=thing)


_BY_LIFE = {"shortlived": "K(S)0", "longlived": "K(L)0"}


def appositions(tokens: list[Token]) -> list[Token]:
    """Read 'Proton decay limit p → e+ pi0': beside a decay its name and the word for it say nothing new."""
    parents = [
        tokens[i - 1]
        for i, t in enumerate(tokens)
        if t.kind == "channel" and i and tokens[i - 1].kind == "thing"
    ]
    if not parents:
        return tokens

    tokens = _kinds_of_decay(tokens)
    products = {name for t in tokens if t.kind == "channel" for names in t.value.products for name in names}
    momentum = any(t.kind == "property" and t.value == "momentum" for t in tokens)

    def change(place: int, token: Token) -> Token:
        """The token as this rule reads it."""
        after = tokens[place + 1].kind if place + 1 < len(tokens) else ""
        if token.kind == "thing" and after != "channel" and momentum and products & set(token.value.names):
            return replace(token, kind="aside")  # 'momentum of the muon in pi+ → mu+ nu_mu'
        if token.kind == "property" and token.value == "decays":
            return replace(token, kind="aside")
        if (
            token.kind == "thing"
            and after != "channel"
            and not _owns(tokens, place)
            and any(p.value.names == token.value.names for p in parents)
        ):
            return replace(token, kind="aside")
        return token

    return changed(tokens, change)


def _kinds_of_decay(tokens: list[Token]) -> list[Token]:
    """Tokens without 'the doubly Cabibbo suppressed one' beside a decay that is written out."""
    found = list(tokens)
    for place, token in enumerate(tokens):
        if token.text.lower() not in ("the", "(", ",", "-"):
            continue
        end = place + 1
        while end < len(tokens) and set(tokens[end].text.lower().replace("-", " ").split()) <= _OF_A_DECAY:
            end += 1
        if any(t.text.lower() in _SUPPRESSED for t in tokens[place + 1 : end]):
            said = tokens[place + 1 : end]
            found[place + 1 : end] = [replace(t, kind="aside", value=None, otherwise=()) for t in said]
    return found


_SUPPRESSED = frozenset("suppressed favoured favored allowed forbidden".split())
_OF_A_DECAY = _SUPPRESSED | frozenset(
    "doubly singly cabibbo helicity ozi flavour flavor colour color".split()
)


def _owns(tokens: Sequence[Token], place: int) -> bool:
    """Whether a thing behind a decay has a property of its own: '… and the K+ lifetime', '… and the lifetime of the K+'."""
    if not any(t.kind == "channel" for t in tokens[:place]):
        return False
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    before = [t for t in tokens[:place] if t.kind != "function"][-1:]
    return any(t is not None and t.kind == "property" and t.value in _OWN for t in (after, *before))


_OWN = frozenset(
    {"mass", "lifetime", "width", "spin", "charge", "parity", "half-life", "decay-length", "quark-content"}
)


# ---- quarks by their flavour ---------------------------------------------------------------------


def experiments(tokens: list[Token]) -> list[Token]:
    """Read 'Measured by D0', 'CDF and D0': the experiment of this name, and not the meson."""

    def change(place: int, token: Token) -> Token:
        """The token at `place` as this rule reads it."""
        before = [t for t in tokens[max(0, place - 2) : place] if t.kind not in ("join", "function")]
        beside = bool(before) and (before[-1].kind == "measured" or before[-1].value in _BESIDE_D0)
        named = token.kind == "thing" and token.text == "D0" and beside
        return replace(token, kind="qualifier", value=("experiment", "D0")) if named else token

    return [change(i, t) for i, t in enumerate(tokens)]


_BESIDE_D0 = [("experiment", "CDF")]
