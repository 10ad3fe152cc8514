"""Settles quarks by their flavour: 'charm to strange quark mass ratio', 'which quarks make up a neutron?', 'with a b quark'."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.naming import changed, following
from yukawa.knowledge.parsing.plan import Thing
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.tokens import Token


def made_of(tokens: list[Token]) -> list[Token]:
    """Read 'Ein Teilchen aus drei Strange-Quarks': in German 'aus' before quarks says what the thing before it is made of."""

    def change(place: int, token: Token) -> Token:
        """The token at `place` as this rule reads it."""
        if (
            token.text.lower() not in ("aus", "with", "containing", "avec", "mit")
            or not place
            or tokens[place - 1].kind not in ("class", "thing")
        ):
            return token
        if token.text.lower() != "aus" and tokens[place - 1].kind != "class":
            return token
        noun = following(tokens, place, over=("function", "number", "amount", "factor", "sign"))
        quarks = noun is not None and tokens[noun].kind == "thing" and set(tokens[noun].value.names) <= QUARKS
        return replace(token, kind="property", value="quark-content") if quarks else token

    return changed(tokens, change)


QUARKS = frozenset(quark + bar for quark in "udscbt" for bar in ("", "bar"))


_FLAVOURS = {
    "up": "u", "down": "d", "strange": "s", "charm": "c", "charmed": "c", "bottom": "b", "beauty": "b", "top": "t", "truth": "t",
}  # fmt: skip


_LINKS = frozenset("and or to the a an , / - vs versus".split())


def flavours(tokens: list[Token]) -> list[Token]:
    """Read 'Charm to strange quark mass ratio', 'the charm and the bottom quark': words of flavour in a row with a quark."""
    if any(t.kind in ("channel", "into") or t.value == "quark-content" for t in tokens):
        return tokens
    found = list(tokens)
    compared = any(is_quark(t) for t in tokens) and any(t.kind in ("compare", "ratio") for t in tokens)
    for i, token in enumerate(tokens if compared else ()):  # 'is the top heavier than the bottom?'
        if i and tokens[i - 1].text.lower() == "the" and token.kind in ("word", "property"):
            found[i] = _quark(token)
    tokens = list(found)
    spoken = any(t.kind == "class" and t.value == "quark" for t in tokens)
    masses = any(t.kind == "property" and t.value == "mass" for t in tokens)
    for row in _rows(tokens):
        of_masses = masses and {tokens[i].text.lower() for i in row}.isdisjoint({"up", "down"})
        if len(row) < 2 or not (spoken or of_masses or any(is_quark(tokens[i]) for i in row)):
            continue
        for i in row:
            found[i] = _quark(tokens[i])
    return found


def _quark(token: Token) -> Token:
    """The quark that a word of flavour names; any other word as it is."""
    name = _FLAVOURS.get(token.text.lower())
    thing = Thing((name or "",), token.text, (token.start, token.end), True)
    return replace(token, kind="thing", value=thing) if name else token


def _rows(tokens: Sequence[Token]) -> Iterator[list[int]]:
    """The places of flavours and quarks with nothing but words that join between them."""
    row: list[int] = []
    for i, token in enumerate(tokens):
        if token.text.lower() in _FLAVOURS or is_quark(token):
            row.append(i)
        elif token.text.lower() not in _LINKS:
            yield row
            row = []
    yield row


def is_quark(token: Token) -> bool:
    """Whether a token names a quark."""
    return (
        token.kind == "thing"
        and bool(token.value.names)
        and {n.removesuffix("bar") for n in token.value.names} <= set("udscbt")
    )


def scales(tokens: list[Token]) -> list[Token]:
    """Read 'Mass of the strange quark at 2 GeV': the scale of a running mass."""
    quark = any(t.kind == "thing" and is_quark(t) for t in tokens)
    if not quark or not any(t.kind == "property" and t.value == "mass" for t in tokens):
        return tokens

    def change(place: int, token: Token) -> Token:
        """The token at `place` as this rule reads it."""
        at = place > 0 and tokens[place - 1].text.lower() in ("at", "at a scale of", "scale of")
        scale = ("condition", f"mu = {token.text}")
        return replace(token, kind="qualifier", value=scale) if token.kind == "amount" and at else token

    return _own_scale([change(i, t) for i, t in enumerate(tokens)])


def _own_scale(tokens: list[Token]) -> list[Token]:
    """Read 'The MS-bar mass of the charm quark at its own scale': at that scale the Review gives it, for charm and heavier quarks."""
    heavy = all(set(t.value.names) <= {"c", "b", "t"} for t in tokens if t.kind == "thing")
    running = any(t.kind == "qualifier" and t.value == ("scheme", "MSbar") for t in tokens)
    if not (heavy and running):
        return tokens
    said = " ".join(t.text.lower() for t in tokens)
    place = next((i for i, t in enumerate(tokens) if t.text.lower() == "at"), len(tokens))
    phrase = " ".join(t.text.lower() for t in tokens[place:])
    own = said.endswith(phrase) and phrase.rstrip(" ?.") in (
        "at its own scale",
        "at its own mass",
        "at the scale of its own mass",
    )
    return [replace(t, kind="aside") if own and i >= place else t for i, t in enumerate(tokens)]


def quarks(tokens: list[Token]) -> list[Token]:
    """Read 'Which quarks make up a neutron?', 'how many quarks does a proton contain?': what it is made of."""
    things = [t for t in tokens if t.kind == "thing"]
    counted = any(t.kind == "count" for t in tokens) and len(things) == 2 and is_quark(things[0])
    of_it = not things and any(t.kind == "pronoun" and t.text.lower() in ("it", "its") for t in tokens)
    if (len(things) != 1 and not counted and not of_it) or any(
        t.kind in ("channel", "compare", "most") or (t.kind == "property" and not of_it) for t in tokens
    ):
        return tokens
    if not counted and not any(t.kind == "class" and t.value == "quark" for t in tokens):
        return tokens
    asks_number = any(t.kind == "count" for t in tokens)
    if not asks_number and not any(word in _CONTAINING for t in tokens for word in t.text.lower().split()):
        return tokens

    def change(_: int, token: Token) -> Token:
        if token.kind == "count" and not counted:  # how many there are is seen from which
            return replace(token, kind="aside")
        if token.text.lower() in ("inside", "within"):
            return replace(token, kind="aside")
        quark = (token.kind == "class" and token.value == "quark") or (counted and token is things[0])
        return replace(token, kind="property", value="quark-content") if quark else token

    return changed(tokens, change)


_CONTAINING = frozenset(
    plain_ascii(
        "contain contains make makes inside in within comprise comprises im dans 里 裡 中 には"
    ).split()
)
